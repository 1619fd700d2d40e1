"""What the log says of a durable execution: that it has started, what it waits for, its end."""

from collections.abc import Callable

from .aws import Execution, Operation, OperationStatus, OperationType

# How the error of code that does not fit the history is called, in AWS's SDKs.
_DIVERGED = "NonDeterministicExecutionError"
_CHANGED = "the code has changed since this execution began: start it anew"


class Telling:
    """Says each thing once. `reloaded_at` is when a function's code was last loaded anew."""

    def __init__(self, say: Callable[[str], None], reloaded_at: Callable[[str], float]) -> None:
        self._say = say
        self._reloaded_at = reloaded_at
        # How many invocations each execution had when it was looked at, and what was said then.
        self._told: dict[str, tuple[int, str]] = {}

    def know(self, execution: Execution) -> None:
        """Take an execution as told, that another process has started."""
        arn = execution.durable_execution_arn
        self._told[arn] = (len(execution.invocation_completions), "")

    def look(self, execution: Execution) -> None:
        """Say what is new of an execution."""
        arn, name = execution.durable_execution_arn, execution.start_input.execution_name
        if arn not in self._told:
            self._told[arn] = (0, "")
            self._say(f"execution {name} started: {arn}")
        count = len(execution.invocation_completions)
        if execution.is_complete:
            self._end(execution, count)
        elif count > self._told[arn][0]:
            waits = ", ".join(filter(None, map(_waits, execution.get_navigable_operations())))
            if waits and waits != self._told[arn][1]:
                self._say(f"execution {name} {waits}")
            self._told[arn] = (count, waits)

    def _end(self, execution: Execution, count: int) -> None:
        arn, name = execution.durable_execution_arn, execution.start_input.execution_name
        if self._told[arn][0] < 0:
            return
        self._told[arn] = (-1, "")
        operation = execution.get_operation_execution_started()
        took = ""
        if operation.start_timestamp is not None and operation.end_timestamp is not None:
            seconds = (operation.end_timestamp - operation.start_timestamp).total_seconds()
            took = f" after {seconds:.1f} s"
        times = f"{count} invocation{'' if count == 1 else 's'}"
        error = execution.result.error if execution.result is not None else None
        reason = f": {error.type or 'error'}: {error.message}" if error is not None else ""
        status = execution.current_status().value
        self._say(f"execution {name} {status}{took}, {times}{reason}")
        started = operation.start_timestamp
        changed_at = self._reloaded_at(execution.start_input.function_name)
        diverged = error is not None and str(error.type).endswith(_DIVERGED)
        if diverged and started is not None and started.timestamp() < changed_at:
            self._say(f"execution {name}: {_CHANGED}")


def _waits(operation: Operation) -> str:
    """Return what an execution waits for because of an operation, "" if for nothing."""
    name = operation.name or operation.operation_id[:8]
    if operation.operation_type is OperationType.STEP:
        details = operation.step_details
        if operation.status is not OperationStatus.PENDING or details is None:
            return ""
        return f"tries {name} again, after attempt {details.attempt}"
    if operation.status is not OperationStatus.STARTED:
        return ""
    if operation.operation_type is OperationType.WAIT and operation.wait_details is not None:
        end = operation.wait_details.scheduled_end_timestamp
        return f"waits until {end:%H:%M:%S} UTC ({name})" if end is not None else ""
    if operation.operation_type is OperationType.CALLBACK and operation.callback_details:
        return f"waits for the callback {name}: {operation.callback_details.callback_id}"
    if operation.operation_type is OperationType.CHAINED_INVOKE:
        return f"waits for the function that {name} invokes"
    return ""
