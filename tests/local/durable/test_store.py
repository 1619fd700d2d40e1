"""Executions outlive the command, however it ends: SIGKILL at each point of an execution."""

import json
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .support import FLOWS, Local, eventually


class World:
    """A folder with the files that flows look for, and the command in it, again and again."""

    def __init__(self, folder: Path, *options: str, file: str | None = "") -> None:
        self.folder = folder
        self._file = file
        self.notes, self.go = folder / "notes", folder / "go"
        self._options = options
        self._servers: list[Local] = []

    def open(self) -> Local:
        self._servers.append(Local(self.folder, *self._options, file=self._file))
        return self._servers[-1]

    def start(self, server: Local, flow: str, **event: Any) -> str:
        return server.start(flow, name="it", notes=str(self.notes), go=str(self.go), **event)

    def ran(self) -> Counter[str]:
        """Return how often each step ran that leaves a note."""
        return Counter(self.notes.read_text().splitlines() if self.notes.exists() else [])

    def close(self) -> None:
        for server in self._servers:
            server.kill()


@pytest.fixture(params=["store", "memory"])
def world(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[World]:
    options = ["--durable-store", ".lambda-runtime"] if request.param == "store" else []
    made = World(tmp_path, *options)
    yield made
    made.close()


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, "--durable-store", ".lambda-runtime")
    yield made
    made.close()


def child_of(server: Local, arn: str) -> str:
    def look() -> str:
        for event in server.events(arn):
            if event["EventType"] == "ChainedInvokeStarted":
                found: str = event["ChainedInvokeStartedDetails"].get("DurableExecutionArn", "")
                return found
        return ""

    return eventually(look, "the child")


def at_start(server: Local, world: World) -> tuple[str, str]:
    return world.start(server, "noted"), ""


def in_a_step(server: Local, world: World) -> tuple[str, str]:
    arn = world.start(server, "slow_step")
    eventually(world.notes.exists)
    return arn, ""


def between_steps(server: Local, world: World) -> tuple[str, str]:
    arn = world.start(server, "noted_then_slow")
    eventually(lambda: world.ran()["begun"])
    return arn, ""


def in_a_wait(server: Local, world: World) -> tuple[str, str]:
    arn = world.start(server, "noted", seconds=3)
    server.has(arn, "InvocationCompleted")
    return arn, ""


def before_a_retry(server: Local, world: World) -> tuple[str, str]:
    arn = world.start(server, "retried", until=2)
    server.has(arn, "StepFailed")
    return arn, ""


def at_a_callback(server: Local, world: World) -> tuple[str, str]:
    arn = world.start(server, "noted", callback=True)
    callback = server.callback(arn)
    return arn, callback


def in_a_child(server: Local, world: World) -> tuple[str, str]:
    arn = world.start(server, "invoke", target="flows:$LATEST", payload={"flow": "callback"})
    return arn, server.callback(child_of(server, arn))


def while_paused(server: Local, world: World) -> tuple[str, str]:
    arn = world.start(server, "noted")
    server.has(arn, "InvocationCompleted")
    server.client.pause_durable_execution(DurableExecutionArn=arn)
    eventually(lambda: server.get(arn)["Status"] == "PAUSED")
    return arn, "resume"


Point = Callable[[Local, World], tuple[str, str]]
POINTS: list[Point] = [
    at_start, in_a_step, between_steps, in_a_wait, before_a_retry, at_a_callback, in_a_child,
    while_paused,
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS)
def test_kill(world: World, point: Point) -> None:
    """After a SIGKILL an execution goes on where it was, and a step that was done is not again.

    Without a store it is forgotten, and its name is free.
    """
    kill_and_go_on(world, point)


def test_kill_at_a_callback(kept: World) -> None:
    """The same, at one point."""
    kill_and_go_on(kept, at_a_callback)


