"""What is called for an event: classes, functions, and what happens if there is nothing."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from amazon_lambda_runtime import samples
from amazon_lambda_runtime.events import (
    MQ,
    S3,
    SNS,
    SQS,
    DynamoDB,
    EventBridge,
    EventHandler,
    EventRuntime,
    Kafka,
    Kinesis,
    UnhandledEvent,
)
from amazon_lambda_runtime.testing import FunctionError, invoke, make_context
from tests.harness import ACCEPTED, SERVING, Step, event, ours, run

from .support import (
    TEST_EVENT,
    bridged,
    dynamodb,
    kafka,
    kinesis,
    message,
    notification,
    records,
    s3,
    sns,
)

OK = {"status": "ok"}
ALL_DONE: dict[str, Any] = {"batchItemFailures": []}


class Recorder:
    """Makes handlers that keep what they were called with."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[Any, ...]]] = []

    def __call__(self, name: str) -> Callable[..., None]:
        def function(*arguments: Any) -> None:
            self.calls.append((name, arguments))

        return function

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.calls]


@pytest.fixture
def called() -> Recorder:
    return Recorder()


def test_classes_are_inherited(called: Recorder) -> None:
    """What a base class has registered serves its subclasses, and theirs comes first."""

    class Queue(SQS):
        def on_message(self, body: Any, record: Any) -> None:
            called("queue")(body)

    class Special(SQS):
        def on_message(self, body: Any, record: Any) -> None:
            called("special")(body)

    class Base(EventRuntime):
        pass

    class App(Base):
        pass

    class Other(Base):
        pass

    assert Base.register_event_handler("aws:sqs", Queue) is Base
    App.register_event_handler("aws:sqs", Special)
    assert invoke(App, samples.load("sqs", body="a")) == ALL_DONE
    assert invoke(Other, samples.load("sqs", body="b")) == ALL_DONE
    assert called.calls == [("special", ("a",)), ("queue", ("b",))]
    with pytest.raises(FunctionError, match="UnhandledEvent"):
        invoke(EventRuntime, samples.load("sqs"))


def test_a_decorated_function_stays_itself() -> None:
    """The decorator gives the function back, for a test to call it."""

    def handle(body: Any, record: Any) -> Any:
        return body

    assert EventRuntime().on("aws:sqs")(handle) is handle


@pytest.mark.parametrize(
    ("conditions", "event", "matched"),
    [
        ({"source": "aws:sqs", "queue": "orders"}, records(message("1")), True),
        ({"source": "aws:sqs", "queue": "order"}, records(message("1")), False),
        ({"source": "aws:sns", "topic": "new*"}, records(sns("x")), True),
        ({"source": "aws:sns", "topic": "x"}, records(sns("x")), False),
        ({"source": "aws:sns", "topic": "news"}, records(message("1", notification("x"))), True),
        (
            {"source": "aws:sns", "subject": "Hello*"},
            samples.load("sns", subject="Hello you"),
            True,
        ),
        ({"source": "aws:sns", "subject": "x"}, records(sns("x")), False),
        ({"source": "aws:sns", "topic": "*"}, records({"EventSource": "aws:sns"}), False),
        ({"source": "aws:s3", "bucket": "in-*", "key": "a b.csv"}, records(s3("a+b.csv")), True),
        ({"source": "s3:ObjectCreated:*", "key": "*.csv"}, records(s3("a.csv")), True),
        ({"source": "s3:ObjectCreated:Copy"}, records(s3()), False),
        ({"source": "s3:ObjectCreated:Put"}, records(s3(name="s3:ObjectCreated:Put")), True),
        ({"source": "s3:*"}, records({"eventSource": "aws:s3"}), False),
        ({"source": "aws:events", "detail_type": "Order*"}, bridged(1), True),
        ({"source": "aws:events", "source_": "shop"}, bridged(1), True),
        ({"source": "aws:events", "source_": "aws.*"}, bridged(1), False),
        ({"source": "aws:kinesis", "stream": "clicks"}, records(kinesis("1")), True),
        ({"source": "aws:kinesis", "stream": "c"}, records({"eventSource": "aws:kinesis"}), False),
        ({"source": "aws:dynamodb", "table": "t", "event": "MODIFY"}, records(dynamodb("1")), True),
        ({"source": "aws:dynamodb", "event": "INSERT"}, records(dynamodb("1")), False),
        ({"source": "aws:dynamodb", "table": "t"}, records({"eventSource": "aws:dynamodb"}), False),
        ({"source": "aws:kafka", "topic": "t"}, kafka([(0, 1, "x")]), True),
        (
            {"source": "aws:alb", "method": "GET", "path": "/a*"},
            samples.load("alb", path="/ab"),
            True,
        ),
        ({"source": "aws:apigateway-v2", "path": "/x"}, samples.load("apigw-v2", path="/x"), True),
        (
            {"source": "aws:apigateway-websocket", "route": "send"},
            samples.load("apigw-websocket", route="send"),
            True,
        ),
        (
            {"source": "aws:cognito", "trigger": "PreSignUp_*"},
            samples.load("cognito-pre-sign-up"),
            True,
        ),
    ],
)
def test_conditions(
    conditions: dict[str, str], event: Any, matched: bool, called: Recorder
) -> None:
    """A function is called for what meets all its conditions, and for nothing else."""
    conditions = dict(conditions)
    source = conditions.pop("source")
    conditions = {name.rstrip("_"): pattern for name, pattern in conditions.items()}
    app: Any = EventRuntime()
    app.on(source, **conditions)(called("it"))
    if matched:
        invoke(app, event)
        assert called.names == ["it"]
    else:
        with pytest.raises(FunctionError, match="UnhandledEvent"):
            invoke(app, event)


