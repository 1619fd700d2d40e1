from typing import Any

from amazon_lambda_runtime.events import SQS, EventRuntime


class Messages(SQS):
    def on_message(self, body: Any, record: Any) -> None:
        # An exception fails this message alone: it is redelivered, and the others are not.
        self.logger.info("message %s", record["messageId"])


class App(EventRuntime):
    partial_failures = True  # as the trigger has it: report_batch_item_failures


App.register_event_handler("aws:sqs", Messages)
