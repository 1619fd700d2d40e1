from flask import Flask, request

app = Flask(__name__)


@app.get("/")
def hello() -> dict[str, str]:
    return {"message": f"Hello {request.args.get('name', 'World')}!"}
