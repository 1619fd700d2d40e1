"""HTTP as registries use it: tokens, redirects, lost replies, and errors in one line."""

import base64
import json
import re
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import Any, BinaryIO
from urllib.parse import unquote, urlencode, urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3

from amazon_lambda_runtime.deploy.images.model import Repository

from .persistence import ATTEMPTS, RegistryError, persist

# In seconds.
_CONNECT, _READ = 10, 60
PASSING = (408, 425, 429, 500, 502, 503, 504)
_REDIRECTS = (301, 302, 303, 307, 308)
CHUNK = 1 << 18

_LOOPBACK = re.compile(r"(?:127\.[\d.]+|localhost|\[::1\])(?::\d+)?$")
_ADVICE = {
    401: "log in, or give the registry's user name and password",
    403: "these credentials may not do that",
    404: "is the name right, and is the repository there?",
}


class Counted:
    """A file as the body of a request. It reports how much was sent, and can be sent again."""

    def __init__(self, file: BinaryIO, told: Callable[[int], None]) -> None:
        self._file = file
        self._told = told

    def __iter__(self) -> Iterator[bytes]:
        self._file.seek(0)
        while piece := self._file.read(CHUNK):
            yield piece
            self._told(self._file.tell())


class Transport:
    """Makes requests. It keeps connections and tokens."""

    def __init__(self, wait: Callable[[float], None]) -> None:
        self._wait = wait
        self._pools: dict[str, urllib3.PoolManager] = {}
        # The value of Authorization, by repository.
        self._authorization: dict[Repository, str] = {}

    def close(self) -> None:
        """Close the connections."""
        for pool in self._pools.values():
            pool.clear()

    def _pool(self, url: str) -> urllib3.PoolManager:
        """Return the pool for a URL: of the proxy that HTTPS_PROXY and NO_PROXY say, or of none.

        It has no retries, and so follows no redirect either: credentials go where we send them.
        """
        to = urlsplit(url)
        direct = _LOOPBACK.match(to.netloc) or proxy_bypass(to.netloc)
        proxy = "" if direct else getproxies().get(to.scheme, "")
        if proxy not in self._pools:
            timeout = urllib3.Timeout(connect=_CONNECT, read=_READ)
            if not proxy:
                self._pools[proxy] = urllib3.PoolManager(retries=False, timeout=timeout)
            else:
                self._pools[proxy] = _proxied(proxy, timeout)
        return self._pools[proxy]

    def request(
        self,
        repository: Repository,
        method: str,
        path: str,
        what: str,
        accept: tuple[int, ...],
        headers: Mapping[str, str] | None = None,
        body: "bytes | Counted | None" = None,
        *,
        stream: bool = False,
        attempts: int = ATTEMPTS,
        passing: tuple[int, ...] = PASSING,
    ) -> urllib3.BaseHTTPResponse:
        """Make a request, with a token if one is asked for, and return the reply.

        Raises RegistryError unless its status is one of `accept`.
        """
        base = f"{'http' if repository.plain_http else 'https'}://{repository.host}/v2/"
        url = urljoin(f"{base}{repository.name}/", path)

        def attempt() -> urllib3.BaseHTTPResponse:
            try:
                return answer()
            except (urllib3.exceptions.HTTPError, OSError) as error:
                raise RegistryError(f"cannot {what}: {plain(error)}", passing=True) from error

        def answer() -> urllib3.BaseHTTPResponse:
            reply = self._once(repository, method, url, headers, body, stream)
            if reply.status == 401 and self._authorize(repository, reply):
                reply = self._once(repository, method, url, headers, body, stream)
            if reply.status not in accept:
                raise _refused(what, reply, passing)
            return reply

        return persist(attempt, attempts, self._wait)

    def _once(
        self,
        repository: Repository,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        body: "bytes | Counted | None",
        stream: bool,
    ) -> urllib3.BaseHTTPResponse:
        for _ in range(6):
            sent = dict(headers or {})
            # A registry may redirect to other hosts for blobs: they are not sent our credentials,
            # and no host is sent them in the clear.
            to, scheme = urlsplit(url), "http" if repository.plain_http else "https"
            known = repository in self._authorization
            if known and (to.scheme, to.netloc) == (scheme, repository.host):
                sent["Authorization"] = self._authorization[repository]
            reply = self._pool(url).request(
                method, url, body=body, headers=sent, preload_content=not stream
            )
            if method not in ("GET", "HEAD") or reply.status not in _REDIRECTS:
                break
            reply.drain_conn()
            url = urljoin(url, reply.headers.get("Location", ""))
        return reply

    def _authorize(self, repository: Repository, refusal: urllib3.BaseHTTPResponse) -> bool:
        """Do what a 401 asks for, and return whether to send the request again."""
        refusal.drain_conn()
        kind, _, rest = refusal.headers.get("WWW-Authenticate", "").partition(" ")
        login = f"{repository.username}:{repository.password}".encode()
        basic = f"Basic {base64.b64encode(login).decode()}" if repository.username else ""
        if kind.lower() == "bearer":
            asked = dict(re.findall(r'(\w+)="([^"]*)"', rest))
            self._authorization[repository] = self._token(repository, asked, basic)
            return True
        if kind.lower() != "basic" or not basic or self._authorization.get(repository) == basic:
            return False
        self._authorization[repository] = basic
        return True

    def _token(self, repository: Repository, asked: dict[str, str], basic: str) -> str:
        """Fetch a token for what was asked, and return the value of Authorization.

        https://distribution.github.io/distribution/spec/auth/token/
        """
        realm = asked.get("realm", "")
        if urlsplit(realm).scheme != "https" and not repository.plain_http:
            raise RegistryError(f"{repository.host} wants its tokens to be fetched from {realm!r}")
        query = urlencode([(name, asked[name]) for name in ("service", "scope") if name in asked])
        url = f"{realm}{'&' if '?' in realm else '?'}{query}"
        sent = {"Authorization": basic} if basic else {}
        reply = self._pool(url).request("GET", url, headers=sent)
        if reply.status != 200:
            raise _refused(f"get a token for {repository}", reply, PASSING)
        answer = document(reply.data, f"get a token for {repository}")
        token = answer.get("token") or answer.get("access_token")
        if not token:
            raise RegistryError(f"cannot get a token for {repository}: the answer has none")
        return f"Bearer {token}"


