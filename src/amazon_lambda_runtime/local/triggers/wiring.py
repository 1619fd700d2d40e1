"""Starts what a function's triggers need, and connects them with the function."""

import asyncio
import hashlib
import json
import math
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any

from amazon_lambda_runtime.local.closing import Closing
from amazon_lambda_runtime.local.engine.async_invocations import Destination
from amazon_lambda_runtime.local.invoker import AsyncSettings
from amazon_lambda_runtime.local.queues import Queue, QueueSettings
from amazon_lambda_runtime.local.server import LocalLambda
from amazon_lambda_runtime.local.services.process import VARIABLES
from amazon_lambda_runtime.project.aws_limits import TIMEOUT, advised_visibility
from amazon_lambda_runtime.project.declaration import Function
from amazon_lambda_runtime.project.triggers import (
    DynamoDbTrigger,
    KinesisTrigger,
    RuleTrigger,
    S3Trigger,
    ScheduleTrigger,
    SnsTrigger,
    SqsTrigger,
    StreamTrigger,
    Trigger,
)

from . import events
from .delivery import Delivery
from .destinations import KINDS, Destinations, service_of
from .published import Published
from .schedule import Schedule
from .sources import Figures, Source, blocking, fixed, object_text, queue_figures, text
from .stream import Stream

# Services by the kind of trigger that needs them, and those that deliver through a queue.
_SERVICES: dict[type[Trigger], tuple[str, ...]] = {
    DynamoDbTrigger: ("dynamodb", "dynamodbstreams"),
    KinesisTrigger: ("kinesis",),
    RuleTrigger: ("events",),
    S3Trigger: ("s3",),
    SnsTrigger: ("sns",),
    SqsTrigger: ("sqs",),
}
# In seconds: hidden queues are asked again for what was not taken.
_HIDDEN_VISIBILITY = 30


def services_of(functions: Iterable[Function]) -> list[str]:
    """Return the services that these functions need here, by moto's names, in order."""
    found: set[str] = set()
    for function in functions:
        for trigger in function.triggers:
            found.update(_SERVICES.get(type(trigger), ()))
        found.update(map(service_of, _arns(function)))
    return sorted(found & VARIABLES.keys())


def _arns(function: Function) -> list[str]:
    named = (function.on_failure, function.on_success, function.dead_letter)
    return [arn for arn in named if arn is not None]


