"""Streamed responses. Numbers are those of behaviour.md."""

import json
import signal
import socket
import threading
import time
from base64 import b64decode
from pathlib import Path

import pytest

from amazon_lambda_runtime import HttpResponse
from tests.harness import (
    ACCEPTED,
    SERVING,
    HangUp,
    Request,
    Run,
    ScriptedApi,
    Step,
    event,
    ours,
    reply,
    run,
    served,
    started,
    until,
)
from tests.lanes import Rie

HEAD = "from amazon_lambda_runtime import HttpResponse, Runtime\n"
TRAILER = "lambda-runtime-function-error-type, lambda-runtime-function-error-body"


def answers(body: str, directory: Path, *events: bytes, prefix: str = "") -> Run:
    """Serve a plain function with this body."""
    return served(f"{HEAD}{prefix}\n{body}", list(events or (event(),)), directory)


def error_of(done: Run) -> tuple[str, str]:
    """Return errorType and errorMessage of the trailers of the first answer."""
    trailers = done.posts[0].trailers
    document = json.loads(b64decode(trailers["lambda-runtime-function-error-body"]))
    assert trailers["lambda-runtime-function-error-type"].startswith("Function.")
    return document["errorType"], document["errorMessage"]


GENERATOR = "def handler(event, context):\n    yield 'ab'\n    yield b'cd'\n    yield 'Łódź'\n"
ASYNC = GENERATOR.replace("def", "async def")
CALLABLE = """
def handler(event, context):
    def write(stream):
        stream.write("ab")
        stream.write(b"cd")
        stream.write("Łódź")
        stream.close()
    return write
"""
RETURNED = "def handler(event, context):\n    return (p for p in ('ab', b'cd', 'Łódź'))\n"
FILE = "import io\ndef handler(event, context):\n    return io.BytesIO(b'ab\\ncd\\n')\n"
AWAITED = """
async def pieces():
    for piece in ("ab", b"cd", "Łódź"):
        yield piece
async def handler(event, context):
    return pieces()
"""


@pytest.mark.parametrize("source", [GENERATOR, ASYNC, CALLABLE, RETURNED, AWAITED])
def test_pieces(source: str, tmp_path: Path) -> None:
    """48, 79, 85: each piece is a chunk; the headers of a streamed response; the loop goes on."""
    done = answers(source, tmp_path, event(), event())
    assert done.kinds == ["next", "response", "next", "response", "next"]
    for post in done.posts:
        assert post.chunks == [b"ab", b"cd", "Łódź".encode()]
        assert post.trailers == {}
        assert post.headers["lambda-runtime-function-response-mode"] == "streaming"
        assert post.headers["transfer-encoding"] == "chunked"
        assert post.headers["trailer"] == TRAILER
        assert post.headers["content-type"] == "application/octet-stream"
        assert "content-length" not in post.headers
    assert (done.connections, done.status, done.stdout) == (1, SERVING, "")


def test_file(tmp_path: Path) -> None:
    """39: a file is streamed, as its lines, and closed."""
    assert answers(FILE, tmp_path).posts[0].chunks == [b"ab\n", b"cd\n"]


@pytest.mark.parametrize("keyword", ["def", "async def"])
def test_piece_is_sent_before_the_next_is_asked_for(keyword: str, tmp_path: Path) -> None:
    """79: the first piece arrives while the handler is held."""
    source = f"""
import os, time
{keyword} handler(event, context):
    yield "first"
    while not os.path.exists("go"):
        time.sleep(0.005)
    yield "second"
"""
    tmp_path.joinpath("h.py").write_text(source)
    script: list[Step] = [event(), ACCEPTED]
    with ScriptedApi(script) as api, started(ours("h.handler"), api, tmp_path) as (process, _, _):
        until(lambda: b"5\r\nfirst\r\n" in api.incoming, process)
        assert b"second" not in api.incoming
        tmp_path.joinpath("go").touch()
        assert api.finished.wait(10)
    assert api.requests[1].chunks == [b"first", b"second"]


