"""AWS's engine of durable executions: each name of it that is used here, and no other.

The package is aws-durable-execution-sdk-python-testing; it logs to `logging`, and what is not an
error of ours is said again in our log.
"""

import logging

from aws_durable_execution_sdk_python.execution import (
    DurableExecutionInvocationInput,
    InitialExecutionState,
)
from aws_durable_execution_sdk_python.lambda_service import (
    ErrorObject,
    Operation,
    OperationAction,
    OperationStatus,
    OperationType,
    OperationUpdate,
)
from aws_durable_execution_sdk_python_testing.checkpoint.processor import CheckpointProcessor
from aws_durable_execution_sdk_python_testing.child_dispatcher import (
    ChainedInvokeRequest,
    ChildOutcome,
    DispatchResult,
    FunctionTarget,
    KnownOutcome,
    RunInvocation,
    StartChild,
    chained_invoke_timeout_error,
    function_not_found,
    result_outcome,
)
from aws_durable_execution_sdk_python_testing.clock import Clock, SkipClock
from aws_durable_execution_sdk_python_testing.exceptions import (
    AwsApiException,
    DurableFunctionsTestError,
)
from aws_durable_execution_sdk_python_testing.execution import Execution, OperationPaginatorState
from aws_durable_execution_sdk_python_testing.executor import Executor
from aws_durable_execution_sdk_python_testing.invoker import Invoker, InvokeResponse
from aws_durable_execution_sdk_python_testing.model import (
    CheckpointDurableExecutionRequest,
    StartDurableExecutionInput,
)
from aws_durable_execution_sdk_python_testing.scheduler import Scheduler
from aws_durable_execution_sdk_python_testing.stores.base import BaseExecutionStore
from aws_durable_execution_sdk_python_testing.token import CallbackToken
from aws_durable_execution_sdk_python_testing.worker.checkpoint_tasks import CallableTask
from aws_durable_execution_sdk_python_testing.worker.registry import ExecutionRegistry

__all__ = [
    "AwsApiException",
    "BaseExecutionStore",
    "CallableTask",
    "CallbackToken",
    "ChainedInvokeRequest",
    "CheckpointDurableExecutionRequest",
    "CheckpointProcessor",
    "ChildOutcome",
    "Clock",
    "DispatchResult",
    "DurableExecutionInvocationInput",
    "DurableFunctionsTestError",
    "ErrorObject",
    "Execution",
    "ExecutionRegistry",
    "Executor",
    "FunctionTarget",
    "InitialExecutionState",
    "InvokeResponse",
    "Invoker",
    "KnownOutcome",
    "Operation",
    "OperationAction",
    "OperationPaginatorState",
    "OperationStatus",
    "OperationType",
    "OperationUpdate",
    "RunInvocation",
    "Scheduler",
    "SkipClock",
    "StartChild",
    "StartDurableExecutionInput",
    "chained_invoke_timeout_error",
    "function_not_found",
    "result_outcome",
]

# What it reports is in the answer or in our log; without a handler it would go to stderr.
logging.getLogger("aws_durable_execution_sdk_python_testing").addHandler(logging.NullHandler())
