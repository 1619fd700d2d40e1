"""One invocation of the function in AWS, or one execution of a durable function."""

import base64
import json
import uuid
from dataclasses import dataclass

from .aws import Aws


@dataclass(frozen=True, slots=True)
class Result:
    """What came back: the payload, the last 4 KB of the log, and whether the function failed."""

    payload: bytes
    log: str
    failed: bool
    version: str

    @property
    def error(self) -> str:
        """The error in one line, as the function's error document has it."""
        try:
            document = json.loads(self.payload)
            kind, message = document.get("errorType"), document.get("errorMessage")
        except (ValueError, AttributeError):
            return "the response is not an error document"
        text = ": ".join(str(part) for part in (kind, message) if part)
        return " ".join(text.split()) or "its error document is empty"


def invoke(aws: Aws, name: str, payload: bytes, qualifier: str | None = None) -> Result:
    """Invoke the function and wait for its response; it may run for up to fifteen minutes.

    The request is sent once: if its reply is lost, the function may have run.
    """
    more = {} if qualifier is None else {"Qualifier": qualifier}
    answer = aws.call(
        "lambda",
        "invoke",
        again=False,
        FunctionName=name,
        Payload=payload,
        LogType="Tail",
        **more,
    )
    return Result(
        payload=answer["Payload"].read(),
        log=base64.b64decode(answer.get("LogResult", "")).decode(errors="replace"),
        failed="FunctionError" in answer,
        version=answer.get("ExecutedVersion", ""),
    )


def start(aws: Aws, name: str, payload: bytes, qualifier: str) -> str:
    """Start an execution of a durable function, and return its ARN at once.

    It has a name, so that a request that is repeated starts no second one.
    https://docs.aws.amazon.com/lambda/latest/dg/durable-invoking.html
    """
    answer = aws.call(
        "lambda",
        "invoke",
        FunctionName=name,
        Qualifier=qualifier,
        InvocationType="Event",
        DurableExecutionName=str(uuid.uuid4()),
        Payload=payload,
    )
    return str(answer["DurableExecutionArn"])
