"""What an Invoke request for a durable function has to be.

https://docs.aws.amazon.com/lambda/latest/dg/durable-invoking.html
"""

from amazon_lambda_runtime.local.api.api_errors import UNQUALIFIED, InvokeError
from amazon_lambda_runtime.local.api.function_names import Target
from amazon_lambda_runtime.local.engine.function import VERSION
from amazon_lambda_runtime.local.http import Request
from amazon_lambda_runtime.project.aws_limits import DURABLE_NAME, DURABLE_WAIT

_TOO_LONG = (
    "You cannot synchronously invoke a durable function with an executionTimeout greater than 15 "
    "minutes."
)


def checked_name(request: Request, target: Target, *, waits: bool) -> str:
    """Return the name of the execution that is asked for, "" for none.

    `waits` says whether the client waits for its result. Raises InvokeError for what Lambda
    refuses.
    """
    name = request.headers.get("x-amz-durable-execution-name", "")
    if name and not DURABLE_NAME.fullmatch(name):
        message = (
            f"1 validation error detected: Value '{name}' at 'durableExecutionName' failed to "
            "satisfy constraint: Member must satisfy regular expression pattern: "
            f"{DURABLE_NAME.pattern}"
        )
        raise InvokeError(400, "ValidationException", message)
    function = target.function
    if not target.qualifier:
        message = f"{UNQUALIFIED} Here it is {function.name}:{VERSION}"
        raise InvokeError(400, "InvalidParameterValueException", message)
    assert function.durable is not None
    if waits and function.durable.execution_timeout > DURABLE_WAIT:
        raise InvokeError(400, "InvalidParameterValueException", _TOO_LONG)
    return name
