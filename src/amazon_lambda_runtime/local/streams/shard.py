"""One shard of a stream, read to its end."""

import asyncio
import time
import zlib
from collections.abc import Callable, Sequence

from amazon_lambda_runtime.project.aws_limits import PAYLOAD_BYTES
from amazon_lambda_runtime.project.triggers.stream import StreamTrigger

from .delivery import Delivery
from .lane import Lane
from .records import Filters, Record
from .source import LATEST, TRIM_HORIZON, ExpiredError, Source, StreamError, TrimmedError

# Records of one read.
_READ = 1000
# In seconds: the pause after a read that was empty, and after one that was not full. Kinesis allows
# five reads in a second.
_EMPTY = 1.0
_SOME = 0.2
# In seconds: the first and the longest pause of an endpoint that fails.
_UNREACHABLE = (1.0, 30.0)
# What waits to be answered at most before reading pauses, in bytes.
_BYTES = 4 * PAYLOAD_BYTES


class Shard:
    """Reads a shard from its beginning, or from `at_the_end`, once it was told to begin.

    `ended` is called when it is closed and all of its records are answered for good, `changed`
    when there is something new to say of it.
    """

    def __init__(
        self,
        name: str,
        source: Source,
        settings: StreamTrigger,
        filters: Filters,
        delivery: Delivery,
        *,
        log: Callable[[str], None],
        changed: Callable[[], None],
        ended: Callable[[], None],
    ) -> None:
        self.name = name
        self.has_ended = False
        #: The tasks that read it and have its records answered.
        self.tasks: list[asyncio.Task[None]] = []
        self._source = source
        self._filters = filters
        self._log = log
        self._changed = changed
        self._ended = ended
        self._lanes = [
            Lane(name, source.arn, settings, delivery, self._done)
            for _ in range(settings.parallelization_factor)
        ]
        # Where to read, and where to go on if that is lost: after a sequence number, else at the
        # beginning, without what was there when this began.
        self._iterator: str | None = None
        self._after: str | None = None
        self._began = 0.0
        self._skipped = 0.0
        # What is read and not yet answered for good, in order.
        self._open: dict[str, Record] = {}
        self._open_bytes = 0
        self._most = max(_READ, 2 * settings.batch_size)
        self._room = asyncio.Event()
        self._room.set()
        self._is_caught_up = False

    @property
    def is_idle(self) -> bool:
        return self.has_ended or (self._is_caught_up and not self._open)

    @property
    def oldest(self) -> float | None:
        """When the oldest record came that is not answered for good, in seconds since 1970."""
        return next(iter(self._open.values())).moment if self._open else None

    async def at_the_end(self) -> None:
        """Skip what is there already. Raises StreamError."""
        # Some streams know whole seconds only.
        self._began = float(int(time.time()))
        self._iterator = await self._source.iterator(self.name, LATEST)

    def begin(self) -> None:
        lanes = [asyncio.create_task(lane.run()) for lane in self._lanes]
        self.tasks = [*lanes, asyncio.create_task(self._run(lanes))]

    async def _run(self, lanes: Sequence[asyncio.Task[None]]) -> None:
        await self._read()
        for lane in self._lanes:
            lane.end()
        await asyncio.wait(lanes)
        self.has_ended = True
        self._ended()
        self._changed()

    async def _read(self) -> None:
        """Read to the end of the shard, if it has one."""
        delay = 0.0
        while True:
            await self._room.wait()
            began = time.time()
            try:
                if self._iterator is None:
                    self._skipped = 0.0 if self._after else self._began
                    self._iterator = await self._source.iterator(
                        self.name, TRIM_HORIZON, self._after
                    )
                read = await self._source.read(self.name, self._iterator, _READ)
            except StreamError as error:
                self._iterator = None
                delay = self._wait_after(error, delay)
                await asyncio.sleep(delay or _EMPTY)
                continue
            if delay:
                self._log("reading again")
                delay = 0.0
            self._iterator = read.next
            self._take(read.records, began)
            if read.next is None:
                return
            if len(read.records) < _READ:
                await asyncio.sleep(_SOME if read.records else _EMPTY)

    def _wait_after(self, error: StreamError, delay: float) -> float:
        """Return how long to wait after an error: 0 for one that another iterator mends."""
        if isinstance(error, ExpiredError):
            return 0.0
        if isinstance(error, TrimmedError):
            self._after = None
            self._log(f"{error}; continuing with the oldest records that are left")
            return 0.0
        if not delay:
            self._log(f"{error}; retrying until it succeeds")
            return _UNREACHABLE[0]
        return min(delay * 2, _UNREACHABLE[1])

    def _take(self, found: Sequence[Record], began: float) -> None:
        if found:
            self._after = found[-1].sequence
        was_idle, self._is_caught_up = self.is_idle, not found
        lanes: list[list[Record]] = [[] for _ in self._lanes]
        for record in found:
            if record.moment >= self._skipped and self._filters.take(record):
                self._open[record.sequence] = record
                self._open_bytes += len(record.data)
                lanes[self._lane_of(record)].append(record)
        for lane, records in zip(self._lanes, lanes, strict=True):
            if records:
                lane.put(records)
            if not found:
                lane.read_until(began)
        self._make_room()
        if was_idle != self.is_idle:
            self._changed()

    def _lane_of(self, record: Record) -> int:
        return zlib.crc32(record.key.encode(errors="replace")) % len(self._lanes)

    def _done(self, records: Sequence[Record]) -> None:
        for record in records:
            del self._open[record.sequence]
            self._open_bytes -= len(record.data)
        self._make_room()
        self._changed()

    def _make_room(self) -> None:
        if len(self._open) < self._most and self._open_bytes < _BYTES:
            self._room.set()
        else:
            self._room.clear()
