"""Failures that must reach the log, and reach it in one piece.

Numbers are those of docs/reference/behaviour.md.
"""

import json
from pathlib import Path

import pytest

from tests.harness import ACCEPTED, Step, event, ours
from tests.lanes import PYTHONS, served_by

from .test_log_frames import framed

each_python = pytest.mark.parametrize("python", PYTHONS)

# What a handler may leave behind in place of its standard streams.
LEFT = {
    "StringIO": "sys.stdout = sys.stderr = io.StringIO()",
    "closed StringIO": "sys.stdout = sys.stderr = io.StringIO(); sys.stdout.close()",
    "null": "sys.stdout = sys.stderr = open(os.devnull, 'w')",
    "None": "sys.stdout = sys.stderr = None",
    "redirected": "contextlib.redirect_stdout(io.StringIO()).__enter__();"
    " contextlib.redirect_stderr(io.StringIO()).__enter__()",
    "closed": "sys.stdout.close()",
    "detached": "sys.stdout.detach()",
    "descriptor closed": "os.close(1)",
}


@each_python
@pytest.mark.parametrize("left", LEFT)
def test_streams_that_are_gone(left: str, python: str, tmp_path: Path) -> None:
    """52, 167: the error is in the log all the same, once; the answer is what it is."""
    source = f"""
import contextlib, io, os, sys
def handler(event, context):
    {LEFT[left]}
    raise ValueError("told")
"""
    script: list[Step] = [event(), ACCEPTED, event(), ACCEPTED]
    done = served_by(python, source, script[:2], tmp_path)
    assert json.loads(done.posts[0].body)["errorMessage"] == "told"
    log = done.stdout + done.stderr
    assert log.count("[ERROR] ValueError: told\r") == 1, log
    assert 'raise ValueError("told")' in log


def test_printed_before_it_was_replaced(tmp_path: Path) -> None:
    """108, 167: what was printed before, without a line end, is flushed."""
    source = """
import io, sys, threading
def handler(event, context):
    waits = threading.Event()
    threading.Thread(target=waits.wait, daemon=True).start()
    print("half a line", end="")
    sys.stdout = io.StringIO()
"""
    done = served_by(str(PYTHONS[0].values[0]), source, [event(), ACCEPTED], tmp_path)
    assert done.posts[0].stdout == "half a line"


@each_python
def test_records_after_stdout_was_closed(python: str, tmp_path: Path) -> None:
    """167: a record of `logging` goes where an error goes."""
    source = """
import logging, sys
def handler(event, context):
    sys.stdout.close()
    logging.error("first")
    context.log("second\\n")
"""
    done = served_by(python, source, [event(), ACCEPTED], tmp_path)
    assert [post.kind for post in done.posts] == ["response"]
    first, second = done.stderr.splitlines()
    assert first.endswith("\tid-1\tfirst")
    assert second == "second"


THREADS = """
import IMPORTED, threading, _thread, time
class Odd:
    def __del__(self):
        raise LookupError("ignored")
def fail(barrier):
    barrier.wait()
    raise ValueError("failed")
def leave():
    raise SystemExit(3)
def handler(event, context):
    barrier = threading.Barrier(8)
    threads = [threading.Thread(target=fail, args=[barrier], name=f"t{n}") for n in range(8)]
    threads.append(threading.Thread(target=leave))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    Odd()
    before = threading.active_count()
    _thread.start_new_thread(int, ("bare",))
    time.sleep(0.05)
"""


@each_python
@pytest.mark.parametrize("form", ["TEXT", "JSON"])
def test_threads_that_fail_together(form: str, python: str, tmp_path: Path) -> None:
    """168: each exception that nobody catches is one record, with the invocation's id."""
    for imported in ("threading", "logging"):
        source = THREADS.replace("IMPORTED", imported)
        env = {"AWS_LAMBDA_LOG_FORMAT": form}
        done = served_by(python, source, [event(), ACCEPTED], tmp_path, **env)
        assert [post.kind for post in done.posts] == ["response"]
        assert done.stderr == ""
        lines = done.stdout.splitlines() if form == "JSON" else done.stdout.split("\n")[:-1]
        assert len(lines) == 10, done.stdout
        if form == "JSON":
            records = [json.loads(line) for line in lines]
            assert {record["requestId"] for record in records} == {"id-1"}
            assert {record["errorMessage"] for record in records[:8]} == {"failed"}
            places = {record["stackTrace"][-1] for record in records[:8]}
            stacks = {str(record["stackTrace"][:-1]) for record in records[:8]}
        else:
            assert {line.split("\r")[0] for line in lines[:8]} == {"[ERROR] ValueError: failed"}
            places = {line.split("\r")[-1] + "\n" for line in lines[:8]}
            stacks = {str(line.split("\r")[1:-1]) for line in lines[:8]}
        assert places == {f"In thread t{n}\n" for n in range(8)}
        (stack,) = stacks
        assert "in fail" in stack
        assert "threading.py" not in stack
        assert "LookupError" in lines[8]
        assert "xception ignored in" in lines[8]
        assert "ValueError: invalid literal" in lines[9] or form == "JSON"


def test_threads_in_frames(tmp_path: Path) -> None:
    """74, 168: with a descriptor for records each is a frame of the level ERROR."""
    tmp_path.joinpath("h.py").write_text(THREADS.replace("IMPORTED", "sys"))
    done, frames = framed(ours("h.handler"), [event(), ACCEPTED], tmp_path, tmp_path / "log", {})
    assert [frame.type for frame in frames] == [0xA55A0017] * 10
    assert (done.stdout, done.stderr) == ("", "")


@each_python
def test_hooks_of_the_functions(python: str, tmp_path: Path) -> None:
    """168: those that the function has set are called, and may call what they replace."""
    source = """
import sys, threading
def own(failed):
    print("own", failed.exc_value)
    before(failed)
before, threading.excepthook = threading.excepthook, own
sys.unraisablehook = lambda ignored: print("own", ignored.exc_value)
class Odd:
    def __del__(self):
        raise LookupError("ignored")
def handler(event, context):
    thread = threading.Thread(target=int, args=["x"], name="t1")
    thread.start()
    thread.join()
    Odd()
"""
    done = served_by(python, source, [event(), ACCEPTED], tmp_path)
    first, second, third = done.stdout.split("\n")[:-1]
    assert first.startswith("own invalid literal for int()")
    assert second.startswith("[ERROR] ValueError: invalid literal for int()")
    assert second.endswith("\rIn thread t1")
    assert (third, done.stderr) == ("own ignored", "")


@each_python
def test_child_that_fails(python: str, tmp_path: Path) -> None:
    """150, 168: so is the exception that ends a child which the handler forks."""
    source = """
import os
def handler(event, context):
    child = os.fork()
    if child == 0:
        raise ValueError("in the child")
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
"""
    done = served_by(python, source, [event(), ACCEPTED], tmp_path)
    assert [post.body for post in done.posts] == [b"1"]
    (line,) = done.stdout.split("\n")[:-1]
    assert line.startswith("[ERROR] ValueError: in the child\r")
    assert line.count("\r") == 3
    assert done.stderr == ""
