"""CORS as a function URL is configured for it: which pages of other origins may call the function.

A preflight is answered here, without the function. Any other response has the fields of the
configuration beside those that the function has set, doubled where both have one: so does AWS, and
a browser refuses it, here as there.
https://docs.aws.amazon.com/lambda/latest/dg/urls-configuration.html#urls-cors
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from amazon_lambda_runtime.local.http import Request, Response

ANY = "*"
_ASKS = "access-control-request-"


class OriginError(ValueError):
    """Raised for what is no origin; the message says what to write instead."""


def parse_origin(text: str) -> str:
    """Return an origin as a browser sends it; `*` is any. Raises OriginError."""
    if text in (ANY, "null"):
        return text
    try:
        parts = urlsplit(text)
        valid = bool(parts.scheme and parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid or not text.isprintable() or " " in text:
        raise OriginError(
            f"{text!r} is not an origin: write one such as http://localhost:3000, or * for any"
        )
    origin = f"{parts.scheme}://{parts.netloc}"
    if text.lower() != origin.lower():
        raise OriginError(f"{text!r} is more than an origin: write {origin}")
    return origin.lower()


@dataclass(frozen=True, slots=True)
class Cors:
    """The origins that may call the function, and whether they may send credentials.

    Every method and header field is allowed, and a browser keeps no preflight: AWS's MaxAge of 0.
    """

    origins: Sequence[str]
    credentials: bool = False

    def allows(self, request: Request) -> bool:
        """Return whether the request comes from a page of an origin that is allowed."""
        origin = request.headers.get("origin", "")
        return bool(origin) and (ANY in self.origins or origin.lower() in self.origins)

    def preflight(self, request: Request) -> Response | None:
        """Return the response to a preflight; None if the request is none."""
        method = request.headers.get(f"{_ASKS}method", "")
        if request.method != "OPTIONS" or "origin" not in request.headers or not method:
            return None
        fields = self.fields(request)
        if self.allows(request):
            # What is asked for, not *: with credentials a browser takes that for a name.
            fields |= {"Access-Control-Allow-Methods": method, "Access-Control-Max-Age": "0"}
            if wanted := request.headers.get(f"{_ASKS}headers"):
                fields["Access-Control-Allow-Headers"] = wanted
        return Response(200, fields)

    def fields(self, request: Request) -> dict[str, str]:
        """Return the header fields of each response to this request."""
        if not self.allows(request):
            return {"Vary": "Origin"}
        # The origin itself where all are allowed, too: so it has been recorded.
        fields = {"Access-Control-Allow-Origin": request.headers["origin"], "Vary": "Origin"}
        if self.credentials:
            fields["Access-Control-Allow-Credentials"] = "true"
        return fields

    def configuration(self) -> dict[str, Any]:
        """Return it as GetFunctionUrlConfig tells it."""
        return {
            "AllowCredentials": self.credentials,
            "AllowHeaders": ["*"],
            "AllowMethods": ["*"],
            "AllowOrigins": list(self.origins),
            "MaxAge": 0,
        }


def combined(headers: Mapping[str, str], more: Mapping[str, str]) -> dict[str, str]:
    """Return header fields and more of them; what is in both stands on two lines."""
    fields = dict(headers)
    names = {name.lower(): name for name in headers}
    for name, value in more.items():
        own = names.get(name.lower(), name)
        fields[own] = f"{fields[own]}\r\n{name}: {value}" if own in fields else value
    return fields
