"""AWS's own conformance tests of durable executions, against the local Lambda.

The requirements are in the package aws-durable-execution-conformance-tests, which is told to need a
newer Python and works with this one (pip install --no-deps --ignore-requires-python). Their
handlers are in AWS's repository of the SDK: DURABLE_CONFORMANCE names the folder
packages/aws-durable-execution-sdk-python-conformance-tests of a clone of it.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from amazon_lambda_runtime.local.engine.function import DurableConfig, LocalFunction
from tests.harness import SOURCE
from tests.local.serving import Served, served

NAME = "DURABLE_CONFORMANCE"
FOLDER = Path(os.environ.get(NAME, "/nowhere"))
REGION = "us-east-1"

pytestmark = pytest.mark.slow
if not FOLDER.is_dir():
    pytest.skip(f"{NAME} names no folder of AWS's handlers", allow_module_level=True)
validate = pytest.importorskip("aws_durable_execution_conformance_tests.validate")
sam = pytest.importorskip("aws_durable_execution_conformance_tests.sam")
config = pytest.importorskip("aws_durable_execution_conformance_tests.config")

#: Requirements that are not met here, each with the reason.
KNOWN: dict[str, str] = {}
SUITES = [
    "step", "wait", "child", "callback", "invoke", "wait_for_callback", "wait_for_condition",
    "parallel", "map",
]  # fmt: skip


def template(suite: str) -> dict[str, Any]:
    with (FOLDER / f"template_{suite}.yaml").open() as file:
        loader = validate._CfnSafeLoader(file)
        found: dict[str, Any] = loader.get_single_data()
        loader.dispose()
        return found


def tables(suite: str, stack: ExitStack) -> str:
    """Make the tables of a template in a DynamoDB of moto's; return its address, "" for none."""
    resources = template(suite)["Resources"]
    wanted = {
        name: resource["Properties"]
        for name, resource in resources.items()
        if resource["Type"] == "AWS::DynamoDB::Table"
    }
    if not wanted:
        return ""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    stack.callback(server.stop)
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    client = boto3.client(
        "dynamodb",
        endpoint_url=address,
        region_name=REGION,
        aws_access_key_id="x",
        aws_secret_access_key="x",
    )
    known = set(client.meta.service_model.operation_model("CreateTable").input_shape.members)
    for name, properties in wanted.items():
        client.create_table(
            **{key: each for key, each in properties.items() if key in known}, TableName=name
        )
    return address


def functions(suite: str, dynamodb: str) -> list[LocalFunction]:
    """Return the functions of a template, as CloudFormation would make them."""
    document = template(suite)
    timeout = document["Globals"]["Function"]["Timeout"]
    made = []
    for name, resource in document["Resources"].items():
        if resource["Type"] != "AWS::Serverless::Function":
            continue
        properties = resource["Properties"]
        variables = {
            key: _resolved(value)
            for key, value in properties.get("Environment", {}).get("Variables", {}).items()
        }
        durable = properties.get("DurableConfig")
        handler = properties["Handler"]
        made.append(
            LocalFunction(
                name,
                handler,
                [sys.executable, "-m", "amazon_lambda_runtime", handler],
                str(FOLDER / "handlers"),
                timeout=properties.get("Timeout", timeout),
                memory=512,
                idle=10,
                environment={
                    "PYTHONPATH": str(SOURCE),
                    "AWS_LAMBDA_LOG_FORMAT": "JSON",
                    "AWS_LAMBDA_LOG_LEVEL": "INFO",
                    **({"AWS_ENDPOINT_URL_DYNAMODB": dynamodb} if dynamodb else {}),
                    **variables,
                },
                durable=DurableConfig(durable["ExecutionTimeout"], durable["RetentionPeriodInDays"])
                if durable
                else None,
            )
        )
    return made


def _resolved(value: Any) -> str:
    if not isinstance(value, dict):
        return str(value)
    text = str(next(iter(value.values())))
    if text.startswith("${"):  # "${Name.Arn}:$LATEST"
        name, _, rest = text.removeprefix("${").partition(".Arn}")
        return f"arn:aws:lambda:{REGION}:012345678912:function:{name}{rest}"
    return text


class Invoker(sam.Invoker):  # type: ignore[name-defined,misc]
    """Without CloudFormation: a function has the name that the template gives it."""

    def _resolve_function(self, logical_id: str) -> str:
        return logical_id


class Logs:
    """The log of the local Lambda, as CloudWatch would give it; and CloudFormation's names."""

    def __init__(self, server: Served) -> None:
        self._server = server

    def filter_log_events(self, **asked: Any) -> Any:
        arn = asked["filterPattern"].partition('"')[2].partition('"')[0]
        events = []
        for number, line in enumerate(list(self._server.log)):
            try:
                document = json.loads(line)
            except ValueError:
                continue
            if arn in (document.get("durableExecutionArn"), document.get("executionArn")):
                events.append({"message": line, "timestamp": number, "ingestionTime": number})
        return {"events": events}

    def describe_stack_resource(self, **asked: Any) -> Any:
        return {"StackResourceDetail": {"PhysicalResourceId": asked["LogicalResourceId"]}}


@contextmanager
def conforming(suite: str) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Serve a suite's functions; yield the invoker and the clients."""
    from amazon_lambda_runtime.local.durable.service import DurableExecutions

    with ExitStack() as stack:
        made = functions(suite, tables(suite, stack))
        server = stack.enter_context(served(*made, durable=DurableExecutions()))
        client = boto3.client(
            "lambda",
            endpoint_url=server.endpoint,
            region_name=REGION,
            aws_access_key_id="x",
            aws_secret_access_key="x",
            config=Config(read_timeout=300, retries={"total_max_attempts": 1}),
        )
        logs = Logs(server)
        invoker = Invoker("stack", REGION, lambda_client=client, cfn_client=logs)
        yield invoker, {"lambda": client, "logs": logs, "cloudformation": logs}


@pytest.mark.parametrize("suite", SUITES)
def test_suite(suite: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each requirement of the suite is met, but for those that are known not to be."""
    files = validate.discover_test_files(config.TESTS_DIR, suite)
    pairs = [
        (name, number)
        for name, number in validate.parse_function_descriptions(
            str(FOLDER / f"template_{suite}.yaml")
        )
        # The handlers may be newer than the requirements.
        if number in files
    ]
    began = time.monotonic()
    with conforming(suite) as (invoker, clients), tempfile.TemporaryDirectory() as scratch:

        def check(pair: tuple[str, str]) -> Any:
            name, number = pair
            return validate.validate_description(
                name, number, files[number], invoker, scratch, REGION, clients, str(tmp_path)
            )

        with ThreadPoolExecutor(4) as threads:
            results = list(threads.map(check, pairs))
    failed = {each.description_id: each.errors for each in results if not each.passed}
    met = len(results) - len(failed)
    with capsys.disabled():
        print(f"\n{suite}: {met}/{len(results)} in {time.monotonic() - began:.0f} s", failed or "")
    assert failed.keys() <= KNOWN.keys()
