"""The parts that need no process: states, output, report, host check, a function's environment."""

import asyncio
import json
import os
import re
import sys

import pytest

from amazon_lambda_runtime.local.engine import report
from amazon_lambda_runtime.local.engine.function import LocalFunction
from amazon_lambda_runtime.local.engine.invocation import Invocation, exit_reason
from amazon_lambda_runtime.local.engine.output import LINE_LIMIT, Lines, Output, to_stderr
from amazon_lambda_runtime.local.engine.process import Process
from amazon_lambda_runtime.local.engine.reaper import Reaper
from amazon_lambda_runtime.local.engine.report import Done, Json, Text
from amazon_lambda_runtime.local.engine.states import TRANSITIONS, Event, State
from amazon_lambda_runtime.local.host_check import refusal
from tests.local.support import Recorder, run


def test_every_state_is_in_the_table() -> None:
    """
    Every state has its row, can be reached, and leads to `gone`, from where nothing leads.
    """
    assert set(TRANSITIONS) == set(State)
    reached = {State.STARTING}.union(*(row.values() for row in TRANSITIONS.values()))
    assert reached == set(State)
    assert TRANSITIONS[State.GONE] == {}
    for state in set(State) - {State.GONE}:
        assert TRANSITIONS[state][Event.EXIT] is State.GONE


class TestOutput:
    def test_lines(self) -> None:
        """
        Lines are passed on in order when they are complete, without their line ends.
        """

        async def test() -> list[str]:
            log = Recorder()
            output = Output(log)
            os.write(output.write_end, b"one\r\ntwo\nthr")
            await log.wait_for("two")
            os.write(output.write_end, b"ee\n")
            await log.wait_for("three")
            os.close(output.write_end)
            output.close()
            return log

        assert run(test()) == ["one", "two", "three"]

    def test_flush(self) -> None:
        """
        A flush passes on at once all that has been written, also half a line and bad UTF-8.
        """

        async def test() -> list[str]:
            log = Recorder()
            output = Output(log)
            os.write(output.write_end, b"one\n\xff half")
            output.flush()
            before = list(log)
            os.close(output.write_end)
            output.close()
            return before

        assert run(test()) == ["one", "\ufffd half"]

    def test_end(self) -> None:
        """
        When the last writer has closed the pipe, reading ends.
        """

        async def test() -> list[str]:
            log = Recorder()
            output = Output(log)
            os.write(output.write_end, b"last\n")
            os.close(output.write_end)
            await log.wait_for("last")
            output.flush()
            output.close()
            return log

        assert run(test()) == ["last"]

    def test_endless_line(self) -> None:
        """
        A line without end is cut at 256 KiB, and says so; a flood lets other work have its turn.
        """

        async def test() -> list[str]:
            log = Recorder()
            output = Output(log)
            command = ["sh", "-c", "head -c 3000000 /dev/zero; echo end; echo another"]
            process = await asyncio.create_subprocess_exec(*command, stdout=output.write_end)
            os.close(output.write_end)
            await process.wait()
            output.close()
            return log

        cut, another = run(test())
        assert cut == "\0" * 256 * 1024 + " [the line is cut here, at 256 KiB]"
        assert another == "another"

    @pytest.mark.parametrize(("excess", "is_cut"), [(0, False), (1, True), (200_000, True)])
    def test_long_line(self, excess: int, is_cut: bool) -> None:
        """
        A complete line is cut at the same place, wherever its end is read.
        """
        log: list[str] = []
        lines = Lines(log.append)
        data = b"x" * (LINE_LIMIT + excess) + b"\nnext\n"
        for start in range(0, len(data), 65536):
            lines.feed(data[start : start + 65536])
        assert [log[0].startswith("x" * LINE_LIMIT), log[1:]] == [True, ["next"]]
        assert ("cut here" in log[0]) == is_cut
        assert log[0].count("x") == LINE_LIMIT

    def test_flush_of_a_cut_line(self) -> None:
        """
        What is written after a flush belongs to the next invocation, and is a line of its own.
        """
        log: list[str] = []
        lines = Lines(log.append)
        lines.feed(b"x" * (LINE_LIMIT + 1))
        lines.feed(b"dropped")
        lines.flush()
        lines.feed(b"next\n")
        assert [len(log), log[1]] == [2, "next"]

    def test_to_stderr(self, capsys: pytest.CaptureFixture[str]) -> None:
        """
        Unless told otherwise, lines go to stderr: stdout is for responses.
        """
        to_stderr("hello")
        assert capsys.readouterr() == ("", "hello\n")


