"""The extensions of one execution environment: who they are, and whether they are ready.

An internal extension is a part of the runtime's process. An external one is an executable of the
function's `extensions` folder: a process of its own, known by its file's name. Both register
before the runtime's first event, and an event waits until all have asked for theirs.
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html
"""

import asyncio
import os
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from .function import LocalFunction
from .invocation import Invocation
from .output import Output
from .process import Process
from .reaper import Reaper

INVOKE = "INVOKE"
SHUTDOWN = "SHUTDOWN"
# In seconds, from SIGTERM to SIGKILL.
INTERNAL_WINDOW = 0.5
EXTERNAL_WINDOW = 2.0


class ExtensionRequest(Protocol):
    """An extension's request for its next event, kept until there is one."""

    def invoke(self, invocation: Invocation) -> None:
        """Answer it with the event INVOKE."""

    def shut_down(self, reason: str, deadline_ms: int) -> None:
        """Answer it with the event SHUTDOWN."""


class RegistrationError(Exception):
    """Raised when an extension must not register; `error_type` is the API's."""

    def __init__(self, message: str, error_type: str) -> None:
        super().__init__(message)
        self.error_type = error_type


@dataclass(slots=True, eq=False)
class Extension:
    """One that has registered, for events among INVOKE and SHUTDOWN."""

    name: str
    events: Sequence[str]
    is_external: bool
    waiting: ExtensionRequest | None = None
    #: Whether it has not asked for its next event: it has just registered, or has had one.
    is_busy: bool = True


class Extensions:
    """The extensions of one environment.

    `ready` is called when one has asked for its next event; `ended` with a reason when one cannot
    go on, which is the end of the environment.
    """

    def __init__(
        self,
        function: LocalFunction,
        reaper: Reaper,
        ready: Callable[[], None],
        ended: Callable[[str], None],
    ) -> None:
        self._function = function
        self._reaper = reaper
        self._ready = ready
        self._ended = ended
        self._by_id: dict[str, Extension] = {}
        self._processes: list[Process] = []
        # External ones that have been started and have not registered.
        self._expected: set[str] = set()
        self._is_closed = False

    @property
    def are_ready(self) -> bool:
        """Whether all of them have asked for their next event."""
        return not self._expected and not any(
            extension.is_busy for extension in self._by_id.values()
        )

    @property
    def shutdown_window(self) -> float:
        """The time between SIGTERM and SIGKILL, in seconds; 0 without an extension."""
        if not self._by_id:
            return 0
        external = any(extension.is_external for extension in self._by_id.values())
        return EXTERNAL_WINDOW if external else INTERNAL_WINDOW

    async def start(
        self, variables: Mapping[str, str], output: Output, resources: AsyncExitStack
    ) -> None:
        """Start the external ones; `resources` ends them. Raises OSError if one cannot be run."""
        folder = self._function.extensions
        files = sorted(Path(folder).iterdir()) if folder else []
        for file in files:
            if file.is_file() and os.access(file, os.X_OK):
                self._expected.add(file.name)
                process = await Process.start(
                    [str(file)], folder, variables, output.write_end, self._reaper
                )
                self._processes.append(process)
                ending = asyncio.create_task(self._until_exit(file.name, process))
                resources.push_async_callback(self._kill, process, ending)

    def invoke(self, invocation: Invocation) -> None:
        """Tell those that have registered for INVOKE."""
        for extension in self._by_id.values():
            if INVOKE in extension.events and extension.waiting is not None:
                request, extension.waiting = extension.waiting, None
                extension.is_busy = True
                request.invoke(invocation)

    async def shut_down(self, reason: str, seconds: float) -> None:
        """Tell those that have registered for SHUTDOWN, and wait so long for processes to end."""
        deadline_ms = int((time.time() + seconds) * 1000)
        for extension in self._by_id.values():
            if SHUTDOWN in extension.events and extension.waiting is not None:
                extension.waiting.shut_down(reason, deadline_ms)
                extension.waiting = None
        leaving = [asyncio.create_task(process.wait()) for process in self._processes]
        if leaving:
            await asyncio.wait(leaving, timeout=seconds)

    def close_registration(self) -> None:
        """Let no more extensions register: the runtime is initialised."""
        self._is_closed = True

    # What extensions ask for, through the Extensions API.

    def is_external(self, name: str) -> bool:
        """Return whether this is the name of an external one that has not registered."""
        return name in self._expected

    def register(self, name: str, events: Sequence[str]) -> str:
        """Register one and return its identifier. Raises RegistrationError."""
        if self._is_closed:
            raise RegistrationError(
                "Extension registration is closed", "Extension.RegistrationClosed"
            )
        if any(extension.name == name for extension in self._by_id.values()):
            raise RegistrationError(f"{name} is registered", "Extension.AlreadyRegistered")
        identifier = str(uuid.uuid4())
        self._by_id[identifier] = Extension(name, events, self.is_external(name))
        self._expected.discard(name)
        return identifier

    def find(self, identifier: str) -> Extension | None:
        """Return the one that has this identifier, None if there is none."""
        return self._by_id.get(identifier)

    def next(self, extension: Extension, request: ExtensionRequest) -> None:
        """Keep the request until there is an event for it."""
        extension.waiting = request
        extension.is_busy = False
        self._ready()

    def fail(self, extension: Extension) -> None:
        """End the environment because an extension has reported an error."""
        # Not at once: it is answered first.
        loop = asyncio.get_running_loop()
        loop.call_soon(self._ended, f"Extension {extension.name} failed")

    async def _until_exit(self, name: str, process: Process) -> None:
        await process.wait()
        self._ended(f"Extension {name} has ended")

    async def _kill(self, process: Process, ending: "asyncio.Task[None]") -> None:
        process.kill()
        await asyncio.wait([ending])
