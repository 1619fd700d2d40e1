"""An AWS that answers with what a test gives it: no server, and no time passes.

What is asked and not given is not there: a read ends in ResourceNotFoundException, and a change
in an empty reply.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from amazon_lambda_runtime.deploy.aws import Aws, Reply
from amazon_lambda_runtime.deploy.plan import Note, Plan, Step
from amazon_lambda_runtime.deploy.retry import Retry
from amazon_lambda_runtime.deploy.site import Site
from amazon_lambda_runtime.project.declaration import Function, Project
from amazon_lambda_runtime.project.triggers import Trigger

ACCOUNT = "123456789012"
REGION = "eu-central-1"
LIVE = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:orders:live"
READS = ("get_", "list_", "describe_", "batch_get_", "simulate_")
# The folder of `site` is /nowhere.
OURS = {"lambda-runtime:project": "shop", "lambda-runtime:table": "nowhere"}
OUR_TAGS = [{"Key": key, "Value": value} for key, value in OURS.items()]


def refused(code: str, text: str = "", status: int = 400) -> ClientError:
    """Return what boto3 raises for a refusal."""
    reply: Any = {
        "Error": {"Code": code, "Message": text},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(reply, "Operation")


class Canned(Aws):
    """Replies by "service:operation": a reply, an exception, a function, or a list of these."""

    def __init__(self, **replies: Any) -> None:
        self.now = 0.0
        self.retry = Retry(self._sleep, lambda: self.now, lambda: 0.5)
        self._account, self.profile = None, "default"
        self.__dict__ |= {"region": REGION, "account": ACCOUNT, "partition": "aws"}
        self.replies = {name.replace("__", ":"): reply for name, reply in replies.items()}
        self.sent: list[tuple[str, Reply]] = []

    def _sleep(self, seconds: float) -> None:
        self.now += seconds

    def send(self, service: str, operation: str, parameters: Reply) -> Reply:
        name = f"{service}:{operation}"
        self.sent.append((name, dict(parameters)))
        reply = self.replies.get(name)
        if isinstance(reply, list):
            reply = reply.pop(0) if len(reply) > 1 else reply[0]
        if callable(reply):
            reply = reply(**parameters)
        if isinstance(reply, Exception):
            raise reply
        if reply is None:
            if operation.startswith(READS):
                raise refused("ResourceNotFoundException")
            return {}
        return dict(reply)

    @property
    def changes(self) -> list[tuple[str, Reply]]:
        """What was sent to change something."""
        return [call for call in self.sent if not call[0].partition(":")[2].startswith(READS)]


def site(aws: Canned, *triggers: Trigger, digest: str | None = None, **fields: Any) -> Site:
    """Return the project "shop" with one function, "orders"."""
    function = Function("orders", "orders-role", timeout=10, triggers=triggers, **fields)
    project = Project(
        name="shop",
        folder=Path("/nowhere"),
        repository="shop",
        image="shop",
        module="orders.py",
        functions=(function,),
        declared=True,
    )
    return Site(project, aws, digest)


def steps(items: Iterable[Step | Note]) -> list[str]:
    """Return what a plan of these says, in its order."""
    return [str(step) for step in Plan.of(items).steps]


def run(items: Iterable[Step | Note]) -> None:
    for step in Plan.of(items).steps:
        step.run()
