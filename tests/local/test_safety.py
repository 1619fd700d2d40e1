"""What may come over the wire, and never takes the local Lambda down."""

import http.client
import json
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from amazon_lambda_runtime.local.engine.function import LocalFunction
from tests.harness import examples

from .serving import Served, python_function, served

PATH = "/2015-03-31/functions/hello/invocations"
SOURCE = """
import os

def handler(event, context):
    if "file" in event:
        with open(event["file"], "a") as file:
            file.write(f"{event['number']}\\n")
    return event
"""

GOOD = (
    b"POST " + PATH.encode() + b" HTTP/1.1\r\nHost: localhost\r\n"
    b"Content-Type: application/json\r\nContent-Length: 8\r\n\r\n" + b'{"a": 1}'
)
TOKENS = st.sampled_from(
    [
        b"\r\n", b"\r\n\r\n", b"\n", b"\0", b"Host: x", b"Host: localhost", b"Content-Length: ",
        b"Content-Length: -1", b"Content-Length: 99999999999999999999", b"Expect: 100-continue",
        b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip, chunked", b"ffffffffffffffff",
        b"GET ", b"POST ", b"PRI * HTTP/2.0", b" HTTP/1.1", b" HTTP/1.0", b"Upgrade: h2c",
        b"Connection: upgrade", b"X-Amz-Invocation-Type: Event", b"X-Amz-Client-Context: %%",
        PATH.encode(), b"/", b"/console/journal", b"/console/../../etc/passwd", b"?Qualifier=\xff",
        b"5\r\nhello\r\n", b"0\r\n\r\n", b"\xff\xfe", b"{", b"[" * 2000,
    ]
)  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """Return a good request with something cut out of it and something put in."""
    first = draw(st.integers(0, len(GOOD)))
    last = draw(st.integers(first, len(GOOD)))
    return GOOD[:first] + draw(TOKENS | st.binary(max_size=20)) + GOOD[last:]


REQUESTS = st.binary(max_size=300) | st.lists(TOKENS, max_size=12).map(b"".join) | mutated()


def throw(port: int, raw: bytes) -> None:
    """Send this, and leave as soon as there is an answer, or without one."""
    with socket.create_connection(("127.0.0.1", port), timeout=0.05) as client:
        try:
            client.sendall(raw)
            client.shutdown(socket.SHUT_WR)
            client.recv(100)
        except OSError:
            pass


def good(here: Served) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", here.port, timeout=20)
    connection.request("POST", PATH, b'{"a": 1}')
    assert connection.getresponse().read() == b'{"a": 1}'
    connection.close()


def test_malformed_requests(tmp_path: Path) -> None:
    """
    After hundreds of malformed requests, a good one is answered.
    """
    with served(python_function(tmp_path, SOURCE)) as here:

        @settings(
            max_examples=examples(300),
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(raw=REQUESTS)
        @example(raw=GOOD[:-1])
        def throw_it(raw: bytes) -> None:
            throw(here.port, raw)

        throw_it()
        good(here)
        assert not [line for line in here.log if "Traceback" in line]


def test_malformed_requests_of_a_runtime(tmp_path: Path) -> None:
    """
    Nor does a runtime's port mind; the runtime that it is for is served on.
    """
    source = """
import os

API = os.environ["AWS_LAMBDA_RUNTIME_API"]

def handler(event, context):
    return API
"""
    with served(python_function(tmp_path, source)) as here:

        def port() -> int:
            connection = http.client.HTTPConnection("127.0.0.1", here.port, timeout=20)
            connection.request("POST", PATH, b"{}")
            address: str = json.loads(connection.getresponse().read())
            connection.close()
            return int(address.rpartition(":")[2])

        before = port()

        @settings(
            max_examples=examples(100),
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(raw=REQUESTS.map(lambda raw: raw.replace(PATH.encode(), b"/2018-06-01/ping")))
        def throw_it(raw: bytes) -> None:
            throw(before, raw)

        throw_it()
        assert port() == before


def test_many_at_once(tmp_path: Path) -> None:
    """
    Of two hundred clients that come at once and come again when refused, each is answered once.
    """
    file = tmp_path / "numbers"
    with served(python_function(tmp_path, SOURCE, concurrency=8)) as here:

        def client(number: int) -> int:
            body = json.dumps({"number": number, "file": str(file)}).encode()
            refused = 0
            while True:
                connection = http.client.HTTPConnection("127.0.0.1", here.port, timeout=60)
                connection.request("POST", PATH, body)
                response = connection.getresponse()
                answer = json.loads(response.read())
                connection.close()
                if response.status == 200:
                    assert answer["number"] == number
                    return refused
                assert response.status == 429
                assert response.headers["x-amzn-errortype"] == "TooManyRequestsException"
                refused += 1

        with ThreadPoolExecutor(200) as threads:
            refusals = list(threads.map(client, range(200)))
        assert len(here.environments()) <= 8

    assert sum(refusals) > 0
    assert sorted(map(int, file.read_text().split())) == list(range(200))


def test_stranger_at_the_console(tmp_path: Path) -> None:
    """
    A web page elsewhere learns nothing from the console, whose answers it could read.
    """
    function = LocalFunction("hello", "-", [sys.executable, "-c", "0"], str(tmp_path))
    with served(function) as here:
        for path in ("/", "/console/journal", "/console/functions"):
            for headers in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}):
                connection = http.client.HTTPConnection("127.0.0.1", here.port, timeout=20)
                connection.request("GET", path, headers=headers)
                assert connection.getresponse().status == 403
                connection.close()
