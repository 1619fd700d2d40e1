"""Queues: the one that Lambda polls, and its dead letter queue."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from amazon_lambda_runtime.deploy.errors import AwsError
from amazon_lambda_runtime.deploy.plan import Note, Step, differences
from amazon_lambda_runtime.deploy.policy.statement import (
    Names,
    Policy,
    Statement,
    actions,
    allow,
    has_policy,
    once,
)
from amazon_lambda_runtime.deploy.resources import account, labels
from amazon_lambda_runtime.deploy.resources.foreign import foreign as undeclared
from amazon_lambda_runtime.deploy.resources.foreign import settings
from amazon_lambda_runtime.deploy.resources.store import Store, Tags
from amazon_lambda_runtime.deploy.site import Site
from amazon_lambda_runtime.project.aws_limits import (
    FIFO_SUFFIX,
    MESSAGE_RETENTION,
    VISIBILITY_FACTOR,
    advised_visibility,
)
from amazon_lambda_runtime.project.declaration import Function, Project
from amazon_lambda_runtime.project.triggers import SqsTrigger

from . import mapping
from .kind import Kind
from .sender import Destination, foreign

_MANAGED = ("AWSLambdaSQSQueueExecutionRole",)
# A person has to look at failed messages: they are kept for as long as SQS can.
_DEAD_LETTERS = {"MessageRetentionPeriod": str(MESSAGE_RETENTION[1])}
# What SQS sets where nothing is asked for.
_USUAL = {
    "DelaySeconds": "0",
    "ReceiveMessageWaitTimeSeconds": "0",
    "KmsMasterKeyId": "",
    "RedrivePolicy": "",
    "RedriveAllowPolicy": "",
    "ContentBasedDeduplication": "false",
    "SqsManagedSseEnabled": "true",
}


def url(site: Site, name: str) -> str | None:
    """Return the queue's URL, None if there is no such queue."""
    found = site.aws.find("sqs", "get_queue_url", QueueName=name)
    return None if found is None else str(found["QueueUrl"])


def _plan(site: Site, function: Function, trigger: SqsTrigger) -> Iterator[Step | Note]:
    """Yield what makes both queues and the mapping. A queue that is not ours is used as it is."""
    yield from _plan_queue(site, function, trigger.dead_letter_queue, _DEAD_LETTERS)
    live = _attributes(site, trigger.queue)
    short = live and int(live["VisibilityTimeout"]) < VISIBILITY_FACTOR * function.timeout
    if short and not site.ours(_tags(site, trigger.queue)):
        yield Note(
            f"queue {trigger.queue} is not this project's, and its visibility timeout is less "
            "than six times the function's timeout: messages may be delivered twice"
        )
    yield from _plan_queue(site, function, trigger.queue, _wanted(site, function, trigger))
    yield from mapping.plan(site, function, _polled(site, trigger))


def _wanted(site: Site, function: Function, trigger: SqsTrigger) -> dict[str, str]:
    """Return the attributes of the queue that Lambda polls."""
    visibility = trigger.visibility or int(advised_visibility(function.timeout, trigger.window))
    redrive = {
        "deadLetterTargetArn": site.aws.arn("sqs", trigger.dead_letter_queue),
        "maxReceiveCount": trigger.max_receive_count,
    }
    return {
        "VisibilityTimeout": str(visibility),
        "MessageRetentionPeriod": str(trigger.retention),
        "RedrivePolicy": json.dumps(redrive),
    }


def _foreign(site: Site, function: Function, trigger: SqsTrigger) -> Iterator[Step]:
    declared = {
        trigger.queue: _wanted(site, function, trigger),
        trigger.dead_letter_queue: _DEAD_LETTERS,
    }
    for name, wanted in declared.items():
        live = _attributes(site, name)
        if live is None or not site.ours(_tags(site, name)):
            continue
        yield from settings("queue", f"queue {name}", live, wanted, _USUAL)
        for text in foreign(DESTINATION.policy(site, name)):
            yield undeclared(
                "queue", f"policy of queue {name}", text.removesuffix(" of its policy")
            )
    yield from mapping.foreign(site, function, _polled(site, trigger))


