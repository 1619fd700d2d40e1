"""An ASGI application behind API Gateway, by way of Mangum."""

import base64
from pathlib import Path

from .support import answers, needs, serve

pytestmark = needs("mangum", "starlette")

SOURCE = """
from contextlib import asynccontextmanager

from mangum import Mangum
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


@asynccontextmanager
async def lifespan(app):
    yield {"ready": True}


async def hello(request):
    return JSONResponse(
        {
            "method": request.method,
            "query": dict(request.query_params),
            "body": (await request.body()).decode(),
            "ready": request.state.ready,
            "id": request.scope["aws.context"].aws_request_id,
        }
    )


async def picture(request):
    return Response(b"\\x89PNG", media_type="image/png", headers={"Set-Cookie": "a=b"})


routes = [Route("/hello", hello, methods=["GET", "POST"]), Route("/picture", picture)]
handler = Mangum(Starlette(routes=routes, lifespan=lifespan))
"""


def request(method: str, path: str, body: str = "", query: str = "") -> dict[str, object]:
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"host": "example.com", "content-type": "text/plain"},
        "requestContext": {
            "http": {"method": method, "path": path, "sourceIp": "192.0.2.1"},
            "stage": "$default",
        },
        "body": body,
        "isBase64Encoded": False,
    }


def test_starlette(tmp_path: Path) -> None:
    """A Starlette application answers, with its lifespan, again and again in one process."""
    coming = [
        request("GET", "/hello", query="a=1&b=%C5%81"),
        request("POST", "/hello", "Łódź"),
        request("GET", "/picture"),
        request("GET", "/nowhere"),
    ]
    done = serve(SOURCE, coming, tmp_path)
    got, posted, picture, nowhere = answers(done)
    assert got["statusCode"] == 200
    assert got["headers"]["content-type"] == "application/json"
    assert '"query":{"a":"1","b":"Ł"}' in got["body"]
    assert '"ready":true' in got["body"]
    assert '"id":"id-0"' in got["body"]
    assert '"body":"Łódź"' in posted["body"]
    assert picture["isBase64Encoded"]
    assert base64.b64decode(picture["body"]) == b"\x89PNG"
    assert picture["cookies"] == ["a=b"]
    assert nowhere["statusCode"] == 404
    assert done.stderr == ""