class Wiring(Closing):
    """The triggers of the functions of a service. An async context manager.

    `fires` says whether schedules fire by themselves; messages that have failed come again after
    `redeliver_after` seconds, None: as on AWS. `partial_failures` is what the functions' classes
    declare, by the functions' names. Close this before the service.
    """

    def __init__(
        self,
        service: LocalLambda,
        *,
        port: int = 0,
        fires: bool = True,
        redeliver_after: int | None = None,
        partial_failures: Mapping[str, bool | None] | None = None,
    ) -> None:
        self._partial_failures = partial_failures or {}
        self._redeliver_after = redeliver_after
        self._service = service
        self._port = port
        self._fires = fires
        self._stack = AsyncExitStack()
        self._connect: dict[type[Trigger], Callable[[str, Any], Awaitable[str]]] = {
            RuleTrigger: self._rule,
            S3Trigger: self._bucket,
            ScheduleTrigger: self._schedule,
            SnsTrigger: self._topic,
            SqsTrigger: self._queue,
            DynamoDbTrigger: self._stream,
            KinesisTrigger: self._stream,
        }

    async def close(self) -> None:
        """Stop what invokes the functions."""
        await self._stack.aclose()

    def not_here(self, function: Function) -> list[str]:
        """Return the destinations that nothing is sent to here."""
        lost = []
        for arn in _arns(function):
            if service_of(arn) not in KINDS:
                lost.append(arn)
            elif service_of(arn) == "lambda" and arn.split(":")[6] not in self._service.pools:
                lost.append(f"{arn} (there is no such function here)")
        return lost

    async def connect(self, function: Function, trigger: Trigger) -> str:
        """Start a trigger; return what it is, in a few words. Raises QueueError or ServiceError."""
        if not getattr(trigger, "enabled", True):
            return f"{trigger.what}: off (enabled = false)"
        return await self._connect[type(trigger)](function.name, trigger)

    async def settle(self, function: Function) -> None:
        """Set what becomes of the function's asynchronous events. Raises QueueError."""
        here = [arn for arn in _arns(function) if service_of(arn) in KINDS]
        made: dict[str, Any] = {}
        if here:
            destinations = self._destinations(function.name)
            for key in ("on_failure", "on_success"):
                arn = getattr(function, key)
                if arn in here:
                    made[key] = await destinations.of(arn)
            if function.dead_letter in here:
                made["dead_letter"] = await destinations.dead_letter(str(function.dead_letter))
        settings = AsyncSettings(
            retries=function.maximum_retry_attempts, maximum_age=function.maximum_event_age, **made
        )
        self._service.invoker.configure(function.name, settings)

    async def _queue(self, function: str, trigger: SqsTrigger) -> str:
        settings = QueueSettings(
            trigger.queue,
            batch_size=trigger.batch_size,
            window=trigger.window,
            partial=trigger.report_batch_item_failures,
            dlq=trigger.dead_letter_queue,
            max_receive_count=trigger.max_receive_count,
            visibility=trigger.visibility,
            filters=trigger.filters,
            max_concurrency=trigger.max_concurrency,
            redeliver_after=self._redeliver_after,
        )
        [line] = await self._service.attach(
            function,
            [settings],
            port=self._port,
            partial_failures=self._partial_failures.get(function),
            here=True,
        )
        queue, dead = await self._open(trigger.queue), await self._open(trigger.dead_letter_queue)
        published = await self._published(function)

        async def send(given: Mapping[str, Any]) -> Figures:
            await queue.send(text(given, "body"))
            return {}

        def redrive(given: Mapping[str, Any]) -> Figures:
            return {"moved": published.redrive(dead.name, queue.name)}

        actions = {"send": send, "redrive": blocking(redrive)}
        figures = queue_figures(queue, dead)
        self._add(Source(function, "sqs", trigger.queue, figures, actions))
        return f"{trigger.what}, then {trigger.dead_letter_queue}: {line}"

    async def _schedule(self, function: str, trigger: ScheduleTrigger) -> str:
        local = self._service.pools[function].function
        arn = f"arn:aws:events:{local.region_name}:{local.account}:rule/{trigger.rule}"

        def event(at: datetime) -> bytes:
            if trigger.input is not None:
                return trigger.input.encode()
            return json.dumps(events.scheduled(arn, at)).encode()

        async def run(given: Mapping[str, Any]) -> Figures:
            return {"requestId": self._service.invoker.send(function, event(datetime.now(UTC)))}

        schedule = None
        if self._fires:
            schedule = Schedule(
                trigger.expression, lambda at: self._sent(function, trigger.what, event(at))
            )
            await self._stack.enter_async_context(schedule)

        async def figures() -> Figures:
            due = None if schedule is None else schedule.next
            told = None if due is None else due.isoformat()
            return {"expression": trigger.expression, "fires": self._fires, "next": told}

        self._add(Source(function, "schedule", trigger.rule, figures, {"run": run}))
        if schedule is None:
            return f"{trigger.what}, {trigger.expression}: off (--no-schedules)"
        first = schedule.next
        told = "never again" if first is None else f"next at {first:%Y-%m-%d %H:%M} UTC"
        return f"{trigger.what}, {trigger.expression}: {told}"

    def _sent(self, function: str, what: str, event: bytes) -> None:
        try:
            self._service.invoker.send(function, event)
        except Exception as error:  # too many events; the schedule goes on
            self._service.log(f"{what}: {function} is not invoked: {error}")

    async def _topic(self, function: str, trigger: SnsTrigger) -> str:
        arn = await self._subscribe(function, trigger.topic, trigger.filter_policy)
        published = await self._published(function)

        def publish(given: Mapping[str, Any]) -> None:
            published.publish(arn, text(given, "message"))

        figures = fixed(filter_policy=trigger.filter_policy)
        self._add(Source(function, "sns", trigger.topic, figures, {"publish": blocking(publish)}))
        return trigger.what

    async def _subscribe(self, function: str, topic: str, policy: str | None) -> str:
        """Deliver what is published to a topic; return its ARN."""
        published = await self._published(function)
        arn = await asyncio.to_thread(published.topic, topic)
        queue = await self._hidden(function, f"topic {topic}")
        subscription = await asyncio.to_thread(published.subscribe, arn, queue.arn, policy)
        await self._deliver(function, f"topic {topic}", queue, events.of_topic(subscription))
        return arn

    async def _bucket(self, function: str, trigger: S3Trigger) -> str:
        published = await self._published(function)
        await asyncio.to_thread(published.bucket, trigger.bucket)
        if trigger.via == "sns":
            to_arn = await self._subscribe(function, str(trigger.topic), None)
        elif trigger.via == "sqs":
            to_arn = (await self._open(str(trigger.queue))).arn
        else:
            queue = await self._hidden(
                function, f"{trigger.what} {trigger.prefix} {trigger.suffix}"
            )
            await self._deliver(function, trigger.what, queue, events.of_bucket)
            to_arn = queue.arn
        await asyncio.to_thread(
            published.notify, trigger.bucket, to_arn, trigger.events, trigger.prefix, trigger.suffix
        )
        figures = fixed(prefix=trigger.prefix, suffix=trigger.suffix, via=trigger.via)
        self._add(Source(function, "s3", trigger.bucket, figures))
        return trigger.what

    async def _rule(self, function: str, trigger: RuleTrigger) -> str:
        published = await self._published(function)
        queue = await self._hidden(function, f"{trigger.what} of {trigger.bus}")
        await asyncio.to_thread(published.forward, trigger.bus, trigger.rule, queue.arn)
        await self._deliver(function, trigger.what, queue, events.of_bus(trigger.pattern))

        def put(given: Mapping[str, Any]) -> None:
            source, detail_type = text(given, "source"), text(given, "detailType")
            published.put_event(trigger.bus, source, detail_type, object_text(given, "detail"))

        name, actions = f"{trigger.bus}: {trigger.rule}", {"put": blocking(put)}
        figures, samples = fixed(pattern=trigger.pattern), {"put": events.to_put(trigger.pattern)}
        self._add(Source(function, "eventbridge", name, figures, actions, samples))
        return f"{trigger.what} of the bus {trigger.bus}"

    async def _stream(self, function: str, trigger: KinesisTrigger | DynamoDbTrigger) -> str:
        published = await self._published(function)
        stream = Stream(self._service, function, trigger, await self._on_failure(function, trigger))
        source = Source(function, stream.kind, stream.name, stream.figures)
        source.is_idle = lambda: stream.is_idle
        if isinstance(trigger, KinesisTrigger):
            await asyncio.to_thread(published.stream, trigger.stream)

            def put(given: Mapping[str, Any]) -> None:
                key = text(given, "key", "1")
                published.put_record(trigger.stream, text(given, "data"), key)

            source.actions["put"] = blocking(put)
        await self._stack.enter_async_context(stream)
        self._add(source)
        return f"{trigger.what}{stream.note}"

    async def _on_failure(self, function: str, trigger: StreamTrigger) -> Destination | None:
        arn = trigger.on_failure
        if arn is None or service_of(arn) not in KINDS:
            return None
        return await self._destinations(function).of(arn)

    def _destinations(self, function: str) -> Destinations:
        return Destinations(self._open, lambda: self._published(function), self._service.invoker)

    def _add(self, source: Source) -> None:
        self._service.add_source(source)

    async def _deliver(self, function: str, what: str, queue: Queue, unwrap: events.Unwrap) -> None:
        service = self._service
        delivery = Delivery(
            what, queue, unwrap, lambda event: service.invoker.send(function, event), service.log
        )
        await self._stack.enter_async_context(delivery)

    async def _hidden(self, function: str, source: str) -> Queue:
        """Return a queue that nobody else knows."""
        name = hashlib.sha256(f"{function}/{source}".encode()).hexdigest()[:24]
        embedded = self._service.embedded(self._port)
        return await embedded.queue(QueueSettings(f"local-{name}"), _HIDDEN_VISIBILITY)

    async def _open(self, name: str) -> Queue:
        """Return a queue by its name, made if there is none."""
        timeout = max(pool.function.timeout or TIMEOUT[1] for pool in self._service.pools.values())
        visibility = math.ceil(advised_visibility(timeout, 0))
        queue = await self._service.embedded(self._port).queue(QueueSettings(name), visibility)
        self._stack.push_async_callback(queue.close)
        return queue

    async def _published(self, function: str) -> Published:
        region = self._service.pools[function].function.region_name
        services = await self._service.embedded(self._port).up()
        return Published(services.endpoint, region)
