"""What a callable has to be given, told by its code: `inspect` is slow to load."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any

_CODE = type((lambda: None).__code__)
_COROUTINE, _VARARGS = 0x80, 0x04  # CO_COROUTINE and CO_VARARGS of the module inspect


class Signature:
    """The parameters that are left to give to a callable, and whether calling it makes a coroutine.

    They are those of the function under decorators, if the decorators say which it is.
    """

    __slots__ = ("by_name", "is_async", "needed", "positional", "takes_too_few")

    def __init__(self, code: "CodeType", function: "Any", given: int, named: set[str]) -> None:
        count = code.co_argcount
        names = code.co_varnames[:count]
        defaults = len(function.__defaults__ or ())
        optional = named | {*names[count - defaults :], *(function.__kwdefaults__ or ())}
        keywords = code.co_varnames[count : count + code.co_kwonlyargcount]
        #: What may be given by position: nothing behind a parameter that `partial` gives by name.
        self.positional = [*names[given:]]
        for name in named.intersection(self.positional):
            del self.positional[self.positional.index(name) :]
        #: What has to be given, by position or by name.
        self.needed = [name for name in names[given:] if name not in optional]
        #: What has to be given, and by name only.
        self.by_name = [name for name in keywords if name not in optional]
        self.is_async = bool(code.co_flags & _COROUTINE)
        #: Whether it can't be given two by position, under its decorators or above.
        self.takes_too_few = len(self.positional) < 2 and not code.co_flags & _VARARGS


def signature_of(value: "Any") -> Signature | None:
    """Return the Signature of a callable; None for what has no code in Python.

    To call a class is to call its `__init__`.
    """
    given, named = 0, set[str]()
    if isinstance(value, type):
        value, given = value.__init__, 1  # type: ignore[misc]
    while not hasattr(value, "__code__") or hasattr(value, "__func__"):
        if hasattr(value, "__func__"):  # a method: `self` is given
            value, given = value.__func__, given + 1
        elif type(value).__name__ == "partial":
            given, named = given + len(value.args), named | set(value.keywords)
            value = value.func
        elif not isinstance(value, type) and hasattr(value.__call__, "__code__"):
            value = value.__call__
        else:
            return None
    accepts_any, seen = False, set[int]()
    while True:
        if not isinstance(getattr(value, "__code__", None), _CODE):
            return None
        seen.add(id(value))
        signature = Signature(value.__code__, value, given, named)
        accepts_any = accepts_any or not signature.takes_too_few
        # It may be anything, the function itself too.
        if id(getattr(value, "__wrapped__", value)) in seen:
            signature.takes_too_few = not accepts_any
            return signature
        value = value.__wrapped__