def test_what_functions_are_given(called: Recorder) -> None:
    """A function takes what the hook of its source takes: the payload first, the record last."""
    app: Any = EventRuntime()
    given: list[tuple[str, Any, tuple[Any, ...]]] = []
    for source, sent, expected in [
        ("aws:sqs", records(message("1", {"a": 1})), ({"a": 1}, message("1", {"a": 1}))),
        ("aws:sns", records(sns("hi")), ("hi", sns("hi")["Sns"], sns("hi"))),
        ("aws:s3", records(s3()), (s3(),)),
        ("aws:events", bridged({"a": 1}), ("Ordered", {"a": 1}, bridged({"a": 1}))),
        ("aws:kinesis", records(kinesis("1", "x")), ("x", kinesis("1", "x"))),
        (
            "aws:dynamodb",
            records(dynamodb("1", NewImage={"a": {"N": "1"}})),
            ({"a": 1}, None, dynamodb("1", NewImage={"a": {"N": "1"}})),
        ),
        (
            "aws:kafka",
            kafka([(0, 1, "x")]),
            ("x", kafka([(0, 1, "x")])["records"]["t-0"][0]),
        ),
    ]:
        app.on(source)(called(source))
        invoke(app, sent)
        given.append((source, sent, expected))
    assert called.calls == [(source, expected) for source, _, expected in given]
    called.calls.clear()
    for name, payload in [("mq-activemq", "hi"), ("mq-rabbitmq", "hi"), ("cloudwatch-logs", None)]:
        app.on(samples.source(name))(called(name))
        fields = {"data": payload} if payload else {}
        assert invoke(app, samples.load(name, **fields)) == OK
    assert called.calls[0][1][0] == called.calls[1][1][0] == "hi"
    assert called.calls[2][1][0]["logEvents"]


def test_the_most_specific_wins(called: Recorder) -> None:
    """More conditions, then fewer patterns, then more letters, in whatever order they were said."""
    app: Any = EventRuntime()
    for name, source, conditions in [
        ("all", "aws:s3", {}),
        ("created", "s3:ObjectCreated:*", {}),
        ("put", "s3:ObjectCreated:Put", {}),
        ("csv", "s3:ObjectCreated:*", {"key": "*.csv"}),
        ("in csv", "s3:ObjectCreated:*", {"key": "in/*.csv"}),
        ("one", "s3:ObjectCreated:*", {"key": "in/a.csv"}),
    ]:
        app.on(source, **conditions)(called(name))
    for key, name in [
        ("in/a.csv", "ObjectCreated:Copy"),
        ("in/b.csv", "ObjectCreated:Put"),
        ("b.csv", "ObjectCreated:Put"),
        ("b", "ObjectCreated:Put"),
        ("b", "ObjectCreated:Copy"),
        ("b", "ObjectRemoved:Delete"),
    ]:
        assert invoke(app, records(s3(key, name))) == OK
    assert called.names == ["one", "in csv", "csv", "put", "created", "all"]


