import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

import amazon_lambda_runtime
from amazon_lambda_runtime.local.api.console import Console
from amazon_lambda_runtime.local.engine.invocation import Invocation
from amazon_lambda_runtime.local.engine.journal import Journal
from amazon_lambda_runtime.local.http import Client, Request, Response
from tests.local.support import run

FUNCTION = SimpleNamespace(
    name="orders",
    handler="orders.handler",
    memory=128,
    timeout=3,
    concurrency=4,
    url="http://127.0.0.1:9001/",
    queues=["incoming"],
    durable=False,
)


def served(*functions: Any, sources: Sequence[Any] = ()) -> Any:
    """Return what a page is about."""
    return SimpleNamespace(
        shown_functions=lambda: functions, sources=sources, is_idle=True, services_endpoint=None
    )


def ask(
    target: str,
    method: str = "GET",
    headers: dict[str, str] | None = None,
    of: Console | None = None,
) -> Response:
    console = of or Console(Journal(), served(FUNCTION))
    return console.respond(request(target, method, headers))


def request(target: str, method: str = "GET", headers: dict[str, str] | None = None) -> Request:
    # Nothing is answered here, so that the connection leads nowhere.
    made = Request(cast(Client, None))
    made.method, made.target, made.headers = method, target, headers or {}
    return made


def body(response: Response) -> bytes:
    assert isinstance(response.body, bytes)
    return response.body


def document(target: str, status: int = 200, **options: Any) -> Any:
    response = ask(target, **options)
    assert response.status == status
    assert response.headers["Content-Type"] == "application/json"
    return json.loads(body(response))


class Samples:
    """Sample events as the console lists them."""

    def names(self) -> list[str]:
        return ["s3-put", "odd/name"]

    def describe(self, name: str) -> str:
        return f"What {name} is"

    def fields(self, name: str) -> dict[str, Any]:
        return {"bucket": "my-bucket", "size": 12} if name == "s3-put" else {}

    def load(self, name: str, **fields: Any) -> dict[str, Any]:
        if unknown := set(fields) - {"bucket", "size"}:
            raise KeyError(f"no such field: {unknown}")
        return {"sample": name, "bucket": "my-bucket", **fields}


@pytest.fixture
def samples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(amazon_lambda_runtime, "samples", Samples(), raising=False)


@pytest.mark.parametrize(
    ("target", "kind"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/?anything", "text/html; charset=utf-8"),
        ("/console/app.js", "text/javascript; charset=utf-8"),
        ("/console/style.css", "text/css; charset=utf-8"),
        ("/console/icon.svg", "image/svg+xml; charset=utf-8"),
    ],
)
def test_files(target: str, kind: str) -> None:
    """
    The page and what belongs to it, with their types and without anything from elsewhere.
    """
    response = ask(target)

    assert response.status == 200
    assert response.headers["Content-Type"] == kind
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert len(body(response)) > 100


def test_entity_tags() -> None:
    """
    A browser that has the file is told that it is the same.
    """
    first = ask("/console/app.js")
    tag = first.headers["ETag"]
    again = ask("/console/app.js", headers={"if-none-match": tag})
    other = ask("/console/app.js", headers={"if-none-match": '"other"'})

    assert (again.status, again.body, again.headers["ETag"]) == (304, b"", tag)
    assert other.body == first.body


@pytest.mark.parametrize("target", ["/2015-03-31/functions/x/invocations", "/console", "/x"])
def test_other_paths(target: str) -> None:
    """
    What is not the console's is left to others.
    """
    assert not Console(Journal(), served(FUNCTION)).has(target)


@pytest.mark.parametrize(
    "target",
    [
        "/console/none.js",
        "/console/../journal.py",
        "/console/%2e%2e/journal.py",
        "/console//etc/passwd",
        "/console/",
        "/console/invocations/none",
        "/console/invocations/",
        "/console/samples/none",
    ],
)
@pytest.mark.usefixtures("samples")
def test_what_is_not_there(target: str) -> None:
    """
    Nothing outside the page's own files can be had.
    """
    assert set(document(target, status=404)) == {"Type", "Message"}


@pytest.mark.parametrize("target", ["/", "/console/functions", "/console/journal"])
def test_only_get(target: str) -> None:
    """
    The console changes nothing: it has no other method.
    """
    response = ask(target, method="POST")

    assert (response.status, response.headers["Allow"]) == (405, "GET")


def test_functions() -> None:
    """
    All that the page shows of a function.
    """
    assert document("/console/functions") == [
        {
            "name": "orders",
            "handler": "orders.handler",
            "memory": 128,
            "timeout": 3,
            "concurrency": 4,
            "url": "http://127.0.0.1:9001/",
            "queues": ["incoming"],
            "durable": False,
        }
    ]


