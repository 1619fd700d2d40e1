import asyncio
from typing import Any

from amazon_lambda_runtime import Context, Runtime


class Shop(Runtime):
    async def handler(self, event: Any, context: Context) -> Any:
        prices = await asyncio.gather(*(self.price(item) for item in event["items"]))
        return {"total": sum(prices)}

    async def price(self, item: str) -> int:
        await asyncio.sleep(0.01)  # a database, another service
        return len(item)
