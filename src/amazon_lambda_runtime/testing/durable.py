"""Durable functions in a unit test: AWS's test runner, with our runtime around the handler.

The runner gives a handler its objects and takes its objects back. Here they go through JSON, the
Runtime's own `decode_event` and `encode_response` and our Context, as they do in Lambda.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from aws_durable_execution_sdk_python.execution import (
    DurableExecutionInvocationInput,
    DurableExecutionInvocationInputWithClient,
)
from aws_durable_execution_sdk_python_testing import DurableFunctionTestRunner

from .invocation import handler_of, invoke, invoke_with, make_context

# In ms: what an invocation has left. A step may take as long as the test allows.
_REMAINING = 900_000


@contextmanager
def durable_runner(
    handler: Any, *, skip_time: bool = True, **options: Any
) -> "Iterator[DurableFunctionTestRunner]":
    """Run a durable function in this process, and return AWS's DurableFunctionTestRunner for it.

    `handler` is a Runtime, a subclass of it, or a function. Waits and retries take no time, unless
    `skip_time` is False; the other options are the runner's. So are its methods: `run`,
    `run_async`, `wait_for_callback`, `send_callback_success`; what `register_durable_function` and
    `register_function` are given may be a Runtime, too. Needs AWS's package
    aws-durable-execution-sdk-python-testing.
    """
    with _Runner(_through_json(handler), skip_time=skip_time, **options) as runner:
        yield runner


class _Runner(DurableFunctionTestRunner):
    """Invokes other functions as ours are invoked, and leaves nothing open."""

    def register_durable_function(
        self, function_name: str, handler: Any, *args: Any, **options: Any
    ) -> DurableFunctionTestRunner:
        return super().register_durable_function(
            function_name, _through_json(handler), *args, **options
        )

    def register_function(self, function_name: str, handler: Any) -> DurableFunctionTestRunner:
        def run(event: Any, given: Any) -> Any:
            return invoke(handler, event, _context_of(given))

        return super().register_function(function_name, run)

    def close(self) -> None:
        super().close()  # type: ignore[no-untyped-call]
        # It leaves its event loop open, which is a ResourceWarning in some later test.
        with suppress(AttributeError):  # its name is no promise
            self._scheduler._loop.close()


def _through_json(handler: Any) -> Callable[[Any, Any], Any]:
    """Return what the runner calls in the place of a durable handler."""
    runtime, handle, is_ours = handler_of(handler)

    def run(given: DurableExecutionInvocationInputWithClient, context: Any) -> Any:
        def with_client(event: Any, context: Any) -> Any:
            # The SDK takes its client from the event, where there is one.
            read = DurableExecutionInvocationInput.from_json_dict(event)
            make = DurableExecutionInvocationInputWithClient.from_durable_execution_invocation_input
            return handle(make(read, given.service_client), context)

        event = given.to_json_dict()
        return invoke_with(runtime, with_client, is_ours, event, _context_of(context))

    return run


def _context_of(given: Any) -> Any:
    """Return our Context for the runner's."""
    return make_context(
        function_name=given.function_name,
        function_version=given.function_version,
        invoked_function_arn=given.invoked_function_arn,
        tenant_id=given.tenant_id,
        remaining_ms=_REMAINING,
    )
