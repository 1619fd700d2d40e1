"""Web applications that say hello, and what serves them: ours, Mangum, apig-wsgi.

Each name of the table is `framework_server`: only what it needs is imported. "app" is the
application alone.
"""

from collections.abc import Callable
from typing import Any

BODY = b'{"hello":"world"}'
HEADERS = [(b"content-type", b"application/json")]


async def raw(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": BODY})


async def raw_stream(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": BODY, "more_body": True})
    await send({"type": "http.response.body", "body": BODY})


async def pieces(event: Any, context: Any) -> Any:
    yield BODY
    yield BODY


def _starlette(streams: bool = False) -> Any:
    from starlette.applications import Starlette
    from starlette.responses import JSONResponse, StreamingResponse
    from starlette.routing import Route

    async def hello(request: Any) -> Any:
        return JSONResponse({"hello": "world"})

    async def stream(request: Any) -> Any:
        return StreamingResponse(pieces(None, None))

    return Starlette(routes=[Route("/hello", stream if streams else hello)])


def _fastapi() -> Any:
    from fastapi import FastAPI

    app = FastAPI()

    @app.get("/hello")
    async def hello() -> dict[str, str]:
        return {"hello": "world"}

    return app


def _flask() -> Any:
    from flask import Flask

    app = Flask(__name__)

    @app.get("/hello")
    def hello() -> dict[str, str]:
        return {"hello": "world"}

    return app


_APPS: dict[str, Callable[[], Any]] = {
    "raw": lambda: raw,
    "starlette": _starlette,
    "fastapi": _fastapi,
    "flask": _flask,
    "rawstream": lambda: raw_stream,
    "starlettestream": lambda: _starlette(streams=True),
}


def __getattr__(name: str) -> Any:
    framework, _, server = name.partition("_")
    if framework not in _APPS:
        raise AttributeError(name)
    app = _APPS[framework]()
    if server == "app":
        return app
    if server == "web":
        # A lifespan would register an extension, which the measuring server does not know.
        from amazon_lambda_runtime.web import Web

        return Web(app, lifespan="off", stream=framework.endswith("stream"))
    if server == "apig":
        from apig_wsgi import make_lambda_handler

        return make_lambda_handler(app)
    from mangum import Mangum

    lifespan: Any = server
    return Mangum(app, lifespan=lifespan)
