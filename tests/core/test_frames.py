"""Which frames a user sees of a stack: never the runtime's.

Numbers are those of docs/reference/behaviour.md.
"""

import json
from pathlib import Path

import pytest

from tests.harness import ACCEPTED, SERVING, UNTRACED, Step, event
from tests.lanes import PYTHONS, served_by

each_python = pytest.mark.parametrize("python", PYTHONS)
each_form = pytest.mark.parametrize("form", ["TEXT", "JSON"])

RUNTIME = "/amazon_lambda_runtime/"

LOGGED = """
import logging
from amazon_lambda_runtime import Runtime
class H(Runtime):
    def handler(self, event, context):
        try:
            1 / 0
        except Exception:
            logging.exception("first")
            self.logger.exception("second")
        return "logged"
"""
# What `traceback` loads late, on one Python or another.
NAMESAKES = ("token", "tokenize", "ast", "linecache", "traceback", "unicodedata")


@each_python
@each_form
@pytest.mark.parametrize("own", ["raise RuntimeError('it was run')", "X = 1"])
def test_exception_is_logged(own: str, form: str, python: str, tmp_path: Path) -> None:
    """96, 166: neither fails it, nor runs a module of the user's in place of the library's."""
    for name in NAMESAKES:
        tmp_path.joinpath(f"{name}.py").write_text(own)
    done = served_by(python, LOGGED, [event(), ACCEPTED], tmp_path, AWS_LAMBDA_LOG_FORMAT=form)
    assert [post.body for post in done.posts] == [b'"logged"'], done.stdout
    assert done.stderr == ""
    assert done.stdout.count("ZeroDivisionError") == 2
    assert done.stdout.count("1 / 0") == 2
    assert RUNTIME not in done.stdout


@each_python
@each_form
def test_library_is_the_users_already(form: str, python: str, tmp_path: Path) -> None:
    """96, 166: where the function has taken the library's place, the stack is told without it."""
    tmp_path.joinpath("token.py").write_text("X = 1")
    source = "import token\n" + LOGGED.replace('return "logged"', "return token.X")
    script: list[Step] = [event(), ACCEPTED]
    env = {"AWS_LAMBDA_LOG_FORMAT": form, **UNTRACED}  # coverage has loaded the library's
    done = served_by(python, source, script, tmp_path, **env)
    assert [post.body for post in done.posts] == [b"1"], done.stdout
    assert (done.stderr, done.stdout.count("1 / 0"), done.status) == ("", 2, SERVING)
    assert "ZeroDivisionError: division by zero" in done.stdout or form == "JSON"


CASES = {
    "sent twice": "runtime.send_invocation_response(1); runtime.send_invocation_response(2)",
    "can't be sent": "runtime.send_invocation_response(object())",
    "in a coroutine": "wait_for(fail())",
    "a piece of a stream": "return pieces()",
    "chained": """
        try:
            wait_for(fail())
        except Exception as exc:
            raise LookupError("chained") from exc
""",
    "grouped": """
        try:
            wait_for(fail())
        except Exception as exc:
            raise ExceptionGroup("grouped", [exc])
""",
}
CALLS = """
import logging
from amazon_lambda_runtime import Runtime, wait_for
async def fail():
    raise ValueError("failed")
def pieces():
    wait_for(fail())
    yield "piece"
class H(Runtime):
    def handler(self, event, context):
        runtime = self
        STATEMENT
"""


@each_python
@pytest.mark.parametrize("case", CASES)
def test_answer_and_record(case: str, python: str, tmp_path: Path) -> None:
    """49, 166: no frame is the runtime's, and all of the user's are there."""
    source = CALLS.replace("STATEMENT", CASES[case])
    done = served_by(python, source, [event(), ACCEPTED], tmp_path)
    failed = [post for post in done.posts if post.kind == "error"]
    told = json.loads(failed[0].body)["stackTrace"] if failed else [done.stdout]
    assert "h.py" in told[0], told
    if "fail()" in source.partition("class H")[2]:
        assert sum('raise ValueError("failed")' in entry for entry in told) == 1
    assert RUNTIME not in str(told)
    assert "asyncio" not in str(told)
    assert RUNTIME not in done.stdout + done.stderr


@each_python
@each_form
def test_record_of_what_was_caught(form: str, python: str, tmp_path: Path) -> None:
    """166: so are they of an exception in a record, its causes, and of `stack_info`."""
    caught = "".join(
        f"""
        try:
            {statement}
        except Exception:
            logging.exception("caught", stack_info=True)
"""
        for statement in ("wait_for(fail())", "runtime.send_invocation_response(object())")
    )
    caught += """
        try:
            try:
                wait_for(fail())
            except Exception as exc:
                raise LookupError("chained") from exc
        except Exception:
            logging.exception("caught", stack_info=True)
"""
    done = served_by(
        python,
        CALLS.replace("STATEMENT", caught),
        [event(), ACCEPTED],
        tmp_path,
        AWS_LAMBDA_LOG_FORMAT=form,
    )
    assert [post.kind for post in done.posts] == ["response"]
    assert done.stderr == ""
    assert RUNTIME not in done.stdout
    assert "/bin/bootstrap" not in done.stdout
    assert done.stdout.count("Stack (most recent call last):") == 3
    assert done.stdout.count("in handler") == 7
    assert done.stdout.count("in fail") == 2


def test_record_without_a_current_exception() -> None:
    """166: `exc_info=True` outside of an `except` is what it is with `logging`."""
    from amazon_lambda_runtime.core.logs import stack

    assert stack.text((None, None, None)) == "NoneType: None"


def test_record_that_nobody_can_tell(tmp_path: Path) -> None:
    """166: not even of the objects in it is anything known; nothing fails."""
    source = """
import logging
class Odd:
    def __repr__(self):
        raise ValueError
def handler(event, context):
    logging.warning("%s", Odd())
    logging.raiseExceptions = False
    logging.warning("%d", "x")
"""
    done = served_by(PYTHONS[0].values[0], source, [event(), ACCEPTED], tmp_path)  # type: ignore[arg-type]
    assert [post.kind for post in done.posts] == ["response"]
    assert done.stdout == ""
    assert done.stderr.count("--- Logging error ---") == 1
