"""The same invocations here and in AWS's own emulator: the same answers, but where we say why not.

The rows of local-differences.md are numbered; the docstring of a test begins with those that
it shows.
"""

import http.client
import json
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from inspect import isfunction
from pathlib import Path
from typing import Any

import pytest

from amazon_lambda_runtime.local.engine.function import LocalFunction
from tests.functions import failures, results
from tests.harness import FUNCTIONS, ours
from tests.lanes import Rie
from tests.local.serving import Served, served
from tests.local.support import PATIENCE, source_path

ID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
PATH = "/2015-03-31/functions/function/invocations"
PAGE = Path(__file__).parents[3] / "docs/reference/local-differences.md"

MORE = """
import os, time

def handler(event, context):
    match event:
        case {"exit": status}:
            os._exit(status)
        case {"size": size}:
            return "x" * (size - 2)
        case {"sleep": seconds}:
            time.sleep(seconds)
        case {"arn": _}:
            return [context.function_name, context.invoked_function_arn]
    return event
"""


@contextmanager
def here(handler: str, folder: Path = FUNCTIONS, **settings: Any) -> Iterator[Served]:
    given: dict[str, Any] = {"timeout": PATIENCE, "memory": 0, **settings}
    environment = {"PYTHONPATH": source_path()}
    function = LocalFunction(
        "hello", handler, ours(handler), str(folder), environment=environment, **given
    )
    with served(function) as it:
        yield it


def ask(
    it: Served, payload: bytes, path: str = PATH, method: str = "POST", **headers: str
) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", it.port, timeout=PATIENCE)
    connection.request(method, path, payload, headers)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response, body


@pytest.mark.parametrize("module", [results, failures], ids=["results", "failures"])
def test_same_answers(module: Any) -> None:
    """
    Whatever a function returns or raises, both callers read the same.
    """
    handler = f"{module.__name__.rpartition('.')[2]}.handler"
    # These leave the process in a bad state; the runtime's own tests have them.
    bad = ("no_directory", "closed_stdout", "handler")
    cases = [name for name in getattr(module, "CASES", vars(module)) if name not in bad]
    cases = [name for name in cases if module is results or isfunction(vars(module)[name])]
    with ExitStack() as both:
        rie = both.enter_context(Rie(ours(handler)))
        it = both.enter_context(here(handler))
        different = {}
        for case in cases:
            payload = json.dumps({"case": case}).encode()
            theirs = ID.sub(b"ID", rie.invoke(payload))
            mine = ID.sub(b"ID", ask(it, payload)[1])
            if theirs != mine:
                different[case] = (theirs[:300], mine[:300])
    assert different == {}


@pytest.mark.parametrize("handler", ["nope.handler", "mod.nope", "broken.handler"])
def test_same_init_errors(handler: str, tmp_path: Path) -> None:
    """
    A function that cannot be loaded is the same error.
    """
    (tmp_path / "mod.py").write_text(MORE)
    (tmp_path / "broken.py").write_text("raise RuntimeError('as asked')\n")
    with ExitStack() as both:
        rie = both.enter_context(Rie(ours(handler), tmp_path))
        it = both.enter_context(here(handler, tmp_path))
        theirs, mine = rie.invoke(b"{}"), ask(it, b"{}")[1]
    assert ID.sub(b"ID", mine) == ID.sub(b"ID", theirs)


@pytest.mark.parametrize(
    "event", [{"exit": 3}, {"exit": 0}, {"size": 6_291_556}, {"size": 6_291_557}, {"size": 100_000}]
)
def test_same_ends(event: dict[str, int], tmp_path: Path) -> None:
    """
    A process that ends, and a response at the limit and beyond it, are told in the same words.
    """
    (tmp_path / "mod.py").write_text(MORE)
    payload = json.dumps(event).encode()
    with ExitStack() as both:
        rie = both.enter_context(Rie(ours("mod.handler"), tmp_path))
        it = both.enter_context(here("mod.handler", tmp_path))
        theirs, mine = rie.invoke(payload), ask(it, payload)[1]
        assert ID.sub(b"ID", mine) == ID.sub(b"ID", theirs)
        # And both go on.
        assert json.loads(rie.invoke(b"[1]")) == json.loads(ask(it, b"[1]")[1]) == [1]


