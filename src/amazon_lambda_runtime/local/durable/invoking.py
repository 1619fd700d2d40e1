"""How the engine invokes: a handler of a durable function, and what a durable function invokes."""

import json
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from amazon_lambda_runtime.local.api.api_errors import UNQUALIFIED
from amazon_lambda_runtime.local.engine.function import VERSION, LocalFunction
from amazon_lambda_runtime.local.engine.invocation import Answer

from .aws import (
    ChainedInvokeRequest,
    ChildOutcome,
    DispatchResult,
    DurableExecutionInvocationInput,
    DurableFunctionsTestError,
    ErrorObject,
    Execution,
    FunctionTarget,
    InitialExecutionState,
    InvokeResponse,
    KnownOutcome,
    OperationPaginatorState,
    RunInvocation,
    StartChild,
    StartDurableExecutionInput,
    function_not_found,
    result_outcome,
)

#: Runs a function once, from a thread: its name, the event, the tenant; the answer and its id.
Run = Callable[[str, bytes, str], tuple[Answer, str]]
Functions = Mapping[str, LocalFunction]

# In bytes: how much of an execution's state an invocation is given; it asks for the rest.
_PAGE = 5 * 1024 * 1024


class Handlers:
    """Invokes handlers of durable functions: the engine's Invoker.

    `begun` and `ended` are told of each invocation: the ARN; when it began, its id and its answer.
    """

    def __init__(
        self,
        run: Run,
        begun: Callable[[str], None],
        ended: Callable[[str, float, str, Answer | None], None],
    ) -> None:
        self._run = run
        self._begun = begun
        self._ended = ended

    def create_invocation_input(self, execution: Execution) -> DurableExecutionInvocationInput:
        operations, marker = OperationPaginatorState.pin(execution).page(None, _PAGE)
        return DurableExecutionInvocationInput(
            durable_execution_arn=execution.durable_execution_arn,
            checkpoint_token=execution.get_new_checkpoint_token(),
            initial_execution_state=InitialExecutionState(operations, marker or ""),
            updated_operation_ids=list(execution.updated_operation_ids),
        )

    def invoke(
        self,
        function_name: str,
        input: DurableExecutionInvocationInput,  # noqa: A002  its name in the protocol
        endpoint_url: str | None = None,
        tenant_id: str | None = None,
        account_id: str | None = None,
        region_name: str | None = None,
    ) -> InvokeResponse:
        arn = input.durable_execution_arn
        event = json.dumps(input.to_json_dict(), separators=(",", ":")).encode()
        begun, answer, request_id = time.monotonic(), None, ""
        self._begun(arn)
        try:
            name = function_name.partition(":")[0]
            answer, request_id = self._run(name, event, tenant_id or "")
        finally:
            self._ended(arn, time.monotonic() - begun, request_id, answer)
        if answer.failed:
            raise _failure(error_of(answer))
        return InvokeResponse.from_payload(answer.payload, request_id)

    def update_endpoint(self, endpoint_url: str, region_name: str) -> None:
        """Not needed: there is no endpoint."""

    def inherit_endpoint(self, child_execution_arn: str, parent_execution_arn: str) -> None:
        """Not needed: there is no endpoint."""


class Targets:
    """What a durable function may invoke, the functions of this Lambda: the ChildDispatcher."""

    def __init__(self, functions: Functions, run: Run) -> None:
        self._functions = functions
        self._run = run

    def preflight(self, target: FunctionTarget) -> ChildOutcome | None:
        refused = self._refusal(target.name, target.qualifier)
        return refused.outcome if refused is not None else None

    def dispatch(self, request: ChainedInvokeRequest) -> DispatchResult:
        name = request.function_name
        refused = self._refusal(name, request.qualifier)
        if refused is not None:
            return refused
        function = self._functions[name]
        payload = request.payload or "{}"
        if function.durable is not None:
            # Its id follows from the operation's, so that a child is found again after a crash.
            child = child_id(request.parent_execution_arn, request.operation_id)
            return StartChild(start_of(function, child, payload, request.tenant_id, child))

        def once() -> ChildOutcome:
            answer, _ = self._run(name, payload.encode(), request.tenant_id or "")
            if answer.failed:
                return ChildOutcome(error=ErrorObject.from_dict(error_of(answer)))
            return result_outcome(answer.payload.decode("utf-8", "replace") or None)

        return RunInvocation(once)

    def _refusal(self, name: str, qualifier: str | None) -> KnownOutcome | None:
        function = self._functions.get(name)
        if function is None or qualifier not in (None, VERSION, *function.aliases):
            return function_not_found(name if qualifier is None else f"{name}:{qualifier}")
        if function.durable is not None and qualifier is None:
            error = ErrorObject(UNQUALIFIED, "InvalidParameterValueException", None, None)
            return KnownOutcome(ChildOutcome(error=error))
        return None


def start_of(
    function: LocalFunction, name: str, payload: str, tenant_id: str | None, identifier: str
) -> StartDurableExecutionInput:
    """Return what the engine starts an execution from; its ARN ends with `identifier`."""
    assert function.durable is not None
    return StartDurableExecutionInput(
        account_id=function.account,
        function_name=function.name,
        function_qualifier=VERSION,
        execution_name=name,
        execution_timeout_seconds=function.durable.execution_timeout,
        execution_retention_period_days=function.durable.retention_days,
        # The id of the operation EXECUTION, which the SDK looks for at the end of the ARN.
        invocation_id=identifier,
        tenant_id=tenant_id,
        input=payload,
    )


def arn_of(function_arn: str, name: str, identifier: str) -> str:
    """Return the ARN of an execution."""
    return f"{function_arn}:{VERSION}/durable-execution/{name}/{identifier}"


def child_id(parent: str, operation_id: str) -> str:
    """Return the id, and the name, of the execution that an operation of another starts."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{parent}/{operation_id}"))


def error_of(answer: Answer) -> dict[str, Any]:
    """Return the error of a failed invocation, as the API of durable executions spells it."""
    try:
        document = json.loads(answer.payload)
        found = {
            "ErrorType": document.get("errorType"),
            "ErrorMessage": document.get("errorMessage"),
            "ErrorData": document.get("errorData"),
            "StackTrace": document.get("stackTrace"),
        }
    except (ValueError, AttributeError):
        found = {"ErrorMessage": answer.payload.decode("utf-8", "replace")}
    return {key: value for key, value in found.items() if value}


def _failure(error: Mapping[str, Any]) -> Exception:
    """Return an exception that the engine tells as this error."""
    kind = str(error.get("ErrorType") or "Function.Unknown")
    made = type(kind, (DurableFunctionsTestError,), {"__module__": "builtins"})
    failure: Exception = made(error.get("ErrorMessage") or "")
    return failure
