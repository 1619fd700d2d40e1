"""Any runtime can live here: AWS's own, one in shell, and ours."""

import importlib.util
import json
import shutil
import sys
from pathlib import Path

import pytest

from amazon_lambda_runtime.local.engine.function import LocalFunction
from amazon_lambda_runtime.local.engine.invocation import Answer
from amazon_lambda_runtime.local.server import open_pool
from tests.local.support import RUNTIMES, Recorder, run, source_path

HANDLER = """
import os

print("loading")


def handler(event, context):
    print("working for", context.aws_request_id)
    if event.get("fail"):
        raise ValueError("as asked")
    return {"name": event["name"], "memory": context.memory_limit_in_mb, "pid": os.getpid()}
"""

PYTHON_RUNTIMES = [
    pytest.param(
        "awslambdaric",
        marks=pytest.mark.skipif(
            importlib.util.find_spec("awslambdaric") is None, reason="awslambdaric is not installed"
        ),
    ),
    "amazon_lambda_runtime",
]


async def invoke(function: LocalFunction, *events: object) -> tuple[list[Answer], Recorder]:
    log = Recorder()
    answers = []
    async with open_pool(function, log) as pool:
        for event in events:
            invocation = pool.invoke(json.dumps(event).encode())
            await invocation.wait_until_reported()
            answers.append(await invocation.wait())
    return answers, log


@pytest.mark.parametrize("runtime", PYTHON_RUNTIMES)
class TestPythonRuntime:
    def function(
        self, runtime: str, task_root: Path, handler: str = "mod.handler"
    ) -> LocalFunction:
        return LocalFunction(
            name="mod",
            handler=handler,
            command=[sys.executable, "-m", runtime, handler],
            task_root=str(task_root),
            timeout=60,
            memory=256,
            environment={"PYTHONPATH": source_path()},
        )

    def test_invocations(self, runtime: str, tmp_path: Path) -> None:
        """
        A runtime serves one event after the other, an error in between, in one process.
        """
        (tmp_path / "mod.py").write_text(HANDLER)
        events = [{"name": "a"}, {"fail": True}, {"name": "ü"}]

        answers, log = run(invoke(self.function(runtime, tmp_path), *events))

        first, error, last = (json.loads(answer.payload) for answer in answers)
        assert [answer.failed for answer in answers] == [False, True, False]
        assert (first["name"], int(first["memory"])) == ("a", 256)
        assert last["name"] == "ü"
        assert first["pid"] == last["pid"]
        assert (error["errorType"], error["errorMessage"]) == ("ValueError", "as asked")
        assert log[0] == "loading"
        assert log[1].startswith("START ")
        assert log[2] == f"working for {log[1].split()[2]}"
        assert log[3].startswith("END ")

    def test_init_error(self, runtime: str, tmp_path: Path) -> None:
        """
        A handler that cannot be imported is an init error that names it.
        """
        (answer,), log = run(invoke(self.function(runtime, tmp_path, "nope.handler"), {}))

        document = json.loads(answer.payload)
        assert answer.failed
        assert document["errorType"] == "Runtime.ImportModuleError"
        assert "nope" in document["errorMessage"]
        assert log[-1].startswith("REPORT ")


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_shell_runtime(tmp_path: Path) -> None:
    """
    A runtime needs no more than a shell and curl.
    """
    command = ["sh", str(RUNTIMES / "shell.sh")]
    function = LocalFunction("shell", "-", command, str(tmp_path), timeout=60)

    answers, log = run(invoke(function, {"n": 1}, {"n": 2}))

    assert [json.loads(answer.payload) for answer in answers] == [
        {"echo": {"n": 1}},
        {"echo": {"n": 2}},
    ]
    assert log.own == ['shell runtime got {"n": 1}', 'shell runtime got {"n": 2}']
