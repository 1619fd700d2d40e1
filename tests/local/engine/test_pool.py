"""Invocations and the processes that they are given to."""

import asyncio
import json
import os
import re
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from amazon_lambda_runtime.local.engine import environment as environment_module
from amazon_lambda_runtime.local.engine import pool as pool_module
from amazon_lambda_runtime.local.engine.invocation import Answer, Invocation
from amazon_lambda_runtime.local.engine.pool import Pool
from amazon_lambda_runtime.local.engine.states import Stage
from amazon_lambda_runtime.local.server import open_pool
from tests.local.api.recorded import LOG_OF_AN_EXIT_DURING_INIT
from tests.local.support import (
    Recorder,
    has_ended,
    invoke,
    is_alive,
    obedient,
    outcome,
    respond,
    run,
    until,
)

ID = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"


def ends(reason: str) -> dict[str, str]:
    return {"errorType": "Runtime.ExitError", "errorMessage": f"RequestId: ID Error: {reason}"}


def without_id(answer: dict[str, str]) -> dict[str, str]:
    return {key: re.sub(ID, "ID", value) for key, value in answer.items()}


def test_log_of_an_invocation() -> None:
    """
    START, what the function writes in its order, END, REPORT: the lines Lambda prints.
    """
    steps = [["write", "out\n"], ["stderr", "err"], ["write", "more, and no line end"], respond()]
    _, log = run(outcome(obedient(["write", "init\n"]), *steps, ["write", "after"]))

    assert [re.sub(ID, "ID", line) for line in log[:-1]] == [
        "init",
        "START RequestId: ID Version: $LATEST",
        "out",
        "err",
        'more, and no line end202 {"status":"OK"}',
        "after",
        "END RequestId: ID",
    ]
    match = re.fullmatch(
        rf"REPORT RequestId: {ID}\tDuration: [\d.]+ ms\tBilled Duration: \d+ ms\t"
        r"Memory Size: 128 MB\tMax Memory Used: (\d+) MB\tInit Duration: [\d.]+ ms",
        log[-1],
    )
    assert match is not None
    assert int(match[1]) > 0


def test_environment_is_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    One invocation after the other finds the same environment, and only the first is a cold start.
    """
    monkeypatch.setattr(environment_module, "ASKS_AGAIN", 30)

    async def test() -> Recorder:
        log = Recorder()
        async with open_pool(obedient(["write", "init\n"]), log) as pool:
            for number in range(5):
                # The answer is not the end of it: asking for the next event is.
                assert (await invoke(pool, respond(str(number))).wait()).payload == b"%d" % number
        return log

    log = run(test())
    assert log.count("init") == 1
    assert sum("Init Duration" in line for line in log) == 1


def test_simultaneous_invocations(tmp_path: Path) -> None:
    """
    Two invocations at a time have an environment each, and both are answered.
    """

    async def test() -> Recorder:
        log = Recorder()
        one, two = str(tmp_path / "one"), str(tmp_path / "two")
        async with open_pool(obedient(["write", "init\n"]), log) as pool:
            # Neither can end before the other has begun.
            first = invoke(pool, ["touch", one], ["await", two], respond("1"))
            second = invoke(pool, ["touch", two], ["await", one], respond("2"))
            answers = await asyncio.gather(first.wait(), second.wait())
            assert [answer.payload for answer in answers] == [b"1", b"2"]
            await asyncio.gather(first.wait_until_reported(), second.wait_until_reported())
            # Both are there for the next two.
            third, fourth = invoke(pool, respond()), invoke(pool, respond())
            await asyncio.gather(third.wait_until_reported(), fourth.wait_until_reported())
        return log

    assert run(test()).count("init") == 2


def test_work_after_the_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The caller has the answer before the handler is done; the next event does not wait long.
    """
    monkeypatch.setattr(environment_module, "ASKS_AGAIN", 0.01)

    async def test() -> None:
        go_on = tmp_path / "go-on"
        log = Recorder()
        async with open_pool(obedient(), log) as pool:
            first = invoke(pool, respond("1"), ["await", str(go_on)], ["write", "late\n"])
            assert (await first.wait()).payload == b"1"
            assert (await invoke(pool, respond("2")).wait()).payload == b"2"
            assert first.stage is Stage.ANSWERED
            go_on.touch()
            await first.wait_until_reported()
            late, end = log.index("late"), log.index(f"END RequestId: {first.id}")
            assert late < end

    run(test())


