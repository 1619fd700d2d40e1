"""The check of Host, Origin and Sec-Fetch-Site: a server is for programs of this machine.

A page in a browser can send a POST to any address, and with a DNS name that changes its address
(DNS rebinding) it can read the answer, too. The Origin header shows the first, Host the second. A
GET, by an <img> or a link, has no Origin: Sec-Fetch-Site, which browsers send and pages cannot set,
shows that it comes from another site. A program that is no browser sends none of the two.
"""

import ipaddress
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import urlsplit

# In place of the address that a server listens on: every Host is accepted.
ANY = "*"
_ADVICE = "--cors ORIGIN lets a page call the function's URL, and nothing else"


def refusal(
    headers: Mapping[str, str], listening_on: str, origin_is_allowed: bool = False
) -> str | None:
    """Return why a request with these headers is refused, or None if it is not."""
    return _refusal(
        headers.get("host", listening_on),
        None if origin_is_allowed else headers.get("origin"),
        None if origin_is_allowed else headers.get("sec-fetch-site"),
        listening_on,
    )


# Most requests have the same headers as the one before.
@lru_cache(maxsize=64)
def _refusal(host: str, origin: str | None, site: str | None, listening_on: str) -> str | None:
    host = _hostname(f"//{host}")
    if not (listening_on in (host, ANY) or is_loopback(host) or _any_address(host, listening_on)):
        return f"Host {host!r} is not the address of this server: use {listening_on}"
    if origin is not None and not is_loopback(_hostname(origin)):
        return f"Origin {origin!r} is not on this machine: {_ADVICE}"
    # A page of this machine may be another site, as localhost is for 127.0.0.1. Its Origin says so.
    # One of the same site, on another port, is of this machine if we are known by a loopback name.
    foreign = site == "cross-site" or (site == "same-site" and not is_loopback(host))
    if foreign and origin is None:
        return f"Sec-Fetch-Site is {site!r}, a page of another site sent this: {_ADVICE}"
    return None


def _hostname(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def is_loopback(host: str) -> bool:
    """Return whether a name or an address is a loopback one."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    address = _address(host)
    return address is not None and address.is_loopback


def _any_address(host: str, listening_on: str) -> bool:
    """Return whether the server listens on all addresses, and Host is one. Names are still refused:
    only a name can be rebound."""
    wildcard = _address(listening_on)
    return wildcard is not None and wildcard.is_unspecified and _address(host) is not None


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
