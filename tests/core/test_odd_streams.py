"""Standard streams that are not what they were, and output that must not be lost."""

import json
from pathlib import Path

import pytest

from tests.harness import (
    SERVING,
    SOURCE,
    ScriptedApi,
    Step,
    event,
    ours,
    served,
    started,
    until,
)
from tests.lanes import VERSIONS, python

ODD = """
class Odd:
    encoding = "utf-8"
    def __init__(self, problem=None): self.problem = problem
    def write(self, text): return len(text)
    def flush(self):
        if self.problem: raise self.problem
"""


@pytest.mark.parametrize("version", VERSIONS)
def test_stdout_of_a_sitecustomize(version: str, tmp_path: Path) -> None:
    """101: a stdout that can't be reconfigured is left as it is."""
    site = tmp_path / "site"
    site.mkdir()
    site.joinpath("sitecustomize.py").write_text(f"import sys\n{ODD}\nsys.stdout = Odd()\n")
    source = "def handler(event, context):\n    print('lost')\n    return event\n"
    path = f"{site}:{SOURCE}"
    done = served(source, [event(b"1")], tmp_path, python=python(version), PYTHONPATH=path)
    assert done.kinds == ["next", "response", "next"], done.stderr


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("mode", ["", "threads"])
def test_flush_raises(version: str, mode: str, tmp_path: Path) -> None:
    """102: what a flush raises costs neither a result nor an error, in no mode."""
    source = f"""
import sys
{ODD}
sys.stdout = sys.stderr = Odd(RuntimeError("no"))
def handler(event, context):
    if event == 2:
        raise ValueError("reported")
    return event
"""
    env = {"AWS_LAMBDA_MAX_CONCURRENCY": "2", "AWS_LAMBDA_CONCURRENCY_MODE": mode} if mode else {}
    events: list[Step] = [event(b"1", "id-1"), event(b"2", "id-2"), event(b"3", "id-3")]
    tmp_path.joinpath("h.py").write_text(source)
    command = ours("h.handler", python(version))
    with ScriptedApi(events) as api:
        api.accepting = True
        env = {"PYTHONPATH": str(SOURCE), **env}
        with started(command, api, tmp_path, env) as (process, _, _err):
            until(lambda: sum(r.method == "POST" for r in api.requests) == 3, process)
    posts = {r.path.split("/")[-2]: r for r in api.requests if r.method == "POST"}
    assert (posts["id-1"].body, posts["id-3"].body) == (b"1", b"3")
    assert json.loads(posts["id-2"].body)["errorMessage"] == "reported"


@pytest.mark.parametrize("version", VERSIONS)
def test_worker_thread_dies(version: str, tmp_path: Path) -> None:
    """103: a thread that dies by anything is told, and the process ends."""
    source = """
from amazon_lambda_runtime.core.client import RuntimeClient
def handler(event, context):
    def next(self): raise ZeroDivisionError("out of order")
    RuntimeClient.next = next
"""
    tmp_path.joinpath("h.py").write_text(source)
    env = {
        "AWS_LAMBDA_MAX_CONCURRENCY": "2",
        "AWS_LAMBDA_CONCURRENCY_MODE": "threads",
        "PYTHONPATH": str(SOURCE),
    }
    with ScriptedApi([event()]) as api:
        api.accepting = True
        command = ours("h.handler", python(version))
        with started(command, api, tmp_path, env) as (process, out, _):
            assert process.wait(10) == 1
            text = out.read_text()
    assert text.startswith("[ERROR] ZeroDivisionError: out of order")
    assert len([request for request in api.requests if request.method == "POST"]) == 1


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("end", ["os._exit(9)", "os.kill(os.getpid(), 9)", "os.abort()"])
def test_crash(version: str, unbuffered: str, end: str, tmp_path: Path) -> None:
    """108: what was printed is there after a crash, even without a line end."""
    source = f"""
import os, resource
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
def handler(event, context):
    print("a", "line")
    print("half a line", end="")
    {end}
"""
    env = {"PYTHONUNBUFFERED": unbuffered}
    done = served(source, [event()], tmp_path, python=python(version), **env)
    assert done.status not in (0, SERVING)
    assert done.stdout == "a line\nhalf a line"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_stdout_is_as_ever(version: str, unbuffered: str, tmp_path: Path) -> None:
    """108: stdout is a text file like any other; half a surrogate pair is escaped."""
    source = """
import io, sys
def handler(event, context):
    sys.stdout.buffer.write(b"bytes\\n")
    sys.stdout.writelines(["a", "b\\n"])
    print("half \\ud800 pair", file=sys.__stdout__)
    sys.stdout.reconfigure(line_buffering=True)
    return [isinstance(sys.stdout, io.TextIOWrapper), sys.stdout.encoding, sys.stdout.fileno(),
            sys.stdout.name, sys.stdout.mode, sys.stdout.errors, sys.stdout.write("abc")]
"""
    env = {"PYTHONUNBUFFERED": unbuffered, "PYTHONUTF8": "1"}
    done = served(source, [event()], tmp_path, python=python(version), **env)
    assert json.loads(done.posts[0].body) == [
        True, "utf-8", 1, "<stdout>", "w", "backslashreplace", 3,
    ]  # fmt: skip
    assert done.stdout == "bytes\nab\nhalf \\ud800 pair\nabc"
