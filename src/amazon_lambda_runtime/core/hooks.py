"""Whether what a Runtime overrides can be called as it will be.

A mistake is reported at init: `on_shutdown` would fail when it is too late to notice, and the body
of a generator function never runs at all. Loaded only for a Runtime that overrides one of these.
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


# on_init is short: other names are near it.
_MISSPELT = ("on_shutdown", "before_snapshot", "after_restore", "decode_event", "encode_response")


def check(runtime: object, names: list[str], others: list[str]) -> None:
    """Raise TypeError for the first of these hooks that can't be called as the runtime will, and
    for one of the other names that is almost a hook's.
    """
    for name in others:
        for hook in _MISSPELT:
            if is_near(name, hook):
                owner = type(runtime).__name__
                raise TypeError(f"{owner}.{name} is never called: did you mean {hook}?")
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


def is_near(one: str, other: str) -> bool:
    """Say whether it takes two changes of a character or fewer to make one of the other."""
    if abs(len(one) - len(other)) > 2:
        return False
    row = list(range(len(other) + 1))
    for i, c in enumerate(one, 1):
        before, row = row, [i]
        for j, d in enumerate(other, 1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (c != d)))
    return row[-1] <= 2
