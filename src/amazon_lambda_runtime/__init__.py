"""A custom AWS Lambda runtime: subclass `Runtime`, give it a `handler`, run `bootstrap`."""

from .context import Context, current_context
from .errors import LambdaError, NoHandlerDefinedException, RuntimeApiError
from .runtime import Runtime

__all__ = [
    "Context",
    "LambdaError",
    "NoHandlerDefinedException",
    "Runtime",
    "RuntimeApiError",
    "current_context",
]
