"""What a handler raises, and what its caller reads. Numbers are those of behaviour.md."""

import json
from typing import Any

import pytest

from tests.harness import ACCEPTED, FUNCTIONS, SERVING, Step, event, ours, run
from tests.harness import awslambdaric as ric
from tests.lanes import OURS, REFERENCE, Answer

FILE = str(FUNCTIONS / "failures.py")

# The case, errorType, errorMessage, and what the entries of the stack after the user's frames
# begin with.
CASES: dict[str, tuple[str, str, list[str]]] = {
    "plain": ("ValueError", "no such name", []),
    "key_error": ("KeyError", "'missing'", []),
    "empty": ("RuntimeError", "", []),
    "cause": (
        "LookupError",
        "bad order",
        ["Caused by ValueError: invalid literal for int() with base 10: 'x'\n", f'  File "{FILE}"'],
    ),
    "context": (
        "LookupError",
        "bad order",
        ["Raised while handling ValueError: invalid literal for int()", f'  File "{FILE}"'],
    ),
    "suppressed": ("LookupError", "bad order", []),
    "notes": ("ValueError", "noted", ["Note: look at the other log\n"]),
    "group": (
        "ExceptionGroup",
        "two (2 sub-exceptions)",
        ["Member 1 of 2: ValueError: one\n", "Member 2 of 2: TypeError: other\n"],
    ),
    "circular": ("ValueError", "first", ["Caused by ValueError: second\n"]),
    "crowd": (
        "ExceptionGroup",
        "many (100 sub-exceptions)",
        [f"Member {n} of 100: ValueError: {n - 1}\n" for n in range(1, 21)],
    ),
    "unprintable": ("Silent", "<unprintable Silent: ValueError>", []),
    "surrogate": ("ValueError", "half \ud800 pair", []),
    "non_ascii": ("ValueError", "Zażółć\r\nX-Injected: yes", []),
    "odd_name": ("Ünïcode", "odd", []),
    "injected_name": ("Bad\r\nX-Injected: yes", "name", []),
    "memory": ("MemoryError", "", []),
    "no_directory": ("ValueError", "nowhere", []),
    "closed_stdout": ("ValueError", "silence", []),
}
# Where awslambdaric does the same, but for what it leaves out of the stack.
SAME = ["plain", "key_error", "empty", "cause", "notes", "non_ascii", "memory"]
# These are handled apart below; they have to go on all the same.
OTHERS = ["recursion", "big_message", "big_stack", "wrong_arity"]
HEADER = {
    "odd_name": "Function.Unknown",
    "injected_name": "Function.Unknown",
}


def answers(serve: Any, cases: list[str]) -> dict[str, Answer]:
    found = serve("failures.handler", [{"case": case} for case in cases])
    return dict(zip(cases, found, strict=True))


@pytest.fixture(scope="module", params=OURS)
def by_ours(request: pytest.FixtureRequest) -> dict[str, Answer]:
    order = [case for case in CASES if case not in ("no_directory", "closed_stdout")]
    # The last leave the process in a bad state, and "back" shows that it lives on.
    order += [*OTHERS, "no_directory", "back", "closed_stdout"]
    return answers(OURS[request.param], order)


@pytest.fixture(scope="module", params=REFERENCE)
def by_reference(request: pytest.FixtureRequest) -> dict[str, Answer]:
    return answers(REFERENCE[request.param], [*SAME, "recursion"])


@pytest.mark.parametrize("case", CASES)
def test_document(case: str, by_ours: dict[str, Answer]) -> None:
    """49-52, 54: the document in awslambdaric's order, its stack from the user's frame on."""
    answer = by_ours[case]
    document = answer.json
    error_type, message, related = CASES[case]
    assert list(document) == ["errorMessage", "errorType", "requestId", "stackTrace"]
    assert (document["errorType"], document["errorMessage"]) == (error_type, message)
    first, second, *others = document["stackTrace"]
    assert first.startswith(f'  File "{FILE}", line ')
    assert first.endswith(', in handler\n    return globals()[event["case"]]()\n')
    assert second.startswith(f'  File "{FILE}", line ')
    assert f", in {case}\n" in second
    assert len(others) == len(related)
    for entry, beginning in zip(others, related, strict=True):
        assert entry.startswith(beginning)


@pytest.mark.parametrize("case", CASES)
def test_headers(case: str, by_ours: dict[str, Answer]) -> None:
    """56, 60: the type in the form the platform counts; X-Ray's cause on one line of ASCII."""
    headers = by_ours[case].headers
    if not headers:
        pytest.skip("AWS's emulator does not show its caller the headers")
    expected = HEADER.get(case, f"Function.{CASES[case][0]}")
    assert headers["lambda-runtime-function-error-type"] == expected
    assert headers["content-type"] == "application/json"
    assert "x-injected" not in headers
    cause = json.loads(headers["lambda-runtime-function-xray-error-cause"])
    assert cause["working_directory"] == ("" if case == "no_directory" else str(FUNCTIONS))
    (told,) = cause["exceptions"]
    assert (told["type"], told["message"]) == CASES[case][:2]
    assert [frame["label"] for frame in told["stack"]][:2] == ["handler", case]
    assert all(type(frame["line"]) is int for frame in told["stack"])
    assert FILE in cause["paths"]


