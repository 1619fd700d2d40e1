"""Events beside Powertools Batch: what importing costs, and what each record of a batch does."""

import importlib.util
import json
import os
import subprocess
import sys
from collections import defaultdict

from .candidates import OURS
from .measure import Effort, Group, medians
from .server import CandidateError

POWERTOOLS = "powertools"

# What one imports to have the records of a queue handled one by one, with a report.
IMPORTS = {
    OURS: "import amazon_lambda_runtime.events",
    POWERTOOLS: "import aws_lambda_powertools.utilities.batch",
}
TIME_IMPORT = """
import sys, time
before, start = len(sys.modules), time.perf_counter()
{statement}
took = time.perf_counter() - start
print([took * 1e3, len(sys.modules) - before])
"""

# Both decode the JSON of each message; one in ten fails, or none.
FUNCTIONS = {
    OURS: """
import asyncio
from amazon_lambda_runtime.events import EventRuntime
from amazon_lambda_runtime.testing import make_context

app = EventRuntime(partial_failures=True, loglevel="fatal")
context = make_context(remaining_ms=900_000)


later = EventRuntime(partial_failures=True, loglevel="fatal")


@app.on("aws:sqs")
def handle(body, record):
    if body["fails"]:
        raise ValueError


@later.on("aws:sqs")
async def handle_later(body, record):
    await asyncio.sleep(0)
    if body["fails"]:
        raise ValueError


def serve(event):
    return app.handler(event, context)


def serve_async(event):
    return later.handler(event, context)
""",
    POWERTOOLS: """
import asyncio
from aws_lambda_powertools.utilities.batch import (
    AsyncBatchProcessor, BatchProcessor, EventType, SqsFifoPartialProcessor,
    async_process_partial_response, process_partial_response
)

standard = BatchProcessor(EventType.SQS)
later = AsyncBatchProcessor(EventType.SQS)
fifo = SqsFifoPartialProcessor(skip_group_on_error=True)


def handle(record):
    if record.json_body["fails"]:
        raise ValueError


async def handle_later(record):
    await asyncio.sleep(0)
    if record.json_body["fails"]:
        raise ValueError


def serve_async(event):
    return async_process_partial_response(event, handle_later, later)


def serve(event):
    is_fifo = event["Records"][0]["eventSourceARN"].endswith(".fifo")
    return process_partial_response(event, handle, fifo if is_fifo else standard)
""",
}
TIME_RECORDS = """
import json, statistics, time
messages, group, failing, is_async, rounds = {parameters}
records = []
for number in range(messages):
    fails = number % 10 == 9 and failing
    records.append({{
        "messageId": str(number),
        "body": json.dumps({{"number": number, "fails": fails, "text": "x" * 100}}),
        "attributes": {{"MessageGroupId": str(number)}},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:" + ("q.fifo" if group else "q"),
    }})
expected = [str(number) for number in range(9, messages, 10) if failing]
times = []
for _ in range(rounds):
    event = {{"Records": records}}
    start = time.perf_counter()
    answer = serve_async(event) if is_async else serve(event)
    times.append((time.perf_counter() - start) / messages * 1e6)
assert [each["itemIdentifier"] for each in answer["batchItemFailures"]] == expected
print([statistics.median(times[1:])])
"""
# Of a row: how many messages there are, whether the queue is FIFO, whether messages fail, whether
# the hook is async, and how often the batch is handled.
ROWS = {
    "a message, µs": (100, False, False, False, 30),
    "a message of a FIFO queue, µs": (100, True, False, False, 30),
    "a message where one in ten fails, µs": (100, False, True, False, 30),
    "a batch of one, µs": (1, False, False, False, 300),
    "a message of an async hook, µs": (100, False, False, True, 30),
    "a message of 1,000, µs": (1_000, False, False, False, 9),
    "a message of 10,000, µs": (10_000, False, False, False, 5),
}


def events(effort: Effort) -> Group:
    """Measure in a new process each time: imports from a bare interpreter, and batches."""
    found = [OURS]
    if importlib.util.find_spec("aws_lambda_powertools"):
        found.append(POWERTOOLS)
    else:
        print("powertools: aws_lambda_powertools is not installed; it takes no part")
    times: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for turn in range(effort.starts):
        for name in found if turn % 2 == 0 else reversed(found):
            took, modules = run(name, TIME_IMPORT.format(statement=IMPORTS[name]))
            times["import, ms"][name].append(took)
            times["import, modules"][name].append(modules)
    for turn in range(effort.rounds):
        for name in found if turn % 2 == 0 else reversed(found):
            for row, parameters in ROWS.items():
                code = FUNCTIONS[name] + TIME_RECORDS.format(parameters=parameters)
                times[row][name] += run(name, code)
    rows = {row: medians(figures) for row, figures in times.items()}
    title = f"events: batches of 100 unless it is said, median of {effort.rounds} turns"
    return Group(title, "", POWERTOOLS, rows, peer=POWERTOOLS)


def run(name: str, code: str) -> list[float]:
    """Return the list of figures that a new interpreter prints.

    Bytecode is written and read, as in an image that was built well.
    """
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env)
    if done.returncode:
        reason = next(iter(reversed(done.stderr.strip().splitlines())), "no reason given")
        raise CandidateError(f"{name} exited with status {done.returncode} ({reason})")
    figures: list[float] = json.loads(done.stdout)
    return figures
