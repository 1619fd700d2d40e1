"""WSGI applications in an invocation (PEP 3333): the environ, and what becomes of what they do."""

import io
import sys
from collections.abc import Callable, Iterator
from typing import Any
from wsgiref.validate import validator

import pytest

from amazon_lambda_runtime.testing import FunctionError, invoke, make_context
from amazon_lambda_runtime.web import Web

from .doors import Request, event_of

PLAIN = [("Content-Type", "text/plain")]
POST = Request("/shop/a%20b/caf%C3%A9?q=1", "POST", [("x-one", "1"), ("x-one", "2")], b"body")

App = Callable[..., Any]


def answer(app: App, request: Request = POST, door: str = "url", **options: Any) -> Any:
    found = invoke(Web(app, **options), event_of(door, request), make_context())
    if isinstance(found["body"], bytes):  # it was streamed
        found["body"] = found["body"].decode()
    return found


def failed(found: dict[str, Any]) -> bool:
    return (found["statusCode"], found["body"]) == (500, "Internal Server Error")


def environ_of(request: Request = POST, door: str = "alb-multi", **options: Any) -> dict[str, Any]:
    seen: list[dict[str, Any]] = []

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.append(environ)
        start_response("200 OK", PLAIN)
        return [b""]

    answer(app, request, door, **options)
    return seen[0]


each_way = pytest.mark.parametrize("stream", [False, True])


