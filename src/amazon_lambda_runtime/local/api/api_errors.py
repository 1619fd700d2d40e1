"""The errors of the Lambda API: status, name and text, in the form that SDKs read.

https://docs.aws.amazon.com/lambda/latest/api/CommonErrors.html
"""

from amazon_lambda_runtime.local.engine.invocation import new_id
from amazon_lambda_runtime.local.http import Response, json_response

# These have their text in "Message", all others in "message": so it is in the service's model.
_CAPITALISED = {
    "AccessDeniedException",
    "CallbackTimeoutException",
    "DurableExecutionAlreadyStartedException",
    "ResourceNotFoundException",
    "ServiceException",
    "UnknownOperationException",
}


#: What is said of a durable function that is invoked without a qualifier.
UNQUALIFIED = "You cannot invoke a durable function using an unqualified ARN."


class InvokeError(Exception):
    """Raised for a request that is refused; `name` is the error that SDKs raise."""

    def __init__(self, status: int, name: str, message: str, **more: str) -> None:
        super().__init__(message)
        self.status = status
        self.name = name
        if name == "ValidationException":
            # Refused before it reaches the service, which would add the type.
            self.document = {"message": message}
        else:
            key = "Message" if name in _CAPITALISED else "message"
            self.document = {**more, "Type": "User", key: message}


def refusal(error: InvokeError, request_id: str = "") -> Response:
    """Return the response that SDKs take for this error; an id is made where none is given."""
    headers = {"X-Amzn-RequestId": request_id or new_id(), "x-amzn-errortype": error.name}
    return json_response(error.status, error.document, headers)


def not_found(message: str) -> InvokeError:
    """Return the error of something that does not exist."""
    return InvokeError(404, "ResourceNotFoundException", message)


def too_many_requests() -> InvokeError:
    """Return the error of a function that is at its concurrency."""
    return InvokeError(
        429,
        "TooManyRequestsException",
        "Rate Exceeded.",
        Reason="ReservedFunctionConcurrentInvocationLimitExceeded",
    )
