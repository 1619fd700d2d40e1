"""Why an invocation, or the start of an application, fails here."""

from amazon_lambda_runtime.core.errors import Fault, LambdaError


class BadEvent(LambdaError):
    """An event that looks like a request over HTTP can't be read as one."""


class NotHttp(LambdaError):
    """What came is no request over HTTP, and nothing is set to take it."""


class StartupFailed(Fault):
    """The application's lifespan did not start."""
