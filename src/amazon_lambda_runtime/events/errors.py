"""What goes wrong with events."""

from amazon_lambda_runtime.core.errors import LambdaError


class UnhandledEvent(LambdaError):
    """An event, or a record of one, came that nothing is there for."""


class BatchFailed(LambdaError):
    """Some records of a batch failed, or there was no time for them: all are to come again.

    Its `__cause__` is the first record's exception; None if there was no time.
    """