def test_the_innermost_wins(called: Recorder) -> None:
    """What is there for S3 gets S3's record out of any envelope; else who has the queue does."""
    wrapped = records(message("1", notification(records(s3("a.csv"), s3("b.txt")))))
    app = EventRuntime()
    app.on("aws:sqs")(called("queue"))
    assert invoke(app, wrapped) == ALL_DONE
    app.on("aws:sns")(called("topic"))
    assert invoke(app, wrapped) == ALL_DONE
    app.on("aws:s3", key="*.csv")(called("csv"))
    assert invoke(app, wrapped) == ALL_DONE
    assert called.names == ["queue", "queue", "topic", "topic", "csv", "topic"]
    body, record = called.calls[1][1]
    assert (body, record["messageId"]) == (s3("b.txt"), "1")
    message_, sns_, record = called.calls[2][1]
    assert (message_, sns_["MessageId"], record) == (s3("a.csv"), "n-1", sns_)


def test_functions_before_classes(called: Recorder) -> None:
    """A class has what no function of the same source is for."""

    class Queue(SQS):
        def on_message(self, body: Any, record: Any) -> None:
            called("class")(body)

    class App(EventRuntime):
        pass

    App.register_event_handler("aws:sqs", Queue)
    app = App()
    app.on("aws:sqs", queue="other")(called("function"))
    invoke(app, records(message("1", "a")))
    app.on("aws:sqs", queue="orders")(called("function"))
    invoke(app, records(message("1", "b")))
    assert called.names == ["class", "function"]


def test_s3_test_event_is_dropped(called: Recorder) -> None:
    """S3's test event is a success on every path, and no hook is called for it."""
    app = EventRuntime()
    assert invoke(app, TEST_EVENT) == OK
    assert invoke(app, records(sns(TEST_EVENT))) == OK
    assert invoke(app, records(message("1", TEST_EVENT))) == ALL_DONE
    assert invoke(app, records(message("1", notification(TEST_EVENT)))) == ALL_DONE


@pytest.mark.parametrize("event", [records(), {"eventSource": "aws:kafka", "records": {}}])
def test_an_empty_batch(event: Any) -> None:
    """A batch of nothing is a success."""
    assert invoke(EventRuntime, event) == ALL_DONE


@pytest.mark.parametrize("event", [None, [], 7, "x", {}, {"name": "Ada"}, {"Records": "x"}])
def test_unknown_events_raise(event: Any) -> None:
    """An event of no known form is not a success."""
    with pytest.raises(FunctionError, match="not of a form") as raised:
        invoke(EventRuntime, event)
    assert isinstance(raised.value.__cause__, UnhandledEvent)


def test_on_unhandled_is_yours() -> None:
    """It may answer, for a whole event and for a record; and it may be async."""

    class App(EventRuntime):
        def on_unhandled(self, source: str, record: Any) -> Any:
            return [source, record]

    class Later(EventRuntime):
        async def on_unhandled(self, source: str, record: Any) -> Any:
            return [source, record]

    for kind in (App, Later):
        assert invoke(kind, {"a": 1}) == ["", {"a": 1}]
        assert invoke(kind, records(message("1"))) == ALL_DONE


@pytest.mark.parametrize(
    ("hookless", "source", "event"),
    [
        (SQS, "aws:sqs", records(message("1"))),
        (SNS, "aws:sns", records(sns("x"))),
        (S3, "aws:s3", records(s3())),
        (EventBridge, "aws:events", bridged(1)),
        (EventHandler, "aws:ses", samples.load("ses")),
    ],
)
def test_a_class_without_hooks(hookless: type[EventHandler], source: Any, event: Any) -> None:
    """A hook that is not overridden handles nothing."""

    class App(EventRuntime):
        pass

    App.register_event_handler(source, hookless)
    with pytest.raises(FunctionError, match=f"nothing is registered for this event of {source}"):
        invoke(App, event)


def test_whole_events() -> None:
    """An event that is no batch goes whole to its function or class, whose result is the answer."""

    class Mail(EventHandler):
        async def process(self) -> Any:
            self.logger.debug("from %s", self.source)
            return {"disposition": "CONTINUE", "id": self.context.aws_request_id}

    class App(EventRuntime):
        pass

    App.register_event_handler("aws:ses", Mail)
    app = App()

    @app.on("aws:cognito", trigger="PreSignUp_*")
    def confirm(event: Any) -> Any:
        return {**event, "response": {"autoConfirmUser": True}}

    @app.on("aws:apigateway-v2", method="GET")
    async def get(event: Any) -> Any:
        return {"statusCode": 200}

    context = make_context(aws_request_id="id-7")
    assert invoke(app, samples.load("ses"), context) == {"disposition": "CONTINUE", "id": "id-7"}
    confirmed = invoke(app, samples.load("cognito-pre-sign-up"))
    assert confirmed["response"] == {"autoConfirmUser": True}
    assert invoke(app, samples.load("apigw-v2")) == {"statusCode": 200}
    assert invoke(app, samples.load("apigw-v2", method="PUT"))["statusCode"] == 404


