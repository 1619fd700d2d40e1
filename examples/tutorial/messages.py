from typing import Any

from amazon_lambda_runtime.events import SQS, EventRuntime


class Messages(SQS):
    def on_message(self, body: Any, record: Any) -> None:
        if "order" not in body:
            raise ValueError("this is no order")  # the message comes again, and the others do not
        self.logger.info("order %s", body["order"])


class App(EventRuntime):
    partial_failures = True  # because the trigger has report_batch_item_failures


App.register_event_handler("aws:sqs", Messages)
