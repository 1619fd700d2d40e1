"""Telling: whatever becomes of the log, the work goes on."""

import asyncio
import errno
import io
import json
import sys
from collections.abc import Sequence

import pytest

from amazon_lambda_runtime.local.engine.invocation import Answer, Invocation
from amazon_lambda_runtime.local.engine.journal import Journal
from amazon_lambda_runtime.local.engine.output import to_stderr, unfailing
from amazon_lambda_runtime.local.engine.telling import Telling
from amazon_lambda_runtime.local.server import open_pool
from tests.local.support import PATIENCE, Recorder, invoke, obedient, respond, run

FAILURES = [
    BrokenPipeError(errno.EPIPE, "Broken pipe"),
    OSError(errno.ENOSPC, "No space left on device"),
    ValueError("I/O operation on closed file."),
]


@pytest.mark.parametrize("failure", FAILURES, ids=lambda error: type(error).__name__)
def test_log_that_fails(failure: Exception) -> None:
    """A log that is closed or full changes no result, and the journal has every line."""

    def log(line: str, request_id: str = "") -> None:
        raise failure

    async def test() -> None:
        journal = Journal()
        async with open_pool(obedient(["write", "init\n"]), log, journal) as pool:
            for number in range(2):
                invocation = invoke(pool, ["write", "a line\n"], respond(str(number)))
                assert await invocation.wait() == Answer(b"%d" % number)
                await invocation.wait_until_reported()
                entry = journal.find(invocation.id)
                assert entry is not None
                lines = [line.split()[0] for _, line in entry.lines if not line.startswith("202")]
                assert lines == ["START", "a", "END", "REPORT"]
            assert len(pool.environments) == 1
        lines = [text for _, _, text in journal._tail if text.startswith("cannot write the log")]
        assert lines == [f"cannot write the log: {failure}"]

    run(test())


def test_log_that_fails_while_an_invocation_does() -> None:
    """A timeout, a failed init and an exit are answered as well when the log fails."""

    def log(line: str, request_id: str = "") -> None:
        raise OSError

    async def answer(
        *steps: list[object], init: Sequence[list[object]] = (), timeout: float = PATIENCE
    ) -> dict[str, str]:
        async with open_pool(obedient(*init, timeout=timeout), log) as pool:
            invocation = invoke(pool, *steps)
            document: dict[str, str] = json.loads((await invocation.wait()).payload)
            await invocation.wait_until_reported()
            return document

    assert run(answer(["sleep", 60], timeout=0.3))["errorType"] == "Sandbox.Timedout"
    assert run(answer(["exit", 1]))["errorType"] == "Runtime.ExitError"
    assert run(answer(init=[["exit", 1]]))["errorType"] == "Runtime.ExitError"


def test_stderr_that_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The default log, stderr, may be closed too."""

    async def test() -> None:
        async with open_pool(obedient(), to_stderr) as pool:
            assert (await invoke(pool, respond("1")).wait()).payload == b"1"

    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed)
    run(test())


def test_unfailing() -> None:
    """What else writes to a log drops what cannot be written, and writes what can."""

    def log(line: str, request_id: str = "") -> None:
        if line == "no":
            raise OSError
        lines.append((line, request_id))

    lines: list[tuple[str, str]] = []
    write = unfailing(log)
    for line in ("one", "no", "two"):
        write(line, "id")
    assert lines == [("one", "id"), ("two", "id")]


def test_journal_that_fails() -> None:
    """A journal that fails takes no line from the log and no answer from the caller."""

    class Broken(Journal):
        def line(self, *_: object) -> None:
            raise RuntimeError("a mistake")

        accepted = started = answered = reported = piece = environment = line  # type: ignore[assignment]

    async def test() -> None:
        log = Recorder()
        async with open_pool(obedient(), log, Broken()) as pool:
            invocation = invoke(pool, respond("1"))
            assert (await invocation.wait()).payload == b"1"
            await invocation.wait_until_reported()
        assert [line.split()[0] for line in log] == ["START", "202", "END", "REPORT"]

    run(test())


def test_cancellation_is_no_failure_of_the_log() -> None:
    """Ctrl-C and cancellation go through."""

    def log(line: str, request_id: str = "") -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        Telling(obedient(), log, None).line(Invocation(b"{}"), "a line")
