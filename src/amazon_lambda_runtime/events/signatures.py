"""Whether a hook or function can be called with what it will be given.

Rule: a mistake is found when the code is loaded, not when a message comes, which then ends in the
dead letter queue. What can't be told (a callable object, a partial, a decorator with `*args`) is
taken as it is.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

# What inspect calls CO_VARARGS, CO_COROUTINE, CO_GENERATOR and CO_ASYNC_GENERATOR.
_VARARGS = 0x04
_COROUTINE = 0x80
_YIELDS = 0x220


def is_async(function: "Any") -> bool:
    """Say whether a function or method is `async def`."""
    code = getattr(function, "__code__", None)
    return code is not None and bool(code.co_flags & _COROUTINE)


def parameters(function: "Any") -> "tuple[str, ...]":
    """Return the names of the positional parameters of a method, without `self`."""
    code = function.__code__
    names: tuple[str, ...] = code.co_varnames[1 : code.co_argcount]
    return names


def check_function(function: "Any", given: "tuple[str, ...]", what: str, streams: bool) -> None:
    """Raise TypeError if `function` can't be called with as many arguments as are `given`.

    `what` is what the message calls the caller. A function that yields is refused as well, unless
    its caller `streams`.
    """
    if not callable(function):
        kind = type(function).__name__
        raise TypeError(f"{what} calls a function: {kind} is none")
    bound = int(getattr(function, "__self__", None) is not None)
    _check(function, bound, given, what, streams)


def check_hook(owner: type, name: str, given: "tuple[str, ...]", streams: bool) -> None:
    """Raise TypeError if the hook that a class defines can't be called as its base's is."""
    hook = vars(owner)[name]
    bound = 0 if isinstance(hook, staticmethod) else 1
    function = getattr(hook, "__func__", hook)
    _check(function, bound, given, f"{owner.__qualname__}.{name}", streams)


def check_names(owner: type, hooks: "Iterable[str]") -> None:
    """Raise TypeError if a class defines what is almost a hook, and would never be called."""
    for name, value in vars(owner).items():
        if not name.startswith("on_") or not callable(value) or name in hooks:
            continue
        if any(hasattr(base, name) for base in owner.__bases__):
            continue
        near = [hook for hook in hooks if is_near(name, hook)]
        if near:
            raise TypeError(
                f"{owner.__qualname__}.{name} is never called: did you mean"
                f" {' or '.join(sorted(near))}? The hooks are: {', '.join(sorted(hooks))}"
            )


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


def _check(function: "Any", bound: int, given: "tuple[str, ...]", what: str, streams: bool) -> None:
    code = getattr(function, "__code__", None)
    if code is None:
        return
    if code.co_flags & _YIELDS and not streams:
        raise TypeError(f"{what}: {function.__qualname__} must not yield: it would never be read")
    most = code.co_argcount - bound
    least = most - len(getattr(function, "__defaults__", None) or ())
    named = code.co_kwonlyargcount - len(getattr(function, "__kwdefaults__", None) or ())
    if named or least > len(given) or (most < len(given) and not code.co_flags & _VARARGS):
        names = ", ".join(code.co_varnames[bound : code.co_argcount + code.co_kwonlyargcount])
        raise TypeError(
            f"{what} calls its function with ({', '.join(given)}):"
            f" {function.__qualname__}({names}) can't be called so"
        )
