"""boto3's clients of the embedded services. They block: call them in threads."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

# In seconds.
_PATIENCE = 30


class ServiceError(Exception):
    """Raised for what a service refuses; the message says what was attempted and the reason."""


@contextmanager
def told(attempted: str) -> Iterator[None]:
    """Raise ServiceError for what boto3 raises in the block."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise ServiceError(f"{attempted}: {error}") from error


@cache
def client(service: str, endpoint: str, region: str) -> Any:
    """Return the client of a service, by boto3's name; one for each is enough."""
    import boto3
    from botocore.config import Config

    return boto3.session.Session().client(
        service,  # type: ignore[call-overload]
        region_name=region,
        endpoint_url=endpoint,
        # Any will do: looking for real ones can take seconds.
        aws_access_key_id=os.environ.get("AWS_ACCESS_KEY_ID", "test"),
        aws_secret_access_key=os.environ.get("AWS_SECRET_ACCESS_KEY", "test"),
        # A local endpoint is not reached through a proxy.
        config=Config(proxies={}, connect_timeout=_PATIENCE, read_timeout=_PATIENCE),
    )
