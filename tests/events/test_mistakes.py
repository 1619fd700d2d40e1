"""Mistakes are found when they are made: in a class, at a registration, in an option."""

import dataclasses
import functools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amazon_lambda_runtime.core.hooks import is_near
from amazon_lambda_runtime.events import (
    ALB,
    MQ,
    S3,
    SNS,
    SQS,
    CloudFormation,
    DynamoDB,
    EventBridge,
    EventHandler,
    EventRuntime,
    Kafka,
    Kinesis,
)
from amazon_lambda_runtime.testing import invoke

from .support import message, records, s3, sampled


class App(EventRuntime):
    pass


def test_unknown_sources() -> None:
    """A source with a typing error is refused, with the nearest names and all of them."""
    app: Any = EventRuntime()
    register: Any = App.register_event_handler
    for attempt in (register, app.on):
        with pytest.raises(ValueError, match="'aws:sqss' is not a known source") as raised:
            attempt("aws:sqss", *((SQS,) if attempt is register else ()))
        assert "Did you mean 'aws:sqs'" in str(raised.value)
        assert "aws:workmail" in str(raised.value)
    with pytest.raises(ValueError, match=r"'zzz' is not a known source. The sources are: aws:alb"):
        app.on("zzz")
    for nothing in (7, None, b"aws:sqs", ["aws:sqs"]):
        with pytest.raises(TypeError, match='expected the name of a source, such as "aws:sqs"'):
            register(nothing, SQS)


def test_conditions() -> None:
    """A condition of another source is refused before there is a function; so is one of no text."""
    app: Any = EventRuntime()
    with pytest.raises(TypeError, match="aws:sqs has no condition 'bucket'; it has: queue"):
        app.on("aws:sqs", bucket="b")
    with pytest.raises(TypeError, match="aws:ses has no condition 'to'; it has: none"):
        app.on("aws:ses", to="b")
    with pytest.raises(TypeError, match="aws:sqs, queue: expected a pattern of text, not list"):
        app.on("aws:sqs", queue=["a"])
    app.on("aws:sqs", queue="orders")(print)
    with pytest.raises(ValueError, match=r"there is a function for aws:sqs .*orders.* already"):
        app.on("aws:sqs", queue="orders")(lambda body, record: None)


@pytest.mark.parametrize(
    "name",
    ["s3:ObjectCreate:*", "s3:ObjectsCreated:Put", "s3:ObjectRemove:*", "s3:objectCreated:*"],
)
def test_names_of_s3_events(name: Any) -> None:
    """What is almost the name of a family of S3's events is refused; new names are not."""
    app: Any = EventRuntime()
    with pytest.raises(ValueError, match=r"did you mean s3:Object(Created|Removed)"):
        app.on(name)
    for fine in ("s3:*", "s3:Object*", "s3:ObjectCreated:*", "s3:LifecycleExpiration", "s3:New:*"):
        app.on(fine)(lambda record: None)


def test_without_parentheses() -> None:
    """@app.on alone says what is missing."""
    app: Any = EventRuntime()
    with pytest.raises(TypeError, match=r'write @app.on\("aws:sqs"\)'):

        @app.on  # type: ignore[untyped-decorator]
        def take(body: Any, record: Any) -> None: ...


GIVEN: list[tuple[Any, int]] = [
    ("aws:sqs", 2),
    ("aws:sns", 3),
    ("aws:s3", 1),
    ("s3:ObjectCreated:*", 1),
    ("aws:events", 3),
    ("aws:kinesis", 2),
    ("aws:dynamodb", 3),
    ("aws:kafka", 2),
    ("aws:mq", 2),
    ("aws:rmq", 2),
    ("aws:logs", 2),
    ("aws:alb", 4),
    ("aws:ses", 1),
    ("aws:cloudformation", 1),
]


