from typing import Any

from amazon_lambda_runtime import Context, Runtime


class Ship(Runtime):
    def handler(self, event: Any, context: Context) -> Any:
        return f"parcel-{event['order']}"
