"""The command `lambda-runtime`. Its dependencies are those of the extra `tools`."""

import sys
from collections.abc import Sequence

_TOOLS = ("boto3", "click", "dotenv", "httptools", "rich", "watchfiles")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command with these arguments (the process's own by default) and exit.

    The status is 0 for success, 1 if the function failed, 2 if the command could not do what it
    was asked for, and 128 + N if signal N ended it.
    """
    try:
        from .group import run

        status = run(arguments)
    except ModuleNotFoundError as error:
        if error.name not in _TOOLS:
            raise
        needs = 'lambda-runtime needs its tools: pip install "amazon-lambda-runtime[tools]"'
        print(needs, file=sys.stderr)
        status = 2
    sys.exit(status)
