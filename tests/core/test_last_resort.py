"""Answers where next to nothing works any more. Numbers are those of docs/behaviour.md."""

import json
import signal
import subprocess
from pathlib import Path

import pytest

from tests.harness import (
    ACCEPTED,
    SERVING,
    SOURCE,
    UNTRACED,
    HangUp,
    ScriptedApi,
    Step,
    event,
    ours,
    reply,
    run,
    served,
    started,
    until,
)
from tests.lanes import VERSIONS, python

EXHAUSTED = """
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
KEPT = []
def exhaust():
    while True:
        KEPT.append(open("/dev/null"))
def handler(event, context):
    if event == "more":
        exhaust()
    KEPT.clear()
    return "free"
async def later(event, context):
    return handler(event, context)
def pieces(event, context):
    yield handler(event, context)
def returned(event, context):
    try:
        exhaust()
    except OSError:
        return iter(["a"])
"""


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("handler", ["handler", "later", "pieces"])
def test_no_file_descriptor(version: str, handler: str, tmp_path: Path) -> None:
    """93: the first failure needs no file descriptor, whatever kind of handler fails."""
    done = served(
        EXHAUSTED, [event(b'"more"'), event(b"{"), event()], tmp_path, f"h.{handler}",
        python(version), **UNTRACED
    )  # fmt: skip
    assert done.status == SERVING, done.stderr
    first, second, third = done.posts
    told = json.loads(first.body)
    assert (told["errorType"], told["errorMessage"]) == (
        "OSError",
        "[Errno 24] Too many open files: '/dev/null'",
    )
    assert "in exhaust\n" in told["stackTrace"][-1]
    assert json.loads(second.body)["errorType"] == "Runtime.UnmarshalError"
    assert b"free" in third.body
    assert done.stdout.count("\n") == 2


@pytest.mark.parametrize("version", VERSIONS)
def test_no_file_descriptor_to_stream(version: str, tmp_path: Path) -> None:
    """93: what has to be loaded for a result, and can't be, is an error answer."""
    done = served(EXHAUSTED, [event()], tmp_path, "h.returned", python(version), **UNTRACED)
    assert done.kinds[:2] == ["next", "error"]
    assert json.loads(done.posts[0].body)["errorMessage"]
    assert done.status == SERVING


@pytest.mark.parametrize("version", VERSIONS)
def test_no_file_descriptor_at_init(version: str, tmp_path: Path) -> None:
    """93: the same while the handler is loaded."""
    done = served(
        f"{EXHAUSTED}\nexhaust()\n", [event()], tmp_path, python=python(version), **UNTRACED
    )
    assert done.kinds == ["error"]
    assert json.loads(done.posts[0].body)["errorType"] == "OSError"
    assert done.status == 1


@pytest.mark.parametrize("version", VERSIONS)
def test_no_memory(version: str, tmp_path: Path) -> None:
    """54: MemoryError as the first failure, in small pieces and for good."""
    source = """
import resource
KEPT = []
def handler(event, context):
    if event:
        KEPT.clear()
        return "free"
    resource.setrlimit(resource.RLIMIT_AS, (150 << 20, resource.RLIM_INFINITY))
    while True:
        KEPT.append(bytearray(500))
"""
    done = served(source, [event(b"0"), event(b"1")], tmp_path, python=python(version), **UNTRACED)
    assert done.kinds == ["next", "error", "next", "response", "next"], done.stdout + done.stderr
    assert json.loads(done.posts[0].body)["errorType"] == "MemoryError"


PATCHED = """
import builtins, io, os
from amazon_lambda_runtime import Runtime
def refuse(*args, **options):
    raise ZeroDivisionError("nothing is imported or opened any more")
def patch():
    builtins.__import__ = builtins.open = io.open = os.open = refuse
def handler(event, context):
    patch()
    if event == "fail":
        raise ValueError("it is late")
    return event
def pieces(event, context):
    patch()
    for _ in range(event):
        yield "x" * 100_000
class Tidy(Runtime):
    def handler(self, event, context):
        return handler(event, context)
    def on_shutdown(self):
        print("tidied up")
        raise ValueError("too late")
"""


