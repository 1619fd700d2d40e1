"""Frameworks, and the examples that use them, in the real process: docs/guides/web.md."""

import json
from pathlib import Path
from typing import Any

import pytest

from amazon_lambda_runtime import samples
from tests.harness import ACCEPTED, SOURCE, Run, Step, event, ours, reply, run

from .doors import Request, Response, event_of, response_of

EXAMPLES = Path(__file__).parents[2] / "examples"
NO_EXTENSIONS = reply("404 Not Found")


def asked(handler: str, folder: Path, *requests: Request, door: str = "url", **env: str) -> Run:
    """Have the process serve these requests; an ASGI application asks for its end first."""
    bodies = [json.dumps(event_of(door, each)).encode() for each in requests]
    return served(handler, folder, *bodies, wsgi=False, **env)


def served(handler: str, folder: Path, *bodies: bytes, wsgi: bool = False, **env: str) -> Run:
    steps: list[Step] = [] if wsgi else [NO_EXTENSIONS]
    for body in bodies:
        steps += [event(body, seconds=20), ACCEPTED]
    return run(ours(handler), steps, folder, {"PYTHONPATH": str(SOURCE), **env})


def answers(done: Run, door: str = "url") -> list[Response]:
    posts = [post for post in done.posts if post.kind != "register"]
    assert {post.kind for post in posts} == {"response"}, [post.body for post in posts]
    assert done.stderr == ""
    return [response_of(door, read(post.body)) for post in posts]


def read(body: bytes) -> Any:
    """Return the document of an answer, which is a prelude and pieces if it was streamed."""
    head, nul, rest = body.partition(b"\0" * 8)
    return {**json.loads(head), "body": rest} if nul else json.loads(body)


# The examples


def test_fastapi() -> None:
    """State of the lifespan, background tasks, links, streaming."""
    pytest.importorskip("fastapi")
    folder = EXAMPLES / "fastapi_app"
    done = asked("main.app", folder, Request("/items/1?q=a%20b"), Request("/items/2"))
    first, second = (json.loads(answer.body) for answer in answers(done))
    assert first == {"number": 1, "seen": [], "url": "https://web.example/items/1?q=a%20b"}
    assert second["seen"] == ["1"]
    env = {"LAMBDA_RUNTIME_WEB_STREAM": "url"}
    done = asked("main.app", folder, Request("/events"), **env)
    (found,) = answers(done)
    assert found.all("content-type") == ["text/event-stream; charset=utf-8"]
    assert found.body == b"data: 0\n\ndata: 1\n\ndata: 2\n\n"
    assert len(done.posts[-1].chunks) >= 3


@pytest.mark.parametrize("door", ["url", "http", "http-1", "rest", "alb", "lattice"])
def test_fastapi_behind_each_door(door: str) -> None:
    """Its links have scheme, host and stage; what it can't read is its own 422."""
    pytest.importorskip("fastapi")
    stage = "prod" if door in ("http", "http-1", "rest") else ""
    requests = [
        Request("/openapi.json", stage=stage),
        Request("/docs", stage=stage),
        Request("/items/x", stage=stage),
        Request("/items/1", stage=stage),
    ]
    done = asked("main.app", EXAMPLES / "fastapi_app", *requests, door=door)
    schema, docs, wrong, item = answers(done, door)
    prefix = f"/{stage}" if stage else ""
    assert [each["url"] for each in json.loads(schema.body).get("servers", [])] == (
        [prefix] if prefix else []
    )
    assert f"url: '{prefix}/openapi.json'".encode() in docs.body
    assert wrong.status == 422
    assert json.loads(item.body)["url"] == f"https://web.example{prefix}/items/1"


def test_flask() -> None:
    pytest.importorskip("flask")
    request = Request("/items/7", stage="prod")
    bodies = json.dumps(event_of("rest", request)).encode()
    done = served("shop.create_app()", EXAMPLES / "flask_app", bodies, wsgi=True)
    (found,) = answers(done, "rest")
    assert json.loads(found.body) == {
        "number": 7,
        "client": "203.0.113.7",
        "link": "https://web.example/prod/items/7",
    }


def test_site() -> None:
    """Requests and messages of a queue, in one function."""
    pytest.importorskip("starlette")
    message = samples.load("sqs", body={"number": 7})
    bodies = [
        json.dumps(event_of("url", Request("/api/orders"))).encode(),
        json.dumps(message).encode(),
        json.dumps(event_of("alb", Request("/orders"))).encode(),
    ]
    done = served("main.handler", EXAMPLES / "web_and_queue", *bodies)
    posts = [json.loads(post.body.partition(b"\0")[0] or b"null") for post in done.posts[1:]]
    assert done.posts[1].body.endswith(b"\0orders of 203.0.113.7")
    assert posts[1] == {"batchItemFailures": []}
    assert posts[2]["body"] == "orders of 203.0.113.7"
    assert done.stdout == "order 7\n"