def test_a_class_for_whole_batches() -> None:
    """A class with `process` of its own has the batch whole; inside of another it has nothing."""

    class All(EventHandler):
        def process(self) -> Any:
            return {"batchItemFailures": [], "seen": len(self.event["Records"])}

    class App(EventRuntime):
        pass

    App.register_event_handler("aws:sns", All)
    assert invoke(App, records(sns(1), sns(2)))["seen"] == 2
    with pytest.raises(FunctionError, match="nothing is registered"):
        invoke(App, records(message("1", notification("x"))))


RECORD_SOURCES: list[tuple[type[EventHandler], Any, Any]] = [
    (SQS, "aws:sqs", records(message("1", 1), message("2", 2))),
    (SNS, "aws:sns", records(sns(1), sns(2))),
    (S3, "aws:s3", records(s3("a"), s3("b"))),
    (Kinesis, "aws:kinesis", records(kinesis("1", 1), kinesis("2", 2))),
    (DynamoDB, "aws:dynamodb", records(dynamodb("1"), dynamodb("2"))),
    (Kafka, "aws:kafka", kafka([(0, 1, 1), (0, 2, 2)])),
    (EventBridge, "aws:events", bridged(1)),
    (MQ, "aws:mq", samples.load("mq-activemq")),
]


@pytest.mark.parametrize(("base", "source", "event"), RECORD_SOURCES)
def test_process_is_yours_to_override(base: type[EventHandler], source: Any, event: Any) -> None:
    """It has the event whole, and `super().process()` goes on with its records, on one object."""
    seen: list[Any] = []

    def call(self: Any, payload: Any, record: Any) -> Any:
        return seen.append, (self,)

    def process(self: Any) -> Any:
        seen.append(self.event)
        answer = base.process(self)
        return {"answer": answer, "calls": len(seen) - 1}

    kind = type("Whole", (base,), {"process": process, "call": call})

    class App(EventRuntime):
        pass

    App.register_event_handler(source, kind)
    calls = 1 if source in ("aws:events", "aws:mq") else 2
    done = OK if source in ("aws:sns", "aws:s3", "aws:events", "aws:mq") else ALL_DONE
    assert invoke(App, event) == {"answer": done, "calls": calls}
    assert seen[0] == event
    assert len(set(map(id, seen[1:]))) == 1


def test_process_comes_before_functions() -> None:
    """What a class does with the whole event, functions for its records can't take from it."""
    seen: list[Any] = []

    class Whole(SQS):
        def process(self) -> Any:
            seen.append("process")
            return super().process()

    class App(EventRuntime):
        pass

    App.register_event_handler("aws:sqs", Whole)
    app = App()
    app.on("aws:sqs")(lambda body, record: seen.append(body))
    assert invoke(app, records(message("1", "a"))) == ALL_DONE
    assert seen == ["process", "a"]


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize(
    "name", [name for name in samples.names() if samples.source(name) == "aws:cognito"]
)
def test_cognito_gets_its_event_back(name: str, is_async: bool) -> None:
    """Where a trigger returns nothing, the event is the answer, with what it has put into it."""
    app: Any = EventRuntime()

    def trigger(event: Any) -> None:
        event["response"]["seen"] = True

    async def later(event: Any) -> None:
        trigger(event)

    app.on("aws:cognito")(later if is_async else trigger)
    event = samples.load(name)
    assert invoke(app, event) == {**event, "response": {**event["response"], "seen": True}}
    other = EventRuntime()
    other.on("aws:cognito")(lambda event: {"mine": 1})
    assert invoke(other, event) == {"mine": 1}

    class Trigger(EventHandler):
        def process(self) -> None:
            self.event["response"]["seen"] = True

    class App(EventRuntime):
        pass

    App.register_event_handler("aws:cognito", Trigger)
    assert invoke(App, event)["response"]["seen"] is True


HTTP = ["alb", "apigw-v1", "apigw-v2", "apigw-websocket", "function-url", "lattice"]


