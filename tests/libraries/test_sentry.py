"""Sentry, unmodified, by its documented set-up. Numbers are those of docs/behaviour.md."""

import json
import sys
from pathlib import Path

import pytest

from tests.harness import ACCEPTED, SOURCE, Step, event, ours, run

from .support import answers, needs, serve, variables

pytestmark = needs("sentry_sdk")

# A transport that writes what it has when it is flushed.
SETUP = """
import asyncio
import sentry_sdk
from sentry_sdk.integrations.aws_lambda import AwsLambdaIntegration
from sentry_sdk.transport import Transport


class Printing(Transport):
    waiting = []

    def capture_envelope(self, envelope):
        for item in envelope.items:
            event = item.get_event()
            if event:
                self.waiting.append(event["exception"]["values"][-1]["value"])

    def flush(self, timeout, callback=None):
        while self.waiting:
            print("sent", self.waiting.pop())


sentry_sdk.init(
    "https://key@example.com/1",
    transport=Printing,
    integrations=[AwsLambdaIntegration(timeout_warning=True)],
    # Not of what else happens to be installed here: to import it takes seconds.
    auto_enabling_integrations=False,
    debug=True,
)
"""
SCRIPT = [sys.executable, str(SOURCE.parent / "bin" / "bootstrap"), "h.handler"]
COMMANDS = {"script": SCRIPT, "-m": ours("h.handler")}
RAISES = 'handler(event, context):\n    raise ValueError("no")\n'


@pytest.mark.parametrize("how", COMMANDS)
@pytest.mark.parametrize("keyword", ["def", "async def"])
def test_handler_error(keyword: str, how: str, tmp_path: Path) -> None:
    """151: what the handler raises is sent before the answer is, with the invocation's context."""
    tmp_path.joinpath("h.py").write_text(f"{SETUP}{keyword} {RAISES}")
    script: list[Step] = []
    for number in range(2):
        arn = "Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:eu-west-1:1:function:f\r\n"
        script += [event(b"{}", f"id-{number}", arn), ACCEPTED]
    env = {**variables(tmp_path, "h.handler"), "PYTHONPATH": str(SOURCE)}
    done = run(COMMANDS[how], script, tmp_path, env)
    assert [post.kind for post in done.posts] == ["error", "error"]
    assert [post.stdout.count("sent no\n") for post in done.posts] == [1, 2]
    assert "disabled" not in done.stderr
    document = json.loads(done.posts[0].body)
    assert (document["errorType"], document["errorMessage"]) == ("ValueError", "no")


@pytest.mark.parametrize("how", COMMANDS)
def test_init_error(how: str, tmp_path: Path) -> None:
    """151: an exception at import is sent, and reported as an init error as ever."""
    tmp_path.joinpath("h.py").write_text(f"{SETUP}raise ValueError('no')\n")
    env = {**variables(tmp_path, "h.handler"), "PYTHONPATH": str(SOURCE)}
    done = run(COMMANDS[how], [ACCEPTED], tmp_path, env)
    assert [post.path for post in done.posts] == ["/2018-06-01/runtime/init/error"]
    assert json.loads(done.posts[0].body)["errorType"] == "ValueError"
    assert done.posts[0].stdout.count("sent no\n") == 1
    assert done.status == 1


def test_results(tmp_path: Path) -> None:
    """151: other answers are what they are without it, and what waits is sent before them."""
    source = (
        SETUP
        + """
from amazon_lambda_runtime import Runtime

class H(Runtime):
    def handler(self, event, context):
        sentry_sdk.capture_exception(ValueError(str(event)))
        if event == "stream":
            return iter([b"1", b"2"])
        if event == "early":
            self.send_invocation_response("early")
            return None
        return event
"""
    )
    done = serve(source, ["value", "early", "stream"], tmp_path, "h.H")
    assert [post.body for post in done.posts] == [b'"value"', b'"early"', b"12"]
    sent = [line for line in done.posts[2].stdout.splitlines() if line.startswith("sent ")]
    assert sent == ["sent value", "sent early", "sent stream"]
    assert "sent early\n" in done.posts[1].stdout


def test_not_asked_for(tmp_path: Path) -> None:
    """151: a function that does not ask has none of it; other names of __main__ are not there."""
    source = """
import sys
def handler(event, context):
    main = sys.modules["__main__"]
    assert not hasattr(main, "awslambdaricmain")
    return ["bootstrap" in sys.modules, "amazon_lambda_runtime.core.awslambdaric" in sys.modules,
            main.bootstrap is main.bootstrap, hasattr(main.bootstrap, "handle_http_request")]
"""
    assert answers(serve(source, [1], tmp_path)) == [[False, False, True, False]]


def test_explicit_capture(tmp_path: Path) -> None:
    """What the function captures itself is sent before the answer is, if it is flushed."""
    source = (
        SETUP
        + """
def handler(event, context):
    try:
        raise ValueError("no")
    except ValueError:
        sentry_sdk.capture_exception()
        sentry_sdk.flush()
    return event
"""
    )
    done = serve(source, [1], tmp_path)
    assert answers(done) == [1]
    assert "sent no\n" in done.posts[0].stdout


def test_decorator(tmp_path: Path) -> None:
    """Sentry's own decorator for functions anywhere sends what the handler raises, in time."""
    source = (
        SETUP
        + """
from sentry_sdk.integrations.serverless import serverless_function


@serverless_function
def handler(event, context):
    raise ValueError("no")
"""
    )
    done = serve(source, [1], tmp_path)
    assert [post.kind for post in done.posts] == ["error"]
    assert "sent no\n" in done.posts[0].stdout
