"""An application's response, in the form that each front door takes.

Theory: a door is a row of a table: a function that says where in the document the header fields go.
Rule: what a door can't carry is never lost in silence. Several values of a field become one, as
HTTP allows; cookies, for which it does not, each find a place of their own.
"""

from binascii import b2a_base64

from amazon_lambda_runtime.core import codec
from amazon_lambda_runtime.protocol import PRELUDE_END, RESPONSE_LIMIT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from typing import Any

    Pairs = list[tuple[str, str]]
    Event = dict[str, Any]

#: In bytes, the largest document that each door takes, and the largest prelude of a stream.
LIMITS = {"aws:alb": 1024 * 1024}
PRELUDE_LIMIT = 16 * 1024
#: The doors that can stream, as the option of Web calls them.
STREAMING = {"url": "aws:lambda-url", "rest": "aws:apigateway"}
_STREAMS = frozenset(STREAMING.values())

# Fields of the connection, which ends at the door. The door counts the body itself.
_OURS = frozenset(
    (
        "connection",
        "content-length",
        "keep-alive",
        "proxy-connection",
        "transfer-encoding",
        "upgrade",
    )
)
_BREAKS = frozenset("\r\n\0")
_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz")
# Content types that are text, besides text/* and those that end in one of the suffixes.
_TEXT = frozenset(
    (
        "application/graphql",
        "application/javascript",
        "application/json",
        "application/x-ndjson",
        "application/x-www-form-urlencoded",
        "application/xml",
        "application/yaml",
        "image/svg+xml",
    )
)
_SUFFIXES = ("+json", "+xml", "+yaml")
_UNICODE = ("", "utf-8", "utf8", "us-ascii", "ascii")


def can_stream(source: str, event: "Event") -> bool:
    """Say whether the door of an event has a way to stream.

    An HTTP API has none; with payload format 1.0 its events look like a REST API's.
    """
    return source in _STREAMS and event.get("version") != "1.0"


class TooLarge(Exception):
    """Raised for a response that the door would refuse; the message has its size."""


class Head:
    """Status and header fields of a response; names in lower case, values as latin-1 text.

    Raises ValueError for what would break out of its header, and for a status that is none.
    """

    __slots__ = ("headers", "reason", "status")

    def __init__(self, status: int, headers: "Iterable[tuple[str, str]]", reason: str = "") -> None:
        if not 200 <= status <= 599:
            raise ValueError(f"the response has the status {status}: expected 200 to 599")
        self.status = status
        self.reason = reason
        #: In the application's order.
        self.headers: Pairs = [(name.lower(), value.strip(" \t")) for name, value in headers]
        for name, value in self.headers:
            if not (name and _TOKEN.issuperset(name)):
                raise ValueError(f"the response has a header field with the name {name!r}")
            if not _BREAKS.isdisjoint(value):
                raise ValueError(f"the response's header field {name} has a line end or a NUL")

    @property
    def has_body(self) -> bool:
        """Whether a response of this status has one."""
        return self.status not in (204, 205, 304)

    def sent(self, method: str) -> "Pairs":
        """Return the header fields that go to the door."""
        kept = ("content-length",) if method == "HEAD" else ()
        return [pair for pair in self.headers if pair[0] not in _OURS or pair[0] in kept]

    def first(self, name: str) -> str:
        """Return the first value of a header field, or ""."""
        return next((value for other, value in self.headers if other == name), "")


def document(
    source: str, event: "Event", method: str, head: Head, body: bytes, text_types: "Collection[str]"
) -> bytes:
    """Return the JSON text that answers `event`, which came from `source`. Raises TooLarge."""
    text = _as_text(head, body, text_types)
    fields = _FORMS[source](event, head, head.sent(method))
    encoded = text is None
    if text is None:
        text = b2a_base64(body, newline=False).decode()
    told = {"statusCode": head.status, **fields, "body": text, "isBase64Encoded": encoded}
    data = codec.to_utf8(codec.encode(told))
    limit = LIMITS.get(source, RESPONSE_LIMIT)
    if len(data) > limit:
        raise TooLarge(f"the response is {len(data)} bytes as JSON; at most {limit} are taken")
    return data


