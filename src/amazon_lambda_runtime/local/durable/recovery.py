"""Executions that another process has left open go on.

What was running is invoked again: what its function had told is kept, and what it had not is done
once more. Time limits go on from where they were.
"""

from contextlib import suppress
from typing import Any

from .aws import (
    CallbackToken,
    ErrorObject,
    Execution,
    Operation,
    OperationStatus,
    OperationType,
    OperationUpdate,
    chained_invoke_timeout_error,
)
from .invoking import arn_of, child_id
from .machine import Machine

# How an execution of a function that has ended ends the operation of the one that has invoked it.
_ENDS = {
    "SUCCEEDED": OperationStatus.SUCCEEDED,
    "TIMED_OUT": OperationStatus.TIMED_OUT,
    "STOPPED": OperationStatus.STOPPED,
    "FAILED": OperationStatus.FAILED,
}


def go_on(machine: Machine) -> list[str]:
    """Go on with all executions that are open, and return their names.

    Those of a function that is not served here stay as they are.
    """
    known = [
        execution
        for execution in machine.store.list_all()
        if not execution.is_complete and execution.start_input.function_name in machine.functions
    ]
    for execution in known:
        _Recovery(machine, execution).go_on()
    return [execution.start_input.execution_name for execution in known]


class _Recovery:
    def __init__(self, machine: Machine, execution: Execution) -> None:
        self._machine = machine
        self._execution = execution
        self._arn = execution.durable_execution_arn
        self._starts: dict[str, OperationUpdate] = {}
        for update in execution.updates:
            self._starts.setdefault(update.operation_id, update)

    def go_on(self) -> None:
        machine, execution = self._machine, self._execution
        seconds = execution.start_input.execution_timeout_seconds
        error = ErrorObject.from_message(f"Execution timed out after {seconds} seconds.")
        left = max(machine.deadline(execution) - machine.now(), 0)
        machine.scheduler.call_later(
            lambda: machine.executor.on_timed_out(self._arn, error), delay=left
        )
        machine.on_lane(self._arn, self._prepare)
        for operation in execution.get_navigable_operations():
            if operation.status is OperationStatus.STARTED:
                self._rearm(operation)
        if machine.store.notes(self._arn).pause is None:
            machine.executor.resume_execution(self._arn)

    def _prepare(self) -> None:
        """Have the engine invoke the function when it is resumed, now or by the user."""
        execution = self._execution
        for operation in execution.get_navigable_operations():
            if (
                operation.operation_type is OperationType.CHAINED_INVOKE
                and operation.status is OperationStatus.STARTED
            ):
                self._find_child(operation)
        execution.pause()
        execution.defer_invocation()
        self._machine.store.save(execution)

    def _find_child(self, operation: Operation) -> None:
        """Know the execution again that an operation has started; take its result if it has one."""
        store, execution = self._machine.store, self._execution
        arn = execution.chained_invoke_children.get(operation.operation_id)
        if arn is None:
            name = self._target(operation)
            function = self._machine.functions.get(name)
            identifier = child_id(self._arn, operation.operation_id)
            arn = arn_of(function.arn, identifier, identifier) if function else ""
        with suppress(KeyError):
            child = store.load(arn)
            execution.record_chained_invoke_child(operation.operation_id, arn)
            if child.is_complete:
                self._complete(operation, child)

    def _complete(self, operation: Operation, child: Execution) -> None:
        status = _ENDS[child.current_status().value]
        outcome: Any = child.result
        error = outcome.error if outcome is not None else None
        if status is OperationStatus.TIMED_OUT:
            error = chained_invoke_timeout_error(child.start_input.execution_timeout_seconds)
        succeeded = status is OperationStatus.SUCCEEDED
        self._execution.complete_chained_invoke(
            operation.operation_id,
            status,
            result=outcome.result if succeeded and outcome is not None else None,
            error=None if succeeded else error,
            now=self._machine.clock.now(),
        )

    def _target(self, operation: Operation) -> str:
        """Return the name of the function that an operation invokes."""
        update = self._starts.get(operation.operation_id)
        options = update.chained_invoke_options if update is not None else None
        parts = options.function_name.split(":") if options is not None else [""]
        # NAME, NAME:QUALIFIER, or an ARN, with a qualifier or without.
        return parts[parts.index("function") + 1] if "function" in parts else parts[0]

    def _rearm(self, operation: Operation) -> None:
        """Have the engine watch again what it knows only in memory."""
        update = self._starts.get(operation.operation_id)
        executor = self._machine.executor
        if update is None:
            return
        if operation.operation_type is OperationType.CALLBACK and update.callback_options:
            token = CallbackToken(self._arn, operation.operation_id)
            options = self._left(operation, update.callback_options)
            executor.on_callback_created(self._arn, operation.operation_id, options, token)
        elif (
            operation.operation_type is OperationType.CHAINED_INVOKE
            and update.chained_invoke_options is not None
            and operation.operation_id not in self._execution.chained_invoke_children
        ):
            executor.on_chained_invoke_started(
                self._arn,
                operation.operation_id,
                update.chained_invoke_options.function_name,
                update.chained_invoke_options.tenant_id,
                update.payload,
            )

    def _left(self, operation: Operation, options: Any) -> Any:
        """Return the time limits of a callback, without what has passed.

        The time between heartbeats begins anew: nobody could send one meanwhile.
        """
        if options.timeout_seconds <= 0 or operation.start_timestamp is None:
            return options
        passed = self._machine.now() - operation.start_timestamp.timestamp()
        left = max(options.timeout_seconds - passed, 0.001)
        return type(options)(
            timeout_seconds=left, heartbeat_timeout_seconds=options.heartbeat_timeout_seconds
        )