def test_first_piece_travels_with_the_head(tmp_path: Path) -> None:
    """79: a stream of one small piece is not three packets before its first byte is there."""
    done = answers("def handler(event, context):\n    yield 'x' * 100\n", tmp_path)
    assert done.posts[0].chunks == [b"x" * 100]


@pytest.mark.parametrize(
    "body",
    [
        "    return\n    yield\n",
        "    yield ''\n    yield b''\n",
        "    return lambda stream: None\n",
    ],
)
def test_empty_stream(body: str, tmp_path: Path) -> None:
    """83, 84: nothing is a legal stream, and an empty piece does not end one."""
    done = answers(f"def handler(event, context):\n{body}", tmp_path)
    assert (done.posts[0].chunks, done.posts[0].body, done.status) == ([], b"", SERVING)


def test_empty_pieces_are_skipped(tmp_path: Path) -> None:
    """84: they would end the body."""
    done = answers(
        "def handler(event, context):\n    yield from ('', 'a', b'', 'b', '')\n", tmp_path
    )
    assert done.posts[0].chunks == [b"a", b"b"]


def test_pieces_of_bytes(tmp_path: Path) -> None:
    """85: bytes, bytearray and memoryview as they are, and large ones whole."""
    source = """
def handler(event, context):
    yield bytearray(b"a")
    yield memoryview(b"xbx")[1:2]
    yield b"c" * 1_000_000
"""
    done = answers(source, tmp_path)
    assert done.posts[0].chunks == [b"a", b"b", b"c" * 1_000_000]


@pytest.mark.parametrize("keyword", ["def", "async def"])
def test_error_before_the_first_piece(keyword: str, tmp_path: Path) -> None:
    """81: an ordinary error."""
    source = f"{keyword} handler(event, context):\n    yield ''\n    raise ValueError('early')\n"
    done = answers(source, tmp_path)
    assert done.kinds == ["next", "error", "next"]
    document = json.loads(done.posts[0].body)
    assert (document["errorType"], document["errorMessage"]) == ("ValueError", "early")
    assert len(document["stackTrace"]) == 1
    assert document["stackTrace"][0].startswith(f'  File "{tmp_path}/h.py", line ')


@pytest.mark.parametrize("keyword", ["def", "async def"])
def test_error_after_the_first_piece(keyword: str, tmp_path: Path) -> None:
    """82: an error in the trailers, as base64 of the document; and the loop goes on."""
    source = f"{keyword} handler(event, context):\n    yield 'a'\n    raise ValueError('late')\n"
    done = answers(source, tmp_path, event(), event())
    assert done.kinds == ["next", "response", "next", "response", "next"]
    assert done.posts[0].chunks == [b"a"]
    assert error_of(done) == ("ValueError", "late")
    assert done.stdout.count("[ERROR] ValueError: late\r") == 2
    assert (done.connections, done.status) == (1, SERVING)


@pytest.mark.parametrize(("first", "kind"), [("yield 'a'", "response"), ("yield ''", "error")])
def test_piece_of_another_type(first: str, kind: str, tmp_path: Path) -> None:
    """85: neither str nor bytes ends the stream with an error, and closes the generator."""
    source = f"""
def handler(event, context):
    try:
        {first}
        yield 7
    finally:
        print("closed")
"""
    done = answers(source, tmp_path)
    assert done.kinds == ["next", kind, "next"]
    message = "a piece of a streamed response is int, not str or bytes"
    if kind == "response":
        assert error_of(done) == ("TypeError", message)
    else:
        assert json.loads(done.posts[0].body)["errorMessage"] == message
    assert done.stdout.startswith("closed\n[ERROR] TypeError: ")


def test_exit_in_a_stream(tmp_path: Path) -> None:
    """57, 82: SystemExit ends the stream with an error first, and then the process."""
    done = answers(
        "def handler(event, context):\n    yield 'a'\n    raise SystemExit(7)\n", tmp_path
    )
    assert error_of(done) == ("SystemExit", "7")
    assert done.status == 7