@pytest.mark.parametrize("version", VERSIONS)
def test_no_import(version: str, tmp_path: Path) -> None:
    """94: an exception, an undecodable event and a 413 are answered and told, and on."""
    tmp_path.joinpath("h.py").write_text(PATCHED)
    refused = reply("413 Payload Too Large", b'{"errorType": "RequestEntityTooLarge"}')
    script: list[Step] = [event(b'"fail"'), ACCEPTED, event(b"{"), ACCEPTED, event(b"1"), refused]
    script += [event(b"2"), ACCEPTED]
    env = {"PYTHONPATH": str(SOURCE), **UNTRACED}
    done = run(ours("h.handler", python(version)), script, tmp_path, env)
    assert done.status == SERVING, done.stderr
    assert [post.kind for post in done.posts] == ["error", "error", "response", "response"]
    told = json.loads(done.posts[0].body)
    assert (told["errorType"], told["errorMessage"]) == ("ValueError", "it is late")
    (frame,) = told["stackTrace"]
    assert frame.startswith(f'  File "{tmp_path}/h.py", line ')
    told = json.loads(done.posts[1].body)
    assert told["errorType"] == "Runtime.UnmarshalError"
    assert told["errorMessage"].startswith("Unable to unmarshal input: ")
    assert "RequestEntityTooLarge" in done.stdout
    assert done.stdout.count("\n") == 3


@pytest.mark.parametrize("version", VERSIONS)
def test_no_import_in_a_stream(version: str, tmp_path: Path) -> None:
    """94: a stream that is cut off is one line."""
    tmp_path.joinpath("h.py").write_text(PATCHED)
    script: list[Step] = [event(b"3"), HangUp, event(b"1"), ACCEPTED]
    env = {"PYTHONPATH": str(SOURCE), **UNTRACED}
    done = run(ours("h.pieces", python(version)), script, tmp_path, env)
    assert done.status == SERVING, done.stderr
    (line,) = done.stdout.splitlines()
    assert line.startswith("[ERROR] LAMBDA_RUNTIME A response stream was cut off. ")
    assert done.posts[1].body == b"x" * 100_000


@pytest.mark.parametrize("version", VERSIONS)
def test_no_import_at_the_end(version: str, tmp_path: Path) -> None:
    """94: SIGTERM calls on_shutdown, and what that raises is told."""
    tmp_path.joinpath("h.py").write_text(PATCHED)
    script: list[Step] = [reply("404 Not Found"), event(b"1"), ACCEPTED]
    command = ours("h.Tidy", python(version))
    env = {"PYTHONPATH": str(SOURCE), **UNTRACED}
    with ScriptedApi(script) as api, started(command, api, tmp_path, env) as (process, out, err):
        until(lambda: len(api.requests) == 4, process)
        process.send_signal(signal.SIGTERM)
        try:
            assert process.wait(10) == 0
        except subprocess.TimeoutExpired:  # pragma: no cover  a failure, not a hang
            raise AssertionError(err.read_text()) from None
        first, second = out.read_text().splitlines()[:2]
        assert first == "tidied up"
        assert second.startswith("[ERROR] ValueError: too late")


TOGETHER = """
import sys, threading, time
from amazon_lambda_runtime import Runtime
class Slow:
    def find_spec(self, name, path=None, target=None):
        time.sleep(0.02)
BARRIER = threading.Barrier(8)
class H(Runtime):
    def __init__(self):
        sys.meta_path.insert(0, Slow())
    def decode_event(self, body, content_type):
        time.sleep(0.015 * BARRIER.wait(10))
        return super().decode_event(body, content_type)
    def handler(self, event, context):
        time.sleep(0.015 * BARRIER.wait(10))
        raise ValueError(f"number {event}")
"""


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("form", ["TEXT", "JSON"])
@pytest.mark.parametrize("kind", ["failing", "undecodable"])
def test_failures_at_the_same_moment(version: str, form: str, kind: str, tmp_path: Path) -> None:
    """95: eight threads whose first failures come at once: each is told with message and stack."""
    bodies = [b"%d" % n if kind == "failing" else b"{%d" % n for n in range(8)]
    tmp_path.joinpath("h.py").write_text(TOGETHER)
    env = {
        "AWS_LAMBDA_MAX_CONCURRENCY": "8",
        "AWS_LAMBDA_CONCURRENCY_MODE": "threads",
        "AWS_LAMBDA_LOG_FORMAT": form,
        "PYTHONPATH": str(SOURCE),
    }
    command = ours("h.H", python(version))
    with ScriptedApi([event(body, f"id-{n}") for n, body in enumerate(bodies)]) as api:
        api.accepting = True
        with started(command, api, tmp_path, env) as (process, _, err):
            until(lambda: sum(r.method == "POST" for r in api.requests) == 8, process, 30)
            assert process.poll() is None, err.read_text()
    told = [json.loads(request.body) for request in api.requests if request.method == "POST"]
    if kind == "failing":
        assert sorted(each["errorMessage"] for each in told) == [f"number {n}" for n in range(8)]
        assert all("    raise ValueError" in each["stackTrace"][0] for each in told)
    else:
        expected = "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"
        messages = {each["errorMessage"] for each in told}
        assert messages == {f"Unable to unmarshal input: {expected}"}


