"""boto3 is the judge of the Invoke API."""

import base64
import json
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from amazon_lambda_runtime.local.queues import QueueSettings
from tests.local.serving import Served, python_function, served

SOURCE = """
import time
import uuid
from pathlib import Path


def handler(event, context):
    print("working")
    match event:
        case {"fail": message}:
            raise ValueError(message)
        case {"hold": file}:
            await_file(file)
        case {"much": file}:
            return much(file)
        case {"stream": pieces}:
            return stream(pieces, event.get("wait"), event.get("break"))
        case {"context": _}:
            return {
                "arn": context.invoked_function_arn,
                "custom": context.client_context and context.client_context.custom,
                "tenant": context.tenant_id,
                "id": context.aws_request_id,
                "trace": context.trace_id,
                "left": context.get_remaining_time_in_millis(),
            }
    return event


def much(file):
    try:
        for _ in range(300):
            yield b"x" * 100_000
    finally:
        Path(file).touch()


def await_file(file):
    deadline = time.monotonic() + 20
    while not Path(file).exists():
        if time.monotonic() > deadline:
            raise TimeoutError(file)
        time.sleep(0.005)


def stream(pieces, wait, broken):
    for number, piece in enumerate(pieces):
        if number and wait:
            await_file(wait)
        yield piece
    if broken:
        raise RuntimeError(broken)
"""


@pytest.fixture(scope="module")
def hello(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    function = python_function(
        tmp_path_factory.mktemp("boto3"), SOURCE, concurrency=2, aliases=("live",)
    )
    with served(function) as here:
        yield here


@pytest.fixture(scope="module")
def client(hello: Served) -> Any:
    return connect(hello)


def connect(here: Served) -> Any:
    return boto3.client(
        "lambda",
        endpoint_url=here.endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}, max_pool_connections=50),
    )


def test_invoke(client: Any) -> None:
    """
    The payload comes back, with the version and an id.
    """
    answer = client.invoke(FunctionName="hello", Payload=b'{"a": "\xc3\xbc"}')

    assert answer["StatusCode"] == 200
    assert answer["ExecutedVersion"] == "$LATEST"
    assert "FunctionError" not in answer
    assert json.loads(answer["Payload"].read()) == {"a": "ü"}
    assert len(answer["ResponseMetadata"]["RequestId"]) == 36


def test_function_error_and_tail(client: Any) -> None:
    """
    An error of the function is a FunctionError with its document; the tail has the whole log.
    """
    answer = client.invoke(FunctionName="hello", LogType="Tail", Payload=b'{"fail": "as asked"}')

    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    document = json.loads(answer["Payload"].read())
    assert (document["errorType"], document["errorMessage"]) == ("ValueError", "as asked")
    log = base64.b64decode(answer["LogResult"]).decode()
    assert log.startswith(f"START RequestId: {answer['ResponseMetadata']['RequestId']} ")
    assert "working" in log
    assert "as asked" in log
    assert "\nREPORT RequestId: " in log


def test_context(client: Any) -> None:
    """
    Qualifier, client context, tenant and trace reach the function.
    """
    custom = base64.b64encode(b'{"custom": {"n": 1}}').decode()
    answer = client.invoke(
        FunctionName="hello",
        Qualifier="live",
        ClientContext=custom,
        TenantId="tenant-1",
        Payload=b'{"context": 1}',
    )

    told = json.loads(answer["Payload"].read())
    assert told["arn"] == "arn:aws:lambda:us-east-1:012345678912:function:hello:live"
    assert (told["custom"], told["tenant"]) == ({"n": 1}, "tenant-1")
    assert told["id"] == answer["ResponseMetadata"]["RequestId"]
    assert told["trace"].startswith("Root=1-")
    assert 0 < told["left"] <= 30_000


def test_event(client: Any, hello: Served) -> None:
    """
    An Event is accepted at once; a failure is tried twice more and then told in the log.
    """
    answer = client.invoke(
        FunctionName="hello", InvocationType="Event", Payload=b'{"fail": "for good"}'
    )

    assert answer["StatusCode"] == 202
    request_id = answer["ResponseMetadata"]["RequestId"]
    deadline = time.monotonic() + 20
    while sum(line.startswith(f"REPORT RequestId: {request_id}") for line in hello.log) < 3:
        assert time.monotonic() < deadline, hello.log
        time.sleep(0.05)


def test_dry_run(client: Any) -> None:
    """
    A dry run is 204.
    """
    answer = client.invoke(FunctionName="hello", InvocationType="DryRun", Payload=b"{}")
    assert answer["StatusCode"] == 204


