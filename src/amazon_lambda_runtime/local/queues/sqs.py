"""One SQS queue, on AWS or elsewhere.

boto3 blocks, so each call runs in a thread; a call that has begun runs to its end.
"""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self
from urllib.parse import urlsplit

from amazon_lambda_runtime.local.closing import Closing
from amazon_lambda_runtime.local.services.client import ServiceError, make, told, wake
from amazon_lambda_runtime.project.aws_limits import SQS_BATCH

#: A message as SQS returns it: MessageId, ReceiptHandle, Body and so on.
Message = Mapping[str, Any]

_AWS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")
_REGION = "us-east-1"
# One receives, the others delete and change visibility.
_THREADS = 8


class QueueError(ServiceError):
    """Raised when a queue cannot be used; the message says what was attempted and the reason."""


class Queue(Closing):
    """A queue that exists, with its attributes at the time when it was opened."""

    def __init__(
        self, client: Any, url: str, attributes: Mapping[str, str], wakes: bool = False
    ) -> None:
        self.url = url
        #: Whether the server ends long polls when it is asked to: one that is embedded.
        self.wakes = wakes
        self.arn = attributes["QueueArn"]
        self.region = self.arn.split(":")[3]
        self.name = self.arn.split(":")[5]
        self.is_fifo = self.name.endswith(".fifo")
        #: The visibility timeout, in seconds.
        self.visibility = int(attributes["VisibilityTimeout"])
        self._client = client
        self._threads = ThreadPoolExecutor(_THREADS, f"sqs-{self.name}")

    @classmethod
    async def open(cls, queue: str, endpoint: str | None = None, wakes: bool = False) -> Self:
        """Open the queue of this URL or name. Raises QueueError if it cannot be read."""

        def find(client: Any) -> str:
            url: str = queue
            if "://" not in queue:
                url = client.get_queue_url(QueueName=queue)["QueueUrl"]
            return url

        return await cls._open(find, queue, endpoint or _endpoint(queue), wakes)

    @classmethod
    async def create(cls, name: str, endpoint: str, attributes: Mapping[str, str]) -> Self:
        """Create the queue in the embedded services and open it. Raises QueueError."""

        def make(client: Any) -> str:
            url: str = client.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
            return url

        return await cls._open(make, name, endpoint, wakes=True)

    @classmethod
    async def _open(
        cls, find: Callable[[Any], str], queue: str, endpoint: str | None, wakes: bool
    ) -> Self:
        def open_it() -> Any:
            with told(f"cannot open the queue {queue}", QueueError):
                client = make("sqs", _region(queue), endpoint, max_pool_connections=_THREADS)
                url = find(client)
                reply = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
                return cls(client, url, reply["Attributes"], wakes)

        return await asyncio.to_thread(open_it)

    async def close(self) -> None:
        """Wait for the calls in flight."""
        await asyncio.to_thread(self._threads.shutdown)
        self._client.close()

    async def receive(self, limit: int, wait: int) -> list[Message]:
        """Return up to `limit` messages, waiting up to `wait` seconds for the first."""
        reply = await self._call(
            "receive_message",
            MaxNumberOfMessages=min(limit, SQS_BATCH),
            WaitTimeSeconds=wait,
            # The older of its two names, which emulators know, too.
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        messages: list[Message] = reply.get("Messages", [])
        return messages

    async def set_attributes(self, attributes: Mapping[str, str]) -> None:
        """Change attributes of the queue. Raises QueueError if SQS refuses them."""
        await self._call("set_queue_attributes", Attributes=attributes)

    async def wake(self) -> None:
        """End the long polls that are waiting, if the server does that."""
        if self.wakes:
            url = urlsplit(self.url)
            await asyncio.to_thread(wake, f"{url.scheme}://{url.netloc}", self.name)

    async def delete(self, messages: Sequence[Message]) -> list[Message]:
        """Delete messages; return those that SQS did not delete."""
        return await self._each("delete_message_batch", messages, {})

    async def hide(self, messages: Sequence[Message], seconds: int) -> list[Message]:
        """Change the visibility timeout of messages (0: they can be received at once).

        Returns those for which SQS did not do it: they are visible again, or deleted.
        """
        return await self._each(
            "change_message_visibility_batch", messages, {"VisibilityTimeout": seconds}
        )

    async def send(self, body: str, attributes: Mapping[str, str] | None = None) -> None:
        """Send a message, with attributes that are text. Raises QueueError if it is not taken."""
        more: dict[str, Any] = {"MessageGroupId": "lambda"} if self.is_fifo else {}
        if attributes:
            more["MessageAttributes"] = {
                name: {"DataType": "String", "StringValue": value}
                for name, value in attributes.items()
                if value  # SQS takes no empty one
            }
        await self._call("send_message", MessageBody=body, **more)

    async def depth(self) -> tuple[int, int]:
        """Return how many messages are visible or delayed, and how many are being processed."""
        names = [f"ApproximateNumberOfMessages{each}" for each in ("", "NotVisible", "Delayed")]
        found = (await self._call("get_queue_attributes", AttributeNames=names))["Attributes"]
        visible, in_flight, delayed = (int(found[name]) for name in names)
        return visible + delayed, in_flight

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
            with told(f"cannot {operation.replace('_', ' ')} at {self.name}", QueueError):
                reply: dict[str, Any] = getattr(self._client, operation)(
                    QueueUrl=self.url, **parameters
                )
                return reply

        return await asyncio.get_running_loop().run_in_executor(self._threads, call)


def endpoint_of_environment() -> str | None:
    """Return the endpoint that AWS_ENDPOINT_URL_SQS or AWS_ENDPOINT_URL names, None if unset."""
    return os.environ.get("AWS_ENDPOINT_URL_SQS") or os.environ.get("AWS_ENDPOINT_URL") or None


def _endpoint(queue: str) -> str | None:
    """Return the endpoint of a queue, None for AWS itself."""
    if endpoint := endpoint_of_environment():
        return endpoint
    url = urlsplit(queue)
    if not url.scheme or (url.hostname or "").endswith(_AWS):
        return None
    return f"{url.scheme}://{url.netloc}"


def _region(queue: str) -> str:
    """Return the region that the URL names, or else the one of the environment."""
    host = (urlsplit(queue).hostname or "").split(".")
    if host[0] == "sqs" and len(host) > 2:
        return host[1]
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or _REGION
