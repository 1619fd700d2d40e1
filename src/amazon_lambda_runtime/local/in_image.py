"""python -m amazon_lambda_runtime.local.in_image SCRIPT [HANDLER]: `bootstrap` outside Lambda.

It serves the URL of AWS's emulator on port 8080, so that an image runs as AWS's documentation
shows: docker run -p 9000:8080 IMAGE. The variables are those of AWS's emulator, and PORT_VARIABLE.
https://docs.aws.amazon.com/lambda/latest/dg/images-test.html

The rest of `local` is imported late, so that a missing extra can be reported and Ctrl-C is silent.
"""

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .engine.log_writer import LogWriter
    from .server import LocalLambda

PORT = 8080
#: The variable with another port; 0 for any free one.
PORT_VARIABLE = "LAMBDA_RUNTIME_LOCAL_PORT"


def main() -> int:
    """Serve the function that the script runs, until a signal; return the exit status."""
    # Until the event loop takes care of it, there is nothing to tidy up.
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    script, *arguments = sys.argv[1:]
    handler = arguments[0] if arguments else os.environ.get("_HANDLER", "")
    problem = _problem(handler, arguments[1:])
    if problem:
        print(f"bootstrap: {problem}", file=sys.stderr)
        return 2
    try:
        import asyncio

        from .engine import orphans
        from .engine.function import LocalFunction
        from .engine.log_writer import LogWriter
        from .server import LocalLambda
    except ModuleNotFoundError as error:
        from amazon_lambda_runtime.pip_line import pip_line

        print(
            "bootstrap: AWS_LAMBDA_RUNTIME_API is not set, so this is not Lambda; the local Lambda "
            f"needs {error.name}: {pip_line('local')}",
            file=sys.stderr,
        )
        return 2
    try:
        function = LocalFunction(
            name=os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "function"),
            handler=handler,
            command=[sys.executable, *_program(script), *arguments],
            task_root=_task_root(),
            timeout=_number("AWS_LAMBDA_FUNCTION_TIMEOUT", 300),
            memory=_number("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", 3008),
            max_concurrency=_number("AWS_LAMBDA_MAX_CONCURRENCY", 0),
        )
        port = _number(PORT_VARIABLE, PORT)
    except ValueError as error:
        print(f"bootstrap: {error}", file=sys.stderr)
        return 2
    with orphans.adopted(), LogWriter(sys.stderr) as log:
        return asyncio.run(_serve(LocalLambda(function, log=log, console=False), port, log))


def _problem(handler: str, surplus: list[str]) -> str:
    """Return what is wrong with the command line, as no invocation would tell it; "" if nothing."""
    if handler.startswith("-"):
        return f"there is no option {handler}; usage: bootstrap [HANDLER]"
    if surplus:
        words = " ".join(surplus)
        return f"there is more than a handler: {words}; usage: bootstrap [HANDLER]"
    if not handler:
        return "there is no handler: give one, such as hello.handler, or set _HANDLER"
    module, _, name = handler.rpartition(".")
    if not (module and name):
        return f"{handler!r} is not a handler: expected module.name, such as hello.handler"
    try:
        root = _task_root()
    except OSError:
        return "the current folder has been removed: change to the folder of the code"
    if not os.path.isdir(root):
        return (
            f"LAMBDA_TASK_ROOT is {root!r}, which is not a folder: set it to the folder of the code"
        )
    return ""


def _task_root() -> str:
    return os.environ.get("LAMBDA_TASK_ROOT") or os.getcwd()


def _number(variable: str, default: int) -> int:
    text = os.environ.get(variable) or str(default)
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{variable} is not a number: {text!r}; give a whole number, 0 or more")
    return int(text)


def _program(script: str) -> list[str]:
    """Return Python's arguments that run the script again, from any folder."""
    if Path(script).name == "__main__.py":
        return ["-m", "amazon_lambda_runtime"]
    return [os.path.abspath(script)]


async def _serve(service: "LocalLambda", port: int, log: "LogWriter") -> int:
    # A container's port is reached from outside only if it is published. Elsewhere, loopback.
    host = "0.0.0.0" if _is_container() else "127.0.0.1"
    import asyncio

    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with service:
        try:
            port = await service.listen(host, port)
        except (OSError, OverflowError) as error:
            reason = (
                os.strerror(error.errno) if isinstance(error, OSError) and error.errno else error
            )
            log(
                f"bootstrap: cannot listen on {host}:{port}: {reason}. "
                f"Choose another port with {PORT_VARIABLE}."
            )
            return 2
        path = "2015-03-31/functions/function/invocations"
        log(f"not in Lambda: serving http://{host}:{port}/{path}")
        await stopped.wait()
    return 0


def _is_container() -> bool:
    return os.getpid() == 1 or any(map(os.path.exists, ("/.dockerenv", "/run/.containerenv")))


if __name__ == "__main__":
    sys.exit(main())
