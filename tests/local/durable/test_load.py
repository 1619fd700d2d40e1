"""Many executions at once, and long ones."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.harness import examples

from .support import local

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("store", [[], ["--durable-store", "kept"]], ids=["memory", "store"])
def test_many_at_once(tmp_path: Path, store: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Two hundred executions that are started at once all end, each with its own result."""
    count = examples(200)
    with local(tmp_path, *store) as server:
        server.call("one_step")
        began = time.monotonic()
        with ThreadPoolExecutor(8) as threads:
            arns = [*threads.map(lambda n: server.start("one_step", n=n), range(count))]
            ends = [*threads.map(server.end_of, arns)]
        took = time.monotonic() - began
    assert len({*arns}) == count
    assert [end["Result"] for end in ends] == [f'{{"n": {n}}}' for n in range(count)]
    with capsys.disabled():
        print(f"\n{count} executions in {took:.1f} s")


def test_many_that_wait(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A wait holds no environment: forty executions of two seconds take little more than two."""
    with local(tmp_path) as server:
        server.call("one_step")
        began = time.monotonic()
        with ThreadPoolExecutor(8) as threads:
            flow = "step_wait_step"
            arns = [*threads.map(lambda _: server.start(flow, seconds=2), range(40))]
            ends = [*threads.map(server.end_of, arns)]
        took = time.monotonic() - began
    assert {end["Status"] for end in ends} == {"SUCCEEDED"}
    with capsys.disabled():
        print(f"\n40 executions that wait 2 s in {took:.1f} s")


def test_long_history(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A history of thousands of events is paged, and each event is there once."""
    count = examples(1500)
    with local(tmp_path, "--timeout", "900") as server:
        began = time.monotonic()
        arn = server.start("many_steps", count=count)
        assert server.end_of(arn)["Status"] == "SUCCEEDED"
        ran = time.monotonic() - began
        pages = [
            page["Events"]
            for page in server.client.get_paginator("get_durable_execution_history").paginate(
                DurableExecutionArn=arn, PaginationConfig={"PageSize": 1000}
            )
        ]
        read = time.monotonic() - began - ran
    events = [event for page in pages for event in page]
    assert [event["EventId"] for event in events] == [*range(1, len(events) + 1)]
    assert len(events) == 2 * count + 3
    assert len(pages) == -(-len(events) // 1000)
    with capsys.disabled():
        print(f"\n{len(events)} events in {ran:.1f} s, read in {read:.2f} s")