def test_timeout() -> None:
    """
    A function that takes too long is killed with its children, and the next event is served anew.
    """

    async def test() -> None:
        log = Recorder()
        async with open_pool(obedient(timeout=1), log) as pool:
            invocation = invoke(pool, ["start", ["sleep", "600"]], ["sleep", 600])
            answer = await invocation.wait()
            assert answer.failed
            assert json.loads(answer.payload) == {
                "errorType": "Sandbox.Timedout",
                "errorMessage": f"RequestId: {invocation.id} Error: "
                "Task timed out after 1.00 seconds",
            }
            await invocation.wait_until_reported()
            assert await has_ended(int(log.own[0]))
            assert log.own[1].endswith(f"Z {invocation.id} Task timed out after 1.00 seconds")
            duration = re.search(r"\tDuration: ([\d.]+) ms", log[-1])
            assert duration is not None
            assert 1000 <= float(duration[1]) < 10_000

            again = invoke(pool, respond("2"))
            assert (await again.wait()).payload == b"2"
            await again.wait_until_reported()
            assert "Init Duration" not in log[-1]
            # Said once: by the line above, and by the status in REPORT.
            assert len([line for line in log if "timed out" in line]) == 1
            assert len([line for line in log if line.endswith("\tStatus: timeout")]) == 1

    run(test())


def test_deadline() -> None:
    """
    The deadline that the runtime is told is the timeout that is enforced.
    """

    async def test() -> None:
        async with open_pool(obedient(timeout=7), Recorder()) as pool:
            before = time.time()
            invocation = invoke(pool, respond())
            await invocation.wait()
            assert before + 7 <= invocation.deadline_ms / 1000 + 0.001 <= time.time() + 7.001

    run(test())


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        (["exit", 3], "Runtime exited with error: exit status 3"),
        (["exit", 0], "Runtime exited without providing a reason"),
        (["kill", signal.SIGKILL], "Runtime exited with error: signal: killed"),
        (["kill", signal.SIGSEGV], "Runtime exited with error: signal: segmentation fault"),
    ],
)
def test_exit_during_an_invocation(step: list[object], reason: str) -> None:
    """
    A runtime that ends without an answer is an error that says how, to the caller and in the log;
    what it wrote is not lost, and its memory is reported.
    """
    answer, log = run(outcome(obedient(), ["write", "last words"], step))

    assert without_id(answer) == ends(reason)
    assert [re.sub(ID, "ID", line) for line in log.own] == [
        "last words",
        f"RequestId: ID Error: {reason}",
        "Runtime.ExitError",
    ]
    assert log[-2].startswith("END ")
    assert log[-1].endswith("\tStatus: error\tError Type: Runtime.ExitError")
    memory = re.search(r"\tMax Memory Used: (\d+) MB\t", log[-1])
    assert memory is not None
    assert int(memory[1]) > 0


LOSSES: dict[str, list[list[Any]]] = {
    "timeout": [["sleep", 600]],
    "exit": [["exit", 1]],
    "exit after the answer": [respond(), ["exit", 1]],
}


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_init_after_a_crash(loss: list[list[Any]]) -> None:
    """
    What takes the place of an environment that was lost is initialised within the next invocation:
    in its Duration, before its START, and without an Init Duration. After that all is as before.
    """

    async def test() -> None:
        log = Recorder()
        init: list[list[Any]] = [["write", "init\n"], ["sleep", 0.2]]
        async with open_pool(obedient(*init, timeout=1), log) as pool:
            await invoke(pool, *loss).wait_until_reported()
            log.clear()
            for number in range(2):
                assert (await invoke(pool, respond(str(number))).wait()).payload == b"%d" % number
                await asyncio.sleep(0)
            second = invoke(pool, respond())
            await second.wait_until_reported()
            assert [line.split()[0] for line in log if not line.startswith("202")] == [
                "init",
                *["START", "END", "REPORT"] * 3,
            ]
            durations = [
                float(line.partition("Duration: ")[2].split()[0])
                for line in log
                if line.startswith("REPORT")
            ]
            assert durations[0] > 200 > durations[1]
            assert not [line for line in log if "Init Duration" in line]

    run(test())