def kill_and_go_on(world: World, point: Point) -> None:
    server = world.open()
    arn, action = point(server, world)
    server.end(signal.SIGKILL)
    before = world.ran()
    world.go.touch()
    server = world.open()
    if not world._options:
        listed = server.client.list_durable_executions_by_function(FunctionName="flows")
        assert listed["DurableExecutions"] == []
        assert server.start("no_step", name="it") != arn
        return
    if point is while_paused:
        time.sleep(1)
        assert server.get(arn)["Status"] == "PAUSED"
        server.client.resume_durable_execution(DurableExecutionArn=arn)
    elif action:
        server.client.send_durable_execution_callback_success(CallbackId=action, Result=b"yes")
    found = server.end_of(arn)
    assert found["Status"] == "SUCCEEDED", found
    ran = world.ran()
    interrupted = {"begun": 2} if before["begun"] else {}
    retried = {"try": 2} if before["try"] else {}
    assert {name: count for name, count in ran.items() if count > 1} == {**interrupted, **retried}
    if point is not at_start:
        assert "going on with" in server.log
    types = server.types(arn)
    assert types.count("ExecutionStarted") == types.count("ExecutionSucceeded") == 1


PROJECT = """
[tool.lambda-runtime.functions.flows]
handler = "flows.handler"
timeout = 60
[tool.lambda-runtime.functions.plain]
handler = "plain.handler"
timeout = 60
"""
PLAIN = """
import pathlib, time

def handler(event, context):
    with open(event["notes"], "a") as file:
        file.write("plain\\n")
    while not pathlib.Path(event["go"]).exists():
        time.sleep(0.02)
    return 7
"""


def test_kill_while_a_plain_function_is_invoked(tmp_path: Path) -> None:
    """The invocation is lost with the command, and made again: one result is told, once."""
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    (tmp_path / "plain.py").write_text(PLAIN)
    (tmp_path / "flows.py").write_text(FLOWS.read_text())
    world = World(tmp_path, "--durable-store", ".lambda-runtime", file=None)
    try:
        server = world.open()
        payload = {"notes": str(world.notes), "go": str(world.go)}
        arn = world.start(server, "invoke", target="plain:$LATEST", payload=payload)
        eventually(world.notes.exists)
        server.end(signal.SIGKILL)
        world.go.touch()
        server = world.open()
        found = server.end_of(arn)
        assert (found["Status"], found["Result"]) == ("SUCCEEDED", "7")
        assert world.ran() == {"plain": 2}
        types = server.types(arn)
        assert types.count("ChainedInvokeStarted") == types.count("ChainedInvokeSucceeded") == 1
        assert types.count("ExecutionSucceeded") == 1
    finally:
        world.close()


def test_what_has_ended_stays(kept: World) -> None:
    """Executions that have ended can be read after the next start, and their names are taken."""
    server = kept.open()
    done = server.call("one_step", name="past")
    history = server.events(done["DurableExecutionArn"])
    server.end(signal.SIGKILL)
    server = kept.open()
    assert server.events(done["DurableExecutionArn"]) == history
    again = server.call("one_step", name="past")
    assert again["DurableExecutionArn"] == done["DurableExecutionArn"]


def test_child_that_ended_meanwhile(kept: World) -> None:
    """A parent learns of a child's end though the command was killed before it was told."""
    server = kept.open()
    arn, callback = in_a_child(server, kept)
    child = child_of(server, arn)
    server.client.pause_durable_execution(DurableExecutionArn=arn)
    server.client.send_durable_execution_callback_success(CallbackId=callback, Result=b"yes")
    server.end_of(child)
    server.end(signal.SIGKILL)
    # As if it had been killed before the parent was written.
    database = sqlite3.connect(kept.folder / ".lambda-runtime" / "executions.db")
    (data,) = database.execute("SELECT data FROM executions WHERE arn = ?", (arn,)).fetchone()
    document = json.loads(data)
    document["ChainedInvokeChildren"] = {}
    for operation in document["Operations"]:
        if operation["Type"] == "CHAINED_INVOKE":
            operation["Status"] = "STARTED"
            operation.pop("EndTimestamp", None)
            operation["ChainedInvokeDetails"] = {}
    with database:
        database.execute(
            "UPDATE executions SET data = ? WHERE arn = ?", (json.dumps(document), arn)
        )
    database.close()
    server = kept.open()
    server.client.resume_durable_execution(DurableExecutionArn=arn)
    assert json.loads(server.end_of(arn)["Result"]) == "yes"
    listed = server.client.list_durable_executions_by_function(FunctionName="flows")
    assert len(listed["DurableExecutions"]) == 2


