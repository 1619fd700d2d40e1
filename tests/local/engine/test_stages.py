"""The stages of an invocation: which steps its table allows, and what each of them tells."""

import asyncio

import pytest

from amazon_lambda_runtime.local.engine.invocation import Answer, Invocation, TooManyRequests
from amazon_lambda_runtime.local.engine.states import FINAL, STAGES, Stage, StageError, Step
from tests.local.support import run

ONE, OTHER = Answer(b"1"), Answer(b"2", failed=True)


class Caller:
    """Writes down what it is told."""

    wants_pieces = True

    def __init__(self) -> None:
        self.told: list[object] = []

    def piece(self, invocation: Invocation, data: bytes) -> None:
        self.told.append(data)

    def answered(self, invocation: Invocation, answer: Answer) -> None:
        self.told.append(answer)

    def reported(self, invocation: Invocation) -> None:
        self.told.append("reported")

    def throttled(self, invocation: Invocation) -> None:
        self.told.append("throttled")


STEPS = {
    Step.BEGIN: lambda invocation: invocation.begin(3),
    Step.ANSWER: lambda invocation: invocation.settle(ONE),
    Step.END: Invocation.end,
    Step.REPORT: Invocation.report,
    Step.ABANDON: Invocation.abandon,
    Step.THROTTLE: Invocation.throttle,
}
# How an invocation comes to each stage.
WAYS: dict[Stage, list[Step]] = {
    Stage.WAITING: [],
    Stage.RUNNING: [Step.BEGIN],
    Stage.ANSWERED: [Step.BEGIN, Step.ANSWER],
    Stage.OVER: [Step.BEGIN, Step.ANSWER, Step.END],
    Stage.REPORTED: [Step.BEGIN, Step.ANSWER, Step.END, Step.REPORT],
    Stage.LOST: [Step.BEGIN, Step.ABANDON],
    Stage.THROTTLED: [Step.THROTTLE],
}


def at(stage: Stage, caller: Caller | None = None) -> Invocation:
    invocation = Invocation(b"{}", caller=caller)
    for step in WAYS[stage]:
        STEPS[step](invocation)
    assert invocation.stage is stage
    return invocation


def test_table() -> None:
    """Every stage has its row and can be reached; from a final one nothing leads elsewhere."""
    assert set(STAGES) == set(Stage) == set(WAYS)
    reached = {Stage.WAITING}.union(*(row.values() for row in STAGES.values()))
    assert reached == set(Stage)
    for stage in FINAL:
        assert set(STAGES[stage].values()) <= {stage}
    for stage in set(Stage) - FINAL:
        assert set(STAGES[stage].values()) - {stage}


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("step", Step)
def test_every_step_at_every_stage(stage: Stage, step: Step) -> None:
    """A step that the table has leads where it says; any other raises and changes nothing."""
    invocation = at(stage)
    if step in STAGES[stage]:
        STEPS[step](invocation)
        assert invocation.stage is STAGES[stage][step]
    else:
        with pytest.raises(StageError, match=f"{step.value} while {stage.value}"):
            STEPS[step](invocation)
        assert invocation.stage is stage


@pytest.mark.parametrize(
    ("stage", "told"),
    [
        (Stage.RUNNING, []),
        (Stage.ANSWERED, [ONE]),
        (Stage.OVER, [ONE]),
        (Stage.REPORTED, [ONE, "reported"]),
        (Stage.LOST, ["reported"]),
        (Stage.THROTTLED, ["throttled"]),
    ],
)
def test_what_the_caller_is_told(stage: Stage, told: list[object]) -> None:
    """The caller gets its answer once, and is told the end; a second answer changes nothing."""
    caller = Caller()
    invocation = at(stage, caller)
    if stage not in (Stage.RUNNING, Stage.THROTTLED):
        invocation.settle(OTHER)
    assert caller.told == told
    assert invocation.answer == (ONE if ONE in told else None)


def test_waiting() -> None:
    """Waiting ends with the answer, or with an error if there will be none."""

    async def test() -> None:
        answered = at(Stage.RUNNING)
        waiting = asyncio.create_task(answered.wait())
        reporting = asyncio.create_task(answered.wait_until_reported())
        await asyncio.sleep(0)
        assert not waiting.done()
        answered.settle(ONE)
        assert await waiting == ONE
        assert not reporting.done()
        answered.end()
        answered.report()
        await reporting
        with pytest.raises(asyncio.CancelledError, match="has closed"):
            await at(Stage.LOST).wait()
        with pytest.raises(TooManyRequests):
            await at(Stage.THROTTLED).wait()
        for stage in FINAL:
            await at(stage).wait_until_reported()

    run(test())


def test_pieces_of_a_response() -> None:
    """Pieces are the answer if the caller wants it whole, and go to a caller that wants pieces."""
    whole = at(Stage.RUNNING)
    assert [whole.piece(piece) for piece in (b"one ", b"two")] == [True, True]
    whole.complete()
    assert whole.answer == Answer(b"one two")
    assert not whole.is_streamed
    caller = Caller()
    streamed = at(Stage.RUNNING, caller)
    assert [streamed.piece(piece) for piece in (b"one ", b"two")] == [True, True]
    streamed.complete()
    assert caller.told == [b"one ", b"two", Answer(b"")]
    assert streamed.is_streamed


@pytest.mark.parametrize(("caller", "limit"), [(None, 6_291_556), (Caller(), 209_715_200)])
def test_limit_of_a_response(caller: Caller | None, limit: int) -> None:
    """The limit is 6 MB, and 200 MB for a caller that wants pieces; a byte more is refused."""
    invocation = at(Stage.RUNNING, caller)
    assert invocation.limit == limit
    assert invocation.piece(bytes(limit - 1))
    assert invocation.piece(b"x")
    assert not invocation.piece(b"x")


def test_abandoned_after_the_answer() -> None:
    """A pool that closes while the handler goes on after its answer loses no answer."""
    caller = Caller()
    invocation = at(Stage.ANSWERED, caller)
    invocation.abandon()
    assert invocation.stage is Stage.REPORTED
    assert caller.told == [ONE, "reported"]
    assert run(invocation.wait()) == ONE