def test_init_that_times_out_within_an_invocation() -> None:
    """
    An init within an invocation has the function's timeout: it is reported, and then the timeout.
    """

    async def test() -> None:
        log = Recorder()
        async with open_pool(obedient(["sleep", 0.6], timeout=0.5), log) as pool:
            # Outside an invocation it may take longer.
            await invoke(pool, ["exit", 1]).wait_until_reported()
            log.clear()
            answer = await invoke(pool, respond()).wait()
            assert json.loads(answer.payload)["errorType"] == "Sandbox.Timedout"
            await log.wait_for("REPORT")
        assert log[0].startswith("INIT_REPORT Init Duration: ")
        assert log[0].endswith("\tPhase: invoke\tStatus: timeout")
        assert log[1].startswith("START ")
        assert log[2].endswith("Task timed out after 0.50 seconds")
        assert log[3].startswith("END ")
        assert log[4].endswith("\tStatus: timeout")

    run(test())


def test_new_code_is_a_new_start() -> None:
    """
    After the code has been saved, a crash of what ran before counts no more.
    """

    async def test() -> None:
        log = Recorder()
        async with open_pool(obedient(), log) as pool:
            await invoke(pool, ["exit", 1]).wait_until_reported()
            pool.renew()
            await invoke(pool, respond()).wait_until_reported()
            assert "Init Duration" in log[-1]

    run(test())


def test_json_log_format() -> None:
    """
    With the log format JSON, Lambda's own lines are JSON, too.
    """
    function = obedient(environment={"AWS_LAMBDA_LOG_FORMAT": "JSON"})

    async def test() -> None:
        log = Recorder()
        async with open_pool(function, log) as pool:
            answered = invoke(pool, respond())
            await answered.wait_until_reported()
            crashed = invoke(pool, ["exit", 1])
            await crashed.wait_until_reported()
        events = [json.loads(line) for line in log if line.startswith("{")]
        assert [line for line in log if not line.startswith("{")] == ['202 {"status":"OK"}']
        told = [(each["type"], each["record"]["requestId"]) for each in events]
        assert told == [
            ("platform.start", answered.id),
            ("platform.report", answered.id),
            ("platform.start", crashed.id),
            ("platform.runtimeDone", crashed.id),
            ("platform.report", crashed.id),
        ]
        first, last = events[1]["record"], events[-1]["record"]
        assert (first["status"], first["metrics"]["memorySizeMB"]) == ("success", 128)
        assert "initDurationMs" in first["metrics"]
        assert (last["status"], last["errorType"]) == ("error", "Runtime.ExitError")

    run(test())


def test_exit_after_the_answer() -> None:
    """
    A runtime may end after its answer: that counts, and the next event is served anew.
    """

    async def test() -> None:
        log = Recorder()
        async with open_pool(obedient(), log) as pool:
            invocation = invoke(pool, respond(), ["exit", 1])
            assert not (await invocation.wait()).failed
            await invocation.wait_until_reported()
            assert not (await invoke(pool, respond()).wait()).failed

    run(test())


def test_exit_while_idle() -> None:
    """
    An environment that has died in between is not used again.
    """

    async def test() -> None:
        log = Recorder()
        async with open_pool(obedient(["write", f"{os.getpid()}\n"]), log) as pool:
            invocation = invoke(pool, respond())
            await invocation.wait_until_reported()
            (environment,) = pool.environments.values()
            assert environment.process is not None
            os.kill(environment.process.pid, signal.SIGKILL)
            assert environment._exit is not None
            await asyncio.shield(environment._exit)
            assert (await invoke(pool, respond("2")).wait()).payload == b"2"

    run(test())