def _plan_queue(
    site: Site, function: Function, name: str, wanted: dict[str, str]
) -> Iterator[Step]:
    live = _attributes(site, name)
    tags = labels.shared(site, lambda other: name in _declared(other))
    if live is None:
        fifo = {"FifoQueue": "true"} if name.endswith(FIFO_SUFFIX) else {}
        yield Step(
            "create", "queue", f"queue {name}", "it does not exist yet",
            # If the request is repeated with the same attributes, it is the same queue.
            lambda: site.aws.call(
                "sqs", "create_queue",
                QueueName=name, Attributes={**wanted, **fifo}, tags=labels.of(site, tags),
            ),
        )  # fmt: skip
        return
    pairs = [(key, _plain(live.get(key)), _plain(value)) for key, value in wanted.items()]
    if (changes := list(differences(pairs))) and site.ours(_tags(site, name)):
        yield Step(
            "update", "queue", f"queue {name}", "; ".join(changes),
            lambda: _set(site, name, wanted), changes=tuple(changes),
        )  # fmt: skip
    if labels.asked(function) and site.ours(there := _tags(site, name)):
        yield from labels.plan(
            "queue", f"queue {name}", there, tags,
            lambda tags: site.aws.call("sqs", "tag_queue", QueueUrl=url(site, name), Tags=tags),
            lambda keys: site.aws.call(
                "sqs", "untag_queue", QueueUrl=url(site, name), TagKeys=keys
            ),
        )  # fmt: skip


def _polled(site: Site, trigger: SqsTrigger) -> mapping.Polled:
    most = trigger.max_concurrency
    return mapping.Polled(
        site.aws.arn("sqs", trigger.queue),
        {
            "BatchSize": trigger.batch_size,
            # AWS refuses a window for a FIFO queue, even 0.
            **({} if trigger.fifo else {"MaximumBatchingWindowInSeconds": trigger.window}),
            "FunctionResponseTypes": mapping.reports(trigger.report_batch_item_failures),
            "Enabled": trigger.enabled,
        },
        {
            "ScalingConfig": {} if most is None else {"MaximumConcurrency": most},
            "FilterCriteria": mapping.filters(trigger.filters),
        },
    )


def _prune(site: Site, function: Function, _: object) -> Iterator[Step]:
    declared = {site.aws.arn("sqs", trigger.queue) for trigger in function.triggers_of(SqsTrigger)}
    return mapping.prune(site, function, "sqs", declared)


def _stop(site: Site, function: Function, _: object) -> Iterator[Step]:
    return mapping.stop(site, function, "sqs")


def _attributes(site: Site, name: str) -> dict[str, str] | None:
    where = url(site, name)
    if where is None:
        return None
    found = site.aws.find("sqs", "get_queue_attributes", QueueUrl=where, AttributeNames=["All"])
    return None if found is None else dict(found.get("Attributes") or {})


def _set(site: Site, name: str, wanted: dict[str, str]) -> None:
    site.aws.call("sqs", "set_queue_attributes", QueueUrl=url(site, name), Attributes=wanted)


def _plain(value: str | None) -> object:
    """Return a value to compare: AWS writes the JSON of a redrive policy in its own way."""
    if value is None or not value.startswith("{"):
        return value
    document = json.loads(value)
    return ", ".join(f"{key} {document[key]}" for key in sorted(document))


def _read_policy(site: Site, name: str) -> dict[str, Any]:
    policy: dict[str, Any] = json.loads((_attributes(site, name) or {}).get("Policy") or "{}")
    return policy


def _write_policy(site: Site, name: str, policy: Policy) -> None:
    # SQS takes no policy without statements; an empty text deletes it.
    _set(site, name, {"Policy": json.dumps(policy) if policy["Statement"] else ""})


