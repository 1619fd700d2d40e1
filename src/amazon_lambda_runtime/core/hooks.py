"""Whether what a Runtime overrides can be called as it will be.

A mistake is told at init: `on_shutdown` would fail when nobody looks any more, and the body of a
generator function never runs at all. Loaded only for a Runtime that overrides one of these.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# What those are given that get more than `self`.
_ARGUMENTS: "tuple[tuple[str, tuple[str, ...]], ...]" = (
    ("decode_event", ("body", "content_type")),
    ("encode_response", ("result",)),
)
# CO_VARARGS, CO_COROUTINE, and CO_GENERATOR or CO_ASYNC_GENERATOR of the module inspect.
_VARARGS, _COROUTINE, _YIELDS = 0x4, 0x80, 0x220
_YIELDED = "none of its code runs if it yields. What has to wait for the end goes into on_shutdown"


def check(runtime: object, names: list[str]) -> None:
    """Raise TypeError for the first of these hooks that can't be called as the runtime will."""
    for name in names:
        problem = _problem(name, getattr(runtime, name))
        if problem:
            raise TypeError(f"{type(runtime).__name__}.{name} {problem}")


def refuse(hook: "Any", result: object) -> None:
    """Raise TypeError for a result that shows that the body of the hook has not run."""
    kind = type(result)
    if any(hasattr(kind, name) for name in ("__next__", "__anext__", "__enter__", "__aenter__")):
        name = getattr(hook, "__qualname__", repr(hook))
        raise TypeError(f"{name} returned a {kind.__name__}: {_YIELDED}")


def _problem(name: str, hook: "Any") -> str:
    if not callable(hook):
        return f"is {type(hook).__name__}, not a method"
    function = getattr(hook, "__func__", hook)
    code = getattr(function, "__code__", None)
    if code is None:
        return ""
    if code.co_flags & _YIELDS:
        return f"is a generator: {_YIELDED}"
    arguments = dict(_ARGUMENTS).get(name, ())
    if code.co_flags & _COROUTINE and arguments:
        return "is async, and nothing awaits it: define it without async"
    given = len(arguments) + (function is not hook)
    least = code.co_argcount - len(function.__defaults__ or ())
    most = given if code.co_flags & _VARARGS else code.co_argcount
    needed = code.co_kwonlyargcount > len(function.__kwdefaults__ or ())
    if needed or not least <= given <= most:
        expected = ", ".join(["self", *arguments])
        return f"takes other arguments than it is given: define {name}({expected})"
    return ""