def test_init_error() -> None:
    """
    A reported init error is the function's error, as the runtime has put it.
    """
    document = {"errorMessage": "no module", "errorType": "Runtime.ImportModuleError"}
    report = ["POST", "/init/error", json.dumps(document)]
    steps = ["write", "oops\n"], report, ["write", "bye\n"], ["exit", 1]
    answer, log = run(outcome(obedient(*steps)))

    assert answer == document
    # Once on its own, and once more as a part of the invocation.
    assert log.count("oops") == log.count("bye") == 2
    told = [line for line in log if line.startswith(("START", "INIT_REPORT", "END", "REPORT"))]
    assert [line.split()[0] for line in told] == [
        "INIT_REPORT",
        "INIT_REPORT",
        "START",
        "END",
        "REPORT",
    ]
    assert told[0].endswith("Phase: init\tStatus: error\tError Type: Runtime.Unknown")
    assert told[1].endswith("Phase: invoke\tStatus: error\tError Type: Runtime.Unknown")
    assert "Init Duration" not in told[-1]
    assert told[-1].endswith("\tStatus: error\tError Type: Runtime.Unknown")


def test_log_of_an_exit_during_init() -> None:
    """
    The log of a runtime that ends at its start has the lines of the recording, in their order.
    """
    _, log = run(outcome(obedient(["exit", 0])))
    told = [re.sub(f"{ID}|[0-9.]+(?= m)", "N", line) for line in log]
    assert [line.partition("\tBilled")[0] for line in told] == LOG_OF_AN_EXIT_DURING_INIT


def test_init_error_and_no_end() -> None:
    """
    A runtime that does not end after an init error is ended.
    """
    report = ["POST", "/init/error", '{"errorType": "X"}']
    answer, _ = run(outcome(obedient(report, ["sleep", 600])))

    assert answer == {"errorType": "X"}


def test_exit_during_init() -> None:
    """
    A runtime that ends before it asks for an event is an error that says how.
    """
    answer, log = run(outcome(obedient(["write", "oops\n"], ["exit", 7])))

    assert without_id(answer) == ends("Runtime exited with error: exit status 7")
    assert log[0] == "oops"


def test_init_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    An init has the function's timeout and 10 s, and no more.
    """
    assert pool_module.INIT_LIMIT == 10
    monkeypatch.setattr(pool_module, "INIT_LIMIT", 0)
    answer, _ = run(outcome(obedient(["sleep", 600], timeout=0.5)))

    assert without_id(answer) == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": "RequestId: ID Error: Task timed out after 0.50 seconds",
    }


@pytest.mark.parametrize("settings", [{"command": ["/no/such/runtime"]}, {"command": ["/"]}])
def test_command_that_cannot_run(settings: dict[str, list[str]]) -> None:
    """
    A command that is not there is the caller's error, and leaves nothing open.
    """
    answer, log = run(outcome(obedient(**settings)))

    assert answer["errorType"] == "Runtime.InvalidEntrypoint"
    assert settings["command"][0] in answer["errorMessage"]
    assert log[-1].startswith("REPORT ")


def test_no_sockets_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    If this machine has no port or pipe to give, the caller is told.
    """

    def fail() -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(os, "pipe", fail)
    answer, _ = run(outcome(obedient()))

    assert "Too many open files" in answer["errorMessage"]


