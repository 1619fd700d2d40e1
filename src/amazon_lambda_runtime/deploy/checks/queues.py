"""Queues and the functions they invoke: settings that lose or repeat messages."""

from collections.abc import Iterator
from typing import Any

from amazon_lambda_runtime.deploy.aws import Aws
from amazon_lambda_runtime.deploy.resources.triggers import mapping
from amazon_lambda_runtime.deploy.site import Site
from amazon_lambda_runtime.project.aws_limits import VISIBILITY_FACTOR
from amazon_lambda_runtime.project.declaration import Function, Project
from amazon_lambda_runtime.project.handler_names import default_handler
from amazon_lambda_runtime.project.handler_source import partial_failures
from amazon_lambda_runtime.project.triggers import SqsTrigger

from .finding import Finding


def declared(project: Project) -> Iterator[Finding]:
    """The handler and the trigger of a declared queue agree on how failures are reported."""
    for function in project.functions:
        for trigger in function.triggers_of(SqsTrigger):
            reports = trigger.report_batch_item_failures
            yield from _agreement(project, function, trigger.queue, reports)


def live(project: Project, aws: Aws) -> Iterator[Finding]:
    """The queues that invoke the functions now lose no messages."""
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
            "no messages arrive, and the mapping polls in vain",
            f"Create it again: lambda-runtime step queue --queue-name {queue}",
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
            f"messages of {queue} are redelivered after {seconds} s, and {function.name} may run "
            f"for {function.timeout} s",
            "a message is delivered a second time while it waits for a free environment, or is "
            "retried",
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
        "Lambda receives more messages than the function can run; a throttled message counts as "
        "received, and after max_receive_count times it is in the dead letter queue, unprocessed",
        "Set max_concurrency (2 or more) for the trigger, and no reserved_concurrency below it.",
    )


def _agreement(
    project: Project, function: Function, queue: str, reports: bool
) -> Iterator[Finding]:
    handler = function.handler or default_handler(project.folder, project.module)
    partial = partial_failures(handler, project.folder)
    if partial and not reports:
        yield Finding(
            "partial-failures",
            f"{handler} reports which messages failed, and the trigger of {queue} ignores it "
            "(report_batch_item_failures is off)",
            "Lambda takes any response for success and deletes the whole batch: failed messages "
            "are lost",
            "Set report_batch_item_failures = true for that trigger.",
        )
    elif partial is False and reports:
        yield Finding(
            "partial-failures",
            f"the trigger of {queue} expects a list of the messages that failed "
            f"(report_batch_item_failures), and {handler} returns none",
            "only an exception counts as a failure, and then the whole batch is retried",
            "Set partial_failures = True in the handler's class, or report_batch_item_failures = "
            "false for that trigger.",
        )