def _names(site: Site, function: Function) -> list[str]:
    """Return the queues that the function declares, and those that are mapped to it."""
    mapped = mapping.of_function(site, function, "sqs")
    return [*_declared(function), *(mapping.queue_of(live) for live in mapped)]


def _declared(function: Function) -> list[str]:
    declared = function.triggers_of(SqsTrigger)
    return [name for trigger in declared for name in (trigger.queue, trigger.dead_letter_queue)]


def _tags(site: Site, name: str) -> Tags | None:
    where = url(site, name)
    if where is None:
        return None
    found = site.aws.find("sqs", "list_queue_tags", QueueUrl=where)
    return dict((found or {}).get("Tags") or {})


def _found(site: Site) -> Iterator[tuple[str, Tags]]:
    for where in site.aws.pages("sqs", "list_queues", "QueueUrls", MaxResults=1000):
        found = site.aws.find("sqs", "list_queue_tags", QueueUrl=where)
        yield where.rpartition("/")[2], dict((found or {}).get("Tags") or {})


def _users(site: Site, name: str, but: Sequence[Function]) -> list[str]:
    """Return what else polls the queue, sends its failed messages there, or may send to it."""
    where = url(site, name)
    if where is None:
        return []
    polling = [
        f"function {live['FunctionArn'].partition(':function:')[2]}"
        for live in mapping.of_queue(site, name)
        if not account.is_of(live["FunctionArn"], site, but)
    ]
    try:
        sources = [
            *site.aws.pages("sqs", "list_dead_letter_source_queues", "queueUrls", QueueUrl=where)
        ]
    except AwsError as error:
        return [*polling, f"queues that AWS does not tell of ({error.code})"]
    failing = [source.rpartition("/")[2] for source in sources]
    return [
        *polling,
        *(f"queue {source}" for source in failing if _stays(site, source, but)),
        *foreign(DESTINATION.policy(site, name)),
    ]


def _stays(site: Site, name: str, but: Sequence[Function]) -> bool:
    """Say whether a queue outlives these functions: it is none of theirs, or others use it."""
    tags = _tags(site, name)
    if tags is None:
        return False
    # What has left the table goes with the whole project.
    left = site.of_this_table(tags) and not site.project.narrowed
    doomed = left or any(name in _names(site, function) for function in but)
    return not (doomed and site.ours(tags)) or bool(_users(site, name, but))


def _delete(site: Site, name: str) -> None:
    where = url(site, name)
    if where is not None:
        site.aws.remove("sqs", "delete_queue", QueueUrl=where)


def _deployer(project: Project, names: Names) -> Iterator[Statement]:
    triggers = project.triggers_of(SqsTrigger)
    if triggers:
        yield Statement(
            "Queues",
            actions(
                "sqs",
                "GetQueueUrl GetQueueAttributes CreateQueue SetQueueAttributes DeleteQueue "
                "ListQueueTags TagQueue UntagQueue ListDeadLetterSourceQueues",
            ),
            once(
                names("sqs", name)
                for trigger in triggers
                for name in (trigger.queue, trigger.dead_letter_queue)
            ),
        )


def _role(site: Site, function: Function) -> Iterator[dict[str, Any]]:
    queues = [site.aws.arn("sqs", trigger.queue) for trigger in function.triggers_of(SqsTrigger)]
    if queues and not has_policy(function, _MANAGED):
        polling = actions("sqs", "ReceiveMessage DeleteMessage GetQueueAttributes")
        yield allow("Queues", polling, queues)


DESTINATION = Destination("queue", "sqs", "sqs:SendMessage", "queue", _read_policy, _write_policy)
KIND = Kind(
    plan=_plan,
    prune=_prune,
    stop=_stop,
    deployer=_deployer,
    role=_role,
    foreign=_foreign,
    store=Store("queue", _names, _tags, _delete, users=_users, found=_found),
)
