"""Mistakes in a class: told at init, with what to do. Numbers are those of docs/reference/."""

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest

from amazon_lambda_runtime import Runtime, wait_for
from amazon_lambda_runtime.core import hooks, loading
from tests.harness import ACCEPTED, SERVING, Step, event, reply
from tests.lanes import PYTHONS, served_by

each_python = pytest.mark.parametrize("python", PYTHONS)
REGISTERED = reply("200 OK", b"{}", "Lambda-Extension-Identifier: ext-1\r\n")

SOURCE = """
import contextlib
from amazon_lambda_runtime import Runtime, wait_for
class H(Runtime):
    {}
    def handler(self, event, context):
        return {}
"""
YIELDS = "none of its code runs if it yields"
ARGUMENTS = "takes other arguments than it is given: define "

# The line in the class, and what the init error says.
HOOKS = {
    "async def on_init(self): yield": f"H.on_init is a generator: {YIELDS}",
    "def on_init(self): yield": f"H.on_init is a generator: {YIELDS}",
    "def on_shutdown(self): yield": f"H.on_shutdown is a generator: {YIELDS}",
    "async def on_shutdown(self): yield": f"H.on_shutdown is a generator: {YIELDS}",
    "def before_snapshot(self): yield": f"H.before_snapshot is a generator: {YIELDS}",
    "async def after_restore(self): yield": f"H.after_restore is a generator: {YIELDS}",
    "def decode_event(self, body, kind): yield": f"H.decode_event is a generator: {YIELDS}",
    "async def decode_event(self, body, kind): pass": "H.decode_event is async, and nothing awaits",
    "async def encode_response(self, r): pass": "H.encode_response is async, and nothing awaits",
    "def on_shutdwn(self): pass": "H.on_shutdwn is never called: did you mean on_shutdown?",
    "def before_snapshots(self): pass": "H.before_snapshots is never called: did you mean before_",
    "def decode_events(self, body): pass": "H.decode_events is never called: did you mean decode_",
    "on_init = 5": "H.on_init is int, not a method",
    "on_shutdown = None": "H.on_shutdown is NoneType, not a method",
    "decode_event = {}": "H.decode_event is dict, not a method",
    "def on_init(self, event): pass": f"H.on_init {ARGUMENTS}on_init(self)",
    "def on_shutdown(): pass": f"H.on_shutdown {ARGUMENTS}on_shutdown(self)",
    "def on_shutdown(self, *, why): pass": f"H.on_shutdown {ARGUMENTS}on_shutdown(self)",
    "def decode_event(self, body): pass": f"H.decode_event {ARGUMENTS}decode_event(self, body, con",
    "def encode_response(self): pass": f"H.encode_response {ARGUMENTS}encode_response(self, res",
    "@contextlib.contextmanager\n    def on_init(self): yield": "H.on_init returned a "
    f"_GeneratorContextManager: {YIELDS}",
    "@contextlib.asynccontextmanager\n    async def on_init(self): yield": "H.on_init returned a "
    f"_AsyncGeneratorContextManager: {YIELDS}",
}


@pytest.mark.parametrize("line", HOOKS)
def test_hook_that_would_not_run(line: str, tmp_path: Path) -> None:
    """171: one init error before the first event, and exit status 1."""
    done = served_by(str(PYTHONS[-1].values[0]), SOURCE.format(line, 1), [event()], tmp_path)
    (post,) = done.posts
    document = json.loads(post.body)
    assert (post.path[-10:], document["errorType"], done.status) == ("init/error", "TypeError", 1)
    assert document["errorMessage"].startswith(HOOKS[line])
    assert done.stderr == ""


@pytest.mark.parametrize("line", HOOKS)
def test_hook_in_this_process(line: str) -> None:
    """171: the same, without a process. What only its result shows, a call refuses."""
    with pytest.raises(TypeError) as failed:
        _check(line)
    assert str(failed.value).startswith(HOOKS[line])


