"""The records of a shard that stay in one order, made into batches.

A shard has one lane, or as many as its parallelization factor says. A batch is complete when it has
its size, when it would be more than an event may be, when its batching window is over, or when the
next record is of another tumbling window. The next batch begins when the last one is done.
"""

import asyncio
import math
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from itertools import takewhile

from amazon_lambda_runtime.project.aws_limits import PAYLOAD_BYTES
from amazon_lambda_runtime.project.triggers.stream import StreamTrigger

from .delivery import Delivery
from .records import FRAME, Record, fill
from .window import Window


class Lane:
    """Takes records in order and has them answered, in batches.

    `done` is told which records are answered for good.
    """

    def __init__(
        self,
        shard: str,
        arn: str,
        settings: StreamTrigger,
        delivery: Delivery,
        done: Callable[[Sequence[Record]], None],
    ) -> None:
        self._shard = shard
        self._arn = arn
        self._settings = settings
        self._delivery = delivery
        self._done = done
        self._waiting: deque[Record] = deque()
        self._news = asyncio.Event()
        self._is_ended = False
        # Up to which moment the shard is known to have no more records.
        self._read_until = 0.0
        # The tumbling window that has begun.
        self._window: Window | None = None

    def put(self, records: Iterable[Record]) -> None:
        self._waiting.extend(records)
        self._news.set()

    def read_until(self, moment: float) -> None:
        """Take note that all records before this moment are here: a window can end by that."""
        self._read_until = moment
        if self._window is not None or self._waiting:
            self._news.set()

    def end(self) -> None:
        """Take note that no more records will come."""
        self._is_ended = True
        self._news.set()

    async def run(self) -> None:
        """Have all records answered, until no more will come."""
        while (batch := await self._batch()) is not None:
            if batch:
                if self._window is None and self._settings.tumbling_window:
                    self._window = self._window_of(batch[0])
                await self._delivery.settle(self._shard, batch, self._window, self._done)
            if self._window is not None and (not batch or self._window.is_too_large):
                await self._delivery.finish(self._shard, self._window)
                self._window = None

    async def _batch(self) -> list[Record] | None:
        """Return the next batch: empty if a tumbling window is over, None if the shard is."""
        loop = asyncio.get_running_loop()
        end = math.inf
        while True:
            self._news.clear()
            if self._is_over():
                return []
            count, is_full = self._count()
            if count:
                end = min(end, loop.time() + self._settings.window)
                if is_full or self._is_ended or loop.time() >= end:
                    return [self._waiting.popleft() for _ in range(count)]
            elif self._is_ended:
                return None
            with suppress(TimeoutError):
                async with asyncio.timeout_at(None if end == math.inf else end):
                    await self._news.wait()

    def _is_over(self) -> bool:
        if self._window is None:
            return False
        if self._waiting:
            return self._waiting[0].moment >= self._window.end
        return self._is_ended or self._read_until >= self._window.end

    def _count(self) -> tuple[int, bool]:
        """Return how many records make the next batch, and whether it waits for no more."""
        most, limit = self._settings.batch_size, PAYLOAD_BYTES - FRAME
        if not self._waiting or not self._settings.tumbling_window:
            return fill(self._waiting, most, limit)
        window = self._window or self._window_of(self._waiting[0])
        inside = takewhile(lambda record: record.moment < window.end, self._waiting)
        count, is_full = fill(inside, most, limit - window.size)
        return count, is_full or count < len(self._waiting) or self._read_until >= window.end

    def _window_of(self, record: Record) -> Window:
        length = self._settings.tumbling_window
        return Window(record.moment, length, shard=self._shard, arn=self._arn)
