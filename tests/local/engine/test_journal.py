import asyncio
import base64
import json
import tracemalloc
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from amazon_lambda_runtime.local.engine import journal
from amazon_lambda_runtime.local.engine.exchange import Exchange
from amazon_lambda_runtime.local.engine.journal import Change, Journal
from tests.local.support import run


@dataclass
class Invocation:
    id: str = "id-1"
    event: bytes = b"{}"
    trace_id: str = "Root=1-2-3"
    exchange: Exchange | None = None


async def changes(of: Journal, *acts: Any) -> list[Change]:
    """Subscribe, do these things, and return the snapshot and a change for each."""
    async with aclosing(of.subscribe()) as subscription:
        got = [await anext(subscription)]
        for act in acts:
            act()
        # It has to come to JSON.
        got += [json.loads(json.dumps(await anext(subscription))) for _ in acts]
    return got


def test_the_life_of_an_invocation() -> None:
    """
    Each report becomes one change, and what is remembered adds up to the same.
    """
    one = Invocation(event=b'{"a": 1}')
    kept = Journal()

    snapshot, accepted, started, line, answered, reported = run(
        changes(
            kept,
            lambda: kept.accepted(one, "RequestResponse", "hello"),
            lambda: kept.started(one, 3, cold=True),
            lambda: kept.line(one, "hello"),
            lambda: kept.answered(one, b'"yes"', failed=False),
            lambda: kept.reported(one, 12.5, 30.25, 41),
        )
    )

    assert snapshot["type"] == "snapshot"
    assert snapshot["invocations"] == []
    assert (accepted["type"], accepted["kind"], accepted["function"], accepted["event_size"]) == (
        "invocation",
        "RequestResponse",
        "hello",
        8,
    )
    assert accepted["started_at"] is None
    assert (started["environment"], started["cold"]) == (3, True)
    assert (line["type"], line["id"], line["number"], line["text"]) == ("line", "id-1", 1, "hello")
    assert (answered["failed"], answered["answer_size"]) == (False, 5)
    assert answered["reported_at"] is None
    assert (reported["duration_ms"], reported["init_ms"], reported["memory_used"]) == (
        12.5,
        30.25,
        41,
    )
    times = [reported[f"{step}_at"] for step in ("accepted", "started", "answered", "reported")]
    assert times == sorted(times)
    entry = kept.find("id-1")
    assert entry is not None
    whole = entry.whole()
    assert base64.b64decode(whole["event"]) == b'{"a": 1}'
    assert base64.b64decode(whole["answer"]) == b'"yes"'
    assert not whole["event_cut"]
    assert not whole["answer_cut"]
    assert [text for _, text in whole["lines"]] == ["hello"]
    assert {"type": "invocation", **entry.summary()} == reported


def test_request() -> None:
    """
    An invocation that came over HTTP has its method, its path, and the status once there is one.
    """
    kept = Journal()
    exchange = Exchange("GET", "/" + 600 * "x")
    one = Invocation(exchange=exchange)
    kept.accepted(one, "url", "hello")
    entry = kept.find(one.id)
    assert entry is not None
    told = entry.summary()
    assert (told["method"], told["path"], told["status"]) == ("GET", "/" + 511 * "x", None)
    exchange.status = 404
    kept.accepted(Invocation("id-2"), "Event", "hello")
    other = kept.find("id-2")
    assert other is not None
    assert entry.summary()["status"] == 404
    assert (other.summary()["method"], other.summary()["status"]) == (None, None)


