"""The exceptions of events."""

from amazon_lambda_runtime.core.errors import LambdaError


class UnhandledEvent(LambdaError):
    """An event, or a record of one, for which nothing is registered."""


class BatchFailed(LambdaError):
    """Some records of a batch failed, or there was no time for them: all of it is redelivered.

    Its `__cause__` is the first record's exception; None if there was no time.
    """


class ResponseNotSent(LambdaError):
    """The response to a custom resource could not be sent to CloudFormation."""
