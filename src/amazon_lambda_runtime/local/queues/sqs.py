"""One SQS queue, wherever it is. The only file here that knows boto3.

boto3 blocks, so each call has a thread while it lasts; a call that has begun runs to its end.
"""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self
from urllib.parse import urlsplit

from amazon_lambda_runtime.local.closing import Closing
from amazon_lambda_runtime.project.aws_limits import SQS_BATCH

#: A message as SQS gives it: MessageId, ReceiptHandle, Body and so on.
Message = Mapping[str, Any]

_AWS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")
_REGION = "us-east-1"
# In seconds.
_CONNECT = 5
_ANSWER = 30
# One receives, the others delete.
_THREADS = 8


class QueueError(Exception):
    """Raised when a queue cannot be used; the message says what was attempted and what came."""


class Queue(Closing):
    """A queue that is there, and what it says of itself when it is opened."""

    def __init__(self, client: Any, url: str, attributes: Mapping[str, str]) -> None:
        self.url = url
        self.arn = attributes["QueueArn"]
        self.region = self.arn.split(":")[3]
        self.name = self.arn.split(":")[5]
        self.is_fifo = self.name.endswith(".fifo")
        #: In seconds: how long a message that was received is kept from others.
        self.visibility = int(attributes["VisibilityTimeout"])
        self._client = client
        self._threads = ThreadPoolExecutor(_THREADS, f"sqs-{self.name}")

    @classmethod
    async def open(cls, queue: str, endpoint: str | None = None) -> Self:
        """Open the queue of this URL or name. Raises QueueError if it cannot be read."""

        def find(client: Any) -> str:
            url: str = queue
            if "://" not in queue:
                url = client.get_queue_url(QueueName=queue)["QueueUrl"]
            return url

        return await cls._open(find, queue, endpoint or _endpoint(queue))

    @classmethod
    async def create(cls, name: str, endpoint: str, attributes: Mapping[str, str]) -> Self:
        """Make the queue at this endpoint and open it. Raises QueueError if that fails."""

        def make(client: Any) -> str:
            url: str = client.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
            return url

        return await cls._open(make, name, endpoint)

    @classmethod
    async def _open(cls, find: Callable[[Any], str], queue: str, endpoint: str | None) -> Self:
        def open_it() -> Any:
            client = _client(queue, endpoint)
            url = find(client)
            reply = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
            return cls(client, url, reply["Attributes"])

        opened: Self = await asyncio.to_thread(_told, f"cannot open the queue {queue}", open_it)
        return opened

    async def close(self) -> None:
        """Wait for the calls that run."""
        await asyncio.to_thread(self._threads.shutdown)
        self._client.close()

    async def receive(self, limit: int, wait: int) -> list[Message]:
        """Return up to `limit` messages, waiting up to `wait` seconds for the first."""
        reply = await self._call(
            "receive_message",
            MaxNumberOfMessages=min(limit, SQS_BATCH),
            WaitTimeSeconds=wait,
            # The older of its two names: emulators know it too.
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        messages: list[Message] = reply.get("Messages", [])
        return messages

    async def delete(self, messages: Sequence[Message]) -> list[Message]:
        """Delete messages, and return those that SQS would not delete."""
        return await self._each("delete_message_batch", messages, {})

    async def hide(self, messages: Sequence[Message], seconds: int) -> list[Message]:
        """Keep messages from others for so long from now (0: they can be received at once).

        Returns those for which SQS would not do it: they have come back, or are deleted.
        """
        return await self._each(
            "change_message_visibility_batch", messages, {"VisibilityTimeout": seconds}
        )

    async def send(self, body: str) -> None:
        """Send a message. Raises QueueError if SQS does not take it."""
        fifo = {"MessageGroupId": "lambda"} if self.is_fifo else {}
        await self._call("send_message", MessageBody=body, **fifo)

    async def _each(
        self, operation: str, messages: Sequence[Message], settings: Mapping[str, Any]
    ) -> list[Message]:
        refused = []
        for start in range(0, len(messages), SQS_BATCH):
            some = messages[start : start + SQS_BATCH]
            entries = [
                {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"], **settings}
                for number, message in enumerate(some)
            ]
            reply = await self._call(operation, Entries=entries)
            refused += [some[int(entry["Id"])] for entry in reply.get("Failed", [])]
        return refused

    async def _call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        def call() -> dict[str, Any]:
            reply: dict[str, Any] = getattr(self._client, operation)(
                QueueUrl=self.url, **parameters
            )
            return reply

        attempted = f"cannot {operation.replace('_', ' ')} at {self.name}"
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, _told, attempted, call)


def _client(queue: str, endpoint: str | None) -> Any:
    try:
        import boto3
        from botocore.config import Config
    except ModuleNotFoundError:
        raise QueueError('queues need boto3: pip install "amazon-lambda-runtime[tools]"') from None
    settings: dict[str, Any] = {"region_name": _region(queue)}
    config: dict[str, Any] = {}
    if endpoint is not None:
        settings["endpoint_url"] = endpoint
        # What is on this machine is not behind a proxy.
        config["proxies"] = {}
        if not {"AWS_ACCESS_KEY_ID", "AWS_PROFILE"} & set(os.environ):
            # An emulator takes any, and to look for real ones can take seconds.
            settings |= {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    # A session of its own: the default one is not made for threads.
    return boto3.session.Session().client(
        "sqs",
        config=Config(
            connect_timeout=_CONNECT,
            read_timeout=_ANSWER,
            max_pool_connections=_THREADS,
            retries={"mode": "standard", "total_max_attempts": 3},
            **config,
        ),
        **settings,
    )


def _told(attempted: str, call: Callable[[], Any]) -> Any:
    """Return what the call returns; what boto3 raises becomes a QueueError."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return call()
    except (BotoCoreError, ClientError) as error:
        raise QueueError(f"{attempted}: {error}") from error


def endpoint_of_environment() -> str | None:
    """Return where the environment says that SQS is, None if it does not."""
    return os.environ.get("AWS_ENDPOINT_URL_SQS") or os.environ.get("AWS_ENDPOINT_URL") or None


def _endpoint(queue: str) -> str | None:
    """Return where to talk to, None for AWS itself."""
    if endpoint := endpoint_of_environment():
        return endpoint
    url = urlsplit(queue)
    if not url.scheme or (url.hostname or "").endswith(_AWS):
        return None
    return f"{url.scheme}://{url.netloc}"


def _region(queue: str) -> str:
    """Return the region that the URL names, or else the environment."""
    host = (urlsplit(queue).hostname or "").split(".")
    if host[0] == "sqs" and len(host) > 2:
        return host[1]
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or _REGION