@pytest.mark.usefixtures("samples")
def test_samples() -> None:
    """
    The sample events with their descriptions and fields; one of them, its fields as asked for.
    """
    listed = document("/console/samples")

    assert listed[0] == {
        "name": "s3-put",
        "description": "What s3-put is",
        "fields": {"bucket": "my-bucket", "size": 12},
    }
    assert document("/console/samples/s3-put") == {"sample": "s3-put", "bucket": "my-bucket"}
    assert document("/console/samples/s3-put?bucket=a%20b&size=7") == {
        "sample": "s3-put",
        "bucket": "a b",
        "size": 7,
    }
    assert document("/console/samples/odd%2Fname")["sample"] == "odd/name"


@pytest.mark.parametrize("query", ["nothing=1", "name=1", "size=x"])
@pytest.mark.usefixtures("samples")
def test_field_that_cannot_be(query: str) -> None:
    """
    A field that does not exist, or is not JSON where it has to be, is a 400.
    """
    message = document(f"/console/samples/s3-put?{query}", status=400)["Message"]

    assert message.startswith("Cannot make the sample event s3-put: ")


def test_invocation() -> None:
    """
    All that is remembered of an invocation.
    """
    journal = Journal()
    one = Invocation(b'{"a":1}')
    journal.accepted(one, "Event", "orders")

    found = document(f"/console/invocations/{one.id}", of=Console(journal, served()))

    assert (found["id"], found["kind"], found["function"]) == (one.id, "Event", "orders")
    assert found["event"] == "eyJhIjoxfQ=="


def test_journal() -> None:
    """
    The journal as an event stream, that ends with its reader.
    """

    async def test() -> tuple[Response, list[Any]]:
        journal = Journal()
        response = Console(journal, served()).respond(request("/console/journal"))
        events = cast("AsyncGenerator[bytes, None]", response.body)
        messages = [await anext(events)]
        journal.line(None, "one\ntwo\u2028</script>")
        messages.append(await anext(events))
        await events.aclose()
        assert not journal._listeners
        return response, messages

    response, (snapshot, line) = run(test())

    assert response.headers["Content-Type"] == "text/event-stream"
    assert response.headers["Cache-Control"] == "no-store"
    assert json.loads(snapshot.removeprefix(b"data: "))["type"] == "snapshot"
    # On one line, whatever it says.
    assert line.count(b"\n") == 2
    assert line.endswith(b"\n\n")
    assert json.loads(line.removeprefix(b"data: "))["text"] == "one\ntwo\u2028</script>"


class Acted:
    """A source of two actions, and what it was given."""

    is_idle = staticmethod(lambda: True)

    def __init__(self) -> None:
        self.given: list[Any] = []
        self.actions = {"send": self._send, "break": self._break}

    async def _send(self, given: Any) -> dict[str, Any]:
        self.given.append(given)
        if "bad" in given:
            raise ValueError("bad is bad")
        return {"sent": True}

    async def _break(self, given: Any) -> dict[str, Any]:
        raise RuntimeError("the service has gone")

    async def document(self) -> dict[str, Any]:
        return {"kind": "sqs", "name": "orders", "actions": list(self.actions)}


def acted(target: str, method: str = "POST", body: bytes = b"{}") -> tuple[int, Any, list[Any]]:
    """Return the status and the document that a request about sources is answered with."""
    source = Acted()
    answered: list[Response] = []

    class Answered(Request):
        def answer(self, response: Response) -> None:
            answered.append(response)

    async def test() -> None:
        made = Answered(cast(Client, None))
        made.method, made.target, made.body = method, target, body
        console = Console(Journal(), served(sources=[source]))
        console.handle(made)
        await asyncio.gather(*console._acting)

    run(test())
    [response] = answered
    assert isinstance(response.body, bytes)
    return response.status, json.loads(response.body), source.given


def test_sources() -> None:
    """What invokes functions is listed, with what can be done by hand."""
    assert acted("/console/sources", "GET")[:2] == (
        200,
        [{"kind": "sqs", "name": "orders", "actions": ["send", "break"]}],
    )


@pytest.mark.parametrize(
    ("target", "body", "status", "told"),
    [
        ("0/send", b'{"body": "x"}', 200, {"sent": True}),
        ("0/send", b'{"bad": 1}', 400, "Cannot send: bad is bad"),
        ("0/send", b"[1]", 400, "Cannot send: the body is not a JSON object"),
        ("0/send", b"{", 400, "Cannot send: Expecting property name"),
        ("0/break", b"{}", 502, "the service has gone"),
        ("0/other", b"{}", 404, "Not found"),
        ("1/send", b"{}", 404, "Not found"),
        ("99999999999999999999/send", b"{}", 404, "Not found"),
        ("x/send", b"{}", 404, "Not found"),
    ],
)
def test_action(target: str, body: bytes, status: int, told: Any) -> None:
    """An action is done once, or refused with the reason."""
    found, document, _ = acted(f"/console/sources/{target}", body=body)
    assert found == status
    assert document == told if status == 200 else document["Message"].startswith(told)


def test_action_by_another_method() -> None:
    """A link does nothing."""
    assert acted("/console/sources/0/send", "GET")[::2] == (405, [])


def test_idle() -> None:
    """Whether everything is done, and where the services are."""
    assert document("/console/idle") == {"idle": True, "services": None}
