from flask import Flask, request, url_for


def create_app() -> Flask:
    app = Flask(__name__)

    @app.get("/items/<int:number>")
    def item(number: int) -> dict[str, object]:
        return {
            "number": number,
            "client": request.remote_addr,
            "link": url_for("item", number=number, _external=True),
        }

    return app
