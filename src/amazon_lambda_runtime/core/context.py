"""Context: what a handler can learn about its invocation besides the event.

The attributes are those of AWS's own Python runtime and two more: `deadline_ms` and `trace_id`.
https://docs.aws.amazon.com/lambda/latest/dg/python-context.html
"""

from _contextvars import ContextVar
from os import environ
from time import time_ns

from amazon_lambda_runtime.protocol import (
    CLIENT_CONTEXT,
    COGNITO_IDENTITY,
    DEADLINE_MS,
    FUNCTION_ARN,
    REQUEST_ID,
    TENANT_ID,
    TRACE_ID,
)

from . import codec
from .errors import LambdaContextUnmarshalError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, ClassVar

current: "ContextVar[Context | None]" = ContextVar("lambda_context", default=None)


def current_context() -> "Context | None":
    """Return the Context of the invocation that this code runs for; None during init.

    Tasks and `asyncio.to_thread` inherit it; a bare thread does not.
    """
    return current.get()


# The bytes behind os.environ, in which a look-up costs a tenth.
_variable = environ._data.get  # type: ignore[attr-defined]


def _text(value: "bytes | None") -> "str | None":
    return None if value is None else value.decode("utf-8", "surrogateescape")


class Context:
    """One invocation, seen from its handler.

    `headers` are the headers of the reply to /next, names in lower case. Raises
    LambdaContextUnmarshalError if the client context or the Cognito identity is not a JSON object.
    """

    #: The function's name.
    function_name: "str | None"
    #: The number of the version that runs, or "$LATEST".
    function_version: "str | None"
    #: The function's memory in MB, as text: "128".
    memory_limit_in_mb: "str | None"
    #: The group of CloudWatch Logs that the log goes to.
    log_group_name: "str | None"
    #: The stream in that group, one for each environment.
    log_stream_name: "str | None"

    # The variables as they were last read, and as text.
    _told: "ClassVar[tuple[Any, Any]]" = (None, ())

    def __init__(self, headers: "Mapping[str, str]") -> None:
        get = headers.get
        variables = (
            _variable(b"AWS_LAMBDA_FUNCTION_NAME"),
            _variable(b"AWS_LAMBDA_FUNCTION_VERSION"),
            _variable(b"AWS_LAMBDA_FUNCTION_MEMORY_SIZE"),
            _variable(b"AWS_LAMBDA_LOG_GROUP_NAME"),
            _variable(b"AWS_LAMBDA_LOG_STREAM_NAME"),
        )
        told = Context._told
        if told[0] != variables:  # they hardly ever change
            told = Context._told = variables, tuple(map(_text, variables))
        (
            self.function_name,
            self.function_version,
            self.memory_limit_in_mb,
            self.log_group_name,
            self.log_stream_name,
        ) = told[1]
        #: The id of this invocation, a UUID as text.
        self.aws_request_id = get(REQUEST_ID, "")
        #: The ARN that was called, with the version or the alias if it had one.
        self.invoked_function_arn = get(FUNCTION_ARN, "")
        #: The tenant, where the function isolates tenants; else None.
        self.tenant_id = get(TENANT_ID) or None
        #: The X-Ray tracing header, "Root=…;Parent=…;Sampled=…"; None if there was none.
        self.trace_id = get(TRACE_ID) or None
        deadline = get(DEADLINE_MS, "")
        is_number = deadline.isascii() and deadline.isdigit() and len(deadline) < 30
        #: When Lambda ends the invocation, in milliseconds since 1970; 0 if it did not say.
        self.deadline_ms = int(deadline) if is_number else 0
        #: What a mobile client sent about itself: `.client`, `.custom`, `.env`; else None.
        self.client_context: ClientContext | None = None
        #: Who the caller is by Amazon Cognito. Always there, its attributes None if unknown.
        self.identity = CognitoIdentity()
        self._w3c: dict[str, str] = {}
        client_context = get(CLIENT_CONTEXT)
        if client_context:
            self._read_client_context(_json_object(client_context, "Client Context"))
        identity = get(COGNITO_IDENTITY)
        if identity:
            found = _json_object(identity, "Cognito Identity") or {}
            self.identity.cognito_identity_id = found.get("cognitoIdentityId")
            self.identity.cognito_identity_pool_id = found.get("cognitoIdentityPoolId")

    def get_remaining_time_in_millis(self) -> int:
        """Return how much time the invocation has left, in milliseconds; never less than 0."""
        return max(0, self.deadline_ms - time_ns() // 1_000_000)

    def w3c(self) -> dict[str, str]:
        """Return the W3C trace context: traceparent, tracestate and baggage, as far as sent."""
        return dict(self._w3c)

    def log(self, message: object) -> None:
        """Write `message` to the log as it is: no time, no level, no line end."""
        from .logs import sink

        sink.log(str(message))

    def _read_client_context(self, found: "dict[str, Any] | None") -> None:
        if found is None:
            return
        w3c = found.get("w3c")
        if isinstance(w3c, dict):
            names = ("traceparent", "tracestate", "baggage")
            self._w3c = {n: w3c[n] for n in names if isinstance(w3c.get(n), str)}
        self.client_context = ClientContext(found)

    def __repr__(self) -> str:
        names = (
            "aws_request_id",
            "log_group_name",
            "log_stream_name",
            "function_name",
            "memory_limit_in_mb",
            "function_version",
            "invoked_function_arn",
            "client_context",
            "identity",
            "tenant_id",
        )
        return _repr("LambdaContext", self, names)


class CognitoIdentity:
    """The caller's Amazon Cognito identity: an id and its pool's id, each str or None."""

    __slots__ = ("cognito_identity_id", "cognito_identity_pool_id")

    def __init__(self) -> None:
        self.cognito_identity_id: str | None = None
        self.cognito_identity_pool_id: str | None = None

    def __repr__(self) -> str:
        return _repr("CognitoIdentity", self, self.__slots__)


class ClientContext:
    """What the AWS Mobile SDK sends: `client` is a Client or None; the rest is as it was sent."""

    __slots__ = ("client", "custom", "env")

    def __init__(self, found: "dict[str, Any]") -> None:
        client = found.get("client")
        self.client = Client(client) if isinstance(client, dict) else None
        self.custom = found.get("custom")
        self.env = found.get("env")

    def __repr__(self) -> str:
        return _repr("ClientContext", self, ("custom", "env", "client"))


class Client:
    """The mobile application that called; each attribute is str or None."""

    __slots__ = (  # noqa: RUF023  in the order in which they are documented and printed
        "installation_id",
        "app_title",
        "app_version_name",
        "app_version_code",
        "app_package_name",
    )

    def __init__(self, found: "dict[str, Any]") -> None:
        self.installation_id = found.get("installation_id")
        self.app_title = found.get("app_title")
        self.app_version_name = found.get("app_version_name")
        self.app_version_code = found.get("app_version_code")
        self.app_package_name = found.get("app_package_name")

    def __repr__(self) -> str:
        return _repr("Client", self, self.__slots__)


def _json_object(text: str, name: str) -> "dict[str, Any] | None":
    try:
        found = codec.decode(text.encode())
    except (ValueError, RecursionError) as exc:
        raise LambdaContextUnmarshalError(f"Unable to parse {name} JSON: {exc}") from None
    if found is not None and not isinstance(found, dict):
        kind = type(found).__name__
        raise LambdaContextUnmarshalError(
            f"Unable to parse {name} JSON: expected object, not {kind}"
        )
    return found


def _repr(title: str, value: object, names: tuple[str, ...]) -> str:
    return f"{title}([{','.join(f'{name}={getattr(value, name)}' for name in names)}])"