class TestDifferences:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        (tmp_path / "mod.py").write_text(MORE)
        return tmp_path

    def rie(self, folder: Path) -> Rie:
        return Rie(ours("mod.handler"), folder)

    def raw(self, rie: Rie, payload: bytes, path: str = PATH, **headers: str) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", rie.port, timeout=PATIENCE)
        connection.request("POST", path, payload, headers)
        response = connection.getresponse()
        response.read()
        connection.close()
        return response

    def test_names(self, folder: Path) -> None:
        """1, 2: functions have their names and ARNs."""
        with self.rie(folder) as rie, here("mod.handler", folder) as it:
            path = "/2015-03-31/functions/hello/invocations"
            assert self.raw(rie, b"{}", path).status == 404
            assert ask(it, b"{}", path)[0].status == 200
            told = json.loads(ask(it, b'{"arn": 1}')[1])
            assert told == ["hello", "arn:aws:lambda:us-east-1:012345678912:function:hello"]

    def test_function_error(self, folder: Path) -> None:
        """3: a failure has its header."""
        with self.rie(folder) as rie, here("mod.handler", folder) as it:
            for response, expected in (
                (self.raw(rie, b'{"exit": 1}'), None),
                (ask(it, b'{"exit": 1}')[0], "Unhandled"),
            ):
                assert response.headers["X-Amz-Function-Error"] == expected

    def test_tail(self, folder: Path) -> None:
        """4: the tail of the log is there for who asks."""
        with self.rie(folder) as rie, here("mod.handler", folder) as it:
            tail = {"X-Amz-Log-Type": "Tail"}
            assert self.raw(rie, b"{}", **tail).headers["X-Amz-Log-Result"] is None
            assert ask(it, b"{}", **tail)[0].headers["X-Amz-Log-Result"]

    def test_timeout(self, folder: Path) -> None:
        """5: a timeout is a failure, with an error document."""
        with here("mod.handler", folder, timeout=1) as it:
            response, body = ask(it, b'{"sleep": 20}')
            assert json.loads(body)["errorType"] == "Sandbox.Timedout"
            assert response.headers["X-Amz-Function-Error"] == "Unhandled"
            assert response.headers["Content-Type"] == "application/json"

    def test_types_of_invocation(self, folder: Path) -> None:
        """6, 7: an Event is answered at once, a DryRun runs nothing, and a GET invokes nothing."""
        with here("mod.handler", folder) as it:
            for kind, status in (("Event", 202), ("DryRun", 204)):
                response, _ = ask(it, b"{}", **{"X-Amz-Invocation-Type": kind})
                assert response.status == status
            assert ask(it, b"", method="GET")[0].status == 405

    def test_many_at_once(self, folder: Path) -> None:
        """8: two requests at a time are two environments."""
        from concurrent.futures import ThreadPoolExecutor

        with here("mod.handler", folder) as it, ThreadPoolExecutor(4) as threads:
            answers = list(threads.map(lambda _: ask(it, b'{"sleep": 0.3}')[1], range(4)))
            assert answers == [b'{"sleep": 0.3}'] * 4
            assert len(it.environments()) > 1

    def test_payload_that_is_not_json(self, folder: Path) -> None:
        """9: what is not JSON is refused before the function sees it."""
        with here("mod.handler", folder) as it:
            response, body = ask(it, b"{")
            assert response.status == 400
            assert json.loads(body)["message"].startswith("Could not parse request body into json")

    def test_init(self, tmp_path: Path) -> None:
        """10: what init prints and how long it takes is told as on Lambda."""
        (tmp_path / "mod.py").write_text("raise RuntimeError\n")
        with here("mod.handler", tmp_path) as it:
            ask(it, b"{}")
            told = [line.split("\t") for line in it.log if line.startswith("INIT_REPORT")]
            assert [parts[1] for parts in told] == ["Phase: init", "Phase: invoke"]

    def test_memory(self, folder: Path) -> None:
        """11: REPORT tells what was measured."""
        with here("mod.handler", folder, memory=512) as it:
            log = ask(it, b"{}", **{"X-Amz-Log-Type": "Tail"})[0].headers["X-Amz-Log-Result"]
            assert log
            report = next(line for line in it.log if line.startswith("REPORT"))
            used = int(report.partition("Max Memory Used: ")[2].split()[0])
            assert 5 < used < 100
            assert "Memory Size: 512 MB" in report


def test_rows_are_shown() -> None:
    """
    Each numbered row of the page is shown by a test above.
    """
    listed = {int(number) for number in re.findall(r"^\| (\d+) \|", PAGE.read_text(), re.M)}
    shown = set()
    for docstring in re.findall(r'^        """([\d, ]+):', Path(__file__).read_text(), re.M):
        shown |= {int(number) for number in docstring.split(",")}
    assert shown == listed
