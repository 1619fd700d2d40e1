"""What the Lambda API does with durable executions, on plain values. Its functions may block."""

import binascii
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from amazon_lambda_runtime.local.api.api_errors import InvokeError, not_found
from amazon_lambda_runtime.local.api.function_names import Target

from .aws import (
    AwsApiException,
    CallbackToken,
    CheckpointDurableExecutionRequest,
    ErrorObject,
    Execution,
    OperationStatus,
)
from .documents import Document, conflict, invalid, told
from .history import history
from .machine import Machine
from .store import Pause

#: What an execution's status may be.
STATUSES = (
    "RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "STOPPED", "DELETING", "PAUSING", "PAUSED",
)  # fmt: skip
_PAGE = 100
# In seconds: how long a request that is repeated with its client token is no new one.
_TOKEN = 15 * 60


class Operations:
    """The operations of the Lambda API. They raise InvokeError."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._store = machine.store

    def status(self, execution: Execution) -> str:
        """Return the status of an execution."""
        pause = self._store.notes(execution.durable_execution_arn).pause
        if execution.is_complete or pause is None:
            return execution.current_status().value
        return "PAUSED" if pause.began is not None else "PAUSING"

    def get(self, arn: str, with_data: bool) -> Document:
        execution = self._load(arn)
        notes = self._store.notes(arn)
        start, outcome = execution.start_input, execution.result
        pause = notes.pause
        found = {
            **self._summary(execution),
            "Version": execution.executed_version(),
            "ExecutionDataIncluded": with_data,
            "DurableConfig": {
                "ExecutionTimeout": start.execution_timeout_seconds,
                "RetentionPeriodInDays": start.execution_retention_period_days,
            },
        }
        if with_data:
            found["InputPayload"] = start.input
            if outcome is not None and outcome.error is not None:
                found["Error"] = outcome.error.to_dict()
            elif outcome is not None and outcome.result is not None:
                found["Result"] = outcome.result
        if not execution.is_complete:
            deadline = self._machine.deadline(execution)
            found["ExpectedExecutionTimeoutTimestamp"] = datetime.fromtimestamp(deadline, UTC)
            if pause is not None:
                found["PauseDetails"] = {
                    "PauseRequestTimestamp": datetime.fromtimestamp(pause.requested, UTC),
                    "ExecutionTimeoutPaused": pause.holds_timeout,
                    **({"Reason": pause.reason} if with_data and pause.reason else {}),
                }
        return found

    def list(
        self,
        target: Target,
        name: str,
        statuses: Sequence[str],
        after: float | None,
        before: float | None,
        oldest_first: bool,
        marker: str,
        count: int,
    ) -> Document:
        for status in statuses:
            if status not in STATUSES:
                raise invalid(f"Unknown status {status!r}: it is one of {', '.join(STATUSES)}")
        self._machine.forget_the_old()
        found = []
        for execution in self._store.list_all():
            start = execution.start_input
            if start.function_name != target.function.name:
                continue
            if name and start.execution_name != name:
                continue
            if statuses and self.status(execution) not in statuses:
                continue
            begun = _begun(execution)
            if (after is not None and begun < after) or (before is not None and begun > before):
                continue
            found.append(execution)
        found.sort(key=_begun, reverse=not oldest_first)
        page, more = _page(found, marker, count)
        return {"DurableExecutions": [self._summary(each) for each in page], **more}

    def history(
        self, arn: str, with_data: bool, newest_first: bool, marker: str, count: int
    ) -> Document:
        execution = self._load(arn)
        events = history(execution, self._store.notes(arn), with_data)
        if newest_first:
            events.reverse()
        page, more = _page(events, marker, count)
        return {"Events": page, **more}

    def state(self, arn: str, token: str, marker: str, count: int) -> Document:
        page = self._asked(
            lambda: self._machine.executor.get_execution_state(
                arn, token, marker or None, count or None
            )
        )
        found: Document = page.to_dict()
        return found

    def checkpoint(self, arn: str, body: Document) -> Document:
        if "CheckpointToken" not in body:
            raise invalid("CheckpointToken is required")
        try:
            given = CheckpointDurableExecutionRequest.from_dict(body, arn)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise invalid(f"Invalid updates: {error}") from None
        done = self._asked(
            lambda: self._machine.executor.checkpoint_execution(
                arn, given.checkpoint_token, given.updates, given.client_token
            )
        )
        found: Document = done.to_dict()
        return found

    def stop(self, arn: str, error: Document | None) -> Document:
        self._load(arn)
        given = ErrorObject.from_dict(error) if error else None
        stopped = self._asked(lambda: self._machine.executor.stop_execution(arn, given))
        return {"StopTimestamp": stopped.stop_timestamp}

    def delete(self, arn: str) -> Document:
        if not self._load(arn).is_complete:
            raise conflict("The durable execution is still running: stop it first")
        self._store.remove(arn)
        return {"DeletionRequestTimestamp": self._machine.clock.now()}

    def pause(self, arn: str, body: Document) -> Document:
        execution = self._load(arn)
        notes = self._store.notes(arn)

        def pause() -> None:
            if _is_repeated(notes.tokens, "pause", body):
                return
            if execution.is_complete:
                raise conflict("The durable execution has ended")
            if notes.pause is not None:
                raise conflict("The durable execution is paused already")
            now = self._machine.now()
            began = None if arn in self._machine.invoking else now
            holds = body.get("ExecutionTimeoutPaused", True)
            notes.pauses.append(Pause(now, body.get("Reason"), bool(holds), began))
            execution.pause()
            _remember(notes.tokens, "pause", body)
            self._store.save(execution)

        self._asked(lambda: self._machine.on_lane(arn, pause))
        return {}

    def resume(self, arn: str, body: Document) -> Document:
        execution = self._load(arn)
        notes = self._store.notes(arn)

        def resume() -> None:
            if _is_repeated(notes.tokens, "resume", body):
                return
            if execution.is_complete:
                raise conflict("The durable execution has ended")
            if notes.pause is None:
                raise conflict("The durable execution is not paused")
            notes.pause.resume_reason = body.get("Reason")
            notes.pause.resume_requested = self._machine.now()
            _remember(notes.tokens, "resume", body)
            self._store.save(execution)

        self._asked(lambda: self._machine.on_lane(arn, resume))
        self._asked(lambda: self._machine.executor.resume_execution(arn))
        return {}

    def succeed(self, callback: str, result: bytes) -> Document:
        try:
            result.decode()
        except UnicodeDecodeError:
            raise invalid("The result of a callback has to be UTF-8") from None
        executor = self._machine.executor
        self._on_callback(callback, lambda: executor.send_callback_success(callback, result))
        return {}

    def fail(self, callback: str, error: Document | None) -> Document:
        given = ErrorObject.from_dict(error) if error else None
        executor = self._machine.executor
        self._on_callback(callback, lambda: executor.send_callback_failure(callback, given))
        return {}

    def heartbeat(self, callback: str) -> Document:
        executor = self._machine.executor
        self._on_callback(callback, lambda: executor.send_callback_heartbeat(callback))
        return {}

    def _on_callback(self, callback: str, work: Callable[[], object]) -> None:
        self._check_callback(callback)
        try:
            self._asked(work)
        except InvokeError:
            # It may have been closed meanwhile.
            self._check_callback(callback)
            raise

    def _check_callback(self, callback: str) -> None:
        """Raise InvokeError if there is no callback of this id, or it has been closed."""
        try:
            arn = CallbackToken.from_str(callback).execution_arn
        except (ValueError, KeyError, TypeError, binascii.Error):
            raise invalid("Invalid callback id") from None
        execution = self._load(arn)
        for operation in execution.get_navigable_operations():
            details = operation.callback_details
            if details is not None and details.callback_id == callback:
                if operation.status is not OperationStatus.STARTED or execution.is_complete:
                    message = "The callback has expired or has been closed already."
                    raise InvokeError(400, "CallbackTimeoutException", message)
                return
        raise not_found("Callback not found")

    def _load(self, arn: str) -> Execution:
        try:
            return self._store.load(arn)
        except KeyError:
            raise not_found("Durable Execution does not exist") from None

    def _asked(self, work: Callable[[], Any]) -> Any:
        """Do what the engine may refuse. Raises InvokeError."""
        try:
            return work()
        except AwsApiException as error:
            document = error.to_dict()
            name = document.get("Type", "ServiceException")
            message = document.get("Message") or document.get("message") or str(error)
            raise InvokeError(error.http_status_code, name, message) from None

    def _summary(self, execution: Execution) -> Document:
        operation = execution.get_operation_execution_started()
        function = self._machine.functions.get(execution.start_input.function_name)
        arn = execution.durable_execution_arn
        found = {
            "DurableExecutionArn": arn,
            "DurableExecutionName": execution.start_input.execution_name,
            "FunctionArn": f"{function.arn}:$LATEST" if function else arn.partition("/")[0],
            "Status": self.status(execution),
            "StartTimestamp": operation.start_timestamp,
        }
        if execution.is_complete and operation.end_timestamp is not None:
            found["EndTimestamp"] = operation.end_timestamp
        return found


def _begun(execution: Execution) -> float:
    """Return when an execution began, as clients are told it."""
    started = execution.get_operation_execution_started().start_timestamp
    return told(started) if started is not None else 0


def _page(found: Sequence[Any], marker: str, count: int) -> tuple[Sequence[Any], Document]:
    """Return a page, and what to say of the next. Raises InvokeError."""
    if marker and not marker.isdecimal():
        raise invalid("Invalid marker")
    begin = int(marker or 0)
    end = begin + (count or _PAGE)
    return found[begin:end], {"NextMarker": str(end)} if end < len(found) else {}


def _is_repeated(tokens: dict[str, str], kind: str, body: Document) -> bool:
    """Say whether this request has been made before, by its client token."""
    last, _, at = tokens.get(kind, "").rpartition(" ")
    return bool(last) and last == body.get("ClientToken") and float(at) > time.time() - _TOKEN


def _remember(tokens: dict[str, str], kind: str, body: Document) -> None:
    tokens[kind] = f"{body.get('ClientToken', '')} {time.time()}"
