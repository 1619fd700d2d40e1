"""The order workflow of the guide: its unit tests, and on the local Lambda."""

import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import boto3
from botocore.config import Config

from amazon_lambda_runtime.local.durable.service import DurableExecutions
from amazon_lambda_runtime.local.engine.function import DurableConfig, LocalFunction
from tests.cli.support import run_here
from tests.harness import SOURCE
from tests.local.serving import served

from .support import eventually

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "examples/workflow"


def test_its_unit_tests(tmp_path: Path) -> None:
    """They pass as they are, with pytest alone."""
    shutil.copytree(EXAMPLE, tmp_path / "workflow")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=tmp_path / "workflow", capture_output=True, text=True)
    assert "4 passed" in done.stdout, done.stdout + done.stderr


def function(name: str, durable: DurableConfig | None = None) -> LocalFunction:
    handler = f"{name}.handler"
    return LocalFunction(
        name,
        handler,
        [sys.executable, "-m", "amazon_lambda_runtime", handler],
        str(EXAMPLE),
        timeout=60,
        memory=512,
        environment={"PYTHONPATH": str(SOURCE)},
        durable=durable,
    )


def test_on_the_local_lambda(tmp_path: Path) -> None:
    """Two functions: the order is approved by a callback, and invokes the one that ships."""
    functions = function("order", DurableConfig(900)), function("ship")
    with served(*functions, durable=DurableExecutions(skip_time=True)) as server:
        client = boto3.client(
            "lambda",
            endpoint_url=server.endpoint,
            region_name="us-east-1",
            aws_access_key_id="x",
            aws_secret_access_key="x",
            config=Config(retries={"total_max_attempts": 1}),
        )
        arn = client.invoke(
            FunctionName="order",
            Qualifier="$LATEST",
            InvocationType="Event",
            Payload='{"order": 8, "total": 2000}',
        )["DurableExecutionArn"]

        def callback() -> str:
            events = client.get_durable_execution_history(DurableExecutionArn=arn)["Events"]
            found = [e for e in events if e["EventType"] == "CallbackStarted"]
            return str(found[0]["CallbackStartedDetails"]["CallbackId"]) if found else ""

        eventually(callback)
        # As the guide has it.
        line = "lambda-runtime callback approval succeed -d '\"approved\"' --local"
        assert line in (ROOT / "docs" / "guides" / "durable.md").read_text()
        port = server.endpoint.rpartition(":")[2]
        done = run_here(tmp_path, *shlex.split(line)[1:], port)
        assert done.returncode == 0, done.stderr

        def result() -> str:
            return str(client.get_durable_execution(DurableExecutionArn=arn).get("Result", ""))

        expected = {"status": "shipped", "parcel": "parcel-8"}
        assert json.loads(eventually(result)) == expected
        kinds = {kind for kind, _ in server.invoked}
        assert kinds == {"durable"}
