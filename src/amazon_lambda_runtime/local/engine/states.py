"""The states of an execution environment and the stages of an invocation, each in one table.

Rule 1: every state and every transition is in the tables below. A transition that is not in its
table does not happen: a runtime that asks for it is refused (403), and a mistake of ours raises.

Rule 2: this file knows nothing about processes or HTTP.

They are StrEnums because each step of an invocation is looked up in these tables: the hash of an
Enum is made in Python, the hash of a str is there already.
"""

from enum import StrEnum


class State(StrEnum):
    """The state of an execution environment. The values are the Runtime API's names for it.

    starting    the process runs; the runtime has not asked for an event yet
    idle        the runtime waits for an event
    busy        the runtime has an event and has not asked for the next one
    frozen      idle, and the process is stopped (SIGSTOP)
    stopping    the process has been told to end, or has said that it will
    gone        there is no process
    """

    STARTING = "Started"
    IDLE = "Ready"
    BUSY = "Running"
    FROZEN = "Frozen"
    STOPPING = "InitError"
    GONE = "Exited"


class Event(StrEnum):
    """What happens to an environment. The values are the Runtime API's: the state aimed at."""

    NEXT = "Ready"
    INIT_ERROR = "InitError"
    INVOKE = "Running"
    DONE = "Done"
    FREEZE = "Frozen"
    THAW = "Thawed"
    STOP = "Stopping"
    EXIT = "Exited"


TRANSITIONS: dict[State, dict[Event, State]] = {
    State.STARTING: {
        Event.NEXT: State.IDLE,
        Event.INIT_ERROR: State.STOPPING,
        Event.STOP: State.STOPPING,
        Event.EXIT: State.GONE,
    },
    State.IDLE: {
        Event.NEXT: State.IDLE,
        Event.INVOKE: State.BUSY,
        Event.FREEZE: State.FROZEN,
        Event.STOP: State.STOPPING,
        Event.EXIT: State.GONE,
    },
    State.BUSY: {
        # It asks again before it has answered, and gets the same event again.
        Event.NEXT: State.BUSY,
        Event.DONE: State.IDLE,
        Event.STOP: State.STOPPING,
        Event.EXIT: State.GONE,
    },
    State.FROZEN: {
        # A request that was sent before SIGSTOP may be read after it.
        Event.NEXT: State.FROZEN,
        Event.THAW: State.IDLE,
        Event.STOP: State.STOPPING,
        Event.EXIT: State.GONE,
    },
    State.STOPPING: {
        Event.EXIT: State.GONE,
    },
    State.GONE: {},
}


class Stage(StrEnum):
    """The stage of an invocation.

    waiting     no environment has it, and its time has not begun
    running     its time has begun, and there is no answer
    answered    the caller has its answer; the environment has not asked for the next event
    over        the environment is done with it; its REPORT line is not written
    reported    its log is complete
    lost        the pool closed before there was an answer
    throttled   the function is at its concurrency; it never runs
    """

    WAITING = "waiting"
    RUNNING = "running"
    ANSWERED = "answered"
    OVER = "over"
    REPORTED = "reported"
    LOST = "lost"
    THROTTLED = "throttled"


class Step(StrEnum):
    """What happens to an invocation."""

    BEGIN = "begin"
    ANSWER = "answer"
    END = "end"
    REPORT = "report"
    ABANDON = "abandon"
    THROTTLE = "throttle"


STAGES: dict[Stage, dict[Step, Stage]] = {
    Stage.WAITING: {
        Step.BEGIN: Stage.RUNNING,
        Step.ABANDON: Stage.LOST,
        Step.THROTTLE: Stage.THROTTLED,
    },
    Stage.RUNNING: {
        Step.ANSWER: Stage.ANSWERED,
        Step.ABANDON: Stage.LOST,
    },
    Stage.ANSWERED: {
        # The first answer counts. Another one changes nothing, here and below.
        Step.ANSWER: Stage.ANSWERED,
        Step.END: Stage.OVER,
        Step.ABANDON: Stage.REPORTED,
    },
    Stage.OVER: {
        Step.ANSWER: Stage.OVER,
        Step.REPORT: Stage.REPORTED,
    },
    # After a pool has closed, its environments still come to their end.
    Stage.REPORTED: {
        Step.ANSWER: Stage.REPORTED,
        Step.END: Stage.REPORTED,
    },
    Stage.LOST: {
        Step.ANSWER: Stage.LOST,
        Step.END: Stage.LOST,
    },
    Stage.THROTTLED: {},
}

#: In these stages there is nothing to wait for.
FINAL = frozenset({Stage.REPORTED, Stage.LOST, Stage.THROTTLED})


class StageError(RuntimeError):
    """Raised for a step that an invocation's stage does not allow: a mistake of ours."""


class TransitionError(Exception):
    """Raised when something happens to an environment that its state does not allow."""

    def __init__(self, state: str, wanted: str) -> None:
        super().__init__(
            f"State transition from {state} to {wanted} failed for runtime. "
            "Error: State transition is not allowed"
        )


class UnknownInvocationError(Exception):
    """Raised when a runtime answers an invocation that its environment does not have."""


class LateAnswerError(Exception):
    """Raised when a runtime answers an invocation that has timed out."""
