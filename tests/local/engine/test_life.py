"""The life of an execution environment, as Lambda has it."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from amazon_lambda_runtime.local.engine import environment as environment_module
from amazon_lambda_runtime.local.engine import extensions as extensions_module
from amazon_lambda_runtime.local.engine import pool as pool_module
from amazon_lambda_runtime.local.engine.function import LocalFunction
from amazon_lambda_runtime.local.engine.invocation import Answer
from amazon_lambda_runtime.local.engine.pool import Pool
from amazon_lambda_runtime.local.engine.states import Stage, State
from amazon_lambda_runtime.local.server import open_pool
from tests.local.serving import python_function
from tests.local.support import (
    PATIENCE,
    Recorder,
    has_ended,
    invoke,
    obedient,
    respond,
    run,
    source_path,
    until,
)


def process_state(pid: int) -> str:
    """Return the kernel's letter for what a process does: S sleeps, T is stopped."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def only(pool: Pool) -> Any:
    (environment,) = pool.environments.values()
    return environment


class TestFreezing:
    def test_between_invocations(self, tmp_path: Path) -> None:
        """
        The process stands still between invocations, a thread of it too, and goes on for the next.
        """
        source = """
import threading, time
count = 0

def work():
    global count
    while True:
        count += 1
        time.sleep(0.001)

threading.Thread(target=work, daemon=True).start()

def handler(event, context):
    return count
"""

        async def test() -> None:
            async with open_pool(python_function(tmp_path, source), Recorder()) as pool:
                first = int((await pool.invoke(b"{}").wait()).payload)
                environment = only(pool)
                await until(lambda: environment.state is State.FROZEN)
                pid = environment.process.pid
                await until(lambda: process_state(pid) == "T")
                await asyncio.sleep(0.5)
                second = int((await pool.invoke(b"{}").wait()).payload)
                # In half a second it would have counted to some hundreds.
                assert second - first < 200
                assert len(pool.environments) == 1

        run(test())

    def test_not_at_all(self) -> None:
        """
        With `freeze` off the process runs on.
        """

        async def test() -> None:
            async with open_pool(obedient(freeze=False), Recorder()) as pool:
                await invoke(pool, respond()).wait_until_reported()
                await asyncio.sleep(0.1)
                assert only(pool).state is State.IDLE
                assert process_state(only(pool).process.pid) != "T"

        run(test())

    def test_end_of_the_idle(self) -> None:
        """
        An environment that was idle for long is ended, frozen or not.
        """

        async def test() -> None:
            async with open_pool(obedient(idle=0.2), Recorder()) as pool:
                await invoke(pool, respond()).wait_until_reported()
                pid = only(pool).process.pid
                await until(lambda: not pool.environments)
                assert await has_ended(pid)
                assert (await invoke(pool, respond("2")).wait()).payload == b"2"

        run(test())


