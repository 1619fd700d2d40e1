"""What an exception is, in full: its message, its stack with source lines, X-Ray's cause.

Loaded at the first failure. Rule 1: it loads no module of the standard library. `traceback` needs
a dozen, and a file of the user may have the name of any of them.

Rule 2: each part is made by itself. An exception whose `__notes__` can't be read has its stack.
"""

import sys
from os import __file__ as os_file
from os import getcwd

from . import codec
from .errors import Fault, text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import TracebackType
    from typing import Any, TypeVar

    T = TypeVar("T")

# Frames of these files are left out of a stack.
_OURS = __file__.removesuffix("core/error_document.py")
# So are those of these at the start, and right below the runtime's: what leads to the user's code.
_LIBRARY = os_file.rpartition("/")[0]
_TO_USERS = ("<frozen ", f"{_LIBRARY}/asyncio/", f"{_LIBRARY}/threading.py")

# How many members of a group, and causes of a chain, are reported.
_RELATED_KEPT = 20
# How many equal frames in a row are shown; the others are counted.
_REPEATED_KEPT = 3


class Frame:
    """A line of a stack: its file, its number, the function it is in, its text or ""."""

    __slots__ = ("file", "label", "line", "text")

    def __init__(self, file: str, line: int, label: str, text: str) -> None:
        self.file = file
        self.line = line
        self.label = label
        self.text = text

    def __str__(self) -> str:
        place = f'  File "{self.file}", line {self.line}, in {self.label}\n'
        return f"{place}    {self.text}\n" if self.text else place


def describe(exc: BaseException) -> tuple[str, str, list[str], str]:
    """Return the message, the errorType, the stack and X-Ray's cause of an exception."""
    message = text_of(exc)
    if isinstance(exc, Fault):
        # Where there is no cause it is the handler's line that has asked for what can't be done.
        stack = exc.stack or stack_of(exc.__traceback__)
        if exc.__cause__ is not None:
            stack = [*stack_of(exc.__cause__.__traceback__), *sequel(exc.__cause__)]
        return message, exc.error_type, stack, xray_cause(message, "LambdaValidationError", [])
    name = type(exc).__name__
    frames = _frames(exc.__traceback__)
    cause = xray_cause(message, name, frames)
    return message, name, [*_stack(frames), *sequel(exc)], cause


def shown(frames: "Iterable[T]", file_of: "Callable[[T], str]") -> "Iterator[T]":
    """Give those frames of a stack, the outermost first, that are not the runtime's."""
    is_hidden = True
    for frame in frames:
        file = file_of(frame)
        is_hidden = file.startswith(_OURS) or (is_hidden and file.startswith(_TO_USERS))
        if not is_hidden:
            yield frame


def stack_of(tb: "TracebackType | None") -> list[str]:
    """Return the user's part of a traceback as Python prints it."""
    return _stack(_frames(tb))


def sequel(exc: BaseException) -> list[str]:
    """Return what follows an exception's own frames: its notes, its causes, a group's members."""
    return [*_attempted(_notes, exc), *_attempted(_related, exc)]


def xray_cause(message: str, name: str, frames: list[Frame]) -> str:
    """Return X-Ray's document of an exception: one line of ASCII."""
    try:
        directory = getcwd()
    except OSError:  # it has been removed
        directory = ""
    stack = [{"label": f.label, "path": f.file, "line": f.line} for f in frames]
    document = {
        "working_directory": directory,
        "exceptions": [{"message": message, "type": name, "stack": stack}],
        "paths": sorted({f.file for f in frames}),
    }
    return codec.encode_ascii(document).decode()


def _attempted(part: "Callable[[BaseException], list[Any]]", exc: BaseException) -> "list[Any]":
    """Return this part of a description, or nothing of it if the user's class gets in its way."""
    try:
        return part(exc)
    except Exception:
        return []


