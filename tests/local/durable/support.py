"""What the tests of durable executions have in common: the real command, and boto3."""

import json
import re
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import boto3
from botocore.config import Config

from tests.cli.support import COMMAND, PATIENCE, Server
from tests.harness import SOURCE

FLOWS = Path(__file__).with_name("flows.py")
_ENDING = 10.0  # seconds, for a server that is asked to end

T = TypeVar("T")


def eventually(look: Callable[[], T], what: str = "it") -> T:
    """Return what `look` returns, when that is something; fail after a long time."""
    deadline = time.monotonic() + PATIENCE
    while not (found := look()):
        assert time.monotonic() < deadline, f"{what} did not happen"
        time.sleep(0.02)
    return found


class Local(Server):
    """`lambda-runtime local` with durable functions, and a client of it."""

    name = "flows"

    def __init__(
        self,
        folder: Path,
        *arguments: str,
        file: str | None = "",
        command: Sequence[str] = (*COMMAND, "local"),
    ) -> None:
        shared = ["--timeout", "60", "--memory", "512", "--env", f"PYTHONPATH={SOURCE}"]
        if "--url-port" not in arguments:
            shared.append("--no-url")
        # None: the project of the folder.
        files = [file or str(FLOWS)] if file is not None else []
        super().__init__(folder, *shared, *arguments, *files, command=command)
        if file:
            self.name = Path(file).stem
        self.client = boto3.client(
            "lambda",
            endpoint_url=self.base,
            region_name="us-east-1",
            aws_access_key_id="x",
            aws_secret_access_key="x",
            config=Config(retries={"total_max_attempts": 1}, read_timeout=PATIENCE),
        )

    def call(self, flow: str, *, name: str = "", qualifier: str = "$LATEST", **event: Any) -> Any:
        """Run an execution to its end, and return the response with its parsed payload."""
        options = {"DurableExecutionName": name} if name else {}
        done = self.client.invoke(
            FunctionName=self.name,
            Qualifier=qualifier,
            Payload=json.dumps({"flow": flow, **event}),
            **options,
        )
        done["Payload"] = json.loads(done["Payload"].read())
        return done

    def start(self, flow: str, *, name: str = "", **event: Any) -> str:
        """Start an execution, and return its ARN."""
        done = self.client.invoke(
            FunctionName=self.name,
            Qualifier="$LATEST",
            InvocationType="Event",
            DurableExecutionName=name or f"e-{uuid.uuid4()}",
            Payload=json.dumps({"flow": flow, **event}),
        )
        assert done["StatusCode"] == 202
        arn: str = done["DurableExecutionArn"]
        return arn

    def get(self, arn: str) -> Any:
        return self.client.get_durable_execution(DurableExecutionArn=arn)

    def end_of(self, arn: str) -> Any:
        """Wait for the end of an execution, and return what there is to know of it."""

        def look() -> Any:
            found = self.get(arn)
            return found if found["Status"] not in ("RUNNING", "PAUSING", "PAUSED") else None

        return eventually(look, f"the end of {arn}")

    def events(self, arn: str) -> list[Any]:
        """Return the whole history of an execution, with its data."""
        pages = self.client.get_paginator("get_durable_execution_history").paginate(
            DurableExecutionArn=arn, IncludeExecutionData=True
        )
        return [event for page in pages for event in page["Events"]]

    def types(self, arn: str) -> list[str]:
        return [event["EventType"] for event in self.events(arn)]

    def has(self, arn: str, kind: str) -> Any:
        """Wait for an event of this type, and return it."""

        def look() -> Any:
            return next((e for e in self.events(arn) if e["EventType"] == kind), None)

        return eventually(look, kind)

    def callback(self, arn: str) -> str:
        """Return the id of an execution's callback, when there is one."""
        found: str = self.has(arn, "CallbackStarted")["CallbackStartedDetails"]["CallbackId"]
        return found


@contextmanager
def local(folder: Path, *arguments: str, **options: Any) -> Iterator[Local]:
    """Run the command until the end of the block.

    It is asked to end, so that what its tests cover is measured; what does not end is killed.
    """
    server = Local(folder, *arguments, **options)
    try:
        yield server
    finally:
        server.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            server.process.wait(_ENDING)
        server.kill()


def execution_name(arn: str) -> str:
    match = re.search(r"/durable-execution/([^/]+)/", arn)
    assert match is not None
    return match[1]
