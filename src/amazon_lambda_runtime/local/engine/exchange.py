"""The exchange over HTTP that an invocation is part of, as far as the console shows it."""

# In characters: how much is kept of a path.
_PATH_LIMIT = 512


class Exchange:
    """A request over HTTP, and the status of its response, None until it has been sent."""

    __slots__ = ("method", "path", "status")

    def __init__(self, method: str, path: str) -> None:
        self.method = method
        self.path = path[:_PATH_LIMIT]
        self.status: int | None = None
