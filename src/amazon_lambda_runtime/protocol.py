"""The Lambda Runtime API in names and numbers: what a runtime and an emulator must agree on.

Rule 1: nothing is imported here, not even the standard library. A process that is about to be
timed loads this file first.

Rule 2: this file does not know which end of the wire it serves. The client in `client.py` and the
emulator in `local/` both use it, so that neither can apply rules of its own.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

NEXT = "/2018-06-01/runtime/invocation/next"
INVOCATION = "/2018-06-01/runtime/invocation/"
RESPONSE = "/response"
ERROR = "/error"
INIT_ERROR = "/2018-06-01/runtime/init/error"
RESTORE_NEXT = "/2018-06-01/runtime/restore/next"
RESTORE_ERROR = "/2018-06-01/runtime/restore/error"
# The Extensions API, at the same address.
REGISTER = "/2020-01-01/extension/register"
EVENT_NEXT = "/2020-01-01/extension/event/next"
EXTENSION_INIT_ERROR = "/2020-01-01/extension/init/error"
EXTENSION_EXIT_ERROR = "/2020-01-01/extension/exit/error"

# Header names are written in lower case and compared in lower case, as HTTP demands.
REQUEST_ID = "lambda-runtime-aws-request-id"
DEADLINE_MS = "lambda-runtime-deadline-ms"
FUNCTION_ARN = "lambda-runtime-invoked-function-arn"
TRACE_ID = "lambda-runtime-trace-id"
CLIENT_CONTEXT = "lambda-runtime-client-context"
COGNITO_IDENTITY = "lambda-runtime-cognito-identity"
TENANT_ID = "lambda-runtime-aws-tenant-id"
# A nonce of one invocation (since July 2026), to be echoed with its answer if it was there.
INVOCATION_ID = "lambda-runtime-invocation-id"
EXTENSION_ID = "lambda-extension-identifier"
ERROR_TYPE = "lambda-runtime-function-error-type"
XRAY_CAUSE = "lambda-runtime-function-xray-error-cause"

JSON = "application/json"
# What awslambdaric calls a result that the handler gave as bytes.
OCTETS = "application/unknown"
# A streamed response of any kind, and one that begins with its HTTP status and headers.
STREAM = "application/octet-stream"
HTTP_INTEGRATION = "application/vnd.awslambda.http-integration-response"
PRELUDE_END = b"\0" * 8
# With this header a response may take its time and end in an error; its values are exact.
RESPONSE_MODE = "lambda-runtime-function-response-mode"
STREAMING = "streaming"
ERROR_BODY = "lambda-runtime-function-error-body"

# In bytes. One byte more than the first and the answer is 413.
RESPONSE_LIMIT = 6 * 1024 * 1024 + 100
ERROR_LIMIT = 1024 * 1024
XRAY_CAUSE_LIMIT = 1024 * 1024
# The client context alone may come near 1 MiB; twice that is surely not a header any more.
HEADERS_LIMIT = 2 * 1024 * 1024


def is_json(content_type: str) -> bool:
    """Say whether a body of this Content-Type is JSON. An absent type ("") is JSON too."""
    if content_type == JSON:
        return True
    essence = content_type.partition(";")[0].strip().lower()
    return essence in ("", JSON) or essence.endswith("+json")


def error_document(
    message: str, error_type: str, request_id: str, stack: list[str]
) -> dict[str, object]:
    """Return the body of an error answer, its keys in the order that awslambdaric sends them."""
    return {
        "errorMessage": message,
        "errorType": error_type,
        "requestId": request_id,
        "stackTrace": stack,
    }


def chunk(data: bytes) -> bytes:
    """Return `data`, which must not be empty, as one chunk: an empty one would end the body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def chunk_size(line: bytes) -> int:
    """Return the size that a chunk's first line announces, in bytes, without its extensions.

    Raises ValueError if it is no hexadecimal number: `int()` alone would let "+5", "1_0" pass.
    """
    digits = line.partition(b";")[0].strip(b" \t")
    if not digits or digits.strip(b"0123456789abcdefABCDEF"):
        raise ValueError(f"no chunk size: {line[:40]!r}")
    return int(digits, 16)