@pytest.mark.parametrize("keyword", ["def", "async def"])
def test_api_hangs_up(keyword: str, tmp_path: Path) -> None:
    """86: the generator is closed, one line is logged, and /next is asked on a new connection."""
    source = f"""
{keyword} handler(event, context):
    if event == 2:
        yield "again"
        return
    try:
        while True:
            yield "x" * 100_000
    finally:
        print("closed")
"""
    tmp_path.joinpath("h.py").write_text(source)
    with ScriptedApi([event(b"1"), event(b"2"), ACCEPTED]) as api:
        read_chunks = api._read_chunks

        def hang_up(connection: object, request: object) -> None:
            api._read_chunks = read_chunks  # type: ignore[method-assign]

        api._read_chunks = hang_up  # type: ignore[method-assign]
        with started(ours("h.handler"), api, tmp_path) as (process, out, err):
            assert api.finished.wait(10)
            assert process.poll() is None
            lines = out.read_text().splitlines()
            assert err.read_text() == ""
    assert lines[0] == "closed"
    assert lines[1].startswith("[ERROR] LAMBDA_RUNTIME A response stream was cut off. POST ")
    assert len(lines) == 2
    assert [request.kind for request in api.requests] == ["next", "next", "response", "next"]


@pytest.mark.parametrize(
    ("step", "told"),
    [
        (reply("410 Gone", b"{}"), "HTTP 410: {}"),
        (reply("500 Oops", b"{}"), "answered HTTP 500: {}"),
    ],
)
def test_api_replies_early(step: bytes, told: str, tmp_path: Path) -> None:
    """45, 46, 86: a reply before the end of the stream says why, and is heard."""
    source = """
import os, time
def handler(event, context):
    yield "first"
    while not os.path.exists("go"):
        time.sleep(0.005)
    while True:
        yield "x" * 100_000
"""
    tmp_path.joinpath("h.py").write_text(source)
    with ScriptedApi([event()]) as api:

        def hang_up(connection: socket.socket, request: Request) -> None:
            connection.sendall(step)
            connection.shutdown(socket.SHUT_RDWR)
            tmp_path.joinpath("go").touch()

        api._read_chunks = hang_up  # type: ignore[method-assign]
        with started(ours("h.handler"), api, tmp_path) as (process, out, err):
            if b"500" in step:
                assert process.wait(10) == 1
            else:
                assert api.finished.wait(10)
            assert told in out.read_text()
            assert err.read_text() == ""


def test_stream_on_a_new_connection(tmp_path: Path) -> None:
    """62, 79: a stream opens the connection where the API has closed it."""
    tmp_path.joinpath("h.py").write_text(GENERATOR)
    closing = event().replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    done = run(ours("h.handler"), [[closing, HangUp], ACCEPTED], tmp_path)
    assert done.posts[0].chunks == [b"ab", b"cd", "Łódź".encode()]


def test_interrupted_piece(tmp_path: Path) -> None:
    """72, 86: Ctrl-C in the middle of a piece ends the process; no trailer follows half a chunk."""
    source = "def handler(event, context):\n    while True:\n        yield 'x' * 50_000_000\n"
    tmp_path.joinpath("h.py").write_text(source)
    with ScriptedApi([event()]) as api:
        received: list[bytes] = []
        reading, go_on = threading.Event(), threading.Event()

        def hold(connection: socket.socket, request: Request) -> None:
            reading.set()
            go_on.wait(10)
            while piece := connection.recv(1 << 20):
                received.append(piece[-100:])

        api._read_chunks = hold  # type: ignore[method-assign]
        with started(ours("h.handler"), api, tmp_path) as (process, out, err):
            assert reading.wait(10)
            time.sleep(0.1)  # until the network's buffers are full
            process.send_signal(signal.SIGINT)
            assert process.wait(10) == 130
            go_on.set()
            assert "A response stream was cut off." in out.read_text()
            assert err.read_text() == ""
    assert b"lambda-runtime-function-error-type" not in b"".join(received)


