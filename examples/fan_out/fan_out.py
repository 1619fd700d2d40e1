from typing import TYPE_CHECKING, Any

from amazon_lambda_runtime.events import SQS, EventRuntime

if TYPE_CHECKING:
    from amazon_lambda_runtime.events.types import SQSRecord


class Orders(SQS):
    async def on_message(self, body: Any, record: "SQSRecord") -> None:
        # By way of a topic or not: `body` is what was published.
        if not isinstance(body, dict):
            body = {"message": body}
        if body.get("order") == 13:
            raise ValueError("there is no order 13")
        self.logger.info("received: %s", record["messageId"])


class App(EventRuntime):
    partial_failures = True  # as the trigger has it: ReportBatchItemFailures
    max_concurrency = 5


App.register_event_handler("aws:sqs", Orders)
