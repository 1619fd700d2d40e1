"""A project on this machine beside one function: its start, its pollers' idleness, its queue.

One function is `lambda-runtime local hello.py`; a project is ten functions of a table, without and
with triggers that need the embedded services.
"""

import json
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .measure import Effort, Group, Row, medians
from .standing import used

ONE, TEN, SERVICES = "one function", "ten functions", "ten functions with services"

_HANDLER = "def handler(event, context):\n    return 'done'\n"
_FUNCTION = '[tool.lambda-runtime.functions.f{n}]\nhandler = "hello.handler"\ntimeout = 30\n'
_TRIGGERS = """
[[tool.lambda-runtime.functions.f0.triggers]]
type = "sqs"
queue = "work"
[[tool.lambda-runtime.functions.f1.triggers]]
type = "sns"
topic = "shouts"
[[tool.lambda-runtime.functions.f2.triggers]]
type = "eventbridge"
rule = "paid"
pattern = '{"source": ["shop"]}'
[[tool.lambda-runtime.functions.f3.triggers]]
type = "kinesis"
stream = "readings"
[[tool.lambda-runtime.functions.f4.triggers]]
type = "s3"
bucket = "pictures"
[[tool.lambda-runtime.functions.f5.triggers]]
type = "schedule"
rule = "nightly"
expression = "rate(1 day)"
"""


def project(effort: Effort) -> Group:
    """Measure start and first answer in milliseconds, idleness in percent of a CPU, messages/s."""
    rows = start(max(effort.starts // 4, 2))
    idleness, resident = idle(effort.idle)
    rows["idle with all pollers, % of a CPU"] = {SERVICES: idleness}
    rows["the services' process, MiB"] = {SERVICES: resident}
    rows["messages/s through a queue"] = {SERVICES: messages(max(effort.many // 20, 200))}
    return Group("project", "", ONE, rows, (ONE, TEN, SERVICES), ONE)


@contextmanager
def served(kind: str) -> Iterator[tuple[subprocess.Popen[str], str, str]]:
    """Serve; give the process, where functions are invoked, and the name of one."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "hello.py").write_text(_HANDLER)
        command = [sys.executable, "-m", "amazon_lambda_runtime.cli", "local", "--port", "0"]
        command += ["--no-url", "--no-reload"]
        name = "f0"
        if kind == ONE:
            command, name = [*command, "hello.py"], "hello"
        else:
            text = "".join(_FUNCTION.format(n=n) for n in range(10))
            if kind == SERVICES:
                text += _TRIGGERS
            (Path(folder) / "pyproject.toml").write_text(text)
        process = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True)
        try:
            assert process.stderr is not None
            base = ""
            for line in process.stderr:
                if found := re.search(r" on (http://\S+)$", line):
                    base = found[1]
                    break
            yield process, base, name
        finally:
            process.terminate()
            process.communicate()


def start(count: int) -> dict[str, Row]:
    """Return how long each takes to listen and to answer for the first time, taking turns."""
    listening: dict[str, list[float]] = defaultdict(list)
    answered: dict[str, list[float]] = defaultdict(list)
    for _ in range(count):
        for kind in (ONE, TEN, SERVICES):
            begin = time.perf_counter()
            with served(kind) as (_, base, name):
                listening[kind].append((time.perf_counter() - begin) * 1000)
                url = f"{base}/2015-03-31/functions/{name}/invocations"
                urllib.request.urlopen(url, b"{}", timeout=60).close()
                answered[kind].append((time.perf_counter() - begin) * 1000)
    return {"listening, ms": medians(listening), "first answer, ms": medians(answered)}


def _ready(process: "subprocess.Popen[str]") -> None:
    assert process.stderr is not None
    for line in process.stderr:
        if line == "  ready\n":
            return
    raise RuntimeError("the project does not start")


def _services(process: "subprocess.Popen[str]") -> int:
    """Return the process of the embedded services."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    for pid in children:
        if b"local.services" in Path(f"/proc/{pid}/cmdline").read_bytes():
            return int(pid)
    raise RuntimeError("there is no process of services")


def idle(seconds: float) -> tuple[float, float]:
    """Return the share of a CPU of the server and its services, and the memory of the latter."""
    with served(SERVICES) as (process, _, _):
        _ready(process)
        services = _services(process)
        time.sleep(25)  # the first polls are over
        before = used(process.pid) + used(services)
        time.sleep(seconds)
        share = (used(process.pid) + used(services) - before) / seconds * 100
        pages = int(Path(f"/proc/{services}/statm").read_text().split()[1])
        return share, pages * 4096 / 2**20


def messages(count: int) -> float:
    """Return how many messages go through the queue in a second, sent before it is looked at."""
    import boto3

    with served(SERVICES) as (process, base, _):
        _ready(process)
        with urllib.request.urlopen(f"{base}/console/idle") as response:
            endpoint = json.load(response)["services"]
        sqs = boto3.client(
            "sqs",
            endpoint_url=endpoint,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        url = sqs.get_queue_url(QueueName="work")["QueueUrl"]
        begin = time.perf_counter()
        for first in range(0, count, 10):
            entries = [
                {"Id": str(n), "MessageBody": str(n)} for n in range(first, min(first + 10, count))
            ]
            sqs.send_message_batch(QueueUrl=url, Entries=entries)
        while True:
            with urllib.request.urlopen(f"{base}/console/sources") as response:
                figures = next(s["figures"] for s in json.load(response) if s["name"] == "work")
            if not figures["waiting"] and not figures["in_flight"]:
                return count / (time.perf_counter() - begin)
            time.sleep(0.05)