@pytest.mark.parametrize(("source", "count"), GIVEN)
def test_arity_of_functions(source: Any, count: int) -> None:
    """A function that can't be called with what its source gives is refused, and told why."""
    names = "abcdefg"
    for number in range(7):
        function = eval(f"lambda {','.join(names[:number])}: None")
        app: Any = EventRuntime()
        if number == count:
            assert app.on(source)(function) is function
            continue
        with pytest.raises(TypeError, match="calls its function with") as raised:
            app.on(source)(function)
        assert "<lambda>(" in str(raised.value)


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("aws:alb", "method, path, params, event"),
        ("aws:dynamodb", "new, old, record"),
        ("aws:events", "detail_type, detail, event"),
        ("aws:kafka", "value, record"),
        ("aws:kinesis", "data, record"),
        ("aws:logs", "document, record"),
        ("aws:mq", "data, message"),
        ("aws:rmq", "data, message"),
        ("aws:s3", "record"),
        ("aws:sns", "message, sns, record"),
        ("aws:sqs", "body, record"),
        ("aws:ses", "event"),
    ],
)
def test_what_a_source_gives_is_named(source: Any, names: str) -> None:
    """Who writes a function that can't be called reads what it would be called with."""
    app: Any = EventRuntime()
    with pytest.raises(TypeError, match=rf"{source} calls its function with \({names}\): "):
        app.on(source)(lambda: None)


class Service:
    def take(self, body: Any, record: Any) -> None: ...

    def one(self, body: Any) -> None: ...

    @staticmethod
    def static(body: Any, record: Any) -> None: ...

    @classmethod
    def of_class(cls, body: Any, record: Any) -> None: ...

    def __call__(self, body: Any, record: Any) -> None: ...


def wrapped(*arguments: Any, **named: Any) -> None: ...


def test_what_counts_as_a_parameter() -> None:
    """Methods, defaults and `*args` count as Python counts; what can't be told is taken."""
    service = Service()
    fine: list[Any] = [
        service.take,
        Service.static,
        Service.of_class,
        service,
        functools.partial(service.take),
        wrapped,
        functools.wraps(service.one)(wrapped),
        lambda body, record, extra=None: None,
        lambda body, *rest: None,
        lambda body, record, *, extra=None: None,
        print,
    ]
    for function in fine:
        EventRuntime().on("aws:sqs")(function)
    bad: list[Any] = [
        service.one,
        Service.take,
        lambda body, record, *, extra: None,
        lambda body, record, extra, *rest: None,
    ]
    for function in bad:
        with pytest.raises(TypeError, match=r"aws:sqs calls its function with \(body, record\)"):
            EventRuntime().on("aws:sqs")(function)
    for nothing in (None, 7, "take"):
        with pytest.raises(TypeError, match=f"{type(nothing).__name__} is none"):
            EventRuntime().on("aws:sqs")(nothing)  # type: ignore[type-var]


async def async_generator(body: Any, record: Any) -> Any:
    yield 1


def generator(body: Any, record: Any) -> Any:
    yield 1


@pytest.mark.parametrize("function", [generator, async_generator])
def test_what_yields(function: Any) -> None:
    """A generator for records is refused; for a whole event it is a stream, and is not."""
    with pytest.raises(TypeError, match=rf"aws:sqs: {function.__name__} must not yield"):
        EventRuntime().on("aws:sqs")(function)
    app = EventRuntime()

    @app.on("aws:lambda-url")
    def stream(event: Any) -> Any:
        yield "a"
        yield "b"

    with pytest.raises(TypeError, match="must not yield"):
        type("Queue", (SQS,), {"on_message": lambda self, body, record: (yield 1)})


HOOKS = [
    (SQS, "on_message", 2),
    (SNS, "on_notification", 3),
    (S3, "on_object_created", 1),
    (S3, "on_s3_event", 1),
    (EventBridge, "on_event", 3),
    (Kinesis, "on_record", 2),
    (Kinesis, "on_window", 3),
    (Kinesis, "on_window_end", 2),
    (DynamoDB, "on_insert", 2),
    (DynamoDB, "on_modify", 3),
    (DynamoDB, "on_window", 3),
    (Kafka, "on_message", 2),
    (MQ, "on_message", 2),
    (ALB, "on_request", 4),
    (CloudFormation, "on_create", 2),
    (CloudFormation, "on_update", 3),
]


