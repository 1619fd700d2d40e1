"""The exceptions of the runtime.

`LambdaError` is their base. A `Fault` is a failure that the runtime finds before or after a handler
runs. The caller reads its name as errorType, `Runtime.HandlerNotFound` and so on, and the message
that awslambdaric gives. `report.py` makes an answer of an exception.
"""


def text_of(value: object) -> str:
    """Return str(value), or a note of the exception if that raises."""
    try:
        return str(value)
    except Shutdown:
        raise
    except BaseException as problem:  # it may even exit
        return f"<unprintable {type(value).__name__}: {type(problem).__name__}>"


class LambdaError(Exception):
    """The base of every exception that this package raises."""


class RuntimeApiError(LambdaError):
    """The Runtime API could not be reached, or replied so that the process has to exit."""


class Shutdown(SystemExit):
    """The environment is about to end. Raised in the handler that is running then."""

    def __str__(self) -> str:
        return "the environment is about to end"


class StreamClosed(LambdaError):
    """The Runtime API hung up in the middle of a streamed response."""


class NoHandlerDefinedException(LambdaError):
    """`handler` was called on a Runtime whose class does not define it."""


class Fault(LambdaError):
    """A failure that the runtime found before or after the handler's own code ran.

    `stack` is the caller's stackTrace, a list of str; empty unless there is code to point at.
    """

    def __init__(self, message: str, stack: list[str] | None = None) -> None:
        super().__init__(message)
        self.stack = stack or []

    @property
    def error_type(self) -> str:
        """The errorType of the answer: "Runtime." and the name of the class."""
        return "Runtime." + type(self).__name__


class MalformedHandlerName(Fault):
    """The handler string is not of the form `module.name`."""


class ImportModuleError(Fault):
    """The handler's module, or one that it imports, was not found."""


class UserCodeSyntaxError(Fault):
    """The handler's module is not valid Python."""


class HandlerNotFound(Fault):
    """The module has no such handler, or the handler is not callable."""


class BuiltInModuleConflict(Fault):
    """The handler's module has the name of a module of the interpreter's, which hides it."""


class UnmarshalError(Fault):
    """The event could not be decoded."""


class MarshalError(Fault):
    """The handler's result could not be encoded."""


class LambdaContextUnmarshalError(Fault):
    """The client context or the Cognito identity that came with the event is not a JSON object."""
