"""A plan as a list of values: order, duplicates, parts, and what a difference says."""

import pytest

from amazon_lambda_runtime.deploy.plan import Note, Plan, Step, differences, execute

from .world import Told


def step(what: str, action: str = "create", part: str = "trigger") -> Step:
    return Step(action, part, what, "why", lambda: None)  # type: ignore[arg-type]


def test_order_and_duplicates() -> None:
    """Deletions come last, all else keeps its order; the same step is taken once."""
    items: list[Step | Note]
    items = [step("a", "delete"), step("b"), Note("n"), step("c", "update"), step("b"), Note("m")]
    plan = Plan.of([*items, step("d", "delete")])
    assert [each.what for each in plan.steps] == ["b", "c", "a", "d"]
    assert plan.notes == ("n", "m")


def test_parts() -> None:
    """Only steps of the parts that are asked for; notes of all."""
    plan = Plan.of([step("a", part="role"), step("b", part="queue"), Note("n")], {"queue"})
    assert [each.what for each in plan.steps] == ["b"]
    assert plan.notes == ("n",)
    assert Plan.of([step("a")], set()).steps == ()


def test_the_first_failure_ends_it() -> None:
    """A step that fails is not told as done, and what follows is not begun."""

    def fail() -> None:
        raise ZeroDivisionError

    told = Told()
    bad = Step("create", "role", "bad", "why", fail)
    with pytest.raises(ZeroDivisionError):
        execute(Plan((step("a"), bad, step("b"))), told)
    assert [each.what for each in told.done] == ["a"]


def test_differences() -> None:
    """Only what differs; nothing is "none", and a list is told with commas."""
    pairs = [("a", 1, 2), ("b", 1, 1), ("c", None, [1, 2]), ("d", "", "x"), ("e", (), 0)]
    assert [*differences(pairs)] == ["a 1 → 2", "c none → 1,2", "d none → x", "e none → 0"]
    assert str(step("role x")) == "create role x: why"


def test_steps_of_equal_words() -> None:
    """A step's identity is all that it changes: of two that read alike, each is taken."""
    one, two = (Step("delete", "trigger", "rule x", "why", lambda: None, of) for of in ("a", "b"))
    assert Plan.of([one, two, one]).steps == (one, two)


@pytest.mark.parametrize(
    ("what", "kind", "name"),
    [
        ("function orders", "function", "orders"),
        ("configuration of function orders", "function", "orders"),
        ("reserved concurrency of function orders", "function", "orders"),
        ("dead-letter queue of function orders", "function", "orders"),
        ("retention of log group /aws/lambda/orders", "log group", "/aws/lambda/orders"),
        ("alias orders:live", "alias", "orders:live"),
        ("image orders@sha256:ab", "image", "orders@sha256:ab"),
        ("mark of image orders@sha256:ab", "image", "orders@sha256:ab"),
        ("role a and its policies", "role", "a and its policies"),
        ("policy arn:p of role a", "policy", "arn:p of role a"),
        ("inline policy p of role a", "inline policy", "p of role a"),
        ("policy of queue jobs", "queue", "jobs"),
        ("mapping of queue jobs to orders", "mapping", "queue jobs to orders"),
        ("statement of topic news", "topic", "news"),
        ("statement s of topic news", "statement", "s of topic news"),
        ("permission s of orders", "permission", "s of orders"),
        ("target orders of rule r", "target", "orders of rule r"),
        ("target group g", "target group", "g"),
        ("target orders of target group g", "target", "orders of target group g"),
        ("listener rule /* to target group g", "listener rule", "/* to target group g"),
        ("notifications of bucket b to orders", "notifications", "bucket b to orders"),
        ("subscription of orders to topic t", "subscription", "orders to topic t"),
        ("URL of orders", "URL", "orders"),
        ("odd", "trigger", "odd"),
    ],
)
def test_kind_and_name(what: str, kind: str, name: str) -> None:
    """What programs are told of a step is what people read, in two."""
    assert (step(what).kind, step(what).name) == (kind, name)


def test_document() -> None:
    """A plan for other programs: plain values only."""
    changed = Step("update", "role", "role a", "x; y", lambda: None, changes=("x", "y"))
    assert Plan((changed,), ("n",)).document() == {
        "version": 1,
        "steps": [
            {
                "action": "update",
                "kind": "role",
                "name": "a",
                "changes": ["x", "y"],
                "reason": "x; y",
            }
        ],
        "notes": ["n"],
    }
