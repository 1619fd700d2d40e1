"""What is opened, and is to be closed whatever happens."""

from types import TracebackType
from typing import Self


class Closing:
    """An async context manager that ends with its own `close`."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End it. For each class to define."""
        raise NotImplementedError
