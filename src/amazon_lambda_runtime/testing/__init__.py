"""For the tests of your functions: a context, sample events, and an invocation without a network.

With pytest they are fixtures: `make_context`, `lambda_context`, `sample_event` and `invoke`.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .invocation import FunctionError, invoke, make_context, sample_event

__all__ = ["FunctionError", "invoke", "make_context", "sample_event"]


def __getattr__(name: str) -> object:
    """Load a name when it is used: every run of pytest loads the plugin in this package."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import invocation

    return getattr(invocation, name)
