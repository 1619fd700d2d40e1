"""What a queue and its function do to each other: as declared, and as AWS has them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from amazon_lambda_runtime.deploy.aws import Aws
from amazon_lambda_runtime.deploy.resources.triggers import mapping
from amazon_lambda_runtime.deploy.site import Site
from amazon_lambda_runtime.project.aws_limits import VISIBILITY_FACTOR
from amazon_lambda_runtime.project.declaration import Function, Project
from amazon_lambda_runtime.project.handler_source import partial_failures
from amazon_lambda_runtime.project.triggers import SqsTrigger

from .finding import Finding


def declared(project: Project) -> Iterator[Finding]:
    """Both sides of a declared queue agree on what a failed message is."""
    for function in project.functions:
        for trigger in function.triggers_of(SqsTrigger):
            reports = trigger.report_batch_item_failures
            yield from _agreement(project, function, trigger.queue, reports)


def live(project: Project, aws: Aws) -> Iterator[Finding]:
    """The queues that invoke the functions now lose no message."""
    for function in project.functions:
        declared = {trigger.queue for trigger in function.triggers_of(SqsTrigger)}
        for found in mapping.of_function(Site(project, aws), function):
            source = found.get("EventSourceArn", "")
            queue = mapping.queue_of(found)
            if ":sqs:" not in source or queue in declared:
                continue  # the next deployment makes a declared queue what it should be
            yield from _visibility(aws, function, queue)
            yield from _concurrency(aws, function, queue, found)
            reports = "ReportBatchItemFailures" in (found.get("FunctionResponseTypes") or ())
            yield from _agreement(project, function, queue, reports)


def _visibility(aws: Aws, function: Function, queue: str) -> Iterator[Finding]:
    url = aws.find("sqs", "get_queue_url", QueueName=queue)
    if url is None:
        yield Finding(
            "no-queue",
            f"the queue {queue} that invokes {function.name} is gone",
            "nothing arrives any more, and its mapping is left to itself",
            f"Make it again: lambda-runtime queue --queue-name {queue}",
        )
        return
    attributes = aws.call(
        "sqs",
        "get_queue_attributes",
        QueueUrl=url["QueueUrl"],
        AttributeNames=["VisibilityTimeout"],
    )["Attributes"]
    seconds = int(attributes["VisibilityTimeout"])
    least = VISIBILITY_FACTOR * function.timeout
    if seconds < least:
        yield Finding(
            "visibility",
            f"messages of {queue} come back after {seconds} s, and {function.name} may take "
            f"{function.timeout} s",
            "a message that waits for a free environment, or is being tried again, is handed out "
            "a second time meanwhile",
            f"Set the queue's visibility timeout to {least} s, six times the function's, or more.",
        )


def _concurrency(
    aws: Aws, function: Function, queue: str, found: dict[str, Any]
) -> Iterator[Finding]:
    reserved = aws.call("lambda", "get_function_concurrency", FunctionName=function.name).get(
        "ReservedConcurrentExecutions"
    )
    if reserved is None or (found.get("ScalingConfig") or {}).get("MaximumConcurrency"):
        return
    yield Finding(
        "reserved-concurrency",
        f"{function.name} has a reserved concurrency of {reserved}, and {queue} invokes it without "
        "a limit of its own",
        "Lambda takes more messages than the function has room for; what is throttled counts as "
        "received, and after max_receive_count of it a message is in the dead letter queue, "
        "unprocessed",
        "Set max_concurrency (2 or more) of the trigger, and no reserved_concurrency below it.",
    )


def _agreement(
    project: Project, function: Function, queue: str, reports: bool
) -> Iterator[Finding]:
    handler = function.handler or f"{Path(project.module).with_suffix('').as_posix()}.handler"
    partial = partial_failures(handler, project.folder)
    if partial and not reports:
        yield Finding(
            "partial-failures",
            f"{handler} names the messages that failed, and the trigger of {queue} does not "
            "listen (report_batch_item_failures)",
            "Lambda takes any answer for success and deletes the whole batch: what failed is lost",
            "Set report_batch_item_failures = true of that trigger.",
        )
    elif partial is False and reports:
        yield Finding(
            "partial-failures",
            f"the trigger of {queue} listens for messages that failed "
            f"(report_batch_item_failures), and {handler} names none",
            "only an exception fails anything, and then the whole batch is tried again",
            "Set partial_failures = True in the handler's class, or report_batch_item_failures = "
            "false of that trigger.",
        )
