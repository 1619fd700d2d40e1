"""The life of an execution environment.

Rule 1: every state and every way from one to another is in the table below. What is not in it is
not allowed, and a runtime that asks for it is told so (403).

Rule 2: this file knows nothing of processes or HTTP.

    starting    the process runs, the runtime has not asked for an event yet
    idle        the runtime waits for an event
    busy        the runtime has an event and has not asked for the next one
    frozen      idle, and the process stands still
    stopping    the process has been told to end, or has said that it will
    gone        there is no process
"""

from enum import Enum


class State(Enum):
    # The values are what the Runtime API calls them, in its messages.
    STARTING = "Started"
    IDLE = "Ready"
    BUSY = "Running"
    FROZEN = "Frozen"
    STOPPING = "InitError"
    GONE = "Exited"


class Event(Enum):
    # Here too the values are the API's: the state that a runtime hoped to reach.
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
        # Asked again before it has answered: it gets the same event again.
        Event.NEXT: State.BUSY,
        Event.DONE: State.IDLE,
        Event.STOP: State.STOPPING,
        Event.EXIT: State.GONE,
    },
    State.FROZEN: {
        # What it sent before it stood still may be read after.
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


class TransitionError(Exception):
    """Raised when something happens to an environment that its state does not allow."""

    def __init__(self, state: str, wanted: str) -> None:
        super().__init__(
            f"State transition from {state} to {wanted} failed for runtime. "
            "Error: State transition is not allowed"
        )
