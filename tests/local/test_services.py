"""The embedded services in their own process, as clients and as whoever started them see them."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from amazon_lambda_runtime.local.services.process import EmbeddedServices, ServicesError

LIST = {
    "dynamodb": "list_tables",
    "dynamodbstreams": "list_streams",
    "events": "list_rules",
    "kinesis": "list_streams",
    "s3": "list_buckets",
    "sns": "list_topics",
    "sqs": "list_queues",
}


@pytest.fixture(scope="module")
def services() -> Iterator[EmbeddedServices]:
    services = EmbeddedServices.start()
    services.wait()
    yield services
    services.close()


def client(service: str, endpoint: str) -> Any:
    session = boto3.session.Session(
        aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1"
    )
    return session.client(service, endpoint_url=endpoint)  # type: ignore[call-overload]


@pytest.mark.parametrize("service", LIST)
def test_service(service: str, services: EmbeddedServices) -> None:
    """Each of them answers."""
    assert getattr(client(service, services.endpoint), LIST[service])()


def test_session(services: EmbeddedServices) -> None:
    """Ctrl-C in a terminal does not reach it: what still uses it ends first."""
    assert os.getsid(services.pid) == services.pid


def test_early(services: EmbeddedServices) -> None:
    """Who connects before it is up is answered once it is."""
    early = EmbeddedServices.start()
    try:
        assert client("sqs", early.endpoint).list_queues()
    finally:
        early.close()
    with pytest.raises(ProcessLookupError):
        os.kill(early.pid, 0)


def test_port() -> None:
    """The port may be chosen; one that is taken is one clear error."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ServicesError, match=rf"cannot listen on 127.0.0.1:{port}.*Choose"):
            EmbeddedServices.start(port)
    services = EmbeddedServices.start(port)
    services.close()
    assert services.endpoint == f"http://127.0.0.1:{port}"


def test_moto_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing is said in one line, before a process is started."""
    monkeypatch.setitem(sys.modules, "moto", None)
    with pytest.raises(ServicesError, match=r"\(moto is missing\): .* install .*\[tools\]'"):
        EmbeddedServices.start()


def test_it_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its last line says why."""
    monkeypatch.setenv("PYTHONSTARTUP", "")
    monkeypatch.setattr(sys, "executable", "/bin/false")
    services = EmbeddedServices.start()
    with pytest.raises(ServicesError, match="the local services do not start: exit status 1"):
        services.wait()
    services.close()


def test_whoever_started_it_is_killed() -> None:
    """It ends, too; Ctrl-C alone does not end it, since pollers finish their batches then."""
    program = """
        import os, signal
        from amazon_lambda_runtime.local.services.process import EmbeddedServices
        services = EmbeddedServices.start()
        services.wait()
        os.kill(services.pid, signal.SIGINT)
        print(services.pid, services.endpoint, flush=True)
        signal.pause()
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        pid, endpoint = process.stdout.readline().split()
        assert client("sqs", endpoint).list_queues()
        process.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 20
    while os.path.exists(f"/proc/{pid}"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