@pytest.mark.parametrize(("base", "name", "count"), HOOKS)
def test_arity_of_hooks(base: Any, name: str, count: int) -> None:
    """A hook that can't be called is refused when its class is defined, however it is defined."""
    for number in range(7):
        own = ",".join("abcdefg"[:number])
        method = eval(f"lambda self, {own}: None" if own else "lambda self: None")
        static = staticmethod(eval(f"lambda {own}: None"))
        for hook in (method, static):
            if number == count:
                type("Handler", (base,), {name: hook})
                continue
            with pytest.raises(TypeError, match=rf"Handler\.{name} calls its function with"):
                type("Handler", (base,), {name: hook})


@pytest.mark.parametrize(
    ("base", "name", "meant"),
    [
        (SQS, "on_mesage", "on_message"),
        (SQS, "on_messages", "on_message"),
        (SQS, "on_Message", "on_message"),
        (SQS, "on_mssgae", ""),
        (S3, "on_object_create", "on_object_created"),
        (S3, "on_s3_events", "on_s3_event"),
        (Kinesis, "on_windows", "on_window"),
        (Kinesis, "on_windw_end", "on_window_end"),
        (ALB, "on_reqeust", "on_request"),
        (SQS, "on_connect", ""),
        (SQS, "on_order", ""),
        (SQS, "message", ""),
    ],
)
def test_a_misspelt_hook(base: Any, name: str, meant: str) -> None:
    """What is almost a hook's name would never be called, and is refused; nothing else is."""

    def method(self: Any, *arguments: Any) -> None: ...

    if meant:
        with pytest.raises(
            TypeError, match=rf"Handler\.{name} is never called: did you mean.*{meant}"
        ):
            type("Handler", (base,), {name: method})
    else:
        type("Handler", (base,), {name: method})


def test_a_misspelt_hook_is_a_callable_of_its_own() -> None:
    """What is no callable, or is known to a base, is the user's."""
    type("Handler", (SQS,), {"on_messages": ["a"]})

    class Mixin:
        def on_messages(self) -> None: ...

    type("Handler", (Mixin, SQS), {"on_messages": lambda self: None})
    type("Handler", (EventHandler,), {"on_message": lambda self: None})

    class Queue(SQS):
        def on_message(self, body: Any, record: Any) -> None: ...

    with pytest.raises(TypeError, match=r"the hooks are: on_message|The hooks are: on_message"):
        type("Handler", (Queue,), {"on_mesage": lambda self: None})


@pytest.mark.parametrize(
    ("one", "other", "near"),
    [("ab", "abcd", True), ("ab", "abcde", False), ("", "ab", True), ("abc", "cba", True)],
)
def test_near_names_of_other_lengths(one: str, other: str, near: bool) -> None:
    """Two characters more or fewer are near, three are not."""
    assert is_near(one, other) is is_near(other, one) is near


@sampled()
@given(st.text("ab_", max_size=6), st.text("ab_", max_size=6))
def test_near_names(one: str, other: str) -> None:
    """Two names are near if two insertions, deletions or changes make one of the other."""

    @functools.cache
    def distance(i: int, j: int) -> int:
        if not i or not j:
            return i + j
        return min(
            distance(i - 1, j) + 1,
            distance(i, j - 1) + 1,
            distance(i - 1, j - 1) + (one[i - 1] != other[j - 1]),
        )

    assert is_near(one, other) is (distance(len(one), len(other)) <= 2)


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("partial_failures", "False", TypeError),
        ("partial_failures", "True", TypeError),
        ("partial_failures", 1, TypeError),
        ("max_concurrency", "5", TypeError),
        ("max_concurrency", True, TypeError),
        ("max_concurrency", 2.5, TypeError),
        ("max_concurrency", 0, ValueError),
        ("max_concurrency", -1, ValueError),
        ("margin_ms", "500", TypeError),
        ("margin_ms", -1, ValueError),
        ("margin_ms", None, TypeError),
    ],
)
def test_options(name: str, value: Any, error: type[Exception]) -> None:
    """An option of another type, or too small, is refused wherever it is set."""
    kinds: dict[str, str] = {"partial_failures": "bool"}
    message = f"{name} is {kinds.get(name, '')}"
    if value is not None:  # an option that is not given
        with pytest.raises(error, match=message):
            EventRuntime(**{name: value})
    with pytest.raises(error, match=message):
        type("App", (EventRuntime,), {name: value})
    app = EventRuntime()
    with pytest.raises(error, match=message):
        setattr(app, name, value)
    assert getattr(app, name) == getattr(EventRuntime, name)