class TestReport:
    def test_lines(self) -> None:
        """
        The lines are Lambda's own; billing is by the millisecond begun.
        """
        lines = Text()
        assert lines.start("id") == "START RequestId: id Version: $LATEST"
        assert list(lines.done(Done("id", 1.234, 128, 19))) == [
            "END RequestId: id",
            "REPORT RequestId: id\tDuration: 1.23 ms\tBilled Duration: 2 ms\t"
            "Memory Size: 128 MB\tMax Memory Used: 19 MB",
        ]
        cold = list(lines.done(Done("id", 1.0, 128, 19, 30.111)))
        assert cold[-1].endswith("\tInit Duration: 30.11 ms")

    def test_failures(self) -> None:
        """
        What went wrong is told in the log in Lambda's words.
        """
        lines = Text()
        assert lines.init_report(1.234, "init", "Runtime.ExitError") == (
            "INIT_REPORT Init Duration: 1.23 ms\tPhase: init\t"
            "Status: error\tError Type: Runtime.ExitError"
        )
        assert lines.init_report(1, "invoke", "Sandbox.Timedout").endswith("\tStatus: timeout")
        done = Done("id", 3000, 128, 19, status="timeout", reason=report.reason(3))
        first, _, last = lines.done(done)
        assert re.fullmatch(
            r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z id Task timed out after 3.00 seconds", first
        )
        assert last.endswith("\tStatus: timeout")

    def test_json(self) -> None:
        """
        As JSON they are events of the platform, with a time; a success has no END.
        """
        lines = Json()
        event = json.loads(lines.init_report(1.2345, "init", "X.Y"))
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event.pop("time"))
        assert event == {
            "type": "platform.initReport",
            "record": {
                "initializationType": "on-demand",
                "phase": "init",
                "metrics": {"durationMs": 1.234},
                "status": "error",
                "errorType": "X.Y",
            },
        }
        (line,) = lines.done(Done("id", 1.5, 128, 19, 30.2))
        assert json.loads(line)["record"] == {
            "requestId": "id",
            "metrics": {
                "durationMs": 1.5,
                "billedDurationMs": 32,
                "memorySizeMB": 128,
                "maxMemoryUsedMB": 19,
                "initDurationMs": 30.2,
            },
            "status": "success",
        }


