"""The queues of this process, as AWS's own clients see them."""

import asyncio
import json
import shlex
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from amazon_lambda_runtime.local.engine.async_invocations import AsyncInvocations
from amazon_lambda_runtime.local.engine.invocation import Answer
from amazon_lambda_runtime.local.queues import Queue, QueueSettings
from tests.local.support import Recorder, exchange, parse, run
from tests.local.threaded_services import ThreadedServices

from .support import attached_queues

BIN = Path(sys.executable).parent


@pytest.fixture
def server() -> Iterator[ThreadedServices]:
    server = ThreadedServices.start()
    yield server
    server.close()


def client(service: str, endpoint: str) -> Any:
    session = boto3.session.Session(
        aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1"
    )
    return session.client(service, endpoint_url=endpoint)  # type: ignore[call-overload]


class Receiver(list[dict[str, Any]]):
    """Succeeds, and keeps the records."""

    def __init__(self) -> None:
        super().__init__()
        self.called = asyncio.Event()

    async def __call__(self, event: bytes) -> Answer:
        self += json.loads(event)["Records"]
        self.called.set()
        return Answer(b"null")


@pytest.mark.slow
@pytest.mark.skipif(
    not (BIN / "aws").exists() and shutil.which("aws", path="/usr/bin:/bin") is None,
    reason="the AWS CLI is not installed",
)
def test_aws_cli() -> None:
    """The command that is printed sends a message to the function, as it stands."""

    async def test() -> None:
        function = Receiver()
        async with attached_queues(1) as queues:
            for name in ("from-cli", "from-cli.fifo"):
                function.called.clear()
                [queue] = await queues.poll(
                    [QueueSettings(name)], function, concurrency=1, log=Recorder()
                )
                line = queues.send_line(queue).replace("'{}'", shlex.quote('{"é": 1}'))
                assert line.startswith("AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test aws ")
                environment = {"PATH": f"{BIN}:/usr/bin:/bin", "LANG": "C.UTF-8"}
                process = await asyncio.create_subprocess_shell(
                    line, env=environment, stdout=asyncio.subprocess.PIPE
                )
                out, _ = await process.communicate()
                await function.called.wait()
                assert function[-1]["messageId"] == json.loads(out)["MessageId"]
                assert function[-1]["body"] == '{"é": 1}'
        assert function[1]["attributes"]["MessageGroupId"] == "1"
        assert "MessageGroupId" not in function[0]["attributes"]

    # The AWS CLI takes seconds to start on a busy machine, and it is started twice.
    run(test(), 300)


def test_message_attributes() -> None:
    """Attributes come through with their types and their checksum."""

    async def test() -> None:
        function = Receiver()
        async with attached_queues(1) as queues:
            [queue] = await queues.poll(
                [QueueSettings("attributes")], function, concurrency=1, log=Recorder()
            )
            await queue._call(
                "send_message",
                MessageBody="b",
                MessageAttributes={
                    "n": {"DataType": "Number", "StringValue": "1"},
                    "b": {"DataType": "Binary", "BinaryValue": b"\xff"},
                },
            )
            await function.called.wait()
        attributes = function[0]["messageAttributes"]
        assert attributes["n"]["stringValue"] == "1"
        assert attributes["n"]["dataType"] == "Number"
        assert attributes["b"]["binaryValue"] == "/w=="
        assert len(function[0]["md5OfMessageAttributes"]) == 32
        assert set(function[0]["attributes"]) == {
            "ApproximateFirstReceiveTimestamp",
            "ApproximateReceiveCount",
            "SenderId",
            "SentTimestamp",
        }

    run(test())


def test_sns_and_s3() -> None:
    """What a topic and a bucket send to the queue reaches the function."""

    async def test() -> None:
        function = Receiver()
        async with attached_queues(1) as queues:
            [queue] = await queues.poll(
                [QueueSettings("inbox")], function, concurrency=1, log=Recorder()
            )
            endpoint = queue.url.rpartition("/")[0].rpartition("/")[0]

            def publish() -> None:
                sns = client("sns", endpoint)
                topic = sns.create_topic(Name="news")["TopicArn"]
                sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn)
                sns.publish(TopicArn=topic, Message="extra, extra")

            await asyncio.to_thread(publish)
            await function.called.wait()
            assert json.loads(function[0]["body"])["Message"] == "extra, extra"
            function.clear()

            def put() -> None:
                s3 = client("s3", endpoint)
                s3.create_bucket(Bucket="uploads")
                s3.put_bucket_notification_configuration(
                    Bucket="uploads",
                    NotificationConfiguration={
                        "QueueConfigurations": [
                            {"QueueArn": queue.arn, "Events": ["s3:ObjectCreated:*"]}
                        ]
                    },
                )
                s3.put_object(Bucket="uploads", Key="a key", Body=b"x" * 100_000)

            await asyncio.to_thread(put)
            while len(function) < 2:
                function.called.clear()
                await function.called.wait()
            bodies = [json.loads(record["body"]) for record in function]
            assert bodies[0]["Event"] == "s3:TestEvent"
            [record] = bodies[1]["Records"]
            assert record["s3"]["object"]["key"] == "a+key"
            assert record["s3"]["object"]["size"] == 100_000

    run(test())


