"""For the tests of your functions: a context, sample events, and an invocation without a network.

With pytest they are fixtures: `make_context`, `lambda_context`, `sample_event`, `invoke`,
`durable_runner`, and for integration tests `local_project`.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .durable import durable_runner
    from .invocation import FunctionError, invoke, make_context, sample_event
    from .local_project import LocalProject

__all__ = [
    "FunctionError",
    "LocalProject",
    "durable_runner",
    "invoke",
    "make_context",
    "sample_event",
]


def __getattr__(name: str) -> object:
    """Load a name when it is used: every run of pytest loads the plugin in this package."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name == "LocalProject":
        from .local_project import LocalProject

        return LocalProject
    if name == "durable_runner":
        from .durable import durable_runner

        return durable_runner
    from . import invocation

    return getattr(invocation, name)