SHADOWS = [
    "token", "types", "operator", "keyword", "linecache", "tokenize", "traceback", "json", "re",
    "enum", "functools", "collections", "textwrap", "contextlib", "signal", "binascii", "codecs",
]  # fmt: skip


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("how", ["beside", "vendored"])
def test_modules_of_the_same_names(version: str, how: str, tmp_path: Path) -> None:
    """96: the user's modules of the library's names are neither run nor hidden by the runtime."""
    folder = tmp_path / ("vendor" if how == "vendored" else ".")
    folder.mkdir(exist_ok=True)
    for name in SHADOWS:
        folder.joinpath(f"{name}.py").write_text(f"print('{name} runs')\nMINE = True\n")
    source = """
import sys
sys.path.insert(0, "vendor")
def handler(event, context):
    if event == 1:
        raise ValueError("mine")
    if event == 2:
        import logging
        logging.warning("told", exc_info=ValueError("mine"))
        return None
    import json, token, traceback
    return [json.MINE, token.MINE, traceback.MINE]
"""
    if how == "beside":
        source = source.replace("import logging", "pass").replace("logging.", "str or ")
        source = source.replace('str or warning("told", exc_info=ValueError("mine"))', "pass")
    events = [event(b"1"), event(b"{"), event(b"2"), event(b"3")]
    tmp_path.joinpath("h.py").write_text(source)
    script: list[Step] = [step for each in events for step in (each, ACCEPTED)]
    # Not by -m, for which Python itself imports from the current directory.
    command = [python(version), str(SOURCE.parent / "bin" / "bootstrap"), "h.handler"]
    done = run(command, script, tmp_path, {"PYTHONPATH": str(SOURCE), **UNTRACED})
    assert done.status == SERVING, done.stderr + done.stdout
    told = json.loads(done.posts[0].body)
    assert (told["errorType"], told["errorMessage"]) == ("ValueError", "mine")
    assert '    raise ValueError("mine")' in told["stackTrace"][0]
    told = json.loads(done.posts[1].body)
    assert told["errorMessage"].startswith("Unable to unmarshal input: Expecting property name")
    assert done.posts[3].body == b"[true, true, true]", done.posts[3].body
    ran = [line for line in done.stdout.splitlines() if line.endswith(" runs")]
    assert sorted(ran) == ["json runs", "token runs", "traceback runs"]


ODD = """
import sys
class Recursive(Exception):
    def __getattr__(self, name): return getattr(self, name + "x")
class Exits(Exception):
    def __str__(self): sys.exit("no")
class Notes(Exception):
    __notes__ = property(lambda self: 1 / 0)
def handler(event, context):
    if event == "path":
        sys.path[:] = []
        raise ValueError("no path")
    if event == "depth":
        try:
            for depth in range(1, 1000):
                try:
                    sys.setrecursionlimit(depth)
                except RecursionError:
                    continue
                break
        finally:
            raise ValueError("no depth")
    if event == "shallow":
        for depth in range(1, 1000):
            try:
                sys.setrecursionlimit(depth)
            except RecursionError:
                continue
            return "shallow"
    if event == "modules":
        sys.modules["json"] = sys.modules["traceback"] = None
        raise ValueError("no modules")
    if event == "meta":
        sys.meta_path.clear()
        raise ValueError("no finders")
    raise {"recursive": Recursive, "exits": Exits, "notes": Notes}[event](event)
"""


@pytest.mark.parametrize("version", VERSIONS)
def test_odd_exceptions(version: str, tmp_path: Path) -> None:
    """97: whatever gets in the way of a report, type, message and stack are told."""
    cases = {
        "recursive": ("Recursive", "recursive"),
        "exits": ("Exits", "<unprintable Exits: SystemExit>"),
        "notes": ("Notes", "notes"),
        "path": ("ValueError", "no path"),
        "depth": ("ValueError", "no depth"),
        "modules": ("ValueError", "no modules"),
        "meta": ("ValueError", "no finders"),
    }
    for case, (error_type, message) in cases.items():
        script = [event(json.dumps(case).encode()), event(b"{"), event(b'"shallow"')]
        done = served(ODD, script, tmp_path, python=python(version), **UNTRACED)
        assert done.status == SERVING, (case, done.stderr)
        told = json.loads(done.posts[0].body)
        assert (told["errorType"], told["errorMessage"]) == (error_type, message)
        assert "in handler\n" in told["stackTrace"][0]
        assert json.loads(done.posts[1].body)["errorType"] == "Runtime.UnmarshalError"
        assert done.posts[2].body == b'"shallow"'
