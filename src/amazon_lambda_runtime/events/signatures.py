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
    if not (callable(function) or hasattr(type(hook), "__get__")):
        kind = type(hook).__name__
        raise TypeError(f"{owner.__qualname__}.{name} is {kind}, not a method")
    _check(function, bound, given, f"{owner.__qualname__}.{name}", streams)


def check_init(owner: type, base: type, given: "tuple[str, ...]") -> None:
    """Raise TypeError if the `__init__` of a class can't be called with what is `given`, or does
    not call that of its base.
    """
    init = owner.__init__  # type: ignore[misc]
    code = getattr(init, "__code__", None)
    if code is None or init is base.__init__:  # type: ignore[misc]
        return
    _check(init, 1, given, owner.__qualname__, streams=False)
    # Without super() it may call its base's by name, or do the same work.
    if not {"super", "__init__", given[0]} & {*code.co_names}:
        arguments = ", ".join(given)
        raise TypeError(f"{init.__qualname__} must begin with super().__init__({arguments})")


def check_names(owner: type, hooks: "Iterable[str]") -> None:
    """Raise TypeError if a class defines what is almost a hook, and would never be called."""
    for name, value in vars(owner).items():
        if not name.startswith("on_") or not callable(value) or name in hooks:
            continue
        if any(hasattr(base, name) for base in owner.__bases__):
            continue
        near = nearest(name, hooks)
        if near:
            raise TypeError(
                f"{owner.__qualname__}.{name} is never called: did you mean"
                f" {' or '.join(sorted(near))}? The hooks are: {', '.join(sorted(hooks))}"
            )


def check_option(owner: type, name: str, options: "Iterable[str]") -> None:
    """Raise TypeError for an attribute of a class that is almost an option, and is never read."""
    near = nearest(name, options)
    if near and name not in near and not any(hasattr(base, name) for base in owner.__mro__[1:]):
        raise TypeError(
            f"{owner.__qualname__}.{name} is not an option: did you mean {' or '.join(near)}?"
        )


def nearest(name: str, choices: "Iterable[str]") -> list[str]:
    """Return those of which it takes two changes of a character or fewer to make `name`."""
    alike = [choice for choice in choices if abs(len(choice) - len(name)) <= 2]
    if not alike:
        return []
    # Not loaded at the top: most names are near to nothing.
    from amazon_lambda_runtime.core.hooks import is_near

    return [choice for choice in alike if is_near(name, choice)]


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
        raise TypeError(
            f"{what} calls its function with ({', '.join(given)}):"
            f" {function.__qualname__}({_signature(code, bound)}) can't be called with these"
        )


def _signature(code: "Any", bound: int) -> str:
    """Return the parameters of a function as they are written, without defaults."""
    last = code.co_argcount + code.co_kwonlyargcount
    names = [*code.co_varnames[bound : code.co_argcount]]
    if code.co_flags & _VARARGS:
        names.append(f"*{code.co_varnames[last]}")
    elif code.co_kwonlyargcount:
        names.append("*")
    return ", ".join([*names, *code.co_varnames[code.co_argcount : last]])
