"""For the tests of your functions: a context, sample events, and an invocation without a network.

With pytest they are fixtures: `make_context`, `lambda_context`, `sample_event`, `invoke`, and for
integration tests `local_project`.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .invocation import FunctionError, invoke, make_context, sample_event
    from .local_project import LocalProject

__all__ = ["FunctionError", "LocalProject", "invoke", "make_context", "sample_event"]


def __getattr__(name: str) -> object:
    """Load a name when it is used: every run of pytest loads the plugin in this package."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name == "LocalProject":
        from .local_project import LocalProject

        return LocalProject
    from . import invocation

    return getattr(invocation, name)
