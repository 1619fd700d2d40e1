"""Durable executions in the server's event loop: who starts them, who waits, who is answered.

`machine` has the engine, with threads of its own. It is loaded when the server listens, which takes
a second or two; requests for durable functions wait for that, and no others.
"""

import asyncio
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from amazon_lambda_runtime.local.api.api_errors import InvokeError, refusal
from amazon_lambda_runtime.local.api.function_names import Target
from amazon_lambda_runtime.local.api.invoke_api import closing, identity_of, ids_of
from amazon_lambda_runtime.local.engine.function import VERSION, LocalFunction
from amazon_lambda_runtime.local.engine.invocation import Answer, Invocation, TooManyRequests
from amazon_lambda_runtime.local.engine.output import Log
from amazon_lambda_runtime.local.engine.pool import Pool
from amazon_lambda_runtime.local.http import Request, Response
from amazon_lambda_runtime.protocol import JSON

from .asking import checked_name
from .function_variables import variables
from .rows import Rows

if TYPE_CHECKING:
    from .loaded import Loaded

_ARN = "X-Amz-Durable-Execution-Arn"
# Requests of the API that are worked on at a time. Each takes milliseconds.
_THREADS = 16
# In seconds: how soon an invocation is tried again for which there was no room, at first.
_AGAIN = 0.05
# In seconds: changes of an execution within this time are looked at together.
_LOOK = 0.05


