"""A bucket that sends to a queue or a topic, which has to allow it in its policy.

Each such bucket has one statement of ours there, whose Sid ends in the bucket's name. These
statements are also the record of the notifications that a deployment has set up.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from amazon_lambda_runtime.deploy.plan import Step
from amazon_lambda_runtime.deploy.policy.statement import VERSION, Policy, drop, put
from amazon_lambda_runtime.deploy.site import Site

_SID = "lambda-runtime-s3-"


@dataclass(frozen=True, slots=True)
class Destination:
    """Queues, or topics: how the policy of one is read and written."""

    #: "queue" or "topic".
    noun: str
    service: str
    action: str
    #: The part of a plan that a change of its policy belongs to.
    part: str
    read: Callable[[Site, str], dict[str, Any]]
    write: Callable[[Site, str, Policy], None]

    def policy(self, site: Site, name: str) -> Policy:
        """Return the policy of the one of this name; without statements if there is none."""
        return {"Version": VERSION, "Statement": [], **self.read(site, name)}


def allow(site: Site, destination: Destination, name: str, bucket: str) -> Iterator[Step]:
    """Yield what allows a bucket to send there, unless it is allowed."""
    wanted = statement(site, destination, name, bucket)
    if wanted in destination.policy(site, name)["Statement"]:
        return

    def run() -> None:
        destination.write(site, name, put(destination.policy(site, name), wanted))

    what = f"policy of {destination.noun} {name}"
    yield Step("update", destination.part, what, f"bucket {bucket} may not send to it", run)


def disallow(site: Site, destination: Destination, name: str, bucket: str) -> Step:
    """Return what takes the permission to send there from a bucket."""

    def run() -> None:
        policy = drop(destination.policy(site, name), f"{_SID}{bucket}")
        destination.write(site, name, policy)

    what = f"statement of {destination.noun} {name}"
    return Step("delete", "trigger", what, f"bucket {bucket} no longer sends to it", run)


def senders(site: Site, destination: Destination, name: str) -> list[str]:
    """Return the buckets that statements of ours allow to send there."""
    statements = destination.policy(site, name)["Statement"]
    sids = [str(statement.get("Sid", "")) for statement in statements]
    return [sid.removeprefix(_SID) for sid in sids if sid.startswith(_SID)]


def foreign(policy: Policy) -> list[str]:
    """Return what a policy's statements allow that others wrote; SNS writes a default one."""
    sids = [str(statement.get("Sid", "")) for statement in policy["Statement"]]
    others = [s for s in sids if not s.startswith(_SID) and s != "__default_statement_ID"]
    return [f"statement {sid!r} of its policy" for sid in others]


def statement(site: Site, destination: Destination, name: str, bucket: str) -> dict[str, Any]:
    """Return the statement that allows a bucket of this account to send there."""
    return {
        "Sid": f"{_SID}{bucket}",
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": destination.action,
        "Resource": site.aws.arn(destination.service, name),
        "Condition": {
            "ArnLike": {"aws:SourceArn": f"arn:{site.aws.partition}:s3:::{bucket}"},
            "StringEquals": {"aws:SourceAccount": site.aws.account},
        },
    }
