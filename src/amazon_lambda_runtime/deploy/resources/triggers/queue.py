"""Queues: the one that Lambda polls, and the one for what failed too often."""

import json
from collections.abc import Iterator
from typing import Any

from amazon_lambda_runtime.deploy.plan import Note, Step, differences
from amazon_lambda_runtime.deploy.site import Site
from amazon_lambda_runtime.project.declaration import Function
from amazon_lambda_runtime.project.triggers import S3Trigger, SqsTrigger

#: The longest that SQS keeps a message, for what somebody has to look at first.
_DLQ_RETENTION = 1_209_600
#: Of the statement that lets a bucket send to a queue.
SID = "lambda-runtime-s3-"


def plan(site: Site, function: Function, trigger: SqsTrigger) -> Iterator[Step | Note]:
    """Yield what makes both queues. One that is there and not ours is used as it is."""
    dlq = {"MessageRetentionPeriod": str(_DLQ_RETENTION)}
    yield from _queue(site, trigger.dead_letter_queue, dlq)
    visibility = trigger.visibility or min(43_200, 6 * function.timeout + trigger.window)
    redrive = {
        "deadLetterTargetArn": site.aws.arn("sqs", trigger.dead_letter_queue),
        "maxReceiveCount": trigger.max_receive_count,
    }
    wanted = {
        "VisibilityTimeout": str(visibility),
        "MessageRetentionPeriod": str(trigger.retention),
        "RedrivePolicy": json.dumps(redrive),
    }
    live = attributes(site, trigger.queue)
    short = live is not None and int(live["VisibilityTimeout"]) < 6 * function.timeout
    if short and not site.ours(_tags(site, trigger.queue)):
        yield Note(
            f"queue {trigger.queue} is not this project's, and its visibility timeout is less "
            "than six times the function's timeout: messages may be delivered twice"
        )
    yield from _queue(site, trigger.queue, wanted)
    yield from _policy(site, function, trigger, live)


def url(site: Site, name: str) -> str | None:
    """Return the queue's URL, None if there is no such queue."""
    found = site.aws.find("sqs", "get_queue_url", QueueName=name)
    return None if found is None else str(found["QueueUrl"])


def attributes(site: Site, name: str) -> dict[str, str] | None:
    """Return all attributes of a queue, None if there is no such queue."""
    where = url(site, name)
    if where is None:
        return None
    found = site.aws.find("sqs", "get_queue_attributes", QueueUrl=where, AttributeNames=["All"])
    return None if found is None else dict(found.get("Attributes") or {})


def buckets(site: Site, name: str) -> list[str]:
    """Return the buckets that we let send to a queue."""
    policy = json.loads((attributes(site, name) or {}).get("Policy") or "{}")
    sids = [str(statement.get("Sid", "")) for statement in policy.get("Statement", ())]
    return [sid.removeprefix(SID) for sid in sids if sid.startswith(SID)]


def disallow(site: Site, name: str, bucket: str) -> Step:
    """Return what takes a bucket's leave to send to a queue."""

    def run() -> None:
        policy = json.loads((attributes(site, name) or {}).get("Policy") or "{}")
        left = [s for s in policy.get("Statement", ()) if s.get("Sid") != f"{SID}{bucket}"]
        text = json.dumps({**policy, "Statement": left}) if left else ""
        _set(site, name, {"Policy": text})

    why = f"bucket {bucket} need not send to it"
    return Step("delete", "trigger", f"statement of queue {name}", why, run)


def statement(site: Site, queue: str, bucket: str) -> dict[str, Any]:
    """Return the statement by which a bucket may send to a queue."""
    return {
        "Sid": f"{SID}{bucket}",
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": site.aws.arn("sqs", queue),
        "Condition": {
            "ArnLike": {"aws:SourceArn": f"arn:{site.aws.partition}:s3:::{bucket}"},
            "StringEquals": {"aws:SourceAccount": site.aws.account},
        },
    }


def _queue(site: Site, name: str, wanted: dict[str, str]) -> Iterator[Step]:
    live = attributes(site, name)
    if live is None:
        fifo = {"FifoQueue": "true"} if name.endswith(".fifo") else {}
        yield Step(
            "create", "queue", f"queue {name}", "there is none",
            # Asked for again with the same attributes, it is the same queue.
            lambda: site.aws.call(
                "sqs", "create_queue",
                QueueName=name, Attributes={**wanted, **fifo}, tags=site.tags,
            ),
        )  # fmt: skip
        return
    pairs = [(key, _plain(live.get(key)), _plain(value)) for key, value in wanted.items()]
    if (changes := list(differences(pairs))) and site.ours(_tags(site, name)):
        yield Step(
            "update", "queue", f"queue {name}", "; ".join(changes),
            lambda: _set(site, name, wanted),
        )  # fmt: skip


def _policy(
    site: Site, function: Function, trigger: SqsTrigger, live: dict[str, str] | None
) -> Iterator[Step]:
    buckets = [
        other.bucket
        for other in function.triggers
        if isinstance(other, S3Trigger) and other.via == "sqs" and other.queue == trigger.queue
    ]
    policy = json.loads((live or {}).get("Policy") or '{"Version": "2012-10-17", "Statement": []}')
    for bucket in dict.fromkeys(buckets):
        wanted = statement(site, trigger.queue, bucket)
        if wanted in policy["Statement"]:
            continue

        def allow(wanted: dict[str, Any] = wanted) -> None:
            text = (attributes(site, trigger.queue) or {}).get("Policy")
            now = json.loads(text or '{"Version": "2012-10-17", "Statement": []}')
            others = [s for s in now["Statement"] if s.get("Sid") != wanted["Sid"]]
            now["Statement"] = [*others, wanted]
            _set(site, trigger.queue, {"Policy": json.dumps(now)})

        yield Step(
            "update", "queue", f"policy of queue {trigger.queue}",
            f"bucket {bucket} may not send to it", allow,
        )  # fmt: skip


def _set(site: Site, name: str, wanted: dict[str, str]) -> None:
    site.aws.call("sqs", "set_queue_attributes", QueueUrl=url(site, name), Attributes=wanted)


def _tags(site: Site, name: str) -> dict[str, str]:
    found = site.aws.find("sqs", "list_queue_tags", QueueUrl=url(site, name))
    return dict((found or {}).get("Tags") or {})


def _plain(value: str | None) -> object:
    """Return a value to compare: AWS writes the JSON of a redrive policy in its own way."""
    if value is None or not value.startswith("{"):
        return value
    document = json.loads(value)
    return ", ".join(f"{key} {document[key]}" for key in sorted(document))