class TestClose:
    def test_children_end(self) -> None:
        """
        Nothing is left when the pool has closed: no runtime, idle or busy, and no child of one.
        """

        async def test() -> list[int]:
            log = Recorder()
            async with open_pool(obedient(), log) as pool:
                busy = invoke(pool, ["start", ["sleep", "600"]], ["sleep", 600])
                child = int(await number(log))
                idle = invoke(pool, respond())
                await idle.wait_until_reported()
                processes = [e.process for e in pool.environments.values()]
                pids = [process.pid for process in processes if process is not None]
                assert len(pids) == 2
                assert all(map(is_alive, [child, *pids]))
            with pytest.raises(asyncio.CancelledError):
                await busy.wait()
            await busy.wait_until_reported()
            for pid in (child, *pids):
                assert await has_ended(pid)
            return pids

        run(test())

    def test_what_waits(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        What is queued when the pool closes is lost, and no process is started for it or after.
        """
        monkeypatch.setattr(environment_module, "ASKS_AGAIN", 30)

        async def test() -> None:
            log = Recorder()
            async with open_pool(obedient(["write", "init\n"]), log) as pool:
                first = invoke(pool, respond(), ["await", str(tmp_path / "never")])
                await first.wait()
                queued = invoke(pool, respond())
                assert len(pool.environments) == 1
            assert (first.stage, queued.stage) == (Stage.REPORTED, Stage.LOST)
            late = invoke(pool, respond())
            assert late.stage is Stage.THROTTLED
            assert not pool.environments
            assert log.count("init") == 1

        run(test())

    def test_close_during_init(self) -> None:
        """
        An init that is ended with the pool is neither repeated nor reported.
        """

        async def test() -> None:
            log = Recorder()
            async with open_pool(obedient(["write", "init\n"], ["sleep", 600]), log) as pool:
                waiting = invoke(pool, respond())
                await log.wait_for("init")
            assert waiting.stage is Stage.LOST
            assert not pool.environments
            assert log == ["init"]

        run(test())

    def test_process_that_ignores_sigterm(self, tmp_path: Path) -> None:
        """
        A process that does not obey SIGTERM is killed.
        """
        script = tmp_path / "stubborn.sh"
        script.write_text("trap '' TERM\necho ready\nwhile true; do sleep 0.05; done\n")

        async def test() -> None:
            log = Recorder()
            async with open_pool(obedient(command=["sh", str(script)]), log) as pool:
                invoke(pool)
                await log.wait_for("ready")
                (environment,) = pool.environments.values()
                assert environment.process is not None
                pid = environment.process.pid
            assert await has_ended(pid)

        run(test())

    def test_process_that_is_just_being_started(self) -> None:
        """
        A process on its way into the world is not forgotten.
        """

        async def test() -> None:
            async with open_pool(obedient(["sleep", 600]), Recorder()) as pool:
                invoke(pool)
                (environment,) = pool.environments.values()
                while environment.process is None:
                    await asyncio.sleep(0)
                pid = environment.process.pid
            assert await has_ended(pid)

        run(test())


async def number(log: Recorder) -> str:
    """Return the first line that is a number, when it is there."""
    await until(lambda: any(map(str.isdigit, log)), "a number in the log")
    return next(line for line in log if line.isdigit())


class TestAfterTheEnd:
    """At the function's concurrency, an environment that ends makes room for the next event."""

    def test_timeout(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        After a timeout, while the process is still being ended.
        """
        monkeypatch.setattr(environment_module, "ASKS_AGAIN", 0)

        class Impatient:
            """A caller that invokes again as soon as it has its answer."""

            wants_pieces = False

            def __init__(self, pool: Pool) -> None:
                self._pool = pool
                self.following: Invocation | None = None

            def piece(self, invocation: Invocation, data: bytes) -> None: ...
            def reported(self, invocation: Invocation) -> None: ...
            def throttled(self, invocation: Invocation) -> None: ...

            def answered(self, invocation: Invocation, answer: Answer) -> None:
                asyncio.get_running_loop().call_soon(self._again)

            def _again(self) -> None:
                self.following = invoke(self._pool, respond())

        async def test() -> None:
            async with open_pool(obedient(concurrency=1, timeout=1), Recorder()) as pool:
                caller = Impatient(pool)
                steps = json.dumps([["sleep", 60]]).encode()
                assert (await pool.invoke(steps, caller=caller).wait()).failed
                await until(lambda: caller.following is not None)
                assert caller.following is not None
                assert not (await caller.following.wait()).failed

        run(test())

    def test_exit_after_the_answer(self) -> None:
        """
        After a failure was answered, until the process has exited.
        """
        failure = ["POST", "/invocation/{id}/error", "{}"]

        async def test() -> None:
            async with open_pool(obedient(concurrency=1), Recorder()) as pool:
                assert (await invoke(pool, failure, ["sleep", 0.5], ["exit", 1]).wait()).failed
                assert not (await invoke(pool, respond()).wait()).failed

        run(test())
