"""The history of an execution, as GetDurableExecutionHistory has it.

The engine can make one too, but leaves out what a reader looks for: the details of invocations,
the attempts of a step that has succeeded, the result of a poll, the time limits of callbacks.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from .aws import Execution, Operation, OperationAction, OperationStatus, OperationType
from .aws import OperationUpdate as Update
from .store import Notes

Event = dict[str, Any]

# How event types begin, and how they end.
_KINDS = {
    OperationType.EXECUTION: "Execution",
    OperationType.CONTEXT: "Context",
    OperationType.STEP: "Step",
    OperationType.WAIT: "Wait",
    OperationType.CALLBACK: "Callback",
    OperationType.CHAINED_INVOKE: "ChainedInvoke",
}
_ENDS = {
    OperationStatus.SUCCEEDED: "Succeeded",
    OperationStatus.FAILED: "Failed",
    OperationStatus.TIMED_OUT: "TimedOut",
    OperationStatus.STOPPED: "Stopped",
    OperationStatus.CANCELLED: "Cancelled",
}
_VERSION = "$LATEST"


def history(execution: Execution, notes: Notes, with_data: bool) -> list[Event]:
    """Return the events of an execution, numbered, in the order of their times.

    Without the data there is no input and no result; an error is told either way.
    """
    maker = _Maker(execution, notes, with_data)
    # What is of one moment keeps this order.
    events = [
        *maker.invocations(),
        *maker.of_execution(),
        *maker.checkpointed(),
        *maker.ended_from_outside(),
        *maker.pauses(),
    ]
    events.sort(key=lambda event: event["EventTimestamp"])
    for number, event in enumerate(events, 1):
        event["EventId"] = number
    return events


class _Maker:
    def __init__(self, execution: Execution, notes: Notes, with_data: bool) -> None:
        self._execution = execution
        self._notes = notes
        self._with_data = with_data
        operations = execution.get_navigable_operations()
        self._operations = {each.operation_id: each for each in operations}
        self._updates = list(zip(execution.updates, execution.update_timestamps, strict=False))

    def invocations(self) -> Iterator[Event]:
        for done in list(self._execution.invocation_completions):
            details = {
                "StartTimestamp": done.start_timestamp,
                "EndTimestamp": done.end_timestamp,
                "RequestId": done.request_id,
            }
            if error := self._notes.errors.get(done.request_id):
                details["Error"] = {"Payload": error, "Truncated": False}
            yield {
                "EventType": "InvocationCompleted",
                "EventTimestamp": done.end_timestamp,
                "InvocationCompletedDetails": details,
            }

    def of_execution(self) -> Iterator[Event]:
        start = self._execution.start_input
        operation = self._execution.get_operation_execution_started()
        given = operation.execution_details
        yield self._event(
            operation,
            "Started",
            operation.start_timestamp,
            Input=self._payload(given.input_payload if given else None),
            ExecutionTimeout=start.execution_timeout_seconds,
        )
        if operation.end_timestamp is not None and operation.status in _ENDS:
            outcome = self._execution.result
            end = _ENDS[operation.status]
            if end == "Succeeded":
                details = {"Result": self._payload(outcome.result if outcome else None)}
            else:
                details = {"Error": self._error(outcome.error if outcome else None)}
            yield self._event(operation, end, operation.end_timestamp, **details)

    def checkpointed(self) -> Iterator[Event]:
        """Yield what the function itself has told, each attempt and each poll."""
        attempts: dict[str, int] = {}
        for update, at in self._updates:
            operation = self._operations.get(update.operation_id)
            if operation is None or update.operation_type is OperationType.EXECUTION:
                continue
            if update.action is OperationAction.START:
                attempts[update.operation_id] = attempts.get(update.operation_id, 0) + 1
                yield self._event(operation, "Started", at, **self._begun(operation, update))
                continue
            is_failure = update.error is not None
            if update.action is OperationAction.FAIL:
                is_failure = True
            elif update.action is OperationAction.CANCEL:
                yield self._event(operation, "Cancelled", at, Error=self._error(update.error))
                continue
            details = (
                {"Error": self._error(update.error)}
                if is_failure
                else {"Result": self._payload(update.payload)}
            )
            if operation.operation_type is OperationType.STEP:
                retry = {"CurrentAttempt": attempts.get(update.operation_id, 1)}
                if update.action is OperationAction.RETRY and update.step_options is not None:
                    delay = update.step_options.next_attempt_delay_seconds
                    retry["NextAttemptDelaySeconds"] = delay
                details["RetryDetails"] = retry
            yield self._event(operation, "Failed" if is_failure else "Succeeded", at, **details)

    def ended_from_outside(self) -> Iterator[Event]:
        """Yield what no checkpoint has told: how waits, callbacks and invokes have ended."""
        last = {update.operation_id: update.action for update, _ in self._updates}
        told = (OperationAction.SUCCEED, OperationAction.FAIL, OperationAction.CANCEL)
        for operation in self._operations.values():
            by_function = last.get(operation.operation_id) in told
            if by_function or operation.operation_type is OperationType.EXECUTION:
                continue
            if operation.end_timestamp is None or operation.status not in _ENDS:
                continue
            end = _ENDS[operation.status]
            yield self._event(operation, end, operation.end_timestamp, **self._ended(operation))

    def pauses(self) -> Iterator[Event]:
        for pause in self._notes.pauses:
            if pause.began is not None:
                details = {
                    "PauseRequestTimestamp": _time(pause.requested),
                    "ExecutionTimeoutPaused": pause.holds_timeout,
                    **self._reason(pause.reason),
                }
                yield _of_pause("ExecutionPaused", pause.began, details)
            if pause.began is not None and pause.resume_requested is not None:
                details = {
                    "ResumeRequestTimestamp": _time(pause.resume_requested),
                    **self._reason(pause.resume_reason),
                }
                yield _of_pause("ExecutionResumed", pause.resume_requested, details)

    def _begun(self, operation: Operation, update: Update) -> Event:
        if operation.operation_type is OperationType.WAIT:
            end = operation.wait_details and operation.wait_details.scheduled_end_timestamp
            return {"Duration": _duration(operation), "ScheduledEndTimestamp": end}
        if operation.operation_type is OperationType.CALLBACK:
            options, known = update.callback_options, operation.callback_details
            return {
                "CallbackId": known.callback_id if known else None,
                "Timeout": (options and options.timeout_seconds) or None,
                "HeartbeatTimeout": (options and options.heartbeat_timeout_seconds) or None,
            }
        if operation.operation_type is OperationType.CHAINED_INVOKE:
            target = update.chained_invoke_options
            given = update.payload
            return {
                "FunctionName": target.function_name if target else None,
                "TenantId": target.tenant_id if target else None,
                "Input": self._payload(given) if given is not None else None,
                "ExecutedVersion": _VERSION,
                "DurableExecutionArn": self._execution.chained_invoke_children.get(
                    operation.operation_id
                ),
            }
        return {}

    def _ended(self, operation: Operation) -> Event:
        if operation.operation_type is OperationType.WAIT:
            return {"Duration": _duration(operation)}
        known = operation.callback_details or operation.chained_invoke_details
        if operation.status is OperationStatus.SUCCEEDED:
            return {"Result": self._payload(known.result if known else None)}
        return {"Error": self._error(known.error if known else None)}

    def _event(self, operation: Operation, end: str, at: Any, **details: Any) -> Event:
        kind = f"{_KINDS[operation.operation_type]}{end}"
        event = {
            "EventType": kind,
            "EventTimestamp": at,
            "SubType": operation.sub_type,
            "Id": operation.operation_id,
            "Name": operation.name,
            "ParentId": operation.parent_id,
            f"{kind}Details": {key: each for key, each in details.items() if each is not None},
        }
        return {key: each for key, each in event.items() if each is not None}

    def _payload(self, text: str | None) -> Event:
        kept = {"Payload": text} if self._with_data and text is not None else {}
        return {**kept, "Truncated": not self._with_data}

    def _error(self, error: Any) -> Event:
        kept = {"Payload": error.to_dict()} if error is not None else {}
        return {**kept, "Truncated": not self._with_data}

    def _reason(self, reason: str | None) -> Event:
        return {"Reason": self._payload(reason)} if reason is not None else {}


def _duration(operation: Operation) -> int | None:
    end = operation.wait_details and operation.wait_details.scheduled_end_timestamp
    if not end or operation.start_timestamp is None:
        return None
    return round((end - operation.start_timestamp).total_seconds())


def _of_pause(kind: str, at: float, details: Event) -> Event:
    return {"EventType": kind, "EventTimestamp": _time(at), f"{kind}Details": details}


def _time(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)
