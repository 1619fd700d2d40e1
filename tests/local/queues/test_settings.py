"""The settings of a queue, on the command line and without one."""

from typing import Any

import click
import pytest

from amazon_lambda_runtime.cli.local.queue_options import parse_queue, queue_options
from amazon_lambda_runtime.local.queues import (
    QueueSettings,
    SettingsError,
)


def test_options() -> None:
    """A queue and its options are read from one argument."""
    assert parse_queue("orders") == QueueSettings("orders")
    url = "https://sqs.eu-north-1.amazonaws.com/123456789012/orders"
    assert parse_queue(f"{url},batch_size=100,window=5,partial=true") == QueueSettings(
        url, batch_size=100, window=5, partial=True
    )
    made = parse_queue("orders.fifo,dlq=dead.fifo,max_receive_count=2,visibility=7,partial=false")
    assert made.redrive == ("dead.fifo", 2)
    assert made.visibility == 7
    assert parse_queue("orders,dlq=dead").redrive == ("dead", 3)
    assert parse_queue("orders.fifo,max_receive_count=5").redrive == ("orders-dlq.fifo", 5)
    assert parse_queue("orders").redrive is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "give a URL, or a name"),
        ("no/name", "give a URL, or a name"),
        ("orders,batch_size=0", "1 to 10000"),
        ("orders,batch_size=11", "needs a window"),
        ("orders,batch_size=10001,window=1", "1 to 10000"),
        ("orders.fifo,batch_size=11", "1 to 10"),
        ("orders.fifo,window=1", "Lambda has none for a FIFO queue"),
        ("orders,window=301", "0 to 300"),
        ("orders,window=soon", "whole number"),
        ("orders,partial=yes", "true or false"),
        ("orders,partial", "write name=value"),
        ("orders,colour=red", "unknown option 'colour'"),
        ("orders,window=1,window=2", "given twice"),
        ("orders,visibility=50000", "0 to 43200"),
        ("orders,max_receive_count=0", "1 to 1000"),
        ("orders,dlq=dead.fifo", "both FIFO"),
        ("orders,dlq=a b", "give a URL, or a name"),
        ("https://h/1/orders,dlq=dead", "exists already"),
    ],
)
def test_options_that_are_refused(text: str, reason: str) -> None:
    """What AWS would refuse is refused at once, with what is allowed."""
    with pytest.raises(click.BadParameter, match=reason):
        parse_queue(text)


def test_options_of_the_command() -> None:
    """`--sqs` may be given more than once; an error names the option."""
    got: dict[str, Any] = {}

    @click.command()
    @queue_options
    def command(**options: Any) -> None:
        got.update(options)

    command(["--sqs", "a", "--sqs", "b,window=1", "--on-failure", "c"], standalone_mode=False)
    assert got == {
        "queues": (QueueSettings("a"), QueueSettings("b", window=1)),
        "on_failure": QueueSettings("c"),
        "on_success": None,
        "dead_letter": None,
        "retries": None,
        "event_age": None,
        "sqs_port": 0,
    }
    with pytest.raises(click.BadParameter, match="window") as caught:
        command(["--sqs", "a,window=x"], standalone_mode=False)
    assert "--sqs" in caught.value.format_message()


def test_settings_are_checked() -> None:
    """Also where no command line is."""
    with pytest.raises(SettingsError, match="batch_size=20"):
        QueueSettings("orders", batch_size=20)
