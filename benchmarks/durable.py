"""Durable executions on this machine, beside `dex-local-runner`, AWS's own.

AWS's runner has no runtime: it invokes functions at an endpoint. Here that is a local Lambda of
ours which takes the same function for a plain one, so that the runtime, its processes and AWS's SDK
in them are the same, and the difference is what is between an execution and its function. There are
as many environments as executions: AWS's runner lets an execution fail that is throttled.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from .emulators import LOCAL, free_port
from .measure import Effort, Group, Row, medians
from .server import PATIENCE, CandidateError

RUNNER = "dex-local-runner"

# In a crowd: executions, and the seconds for which each waits.
CROWD, WAIT = 40, 2
# In seconds: how often the end of an execution is asked for.
_POLL = 0.005

_FUNCTION = """
from aws_durable_execution_sdk_python import durable_execution
from aws_durable_execution_sdk_python.config import Duration

@durable_execution
def handler(event, context):
    found = context.step(lambda _: event, name="one")
    if event["wait"]:
        context.wait(Duration.from_seconds(event["wait"]))
    return found
"""


class Server(NamedTuple):
    """Where executions are started, and where they are asked about."""

    name: str
    port: int

    def start(self, wait: int) -> str:
        """Start an execution and return its ARN."""
        event, name = {"wait": wait}, str(uuid.uuid4())
        if self.name == LOCAL:
            path = "/2015-03-31/functions/flow/invocations?Qualifier=%24LATEST"
            headers = {"X-Amz-Invocation-Type": "Event", "X-Amz-Durable-Execution-Name": name}
            with self._ask(path, event, headers) as response:
                return str(response.headers["X-Amz-Durable-Execution-Arn"])
        document = {
            "AccountId": "123456789012",
            "FunctionName": "flow",
            "FunctionQualifier": "$LATEST",
            "ExecutionName": name,
            "ExecutionTimeoutSeconds": 300,
            "ExecutionRetentionPeriodDays": 1,
            "Input": json.dumps(event),
        }
        with self._ask("/start-durable-execution", document) as response:
            return str(json.load(response)["ExecutionArn"])

    def finish(self, arn: str) -> None:
        """Wait until an execution has succeeded."""
        path = f"/2025-12-01/durable-executions/{quote(arn, safe='')}"
        deadline = time.monotonic() + PATIENCE
        while True:
            with self._ask(path) as response:
                told = json.load(response)
            status = told["Status"]
            if status == "SUCCEEDED":
                return
            if status != "RUNNING" or time.monotonic() > deadline:
                raise CandidateError(f"{self.name}: an execution is {status}: {told.get('Error')}")
            time.sleep(_POLL)

    def _ask(self, path: str, document: Any = None, headers: dict[str, str] | None = None) -> Any:
        data = None if document is None else json.dumps(document).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            data,
            {"Content-Type": "application/json", **(headers or {})},
        )
        return urllib.request.urlopen(request, timeout=PATIENCE)


def durable(effort: Effort) -> Group:
    """Measure executions in milliseconds."""
    names = find()
    single: dict[str, list[float]] = defaultdict(list)
    crowd: dict[str, list[float]] = defaultdict(list)
    count, crowds = max(effort.starts, 10), max(effort.crowds // 2, 1)
    with ExitStack() as stack:
        servers = [stack.enter_context(served(name)) for name in names]
        for server in servers:
            together(server)  # makes the environments
        for turn in range(count):
            for server in servers if turn % 2 == 0 else reversed(servers):
                begin = time.perf_counter()
                server.finish(server.start(0))
                single[server.name].append((time.perf_counter() - begin) * 1000)
        for turn in range(crowds):
            for server in servers if turn % 2 == 0 else reversed(servers):
                crowd[server.name].append(together(server))
    rows: dict[str, Row] = {
        "execution of one step, ms": medians(single),
        f"{CROWD} executions with a wait of {WAIT} s, ms": medians(crowd),
        "modules of it in a function that is not durable": {LOCAL: float(loaded_by_others())},
    }
    title = f"durable: {count} executions, {crowds} crowds of {CROWD}"
    return Group(title, "", RUNNER, rows, (LOCAL,), RUNNER)


def find() -> list[str]:
    """Return who takes part; print a line about one that is not installed."""
    if Path(sys.executable).with_name(RUNNER).exists():
        return [LOCAL, RUNNER]
    raise CandidateError(f"{RUNNER} is not there: pip install -e '.[durable]'")


def together(server: Server) -> float:
    """Start a crowd at once; return how long it takes until all have ended, in milliseconds."""
    begin = time.perf_counter()
    with ThreadPoolExecutor(8) as threads:
        arns = list(threads.map(lambda _: server.start(WAIT), range(CROWD)))
        list(threads.map(server.finish, arns))
    return (time.perf_counter() - begin) * 1000


@contextmanager
def served(name: str) -> Iterator[Server]:
    """Serve the function: durable, or a plain one for AWS's runner."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="benchmarks-"))
        Path(folder, "flow.py").write_text(_FUNCTION)
        port = free_port()
        options = ["--port", str(port), "--no-url", "--no-reload", "--timeout", "60"]
        options += ["--concurrency", str(CROWD), "--memory", "512", "--python", sys.executable]
        runner = free_port()
        if name == RUNNER:
            endpoint = f"AWS_ENDPOINT_URL_LAMBDA=http://127.0.0.1:{runner}"
            options += ["--durable", "0", "--env", endpoint]
            options += ["--env", "AWS_ACCESS_KEY_ID=x", "--env", "AWS_SECRET_ACCESS_KEY=x"]
        run(stack, folder, "lambda-runtime", "local", "flow.py", *options)
        await_answer(port, "/console/idle")
        if name == RUNNER:
            run(
                stack, folder, RUNNER, "start-server", "--host", "127.0.0.1",
                "--port", str(runner), "--log-level", "ERROR",
                "--lambda-endpoint", f"http://127.0.0.1:{port}",
            )  # fmt: skip
            await_answer(runner, "/health")
        yield Server(name, runner if name == RUNNER else port)


def run(stack: ExitStack, folder: str, program: str, *arguments: str) -> None:
    """Run a program beside this interpreter until the end of the stack. Its log is dropped."""
    process = subprocess.Popen(
        [str(Path(sys.executable).with_name(program)), *arguments],
        cwd=folder,
        env={**os.environ, "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    stack.callback(process.wait)
    stack.callback(process.terminate)


def await_answer(port: int, path: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=PATIENCE).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            if time.monotonic() > deadline:
                raise CandidateError(f"nothing answers at port {port}") from None
            time.sleep(0.05)


def loaded_by_others() -> int:
    """Return how many modules of durable functions a command for a plain function loads."""
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as folder:
        Path(folder, "plain.py").write_text("def handler(event, context):\n    return event\n")
        command = [sys.executable, "-X", "importtime", "-m", "amazon_lambda_runtime.cli"]
        done = subprocess.run(
            [*command, "local", "plain.py", "-e", "1"],
            cwd=folder, capture_output=True, text=True, check=True,
        )  # fmt: skip
    names = (line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if "|" in line)
    parts = ("aws_durable_execution", "amazon_lambda_runtime.local.durable", "sqlite3", "boto")
    return sum(name.startswith(parts) for name in names)