WORKING = [
    "def on_init(self): return 'ready'",
    "async def on_init(self, retries=3): pass",
    "def on_init(*arguments, **named): pass",
    "@staticmethod\n    def on_init(): pass",
    "@classmethod\n    def on_init(cls): pass",
    "def __init__(self): super().__init__(); self.on_init = lambda: None",
    "on_init = print",
    "def on_exit(self): pass",
    "def decode(self): pass",
    "def on_message(self): pass",
    "def decode_event(self, body, content_type, strict=True): return body",
    "def encode_response(self, result): return '1'",
]


@each_python
@pytest.mark.parametrize("lines", WORKING)
def test_hook_that_works(lines: str, python: str, tmp_path: Path) -> None:
    """171: whatever may be called as the runtime does."""
    done = served_by(python, SOURCE.format(lines, 1), [event(), ACCEPTED], tmp_path)
    assert [post.body for post in done.posts] == [b"1"], done.stdout
    assert done.status == SERVING


@pytest.mark.parametrize("lines", WORKING)
def test_working_hook_in_this_process(lines: str) -> None:
    """171: nothing is refused that the runtime can call."""
    _check(lines)


def test_on_shutdown_that_works(tmp_path: Path) -> None:
    """171: so is an `on_shutdown` that is async."""
    source = SOURCE.format("async def on_shutdown(self): print('ended')", 1)
    script: list[Step] = [REGISTERED, event(), ACCEPTED]
    done = served_by(str(PYTHONS[0].values[0]), source, script, tmp_path)
    assert (done.stdout, done.status) == ("ended\n", 0)


CALLS = {
    "self.send_invocation_error(ValueError('x'))": "message is ValueError: expected str",
    "self.send_invocation_error(None)": "message is NoneType: expected str",
    "self.send_invocation_error('x', ValueError)": "error_type is type: expected str",
    "self.send_invocation_error('x', None)": "error_type is NoneType: expected str",
    "wait_for(5)": "wait_for takes a coroutine, not int",
    "wait_for(wait_for)": "wait_for takes a coroutine, not function",
}


@pytest.mark.parametrize("call", CALLS)
def test_wrong_arguments(call: str, tmp_path: Path) -> None:
    """172: a TypeError that names the argument, with the handler's own line."""
    python = str(PYTHONS[0].values[0])
    done = served_by(python, SOURCE.format("", call), [event(), ACCEPTED], tmp_path)
    (post,) = done.posts
    document = json.loads(post.body)
    assert (post.kind, document["errorType"]) == ("error", "TypeError")
    assert document["errorMessage"].startswith(CALLS[call])
    (frame,) = document["stackTrace"]
    assert call in frame


def test_wrong_arguments_in_init(tmp_path: Path) -> None:
    """172: so it is with `send_init_error`."""
    line = "def __init__(self): self.send_init_error(ValueError('x'))"
    (post,) = served_by(
        str(PYTHONS[0].values[0]), SOURCE.format(line, 1), [event()], tmp_path
    ).posts
    assert json.loads(post.body)["errorMessage"] == "message is ValueError: expected str"


def test_in_this_process() -> None:
    """171, 172: the same, without a process."""
    with pytest.raises(TypeError, match="wait_for takes a coroutine"):
        wait_for(test_in_this_process)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=f"^<function bare> returned a tuple_iterator: {YIELDS}"):
        hooks.refuse(_Bare(), iter(()))
    hooks.refuse(_Bare(), "text")


class _Bare:
    def __repr__(self) -> str:
        return "<function bare>"


def _check(line: str) -> None:
    """Check the Runtime with this line as the runtime does at init, and what its hook returns."""
    names: dict[str, Any] = {"contextlib": contextlib, "Runtime": Runtime}
    exec(f"class H(Runtime):\n    {line}\n    def handler(self, event, context): pass\n", names)
    runtime = names["H"]()
    loading._check_hooks(runtime)
    if "@contextlib" in line:
        hooks.refuse(runtime.on_init, runtime.on_init())
