"""The options of `lambda-runtime local` about durable functions, and one execution at the shell."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from amazon_lambda_runtime.cli.local.durable_options import durable_config
from amazon_lambda_runtime.project.declaration import Durable
from tests.cli.support import COMMAND, Process, run_here
from tests.harness import SOURCE, environment

from .support import FLOWS, Local, local

PLAIN = "def handler(event, context):\n    return event\n"
DURABLE = (
    "from amazon_lambda_runtime.durable import durable\n\n"
    "@durable\ndef handler(event, context):\n    return event\n"
)


def test_one_execution(tmp_path: Path) -> None:
    """With an event one execution is run to its end, and --skip-time skips what it waits for."""
    event = json.dumps({"flow": "step_wait_step", "seconds": 86_400})
    options = ["--skip-time", "--timeout", "60", "--memory", "512", "-e", event]
    command = [*COMMAND, "local", *options, "--env", f"PYTHONPATH={SOURCE}", str(FLOWS)]
    process = Process(command, tmp_path)
    assert process.wait() == 0
    assert json.loads(process.stdout) == ["a", "b"]
    assert "SUCCEEDED after 864" in process.log


def test_one_execution_that_fails(tmp_path: Path) -> None:
    """The status is 1 if the execution failed, and 128 + N after a signal while it waits."""
    shared = ["--timeout", "60", "--memory", "512", "--env", f"PYTHONPATH={SOURCE}", str(FLOWS)]
    process = Process([*COMMAND, "local", "-e", '{"flow": "failing"}', *shared], tmp_path)
    waiting = Process([*COMMAND, "local", "-e", '{"flow": "callback"}', *shared], tmp_path)
    assert process.wait() == 1
    assert json.loads(process.stdout)["errorMessage"] == "no such order"
    waiting.wait_for("waits for the callback approval: ")
    began = time.monotonic()
    assert waiting.end() == 130
    assert time.monotonic() - began < 10  # and not the 60 of the timeout


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--skip-time"], "--skip-time is for durable functions: if this is one, add --durable"),
        (["--durable-store", "x"], "--durable-store is for durable functions"),
        (["--durable", "0", "--skip-time"], "--skip-time is for durable functions"),
        (["--durable", "31622401"], "31622401 is not in the range 0<=x<=31622400"),
        (["--durable-store", "x", "-e", "{}"], "--durable-store is for a server"),
        (["--durable", "9", "--durable-store", "plain.py/x"], "cannot keep executions in plain.py"),
        (["--durable", "9", "--durable-store", "broken"], "executions.db is no file of executions"),
    ],
)
def test_refused(tmp_path: Path, options: list[str], reason: str) -> None:
    """What makes no sense is refused in one line, before anything starts."""
    (tmp_path / "plain.py").write_text(PLAIN)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "executions.db").write_text("no database, but long enough to be one\n")
    done = run_here(tmp_path, "local", "plain.py", *options)
    assert done.returncode == 2
    assert reason in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_store_has_one_user(tmp_path: Path) -> None:
    """Two processes would go on with each execution twice."""
    with local(tmp_path, "--durable-store", "kept"):
        done = run_here(tmp_path, "local", str(FLOWS), "--port", "0", "--durable-store", "kept")
        assert done.returncode == 2
        assert "another lambda-runtime uses it" in done.stderr


def test_any_runtime_may_be_durable(tmp_path: Path) -> None:
    """--durable says it of a function whose source does not."""
    (tmp_path / "later.py").write_text("import flows\nhandler = getattr(flows.Flows(), 'handler')")
    with local(tmp_path, "--durable", "60", "--env", f"PYTHONPATH={SOURCE}:{FLOWS.parent}",
               file="later.py") as server:  # fmt: skip
        assert server.call("one_step")["Payload"] == {"n": 1}


def test_nothing_is_loaded_for_others(tmp_path: Path) -> None:
    """A function that is not durable pays nothing for those that are."""
    (tmp_path / "plain.py").write_text(PLAIN)
    command = [sys.executable, "-X", "importtime", *COMMAND[1:], "local", "plain.py", "-e", "1"]
    env = environment(PYTHONPATH=str(SOURCE))
    done = subprocess.run(
        command, cwd=tmp_path, env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout == "1"
    assert "amazon_lambda_runtime.local.server" in done.stderr
    for name in ("aws_durable_execution", "boto", "sqlite3", "local.durable"):
        assert f" {name}" not in done.stderr.replace("amazon_lambda_runtime.", " "), name


def test_help_says_what_to_type(server: Local) -> None:
    """The line that is printed at the start starts an execution."""
    line = server.wait_for(r"  (curl .*)\n")[1]
    done = subprocess.run(
        ["/bin/sh", "-c", line.replace("'{}'", """'{"flow": "one_step"}'""")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout) == {"n": 1}


@pytest.mark.parametrize("flow", ["callback", "slow_step", "step_wait_step", "crash"])
def test_ctrl_c(tmp_path: Path, flow: str) -> None:
    """In any state the command ends at once, and a caller that waits is told so."""
    with local(tmp_path) as server:
        notes, go = str(tmp_path / "notes"), str(tmp_path / "go")
        arn = server.start(flow, notes=notes, go=go, seconds=100, until=9)
        if flow == "slow_step":
            server.has(arn, "StepStarted")
        else:
            server.has(arn, "InvocationCompleted")
        began = time.monotonic()
        assert server.end(signal.SIGINT) == 0
        assert time.monotonic() - began < 10  # and not the 60 of the timeout
        assert "Traceback" not in server.log


@pytest.mark.parametrize(
    ("source", "declared", "seconds", "expected"),
    [
        (PLAIN, None, None, None),
        (PLAIN, None, 60, (60, 14)),
        (PLAIN, Durable(3600, 3), None, (3600, 3)),
        (PLAIN, Durable(3600, 3), 60, (60, 3)),
        (PLAIN, Durable(3600, 3), 0, None),
        (DURABLE, None, None, (900, 14)),
        (DURABLE, Durable(3600, 3), None, (3600, 3)),
        (DURABLE, None, 0, None),
    ],
)
def test_who_says_that_it_is_durable(
    source: str,
    declared: Durable | None,
    seconds: int | None,
    expected: tuple[int, int] | None,
    tmp_path: Path,
) -> None:
    """The option, then the table with both of its numbers, then the source."""
    (tmp_path / "m.py").write_text(source)
    found = durable_config("m.handler", tmp_path, True, declared, seconds)
    assert (found and (found.execution_timeout, found.retention_days)) == expected


def test_of_the_table(tmp_path: Path) -> None:
    """What the table declares is what clients are told, and how long executions are kept."""
    (tmp_path / "flow.py").write_text(DURABLE)
    (tmp_path / "pyproject.toml").write_text(
        '[tool.lambda-runtime]\nfunction = "flow"\nhandler = "flow.handler"\n'
        "durable = { execution_timeout = 600, retention_days = 2 }\n"
    )
    with local(tmp_path, file=None) as server:
        server.name = "flow"
        found = server.client.get_function_configuration(FunctionName="flow")["DurableConfig"]
        assert found == {"ExecutionTimeout": 600, "RetentionPeriodInDays": 2}
        arn = server.call("")["DurableExecutionArn"]
        kept = server.client.get_durable_execution(DurableExecutionArn=arn)["DurableConfig"]
        assert kept["RetentionPeriodInDays"] == 2
