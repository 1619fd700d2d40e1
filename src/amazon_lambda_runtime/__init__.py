"""A custom AWS Lambda runtime: subclass `Runtime`, give it a `handler`, run `bootstrap`."""

from .core.context import Context, current_context
from .core.errors import LambdaError, NoHandlerDefinedException, RuntimeApiError
from .core.runtime import Runtime
from .core.serving import wait_for

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .core.streaming import HttpResponse

__all__ = [
    "Context",
    "HttpResponse",
    "LambdaError",
    "NoHandlerDefinedException",
    "Runtime",
    "RuntimeApiError",
    "current_context",
    "wait_for",
]


def __getattr__(name: str) -> object:
    """Load HttpResponse when it is used: most functions start without it."""
    if name != "HttpResponse":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .core.streaming import HttpResponse

    return HttpResponse
