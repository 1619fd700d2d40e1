"""The events that are sent: one long string, and records as queues and streams deliver them.

A string is the least that a JSON library can be given: it is copied. Records are dictionaries,
short strings and numbers, and cost many times as much for each byte.
"""

import json
from collections.abc import Callable
from typing import NamedTuple

RECORD = {
    "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
    "body": '{"customer": "c-4711", "items": ["pen", "paper"], "express": true}',
    "attributes": {
        "ApproximateReceiveCount": "1",
        "SentTimestamp": "1545082649183",
        "SenderId": "AIDAIENQZJOLO23YVJ4VO",
    },
    "messageAttributes": {},
    "size": 66,
    "weight": 0.125,
    "replayed": False,
    "key": None,
    "eventSource": "aws:sqs",
    "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:orders",
    "awsRegion": "eu-central-1",
}


def one_string(size: int) -> bytes:
    """Return a JSON object of that many bytes, nearly all of them in one string."""
    return b'{"name": "%b"}' % (b"x" * (size - 12))


def records(size: int) -> bytes:
    """Return a JSON object with as many records as fit into that many bytes.

    Its separators are those of `json.dumps`, so that a response is as long as its event.
    """
    empty = json.dumps({"Records": []})
    # Numbers of eight digits: each record is as long as the next.
    each = len(json.dumps({"messageId": f"{0:08}"} | RECORD)) + len(", ")
    count = (size - len(empty) + len(", ")) // each
    made = [{"messageId": f"{number:08}"} | RECORD for number in range(count)]
    return json.dumps({"Records": made}).encode()


class Load(NamedTuple):
    make: Callable[[int], bytes]
    # In bytes.
    size: int
    # How many invocations make a candidate's turn.
    turn: int

    def event(self) -> bytes:
        return self.make(self.size)


# The longest event that Lambda delivers is 6 MiB.
LONGEST = 6 * 1024 * 1024 - 1024
SMALL = "50 B"
RECORDS = "100 KB of records"
LOADS = {
    SMALL: Load(one_string, 50, 200),
    "100 KB": Load(one_string, 100_000, 20),
    "6 MB": Load(one_string, LONGEST, 5),
    RECORDS: Load(records, 100_000, 20),
    "6 MB of records": Load(records, LONGEST, 2),
}