def test_exceptions(client: Any) -> None:
    """
    What is refused is the exception that boto3 has for it.
    """
    with pytest.raises(client.exceptions.ResourceNotFoundException, match="Function not found"):
        client.invoke(FunctionName="nope")
    with pytest.raises(client.exceptions.InvalidRequestContentException, match="Could not parse"):
        client.invoke(FunctionName="hello", Payload=b"{")
    with pytest.raises(client.exceptions.RequestTooLargeException):
        client.invoke(FunctionName="hello", Payload=b'"' + b"x" * 6 * 1024 * 1024 + b'"')
    payload = b'"' + b"x" * 1024 * 1024 + b'"'
    with pytest.raises(client.exceptions.RequestTooLargeException):
        client.invoke(FunctionName="hello", InvocationType="Event", Payload=payload)


def test_too_many_requests(client: Any, tmp_path: Path) -> None:
    """
    More at a time than the concurrency is 429, and the others are answered.
    """
    go_on = tmp_path / "go-on"
    payload = json.dumps({"hold": str(go_on)}).encode()
    refused: list[str] = []

    def one(_: int) -> str:
        try:
            answer = client.invoke(FunctionName="hello", Payload=payload)
        except client.exceptions.TooManyRequestsException as error:
            reason: str = error.response["Reason"]
            refused.append(reason)
            if len(refused) == 4:
                go_on.touch()
            return reason
        assert answer["StatusCode"] == 200
        return "served"

    with ThreadPoolExecutor(6) as threads:
        outcomes = list(threads.map(one, range(6)))
    assert sorted(set(outcomes)) == [
        "ReservedFunctionConcurrentInvocationLimitExceeded",
        "served",
    ]
    assert outcomes.count("served") == 2


def test_stream(client: Any, tmp_path: Path) -> None:
    """
    Each piece is there before the next is written, and the end says that all is well.
    """
    go_on = tmp_path / "go-on"
    payload = json.dumps({"stream": ["one", "two"], "wait": str(go_on)}).encode()
    answer = client.invoke_with_response_stream(
        FunctionName="hello", LogType="Tail", Payload=payload
    )

    assert answer["StatusCode"] == 200
    assert answer["ExecutedVersion"] == "$LATEST"
    events = iter(answer["EventStream"])
    assert next(events) == {"PayloadChunk": {"Payload": b"one"}}
    go_on.touch()
    assert next(events) == {"PayloadChunk": {"Payload": b"two"}}
    end = next(events)["InvokeComplete"]
    assert "ErrorCode" not in end
    assert "REPORT RequestId: " in base64.b64decode(end["LogResult"]).decode()
    assert list(events) == []


def test_stream_that_breaks(client: Any) -> None:
    """
    A stream that breaks off ends with the error; what was written before has arrived.
    """
    payload = json.dumps({"stream": ["one"], "break": "half way"}).encode()
    answer = client.invoke_with_response_stream(FunctionName="hello", Payload=payload)

    first, end = answer["EventStream"]
    assert first == {"PayloadChunk": {"Payload": b"one"}}
    told = end["InvokeComplete"]
    # A runtime reports the type as "Function.RuntimeError" in a header; the document has it plain.
    assert told["ErrorCode"] == "RuntimeError"
    assert json.loads(told["ErrorDetails"])["errorMessage"] == "half way"


def test_client_that_leaves_a_stream(client: Any, hello: Served, tmp_path: Path) -> None:
    """
    When a client that reads slowly goes away, the function is held up no more: its generator comes
    to its end, as on Lambda, and its environment takes the next event.
    """
    ended = tmp_path / "ended"
    payload = json.dumps({"much": str(ended)}).encode()
    answer = client.invoke_with_response_stream(FunctionName="hello", Payload=payload)
    events = answer["EventStream"]
    next(iter(events))
    request_id = answer["ResponseMetadata"]["RequestId"]
    assert not ended.exists()
    events.close()
    deadline = time.monotonic() + 20
    while not any(line.startswith(f"REPORT RequestId: {request_id}") for line in hello.log):
        assert time.monotonic() < deadline, hello.log
        time.sleep(0.01)
    assert ended.exists()
    assert client.invoke(FunctionName="hello", Payload=b"{}")["StatusCode"] == 200


def test_stream_of_what_is_not_one(client: Any) -> None:
    """
    A plain result is a stream of one piece, and an early failure one of none.
    """
    answer = client.invoke_with_response_stream(FunctionName="hello", Payload=b'{"a": 1}')
    first, end = answer["EventStream"]
    assert json.loads(first["PayloadChunk"]["Payload"]) == {"a": 1}
    assert end == {"InvokeComplete": {}}

    answer = client.invoke_with_response_stream(FunctionName="hello", Payload=b'{"fail": "no"}')
    (end,) = answer["EventStream"]
    assert end["InvokeComplete"]["ErrorCode"] == "ValueError"


