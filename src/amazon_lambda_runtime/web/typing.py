"""Types that the annotations of this room name. Nothing loads this file but a type checker."""

from collections.abc import Collection
from typing import Any, Protocol

from amazon_lambda_runtime.core.context import Context
from amazon_lambda_runtime.core.typing import Served


class Site(Served, Protocol):
    """A `Web`, as the files that serve it see it: its application and its options."""

    app: Any
    stream: bool | str | None
    root_path: str | None
    lifespan: str
    errors: str
    margin: float
    proxies: int
    text_types: Collection[str]

    @property
    def event_handler(self) -> Any: ...
    def handler(self, event: Any, context: Context) -> Any: ...
