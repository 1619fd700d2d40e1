"""A function that is as on Lambda: its environment, and the events that it gets."""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.harness import SERVING, Run, event, served

ARN = "arn:aws:lambda:eu-west-1:123456789012:function:f"
ROOT = "1-5bef4de7-ad49b0e87f6ef6c87fc2e700"
PARENT = "9a9197af755a6419"
TRACE = f"Root={ROOT};Parent={PARENT};Sampled=1"


def needs(*modules: str) -> pytest.MarkDecorator:
    """Skip what cannot be tested without these modules, which this process does not import."""
    missing = [name for name in modules if not _is_there(name)]
    return pytest.mark.skipif(bool(missing), reason=f"{', '.join(missing)} is not installed")


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # not even the package that it is in
        return False


def variables(directory: Path, handler: str) -> dict[str, str]:
    """Return what Lambda sets in the environment of a function."""
    return {
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.12",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
        "AWS_LAMBDA_FUNCTION_NAME": "f",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/f",
        "AWS_LAMBDA_LOG_STREAM_NAME": "2026/01/01/[$LATEST]0",
        "AWS_REGION": "eu-west-1",
        "LAMBDA_TASK_ROOT": str(directory),
        "_HANDLER": handler,
    }


def serve(
    source: str, events: list[Any], directory: Path, handler: str = "h.handler", **env: str
) -> Run:
    """Serve these events, id-0 and so on, in an environment like Lambda's."""
    coming = [
        event(
            json.dumps(each).encode(),
            f"id-{number}",
            f"Lambda-Runtime-Invoked-Function-Arn: {ARN}\r\nLambda-Runtime-Trace-Id: {TRACE}\r\n",
        )
        for number, each in enumerate(events)
    ]
    done = served(source, coming, directory, handler, **{**variables(directory, handler), **env})
    assert done.status == SERVING, done.stdout + done.stderr
    assert len(done.posts) == len(events)
    return done


def answers(done: Run) -> list[Any]:
    """Return what each event was answered with; none was answered with an error."""
    assert [post.kind for post in done.posts] == ["response"] * len(done.posts), done.stdout
    return [json.loads(post.body) for post in done.posts]


def records(text: str) -> list[dict[str, Any]]:
    """Return the JSON documents among the lines of a log."""
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]
