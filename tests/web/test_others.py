"""What reaches a web application's function and is no request: docs/reference/web.md."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from amazon_lambda_runtime import Context, Runtime, samples
from amazon_lambda_runtime.events import SQS, EventRuntime
from amazon_lambda_runtime.testing import FunctionError, invoke
from amazon_lambda_runtime.web import Web

from .doors import Request, event_of

SENT = samples.load("sqs")


async def asgi(scope: Any, receive: Any, send: Any) -> None:
    """Tell what was asked; fail where the path says so."""
    if scope["type"] == "lifespan":
        raise ValueError("there is none")
    body = (await receive())["body"]
    status, data, headers = told(scope["path"], scope["method"], body)
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": data})


def wsgi(environ: Any, start_response: Any) -> list[bytes]:
    body = environ["wsgi.input"].read()
    status, data, _ = told(environ["PATH_INFO"], environ["REQUEST_METHOD"], body)
    start_response(f"{status} Told", [])
    return [data]


def told(path: str, method: str, body: bytes) -> tuple[int, bytes, Any]:
    if path == "/events/fail":
        return 503, b"", []
    if path == "/events/refused":
        return 400, b"Invalid host", []
    if path == "/events/text":
        return 200, b"text", []
    if path == "/events/empty":
        return 204, b"", []
    records = json.loads(body)["Records"] if body else []
    return 200, json.dumps({"path": path, "method": method, "records": len(records)}).encode(), []


each_kind = pytest.mark.parametrize("app", [asgi, wsgi])


@pytest.mark.parametrize("name", ["sqs", "eventbridge", "scheduled", "s3-put", "dynamodb"])
@each_kind
def test_refused(app: Any, name: str) -> None:
    """The invocation fails, so that a queue sends it again and an alarm counts it."""
    with pytest.raises(FunctionError, match=r"this function serves HTTP; the event is aws:") as exc:
        invoke(Web(app), samples.load(name))
    assert exc.value.error_type == "NotHttp"
    assert "Web(app, events=…) takes events" in exc.value.message


@pytest.mark.parametrize("event", [{}, None, [], "text", {"key": "value"}])
@each_kind
def test_event_of_no_source(app: Any, event: Any) -> None:
    """Such as that of the test button of the console."""
    with pytest.raises(FunctionError, match="lambda-runtime events show function-url writes a req"):
        invoke(Web(app), event)


@each_kind
def test_websocket(app: Any) -> None:
    with pytest.raises(FunctionError, match="this is a frame of a WebSocket API, and each frame"):
        invoke(Web(app), samples.load("apigw-websocket"))


class Plain(Runtime):
    def handler(self, event: Any, context: Context) -> str:
        return f"plain {context.aws_request_id != ''}"


class Answering(Runtime):
    def handler(self, event: Any, context: Context) -> None:
        self.send_invocation_response("answered")


def function(event: Any, context: Context) -> str:
    return "function"


async def later(event: Any, context: Context) -> str:
    return "later"


HANDLERS: dict[str, tuple[Callable[[], Any], Any]] = {
    "a class": (lambda: Plain, "plain True"),
    "a Runtime": (Plain, "plain True"),
    "one that answers itself": (Answering, "answered"),
    "a function": (lambda: function, "function"),
    "an async function": (lambda: later, "later"),
}


@pytest.mark.parametrize("name", HANDLERS)
@each_kind
def test_events(app: Any, name: str) -> None:
    """They go whole to what takes them; requests still go to the application."""
    make, expected = HANDLERS[name]
    site = Web(app, events=make())
    assert invoke(site, SENT) == expected
    found = invoke(site, event_of("url", Request()))
    assert json.loads(found["body"])["path"] == "/"


@each_kind
def test_events_with_handlers(app: Any) -> None:
    """An EventRuntime answers as it does alone, and is started once."""
    seen: list[str] = []

    class Shop(EventRuntime):
        started = 0

        def on_init(self) -> None:
            type(self).started += 1

    class Each(SQS):
        def on_message(self, body: Any, record: Any) -> None:
            seen.append(record["messageId"])

    Shop.register_event_handler("aws:sqs", Each)
    site = Web(app, events=Shop)
    for _ in range(2):
        invoke(site, SENT)
    assert len(seen) == 2 * len(SENT["Records"])
    assert Shop.started == 1


def test_events_of_a_class() -> None:
    """A function that is an attribute is not bound to the object."""

    class Site(Web):
        app = asgi
        events = function

    assert invoke(Site, SENT) == "function"


# LAMBDA_RUNTIME_EVENTS_PATH


@each_kind
def test_events_path(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Events are posted there; what the application answers is the result."""
    monkeypatch.setenv("LAMBDA_RUNTIME_EVENTS_PATH", "/events")
    count = len(SENT["Records"])
    expected = {"path": "/events", "method": "POST", "records": count}
    assert invoke(Web(app), SENT) == expected
    # Streaming is for clients.
    assert invoke(Web(app, stream=True), SENT) == expected


# Paths that one framework or another takes for the same.
LENIENT = ("//events", "/%2Fevents", "/%2fevents", "///events//", "/./events", "/x/../events")


@each_kind
def test_events_path_is_closed_to_clients(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAMBDA_RUNTIME_EVENTS_PATH", "/events")
    for target in ("/events", "/events/", "/%65vents", "/events?x=1", *LENIENT):
        for stage in ("", "prod"):
            found = invoke(Web(app), event_of("rest", Request(target, stage=stage)))
            assert (found["statusCode"], found["body"]) == (404, "Not Found"), target
    assert invoke(Web(app), event_of("rest", Request("/eventsx")))["statusCode"] == 200


@pytest.mark.parametrize(
    ("path", "told"),
    [
        (
            "/events/fail",
            "POST /events/fail, with an event of aws:sqs: the application answered 503",
        ),
        ("/events/refused", "the application answered 400. Does it refuse the host localhost?"),
        ("/events/text", "the application's answer is not JSON"),
    ],
)
@each_kind
def test_events_path_that_fails(
    app: Any, path: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The invocation fails, so that nothing is lost."""
    monkeypatch.setenv("LAMBDA_RUNTIME_EVENTS_PATH", path)
    with pytest.raises(FunctionError) as caught:
        invoke(Web(app), SENT)
    assert told in caught.value.message


@each_kind
def test_events_path_without_an_answer(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAMBDA_RUNTIME_EVENTS_PATH", "/events/empty")
    assert invoke(Web(app), SENT) is None


@each_kind
def test_exception_at_the_events_path(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is never a 500 that nobody reads."""
    monkeypatch.setenv("LAMBDA_RUNTIME_EVENTS_PATH", "/events")
    with pytest.raises(FunctionError, match="KeyError: 'Records'"):
        invoke(Web(app), samples.load("scheduled"))


# In tests of one's own


@each_kind
def test_invoke_takes_an_application(app: Any) -> None:
    """As the runtime does."""
    found = invoke(app, event_of("url", Request("/x")))
    assert json.loads(found["body"])["path"] == "/x"


# The access log


@each_kind
def test_access_log(app: Any, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """A line for each request, if it is asked for."""
    invoke(Web(app), event_of("url", Request("/a%20b?secret=1")))
    assert "GET" not in capsys.readouterr().out
    monkeypatch.setenv("LAMBDA_RUNTIME_ACCESS_LOG", "1")
    invoke(Web(app), event_of("url", Request("/a%20b?secret=1")))
    line = capsys.readouterr().out.splitlines(True)[-1]
    assert line.startswith("GET /a%20b 200 ")
    assert line.endswith(" ms\n")
    assert "secret" not in line
