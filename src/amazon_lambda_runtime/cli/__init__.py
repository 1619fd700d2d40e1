"""The command `lambda-runtime`.

The extra `local` is enough for `local`, `init` and `events`. All else needs the extra `tools`.
"""

import os
import signal
import sys

# Little is imported here: before `main` has begun, Ctrl-C is a traceback.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

# The exit status after Ctrl-C.
_INTERRUPTED = 130
# What the extras install, by the names under which it is imported.
_OF_EXTRAS = {
    "boto3",
    "botocore",
    "click",
    "dotenv",
    "httptools",
    "moto",
    "rich",
    "urllib3",
    "watchfiles",
    "werkzeug",
}


def main(arguments: "Sequence[str] | None" = None) -> None:
    """Run the command with these arguments (the process's own by default) and exit.

    The status is 0 for success, 1 if the function failed, 2 if the command could not do what it
    was asked for, and 128 + N if signal N ended it.
    """
    if arguments is None:
        # While modules load there is nothing to tidy up, and a KeyboardInterrupt would be told as a
        # traceback wherever it comes.
        signal.signal(signal.SIGINT, lambda *_: os._exit(_INTERRUPTED))
    try:
        from .group import run

        status = run(arguments)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in _OF_EXTRAS:
            raise
        from amazon_lambda_runtime.pip_line import pip_line

        print(f"lambda-runtime needs {error.name}: {pip_line('tools')}", file=sys.stderr)
        # With this option 2 means something else.
        status = 1 if "--exit-code" in (sys.argv if arguments is None else arguments) else 2
    except KeyboardInterrupt:
        status = _INTERRUPTED
    finally:
        if arguments is None:
            # All is done. Python's own last steps are not interrupted.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(status)
