"""Polls one stream for one function, as an event source mapping does.

Each shard is read by itself, and in its order; a batch is of one shard. When a shard was split or
merged, its successors are read after it. What was answered is known to this process only: a poller
that is opened again begins where its settings say.
https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-create.html
https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-eventsourcemapping.html
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Self

from amazon_lambda_runtime.local.closing import Closing
from amazon_lambda_runtime.local.engine.output import Log
from amazon_lambda_runtime.project.triggers.stream import StreamTrigger

from .delivery import Delivery, Invoke, OnFailure
from .records import Filters
from .shard import Shard
from .source import LATEST, Source, StreamError

# In seconds: how often the shards are listed if none has ended.
_LIST = 30.0
# In seconds: the pause after a list that failed.
_AGAIN = 5.0


class StreamPoller(Closing):
    """Polls a stream while it is open. An async context manager.

    To enter it raises StreamError if the stream can't be read; what is put into a stream after
    that is read also from LATEST. `timeout` is the function's, in seconds, `function_arn` its name
    in the records for `on_failure`. `changed` is called when a property may have changed.
    """

    def __init__(
        self,
        source: Source,
        settings: StreamTrigger,
        invoke: Invoke,
        *,
        timeout: float,
        log: Log,
        on_failure: OnFailure | None = None,
        changed: Callable[[], None] | None = None,
        function_arn: str = "",
    ) -> None:
        self._source = source
        self._settings = settings
        self._timeout = timeout
        self._write = log
        self._changed = changed or (lambda: None)
        self._filters = Filters(settings.filters)
        self._delivery = Delivery(
            source,
            settings,
            invoke,
            log=self._log,
            on_failure=on_failure,
            changed=self._changed,
            function_arn=function_arn,
        )
        self._shards: dict[str, Shard] = {}
        self._following: asyncio.Task[None] | None = None
        # Set when a shard has ended; its successors are to be begun.
        self._has_news = asyncio.Event()
        self._is_looking = False

    async def __aenter__(self) -> Self:
        if not self._settings.enabled:
            self._log("is not polled: its trigger has enabled = false")
            return self
        await self._begin_new(from_end=self._settings.starting_position == LATEST)
        self._following = asyncio.create_task(self._follow())
        return self

    async def close(self) -> None:
        """Stop reading, and finish the invocations that run.

        This takes at most the function's timeout and a second or two.
        """
        self._delivery.stop()
        tasks = {task for shard in self._shards.values() for task in shard.tasks}
        if self._following is not None:
            tasks.add(self._following)
        answering = set(self._delivery.answering)
        await _end(tasks - answering)
        if answering:
            count = f"{len(answering)} batch{'' if len(answering) == 1 else 'es'}"
            self._log(f"waiting for {count} in flight")
            await asyncio.wait(answering, timeout=self._timeout)
        await _end(answering)

    @property
    def iterator_age_ms(self) -> int:
        """How old the oldest record is that is read and not answered for good, 0 if none is."""
        moments = [shard.oldest for shard in self._shards.values()]
        oldest = min((moment for moment in moments if moment is not None), default=None)
        return 0 if oldest is None else max(0, int((time.time() - oldest) * 1000))

    @property
    def in_flight(self) -> int:
        """How many batches are not done, those included that wait for their next try."""
        return self._delivery.in_flight

    @property
    def is_idle(self) -> bool:
        """Whether all that was read is answered for good, and the last reads were empty."""
        return (
            not self.in_flight
            and not self._has_news.is_set()
            and not self._is_looking
            and all(shard.is_idle for shard in self._shards.values())
        )

    async def _follow(self) -> None:
        """Begin the shards that come later, each after those that it goes on from."""
        is_failing = False
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_AGAIN if is_failing else _LIST):
                    await self._has_news.wait()
            self._is_looking = self._has_news.is_set() or is_failing
            self._has_news.clear()
            try:
                await self._begin_new()
            except StreamError as error:
                if not is_failing:
                    self._log(f"{error}; retrying until it succeeds")
                is_failing = True
            else:
                is_failing = self._is_looking = False
                self._changed()

    async def _begin_new(self, *, from_end: bool = False) -> None:
        """Begin the shards whose predecessors have ended; `from_end`, all of them at their end."""
        listed = await self._source.shards()
        names = {each.name for each in listed}
        new: dict[str, Shard] = {}
        for each in listed:
            if each.name in self._shards:
                continue
            if not from_end and not all(self._has_ended(name) for name in names & {*each.parents}):
                continue
            shard = Shard(
                each.name,
                self._source,
                self._settings,
                self._filters,
                self._delivery,
                log=self._log,
                changed=self._changed,
                ended=self._has_news.set,
            )
            if from_end:
                await shard.at_the_end()
            new[each.name] = shard
        for shard in new.values():
            shard.begin()
        self._shards = {
            name: shard
            for name, shard in {**self._shards, **new}.items()
            if name in names or not shard.has_ended
        }

    def _has_ended(self, name: str) -> bool:
        return name in self._shards and self._shards[name].has_ended

    def _log(self, text: str) -> None:
        self._write(f"{self._source.kind} {self._source.name}: {text}")


async def _end(tasks: set[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