def test_mcp_server() -> None:
    """Each request is answered, the second as well as the first: there is one lifespan."""
    pytest.importorskip("mcp.server.mcpserver")
    headers = [
        ("content-type", "application/json"),
        ("accept", "application/json, text/event-stream"),
        ("host", "abc123.lambda-url.us-east-1.on.aws"),
    ]
    first = {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    }
    calls = [
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": first},
        {
            "jsonrpc": "2.0",
            "id": 2,
            "method": "tools/call",
            "params": {"name": "price", "arguments": {"item": "tea"}},
        },
    ]
    requests = [Request("/mcp", "POST", headers, json.dumps(call).encode()) for call in calls]
    for env in ({}, {"LAMBDA_RUNTIME_WEB_STREAM": "url"}):
        done = asked("tools.app", EXAMPLES / "mcp_server", *requests, **env)
        posts = [post for post in done.posts if post.kind == "response"]
        found = [response_of("url", read(post.body)) for post in posts]
        assert [each.status for each in found] == [200, 200], found
        data = [line for line in found[1].body.decode().splitlines() if line.startswith("data: ")]
        result = json.loads(data[-1].removeprefix("data: "))["result"]
        assert result["content"][0]["text"] == "tea: 5.70"


# Frameworks without an example

STARLETTE = """
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import PlainTextResponse, FileResponse
from starlette.routing import Route
async def hello(request):
    body = await request.body()
    assert not await request.is_disconnected()
    return PlainTextResponse(f"{request.method} {request.url.path} {len(body)}")
async def broken(request): raise KeyError("odd")
async def file(request): return FileResponse(__file__)
app = Starlette(
    routes=[
        Route("/hello", hello, methods=["POST"]), Route("/broken", broken), Route("/file", file)
    ],
    middleware=[Middleware(GZipMiddleware, minimum_size=10_000)],
)
"""
LITESTAR = """
from litestar import Litestar, get
@get("/hello/{name:str}")
async def hello(name: str) -> dict[str, str]:
    return {"hello": name}
app = Litestar([hello])
"""
FALCON = """
import falcon, falcon.asgi
class Hello:
    async def on_get(self, req, resp, name):
        resp.media = {"hello": name}
app = falcon.asgi.App()
app.add_route("/hello/{name}", Hello())
"""
FALCON_WSGI = """
import falcon
class Hello:
    def on_get(self, req, resp, name):
        resp.media = {"hello": name}
app = falcon.App()
app.add_route("/hello/{name}", Hello())
"""
DJANGO = """
from django.conf import settings
settings.configure(ALLOWED_HOSTS=["web.example"], ROOT_URLCONF=__name__, SECRET_KEY="x")
from django.http import JsonResponse
from django.urls import path
def hello(request, name):
    return JsonResponse({"hello": name, "secure": request.is_secure()})
urlpatterns = [path("hello/<name>", hello)]
from django.core.KIND import get_KIND_application
app = get_KIND_application()
"""


def test_starlette(tmp_path: Path) -> None:
    """Its own 500 stands, and what it raises after that is told once."""
    pytest.importorskip("starlette")
    tmp_path.joinpath("h.py").write_text(STARLETTE)
    requests = [Request("/hello", "POST", body=b"x" * 9), Request("/broken"), Request("/file")]
    done = asked("h.app", tmp_path, *requests)
    hello, broken, file = answers(done)
    assert hello.body == b"POST /hello 9"
    assert (broken.status, broken.body) == (500, b"Internal Server Error")
    assert done.stdout.count("[ERROR] KeyError: 'odd'") == 1
    assert file.body.decode() == STARLETTE


@pytest.mark.parametrize(
    ("package", "source", "wsgi"),
    [
        ("litestar", LITESTAR, False),
        ("falcon", FALCON, False),
        ("falcon", FALCON_WSGI, True),
        ("django", DJANGO.replace("KIND", "asgi"), False),
        ("django", DJANGO.replace("KIND", "wsgi"), True),
    ],
    ids=["litestar", "falcon", "falcon-wsgi", "django", "django-wsgi"],
)
def test_hello(package: str, source: str, wsgi: bool, tmp_path: Path) -> None:
    pytest.importorskip(package)
    tmp_path.joinpath("h.py").write_text(source)
    bodies = [json.dumps(event_of("url", Request(f"/hello/{n}"))).encode() for n in ("a", "b%20c")]
    first, second = answers(served("h.app", tmp_path, *bodies, wsgi=wsgi))
    assert json.loads(first.body)["hello"] == "a"
    assert json.loads(second.body)["hello"] == "b c"
    if package == "django":
        assert json.loads(first.body)["secure"] is True


def test_mangum_stays_a_handler(tmp_path: Path) -> None:
    """Who has it may keep it while moving."""
    pytest.importorskip("mangum")
    pytest.importorskip("starlette")
    tmp_path.joinpath("h.py").write_text(
        "from mangum import Mangum\nfrom starlette.applications import Starlette\n"
        "handler = Mangum(Starlette(), lifespan='off')\n"
    )
    bodies = json.dumps(event_of("http", Request("/x"))).encode()
    (found,) = answers(served("h.handler", tmp_path, bodies, wsgi=True), "http")
    assert found.status == 404