def test_environ() -> None:
    found = environ_of()
    assert found["wsgi.input"].read() == b"body"
    assert found["wsgi.errors"] is sys.stderr
    assert {name: value for name, value in found.items() if not name.startswith("aws.")} == {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/shop/a b/caf\xc3\xa9",
        "QUERY_STRING": "q=1",
        "RAW_URI": "/shop/a%20b/caf%C3%A9?q=1",
        "REQUEST_URI": "/shop/a%20b/caf%C3%A9?q=1",
        "CONTENT_LENGTH": "4",
        "SERVER_NAME": "web.example",
        "SERVER_PORT": "443",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "203.0.113.7",
        "HTTP_HOST": "web.example",
        "HTTP_X_ONE": "1,2",
        "HTTP_X_FORWARDED_FOR": "203.0.113.7",
        "HTTP_X_FORWARDED_PROTO": "https",
        "HTTP_X_FORWARDED_PORT": "443",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "https",
        "wsgi.input": found["wsgi.input"],
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.file_wrapper": found["wsgi.file_wrapper"],
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    assert found["aws.event"]["httpMethod"] == "POST"
    assert found["aws.context"].aws_request_id


def test_root_path() -> None:
    """The two parts make the path that the client sees."""
    found = environ_of(Request("/a%20p/i%2Ftems"), root_path="/a p")
    assert (found["SCRIPT_NAME"], found["PATH_INFO"]) == ("/a p", "/i/tems")
    found = environ_of(Request("/items", stage="prod"), "rest")
    assert (found["SCRIPT_NAME"], found["PATH_INFO"]) == ("/prod", "/items")
    assert found["REQUEST_URI"] == "/prod/items"


def test_names_that_a_client_could_forge() -> None:
    """`x_user` would be taken for `x-user`, which a proxy may set."""
    found = environ_of(Request(headers=[("x_user", "root"), ("x-user", "ada")]))
    assert found["HTTP_X_USER"] == "ada"
    assert "HTTP_X_USER" not in environ_of(Request(headers=[("x_user", "root")]))


def test_environ_without_a_body() -> None:
    found = environ_of(Request(headers=[("content-type", "a/b"), ("cookie", "a=1; b=2")]))
    assert found["CONTENT_TYPE"] == "a/b"
    assert "CONTENT_LENGTH" not in found
    assert found["HTTP_COOKIE"] == "a=1; b=2"
    assert "HTTP_CONTENT_TYPE" not in found


def test_health_check() -> None:
    """There is neither a host nor a client, but a port there has to be."""
    event = event_of("alb", Request())
    event["headers"] = {}
    seen: list[dict[str, Any]] = []

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.append(environ)
        start_response("200 OK", [])
        return []

    invoke(Web(app), event)
    found = seen[0]
    assert (found["SERVER_NAME"], found["SERVER_PORT"]) == ("localhost", "443")
    assert found["REMOTE_ADDR"] == ""
    assert "HTTP_HOST" not in found


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
@each_way
def test_what_the_validator_says(method: str, stream: bool) -> None:
    """wsgiref's validator stands on both sides of the application, and finds no fault."""

    @validator
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH", 0)))
        start_response("200 OK", PLAIN)
        return [b"got ", body] if method != "HEAD" else []

    def named(environ: dict[str, Any], start_response: Any) -> Any:
        return app(environ, start_response)

    body = b"sent" if method == "POST" else b""
    found = answer(named, Request("/", method, body=body), stream=stream)
    assert found["statusCode"] == 200
    assert found["body"] == {"GET": "got ", "POST": "got sent", "HEAD": ""}[method]


# What is sent


class Pieces:
    """An iterable that says what has been done with it."""

    def __init__(self, *pieces: Any, done: list[str] | None = None) -> None:
        self._pieces = pieces
        self.done = [] if done is None else done

    def __iter__(self) -> Iterator[Any]:
        for piece in self._pieces:
            if isinstance(piece, BaseException):
                raise piece
            yield piece

    def close(self) -> None:
        self.done.append("closed")


def app_of(pieces: Any, status: str = "200 OK", headers: Any = PLAIN) -> App:
    def app(environ: dict[str, Any], start_response: Any) -> Any:
        start_response(status, headers)
        return pieces

    return app


@each_way
def test_written_before_what_is_returned(stream: bool) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        write = start_response("200 OK", PLAIN)
        write(b"written ")
        return [b"returned"]

    assert answer(app, stream=stream)["body"] == "written returned"


@each_way
def test_close(stream: bool) -> None:
    """It is called when the response is complete, and whatever has happened."""
    pieces = Pieces(b"a", b"b")
    assert answer(app_of(pieces), stream=stream)["body"] == "ab"
    assert pieces.done == ["closed"]
    pieces = Pieces(KeyError("odd"))
    assert failed(answer(app_of(pieces), stream=stream))
    assert pieces.done == ["closed"]


@each_way
def test_close_that_fails(stream: bool, capsys: Any) -> None:
    """The response stands; the log says that work after it has failed."""

    class Failing(Pieces):
        def close(self) -> None:
            raise KeyError("in close")

    assert answer(app_of(Failing(b"a")), stream=stream)["body"] == "a"
    out = capsys.readouterr().out
    assert out.count("[ERROR] KeyError: 'in close'") == 1
    assert "After the response" in out


@each_way
def test_file(stream: bool) -> None:
    """`wsgi.file_wrapper` reads in blocks, and closes the file."""
    file = io.BytesIO(b"x" * 200_000)

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", PLAIN)
        return environ["wsgi.file_wrapper"](file, 8192)

    assert answer(app, stream=stream)["body"] == "x" * 200_000
    assert file.closed


def test_file_that_cannot_be_closed() -> None:
    class Source:
        blocks = [b"b", b"a"]

        def read(self, size: int) -> bytes:
            assert size >= 8192
            return self.blocks.pop() if self.blocks else b""

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", PLAIN)
        return environ["wsgi.file_wrapper"](Source())

    assert answer(app)["body"] == "ab"


@each_way
def test_generator_that_starts_late(stream: bool) -> None:
    """An application may call start_response with its first piece."""

    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("201 Created", PLAIN)
        yield b"late"

    found = answer(app, stream=stream)
    assert (found["statusCode"], found["body"]) == (201, "late")


def test_bodies_of_other_types() -> None:
    """PEP 3333 knows bytes alone, but Werkzeug hands on what it is given."""
    assert answer(app_of([bytearray(b"a"), memoryview(b"b")]))["body"] == "ab"
    assert answer(app_of([bytearray(b"a")]), stream=True)["body"] == "a"


# start_response


@each_way
def test_start_again(stream: bool) -> None:
    """With exc_info it replaces what has not been sent; after the first piece it raises that."""

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", PLAIN)
        try:
            raise KeyError("odd")
        except KeyError:
            start_response("503 Not Now", PLAIN, sys.exc_info())
        return [b"sorry"]

    found = answer(app, stream=stream)
    assert (found["statusCode"], found["body"]) == (503, "sorry")


def test_start_again_after_the_first_piece() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", PLAIN)
        yield b"first"
        try:
            raise KeyError("odd")
        except KeyError:
            start_response("503 Not Now", PLAIN, sys.exc_info())

    with pytest.raises(FunctionError, match="KeyError: 'odd'"):
        answer(app, stream=True)


WRONG: dict[str, Any] = {
    "twice": (["200 OK", "200 OK"], PLAIN, b"", "start_response was called twice, without exc_inf"),
    "no status": (["OK"], PLAIN, b"", "the response has the status 'OK': expected '200 OK'"),
    "a long one": (["2000 OK"], PLAIN, b"", "the response has the status '2000 OK': expected"),
    "a number": ([200], PLAIN, b"", "the response has the status 200: expected '200 OK'"),
    "bytes": ([b"200 OK"], PLAIN, b"", "the response has the status b'200 OK': expected '200 OK'"),
    "name of bytes": (["200 OK"], [(b"a", "b")], b"", "has b'a': expected a str"),
    "number in a field": (["200 OK"], [("Age", 1)], b"", "has 1: expected a str"),
    "text": (["200 OK"], PLAIN, "text", "the body of a response is str, not bytes"),
    "never": ([], PLAIN, b"x", "the application has sent its body before start_response()"),
    "other characters": (
        ["200 OK"],
        [("x", "\N{EURO SIGN}")],
        b"",
        "field x has '€': expected latin-1",
    ),
}


@pytest.mark.parametrize("name", WRONG)
@each_way
def test_what_no_application_may_do(name: str, stream: bool, capsys: Any) -> None:
    statuses, headers, piece, told = WRONG[name]

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        for status in statuses:
            start_response(status, headers)
        return [piece]

    assert failed(answer(app, stream=stream))
    out = capsys.readouterr().out
    assert told in out
    assert out.count("[ERROR]") == 1


# What the application raises


@each_way
def test_exception(stream: bool, capsys: Any) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Any:
        raise KeyError("odd")

    assert failed(answer(app, stream=stream))
    assert capsys.readouterr().out.count("[ERROR] KeyError: 'odd'") == 1
    with pytest.raises(FunctionError, match="KeyError: 'odd'"):
        answer(app, stream=stream, errors="raise")


def test_exception_in_the_middle(capsys: Any) -> None:
    """Whole, the 500 takes its place; streamed, the client has the beginning, and it fails."""
    assert failed(answer(app_of(Pieces(b"a", KeyError("odd")))))
    pieces = Pieces(b"a", KeyError("odd"))
    with pytest.raises(FunctionError, match="KeyError: 'odd'"):
        answer(app_of(pieces), stream=True)
    assert pieces.done == ["closed"]


@each_way
def test_exit(stream: bool) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Any:
        raise SystemExit(3)

    assert failed(answer(app, stream=stream))
