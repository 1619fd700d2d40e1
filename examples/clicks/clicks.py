from typing import TYPE_CHECKING

from amazon_lambda_runtime.events import EventRuntime, Kinesis, unwrap

if TYPE_CHECKING:
    from amazon_lambda_runtime.events.types import KinesisRecord


class Clicks(Kinesis):
    def on_window(
        self, records: "list[KinesisRecord]", state: dict[str, int], window: dict[str, str]
    ) -> dict[str, int]:
        for record in records:
            for click in unwrap(record):
                state[click["page"]] = state.get(click["page"], 0) + 1
        return state

    def on_window_end(self, state: dict[str, int], window: dict[str, str]) -> None:
        self.logger.info("%s to %s: %s", window["start"], window["end"], state)


class Counter(EventRuntime):
    partial_failures = True


Counter.register_event_handler("aws:kinesis", Clicks)
