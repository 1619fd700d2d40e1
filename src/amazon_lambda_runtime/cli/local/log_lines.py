"""The log's colours in a terminal: Lambda's own lines are dim, errors are red."""

from typing import Protocol

from amazon_lambda_runtime.local.engine.output import Log

_RESET, _DIM, _RED, _YELLOW, _CYAN = "\033[0m", "\033[2m", "\033[31m", "\033[33m", "\033[36m"
# How Lambda's own lines begin.
_PLATFORM = ("START RequestId: ", "END RequestId: ", "REPORT RequestId: ", "INIT_REPORT ")
_COLOURS = {
    "[ERROR]": _RED,
    "[CRITICAL]": _RED,
    "Traceback (most": _RED,
    "[WARNING]": _YELLOW,
    "[DEBUG]": _DIM,
}


class Terminal(Protocol):
    """Takes whole lines; perhaps it is a terminal."""

    def isatty(self) -> bool: ...
    def write(self, text: str, /) -> object: ...


def printer(stream: Terminal, function: str = "") -> Log:
    """Return a function that writes lines to this stream; in colours if it is a terminal.

    In a terminal each line of an invocation begins with the first part of its request id. A runtime
    joins the lines of one record with carriage returns, so that CloudWatch keeps them together;
    they are written as lines. With the name of a function, each line begins with that.
    """
    coloured = stream.isatty()
    name = f"{function}: " if function else ""

    def log(line: str, request_id: str = "") -> None:
        lines = [f"{name}{part}" for part in line.split("\r")]
        if coloured:
            colour = _colour(line)
            start = f"{_CYAN}{request_id[:8]}{_RESET} " if request_id else ""
            lines = [f"{start}{colour}{part}{_RESET if colour else ''}" for part in lines]
        stream.write("\n".join(lines) + "\n")

    return log


def _colour(line: str) -> str:
    if line.startswith(_PLATFORM):
        return _RED if "Status: " in line else _DIM
    if " Task timed out after " in line:
        return _RED
    return next((colour for start, colour in _COLOURS.items() if line.startswith(start)), "")