@pytest.mark.parametrize("name", HTTP)
def test_a_request_without_a_match(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """It is answered with 404, not with the 502 of a function that fails; and it is logged."""
    source: Any = samples.source(name)
    answer = invoke(EventRuntime, samples.load(name))
    assert (answer["statusCode"], json.loads(answer["body"])) == (404, {"error": "Not Found"})
    assert answer.get("statusDescription") == ("404 Not Found" if name == "alb" else None)
    assert (answer["headers"], answer["isBase64Encoded"]) == (
        {"Content-Type": "application/json"},
        False,
    )
    assert f"nothing is registered for this request of {source}" in caplog.text

    class App(EventRuntime):
        def on_unhandled(self, source: str, record: Any) -> Any:
            return {"statusCode": 410}

    assert invoke(App, samples.load(name)) == {"statusCode": 410}


def test_a_function_for_a_load_balancer() -> None:
    """It takes what the hook takes, and its result becomes a response as the hook's does."""
    app = EventRuntime()

    @app.on("aws:alb", method="GET")
    def get(method: str, path: str, params: dict[str, Any], event: Any) -> Any:
        if path == "/fails":
            raise ValueError(path)
        return [method, path, params, event["path"]]

    @app.on("aws:alb", method="PUT")
    async def put(method: str, path: str, params: dict[str, Any], event: Any) -> Any:
        return {"statusCode": 204}

    answer = invoke(app, samples.load("alb", path="/a", query={"b": "c"}))
    assert (answer["statusCode"], answer["statusDescription"]) == (200, "200 OK")
    assert json.loads(answer["body"]) == ["GET", "/a", {"b": "c"}, "/a"]
    assert invoke(app, samples.load("alb", path="/fails"))["statusCode"] == 500
    assert invoke(app, samples.load("alb", method="PUT")) == {"statusCode": 204}
    assert invoke(app, samples.load("alb", method="POST"))["statusCode"] == 404


def test_one_handler_to_an_invocation() -> None:
    """The hooks of a batch share an object, with what belongs to the invocation on it."""
    seen: list[Any] = []

    class Queue(SQS):
        def on_message(self, body: Any, record: Any) -> None:
            seen.append(self)

    class App(EventRuntime):
        pass

    App.register_event_handler("aws:sqs", Queue)
    app = App()
    context = make_context()
    event = records(message("1"), message("2"))
    invoke(app, event, context)
    invoke(app, event)
    assert seen[0] is seen[1]
    assert seen[1] is not seen[2]
    assert (seen[0].runtime, seen[0].context, seen[0].event) == (app, context, event)


FUNCTIONS = """
from amazon_lambda_runtime.events import EventRuntime

app = EventRuntime(loglevel="error")


@app.on("aws:sqs", queue="orders")
def take(body, record):
    print("took", body)


@app.on("aws:kinesis")
async def later(data, record):
    print("later", data)
"""


def test_a_module_of_functions(tmp_path: Path) -> None:
    """CMD ["orders.app"]: the bootstrap takes the instance, and loads asyncio during init."""
    tmp_path.joinpath("orders.py").write_text(FUNCTIONS)
    import json

    script: list[Step] = [event(json.dumps(records(message("1", {"a": 1}))).encode()), ACCEPTED]
    script += [event(json.dumps(records(kinesis("1", "x"))).encode(), "id-2"), ACCEPTED]
    done = run(ours("orders.app"), script, tmp_path)
    assert [post.body for post in done.posts] == [b'{"batchItemFailures": []}'] * 2
    assert done.stdout == "took {'a': 1}\nlater x\n"
    assert done.status == SERVING


def test_async_loads_asyncio_when_it_is_registered() -> None:
    """What is slow to load is loaded during init, and only where a hook is async."""
    from tests.test_laws import loaded_by

    start = "from amazon_lambda_runtime.events import EventRuntime, SQS\napp = EventRuntime()\n"
    sync = "app.on('aws:sqs')(lambda body, record: None)"
    function = "async def f(body, record): ...\napp.on('aws:sqs')(f)"
    hook = (
        "class Q(SQS):\n    async def on_message(self, body, record): ...\n"
        "class A(EventRuntime): pass\nA.register_event_handler('aws:sqs', Q)"
    )
    assert "asyncio" not in loaded_by(start + sync, sys.executable)
    assert "asyncio" in loaded_by(start + function, sys.executable)
    assert "asyncio" in loaded_by(start + hook, sys.executable)


def test_importing_events_is_cheap() -> None:
    """It adds at most 16 modules to the core's, and none that is slow to load."""
    from tests.test_laws import TOO_SLOW, loaded_by

    names = set(loaded_by("import amazon_lambda_runtime.events", sys.executable))
    core = set(loaded_by("import amazon_lambda_runtime.bootstrap, os, site", sys.executable))
    assert len(names - core) <= 16, sorted(names - core)
    assert not {name.partition(".")[0] for name in names} & TOO_SLOW
    assert "amazon_lambda_runtime.events.types" not in names