def test_on_failure() -> None:
    """The record of an asynchronous invocation that failed is in the destination queue."""

    async def test() -> None:
        async def fail(event: bytes, *, request_id: str) -> Answer:
            return Answer(b'{"errorType":"E"}', failed=True)

        async with attached_queues(1) as queues:
            dead = await queues.open(QueueSettings("failed-events"))
            async with AsyncInvocations(
                fail,
                function_arn="arn:f",
                log=Recorder(),
                clock_scale=0.0001,
                on_failure=dead.send,
            ) as events:
                events.accept(b'{"n": 1}', "id-1")
                while not (messages := await dead.receive(1, 1)):
                    pass
        record = json.loads(messages[0]["Body"])
        assert record["requestContext"]["requestId"] == "id-1"
        assert record["requestPayload"] == {"n": 1}

    run(test())


def test_queue_of_another() -> None:
    """A dead-letter queue that another queue has made can be opened, and polled, by its name."""

    async def test() -> None:
        async with attached_queues(1) as queues:
            await queues.open(QueueSettings("main", dlq="main-dead", visibility=5))
            dead = await queues.open(QueueSettings("main-dead"))
            assert dead.visibility == 5

    run(test())


async def made(server: ThreadedServices, name: str) -> Queue:
    """Return a queue that is made in the server."""
    return await Queue.create(name, server.endpoint, {"VisibilityTimeout": "5"})


def test_long_poll(server: ThreadedServices) -> None:
    """A long poll returns as soon as a message arrives, holds up no other request, and expires."""

    async def test() -> None:
        queue = await made(server, "long")
        begun = time.monotonic()
        assert await queue.receive(1, 1) == []
        assert 1 <= time.monotonic() - begun < 8
        waiting = asyncio.create_task(queue.receive(1, 10))
        await asyncio.sleep(0.3)
        begun = time.monotonic()
        await queue.send("a")
        [message] = await waiting
        assert message["Body"] == "a"
        assert time.monotonic() - begun < 8
        # A poll is ended when it is asked to, at this queue alone.
        other = await made(server, "other")
        waiting = asyncio.create_task(queue.receive(1, 10))
        longer = asyncio.create_task(other.receive(1, 20))
        await asyncio.sleep(0.3)
        begun = time.monotonic()
        await queue.wake()
        assert await waiting == []
        assert time.monotonic() - begun < 8
        assert not longer.done()
        await other.wake()
        assert await longer == []
        await other.close()
        await queue.close()

    run(test())


def test_deleting_twice(server: ThreadedServices) -> None:
    """It does no harm; a receipt that never was is refused."""

    async def test() -> None:
        queue = await made(server, "twice")
        await send_and_delete(queue)
        assert await queue.delete([{"ReceiptHandle": "never"}]) == [{"ReceiptHandle": "never"}]
        await queue.close()

    async def send_and_delete(queue: Queue) -> None:
        await queue.send("a")
        messages = await queue.receive(1, 1)
        assert await queue.delete(messages) == []
        assert await queue.delete(messages) == []

    run(test())


SCOPE = "Credential=test/20260101/us-east-1/sqs/aws4_request"
SIGNED = {"Authorization": f"AWS4-HMAC-SHA256 {SCOPE}, SignedHeaders=host, Signature=0"}


def post(server: ThreadedServices, body: bytes, **headers: str) -> Any:
    port = int(server.endpoint.rpartition(":")[2])
    fields = {"Host": f"127.0.0.1:{port}", "Content-Length": str(len(body)), **headers}
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    return parse(run(exchange(port, f"POST / HTTP/1.1\r\n{head}\r\n".encode() + body)))


def test_older_protocol(server: ThreadedServices) -> None:
    """Clients that know only SQS's query protocol wait in the same way."""
    run(made(server, "query"))
    url = f"{server.endpoint}/123456789012/query"
    form = {**SIGNED, "Content_Type": "application/x-www-form-urlencoded"}
    query = f"Action=ReceiveMessage&Version=2012-11-05&WaitTimeSeconds=1&QueueUrl={url}"
    begun = time.monotonic()
    assert post(server, query.encode(), **form).status == 200
    assert time.monotonic() - begun >= 1
    sent = f"Action=SendMessage&Version=2012-11-05&MessageBody=hi&QueueUrl={url}"
    assert post(server, sent.encode(), **form).status == 200
    assert b"<Body>hi</Body>" in post(server, query.encode(), **form).body
    refused = query.replace("Seconds=1", "Seconds=21")
    assert post(server, refused.encode(), **form).status == 400


def test_web_page_elsewhere(server: ThreadedServices) -> None:
    """A page in the browser cannot send messages, though moto would let it."""
    assert post(server, b"", Origin="https://elsewhere.example").status == 403
    assert post(server, b"", Host="elsewhere.example").status == 403


def test_other_services(server: ThreadedServices) -> None:
    """Other services are refused, with the names of those that there are."""
    with pytest.raises(Exception, match=r"This server has only dynamodb, .*, sqs"):
        client("iam", server.endpoint).list_users()
    with pytest.raises(Exception, match="has not been implemented"):
        client("sns", server.endpoint).list_origination_numbers()


def test_requests_that_are_none(server: ThreadedServices) -> None:
    """A bad request is answered, and the next one served."""
    for body in (b"[]", b"{", b'{"WaitTimeSeconds": "soon"}', b'{"WaitTimeSeconds": 100}'):
        reply = post(server, body, X_Amz_Target="AmazonSQS.ReceiveMessage", **SIGNED)
        assert reply.status >= 400
    run(made(server, "still-there"))