@pytest.mark.parametrize("status", ["413 Payload Too Large", "410 Gone", "403 Forbidden"])
def test_stream_is_refused(status: str, tmp_path: Path) -> None:
    """44, 45, 88: a refusal at the end of a stream is one line, and the loop goes on."""
    tmp_path.joinpath("h.py").write_text(GENERATOR)
    script: list[Step] = [event(), reply(status, b"{}"), event(), ACCEPTED]
    done = run(ours("h.handler"), script, tmp_path)
    assert done.kinds == ["next", "response", "next", "response", "next"]
    assert done.stdout.count("\n") == 1
    assert f"Failed to post to /2018-06-01/runtime/invocation/id-1/response. HTTP {status[:3]}" in (
        done.stdout
    )
    assert done.status == SERVING


@pytest.mark.parametrize("step", [HangUp, b"garbage\r\n\r\n"])
def test_no_reply_to_a_stream(step: Step, tmp_path: Path) -> None:
    """68, 86: a stream whose end is not acknowledged is not sent again."""
    tmp_path.joinpath("h.py").write_text(GENERATOR)
    done = run(ours("h.handler"), [event(), step, event(), ACCEPTED], tmp_path)
    assert done.kinds == ["next", "response", "next", "response", "next"]
    assert done.stdout.count("A response stream was cut off") == 1


def test_500_to_a_stream(tmp_path: Path) -> None:
    """46: there is nothing to go on with."""
    tmp_path.joinpath("h.py").write_text(GENERATOR)
    done = run(ours("h.handler"), [event(), reply("500 Oops", b"{}")], tmp_path)
    assert (done.kinds, done.status) == (["next", "response"], 1)


def test_invocation_id_of_a_stream(tmp_path: Path) -> None:
    """34: the nonce is echoed by a stream too, and the error nonce-free after it."""
    nonce = event(headers="Lambda-Runtime-Invocation-Id: n-1\r\n")
    done = answers(GENERATOR, tmp_path, nonce, event())
    assert [p.headers.get("lambda-runtime-invocation-id") for p in done.posts] == ["n-1", None]


WORK = (
    HEAD
    + """
class H(Runtime):
    def handler(self, event, context):
        yield "a"
        self.send_invocation_response("last")
        print("working")
"""
)


def test_work_after_the_last_piece(tmp_path: Path) -> None:
    """A generator ends its stream by an early answer, and works on."""
    done = served(WORK, [event(), event()], tmp_path, "h.H")
    assert done.kinds == ["next", "response", "next", "response", "next"]
    assert done.posts[0].chunks == [b"a", b"last"]
    assert (done.posts[0].stdout, done.requests[2].stdout) == ("", "working\n")
    bare = served(WORK.replace('"last"', "None"), [event()], tmp_path, "h.H")
    assert bare.posts[0].chunks == [b"a"]


def test_piece_after_the_end(tmp_path: Path) -> None:
    """A piece after the end of its stream is an error in the log, and is not sent."""
    source = WORK.replace('print("working")', 'yield "more"')
    done = served(source, [event(), event()], tmp_path, "h.H")
    assert done.kinds == ["next", "response", "next", "response", "next"]
    assert done.posts[0].chunks == [b"a", b"last"]
    assert (
        done.stdout.count(
            "[ERROR] LambdaError: the response stream is closed: nothing can be written to it\r"
        )
        == 2
    )


@pytest.mark.parametrize("keyword", ["def", "async def"])
def test_stream_after_an_early_answer(keyword: str, tmp_path: Path) -> None:
    """89: pieces that nobody waits for are not asked for, and their generator is closed."""
    source = f"""
{HEAD}
{keyword} pieces():
    print("never")
    yield "x"
class H(Runtime):
    def handler(self, event, context):
        self.send_invocation_response("early")
        return pieces()
"""
    done = served(source, [event(), event()], tmp_path, "h.H")
    assert [post.body for post in done.posts] == [b'"early"'] * 2
    assert (done.stdout, done.stderr, done.status) == ("", "", SERVING)


