"""The async context manager that everything in `local` is that has to be closed."""

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
        """Release everything. Each class defines its own."""
        raise NotImplementedError
