"""boto3's clients, most of them of the embedded services. They block: call them in threads."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, build_opener

from amazon_lambda_runtime.pip_line import pip_line

from .application import WAKE

# In seconds.
_CONNECT = 5
_ANSWER = 30
_HERE = ("127.0.0.1", "localhost", "::1")
#: Has botocore read no profile and no file, whatever the user's environment names.
_NO_PROFILES = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}


class ServiceError(Exception):
    """Raised for what a service refuses; the message says what was attempted and the reason."""


@contextmanager
def told(
    attempted: str,
    kind: type[ServiceError] = ServiceError,
    codes: Mapping[str, type[ServiceError]] | None = None,
) -> Iterator[None]:
    """Raise an error of this kind for what boto3 raises in the block, and if there is no boto3.

    `codes` are AWS's error codes that have kinds of their own.
    """
    try:
        import boto3  # noqa: F401  here, so that it is told once that there is none
        from botocore.exceptions import BotoCoreError, ClientError
    except ModuleNotFoundError:
        raise kind(f"{attempted}: it needs boto3: {pip_line('tools')}") from None
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        raise (codes or {}).get(code, kind)(f"{attempted}: {error}") from error
    except BotoCoreError as error:
        raise kind(f"{attempted}: {error}") from error


def make(service: str, region: str, endpoint: str | None, **config: Any) -> Any:
    """Return a client of a service, by boto3's name: at an endpoint, or at AWS (None).

    The rest are options of botocore's Config. Raises ModuleNotFoundError if there is no boto3.
    """
    import boto3
    from botocore.config import Config
    from botocore.session import Session

    is_here = endpoint is not None and urlsplit(endpoint).hostname in _HERE
    settings: dict[str, Any] = {"region_name": region}
    if endpoint is not None:
        settings["endpoint_url"] = endpoint
        # A local endpoint is not reached through a proxy.
        config["proxies"] = {}
        if "AWS_ACCESS_KEY_ID" not in os.environ and (is_here or "AWS_PROFILE" not in os.environ):
            # An emulator accepts any credentials, and looking for real ones can take seconds.
            settings |= {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    # An emulator on this machine knows none of the user's profiles, and which are there is no
    # matter of the project's.
    sources = _NO_PROFILES if is_here else None
    # A session of its own: the default session is not thread-safe.
    session = boto3.session.Session(botocore_session=Session(session_vars=sources))
    return session.client(
        service,  # type: ignore[call-overload]
        config=Config(
            connect_timeout=_CONNECT,
            read_timeout=_ANSWER,
            retries={"mode": "standard", "total_max_attempts": 3},
            **config,
        ),
        **settings,
    )


@cache
def client(service: str, endpoint: str, region: str) -> Any:
    """Return the client of a service that is embedded; one for each is enough."""
    return make(service, region, endpoint)


def wake(endpoint: str, queue: str = "") -> None:
    """Have the embedded services end the long polls of a queue, "" for the reads of all streams."""
    # To this machine, whatever proxies there are; a server that has gone holds nothing.
    opener = build_opener(ProxyHandler({}))
    with suppress(OSError), opener.open(f"{endpoint}{WAKE}?{queue}", timeout=_CONNECT):
        pass
