"""The Extensions API: who else lives in an execution environment, and when they are ready.

An internal extension is a part of the runtime's process; an external one is an executable of the
function's `extensions` folder, a process of its own, and known by its file's name.
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html
"""

import asyncio
import json
import os
import time
import uuid
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from amazon_lambda_runtime.local.http import Request, Response, json_response
from amazon_lambda_runtime.protocol import EXTENSION_ID

from .function import VERSION
from .invocation import Invocation
from .output import Output
from .process import Process

if TYPE_CHECKING:
    from .environment import Environment

# In seconds, from SIGTERM to SIGKILL.
INTERNAL_WINDOW = 0.5
EXTERNAL_WINDOW = 2.0


class _Extension:
    def __init__(self, name: str, events: list[str], is_external: bool) -> None:
        self.name = name
        self.events = events
        self.is_external = is_external
        self.waiting: Request | None = None
        #: Whether it has been told of an invocation and has not asked again.
        self.is_busy = True


class Extensions:
    """Those of one environment."""

    def __init__(self, environment: "Environment") -> None:
        self._environment = environment
        self._by_id: dict[str, _Extension] = {}
        self._processes: list[Process] = []
        self._expected: set[str] = set()

    @property
    def are_ready(self) -> bool:
        """Whether all of them have asked for their next event."""
        return not self._expected and not any(
            extension.is_busy for extension in self._by_id.values()
        )

    @property
    def shutdown_window(self) -> float:
        """How long the environment has between SIGTERM and SIGKILL: 0 without an extension."""
        if not self._by_id:
            return 0
        external = any(extension.is_external for extension in self._by_id.values())
        return EXTERNAL_WINDOW if external else INTERNAL_WINDOW

    async def start(
        self, variables: Mapping[str, str], output: Output, resources: AsyncExitStack
    ) -> None:
        """Start the external ones; `resources` ends them. Raises OSError if one cannot be run."""
        folder = self._environment.function.extensions
        files = sorted(Path(folder).iterdir()) if folder else []
        for file in files:
            if file.is_file() and os.access(file, os.X_OK):
                self._expected.add(file.name)
                process = await Process.start(
                    [str(file)], folder, variables, output.write_end, self._environment.reaper
                )
                self._processes.append(process)
                ending = asyncio.create_task(self._until_exit(file.name, process))
                resources.push_async_callback(self._kill, process, ending)

    def invoke(self, invocation: Invocation) -> None:
        """Tell those that want to know of an invocation."""
        for extension in self._by_id.values():
            if "INVOKE" in extension.events and extension.waiting is not None:
                request, extension.waiting = extension.waiting, None
                extension.is_busy = True
                document = {
                    "eventType": "INVOKE",
                    "deadlineMs": invocation.deadline_ms,
                    "requestId": invocation.id,
                    "invokedFunctionArn": self._environment.function.arn,
                    "tracing": {"type": "X-Amzn-Trace-Id", "value": invocation.trace_id},
                }
                request.answer(json_response(200, document))

    async def shut_down(self, reason: str, seconds: float) -> None:
        """Tell the external ones that the end is near, and give them this time to go."""
        deadline = int((time.time() + seconds) * 1000)
        document = {"eventType": "SHUTDOWN", "shutdownReason": reason, "deadlineMs": deadline}
        for extension in self._by_id.values():
            if "SHUTDOWN" in extension.events and extension.waiting is not None:
                extension.waiting.answer(json_response(200, document))
                extension.waiting = None
        leaving = [asyncio.create_task(process.wait()) for process in self._processes]
        if leaving:
            await asyncio.wait(leaving, timeout=seconds)

    # What extensions ask for, through RuntimeApi.

    def register(self, request: Request) -> Response:
        """Take in an extension: before the runtime's first event, and each but once."""
        name = request.headers.get("lambda-extension-name", "")
        if not name:
            return _error(400, "Extension name missing", "Extension.InvalidExtensionName")
        try:
            events = json.loads(request.body or b"{}").get("events") or []
            unknown = [event for event in events if event not in ("INVOKE", "SHUTDOWN")]
        except (ValueError, AttributeError, TypeError, RecursionError):
            return _error(400, "Request body is not valid JSON", "InvalidRequestFormat")
        is_external = name in self._expected
        if unknown:
            return _error(400, f"{unknown[0]}: no such event", "Extension.InvalidEventType")
        if not is_external and "SHUTDOWN" in events:
            message = "SHUTDOWN event is not supported for internal extensions"
            return _error(400, message, "ShutdownEventNotSupportedForInternalExtension")
        if self._environment.is_initialised:
            message = "Extension registration is closed"
            return _error(403, message, "Extension.RegistrationClosed")
        if any(extension.name == name for extension in self._by_id.values()):
            return _error(403, f"{name} is registered", "Extension.AlreadyRegistered")
        identifier = str(uuid.uuid4())
        self._by_id[identifier] = _Extension(name, events, is_external)
        self._expected.discard(name)
        function = self._environment.function
        document = {
            "functionName": function.name,
            "functionVersion": VERSION,
            "handler": function.handler,
        }
        return json_response(200, document, {"Lambda-Extension-Identifier": identifier})

    def next(self, request: Request) -> Response | None:
        """Keep the request until there is an event for it."""
        extension = self._by_id.get(request.headers.get(EXTENSION_ID, ""))
        if extension is None:
            return _unknown(request)
        extension.waiting = request
        extension.is_busy = False
        self._environment.settle()
        return None

    def fail(self, request: Request) -> Response:
        """Take an extension's word that it can't go on: neither can the environment."""
        extension = self._by_id.get(request.headers.get(EXTENSION_ID, ""))
        if extension is None:
            return _unknown(request)
        self._environment.exit_reason = f"Extension {extension.name} failed"
        asyncio.get_running_loop().call_soon(self._environment.kill)
        return json_response(202, {"status": "OK"})

    async def _until_exit(self, name: str, process: Process) -> None:
        await process.wait()
        if self._expected or not self._environment.is_ending:
            self._environment.exit_reason = f"Extension {name} has ended"
            self._environment.kill()

    async def _kill(self, process: Process, ending: "asyncio.Task[None]") -> None:
        process.kill()
        await asyncio.wait([ending])


def _unknown(request: Request) -> Response:
    if EXTENSION_ID not in request.headers:
        message = "Missing Lambda-Extension-Identifier header"
        return _error(403, message, "Extension.MissingExtensionIdentifier")
    return _error(403, "Unknown extension", "Extension.UnknownExtensionIdentifier")


def _error(status: int, message: str, error_type: str) -> Response:
    return json_response(status, {"errorMessage": message, "errorType": error_type})
