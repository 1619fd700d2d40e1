"""The same application behind a server and behind the local function URL: the answers are equal.

The servers are uvicorn and gunicorn. Header fields of the connection are each server's own.
"""

import http.client
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.harness import environment, free_port, passed

OWN = {
    "connection", "content-length", "date", "keep-alive", "server", "transfer-encoding",
    "x-amzn-requestid", "x-amzn-trace-id",
}  # fmt: skip

ASGI = """
import json
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import *
from starlette.routing import Mount, Route
async def echo(request):
    shown = ("content-type", "cookie", "x-one", "accept", "content-length")
    return JSONResponse({
        "method": request.method, "path": request.url.path,
        "raw": request.scope["raw_path"].decode(), "root": request.scope["root_path"],
        "query": request.scope["query_string"].decode("latin-1"),
        "headers": [(n, request.headers[n]) for n in shown if n in request.headers],
        "body": (await request.body()).decode("latin-1"),
    })
async def status(request):
    return Response(b"", int(request.path_params["code"]), {"x-status": "told"})
async def cookies(request):
    response = PlainTextResponse("two")
    response.set_cookie("a", "1"); response.set_cookie("b", "2", httponly=True)
    return response
async def binary(request): return Response(bytes(range(256)), media_type="image/png")
async def stream(request):
    async def pieces():
        for number in range(5): yield f"data: {number}\\n\\n"
    return StreamingResponse(pieces(), media_type="text/event-stream")
async def big(request): return PlainTextResponse("x" * 200_000)
async def latin(request): return Response(b"x", headers={"x-latin": "caf\\xe9"})
async def fails(request): raise KeyError("odd")
async def redirect(request): return RedirectResponse("/echo?to=1")
app = Starlette(routes=[
    Route("/echo{rest:path}", echo, methods=["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD"]),
    Route("/status/{code:int}", status), Route("/cookies", cookies), Route("/binary", binary),
    Route("/stream", stream), Route("/big", big), Route("/latin", latin), Route("/fails", fails),
    Route("/redirect", redirect), Mount("/mount", routes=[Route("/echo", echo)]),
], middleware=[Middleware(GZipMiddleware, minimum_size=1000)])
"""
WSGI = """
from flask import Flask, Response, jsonify, redirect, request
app = Flask(__name__)
@app.route("/echo", methods=["GET", "POST", "PUT", "DELETE", "PATCH"])
@app.route("/echo<path:rest>", methods=["GET", "POST", "PUT", "DELETE", "PATCH"])
@app.route("/mount/echo")
def echo(rest=""):
    shown = ("content-type", "cookie", "x-one", "accept")
    return jsonify(method=request.method, path=request.path, script=request.script_root,
        query=request.query_string.decode("latin-1"), form=request.form.to_dict(),
        headers=[(n, request.headers[n]) for n in shown if n in request.headers],
        body=request.get_data(as_text=True), length=request.content_length)
@app.get("/status/<int:code>")
def status(code): return Response(b"", code, {"x-status": "told"})
@app.get("/cookies")
def cookies():
    response = Response("two"); response.set_cookie("a", "1"); response.set_cookie("b", "2")
    return response
@app.get("/binary")
def binary(): return Response(bytes(range(256)), mimetype="image/png")
@app.get("/stream")
def stream(): return Response((f"data: {n}\\n\\n" for n in range(5)), mimetype="text/event-stream")
@app.get("/big")
def big(): return "x" * 200_000
@app.get("/latin")
def latin(): return Response(b"x", headers={"x-latin": "caf\\xe9"})
@app.get("/fails")
def fails(): raise KeyError("odd")
@app.get("/redirect")
def to(): return redirect("/echo?to=1")
"""
FORM = {"content-type": "application/x-www-form-urlencoded"}
REQUESTS: list[tuple[str, str, dict[str, str], bytes]] = [
    ("GET", "/echo", {}, b""),
    ("HEAD", "/echo", {}, b""),
    ("GET", "/echo/a%20b/caf%C3%A9", {}, b""),
    ("GET", "/echo/100%2525", {}, b""),
    ("GET", "/echo/a+b;c=d,e", {}, b""),
    ("GET", "/echo?a=1&a=2&b=%20+%26", {}, b""),
    ("GET", "/echo?", {}, b""),
    ("GET", "/echo", {"cookie": "a=1; b=2", "x-one": "1", "accept": "text/html"}, b""),
    ("POST", "/echo", FORM, b"a=1&b=%C3%A9"),
    ("POST", "/echo", {"content-type": "application/json"}, '{"é": 1}'.encode()),
    ("PUT", "/echo", {"content-type": "text/plain"}, b"x" * 50_000),
    ("PATCH", "/echo", {}, b""),
    ("DELETE", "/echo", {}, b""),
    *(("GET", f"/status/{code}", {}, b"") for code in (200, 201, 204, 304, 400, 404, 418, 503)),
    ("GET", "/cookies", {}, b""),
    ("GET", "/binary", {}, b""),
    ("HEAD", "/binary", {}, b""),
    ("GET", "/stream", {}, b""),
    ("GET", "/big", {}, b""),
    ("GET", "/big", {"accept-encoding": "gzip"}, b""),
    ("GET", "/latin", {}, b""),
    ("GET", "/fails", {}, b""),
    ("GET", "/redirect", {}, b""),
    ("GET", "/mount/echo", {}, b""),
    ("GET", "/nowhere", {}, b""),
    ("POST", "/stream", {}, b"not allowed"),
]