def test_callable_after_an_early_answer(tmp_path: Path) -> None:
    """89: nor is a callable called."""
    source = f"""{HEAD}
class H(Runtime):
    def handler(self, event, context):
        self.send_invocation_response("early")
        return lambda stream: print("never")
"""
    done = served(source, [event(), event()], tmp_path, "h.H")
    assert [post.body for post in done.posts] == [b'"early"'] * 2
    assert done.stdout == ""


@pytest.mark.parametrize("rest", ["yield 'more'", "return"])
def test_stream_after_an_error(rest: str, tmp_path: Path) -> None:
    """68: a generator that answers with an error first sends no piece and no trailer after it."""
    source = f"""{HEAD}
class H(Runtime):
    def handler(self, event, context):
        self.send_invocation_error("no", "No")
        {rest}
        yield
"""
    done = served(source, [event(), event()], tmp_path, "h.H")
    assert done.kinds == ["next", "error", "next", "error", "next"]
    assert done.connections == 1
    assert done.stdout.count("LambdaError: invocation id-1 has been answered already") == 2


def test_async_iterator(tmp_path: Path) -> None:
    """79: an object with __anext__ streams, whether it can be closed or not."""
    source = """
class Pieces:
    left = ["b", "a"]
    def __aiter__(self): return self
    async def __anext__(self):
        if self.left: return self.left.pop()
        raise StopAsyncIteration
def handler(event, context): return Pieces()
"""
    assert answers(source, tmp_path).posts[0].chunks == [b"a", b"b"]


def test_api_hangs_up_on_the_first_piece(tmp_path: Path) -> None:
    """86: a first piece that does not get through is as any other."""
    source = "def handler(event, context):\n    yield 'x' * 50_000_000\n"
    tmp_path.joinpath("h.py").write_text(source)
    with ScriptedApi([event()]) as api:
        api._read_chunks = lambda connection, request: None  # type: ignore[method-assign]
        with started(ours("h.handler"), api, tmp_path) as (process, out, _):
            assert api.finished.wait(10)
            assert process.poll() is None
            assert out.read_text().count("A response stream was cut off.") == 1


def http(expression: str, directory: Path, prefix: str = "") -> Run:
    return answers(
        f"def handler(event, context):\n    return {expression}\n", directory, prefix=prefix
    )


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("", (200, {}, [], "", False)),
        ("404, body='no'", (404, {}, [], "no", False)),
        (
            "headers={'X': 'y'}, cookies=['a=b; Secure']",
            (200, {"X": "y"}, ["a=b; Secure"], "", False),
        ),
        ("body=b'\\xff'", (200, {}, [], "/w==", True)),
        ("body=memoryview(b'ab')", (200, {}, [], "YWI=", True)),
        ("body=None", (200, {}, [], "", False)),
    ],
)
def test_http_response(arguments: str, expected: tuple[object, ...], tmp_path: Path) -> None:
    """A whole body is the JSON object that Function URLs and API Gateway know."""
    post = http(f"HttpResponse({arguments})", tmp_path).posts[0]
    document = json.loads(post.body)
    keys = ["statusCode", "headers", "cookies", "body", "isBase64Encoded"]
    assert list(document) == keys
    assert tuple(document.values()) == expected
    assert post.headers["content-type"] == "application/json"


STREAMED = {
    "iterator": "iter(['a', b'b'])",
    "generator": "(p for p in ['a', b'b'])",
    "callable": "write",
    "async": "pieces()",
}
SOURCES = """
def write(stream):
    stream.write("a")
    stream.write(b"b")
async def pieces():
    yield "a"
    yield b"b"
"""


@pytest.mark.parametrize("kind", STREAMED)
def test_streamed_http_response(kind: str, tmp_path: Path) -> None:
    """80: the head, eight NUL bytes, once, and then the pieces."""
    expression = f"HttpResponse(201, {{'X': 'y'}}, ['a=b'], {STREAMED[kind]})"
    post = http(expression, tmp_path, SOURCES).posts[0]
    assert post.headers["content-type"] == "application/vnd.awslambda.http-integration-response"
    assert post.headers["lambda-runtime-function-response-mode"] == "streaming"
    head, nul, body = post.body.partition(b"\0" * 8)
    assert json.loads(head) == {"statusCode": 201, "headers": {"X": "y"}, "cookies": ["a=b"]}
    assert (nul, body) == (b"\0" * 8, b"ab")
    assert b"\0" not in head
    assert post.chunks[1:] == [b"b"]