def prelude(source: str, method: str, head: Head) -> bytes:
    """Return what a streamed response begins with: its head as JSON, and NULs. Raises TooLarge.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode-lambda.html
    """
    fields = _rest_prelude if source == "aws:apigateway" else _payload_2
    told = {"statusCode": head.status, **fields({}, head, head.sent(method))}
    data = codec.encode_ascii(told) + PRELUDE_END
    if len(data) > PRELUDE_LIMIT:
        raise TooLarge(
            f"the header fields of the response are {len(data)} bytes; at most {PRELUDE_LIMIT} can"
            " begin a stream"
        )
    return data


def _as_text(head: Head, body: bytes, text_types: "Collection[str]") -> str | None:
    """Return the body as text, None if it has to travel as Base64."""
    if not body:
        return ""
    if head.first("content-encoding"):
        return None
    kind, _, parameters = head.first("content-type").lower().partition(";")
    kind = kind.strip()
    is_text = kind in _TEXT or kind.startswith("text/") or kind.endswith(_SUFFIXES)
    if kind and not is_text and kind not in text_types:
        return None
    if _charset(parameters) not in _UNICODE:
        return None
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None


def _charset(parameters: str) -> str:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip() == "charset":
            return value.strip().strip('"')
    return ""


# The forms


def _payload_2(event: "Event", head: Head, pairs: "Pairs") -> "Event":
    cookies = [value for name, value in pairs if name == "set-cookie"]
    headers = _joined(pair for pair in pairs if pair[0] != "set-cookie")
    return {"headers": headers, "cookies": cookies} if cookies else {"headers": headers}


def _payload_1(event: "Event", head: Head, pairs: "Pairs") -> "Event":
    return {"multiValueHeaders": _several(pairs)}


def _alb(event: "Event", head: Head, pairs: "Pairs") -> "Event":
    told: Event = {"statusDescription": f"{head.status} {head.reason or _reason(head.status)}"}
    if "multiValueHeaders" in event:
        return told | {"multiValueHeaders": _several(pairs)}
    headers = _joined(pairs)
    cookies = [value for name, value in pairs if name == "set-cookie"]
    # One name has one value here, but names that differ in case are different. The first, in small
    # letters, takes the place of what was joined.
    return told | {"headers": headers | {_spelled(n): each for n, each in enumerate(cookies)}}


def _rest_prelude(event: "Event", head: Head, pairs: "Pairs") -> "Event":
    several = _several(pairs)
    is_single = {name: len(each) == 1 and name != "set-cookie" for name, each in several.items()}
    told: Event = {"headers": {name: each[0] for name, each in several.items() if is_single[name]}}
    multiple = {name: each for name, each in several.items() if not is_single[name]}
    return told | {"multiValueHeaders": multiple} if multiple else told


_FORMS: "dict[str, Callable[[Event, Head, Pairs], Event]]" = {
    "aws:alb": _alb,
    "aws:apigateway": _payload_1,
    "aws:apigateway-v2": _payload_2,
    "aws:lambda-url": _payload_2,
    "aws:vpc-lattice": _alb,
}


def _joined(pairs: "Iterable[tuple[str, str]]") -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in pairs:
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _several(pairs: "Pairs") -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def _spelled(number: int) -> str:
    """Return "set-cookie" with another choice of capitals for each number."""
    letters = list("set-cookie")
    for place, letter in enumerate(letters):
        if letter == "-":
            continue
        number, is_capital = divmod(number, 2)
        letters[place] = letter.upper() if is_capital else letter
    return "".join(letters)


def _reason(status: int) -> str:
    from amazon_lambda_runtime.core.stdlib import load

    try:
        return str(load("http").HTTPStatus(status).phrase)
    except ValueError:
        return "Unknown"
