"""What else than Invoke starts executions: the function's URL, a queue."""

import shlex
import urllib.request
from itertools import pairwise
from pathlib import Path

import boto3
import pytest

from .support import eventually, local


def test_url(tmp_path: Path) -> None:
    """Who calls the function's URL gets the result of a whole execution, as a response."""
    with local(tmp_path, "--url-port", "0") as server:
        url = server.wait_for(r"the function's URL: (\S+)/\n")[1]
        with urllib.request.urlopen(f"{url}/a/b") as response:
            assert (response.status, response.read()) == (200, b"/a/b")
        (found,) = server.client.list_durable_executions_by_function(FunctionName="flows")[
            "DurableExecutions"
        ]
        assert found["Status"] == "SUCCEEDED"


def test_queue(tmp_path: Path) -> None:
    """Each batch of a queue is an execution, and its messages are deleted when it has succeeded."""
    pytest.importorskip("moto")
    with local(tmp_path, "--sqs", "orders") as server:
        words = shlex.split(server.wait_for(r"  (AWS_\S+ .* sqs send-message .*)\n")[1])
        options = dict(pairwise(words))
        sqs = boto3.client(
            "sqs",
            endpoint_url=options["--endpoint-url"],
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        url = options["--queue-url"]
        sqs.send_message(QueueUrl=url, MessageBody="seven")
        server.wait_for(r"message seven\n")
        server.wait_for(r"execution \S+ SUCCEEDED")

        def is_empty() -> bool:
            names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
            found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
            return {*found.values()} == {"0"}

        eventually(is_empty, "the end of the message")