@pytest.mark.parametrize("case", SAME)
def test_awslambdaric_says_the_same(case: str, by_reference: dict[str, Answer]) -> None:
    """The documents above are awslambdaric's, and only add to its stack."""
    document = by_reference[case].json
    error_type, message, _ = CASES[case]
    assert list(document) == ["errorMessage", "errorType", "requestId", "stackTrace"]
    assert (document["errorType"], document["errorMessage"]) == (error_type, message)
    first, second = document["stackTrace"]
    assert first.startswith(f'  File "{FILE}", line ')
    assert f", in {case}\n" in second


def test_recursion_is_folded(by_ours: dict[str, Answer]) -> None:
    """53: a thousand equal frames are one line."""
    document = by_ours["recursion"].json
    assert document["errorType"] == "RecursionError"
    assert len(document["stackTrace"]) < 10
    assert any("[Previous line repeated 9" in entry for entry in document["stackTrace"])


def test_awslambdaric_folds_recursion(by_reference: dict[str, Answer]) -> None:
    """53: so does awslambdaric."""
    stack = by_reference["recursion"].json["stackTrace"]
    assert any("[Previous line repeated 9" in entry for entry in stack)


def test_wrong_arity(by_ours: dict[str, Answer]) -> None:
    """12: a handler that takes something else is a TypeError like any other."""
    document = by_ours["wrong_arity"].json
    assert document["errorType"] == "TypeError"
    assert "takes 0 positional arguments but 1 was given" in document["errorMessage"]


@pytest.mark.parametrize("case", ["big_message", "big_stack"])
def test_document_is_capped(case: str, by_ours: dict[str, Answer]) -> None:
    """55: the document stays below the 1 MiB that the platform takes, and says what it cut."""
    answer = by_ours[case]
    assert len(answer.body) < 1024 * 1024
    assert (
        "characters)"
        in answer.json["errorMessage" if case == "big_message" else "stackTrace"][
            slice(-20, None) if case == "big_message" else -1
        ]
    )
    if answer.headers and case == "big_message":
        assert "lambda-runtime-function-xray-error-cause" not in answer.headers


def test_environment_lives_on(by_ours: dict[str, Answer]) -> None:
    """52: after its working directory was removed the process serves the next event."""
    assert by_ours["back"].body == b'"back"'


def test_record() -> None:
    """61: one record for each failure, in awslambdaric's form, before the error is posted."""
    done = run(
        ours("failures.handler"),
        [event(b'{"case": "cause"}'), ACCEPTED, event(b'{"case": "empty"}'), ACCEPTED],
    )
    first, second = done.stdout.split("\n")[:2]
    assert done.stdout == f"{first}\n{second}\n"
    assert done.posts[0].stdout == first + "\n"
    lines = first.split("\r")
    assert lines[:2] == ["[ERROR] LookupError: bad order", "Traceback (most recent call last):"]
    assert lines[2].startswith(f'\u00a0\u00a0File "{FILE}", line ')
    assert lines[3] == '\u00a0\u00a0\u00a0\u00a0return globals()[event["case"]]()'
    assert "Caused by ValueError: invalid literal for int() with base 10: 'x'" in lines
    assert second.startswith("[ERROR] RuntimeError\rTraceback (most recent call last):\r")
    assert done.stderr == ""
    assert done.status == SERVING


def test_record_of_a_fault_is_awslambdarics() -> None:
    """61: the same record as awslambdaric writes; where there is no stack, no line announces it."""
    pytest.importorskip("awslambdaric", reason="awslambdaric is not installed")
    script: list[Step] = [event(b""), ACCEPTED]
    record = (
        "[ERROR] Runtime.UnmarshalError: Unable to unmarshal input: "
        "Expecting value: line 1 column 1 (char 0)"
    )
    assert run(ours("failures.handler"), script).stdout == f"{record}\n"
    theirs = run(ric("failures.handler"), script).stdout
    assert theirs == f"{record}\rTraceback (most recent call last):\n"


def test_nothing_secret_is_printed() -> None:
    """A failure prints neither the event nor the environment."""
    done = run(
        ours("failures.handler"),
        [event(b'{"case": "plain", "card": "4111"}'), ACCEPTED, event(b'{"card": 4111,'), ACCEPTED],
        env={"API_KEY": "hunter2"},
    )
    told = (
        done.stdout
        + done.stderr
        + "".join(str(post.headers) + str(post.body) for post in done.posts)
    )
    assert len(done.posts) == 2
    assert "4111" not in told
    assert "hunter2" not in told