class TestLimits:
    def test_memory(self, tmp_path: Path) -> None:
        """
        A function that takes more than its memory is killed, and the next finds a new environment.
        """
        source = """
import time

def handler(event, context):
    if event:
        held = bytearray(200_000_000)
        time.sleep(20)
    return 1
"""

        async def test() -> None:
            log = Recorder()
            async with open_pool(python_function(tmp_path, source, memory=128), log) as pool:
                invocation = pool.invoke(b"1")
                answer = await invocation.wait()
                assert json.loads(answer.payload) == {
                    "errorType": "Runtime.OutOfMemory",
                    "errorMessage": f"RequestId: {invocation.id} Error: "
                    "Runtime exited with error: signal: killed",
                }
                report = await log.wait_for(f"REPORT RequestId: {invocation.id}")
                assert "Max Memory Used: 128 MB" in report
                assert report.endswith("Status: error\tError Type: Runtime.OutOfMemory")
                assert (await pool.invoke(b"0").wait()).payload == b"1"

        run(test())

    def test_memory_used(self, tmp_path: Path) -> None:
        """
        REPORT tells the most that the process has had, also if it was for a moment.
        """
        source = """
def handler(event, context):
    held = bytearray(100_000_000)
    del held
    return 1
"""

        async def test() -> None:
            log = Recorder()
            async with open_pool(python_function(tmp_path, source, memory=512), log) as pool:
                await pool.invoke(b"1").wait_until_reported()
            used = int(log[-1].partition("Max Memory Used: ")[2].split()[0])
            assert 100 < used < 200

        run(test())

    def test_timeout_is_exact(self) -> None:
        """
        The timeout is kept to within a few hundredths of a second.
        """

        async def test() -> None:
            async with open_pool(obedient(timeout=0.5), Recorder()) as pool:
                await invoke(pool, respond()).wait_until_reported()
                taken: list[float] = []
                # Another process may have the CPU when the time is up, but not each time.
                while not taken or (taken[-1] > 0.6 and len(taken) < 5):
                    await invoke(pool, respond()).wait_until_reported()
                    begun = time.perf_counter()
                    assert (await invoke(pool, ["sleep", 30]).wait()).failed
                    taken.append(time.perf_counter() - begun)
                assert min(taken) > 0.49
                assert taken[-1] < 0.6

        run(test())

    def test_init_takes_too_long(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        An init that takes too long is ended, and done once more under the function's timeout.
        """
        monkeypatch.setattr(pool_module, "INIT_LIMIT", 0.3)

        async def test() -> None:
            log = Recorder()
            async with open_pool(obedient(["sleep", 1]), log) as pool:
                answer = await invoke(pool, respond("1")).wait()
                assert answer.payload == b"1"
                first = await log.wait_for("INIT_REPORT")
                assert first.endswith("Phase: init\tStatus: timeout")
                report = await log.wait_for("REPORT RequestId")
                assert float(report.partition("Duration: ")[2].split()[0]) > 900
                assert "Init Duration" not in report

        run(test())

    def test_concurrency(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        There are as many environments as allowed, and no more; who finds none is told.
        """
        monkeypatch.setattr(environment_module, "ASKS_AGAIN", PATIENCE)

        async def test() -> None:
            async with open_pool(obedient(concurrency=1), Recorder()) as pool:
                busy = invoke(pool, ["sleep", 0.5], respond())
                refused = invoke(pool, respond())
                assert refused.stage is Stage.THROTTLED
                assert not (await busy.wait()).failed
                # It has answered and will ask again: that is worth a moment.
                assert not (await invoke(pool, respond()).wait()).failed

        run(test())


INTERNAL = """
from amazon_lambda_runtime import Runtime

class Tidy(Runtime):
    def handler(self, event, context):
        return 1

    def on_shutdown(self):
        print("tidied up", flush=True)
"""

EXTERNAL = """#!{python}
import http.client, json, os, sys

def call(method, path, body=None, **headers):
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    connection.request(method, "/2020-01-01/extension/" + path, body, headers)
    response = connection.getresponse()
    return response.headers, response.read()

events = json.dumps({{"events": ["INVOKE", "SHUTDOWN"]}})
headers, answer = call("POST", "register", events, **{{"Lambda-Extension-Name": "watcher"}})
print("extension of", json.loads(answer)["functionName"], flush=True)
me = {{"Lambda-Extension-Identifier": headers["Lambda-Extension-Identifier"]}}
while True:
    event = json.loads(call("GET", "event/next", **me)[1])
    print("extension got", event["eventType"], event.get("shutdownReason", ""), flush=True)
    if event["eventType"] == "SHUTDOWN":
        break
"""


class TestExtensions:
    @pytest.fixture(autouse=True)
    def windows(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A busy machine may not give a process its turn within 150 ms."""
        assert (extensions_module.INTERNAL_WINDOW, extensions_module.EXTERNAL_WINDOW) == (0.5, 2)
        monkeypatch.setattr(extensions_module, "INTERNAL_WINDOW", PATIENCE)
        monkeypatch.setattr(extensions_module, "EXTERNAL_WINDOW", PATIENCE)

    def test_internal(self, tmp_path: Path) -> None:
        """
        A function with an extension in its process is sent SIGTERM, and may tidy up.
        """
        function = python_function(tmp_path, INTERNAL)
        log = Recorder()

        async def test() -> None:
            async with open_pool(function, log) as pool:
                assert (await pool.invoke(b"{}").wait()).payload == b"1"
                await until(lambda: only(pool).state is State.FROZEN)

        run(test())
        assert "tidied up" in log

    def test_external(self, tmp_path: Path) -> None:
        """
        An executable in the folder is started with the environment, and gets its events.
        """
        folder = tmp_path / "extensions"
        folder.mkdir()
        watcher = folder / "watcher"
        watcher.write_text(EXTERNAL.format(python=sys.executable))
        watcher.chmod(0o755)
        (folder / "README").write_text("no executable")
        log = Recorder()

        async def test() -> None:
            async with open_pool(obedient(extensions=str(folder)), log) as pool:
                for _ in range(2):
                    await invoke(pool, respond()).wait_until_reported()

        run(test())
        assert log[0] == "extension of hello"
        assert [line for line in log if line.startswith("extension got")] == [
            "extension got INVOKE ",
            "extension got INVOKE ",
            "extension got SHUTDOWN spindown",
        ]

    def test_what_is_refused(self) -> None:
        """
        Extensions register once, before the first event, by name, and for events that there are.
        """
        code = """
import http.client, json, os, sys

def call(method, path, body=None, **headers):
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    print(response.status, json.loads(response.read() or b"{}").get("errorType"), flush=True)

register = "/2020-01-01/extension/register"
name = {"Lambda-Extension-Name": "me"}
call("POST", register, "{}")
call("POST", register, "{", **name)
call("POST", register, '{"events": ["LUNCH"]}', **name)
call("POST", register, '{"events": ["SHUTDOWN"]}', **name)
call("POST", register, "{}", **name)
call("POST", register, "{}", **name)
call("GET", "/2020-01-01/extension/event/next")
for identifier in ("", "nope", "01234567-89ab-4cde-8f01-23456789abcd"):
    me = {"Lambda-Extension-Identifier": identifier}
    call("GET", "/2020-01-01/extension/event/next", **me)
    call("POST", "/2020-01-01/extension/init/error", "{}", **me)
call("POST", register, '{"events": "INVOKE"}', **{"Lambda-Extension-Name": "you"})
call("POST", register, "[]", **{"Lambda-Extension-Name": "you"})
call("PUT", "/2022-07-01/telemetry", "{}")
"""
        log = Recorder()

        async def test() -> None:
            async with open_pool(obedient(command=[sys.executable, "-c", code]), log) as pool:
                await pool.invoke(b"{}").wait()

        run(test())
        assert log[:16] == [
            "400 Extension.InvalidExtensionName",
            "400 InvalidRequestFormat",
            "400 Extension.InvalidEventType",
            "400 ShutdownEventNotSupportedForInternalExtension",
            "200 None",
            "403 Extension.AlreadyRegistered",
            "403 Extension.MissingExtensionIdentifier",
            *["403 Extension.MissingExtensionIdentifier"] * 2,
            *["403 Extension.InvalidExtensionIdentifier"] * 2,
            *["403 Extension.UnknownExtensionIdentifier"] * 2,
            *["400 InvalidRequestFormat"] * 2,
            "202 Telemetry.NotSupported",
        ]


MANAGED = """
import os, time
from amazon_lambda_runtime import Runtime

class Many(Runtime):
    concurrency = {mode!r}

    def handler(self, event, context):
        while "hold" in event and not os.path.exists(event["hold"]):
            time.sleep(0.01)
        time.sleep(event.get("sleep", 0))
        return {{"pid": os.getpid(), "id": context.aws_request_id}}
"""


class TestManagedInstances:
    @pytest.mark.parametrize("mode", ["processes", "threads"])
    def test_many_at_a_time(self, mode: str, tmp_path: Path) -> None:
        """
        One environment takes as many invocations at a time as it may, and one more is refused.
        """
        function = python_function(
            tmp_path, MANAGED.format(mode=mode), max_concurrency=3, concurrency=1, memory=0
        )

        async def test() -> None:
            async with open_pool(function, Recorder()) as pool:
                await pool.invoke(b"{}").wait()
                begun = time.perf_counter()
                several = [pool.invoke(b'{"sleep": 1}') for _ in range(3)]
                answers = [json.loads((await each.wait()).payload) for each in several]
                assert time.perf_counter() - begun < 2.9
                assert [answer["id"] for answer in answers] == [each.id for each in several]
                assert len({answer["pid"] for answer in answers}) == (
                    3 if mode == "processes" else 1
                )
                assert len(pool.environments) == 1

        run(test())

    def test_timeout(self, tmp_path: Path) -> None:
        """
        A timeout ends the caller's wait and not the worker, whose late answer is refused.
        """
        function = python_function(
            tmp_path, MANAGED.format(mode="processes"), max_concurrency=2, timeout=1, memory=0
        )

        async def test() -> None:
            log = Recorder()
            async with open_pool(function, log) as pool:
                await pool.invoke(b"{}").wait()
                late = await pool.invoke(b'{"sleep": 1.5}').wait()
                assert json.loads(late.payload)["errorType"] == "Sandbox.Timedout"
                await until(lambda: any("HTTP 410" in line for line in log))
                assert any("Invoke timeout" in line for line in log)
                assert not (await pool.invoke(b"{}").wait()).failed
                assert len(pool.environments) == 1

        run(test())

    @pytest.mark.parametrize("concurrency", [0, 2])
    def test_second_answer_in_a_stream(self, concurrency: int) -> None:
        """
        What is answered while a stream is still open is the answer; the stream's end changes
        nothing, here and where one invocation runs at a time, and the next event is served.
        """
        path = "/invocation/{id}/response"
        function = obedient(max_concurrency=concurrency, memory=0)

        async def test() -> None:
            log = Recorder()
            async with open_pool(function, log) as pool:
                twice = invoke(pool, ["stream", path, [respond("2")]])
                assert await twice.wait() == Answer(b"2")
                await twice.wait_until_reported()  # else there may be a second environment
                after = invoke(pool, respond("3"))
                assert await after.wait() == Answer(b"3")
                await after.wait_until_reported()
                await until(lambda: len(log.own) == 3)
                assert [line.partition(" ")[0] for line in log.own] == ["202", "202", "202"]
                assert sum(line.startswith("REPORT") for line in log) == 2
                assert len(pool.environments) == 1

        run(test())

    def test_long_line(self, tmp_path: Path) -> None:
        """
        A worker's line is cut as any other, and the worker goes on logging.
        """
        source = MANAGED.format(mode="processes").replace(
            "        while", "        print('x' * event.get('print', 1))\n        while", 1
        )
        function = python_function(tmp_path, source, max_concurrency=2, memory=0)

        async def test() -> None:
            log = Recorder()
            async with open_pool(function, log) as pool:
                assert not (await pool.invoke(b'{"print": 400000}').wait()).failed
                assert "cut here" in await log.wait_for("xx")
                for number in range(2, 5):
                    assert not (await pool.invoke(b'{"print": %d}' % number).wait()).failed
                    await until(lambda n=number: "x" * n in log)  # type: ignore[misc]

        run(test())

    def test_reload(self, tmp_path: Path) -> None:
        """
        When the code is saved, an environment runs all that it has to the end, and then ends.
        """
        function = python_function(
            tmp_path, MANAGED.format(mode="threads"), max_concurrency=3, memory=0
        )

        async def test() -> None:
            files = [tmp_path / "one", tmp_path / "two"]
            async with open_pool(function, Recorder()) as pool:
                await pool.invoke(b"{}").wait_until_reported()
                old = only(pool)
                await until(lambda: len(old._requests) == 3, "the request of every worker")
                held = [pool.invoke(json.dumps({"hold": str(file)}).encode()) for file in files]
                pool.renew()
                for file, invocation in zip(files, held, strict=True):
                    assert old.state is State.BUSY
                    file.touch()
                    assert not (await invocation.wait()).failed
                    await invocation.wait_until_reported()
                await until(lambda: old.state is State.GONE)
                assert not (await pool.invoke(b"{}").wait()).failed
                assert old.number not in pool.environments

        run(test())

    def test_awslambdaric(self, tmp_path: Path) -> None:
        """
        AWS's own runtime serves many at a time here, too.
        """
        pytest.importorskip("awslambdaric", reason="awslambdaric is not installed")
        (tmp_path / "mod.py").write_text("def handler(event, context):\n    return event\n")
        function = LocalFunction(
            "hello",
            "mod.handler",
            [sys.executable, "-m", "awslambdaric", "mod.handler"],
            str(tmp_path),
            timeout=PATIENCE,
            memory=0,
            max_concurrency=2,
        )

        async def test() -> None:
            async with open_pool(function, Recorder()) as pool:
                several = [pool.invoke(b'{"n": %d}' % number) for number in range(2)]
                answers = [json.loads((await each.wait()).payload) for each in several]
                assert answers == [{"n": 0}, {"n": 1}]

        run(test())


STRAYS = """
import os, subprocess, sys, time

CODE = "import time; b = bytearray(70_000_000); print(1, flush=True); time.sleep(600)"

def handler(event, context):
    # One in a session of its own, and one whose parent has ended besides.
    child = subprocess.Popen([sys.executable, "-c", CODE], start_new_session=True)
    shell = f'"{sys.executable}" -c "{CODE}" >&2 & echo $!'
    daemon = subprocess.run(
        ["setsid", "sh", "-c", shell], stdout=subprocess.PIPE, text=True, check=True
    )
    pids = [child.pid, int(daemon.stdout)]
    print("strays", *pids, flush=True)
    time.sleep(event["sleep"])
    return pids
"""


class TestStrays:
    """Processes that have left the group of their environment, and their parents."""

    def test_frozen_and_ended(self, tmp_path: Path) -> None:
        """
        They are frozen with their environment, go on with it, and end with it.
        """
        function = python_function(tmp_path, STRAYS, memory=0)

        async def test() -> list[int]:
            async with open_pool(function, Recorder()) as pool:
                invocation = pool.invoke(b'{"sleep": 1}')
                pids: list[int] = json.loads((await invocation.wait()).payload)
                await invocation.wait_until_reported()
                await until(lambda: only(pool).state is State.FROZEN)
                await until(lambda: [*map(process_state, pids)] == ["T", "T"])
                only(pool).process.thaw()
                await until(lambda: "T" not in map(process_state, pids))
            for pid in pids:
                await has_ended(pid)
            return pids

        assert len(run(test())) == 2

    def test_timeout(self, tmp_path: Path) -> None:
        """
        They end with a timeout.
        """
        function = python_function(tmp_path, STRAYS, memory=0, timeout=2)

        async def test() -> None:
            log = Recorder()
            async with open_pool(function, log) as pool:
                assert (await pool.invoke(b'{"sleep": 600}').wait()).failed
                line = await log.wait_for("strays")
                for pid in line.split()[1:]:
                    await has_ended(int(pid))

        run(test())

    def test_memory(self, tmp_path: Path) -> None:
        """
        They count for the function's memory.
        """
        function = python_function(tmp_path, STRAYS, memory=128)

        async def test() -> None:
            log = Recorder()
            async with open_pool(function, log) as pool:
                assert (await pool.invoke(b'{"sleep": 20}').wait()).failed
                assert "Runtime.OutOfMemory" in await log.wait_for("REPORT")

        run(test())


def test_nothing_outlives_the_server(tmp_path: Path) -> None:
    """
    Whatever ends the server, its processes end with it, frozen ones and their children too.
    """
    code = f"""
import asyncio, sys
sys.path[:0] = [{source_path()!r}]
from amazon_lambda_runtime.local.engine.function import LocalFunction
from amazon_lambda_runtime.local.engine.invocation import Answer
from amazon_lambda_runtime.local.server import open_pool

source = '''
import subprocess, sys, http.client, os
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
stray = subprocess.Popen(
    [sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True
)
print("pids", os.getpid(), child.pid, stray.pid, flush=True)
connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
connection.request("GET", "/2018-06-01/runtime/invocation/next")
connection.getresponse()
import time; time.sleep(600)
'''

async def main():
    function = LocalFunction("f", "-", [sys.executable, "-c", source], "/", timeout=600)
    async with open_pool(function, lambda line, request_id="": print(line, flush=True)) as pool:
        await pool.invoke(b"{{}}").wait()

asyncio.run(main())
"""
    server = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    line = server.stdout.readline()
    pids = [int(word) for word in line.split()[1:]]
    assert len(pids) == 3
    os.kill(pids[0], signal.SIGSTOP)  # as if it were frozen
    server.kill()
    server.wait()
    server.stdout.close()

    async def ended() -> None:
        for pid in pids:
            await has_ended(pid)

    run(ended())
