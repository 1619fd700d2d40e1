"""python -m amazon_lambda_runtime.local COMMAND…: what `bootstrap` becomes outside Lambda.

It serves the URL of AWS's emulator on port 8080, so that an image runs as AWS's documentation
shows: docker run -p 9000:8080 IMAGE. The variables are those that AWS's emulator knows.
https://docs.aws.amazon.com/lambda/latest/dg/images-test.html
"""

import asyncio
import os
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import LocalLambda

PORT = 8080


def main() -> int:
    """Serve the function that the command runs until a signal comes; return the exit status."""
    try:
        from . import Function, LocalLambda
    except ModuleNotFoundError as error:
        print(
            "bootstrap: AWS_LAMBDA_RUNTIME_API is not set, so this is not Lambda, and to stand in "
            f'for it {error.name} is missing: pip install "amazon-lambda-runtime[local]"',
            file=sys.stderr,
        )
        return 2
    command = sys.argv[1:]
    handler = command[-1] if len(command) > 1 else os.environ.get("_HANDLER", "")
    try:
        function = Function(
            name=os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "function"),
            handler=handler,
            # The script is Python, whatever it is called and whether or not it is executable.
            command=[sys.executable, *command],
            task_root=os.environ.get("LAMBDA_TASK_ROOT") or os.getcwd(),
            timeout=float(os.environ.get("AWS_LAMBDA_FUNCTION_TIMEOUT", 300)),
            memory=int(os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", 3008)),
            max_concurrency=int(os.environ.get("AWS_LAMBDA_MAX_CONCURRENCY", 0)),
        )
    except ValueError as error:
        print(f"bootstrap: a variable of the function is no number: {error}", file=sys.stderr)
        return 2
    return asyncio.run(_serve(LocalLambda(function, console=False)))


async def _serve(service: "LocalLambda") -> int:
    # In a container the port is reached from outside, if whoever runs it says so. On a machine of
    # its owner's it is not.
    host = "0.0.0.0" if _is_container() else "127.0.0.1"
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with service:
        try:
            await service.listen(host, PORT)
        except OSError as error:
            print(f"bootstrap: cannot listen on {host}:{PORT}: {error.strerror}", file=sys.stderr)
            return 2
        path = "2015-03-31/functions/function/invocations"
        print(f"not in Lambda: serving http://{host}:{PORT}/{path}", file=sys.stderr, flush=True)
        await stopped.wait()
    return 0


def _is_container() -> bool:
    return os.getpid() == 1 or any(map(os.path.exists, ("/.dockerenv", "/run/.containerenv")))


if __name__ == "__main__":
    sys.exit(main())