def test_functions(client: Any) -> None:
    """
    GetFunction and ListFunctions tell what there is.
    """
    found = client.get_function(FunctionName="hello")["Configuration"]
    (listed,) = client.list_functions()["Functions"]
    # AWS leaves these out of the list.
    assert {name: found[name] for name in listed} == listed
    assert set(found) - set(listed) == {"State", "LastUpdateStatus"}
    assert (found["MemorySize"], found["Timeout"], found["State"]) == (512, 30, "Active")
    assert "PYTHONPATH" in found["Environment"]["Variables"]
    configuration = client.get_function_configuration(FunctionName="hello")
    del configuration["ResponseMetadata"]
    assert configuration == found
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_function(FunctionName="nope")


@pytest.mark.parametrize(
    "waiter",
    [
        "function_exists",
        "function_active",
        "function_active_v2",
        "function_updated",
        "function_updated_v2",
    ],
)
def test_waiters(client: Any, waiter: str) -> None:
    """
    The waiters of an SDK end at once.
    """
    config = {"Delay": 1, "MaxAttempts": 1}
    client.get_waiter(waiter).wait(FunctionName="hello", WaiterConfig=config)


def test_versions_and_aliases(client: Any) -> None:
    """
    There is one version, $LATEST, under its own ARN, and the aliases are those that were named.
    """
    (version,) = client.list_versions_by_function(FunctionName="hello")["Versions"]
    assert version["Version"] == "$LATEST"
    assert version["FunctionArn"].endswith(":function:hello:$LATEST")
    qualified = client.get_function_configuration(FunctionName="hello", Qualifier="$LATEST")
    assert qualified["FunctionArn"] == version["FunctionArn"]
    alias = client.get_alias(FunctionName="hello", Name="live")
    assert alias["FunctionVersion"] == "$LATEST"
    del alias["ResponseMetadata"]
    assert client.list_aliases(FunctionName="hello")["Aliases"] == [alias]
    for read in (client.list_versions_by_function, client.list_aliases):
        with pytest.raises(client.exceptions.ResourceNotFoundException):
            read(FunctionName="nope")


def test_no_url(client: Any) -> None:
    """
    A function that has no URL has no configuration of one.
    """
    with pytest.raises(client.exceptions.ResourceNotFoundException, match="does not exist"):
        client.get_function_url_config(FunctionName="hello")
    assert client.list_function_url_configs(FunctionName="hello")["FunctionUrlConfigs"] == []
    assert client.list_event_source_mappings(FunctionName="hello")["EventSourceMappings"] == []


@pytest.mark.parametrize("streams", [False, True])
def test_url_configuration(tmp_path: Path, streams: bool) -> None:
    """
    A function's URL is found by the SDK, with its invoke mode.
    """
    with served(python_function(tmp_path, SOURCE), url=True, streams=streams) as here:
        client = connect(here)
        configuration = client.get_function_url_config(FunctionName="hello")
        (listed,) = client.list_function_url_configs(FunctionName="hello")["FunctionUrlConfigs"]
    assert configuration["FunctionUrl"] == here.function_url
    assert configuration["InvokeMode"] == ("RESPONSE_STREAM" if streams else "BUFFERED")
    assert (listed["FunctionUrl"], configuration["AuthType"]) == (here.function_url, "NONE")
    assert configuration["FunctionArn"].endswith(":function:hello")
    for moment in (configuration["CreationTime"], configuration["LastModifiedTime"]):
        assert abs(datetime.fromisoformat(moment).timestamp() - time.time()) < 600


def test_event_source_mappings(tmp_path: Path) -> None:
    """
    A queue that is polled is an event source mapping, and is found by its function and its ARN.
    """
    with served(python_function(tmp_path, SOURCE)) as here:
        settings = QueueSettings("orders", batch_size=3, partial=True)
        here.run(here.service.attach("hello", [settings]))
        client = connect(here)
        (mapping,) = client.list_event_source_mappings()["EventSourceMappings"]
        arn = mapping["EventSourceArn"]
        assert arn.endswith(":orders")
        assert (mapping["BatchSize"], mapping["State"]) == (3, "Enabled")
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert mapping["FunctionArn"].endswith(":function:hello")
        assert mapping["MaximumBatchingWindowInSeconds"] == 0
        assert mapping["StateTransitionReason"] == "USER_INITIATED"
        assert abs(mapping["LastModified"].timestamp() - time.time()) < 600
        assert str(uuid.UUID(mapping["UUID"])) == mapping["UUID"]
        for query, count in (
            ({"FunctionName": "hello", "EventSourceArn": arn}, 1),
            ({"EventSourceArn": f"{arn}-2"}, 0),
        ):
            found = client.list_event_source_mappings(**query)["EventSourceMappings"]
            assert len(found) == count


@pytest.mark.parametrize("document", [b"[1]", b"null", b"3", b"{"])
def test_client_context_that_is_no_object(client: Any, document: bytes) -> None:
    """
    A client context that is no object is refused before the function sees it.
    """
    with pytest.raises(client.exceptions.InvalidRequestContentException, match="Client context"):
        client.invoke(
            FunctionName="hello", Payload=b"{}", ClientContext=base64.b64encode(document).decode()
        )