def _frames(tb: "TracebackType | None") -> list[Frame]:
    """Return the user's frames of a traceback, and those of what the user has called."""
    frames = []
    sources: dict[str, list[str]] = {}
    for entry in shown(_entries(tb), lambda entry: entry.tb_frame.f_code.co_filename):
        code = entry.tb_frame.f_code
        text = _source_line(entry, sources)
        frames.append(Frame(code.co_filename, entry.tb_lineno or 0, code.co_name, text))
    return frames


def _entries(tb: "TracebackType | None") -> "Iterator[TracebackType]":
    while tb is not None:
        yield tb
        tb = tb.tb_next


def _source_line(tb: "TracebackType", sources: dict[str, list[str]]) -> str:
    """Return the line that a frame is at, without its indentation; "" if there is none.

    `sources` keeps the lines of the files that were read.
    """
    file = tb.tb_frame.f_code.co_filename
    if file not in sources:
        try:
            sources[file] = _source(file, tb.tb_frame.f_globals).split("\n")
        except Exception:
            sources[file] = []
    try:
        return sources[file][tb.tb_lineno - 1].strip()
    except (IndexError, TypeError):
        return ""


def _source(file: str, variables: "dict[str, Any]") -> str:
    """Return the text of a file, of a member of an archive, or of code that has been generated."""
    if file.startswith("<"):
        # attrs and others leave what they generate in the cache of linecache.
        return "".join(sys.modules["linecache"].cache[file][2])
    try:
        with open(file, "rb") as opened:
            data = opened.read()
    except OSError:
        text: str = variables["__loader__"].get_source(variables["__name__"])
        return text
    for line in data.split(b"\n", 2)[:2]:
        _, cookie, rest = line.partition(b"coding")
        if cookie and line.startswith(b"#") and rest[:1] in (b":", b"="):
            return data.decode(rest[1:].split()[0].decode(), "replace")
    return data.decode("utf-8-sig", "replace")


def _stack(frames: list[Frame]) -> list[str]:
    """Return frames as Python prints them, repetitions folded, without the ^^^^ below a line."""
    stack: list[str] = []
    last: tuple[str, int, str] | None = None
    count = 0
    for frame in [*frames, None]:
        place = None if frame is None else (frame.file, frame.line, frame.label)
        if place != last:
            if count > _REPEATED_KEPT:
                times = count - _REPEATED_KEPT
                plural = "s" if times > 1 else ""
                stack.append(f"  [Previous line repeated {times} more time{plural}]\n")
            last, count = place, 0
        count += 1
        if frame is not None and count <= _REPEATED_KEPT:
            stack.append(str(frame))
    return stack


def _notes(exc: BaseException) -> list[str]:
    notes = getattr(exc, "__notes__", None)
    return [f"Note: {text_of(note)}\n" for note in notes] if isinstance(notes, list) else []


def _related(exc: BaseException) -> list[str]:
    """Return the stacks of the causes and of a group's members, each below a line that names it."""
    stack: list[str] = []
    seen = {id(exc)}
    found = _relatives(exc)
    pending = [found]
    while pending and len(seen) <= _RELATED_KEPT:
        for relation, other in pending[-1]:
            if id(other) in seen:
                continue
            seen.add(id(other))
            message = text_of(other)
            name = type(other).__name__
            stack.append(f"{relation} {name}: {message}\n" if message else f"{relation} {name}\n")
            stack.extend(stack_of(other.__traceback__))
            stack.extend(_attempted(_notes, other))
            pending.append(_relatives(other))
            break
        else:
            pending.pop()
    return stack


def _relatives(exc: BaseException) -> "Iterator[tuple[str, BaseException]]":
    if isinstance(exc, BaseExceptionGroup):
        for number, member in enumerate(exc.exceptions, 1):
            yield f"Member {number} of {len(exc.exceptions)}:", member
    if exc.__cause__ is not None:
        yield "Caused by", exc.__cause__
    elif exc.__context__ is not None and not exc.__suppress_context__:
        yield "Raised while handling", exc.__context__