def test_options_that_are_fine() -> None:
    """The least values are values; other attributes are the user's."""
    app = EventRuntime(partial_failures=True, margin_ms=0, max_concurrency=1)
    app.other = "x"
    app.partial_failures = False
    assert (app.partial_failures, app.margin_ms, app.max_concurrency) == (False, 0, 1)


def test_an_option_that_is_computed() -> None:
    """A property may stand for an option."""

    class Computed(EventRuntime):
        @property
        def partial_failures(self) -> bool:  # type: ignore[override]
            return True

    assert Computed().partial_failures is True


def test_registration_on_event_runtime_itself() -> None:
    """It would reach every function of the process; and on an instance, every instance."""

    class Queue(SQS):
        def on_message(self, body: Any, record: Any) -> None: ...

    with pytest.raises(TypeError, match=r"would reach every function of the process"):
        EventRuntime.register_event_handler("aws:sqs", Queue)
    for app in (EventRuntime(), App()):
        with pytest.raises(TypeError, match="register_event_handler is for classes"):
            app.register_event_handler("aws:sqs", Queue)


@pytest.mark.parametrize(
    ("source", "handler", "choice"),
    [
        ("aws:sqs", SNS, "aws:sns"),
        ("aws:s3", SQS, "aws:sqs"),
        ("aws:kinesis", DynamoDB, "aws:dynamodb"),
        ("aws:alb", SQS, "aws:sqs"),
        ("aws:sqs", ALB, "aws:alb"),
        ("aws:kafka", MQ, "aws:mq, aws:rmq"),
        ("aws:kinesis", S3, "aws:s3, aws:sns, aws:sqs"),
    ],
)
def test_a_class_of_another_source(source: Any, handler: Any, choice: str) -> None:
    """It would be called with what it can't read, and is refused with the sources it is for."""

    class Own(handler):  # type: ignore[misc]
        pass

    for kind in (handler, Own):
        with pytest.raises(
            TypeError, match=rf"{kind.__name__} is not for {source}; it is for: {choice}"
        ):
            App.register_event_handler(source, kind)


def test_what_is_no_handler() -> None:
    """A function, an instance or another class is refused."""
    register: Any = App.register_event_handler
    for nothing in (int, "SQS", print, None):
        with pytest.raises(TypeError, match="not a subclass of EventHandler"):
            register("aws:sqs", nothing)


def test_s3_and_eventbridge_for_their_envelopes() -> None:
    """As in the original, they may be registered for a topic or a queue."""
    seen: list[Any] = []

    class Files(S3):
        def on_s3_event(self, record: Any) -> None:
            seen.append(record)

    class Mine(EventRuntime):
        pass

    Mine.register_event_handler("aws:sqs", Files)
    invoke(Mine, records(message("1", records(s3()))))
    assert seen == [s3()]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("partial_failure", "partial_failures"),
        ("partialfailures", "partial_failures"),
        ("margin_m", "margin_ms"),
        ("max_concurency", "max_concurrency"),
        ("Max_concurrency", "max_concurrency"),
    ],
)
def test_a_misspelt_option(name: str, meant: str) -> None:
    """What is almost an option would be read by nobody: on a class, and on an instance."""
    match = rf"App2\.{name} is not an option: did you mean {meant}\?"
    with pytest.raises(TypeError, match=match):
        type("App2", (EventRuntime,), {name: True})
    with pytest.raises(TypeError, match=rf"{name} is not an option: did you mean {meant}"):
        setattr(EventRuntime(), name, True)
    with pytest.raises(TypeError, match=match):
        type("App2", (type("Base", (EventRuntime,), {}),), {name: True})


