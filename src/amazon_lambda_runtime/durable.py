"""`@durable`: a method or a function becomes a durable function, by AWS's SDK.

    class Order(Runtime):
        @durable
        def handler(self, event, context):
            charge = context.step(lambda _: pay(event), name="pay")

`context` is the SDK's DurableContext; that of the invocation is its `lambda_context`. The SDK is
the package aws-durable-execution-sdk-python. Its own `durable_execution` is for functions only: of
a method it makes one that can't be called.
"""

from functools import update_wrapper

__all__ = ["durable"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar, overload

    from aws_durable_execution_sdk_python import DurableContext

    Self = TypeVar("Self")
    Event = TypeVar("Event")
    Result = TypeVar("Result")

# CO_GENERATOR, CO_COROUTINE and CO_ASYNC_GENERATOR of the module inspect, and how each is written.
_KINDS = {0x20: "a generator", 0x80: "async", 0x200: "an async generator"}
_INSTEAD = {
    "a generator": "a durable execution has one result and streams nothing",
    "async": "the SDK has no event loop: call asyncio.run inside of a step",
    "an async generator": "a durable execution has one result and streams nothing",
}

if TYPE_CHECKING:

    @overload
    def durable(
        function: "Callable[[Self, Event, DurableContext], Result]", /
    ) -> "Callable[[Self, Any, Any], Any]": ...

    @overload
    def durable(
        function: "Callable[[Event, DurableContext], Result]", /
    ) -> "Callable[[Any, Any], Any]": ...

    @overload
    def durable(
        function: None = None, /, *, boto3_client: "Any" = None, plugins: "Any" = None
    ) -> "Callable[[Callable[..., Any]], Callable[..., Any]]": ...


def durable(
    function: "Any" = None, /, *, boto3_client: "Any" = None, plugins: "Any" = None
) -> "Any":
    """Make a durable function of a method `(self, event, context)` or a function.

    `boto3_client` and `plugins` are those of the SDK's `durable_execution`. Raises TypeError for
    what the SDK would fail on at each invocation, an async function or a generator; and ImportError
    if the SDK is not installed.
    """
    options = {"boto3_client": boto3_client, "plugins": plugins}
    if function is None:
        return lambda function: durable(function, **options)
    flags = getattr(getattr(function, "__code__", None), "co_flags", 0)
    for flag, kind in _KINDS.items():
        if flags & flag:
            raise TypeError(
                f"{function.__qualname__} is {kind}, and can't be durable: {_INSTEAD[kind]}"
            )
    return _Durable(function, options)


class _Durable:
    """A durable function; one of a class is bound to the instance, and kept by it."""

    def __init__(self, function: "Callable[..., Any]", options: "dict[str, Any]") -> None:
        update_wrapper(self, function)
        self._make = _sdk()
        self._function = function
        self._options = options
        self._whole: Callable[..., Any] | None = None
        self._name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: "Any", owner: "type | None" = None) -> "Any":
        if instance is None:
            return self
        bound = self._make(self._function.__get__(instance, owner), **self._options)
        # As functools.cached_property does; but not over a subclass's that has called ours.
        if self._name and getattr(type(instance), self._name, None) is self:
            vars(instance)[self._name] = bound
        return bound

    def __call__(self, event: "Any", context: "Any") -> "Any":
        if self._whole is None:
            self._whole = self._make(self._function, **self._options)
        return self._whole(event, context)


def _sdk() -> "Callable[..., Any]":
    """Return the SDK's `durable_execution`. Raises ImportError with what to install."""
    try:
        from aws_durable_execution_sdk_python import durable_execution
    except ImportError as exc:
        if exc.name != "aws_durable_execution_sdk_python":
            raise
        raise ImportError(
            "durable functions need AWS's SDK: pip install aws-durable-execution-sdk-python",
            name=exc.name,
        ) from None
    return durable_execution