class TestProcess:
    def test_memory(self) -> None:
        """
        The memory of a process includes its children's; the peak stays when it has gone down.
        """

        async def test() -> None:
            reaper = Reaper()
            code = (
                "import subprocess, sys, time\n"
                "big = bytearray(60_000_000)\n"
                "child = subprocess.Popen([sys.executable, '-c', "
                "'b = bytearray(60_000_000); print(1, flush=True); import time; time.sleep(60)'])\n"
                "time.sleep(60)"
            )
            read, write = os.pipe()
            command = [sys.executable, "-c", code]
            process = await Process.start(command, "/", dict(os.environ), write, reaper)
            os.close(write)
            await asyncio.to_thread(os.read, read, 1)
            both = process.resident_mb()
            assert both > 120
            assert 60 < process.peak_mb() <= both
            process.kill()
            await process.wait()
            assert process.resident_mb() == 0
            assert process.peak_mb() >= 120
            os.close(read)
            reaper.dismiss()

        run(test())

    def test_no_reaper(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        Where no reaper can be had, functions run all the same.
        """
        monkeypatch.setattr(sys, "executable", "/no/such/python")
        reaper = Reaper()
        reaper.watch(1)
        reaper.forget(1)
        reaper.dismiss()


class TestHostCheck:
    @pytest.mark.parametrize(
        ("headers", "listening_on", "allowed"),
        [
            ({}, "127.0.0.1", True),
            ({"host": "localhost:9000"}, "127.0.0.1", True),
            ({"host": "my.localhost"}, "127.0.0.1", True),
            ({"host": "127.0.0.9:9000"}, "127.0.0.1", True),
            ({"host": "[::1]:9000"}, "127.0.0.1", True),
            ({"host": "evil.example:9000"}, "127.0.0.1", False),
            ({"host": "127.0.0.1.evil.example"}, "127.0.0.1", False),
            ({"host": "192.0.2.1"}, "127.0.0.1", False),
            ({"host": "["}, "127.0.0.1", False),
            ({"host": ""}, "127.0.0.1", False),
            ({"host": "dev.example:9000"}, "dev.example", True),
            # Any address of this machine, but no name: it is names that can be rebound.
            ({"host": "192.0.2.1:9000"}, "0.0.0.0", True),
            ({"host": "evil.example"}, "0.0.0.0", False),
            ({"origin": "http://localhost:3000"}, "127.0.0.1", True),
            ({"origin": "http://127.0.0.1"}, "127.0.0.1", True),
            ({"origin": "https://evil.example"}, "127.0.0.1", False),
            ({"origin": "null"}, "127.0.0.1", False),
            # An <img> or a link of another site, and one of another port of this machine.
            ({"sec-fetch-site": "cross-site"}, "127.0.0.1", False),
            ({"sec-fetch-site": "cross-site"}, "*", False),
            ({"sec-fetch-site": "same-site", "host": "localhost:1"}, "127.0.0.1", True),
            ({"sec-fetch-site": "same-site", "host": "a.example"}, "a.example", False),
            ({"sec-fetch-site": "cross-site", "origin": "http://localhost:1"}, "127.0.0.1", True),
            ({"sec-fetch-site": "cross-site", "origin": "http://a.example"}, "127.0.0.1", False),
            ({"sec-fetch-site": "same-origin"}, "127.0.0.1", True),
            ({"sec-fetch-site": "none"}, "127.0.0.1", True),
        ],
    )
    def test_refusal(self, headers: dict[str, str], listening_on: str, allowed: bool) -> None:
        """
        Only programs of this machine get through, and no page of another site.
        """
        assert (refusal(headers, listening_on) is None) is allowed


class TestFunction:
    def test_process_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        A process gets what Lambda sets, over the function's own, over ours, and no leftovers.
        """
        for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("AWS_EXECUTION_ENV", "AWS_Lambda_rust")
        monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1")
        monkeypatch.setenv("AWS_LAMBDA_LOG_FORMAT", "JSON")
        own = {"STAGE": "dev", "AWS_LAMBDA_FUNCTION_NAME": "mine"}
        function = LocalFunction(
            "hello", "hello.handler", ["x"], "/task", memory=256, environment=own
        )

        env = function.process_environment("127.0.0.1:1")

        assert "AWS_EXECUTION_ENV" not in env
        assert "_X_AMZN_TRACE_ID" not in env
        assert env["AWS_LAMBDA_LOG_FORMAT"] == "JSON"
        assert env["PATH"] == os.environ["PATH"]
        assert env["STAGE"] == "dev"
        assert env["_HANDLER"] == "hello.handler"
        assert env["LAMBDA_TASK_ROOT"] == "/task"
        assert env["AWS_LAMBDA_RUNTIME_API"] == "127.0.0.1:1"
        assert env["AWS_LAMBDA_FUNCTION_NAME"] == "hello"
        assert env["AWS_LAMBDA_FUNCTION_VERSION"] == "$LATEST"
        assert env["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "256"
        assert env["AWS_LAMBDA_INITIALIZATION_TYPE"] == "on-demand"
        assert env["AWS_LAMBDA_LOG_GROUP_NAME"] == "/aws/lambda/hello"
        stream = env["AWS_LAMBDA_LOG_STREAM_NAME"]
        assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", stream)
        assert (env["AWS_REGION"], env["AWS_DEFAULT_REGION"]) == ("us-east-1", "us-east-1")
        assert env["TZ"] == ":UTC"

    def test_region_of_the_caller(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        The caller's region counts, whichever of the two variables has it.
        """
        monkeypatch.delenv("AWS_REGION", raising=False)
        monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")

        env = LocalFunction("hello", "hello.handler", ["x"], "/").process_environment("127.0.0.1:1")

        assert (env["AWS_REGION"], env["AWS_DEFAULT_REGION"]) == ("eu-central-1", "eu-central-1")


class TestInvocation:
    def test_tail(self) -> None:
        """
        The tail is the end of the log, 4 KB of it.
        """

        async def test() -> bytes:
            invocation = Invocation(b"{}")
            for number in range(1000):
                invocation.record(f"line {number} ü")
            return invocation.tail

        tail = run(test())
        assert len(tail) == 4096
        assert tail.endswith("line 999 ü\n".encode())

    def test_tail_of_long_lines(self) -> None:
        """
        Of lines that are longer than the tail, no more is kept than twice the tail.
        """
        invocation = Invocation(b"{}")
        for number in range(100):
            invocation.record(f"{number}" + "x" * 256 * 1024)
            assert sum(map(len, invocation._tail)) <= 2 * 4096
        assert invocation.tail == b"x" * 4095 + b"\n"

    @pytest.mark.parametrize("count", [4095, 4096, 8192, 8193, 8194, 20_000])
    def test_tail_of_empty_lines(self, count: int) -> None:
        """
        The tail is complete however short the lines are, and older lines are not kept.
        """
        invocation = Invocation(b"{}")
        for _ in range(count):
            invocation.record("")
        assert invocation.tail == b"\n" * min(count, 4096)
        assert len(invocation._tail) <= 8192

    @pytest.mark.parametrize(
        ("code", "reason"),
        [
            (0, "Runtime exited without providing a reason"),
            (3, "Runtime exited with error: exit status 3"),
            (-9, "Runtime exited with error: signal: killed"),
            (-11, "Runtime exited with error: signal: segmentation fault"),
            (-32, "Runtime exited with error: signal: signal 32"),
        ],
    )
    def test_exit_reason(self, code: int, reason: str) -> None:
        """
        The end of a process is told in Lambda's words.
        """
        assert exit_reason(code) == reason