def document(body: bytes, what: str) -> dict[str, Any]:
    """Return a JSON object. Raises RegistryError with the beginning of what is none."""
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    if isinstance(found, dict):
        return found
    text = " ".join(
        re.sub(r"(?s)<(style|script).*?</\1>|<[^>]*>", " ", body.decode(errors="replace")).split()
    )
    shown = textwrap.shorten(text, 120) or "empty"
    raise RegistryError(
        f"cannot {what}: the answer is not a JSON object: {shown!r}. Is that a registry, or does a "
        "proxy answer (HTTPS_PROXY, NO_PROXY)?"
    )


def _proxied(proxy: str, timeout: urllib3.Timeout) -> urllib3.PoolManager:
    at = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    login = f"{unquote(at.username or '')}:{unquote(at.password or '')}" if at.username else None
    try:
        return urllib3.ProxyManager(
            at._replace(netloc=at.netloc.rpartition("@")[2]).geturl(),
            proxy_headers=urllib3.make_headers(proxy_basic_auth=login),
            retries=False,
            timeout=timeout,
        )
    except (urllib3.exceptions.HTTPError, ValueError):
        raise RegistryError(
            "cannot use the proxy of HTTPS_PROXY: it is not an http:// or https:// URL"
        ) from None


def _refused(what: str, reply: urllib3.BaseHTTPResponse, passing: tuple[int, ...]) -> RegistryError:
    said = f"{reply.status} {reply.reason or ''}".strip()
    try:
        for error in json.loads(reply.data)["errors"]:
            said += f"; {error['code']}: {error.get('message', '')}"
    except (ValueError, KeyError, TypeError, AttributeError):
        pass  # the body has no error of the specification
    if advice := _ADVICE.get(reply.status):
        said += f" ({advice})"
    return RegistryError(
        f"cannot {what}: {said}",
        reply.status,
        passing=reply.status in passing,
        pause=_pause(reply.headers.get("Retry-After", "")),
    )


def _pause(told: str) -> float:
    """Return the seconds of Retry-After, which may be a date; 0 if there is none."""
    if told.isdecimal():
        return float(told)
    try:
        until = parsedate_to_datetime(told)
    except ValueError:
        return 0
    return max(0.0, until.timestamp() - time.time())


def plain(error: Exception) -> str:
    """Return what an error says, without the object that it happened to."""
    text = str(error.args[-1]) if error.args else type(error).__name__
    return re.sub(r"^.*?<.*?>: ", "", text).strip("()'\" ")
