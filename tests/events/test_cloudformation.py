"""Custom resources of CloudFormation: the PUT that a stack waits for, against a server."""

import asyncio
import datetime
import http.server
import ipaddress
import json
import logging
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from amazon_lambda_runtime import samples
from amazon_lambda_runtime.events import CloudFormation, EventRuntime, cloudformation
from amazon_lambda_runtime.testing import FunctionError, invoke, make_context

SECRET = "X-Amz-Signature=0123456789abcdef"


def certificate(folder: Path) -> tuple[Path, Path]:
    """Write a certificate of 127.0.0.1, which is its own authority, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - day)
        .not_valid_after(now + day)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(True, None), True)
        .sign(key, hashes.SHA256())
    )
    encoding, private = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(made.public_bytes(encoding))
    paths[1].write_bytes(key.private_bytes(encoding, private, serialization.NoEncryption()))
    return paths


class Bucket(http.server.ThreadingHTTPServer):
    """Takes responses as S3 does. `statuses` are its answers; the last one is kept."""

    daemon_threads = True

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(("127.0.0.1", 0), Put)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.statuses = [200]
        self.delay = 0.0
        self.puts: list[Any] = []

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.server_address[1]}/response?{SECRET}"

    def handle_error(self, request: Any, client_address: Any) -> None: ...


# Set when a response comes; hooks wait for it.
ARRIVED = threading.Event()


class Put(http.server.BaseHTTPRequestHandler):
    server: Bucket

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.puts.append((self.path, self.headers["Content-Type"], json.loads(body)))
        ARRIVED.set()
        time.sleep(self.server.delay)
        status = self.server.statuses[0]
        self.server.statuses = self.server.statuses[1:] or [status]
        self.send_response(status)
        if status in (302, 307):
            self.send_header("Location", self.server.url + "&again")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments: Any) -> None: ...


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def bucket(pem: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    monkeypatch.setenv("SSL_CERT_FILE", str(pem[0]))
    ARRIVED.clear()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pem)
    with Bucket(context) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join(10)


class Resource(CloudFormation):
    """Does what the properties say."""

    def on_create(self, properties: Any, event: Any) -> Any:
        match properties:
            case {"fails": str(reason)}:
                raise ValueError(reason)
            case {"waits": True}:
                assert ARRIVED.wait(30)
            case {"exits": _}:
                raise SystemExit(3)
        return properties.get("result")

    def on_update(self, properties: Any, old: Any, event: Any) -> Any:
        return {"Data": {"old": old}, "PhysicalResourceId": properties.get("id")}

    def on_delete(self, properties: Any, event: Any) -> Any:
        return None


class LateResource(Resource):
    async def on_create(self, properties: Any, event: Any) -> Any:
        await asyncio.sleep(0)
        return await asyncio.to_thread(Resource.on_create, self, properties, event)


class App(EventRuntime):
    pass


App.register_event_handler("aws:cloudformation", Resource)


class LateApp(EventRuntime):
    pass


LateApp.register_event_handler("aws:cloudformation", LateResource)

both = pytest.mark.parametrize("app", [App, LateApp])


def request(bucket: Bucket, kind: str = "Create", **changes: Any) -> Any:
    event = samples.load("cloudformation")
    event |= {"RequestType": kind, "ResponseURL": bucket.url, "ResourceProperties": {}}
    event.pop("PhysicalResourceId", None)
    return event | changes


def put_of(bucket: Bucket) -> Any:
    """Return the only response that came."""
    ((path, content_type, document),) = bucket.puts
    assert path == f"/response?{SECRET}"
    assert content_type == ""
    return document


@both
def test_a_response(app: Any, bucket: Bucket) -> None:
    """What a hook returns is sent, with what names the request."""
    result = {"PhysicalResourceId": "p-1", "Data": {"Arn": "arn:x"}, "NoEcho": True}
    event = request(bucket, ResourceProperties={"result": result})
    answer = invoke(app, event)
    assert (
        put_of(bucket)
        == answer
        == {
            "Status": "SUCCESS",
            "Reason": "",
            "PhysicalResourceId": "p-1",
            "StackId": event["StackId"],
            "RequestId": event["RequestId"],
            "LogicalResourceId": event["LogicalResourceId"],
            "NoEcho": True,
            "Data": {"Arn": "arn:x"},
        }
    )


@pytest.mark.parametrize(
    ("kind", "changes", "expected"),
    [
        ("Create", {}, "id-7"),
        ("Update", {"PhysicalResourceId": "p-1"}, "p-1"),
        ("Update", {"PhysicalResourceId": "p-1", "ResourceProperties": {"id": "p-2"}}, "p-2"),
        ("Delete", {"PhysicalResourceId": "p-1"}, "p-1"),
    ],
)
def test_the_physical_id(kind: str, changes: Any, expected: str, bucket: Bucket) -> None:
    """It is the one that was returned, else the event's, else the id of the request."""
    invoke(App, request(bucket, kind, **changes), make_context(aws_request_id="id-7"))
    document = put_of(bucket)
    assert (document["Status"], document["PhysicalResourceId"]) == ("SUCCESS", expected)


