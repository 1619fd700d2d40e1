"""A custom AWS Lambda runtime: subclass `Runtime`, give it a `handler`, run `bootstrap`."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .core.context import Context, current_context
    from .core.errors import LambdaError, NoHandlerDefinedException, RuntimeApiError
    from .core.runtime import Runtime
    from .core.serving import wait_for
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
    """Load a name when it is first used: a command, or most functions, need few of them."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    modules = {
        "Context": "context",
        "HttpResponse": "streaming",
        "Runtime": "runtime",
        "current_context": "context",
        "wait_for": "serving",
    }
    # As importlib does, which is slow to load.
    module = __import__(f"{__name__}.core.{modules.get(name, 'errors')}", fromlist=[name])
    value = globals()[name] = getattr(module, name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
