from typing import Any

from amazon_lambda_runtime.events import EventBridge, EventRuntime


class Rule(EventBridge):
    def on_event(self, detail_type: str, detail: Any, event: Any) -> None:
        self.logger.info("%s of %s", detail_type, event["time"])


class App(EventRuntime):
    pass


App.register_event_handler("aws:events", Rule)