def test_the_old_properties(bucket: Bucket) -> None:
    """An update has them."""
    old = {"size": "1"}
    invoke(App, request(bucket, "Update", PhysicalResourceId="p", OldResourceProperties=old))
    assert put_of(bucket)["Data"] == {"old": old}


@both
def test_a_failure(app: Any, bucket: Bucket, caplog: pytest.LogCaptureFixture) -> None:
    """It is sent as FAILED, with its reason of at most 1,000 characters, and logged."""
    event = request(bucket, ResourceProperties={"fails": "no room " + "x" * 2000})
    assert invoke(app, event, make_context(aws_request_id="id-7"))["Status"] == "FAILED"
    document = put_of(bucket)
    assert document["Reason"].startswith("ValueError: no room xxx")
    assert len(document["Reason"]) == 1000
    assert document["PhysicalResourceId"] == "id-7"
    assert caplog.records[0].exc_info


def test_a_reason_that_takes_more_bytes_than_characters(bucket: Bucket) -> None:
    """The response stays within the 4,096 bytes that CloudFormation takes."""
    invoke(App, request(bucket, ResourceProperties={"fails": "🦆" * 2000}))
    document = put_of(bucket)
    assert document["Reason"].startswith("ValueError: 🦆🦆")
    assert len(json.dumps(document, ensure_ascii=False).encode()) <= 4096


def test_an_exception_without_a_text(bucket: Bucket) -> None:
    """An exception whose text can't be had is sent all the same."""

    class Mute(Exception):
        def __str__(self) -> str:
            raise ValueError("no text")

    class Silent(CloudFormation):
        def on_create(self, properties: Any, event: Any) -> Any:
            raise Mute

    class SilentApp(EventRuntime):
        pass

    SilentApp.register_event_handler("aws:cloudformation", Silent)
    invoke(SilentApp, request(bucket))
    document = put_of(bucket)
    assert document["Status"] == "FAILED"
    assert document["Reason"].startswith("Mute: ")


@both
def test_shortly_before_the_deadline(
    app: Any, bucket: Bucket, caplog: pytest.LogCaptureFixture
) -> None:
    """Two seconds before it a timer sends FAILED; what comes later is only logged."""
    result = {"PhysicalResourceId": "x"}
    event = request(bucket, ResourceProperties={"waits": True, "result": result})
    answer = invoke(app, event, make_context(remaining_ms=2500))
    document = put_of(bucket)
    assert answer == document
    assert document["Status"] == "FAILED"
    assert "before the deadline" in document["Reason"]
    assert "SUCCESS comes too late" in caplog.text