@pytest.mark.slow
def test_time_limits_go_on(tmp_path: Path) -> None:
    """The time of an execution, and of a callback, does not begin anew."""
    world = World(tmp_path, "--durable-store", "kept", "--durable", "30")
    try:
        server = world.open()
        limited = world.start(server, "callback_caught", timeout=8)
        server.callback(limited)
        begun = server.get(limited)["StartTimestamp"]
        deadline = server.get(limited)["ExpectedExecutionTimeoutTimestamp"]
        server.end(signal.SIGKILL)
        server = world.open()
        assert server.get(limited)["ExpectedExecutionTimeoutTimestamp"] == deadline
        found = server.end_of(limited)
        assert "timed out" in found["Result"]
        took = (found["EndTimestamp"] - begun).total_seconds()
        assert 8 <= took < 16
    finally:
        world.close()


@pytest.mark.slow
def test_execution_that_is_too_old(tmp_path: Path) -> None:
    """An execution whose time is up when the command starts again ends as timed out."""
    world = World(tmp_path, "--durable-store", "kept", "--durable", "12")
    try:
        server = world.open()
        arn = world.start(server, "callback")
        server.callback(arn)
        deadline = server.get(arn)["ExpectedExecutionTimeoutTimestamp"].timestamp()
        server.end(signal.SIGKILL)
        time.sleep(max(deadline - time.time(), 0))
        server = world.open()
        assert server.end_of(arn)["Status"] == "TIMED_OUT"
    finally:
        world.close()


def test_another_version(kept: World) -> None:
    """What this version can't read is moved aside, and told; the command goes on."""
    server = kept.open()
    server.call("one_step")
    server.end(signal.SIGTERM)
    folder = kept.folder / ".lambda-runtime"
    with sqlite3.connect(folder / "executions.db") as database:
        database.execute('UPDATE executions SET data = \'{"of": "another version"}\'')
    database.close()
    server = kept.open()
    server.wait_for(r"the executions are of another version and are now in \S+executions\.db\.\d+")
    assert server.call("one_step")["Payload"] == {"n": 1}
    assert len([*folder.glob("executions.db.*[0-9]")]) == 1


def test_retention(kept: World) -> None:
    """What has ended longer ago than it is kept is forgotten."""
    server = kept.open()
    arn = server.call("one_step")["DurableExecutionArn"]
    server.end(signal.SIGTERM)
    with sqlite3.connect(kept.folder / ".lambda-runtime" / "executions.db") as database:
        (data,) = database.execute("SELECT data FROM executions").fetchone()
        document = json.loads(data)
        operation = document["Operations"][0]
        for name in ("StartTimestamp", "EndTimestamp"):
            operation[name] -= 15 * 86_400_000
        database.execute("UPDATE executions SET data = ?", (json.dumps(document),))
    database.close()
    server = kept.open()
    listed = server.client.list_durable_executions_by_function(FunctionName="flows")
    assert listed["DurableExecutions"] == []
    other = server.call("one_step")["DurableExecutionArn"]
    listed = server.client.list_durable_executions_by_function(FunctionName="flows")
    assert [each["DurableExecutionArn"] for each in listed["DurableExecutions"]] == [other]
    assert arn != other
