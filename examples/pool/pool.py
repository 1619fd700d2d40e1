import asyncio
from typing import Any

from amazon_lambda_runtime import Context, Runtime


class Pooled(Runtime):
    async def on_init(self) -> None:
        self.free: asyncio.Queue[str] = asyncio.Queue()  # a pool of connections
        for name in ("first", "second"):
            await self.free.put(name)

    async def handler(self, event: Any, context: Context) -> Any:
        connection = await self.free.get()
        try:
            return {"used": connection}
        finally:
            await self.free.put(connection)
