"""Sentry, unmodified: its integration for AWS's own runtime is off here, the rest of it works."""

from pathlib import Path

from .support import answers, needs, serve

pytestmark = needs("sentry_sdk")

SETUP = """
import sentry_sdk
from sentry_sdk.integrations.aws_lambda import AwsLambdaIntegration
from sentry_sdk.transport import Transport


class Printing(Transport):
    def capture_envelope(self, envelope):
        for item in envelope.items:
            event = item.get_event()
            if event:
                print("sent", event["exception"]["values"][-1]["value"])


sentry_sdk.init(
    "https://key@example.com/1",
    transport=Printing,
    integrations=[AwsLambdaIntegration()],
    debug=True,
)
"""


def test_integration(tmp_path: Path) -> None:
    """AwsLambdaIntegration says that it is disabled; errors are answered as ever, and not sent."""
    done = serve(
        SETUP + 'def handler(event, context):\n    raise ValueError("no")\n', [1], tmp_path
    )
    assert [post.kind for post in done.posts] == ["error"]
    assert "AwsLambdaIntegration disabled (could not find handle_event_request)" in done.stderr
    assert "sent no" not in done.stdout


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
