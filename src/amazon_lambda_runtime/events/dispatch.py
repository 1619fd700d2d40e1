"""What is called for each record of an event.

Rule: the search goes from the inside out. An S3 event in a message of a queue goes to what is
registered for S3, and to what is registered for the queue only if there is nothing for S3.
"""

from .batch import Batch
from .envelopes import CONTENTS, MARKS, found, opened
from .records import Records
from .routes import arguments

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from amazon_lambda_runtime.core.context import Context

    from .envelopes import Item
    from .host import Host
    from .routes import Call

# The magic number of records that the Kinesis Producer Library aggregated into one.
_AGGREGATED = b"\xf3\x89\x9a\xc2"


def run_records(
    host: "Host", source: str, event: "Any", context: "Context", handler: "Any" = None
) -> "dict[str, Any]":
    """Have each record of an event handled, and return the answer to the event.

    `handler` is the object that handles the records of `source`, if there is one already. Raises
    as Batch.run.
    """
    find = Finder(host, source, event, context, handler)
    records = Records(source, event)
    if "window" in event and source in ("aws:kinesis", "aws:dynamodb"):
        from .windows import answer

        return answer(
            host,
            event,
            records.members,
            find.handler(source),
            Batch(host, context, records, find.calls),
        )
    return Batch(host, context, records, find.calls).run()


class Finder:
    """Tells what to call for a record of one event."""

    def __init__(
        self, host: "Host", source: str, event: "Any", context: "Context", handler: "Any"
    ) -> None:
        self._host = host
        self._source = source
        self._event = event
        self._context = context
        self._handlers: dict[str, Any] = {} if handler is None else {source: handler}
        self._way = CONTENTS.get(source)

    def calls(self, record: "Any") -> "list[Call]":
        """Return the calls for all that is inside of a record."""
        source = self._source
        if self._way is None or type(record) is not dict:
            return self._of_items(opened(source, record))
        content, decode = self._way
        payload = content(record)
        if type(payload) is str:
            payload = decode(payload)
            kind = type(payload)
            if kind is not str and not (kind is dict and MARKS.isdisjoint(payload)):
                return self._of_items(found(payload, ((source, record),)))
        # Not an envelope, as with most records: one payload, one level.
        call = self._call(source, payload, record)
        return [call or (self._host.on_unhandled, (source, record))]

    def _of_items(self, items: "list[Item]") -> "list[Call]":
        calls = []
        for item in items:
            payload = item.payload
            if type(payload) is bytes and payload.startswith(_AGGREGATED):
                self._tell_of_aggregation()
            for source, level in reversed(item.levels):
                call = self._call(source, payload, level)
                if call is not None:
                    break
            else:
                source, level = item.levels[-1]
                call = self._host.on_unhandled, (source, level)
            calls.append(call)
        return calls

    def handler(self, source: str) -> "Any":
        """Return what handles the records of a source, None if no class is registered for it."""
        handler = self._handlers.get(source)
        if handler is None:
            kind = self._host.class_for(source)
            if kind is None:
                return None
            handler = self._handlers[source] = kind(self._host, self._event, self._context, source)
        return handler

    def _call(self, source: str, payload: "Any", record: "Any") -> "Call | None":
        """Return the call for one level of what is inside, None if nothing is registered for it."""
        for route in self._host.routes_for(source):
            if not route.conditions or route.accepts(record):
                return route.function, arguments(source, payload, record)
        handler = self.handler(source)
        # A class for whole events has nothing for a record.
        call: Call | None = handler.call(payload, record) if hasattr(handler, "call") else None
        return call

    def _tell_of_aggregation(self) -> None:
        if not self._host.is_aggregation_told:
            self._host.is_aggregation_told = True
            self._host.logger.warning(
                "this stream has records that the Kinesis Producer Library aggregated: they are"
                " passed on packed, as bytes. Unpack them with the package aws-kinesis-agg"
            )
