from typing import Any

from aws_durable_execution_sdk_python import DurableContext
from aws_durable_execution_sdk_python.config import CallbackConfig, Duration, StepConfig
from aws_durable_execution_sdk_python.retries import RetryPresets
from aws_durable_execution_sdk_python.serdes import JsonSerDes

from amazon_lambda_runtime import Runtime
from amazon_lambda_runtime.durable import durable


class Declined(Exception):
    """Raised by the bank; perhaps it has second thoughts."""


class Order(Runtime):
    @durable
    def handler(self, event: dict[str, Any], context: DurableContext) -> dict[str, Any]:
        patiently = StepConfig(retry_strategy=RetryPresets.transient())
        charge = context.step(lambda _: self.charge(event), name="charge", config=patiently)
        if event["total"] > 1000:
            # The answer is JSON, as `lambda-runtime callback` sends it: "approved", in quotes.
            a_week = CallbackConfig(timeout=Duration.from_days(7), serdes=JsonSerDes())
            approval: Any = context.create_callback(name="approval", config=a_week)
            if approval.result() != "approved":
                context.step(lambda _: self.refund(charge), name="refund")
                return {"status": "refunded"}
        context.wait(Duration.from_hours(1), name="second thoughts")
        parcel: Any = context.invoke("ship", {"order": event["order"]}, name="ship")
        return {"status": "shipped", "parcel": parcel}

    def charge(self, event: dict[str, Any]) -> str:
        if event.get("card") == "empty":
            raise Declined("no money")
        return f"charge-{event['order']}"

    def refund(self, charge: str) -> None:
        self.logger.info("refunded: %s", charge)
