"""The function's log in CloudWatch, line by line."""

import time
from collections.abc import Iterator

from amazon_lambda_runtime.project.declaration import Function

from .aws import Aws
from .errors import DeployError
from .resources import log_group

# Seconds between two requests, and how far back each reads again: events arrive out of order.
_PAUSE = 2.0
_LATE_MS = 10_000


def lines(
    aws: Aws, function: Function, *, since: float, follow: bool = False, pattern: str = ""
) -> Iterator[str]:
    """Yield the log's lines since `since` (seconds of the epoch), and with `follow` without end."""
    group = log_group.name(function)
    start = int(since * 1000)
    seen: dict[str, int] = {}
    if aws.find("logs", "describe_log_streams", logGroupName=group, limit=1) is None:
        raise DeployError(f"there is no log group {group}: deploy {function.name} first")
    while True:
        more = {"filterPattern": pattern} if pattern else {}
        events = aws.pages(
            "logs", "filter_log_events", "events", logGroupName=group, startTime=start, **more
        )
        for event in events:
            if event["eventId"] not in seen:
                seen[event["eventId"]] = event["timestamp"]
                yield event["message"].rstrip("\n")
        if not follow:
            return
        if seen:
            start = max(start, max(seen.values()) - _LATE_MS)
            seen = {key: stamp for key, stamp in seen.items() if stamp >= start}
        time.sleep(_PAUSE)
