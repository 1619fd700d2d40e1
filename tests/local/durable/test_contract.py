"""What is used of AWS's engine is there, in the form in which it is used."""

import inspect
from typing import Any

import pytest

aws: Any = pytest.importorskip("amazon_lambda_runtime.local.durable.aws")

# What is called on the engine's objects, and with which parameters.
METHODS = {
    "Executor.start_execution": ["input"],
    "Executor.stop_execution": ["execution_arn", "error"],
    "Executor.resume_execution": ["execution_arn"],
    "Executor.get_execution_state": ["execution_arn", "checkpoint_token", "marker", "max_items"],
    "Executor.checkpoint_execution": [
        "execution_arn", "checkpoint_token", "updates", "client_token",
    ],
    "Executor.send_callback_success": ["callback_id", "result"],
    "Executor.send_callback_failure": ["callback_id", "error"],
    "Executor.send_callback_heartbeat": ["callback_id"],
    "Executor.on_timed_out": ["execution_arn", "error"],
    "Executor.on_callback_created": [
        "execution_arn", "operation_id", "callback_options", "callback_token",
    ],
    "Executor.on_chained_invoke_started": [
        "execution_arn", "operation_id", "function_name", "tenant_id", "payload",
    ],
    "Executor.shutdown": [],
    "ExecutionRegistry.submit": ["execution_arn", "task"],
    "ExecutionRegistry.shutdown": [],
    "Scheduler.start": [],
    "Scheduler.stop": [],
    "Scheduler.call_later": ["func", "delay", "count", "completion_event"],
    "Execution.to_json_dict": [],
    "Execution.pause": [],
    "Execution.defer_invocation": [],
    "Execution.current_status": [],
    "Execution.complete_chained_invoke": ["operation_id", "status", "result", "error", "now"],
    "Execution.record_chained_invoke_child": ["operation_id", "child_execution_arn"],
    "Execution.record_invocation_completion": ["start_timestamp", "end_timestamp", "request_id"],
    "OperationPaginatorState.page": ["marker", "max_size_bytes", "max_items"],
    "Invoker.create_invocation_input": ["execution"],
    "Invoker.invoke": [
        "function_name", "input", "endpoint_url", "tenant_id", "account_id", "region_name",
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", METHODS)
def test_method(name: str) -> None:
    """It takes the parameters that it is given."""
    kind, _, method = name.partition(".")
    found = list(inspect.signature(getattr(getattr(aws, kind), method)).parameters)
    assert found == ["self", *METHODS[name]]


def test_names() -> None:
    """Each name that is used is there, and none is private."""
    assert all(hasattr(aws, name) and not name.startswith("_") for name in aws.__all__)
    parameters = inspect.signature(aws.Executor).parameters
    assert {
        "store", "scheduler", "invoker", "checkpoint_processor", "invocation_timeout_seconds",
        "registry", "clock", "child_dispatcher", "region",
    } <= {*parameters}  # fmt: skip
    assert isinstance(aws.Executor.RETRY_BACKOFF_SECONDS, int)