@contextmanager
def process(command: list[str], folder: Path, port: int) -> Iterator[None]:
    """Run a server until its port answers."""
    with (folder / "log").open("wb") as log:
        running = subprocess.Popen(command, cwd=folder, env=environment(), stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                asked(port, *REQUESTS[0])
                break
            except OSError:
                assert time.monotonic() < deadline, (folder / "log").read_text()
                time.sleep(0.05)
        yield
    finally:
        running.terminate()
        running.wait(20)


def asked(port: int, method: str, target: str, headers: dict[str, str], body: bytes) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(method, target, body or None, headers)
        with connection.getresponse() as response:
            pairs = sorted(
                # The methods of Allow are in the order of a set.
                (name.lower(), "".join(sorted(value)) if name.lower() == "allow" else value)
                for name, value in response.getheaders()
                if name.lower() not in OWN
            )
            return response.status, pairs, response.read()
    finally:
        connection.close()


@pytest.mark.slow
@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("kind", ["asgi", "wsgi"])
def test_same_as_behind_a_server(kind: str, stream: bool, tmp_path: Path) -> None:
    pytest.importorskip("starlette" if kind == "asgi" else "flask")
    pytest.importorskip("uvicorn" if kind == "asgi" else "gunicorn")
    (tmp_path / "main.py").write_text(ASGI if kind == "asgi" else WSGI)
    there, here, api = free_port(), free_port(), free_port()
    servers = {
        "asgi": ["uvicorn", "main:app", "--port", str(there), "--no-server-header"],
        "wsgi": ["gunicorn", "main:app", "--bind", f"127.0.0.1:{there}"],
    }
    ours = ["amazon_lambda_runtime.cli", "local", "main.app", "--port", str(api), *passed()]
    ours += ["--url-port", str(here), "--no-reload", *(["--stream"] if stream else [])]
    run = [sys.executable, "-m"]
    with process([*run, *servers[kind]], tmp_path, there), process([*run, *ours], tmp_path, here):
        different = {}
        for request in REQUESTS:
            expected, found = asked(there, *request), asked(here, *request)
            if found != expected:
                different[request[1]] = (expected, found)
    # A door is given text, and not bytes: how it writes a character beyond ASCII is its own.
    assert different.pop("/latin")[1][1][-1] == ("x-latin", "caf\u00c3\u00a9")
    # A buffered URL calls JSON what has no type.
    for (status, pairs, body), found in [*different.values()] if not stream else []:
        assert "content-type" not in dict(pairs)
        named = sorted([*pairs, ("content-type", "application/json")])
        assert found == (status, named, body)
    assert not (different and stream)
