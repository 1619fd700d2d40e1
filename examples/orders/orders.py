from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from amazon_lambda_runtime import Context, Runtime


@dataclass
class Order:
    number: int
    total: Decimal
    due: date


ORDERS = {7: Order(7, Decimal("9.90"), date(2026, 12, 1))}


class Orders(Runtime):
    def handler(self, event: Any, context: Context) -> Any:
        number = event["order"]
        if number not in ORDERS:
            return self.send_invocation_error(f"there is no order {number}", "Order.NotFound")
        self.send_invocation_response(ORDERS[number])  # the caller has its answer now
        self.logger.info("order %d was looked at", number)  # and this is work after it
        return None