def test_another_attempt() -> None:
    """
    A second attempt has the id of the first: it has yet to be answered, and goes on with its log.
    """
    one = Invocation(event=b"e" * 1000)
    kept = Journal()
    for number in range(journal.MEMORY_LIMIT // journal.PAYLOAD_LIMIT * 2):
        kept.accepted(one, "Event", "hello")
        kept.line(one, f"attempt {number}")
        kept.answered(one, b"x" * journal.PAYLOAD_LIMIT, failed=True)
    kept.accepted(one, "Event", "hello")

    entry = kept.find("id-1")
    assert entry is not None
    assert (entry.answered_at, entry.failed, entry.answer) == (None, False, b"")
    assert entry.line_count == number + 1
    assert entry.lines[-1][1] == f"attempt {number}"
    # What the attempts before held is not held any more.
    assert kept._held == entry.held < 100_000


def test_a_stream_and_its_end() -> None:
    """
    Pieces are told with their place; a payload after them is the reason why the stream broke off.
    """
    one = Invocation()
    kept = Journal()

    _, _, first, second, answered = run(
        changes(
            kept,
            lambda: kept.accepted(one, "stream", "hello"),
            lambda: kept.piece(one, b"ab"),
            lambda: kept.piece(one, b"\xff"),
            lambda: kept.answered(one, b'{"errorType":"E"}', failed=True),
        )
    )

    assert [(piece["offset"], piece["size"]) for piece in (first, second)] == [(0, 2), (2, 3)]
    assert base64.b64decode(second["data"]) == b"\xff"
    assert (answered["streamed"], answered["failed"], answered["answer_size"]) == (True, True, 3)
    entry = kept.find("id-1")
    assert entry is not None
    assert base64.b64decode(entry.whole()["answer"]) == b"ab\xff"
    assert base64.b64decode(entry.whole()["error"]) == b'{"errorType":"E"}'


def test_a_stream_that_ends_well() -> None:
    """
    The empty payload behind a stream that was sent whole takes nothing from it.
    """
    one = Invocation()
    kept = Journal()
    kept.accepted(one, "stream", "hello")
    kept.piece(one, b"all")
    kept.answered(one, b"", failed=False)

    entry = kept.find("id-1")
    assert entry is not None
    assert (bytes(entry.answer), entry.answer_size, entry.error) == (b"all", 3, b"")


def test_what_was_before_is_in_the_snapshot() -> None:
    """
    Who comes late gets the environments with their past states, the invocations and the last lines.
    """
    kept = Journal()
    for state in ("starting", "idle", "busy", "frozen"):
        kept.environment(1, state)
    kept.accepted(Invocation(), "Event", "hello")
    kept.line(None, "of no invocation")

    (snapshot,) = run(changes(kept))

    (environment,) = snapshot["environments"]
    assert environment["number"] == 1
    assert [state for _, state in environment["states"]] == ["starting", "idle", "busy", "frozen"]
    assert [invocation["id"] for invocation in snapshot["invocations"]] == ["id-1"]
    assert [line[1:] for line in snapshot["tail"]] == [(None, "of no invocation")]


def test_change_of_an_environment() -> None:
    """
    A new state is told with its time.
    """
    kept = Journal()

    _, change = run(changes(kept, lambda: kept.environment(7, "busy")))

    assert (change["type"], change["number"], change["state"]) == ("environment", 7, "busy")
    assert change["at"] > 0


def test_one_more_source() -> None:
    """
    Who listens is told that there is one more of what invokes functions; nothing is kept of it.
    """
    kept = Journal()
    snapshot, change = run(changes(kept, kept.sources))
    assert (snapshot["type"], change["type"]) == ("snapshot", "sources")
    assert "sources" not in run(changes(kept))[0]


def test_invocations_that_are_not_known() -> None:
    """
    Reports of a forgotten invocation are nothing, but its lines are still in the log of all.
    """
    one = Invocation()
    kept = Journal()

    kept.started(one, 1, cold=False)
    kept.piece(one, b"x")
    kept.answered(one, b"x", failed=False)
    kept.reported(one, 1, None, 1)
    _, line = run(changes(kept, lambda: kept.line(one, "late")))

    assert kept.find("id-1") is None
    assert (line["id"], line["number"]) == ("id-1", 0)


def test_references_and_not_copies() -> None:
    """
    An event and an answer of ordinary size are kept as the very objects that were handed in.
    """
    event, answer = b'{"some": "event"}' + b" " * 1000, b'"some answer"'
    kept = Journal()
    kept.accepted(Invocation(event=event), "Event", "hello")
    kept.answered(Invocation(), answer, failed=False)

    entry = kept.find("id-1")
    assert entry is not None
    assert entry.event is event
    assert entry.answer is answer


def test_what_is_long_is_cut() -> None:
    """
    Events, answers, streams and lines are cut at their limits, and their true sizes are told.
    """
    limit = journal.PAYLOAD_LIMIT
    kept = Journal()
    long, stream = Invocation("long", b"e" * (limit + 1)), Invocation("stream")
    kept.accepted(long, "Event", "hello")
    kept.answered(long, b"a" * (limit + 2), failed=False)
    kept.line(long, "l" * (journal.LINE_LIMIT + 1))
    kept.accepted(stream, "stream", "hello")
    for _ in range(3):
        kept.piece(stream, b"p" * (limit - 1))

    found, streamed = kept.find("long"), kept.find("stream")
    assert found is not None
    assert streamed is not None
    assert (len(found.event), found.event_size) == (limit, limit + 1)
    assert (len(found.answer), found.answer_size) == (limit, limit + 2)
    assert len(found.lines[0][1]) == journal.LINE_LIMIT
    assert found.whole()["event_cut"]
    assert found.whole()["answer_cut"]
    assert (len(streamed.answer), streamed.answer_size) == (limit, 3 * (limit - 1))


def test_the_last_lines() -> None:
    """
    Of many lines the last are kept, with the count of all.
    """
    kept = Journal()
    kept.accepted(Invocation(), "Event", "hello")
    for number in range(journal.LINES + 10):
        kept.line(Invocation(), str(number))

    entry = kept.find("id-1")
    assert entry is not None
    assert [text for _, text in entry.lines] == [str(n) for n in range(10, journal.LINES + 10)]
    assert entry.line_count == journal.LINES + 10


def test_the_last_invocations() -> None:
    """
    Of many invocations the last are remembered.
    """
    kept = Journal()
    for number in range(journal.INVOCATIONS + 3):
        kept.accepted(Invocation(str(number)), "Event", "hello")

    assert kept.find("2") is None
    assert kept.find("3") is not None
    (snapshot,) = run(changes(kept))
    assert len(snapshot["invocations"]) == journal.INVOCATIONS


def test_environments_that_are_gone() -> None:
    """
    Environments that are alive are all remembered, with their last states; of the gone the last.
    """
    kept = Journal()
    kept.environment(0, "idle")
    for _ in range(journal.STATES):
        kept.environment(0, "busy")
    for number in range(1, journal.GONE + 3):
        kept.environment(number, "starting")
        kept.environment(number, "gone")

    (snapshot,) = run(changes(kept))

    numbers = [environment["number"] for environment in snapshot["environments"]]
    assert numbers == [0, *range(3, journal.GONE + 3)]
    assert len(snapshot["environments"][0]["states"]) == journal.STATES


def test_the_guide_names_the_limits() -> None:
    """
    What the guide says is kept is what is kept.
    """
    guide = (Path(__file__).parents[3] / "docs/guides/console.md").read_text().replace("\n", " ")

    assert f"The last {journal.INVOCATIONS} invocations" in guide
    assert f"{journal.PAYLOAD_LIMIT >> 10} KiB of the event and of the answer" in guide
    assert f"the last {journal.LINES} lines of the log" in guide
    assert f"of all together, {journal.MEMORY_LIMIT >> 20} MiB" in guide


@pytest.mark.parametrize("streamed", [False, True])
def test_memory_is_bounded(streamed: bool) -> None:
    """
    However much the invocations carry, the oldest are forgotten before it is too much.
    """
    size = 200_000
    kept = Journal()
    for number in range(journal.INVOCATIONS):
        one = Invocation(str(number), bytes([number % 256]) * size)
        kept.accepted(one, "stream" if streamed else "Event", "hello")
        if streamed:
            kept.piece(one, b"x" * size)
        kept.answered(one, b"x" * size, failed=streamed)
        for _ in range(3):
            kept.line(one, "\N{SNOWMAN}" * journal.LINE_LIMIT)

    found = [kept.find(str(number)) for number in range(journal.INVOCATIONS)]
    remembered = [entry for entry in found if entry]
    total = sum(
        len(entry.event)
        + len(entry.answer)
        + len(entry.error)
        + sum(2 * len(text) for _, text in entry.lines)  # a snowman takes two bytes
        for entry in remembered
    )
    assert total <= journal.MEMORY_LIMIT
    # And no more than it must be.
    assert total > journal.MEMORY_LIMIT * 0.8
    assert remembered == found[-len(remembered) :]


@pytest.mark.parametrize(
    "character",
    [
        pytest.param("x", marks=pytest.mark.slow),
        pytest.param("\N{SNOWMAN}", marks=pytest.mark.slow),
        "\N{PILE OF POO}",
    ],
)
@pytest.mark.parametrize(
    ("length", "lines", "payload"),
    [
        pytest.param(1, journal.LINES, 2, marks=pytest.mark.slow),
        pytest.param(260, journal.LINES, 2, marks=pytest.mark.slow),
        (journal.LINE_LIMIT, 3, journal.PAYLOAD_LIMIT),
    ],
)
def test_everything_is_bounded(character: str, length: int, lines: int, payload: int) -> None:
    """
    All that the journal has takes 64 MiB at most: payloads, lines of any length in any script, the
    states of a thousand environments, and what subscribers have not taken.
    """

    async def test() -> int:
        kept = Journal()
        subscribers = [kept.subscribe() for _ in range(3)]
        for _ in range(journal.STATES):
            for number in range(1000):
                kept.environment(number, "idle")
        for number in range(journal.INVOCATIONS):
            one = Invocation(str(number), bytes(payload))
            kept.accepted(one, "Event", "hello")
            kept.answered(one, bytes(payload), failed=False)
            for line in range(lines):
                kept.line(one, f"{line}" + character * length)
        for subscriber in subscribers:
            await anext(subscriber)
        for line in range(2 * journal.LINES):
            kept.line(None, f"{line}" + character * journal.LINE_LIMIT)
        held = tracemalloc.get_traced_memory()[0]
        for subscriber in subscribers:
            await subscriber.aclose()
        return held

    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        assert run(test()) - before <= 64 * 1024 * 1024
    finally:
        tracemalloc.stop()


def test_a_slow_listener_starts_afresh() -> None:
    """
    Who lags behind by too many changes gets a snapshot of how things are, and then what is new.
    """

    async def test() -> tuple[Change, Change, Change]:
        kept = Journal()
        async with aclosing(kept.subscribe()) as slow:
            await anext(slow)
            for number in range(journal.BACKLOG + 100):
                kept.environment(number % 5, "busy")
            kept.accepted(Invocation(), "Event", "hello")
            afresh = await anext(slow)
            kept.line(None, "new")
            return afresh, await anext(slow), await missing(slow)

    async def missing(slow: Any) -> Any:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(slow), 0.05)
        return None

    afresh, line, nothing = run(test())

    assert afresh["type"] == "snapshot"
    assert [invocation["id"] for invocation in afresh["invocations"]] == ["id-1"]
    assert line["text"] == "new"
    assert nothing is None


def test_a_listener_behind_by_size() -> None:
    """
    A few big changes are too much as well.
    """

    async def test() -> list[str]:
        kept = Journal()
        async with aclosing(kept.subscribe()) as slow:
            await anext(slow)
            for _ in range(journal.BACKLOG_SIZE // journal.LINE_LIMIT + 1):
                kept.line(None, "x" * journal.LINE_LIMIT)
            return [(await anext(slow))["type"]]

    assert run(test()) == ["snapshot"]


def test_listeners_come_and_go() -> None:
    """
    Each listener gets each change; once closed, none is made for it any more.
    """

    async def test() -> None:
        kept = Journal()
        async with aclosing(kept.subscribe()) as one, aclosing(kept.subscribe()) as other:
            await anext(one)
            await anext(other)
            waiting = asyncio.create_task(anext(one))
            await asyncio.sleep(0)
            kept.line(None, "hello")
            assert (await waiting)["text"] == (await anext(other))["text"] == "hello"
        assert not kept._listeners

    run(test())
