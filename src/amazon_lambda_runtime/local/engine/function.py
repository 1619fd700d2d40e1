"""A function that can be run on this machine: its settings, its ARN, its environment variables."""

import os
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from amazon_lambda_runtime.project.aws_limits import DURABLE_RETENTION_DAYS, DURABLE_WAIT, MEMORY

REGION = "us-east-1"
ACCOUNT = "012345678912"
VERSION = "$LATEST"
_LOG_FORMAT = "AWS_LAMBDA_LOG_FORMAT"
_REGION_VARIABLES = ("AWS_REGION", "AWS_DEFAULT_REGION")

# Variables of a Lambda that this process may itself run in. A new environment must not inherit
# them. Those that are set below are overwritten anyway.
_LEFTOVERS = (
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_MAX_CONCURRENCY",
    "LAMBDA_RUNTIME_DIR",
    "_LAMBDA_TELEMETRY_LOG_FD",
    "_LAMBDA_TELEMETRY_LOG_FD_PROVIDER_SOCKET",
    "_X_AMZN_TRACE_ID",
)


@dataclass(frozen=True, slots=True)
class DurableConfig:
    """How long an execution of a durable function may take, in seconds, and is kept, in days."""

    execution_timeout: int = DURABLE_WAIT
    retention_days: int = DURABLE_RETENTION_DAYS


@dataclass(frozen=True)
class LocalFunction:
    """A function: the command that runs its runtime, and its limits.

    `timeout` is in seconds (0: none), `memory` in MB (0: no limit). `concurrency` is the maximum
    number of execution environments at a time. `max_concurrency` is the maximum number of
    invocations that one of them has at a time, as on Lambda Managed Instances; 0 is an ordinary
    function. The command runs in `task_root`.

    `environment` is the function's variables, as they are when a process starts. It is set over
    `inherited`: variables of this process, None for all of them.
    """

    name: str
    handler: str
    command: Sequence[str]
    task_root: str
    timeout: float = 3
    memory: int = 128
    environment: Mapping[str, str] = field(default_factory=dict)
    inherited: Mapping[str, str] | None = None
    concurrency: int = 10
    max_concurrency: int = 0
    freeze: bool = True
    #: In seconds: an environment that has been idle for so long is ended.
    idle: float = 300
    region: str = ""
    account: str = ACCOUNT
    #: A folder of external extensions, each an executable; "" for none.
    extensions: str = ""
    #: The names that it is known by beside its own, as of aliases of $LATEST.
    aliases: Sequence[str] = ()
    #: What makes it a durable function; None for any other.
    durable: DurableConfig | None = None
    #: Variables that this Lambda has for it: those of its `environment` are set over them.
    defaults: dict[str, str] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        return f"arn:aws:lambda:{self.region_name}:{self.account}:function:{self.name}"

    @property
    def region_name(self) -> str:
        """The region: that of the function's variables, else that of this process's."""
        if self.region:
            return self.region
        for variables in (self.environment, os.environ):
            for name in _REGION_VARIABLES:
                if region := variables.get(name):
                    return region
        return REGION

    @property
    def memory_size(self) -> int:
        """The memory that the function is told it has, in MB."""
        return self.memory or MEMORY[1]

    @property
    def logs_json(self) -> bool:
        """Whether its log format is JSON: then Lambda's own lines are JSON, too."""
        inherited = os.environ if self.inherited is None else self.inherited
        found = self.environment.get(_LOG_FORMAT, inherited.get(_LOG_FORMAT, ""))
        return found.upper() == "JSON"

    def process_environment(self, runtime_api: str, log_socket: str = "") -> dict[str, str]:
        """Return the environment variables of one new process.

        `runtime_api` is the HOST:PORT of its Runtime API. `log_socket` is the path of the socket
        that the workers of a managed instance connect their output to.
        """
        source = os.environ if self.inherited is None else self.inherited
        inherited = {name: value for name, value in source.items() if name not in _LEFTOVERS}
        day = time.strftime("%Y/%m/%d", time.gmtime())
        variables = {
            **inherited,
            "TZ": ":UTC",
            **self.defaults,
            **self.environment,
            **dict.fromkeys(_REGION_VARIABLES, self.region_name),
            "_HANDLER": self.handler,
            "LAMBDA_TASK_ROOT": self.task_root,
            "AWS_LAMBDA_RUNTIME_API": runtime_api,
            "AWS_LAMBDA_FUNCTION_NAME": self.name,
            "AWS_LAMBDA_FUNCTION_VERSION": VERSION,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(self.memory_size),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{self.name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": f"{day}/[{VERSION}]{secrets.token_hex(16)}",
        }
        if self.max_concurrency:
            variables |= {
                "AWS_LAMBDA_INITIALIZATION_TYPE": "lambda-managed-instances",
                "AWS_LAMBDA_MAX_CONCURRENCY": str(self.max_concurrency),
                "_LAMBDA_TELEMETRY_LOG_FD_PROVIDER_SOCKET": log_socket,
            }
        return variables