def test_what_is_no_option() -> None:
    """Other names are the user's, and so is what a base of theirs has."""
    mixin = type("Mixin", (), {"partial_failure": 1})
    fine: Any = type("App2", (mixin, EventRuntime), {"partial_failure": 2, "margin": 3, "max": 4})
    app = fine()
    app.partial_failure = 5
    app.concurrency_limit = 6
    app.margin = 7
    assert vars(app)["partial_failure"] == 5


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("on_unhandeld", print, "is never called: did you mean on_unhandled"),
        ("on_shutdwn", print, "is never called: did you mean on_shutdown"),
        ("on_unhandled", 5, "is int, not a method"),
        ("on_unhandled", lambda self, record: None, r"calls its function with \(source, record\)"),
    ],
)
def test_hooks_of_the_runtime(name: str, value: Any, told: str) -> None:
    """So it is with what the runtime itself calls."""
    with pytest.raises(TypeError, match=rf"App2\.{name} {told}"):
        type("App2", (EventRuntime,), {name: value})


@pytest.mark.parametrize("value", [5, None, "on_message", ["a"], {}])
def test_a_hook_that_is_no_method(value: Any) -> None:
    """It is told when the class is defined."""
    with pytest.raises(TypeError, match=rf"Handler\.on_message is {type(value).__name__}, not a"):
        type("Handler", (SQS,), {"on_message": value})


def test_a_hook_that_makes_a_method() -> None:
    """A descriptor may make one."""
    type("Handler", (SQS,), {"on_message": property(lambda self: print)})
    type("Handler", (SQS,), {"on_message": functools.partialmethod(print, 1)})


def test_own_init() -> None:
    """An `__init__` that an event would find to fail is told when its class is defined."""
    calls = (
        r"Handler calls its function with \(runtime, event, context, source\): .* can't be called"
    )
    for wrong in (lambda self: None, lambda self, runtime, event: None):
        with pytest.raises(TypeError, match=calls):
            type("Handler", (SQS,), {"__init__": wrong})
    with pytest.raises(TypeError, match=r"must begin with super\(\).__init__\(runtime, event, con"):

        class Forgets(SQS):
            def __init__(self, runtime: Any, event: Any, context: Any, source: str) -> None:
                self.seen = 0

    class Calls(SQS):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            self.seen = 0

    class ByName(SQS):
        def __init__(self, runtime: Any, event: Any, context: Any, source: str) -> None:
            SQS.__init__(self, runtime, event, context, source)

    class ByItself(SQS):
        def __init__(self, runtime: Any, event: Any, context: Any, source: str) -> None:
            self.runtime, self.event, self.context, self.source = runtime, event, context, source

    class Inherits(Calls):
        pass

    for fine in (Calls, ByName, ByItself, Inherits):
        App.register_event_handler("aws:sqs", fine)

    @dataclasses.dataclass
    class Data(SQS):
        seen: int = 0

    with pytest.raises(TypeError, match=r"Data calls its function with \(runtime, event, con"):
        App.register_event_handler("aws:sqs", Data)


def test_parameters_as_they_are_written() -> None:
    """Those that have to be named are shown behind their star."""
    for function, shown in [
        (lambda *, body: None, r"<lambda>\(\*, body\)"),
        (lambda *rest, body: None, r"<lambda>\(\*rest, body\)"),
        (lambda body, *, record: None, r"<lambda>\(body, \*, record\)"),
        (lambda body: None, r"<lambda>\(body\)"),
    ]:
        with pytest.raises(TypeError, match=shown + " can't be called with these"):
            EventRuntime().on("aws:sqs")(function)  # type: ignore[type-var]


def test_no_class_of_ours_is_named() -> None:
    """Python's own TypeErrors name the class that users know."""
    with pytest.raises(TypeError, match=r"^EventRuntime\.__init__\(\) got an unexpected"):
        App(partial_failure=True)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"^EventRuntime\.__init__\(\) takes 1 positional"):
        EventRuntime("INFO")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"^EventRuntime\.on_unhandled\(\) missing 1"):
        App().on_unhandled("")  # type: ignore[call-arg]
