"""The lifespan of an ASGI application: up once for each environment, and down at its end.

https://asgi.readthedocs.io/en/latest/specs/lifespan.html

What an application raises before it has looked at its first message says that it has no lifespan.
"""

import asyncio

from amazon_lambda_runtime.core import report
from amazon_lambda_runtime.core.logs import sink

from .errors import StartupFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Message = dict[str, Any]

#: How it may be set; see `Web`.
MODES = ("auto", "on", "off", "snapshot")
# How long (seconds) to wait for the end: Lambda leaves a few hundred milliseconds.
_LAST_WORDS = 0.4


class Lifespan:
    """Runs one application's lifespan, in a task that lives from startup to shutdown."""

    def __init__(self, app: "Any", *, is_required: bool) -> None:
        self._app = app
        self._is_required = is_required
        #: What the application has left for its requests.
        self.state: Message = {}
        #: Whether startup has been begun.
        self.has_begun = False
        self._task: asyncio.Task[None] | None = None
        # What the application is told, and what it answers.
        self._messages: asyncio.Queue[Message]
        self._answers: asyncio.Queue[Message]
        self._was_asked = False
        self._is_misled = False

    async def start(self) -> None:
        """Have the application start. Raises StartupFailed."""
        self.has_begun = True
        self._messages, self._answers = asyncio.Queue(), asyncio.Queue()
        self._messages.put_nowait({"type": "lifespan.startup"})
        self._task = asyncio.get_running_loop().create_task(self._run())
        answer = await self._answer(self._task)
        if answer is None:
            self._give_up(self._task)
        elif answer["type"] == "lifespan.startup.failed":
            message = answer.get("message", "") or "the application's startup failed"
            raise StartupFailed(message)

    async def stop(self) -> None:
        """Have the application end, if it had a lifespan. What it raises is raised."""
        task, self._task = self._task, None
        if task is None or task.done():
            return
        self._messages.put_nowait({"type": "lifespan.shutdown"})
        await asyncio.wait([task], timeout=_LAST_WORDS)
        while not self._answers.empty():
            answer = self._answers.get_nowait()
            if answer["type"] == "lifespan.shutdown.failed":
                told = answer.get("message", "") or "the application's shutdown failed"
                report.of_message(told, "Runtime.ShutdownFailed", "").log()
        if task.done():
            task.result()

    async def _run(self) -> None:
        scope = {
            "type": "lifespan",
            "asgi": {"version": "3.0", "spec_version": "2.0"},
            "state": self.state,
        }
        await self._app(scope, self._receive, self._send)

    async def _receive(self) -> "Message":
        self._was_asked = True
        return await self._messages.get()

    async def _send(self, message: "Message") -> None:
        if not message["type"].startswith("lifespan."):
            self._is_misled = True  # it takes everything for a request
            raise RuntimeError(f"Unexpected ASGI message '{message['type']}' during lifespan.")
        self._answers.put_nowait(message)

    async def _answer(self, task: "asyncio.Task[None]") -> "Message | None":
        """Return what the application answers to startup; None if it ends without an answer."""
        answering = asyncio.ensure_future(self._answers.get())
        await asyncio.wait([answering, task], return_when=asyncio.FIRST_COMPLETED)
        if answering.done() or not self._answers.empty():
            return await answering
        answering.cancel()
        return None

    def _give_up(self, task: "asyncio.Task[None]") -> None:
        """Go on without a lifespan, or raise why that can't be."""
        self._task = None
        problem = asyncio.CancelledError() if task.cancelled() else task.exception()
        if problem and not isinstance(problem, Exception | asyncio.CancelledError):
            raise problem
        told = f"{type(problem).__name__}: {problem}" if problem else "it returned at once"
        told = told.removesuffix(": ")
        if self._is_required or (problem and self._was_asked and not self._is_misled):
            raise StartupFailed(f"the application's startup failed: {told}") from problem
        if problem:
            told = told.partition("\n")[0]
            sink.log_record(
                f"[WARN] LAMBDA_RUNTIME The application has no lifespan, it seems: {told}. If it"
                ' has one, Web(app, lifespan="on") makes this an error\n',
                sink.frame_type(30, sink.TEXT),
            )