@pytest.fixture
def delays(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The delays of the timers, none of which goes off."""
    found: list[float] = []

    class Never(threading.Timer):
        def __init__(self, interval: float, function: Any) -> None:
            found.append(interval)
            super().__init__(100, function)

    monkeypatch.setattr(cloudformation, "Timer", Never)
    return found


def test_when_the_timer_goes_off(bucket: Bucket, delays: list[float]) -> None:
    """Two seconds before the deadline; at half of the time if there are two seconds or less."""
    for remaining_ms in (60_000, 10_000, 2_000, 1_000):
        bucket.puts.clear()
        invoke(App, request(bucket), make_context(remaining_ms=remaining_ms))
    assert 57 < delays[0] <= 58
    assert 7 < delays[1] <= 8
    assert 0.5 < delays[2] <= 1
    assert 0 < delays[3] <= 0.5
    context = make_context()
    context.deadline_ms = 0
    assert invoke(App, request(bucket), context)["Status"] == "SUCCESS"
    assert len(delays) == 4


def test_an_exit(bucket: Bucket) -> None:
    """A hook that ends the process has failed: the stack does not wait for an hour."""
    with pytest.raises(FunctionError, match="SystemExit"):
        invoke(App, request(bucket, ResourceProperties={"exits": True}))
    assert put_of(bucket)["Status"] == "FAILED"


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        ("p-1", "the hook has to return None or a dict"),
        ({"PhysicalResourceID": "p"}, "the hook has to return None or a dict"),
        ({"Data": {"a": "x" * 5000}}, "the response is too large: 5"),
        ({"PhysicalResourceId": "p" * 5000}, "the response is too large: 5"),
    ],
)
def test_a_result_that_cloudformation_does_not_take(
    result: Any, reason: str, bucket: Bucket
) -> None:
    """It is a failure, and the stack is told why."""
    invoke(App, request(bucket, ResourceProperties={"result": result}))
    document = put_of(bucket)
    assert document["Status"] == "FAILED"
    assert document["Reason"].startswith(reason)


def test_a_result_without_a_json_form(bucket: Bucket) -> None:
    """So is what has no JSON form."""

    class Odd(CloudFormation):
        def on_create(self, properties: Any, event: Any) -> Any:
            return {"Data": {"a": object()}}

    class OddApp(EventRuntime):
        pass

    OddApp.register_event_handler("aws:cloudformation", Odd)
    invoke(OddApp, request(bucket))
    assert put_of(bucket)["Reason"].startswith("the result has no JSON form: ")


@pytest.mark.parametrize("status", [301, 302, 307, 308, 403, 404])
def test_no_redirects(status: int, bucket: Bucket, caplog: pytest.LogCaptureFixture) -> None:
    """An answer that is no success is an error, is not tried again, and is followed nowhere."""
    bucket.statuses = [status]
    with pytest.raises(FunctionError, match=f"ResponseNotSent: .* answered {status}") as raised:
        invoke(App, request(bucket))
    assert len(bucket.puts) == 1
    assert SECRET not in caplog.text + str(raised.value) + "".join(raised.value.stack)


def test_a_server_that_fails(bucket: Bucket, caplog: pytest.LogCaptureFixture) -> None:
    """It is tried three times."""
    bucket.statuses = [500, 503, 200]
    assert invoke(App, request(bucket))["Status"] == "SUCCESS"
    assert len(bucket.puts) == 3
    bucket.puts.clear()
    bucket.statuses = [500]
    with pytest.raises(FunctionError, match="answered 500"):
        invoke(App, request(bucket))
    assert len(bucket.puts) == 3
    assert SECRET not in caplog.text


def test_a_server_that_hangs(bucket: Bucket, delays: list[float]) -> None:
    """It can't hold the function longer than the deadline."""
    bucket.delay = 3
    start = time.monotonic()
    with pytest.raises(FunctionError, match=r"ResponseNotSent: .*TimeoutError"):
        invoke(App, request(bucket), make_context(remaining_ms=1500))
    assert time.monotonic() - start < 2.5


@pytest.mark.parametrize("port", [1, "no number"])
def test_no_server(port: Any, bucket: Bucket, caplog: pytest.LogCaptureFixture) -> None:
    """The address is in no message, whatever goes wrong with it."""
    event = request(bucket, ResponseURL=f"https://127.0.0.1:{port}/r?{SECRET}")
    with pytest.raises(FunctionError, match="ResponseNotSent: the stack has no response") as raised:
        invoke(App, event)
    assert SECRET not in caplog.text + str(raised.value) + "".join(raised.value.stack)


def test_an_untrusted_server(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server whose certificate no authority has signed gets nothing."""
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(FunctionError, match="SSLCertVerificationError"):
        invoke(App, request(bucket))
    assert bucket.puts == []


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/x", "ftp://127.0.0.1/x", "HTTP://127.0.0.1:1"])
def test_https_only(url: str, bucket: Bucket) -> None:
    """Another scheme is refused before anything is done."""
    done: list[Any] = []

    class Counting(CloudFormation):
        def on_create(self, properties: Any, event: Any) -> Any:
            done.append(1)

    class Counted(EventRuntime):
        pass

    Counted.register_event_handler("aws:cloudformation", Counting)
    with pytest.raises(FunctionError, match="ResponseNotSent: the ResponseURL is not https"):
        invoke(Counted, request(bucket, ResponseURL=url))
    assert done == []


def test_a_failed_put_of_the_timer(bucket: Bucket, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged; the hook goes on."""
    bucket.statuses = [403]
    event = request(bucket, ResourceProperties={"waits": True})
    assert invoke(App, event, make_context(remaining_ms=2500))["Status"] == "FAILED"
    assert "the response was not sent" in caplog.text
    assert SECRET not in caplog.text


def test_the_timer_during_the_put(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A response that is on its way is the response: the timer neither sends nor logs another."""
    timers: list[Any] = []

    class Late(threading.Timer):
        """Goes off when the response has arrived."""

        def __init__(self, interval: float, function: Any) -> None:
            super().__init__(0, function)
            timers.append(self)

        def run(self) -> None:
            assert ARRIVED.wait(30)
            self.function()

    monkeypatch.setattr(cloudformation, "Timer", Late)
    bucket.delay = 0.3
    assert invoke(App, request(bucket), make_context(remaining_ms=60_000))["Status"] == "SUCCESS"
    timers[0].join(30)
    assert put_of(bucket)["Status"] == "SUCCESS"
    assert caplog.messages == []


def test_no_time_is_left(bucket: Bucket, delays: list[float]) -> None:
    """Behind the deadline nothing is sent."""
    context = make_context(remaining_ms=100)
    with pytest.raises(FunctionError, match="there was no time left"):
        invoke(App, request(bucket), context)
    assert bucket.puts == []


@both
@pytest.mark.parametrize("url", [None, "...", 7])
def test_a_framework_that_answers_by_itself(app: Any, url: Any, bucket: Bucket) -> None:
    """Without an address, as the AWS CDK's framework has it, the result is the answer."""
    result = {"PhysicalResourceId": "p"}
    event = request(bucket, ResponseURL=url, ResourceProperties={"result": result})
    assert invoke(app, event) == result
    with pytest.raises(FunctionError, match="ValueError: no"):
        invoke(app, request(bucket, ResponseURL=url, ResourceProperties={"fails": "no"}))
    assert bucket.puts == []


@pytest.mark.parametrize("kind", ["Create", "Update", "Delete", "Other"])
def test_a_hook_that_is_not_there(kind: str, bucket: Bucket) -> None:
    """It fails the request, and says what nothing is registered for."""

    class Bare(EventRuntime):
        pass

    Bare.register_event_handler("aws:cloudformation", CloudFormation)
    invoke(Bare, request(bucket, kind))
    assert put_of(bucket)["Reason"].startswith("UnhandledEvent: nothing is registered for this")


def test_a_function_for_custom_resources() -> None:
    """It has the event whole, and sends the response by itself."""
    app = EventRuntime()
    app.on("aws:cloudformation")(lambda event: event["RequestType"])
    assert invoke(app, samples.load("cloudformation")) == "Create"


def test_it_logs_at_levels(bucket: Bucket, caplog: pytest.LogCaptureFixture) -> None:
    """A failure is an error, a result that is late a warning."""
    caplog.set_level(logging.DEBUG)
    event = request(bucket, ResourceProperties={"waits": True})
    invoke(App, event, make_context(remaining_ms=2500))
    levels = [each.levelname for each in caplog.records if each.name.endswith("App")]
    assert levels == ["ERROR", "WARNING"]
