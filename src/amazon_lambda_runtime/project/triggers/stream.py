"""Streams that Lambda polls: of Kinesis, and of the changes in a DynamoDB table."""

import re
from dataclasses import dataclass
from typing import Annotated

from amazon_lambda_runtime.project import aws_limits
from amazon_lambda_runtime.project.errors import ConfigError
from amazon_lambda_runtime.project.key import Key
from amazon_lambda_runtime.project.values import is_pattern, matches, refuse

from .trigger import Owner, Trigger

_STREAM = re.compile(r"[\w.-]{1,128}", re.ASCII)
_TABLE = re.compile(r"[\w.-]{3,255}", re.ASCII)
_DESTINATION = re.compile(r"arn:[\w-]+:(sqs|sns|s3):\S+")
_FOR_EVER = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamTrigger(Trigger):
    """What a stream of either kind takes. Times are in seconds; -1 is without an end."""

    batch_size: Annotated[int, Key("records of one event", within=aws_limits.BATCH_SIZE)] = 100
    window: Annotated[int, Key("", within=aws_limits.BATCH_WINDOW, unit="seconds")] = 0
    starting_position: Annotated[
        str,
        Key(
            "where a new mapping begins; it can't be changed later",
            one_of=("TRIM_HORIZON", "LATEST"),
        ),
    ] = "TRIM_HORIZON"
    parallelization_factor: Annotated[
        int, Key("batches of a shard at once", within=aws_limits.PARALLELIZATION_FACTOR)
    ] = 1
    bisect_on_error: Annotated[bool, Key("a batch that failed is halved")] = False
    maximum_retry_attempts: Annotated[
        int, Key("-1: until the records expire", within=aws_limits.STREAM_RETRIES)
    ] = _FOR_EVER
    maximum_record_age: Annotated[
        int,
        Key("-1, or 60 and more", within=aws_limits.RECORD_AGE, unit="seconds"),
    ] = _FOR_EVER
    tumbling_window: Annotated[int, Key("", within=aws_limits.TUMBLING_WINDOW, unit="seconds")] = 0
    report_batch_item_failures: Annotated[bool, Key("the handler tells which have failed")] = False
    filters: Annotated[tuple[str, ...], Key("which records, each as JSON")] = ()
    on_failure: Annotated[
        str | None, Key("the ARN of a queue, a topic or a bucket for what failed for good")
    ] = None
    enabled: Annotated[bool, Key("whether it is polled")] = True

    def check(self, function: Owner) -> None:
        of = f"of {self.what} of {function.name}"
        for pattern in self.filters:
            is_pattern(f"a filter {of}", pattern)
        age = self.maximum_record_age
        if age != _FOR_EVER and age < aws_limits.LEAST_RECORD_AGE:
            refuse(f"maximum_record_age {of}", age, "-1, or 60 to 604800 (seconds)")
        if self.on_failure is not None:
            arn = "the ARN of a queue, a topic or a bucket"
            matches(f"on_failure {of}", self.on_failure, _DESTINATION, arn)
        if self.tumbling_window and self.parallelization_factor > 1:
            raise ConfigError(
                f"tumbling_window {of} and parallelization_factor: a window is of a whole shard"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class KinesisTrigger(StreamTrigger):
    """A Kinesis stream, which exists."""

    stream: Annotated[str, Key("the stream's name; it exists")]

    @property
    def what(self) -> str:
        return f"stream {self.stream}"

    def check(self, function: Owner) -> None:
        StreamTrigger.check(self, function)
        matches(f"stream of {function.name}", self.stream, _STREAM, "letters, digits, _ . -")


@dataclass(frozen=True, slots=True, kw_only=True)
class DynamoDbTrigger(StreamTrigger):
    """The changes in a DynamoDB table, which exists and has its stream switched on."""

    table: Annotated[str, Key("the table's name; it exists, with a stream")]

    @property
    def what(self) -> str:
        return f"table {self.table}"

    def check(self, function: Owner) -> None:
        StreamTrigger.check(self, function)
        matches(
            f"table of {function.name}", self.table, _TABLE, "3 and more letters, digits, _ . -"
        )
