"""What is known of a function before it runs: its settings, its name in AWS, its environment."""

import os
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

REGION = "us-east-1"
ACCOUNT = "012345678912"
VERSION = "$LATEST"

# What the process that starts us may have from a Lambda around it and a new environment must not
# inherit. The names that are set below need no mention.
_LEFTOVERS = (
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_MAX_CONCURRENCY",
    "LAMBDA_RUNTIME_DIR",
    "_LAMBDA_TELEMETRY_LOG_FD",
    "_X_AMZN_TRACE_ID",
)


def arn(name: str) -> str:
    """Return the ARN of the function of this name."""
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"


@dataclass(frozen=True, slots=True)
class Function:
    """A function: the command that runs its runtime, and its limits.

    `timeout` is in seconds, `memory` in MB (told to the function, not enforced). `environment` is
    set over the environment of this process. The command runs in `task_root`.
    """

    name: str
    handler: str
    command: Sequence[str]
    task_root: str
    timeout: float = 3
    memory: int = 128
    environment: Mapping[str, str] = field(default_factory=dict)

    def process_environment(self, runtime_api: str) -> dict[str, str]:
        """Return the variables for one new process; `runtime_api` is its HOST:PORT to ask."""
        inherited = {name: value for name, value in os.environ.items() if name not in _LEFTOVERS}
        region = (
            inherited.get("AWS_REGION", "") or inherited.get("AWS_DEFAULT_REGION", "") or REGION
        )
        day = time.strftime("%Y/%m/%d", time.gmtime())
        return {
            **inherited,
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "TZ": ":UTC",
            **self.environment,
            "_HANDLER": self.handler,
            "LAMBDA_TASK_ROOT": self.task_root,
            "AWS_LAMBDA_RUNTIME_API": runtime_api,
            "AWS_LAMBDA_FUNCTION_NAME": self.name,
            "AWS_LAMBDA_FUNCTION_VERSION": VERSION,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(self.memory),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{self.name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": f"{day}/[{VERSION}]{secrets.token_hex(16)}",
        }
