"""Messages that go through a queue while the function's processes are killed at random."""

import json
import os
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from amazon_lambda_runtime.local.engine import journal
from amazon_lambda_runtime.local.queues import QueueSettings, embedded
from amazon_lambda_runtime.local.services.client import client
from tests.harness import chance, examples
from tests.local.serving import Served, python_function
from tests.local.support import PATIENCE
from tests.local.threaded_services import ThreadedServices

SOURCE = """
import os, time

open(os.path.join("pids", str(os.getpid())), "w").close()

def handler(event, context):
    time.sleep(0.01)
    with open("done", "a") as file:
        file.write("".join(record["body"] + "\\n" for record in event["Records"]))
    return {"done": len(event["Records"])}
"""


def killer(folder: Path, over: threading.Event, killed: list[int]) -> None:
    """Kill one of the function's processes after another, at random moments."""
    random = chance("killer")
    while not over.wait(random.random() / 2):
        with suppress(OSError, IndexError):
            pid = int(random.choice(os.listdir(folder / "pids")))
            (folder / "pids" / str(pid)).unlink()
            if os.readlink(f"/proc/{pid}/cwd") == str(folder):
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)


@pytest.mark.slow
def test_messages_while_processes_are_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 200 messages (EXAMPLES) none is lost, and none is given to the function again once its
    success has been reported."""
    count = examples(200)
    monkeypatch.setattr(embedded, "EmbeddedServices", ThreadedServices)
    monkeypatch.setattr(journal, "INVOCATIONS", count * 10)
    (tmp_path / "pids").mkdir()
    here = Served(python_function(tmp_path, SOURCE, concurrency=4))
    over, killed = threading.Event(), list[int]()
    try:
        settings = QueueSettings("work", visibility=60, redeliver_after=0)
        here.run(here.service.attach("hello", [settings]))
        services = here.service.embedded().services
        assert services is not None
        sqs = client("sqs", services.endpoint, "us-east-1")
        url = sqs.get_queue_url(QueueName="work")["QueueUrl"]
        threading.Thread(target=killer, args=(tmp_path, over, killed), daemon=True).start()
        for first in range(0, count, 10):
            numbers = range(first, min(first + 10, count))
            entries = [{"Id": str(n), "MessageBody": str(n)} for n in numbers]
            assert not sqs.send_message_batch(QueueUrl=url, Entries=entries).get("Failed")
        wanted = {str(number) for number in range(count)}
        deadline = time.monotonic() + PATIENCE + count / 10
        while not (tmp_path / "done").exists() or left(sqs, url):
            assert time.monotonic() < deadline
            time.sleep(0.1)
    finally:
        over.set()
        here.close()
    assert killed
    assert set((tmp_path / "done").read_text().split()) == wanted
    succeeded: set[str] = set()
    for entry in sorted(here.entries, key=lambda each: each.answered_at or 0):
        bodies = {record["body"] for record in json.loads(entry.event)["Records"]}
        assert not bodies & succeeded
        if not entry.failed:
            succeeded |= bodies
    assert succeeded == wanted


def left(sqs: Any, url: str) -> int:
    """Return how many messages the queue has, visible or not."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(found[name]) for name in names)