class DurableExecutions:
    """The durable executions of a LocalLambda.

    `store` is a folder where they are kept, None for memory. With `skip_time` waits and retries are
    over at once. Raises StoreError if the folder can't be used.
    """

    def __init__(self, store: Path | None = None, skip_time: bool = False) -> None:
        self._rows = Rows(store) if store is not None else None
        self._skip_time = skip_time
        self._pools: dict[str, Pool] = {}
        self._waiting: dict[str, list[asyncio.Future[None]]] = {}
        self._changed: dict[str, Any] = {}
        self._reloaded: dict[str, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._threads = ThreadPoolExecutor(_THREADS, "durable-api")
        self._loading: asyncio.Future[Loaded] | None = None
        self._is_closing = False

    def open(self, pools: Mapping[str, Pool], port: int, log: Log) -> None:
        """Load the engine, and go on with what is open; the API is served at this port."""
        self._pools = dict(pools)
        self._loop = asyncio.get_running_loop()
        self._log = log
        for pool in pools.values():
            if pool.function.durable is not None:
                pool.function.defaults.update(variables(pool.function, port))
                pool.on_renewal = partial(self._renewed, pool.function.name)
        self._loading = asyncio.ensure_future(asyncio.to_thread(self._load))
        self._loading.add_done_callback(_tell_failure(log))

    async def close(self) -> None:
        """Stop. Who waits is told so, and what is open goes on after the next start, if kept."""
        for arn in list(self._changed):
            self._look(arn)
        self._is_closing = True
        for futures in self._waiting.values():
            for future in futures:
                if not future.done():
                    future.set_result(None)
        if self._loading is not None:
            await asyncio.wait([self._loading])
            if self._loading.exception() is None:
                await asyncio.to_thread(self._loading.result().close)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._threads.shutdown(wait=False, cancel_futures=True)
        if self._rows is not None:
            self._rows.close()

    # What the APIs ask.

    def invoke(self, request: Request, target: Target, invocation: Invocation, kind: str) -> None:
        """Start an execution; answer at once, or with its result. Raises InvokeError."""
        name = checked_name(request, target, waits=kind != "Event")
        self._spawn(self._invoke(request, target.function, invocation, name, kind))

    def respond(self, request: Request) -> None:
        """Answer a request for one of the paths of the API."""
        self._spawn(self._respond(request))

    def submit(self, function: LocalFunction, invocation: Invocation) -> None:
        """Answer an invocation with the result of a new execution."""
        self._spawn(self._answer(function, invocation))

    async def run(self, function: LocalFunction, invocation: Invocation) -> Answer:
        """Return the result of a new execution. Raises asyncio.CancelledError at the end."""
        loaded = await self._loaded()
        arn = await self._start(loaded, function, invocation, "")
        answer = await self._result(loaded, arn)
        if answer is None:
            raise asyncio.CancelledError("the local Lambda has closed")
        return answer

    async def _invoke(
        self,
        request: Request,
        function: LocalFunction,
        invocation: Invocation,
        name: str,
        kind: str,
    ) -> None:
        try:
            loaded = await self._loaded()
            arn = await self._start(loaded, function, invocation, name)
        except InvokeError as error:
            request.answer(refusal(error, invocation.id))
            return
        if kind == "Event":
            request.answer(Response(202, {**ids_of(invocation), _ARN: arn}))
            return
        answer = await self._result(loaded, arn)
        if answer is None:
            request.answer(refusal(closing(), invocation.id))
            return
        headers = {"Content-Type": JSON, **identity_of(invocation), _ARN: arn}
        if answer.failed:
            headers["X-Amz-Function-Error"] = "Unhandled"
        request.answer(Response(200, headers, answer.payload))

    async def _respond(self, request: Request) -> None:
        try:
            loaded = await self._loaded()
        except InvokeError as error:
            request.answer(refusal(error))
            return
        method, path, query = request.method, request.path, request.query
        respond = partial(loaded.routes.respond, method, path, query, request.body)
        request.answer(await self._in_thread(respond))

    async def _answer(self, function: LocalFunction, invocation: Invocation) -> None:
        """Take an invocation through its stages, without an environment of its own."""
        invocation.begin(0)
        try:
            answer = await self.run(function, invocation)
        except (InvokeError, asyncio.CancelledError):
            invocation.abandon()
            return
        invocation.settle(answer)
        invocation.end()
        invocation.report()

    # From the loop to the engine.

    def _load(self) -> "Loaded":
        from .loaded import Loaded

        functions = {name: pool.function for name, pool in self._pools.items()}
        return Loaded(
            functions,
            self._run_once,
            self._has_changed,
            self._rows,
            self._skip_time,
            self._say,
            lambda name: self._reloaded.get(name, 0),
        )

    async def _loaded(self) -> "Loaded":
        """Wait for the engine. Raises InvokeError if there is none."""
        assert self._loading is not None
        if self._is_closing:
            raise closing()
        try:
            return await asyncio.shield(self._loading)
        except Exception as error:
            message = f"The engine of durable executions could not be loaded: {error}"
            raise InvokeError(500, "ServiceException", message) from None

    async def _start(
        self, loaded: "Loaded", function: LocalFunction, invocation: Invocation, name: str
    ) -> str:
        """Start an execution and return its ARN. Raises InvokeError."""
        payload = str(invocation.event, "utf-8")
        start = partial(loaded.start, function, payload, name, invocation.tenant_id)
        arn: str = await self._in_thread(start)
        return arn

    async def _result(self, loaded: "Loaded", arn: str) -> Answer | None:
        """Wait for an execution's end; return its result, None if this is closing."""
        future = self._loop.create_future()
        waiting = self._waiting.setdefault(arn, [])
        waiting.append(future)
        answer = loaded.result(arn)
        if answer is None and not self._is_closing:
            await future
            answer = loaded.result(arn)
        if future in waiting:
            waiting.remove(future)
        return answer

    async def _in_thread(self, work: Any) -> Any:
        try:
            return await self._loop.run_in_executor(self._threads, work)
        except RuntimeError:
            if self._is_closing:
                raise closing() from None
            raise

    def _spawn(self, work: Any) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # From the engine's threads to the loop.

    def _run_once(self, name: str, event: bytes, tenant_id: str) -> tuple[Answer, str]:
        """Run one invocation; return its answer and its id."""
        work = self._run(self._pools[name], event, tenant_id)
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _run(self, pool: Pool, event: bytes, tenant_id: str) -> tuple[Answer, str]:
        delay = _AGAIN
        while True:
            invocation = Invocation(event, tenant_id=tenant_id, qualifier=VERSION)
            pool.submit(invocation, "durable")
            try:
                answer = await invocation.wait()
            except TooManyRequests:
                await asyncio.sleep(delay)
                delay = min(delay * 2, 1)
                continue
            await invocation.wait_until_reported()
            return answer, invocation.id

    def _say(self, line: str) -> None:
        """Write a line to the log, from any thread."""
        self._loop.call_soon_threadsafe(self._log, line)

    def _has_changed(self, execution: Any) -> None:
        """Take note of a change, from any thread."""
        try:
            self._loop.call_soon_threadsafe(self._note, execution)
        except RuntimeError:
            pass  # the loop has ended: nobody waits any more

    def _note(self, execution: Any) -> None:
        arn = execution.durable_execution_arn
        if arn not in self._changed and not self._is_closing:
            self._loop.call_later(_LOOK, self._look, arn)
        self._changed[arn] = execution
        if execution.is_complete:
            for future in self._waiting.pop(arn, []):
                if not future.done():
                    future.set_result(None)

    def _look(self, arn: str) -> None:
        execution = self._changed.pop(arn, None)
        if execution is None:
            return
        loading = self._loading
        if loading is not None and loading.done() and loading.exception() is None:
            loading.result().telling.look(execution)
        elif not self._is_closing:
            self._loop.call_later(_LOOK, self._note, execution)

    def _renewed(self, name: str) -> None:
        """Say what new code means for the executions that are open."""
        self._reloaded[name] = time.time()
        loading = self._loading
        if loading is None or not loading.done() or loading.exception() is not None:
            return
        count = loading.result().count_open(name)
        if count:
            goes = "execution goes" if count == 1 else "executions go"
            self._log(f"{count} {goes} on with the new code of {name}")


def _tell_failure(log: Log) -> Any:
    def tell(loading: "asyncio.Future[Loaded]") -> None:
        if not loading.cancelled() and (error := loading.exception()) is not None:
            log(f"cannot load the engine of durable executions: {type(error).__name__}: {error}")

    return tell
