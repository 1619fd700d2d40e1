"""Host: what a batch, and the handler of a source, know of the runtime that they work for.

Rule: this is the lower floor of EventRuntime. Whatever events need of the core's Runtime, they get
here.
"""

from amazon_lambda_runtime.core import runtime, serving

from .errors import UnhandledEvent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable
    from typing import Any


class Host(runtime.Runtime):
    """A Runtime with the options of batches, and an answer to what nothing is registered for."""

    #: Whether the trigger has ReportBatchItemFailures. Without it, one failure fails the batch, and
    #: all of it is redelivered. True where the trigger does not have it loses messages.
    partial_failures: bool = False
    #: No other record of a batch is begun with less time than this left, in milliseconds.
    margin_ms: int = 500
    #: How many async hooks of a batch may run at a time.
    max_concurrency: int = 10

    def __init__(
        self,
        *,
        loglevel: "str | int | None" = None,
        partial_failures: bool | None = None,
        margin_ms: int | None = None,
        max_concurrency: int | None = None,
    ) -> None:
        super().__init__(loglevel=loglevel)
        if partial_failures is not None:
            self.partial_failures = partial_failures
        if margin_ms is not None:
            self.margin_ms = margin_ms
        if max_concurrency is not None:
            self.max_concurrency = max_concurrency

    def on_unhandled(self, source: str, record: "Any") -> "Any":
        """Handle an event, or a record of one, that nothing is registered for. Yours to override.

        Raises UnhandledEvent, so that it is not taken for handled. `source` is "" where it is not
        known. What is returned is the answer to an event that is handled whole.
        """
        if source:
            raise UnhandledEvent(f"nothing is registered for this event of {source}")
        raise UnhandledEvent("this event is not of a form that a known source sends")

    def wait(self, awaitable: "Awaitable[Any]") -> "Any":
        """Return what `awaitable` comes to, on the event loop of the environment."""
        return serving.of(self).wait(awaitable)
