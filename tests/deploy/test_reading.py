"""How a plan reads: each question once, side by side, and few of them."""

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from amazon_lambda_runtime.deploy import deployment
from amazon_lambda_runtime.deploy.aws import Aws, Reply
from amazon_lambda_runtime.deploy.errors import AwsError
from amazon_lambda_runtime.deploy.plan import Plan
from amazon_lambda_runtime.deploy.reading import AT_ONCE, SharedReads, side_by_side

from .canned import Canned, refused
from .world import World

PATIENCE = 30


class Counting(Aws):
    """An AWS that writes down each question, with its parameters."""

    asked: list[tuple[str, str]]

    def send(self, service: str, operation: str, parameters: Reply) -> Reply:
        self.asked.append((f"{service}:{operation}", repr(sorted(parameters.items()))))
        return super().send(service, operation, parameters)


def many(count: int) -> str:
    tables = [f"[tool.lambda-runtime.functions.f{n}]\nmemory = 256" for n in range(count)]
    return "\n".join(['[tool.lambda-runtime]\nrepository = "orders"', *tables])


def test_ten_questions_for_a_function(world: World) -> None:
    """Or fewer for each function more, and some for what all share; none is asked twice."""
    world.write(many(2))
    world.deploy()
    aws = world.aws(Counting)
    assert isinstance(aws, Counting)

    def plan() -> Plan:
        return deployment.plan(world.project(), aws, world.told, builder=world.images)

    def diff() -> Plan:
        return deployment.drift(world.project(), aws, world.told)

    def asked(look: Callable[[], Plan], functions: int) -> int:
        world.write(many(functions))
        aws.asked = []
        assert look().steps == ()
        assert [question for question, times in Counter(aws.asked).items() if times > 1] == []
        return len(aws.asked)

    # `diff` also looks for what is not declared.
    for look, most in ((plan, 10), (diff, 13)):
        one = asked(look, 1)
        each = asked(look, 2) - one
        assert each <= most
        assert one - each <= 13


def test_in_their_order_and_at_once() -> None:
    """Results are in the order of the items, though the first is the last to end."""
    all_there = threading.Barrier(AT_ONCE)
    last = threading.Event()

    def work(number: int) -> int:
        if number < AT_ONCE:
            all_there.wait(PATIENCE)
        if number == 0:
            assert last.wait(PATIENCE)
        if number == AT_ONCE:
            last.set()
        return number * number

    assert side_by_side(work, range(AT_ONCE + 1)) == [n * n for n in range(AT_ONCE + 1)]


def test_one_needs_no_thread() -> None:
    """A project of one function is read as ever."""
    assert side_by_side(lambda _: threading.current_thread(), [1]) == [threading.current_thread()]
    assert side_by_side(str, []) == []


def test_the_first_error_ends_it() -> None:
    """What was not begun is not begun any more, and nobody waits for what has not ended."""
    begun: list[int] = []
    held = threading.Event()

    def work(number: int) -> None:
        begun.append(number)
        if number == 0:
            raise ZeroDivisionError
        held.wait(PATIENCE)

    try:
        with pytest.raises(ZeroDivisionError):
            side_by_side(work, range(100))
    finally:
        held.set()
    assert len(begun) < 100


def test_a_question_is_asked_once() -> None:
    """Who asks it meanwhile waits for the answer; what one does to it, the next does not see."""
    asked = []
    going, go = threading.Event(), threading.Event()

    def attempt() -> dict[str, Any]:
        asked.append(1)
        going.set()
        assert go.wait(PATIENCE)
        return {"a": 1}

    reads = SharedReads()
    answers: list[dict[str, Any]] = []
    first, second = (
        threading.Thread(target=lambda: answers.append(reads.ask("q", attempt))) for _ in "ab"
    )
    first.start()
    assert going.wait(PATIENCE)
    second.start()
    go.set()
    first.join(PATIENCE)
    second.join(PATIENCE)
    answers[0].clear()
    assert (answers, asked) == ([{}, {"a": 1}], [1])


def test_within_a_block_only() -> None:
    """After it, and for what changes something, AWS is asked anew; an error is an answer, too."""
    aws = Canned(
        iam__get_role=[{"Role": 1}, {"Role": 2}], sqs__get_queue_url=refused("AccessDenied")
    )
    assert not aws.shares
    with aws.sharing(), aws.sharing():
        assert aws.shares
        for _ in range(2):
            assert aws.call("iam", "get_role", RoleName="a") == {"Role": 1}
            aws.call("iam", "tag_role", RoleName="a")
            with pytest.raises(AwsError):
                aws.call("sqs", "get_queue_url", QueueName="q")
        assert aws.call("iam", "get_role", RoleName="b") == {"Role": 2}
    assert not aws.shares
    assert aws.call("iam", "get_role", RoleName="a") == {"Role": 2}
    assert [name for name, _ in aws.sent].count("sqs:get_queue_url") == 1
    assert [name for name, _ in aws.sent].count("iam:tag_role") == 2


def test_a_plan_without_credentials_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one line, and before a registry is asked for an image that nobody could push."""
    world.write(many(1))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for command in ("plan", "deploy", "diff"):
        done = world.run(command, HTTPS_PROXY="http://127.0.0.1:1")
        assert done.returncode == 2
        (line,) = done.stderr.splitlines()
        assert "there are no AWS credentials: run `aws configure`, or use --profile" in line
        assert "registry" not in done.stdout + line
