"""The engine and all that needs it. Whoever imports this file has loaded AWS's package."""

import json
from collections.abc import Callable

from amazon_lambda_runtime.local.api.api_errors import InvokeError
from amazon_lambda_runtime.local.engine.function import LocalFunction
from amazon_lambda_runtime.local.engine.invocation import Answer

from .aws import Execution
from .invoking import Functions, Run
from .machine import AlreadyStarted, Machine
from .operations import Operations
from .recovery import go_on
from .routes import Routes
from .rows import Rows
from .telling import Telling

# How many executions are named in the log.
_NAMED = 5


class Loaded:
    """The machine, the API and the log of it. Its methods may be called from threads."""

    def __init__(
        self,
        functions: Functions,
        run: Run,
        changed: Callable[[Execution], None],
        rows: Rows | None,
        skip_time: bool,
        say: Callable[[str], None],
        reloaded_at: Callable[[str], float],
    ) -> None:
        self.machine = Machine(functions, run, changed, rows, skip_time)
        self.routes = Routes(lambda: list(functions.values()), Operations(self.machine))
        self.telling = Telling(say, reloaded_at)
        if said := self.machine.store.read():
            say(said)
        self.machine.forget_the_old()
        for execution in self.machine.store.list_all():
            self.telling.know(execution)
        names = go_on(self.machine)
        if names:
            those = "execution" if len(names) == 1 else "executions"
            more = " …" if len(names) > _NAMED else ""
            say(f"going on with {len(names)} {those}: {', '.join(names[:_NAMED])}{more}")
        self.close = self.machine.close

    def start(self, function: LocalFunction, payload: str, name: str, tenant_id: str) -> str:
        """Start an execution, and return its ARN. Raises InvokeError."""
        try:
            return self.machine.start(function, payload, name, tenant_id)
        except AlreadyStarted as error:
            message = f"The durable execution has already been started with another input: {error}"
            raise InvokeError(409, "DurableExecutionAlreadyStartedException", message) from None

    def result(self, arn: str) -> Answer | None:
        """Return what the caller of an execution gets; None if it has not ended."""
        execution = self.machine.store.load(arn)
        outcome = execution.result
        if not execution.is_complete or outcome is None:
            return None
        error = outcome.error
        if error is None and execution.current_status().value == "SUCCEEDED":
            return Answer((outcome.result or "null").encode())
        document = {
            "errorType": (error and error.type) or execution.current_status().value,
            "errorMessage": (error and error.message) or "",
            "stackTrace": (error and error.stack_trace) or [],
        }
        return Answer(json.dumps(document).encode(), failed=True)

    def count_open(self, name: str) -> int:
        """Return how many executions of a function have not ended."""
        return sum(
            not execution.is_complete and execution.start_input.function_name == name
            for execution in self.machine.store.list_all()
        )