def test_streamed_http_response_without_a_body(tmp_path: Path) -> None:
    """80, 83: the head is sent although nothing follows."""
    post = http("HttpResponse(204, body=iter(()))", tmp_path).posts[0]
    assert json.loads(post.body.removesuffix(b"\0" * 8))["statusCode"] == 204


def test_error_before_the_head(tmp_path: Path) -> None:
    """81: what fails before the first piece is an ordinary error, and no status was sent."""
    done = http("HttpResponse(body=(1 / 0 for _ in 'x'))", tmp_path)
    assert done.kinds == ["next", "error", "next"]


@pytest.mark.parametrize("status", [0, 99, 600, -1])
def test_odd_status(status: int) -> None:
    """A status that is none is found where it is written."""
    with pytest.raises(ValueError, match=f"HTTP status {status}: expected 100 to 599"):
        HttpResponse(status)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"body": {"a": 1}}, "body is dict: expected str, bytes, an iterator or a callable"),
        ({"body": ["a"]}, "body is list: expected str, bytes, an iterator or a callable"),
        ({"body": str}, "body is type: expected str, bytes, an iterator or a callable"),
        ({"body": 5}, "body is int: expected str, bytes, an iterator or a callable"),
        ({"cookies": "a=b"}, "cookies is a str: expected a list of them"),
        ({"cookies": {"a": "b"}}, "cookies is dict: expected a list of str"),
        ({"cookies": None}, "cookies is NoneType: expected a list of str"),
        ({"cookies": [b"a=b"]}, "a cookie is bytes: expected str"),
        ({"status": "text"}, r"status is str: expected a number; a body alone is HttpResponse\("),
        ({"status": None}, "status is NoneType: expected a number$"),
        ({"status": 200.0}, "status is float: expected a number$"),
        ({"headers": "a: b"}, "headers is str: expected a dict"),
        ({"headers": [("a", "b")]}, "headers is list: expected a dict"),
        ({"headers": {"A": ["b"]}}, "the header 'A' is list: expected str for both"),
        ({"headers": {"A": None}}, "the header 'A' is NoneType: expected str for both"),
        ({"headers": {b"A": "b"}}, "the header b'A' is str: expected str for both"),
    ],
)
def test_odd_options(options: dict[str, object], message: str) -> None:
    """So is a body or a cookie of another type."""
    with pytest.raises(TypeError, match=message):
        HttpResponse(**options)  # type: ignore[arg-type]


def test_back_pressure(tmp_path: Path) -> None:
    """87: 200 MB through a slow reader take less than 5 MB over the resting size."""
    source = """
import re
def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
resting = 0
def handler(event, context):
    global resting
    if event == 1:
        piece = b"x" * 100_000
        resting = peak()
        for _ in range(2000):
            yield piece
    else:
        yield str(peak() - resting)
"""
    tmp_path.joinpath("h.py").write_text(source)
    script: list[Step] = [event(b"0"), ACCEPTED, event(b"1"), ACCEPTED, event(b"2"), ACCEPTED]
    with ScriptedApi(script) as api:
        api.forgetful = True
        with started(ours("h.handler"), api, tmp_path):
            assert api.finished.wait(30)
    assert len(api.requests[3].chunks) == 2000
    assert int(api.requests[5].body) < 5_000


def test_stream_in_rie(tmp_path: Path) -> None:
    """79: AWS's own emulator takes the stream, and hands its caller the whole."""
    tmp_path.joinpath("h.py").write_text(GENERATOR)
    with Rie(ours("h.handler"), tmp_path) as rie:
        for _ in range(2):
            assert rie.invoke(b"{}") == "abcdŁódź".encode()
