"""Processes that a handler starts. Numbers are those of docs/behaviour.md."""

import json
import os
import sys
from pathlib import Path

import pytest

from amazon_lambda_runtime import bootstrap
from amazon_lambda_runtime.core import workers
from tests.harness import (
    ACCEPTED,
    SOURCE,
    UNTRACED,
    ScriptedApi,
    Step,
    event,
    ours,
    run,
    started,
    until,
)
from tests.lanes import HERE, find_python

SCRIPT = str(SOURCE.parent / "bin" / "bootstrap")
VERSIONS = ("3.11", "3.12", "3.13", "3.14")
# How each concurrency mode is asked for.
MODES = {
    "one at a time": {},
    **{
        mode: {"AWS_LAMBDA_MAX_CONCURRENCY": "2", "AWS_LAMBDA_CONCURRENCY_MODE": mode}
        for mode in ("processes", "threads", "tasks")
    },
}
# One handler for all the ways of multiprocessing; the event is the start method.
TOOLS = """
import multiprocessing, os, sys
from concurrent.futures import ProcessPoolExecutor

def double(number):
    return 2 * number

def send(end, number):
    end.send(2 * number) if hasattr(end, "send") else end.put(2 * number)

def work(method):
    chosen = multiprocessing.get_context(method)
    with chosen.Pool(1) as pool:
        got = [pool.map(double, [1])[0]]
    receiver, sender = chosen.Pipe(duplex=False)
    queue = chosen.Queue()
    for end, source in ((sender, receiver.recv), (queue, queue.get)):
        child = chosen.Process(target=send, args=(end, 2))
        child.start()
        got.append(source())
        child.join()
        got.append(child.exitcode)
    with ProcessPoolExecutor(1, mp_context=chosen) as pool:
        got.append(pool.submit(double, 3).result())
    return got

def handler(event, context):
    return work(event)
"""
DOUBLED = [2, 4, 0, 4, 0, 6]


def command(how: str, python: str, handler: str = "h.handler") -> list[str]:
    return ours(handler, python) if how == "-m" else [python, SCRIPT, handler]


def python_of(version: str) -> str:
    """Return the interpreter of this version; skip the test if there is none."""
    python = sys.executable if version == HERE else find_python(version)
    if python is None:
        pytest.skip(f"Python {version} is not installed")
    return python


@pytest.mark.parametrize(
    ("how", "mode"),
    [("script", mode) for mode in MODES] + [("-m", "one at a time")],
)
@pytest.mark.parametrize("version", VERSIONS)
def test_multiprocessing(version: str, how: str, mode: str, tmp_path: Path) -> None:
    """150: a child of multiprocessing is no second runtime, whatever starts it, in each mode."""
    tmp_path.joinpath("h.py").write_text(TOOLS)
    methods = ["fork", "forkserver", "spawn"]
    script: list[Step] = [
        event(json.dumps(method).encode(), f"id-{method}", seconds=60) for method in methods
    ]
    env = {**MODES[mode], "PYTHONPATH": str(SOURCE), **UNTRACED}
    with ScriptedApi(script) as api:
        api.accepting = True
        with started(command(how, python_of(version)), api, tmp_path, env) as (process, _out, err):
            until(lambda: len([r for r in api.requests if r.method == "POST"]) == 3, process, 60)
            count = 2 if env.get("AWS_LAMBDA_MAX_CONCURRENCY") else 1
            # Each event was fetched once, and each runtime's own connection waits for another.
            until(lambda: [r.kind for r in api.requests].count("next") == 3 + count, process)
            answers = {r.path.split("/")[-2]: r for r in api.requests if r.method == "POST"}
            assert api.connections == count
            assert err.read_text() == ""
    assert {r.kind for r in answers.values()} == {"response"}, [r.body for r in answers.values()]
    assert {name: json.loads(r.body) for name, r in answers.items()} == {
        f"id-{method}": DOUBLED for method in methods
    }


AGAIN = """
import subprocess, sys
def handler(event, context):
    done = subprocess.run([sys.executable, *event], capture_output=True, text=True)
    return [done.returncode, done.stdout, done.stderr]
"""


@pytest.mark.parametrize("mode", ["one at a time", "processes"])
@pytest.mark.parametrize("how", ["script", "-m"])
@pytest.mark.parametrize("version", VERSIONS)
def test_program_again(version: str, how: str, mode: str, tmp_path: Path) -> None:
    """150: the program that a handler starts again serves nothing, and says so in one line."""
    tmp_path.joinpath("h.py").write_text(AGAIN)
    python = python_of(version)
    arguments = [command(how, python)[1:], command(how, python)[1:-1]]
    env = {**MODES[mode], "PYTHONPATH": str(SOURCE), **UNTRACED, "_HANDLER": "h.handler"}
    with ScriptedApi([event(json.dumps(each).encode()) for each in arguments]) as api:
        api.accepting = True
        with started(command(how, python), api, tmp_path, env) as (process, _, _):
            until(lambda: [r.kind for r in api.requests].count("response") == 2, process)
            assert api.connections == (2 if mode == "processes" else 1)
    for post in [request for request in api.requests if request.method == "POST"]:
        status, stdout, stderr = json.loads(post.body)
        assert (status, stdout, stderr.count("\n")) == (2, "", 1)
        assert stderr.startswith("bootstrap: process ")
        assert "A function can't start a second runtime in its environment." in stderr


@pytest.mark.parametrize("how", ["script", "-m"])
def test_program_in_place(how: str, tmp_path: Path) -> None:
    """150: a program that replaces itself by itself serves; so does one below a shell script."""
    source = """
import os, sys
if not os.environ.get("AGAIN"):
    os.environ["AGAIN"] = "1"
    os.execv(sys.executable, sys.orig_argv)
def handler(event, context):
    return os.getpid()
"""
    tmp_path.joinpath("h.py").write_text(source)
    wrapper = tmp_path / "wrapper"
    wrapper.write_text('"$@" &\ntrap "kill $!" TERM\nwait\nwait\n')
    env = {"PYTHONPATH": str(SOURCE), **UNTRACED}
    whole = ["sh", str(wrapper), *command(how, sys.executable)]
    done = run(whole, [event(), ACCEPTED], tmp_path, env)
    assert done.kinds == ["next", "response", "next"], done.stderr


@pytest.mark.parametrize("mode", ["one at a time", "processes", "threads"])
@pytest.mark.parametrize(
    ("child", "status"), [("sys.exit(3)", 3), ("1 / 0", 1), ("return 'from the child'", 0)]
)
def test_forked_child(child: str, status: int, mode: str, tmp_path: Path) -> None:
    """58, 150: a child that the handler forks ends with its own status; the parent answers."""
    source = f"""
import os, sys
def handler(event, context):
    pid = os.fork()
    if pid == 0:
        os.write(1, b"child\\n")
        {child}
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
"""
    tmp_path.joinpath("h.py").write_text(source)
    with ScriptedApi([event(), event()]) as api:
        api.accepting = True
        env = {**MODES[mode], **UNTRACED}
        with started(ours("h.handler"), api, tmp_path, env) as (process, out, err):
            until(lambda: [r.kind for r in api.requests].count("response") == 2, process)
            assert process.poll() is None
            log = out.read_bytes()
            assert log.count(b"child\n") == 2
            failures = 2 if child == "1 / 0" else 0
            assert log.count(b"[ERROR] ZeroDivisionError: division by zero\r") == failures
            assert log.count(b"\n") == 2 + failures
            assert err.read_text() == ""
    posts = [request for request in api.requests if request.method == "POST"]
    assert [post.body for post in posts] == [str(status).encode()] * 2


SHUTDOWN = """
import multiprocessing, os, time
from amazon_lambda_runtime import Runtime

class H(Runtime):
    def on_shutdown(self):
        print("down\\n", end="", flush=True)
    def handler(self, event, context):
        if event == "os.fork":
            pid = os.fork()
            if pid == 0:
                time.sleep(60)
                os._exit(0)
            time.sleep(0.05)
            os.kill(pid, 15)
            return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        child = multiprocessing.get_context(event).Process(target=time.sleep, args=(60,))
        child.start()
        time.sleep(0.05)
        child.terminate()
        child.join()
        return child.exitcode
"""


@pytest.mark.parametrize("mode", ["one at a time", "processes", "threads"])
def test_signal_to_a_child(mode: str, tmp_path: Path) -> None:
    """150: SIGTERM ends a child at once, and is none to its parent: on_shutdown does not run."""
    tmp_path.joinpath("h.py").write_text(SHUTDOWN)
    methods = ["os.fork", "fork", "forkserver", "spawn"]
    with ScriptedApi([event(json.dumps(method).encode()) for method in methods]) as api:
        api.accepting = True
        with started(ours("h.H"), api, tmp_path, MODES[mode]) as (process, out, err):
            until(lambda: [r.kind for r in api.requests].count("response") == 4, process)
            assert out.read_text() == ""
            process.terminate()
            assert process.wait(10) == 0
            assert out.read_text() == "down\n" * (2 if mode == "processes" else 1)
            assert err.read_text() == ""
    posts = [request for request in api.requests if request.kind == "response"]
    assert [post.body for post in posts] == [b"-15"] * 4


LEFT_OVER = """
import multiprocessing, os, time
from concurrent.futures import ProcessPoolExecutor
from amazon_lambda_runtime import Runtime

def identify():
    return os.getpid()

class H(Runtime):
    def on_shutdown(self):
        print("down\\n", end="", flush=True)
    def handler(self, event, context):
        self.pool = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context(event))
        child = multiprocessing.get_context(event).Process(
            target=time.sleep, args=(60,), daemon=True)
        child.start()
        return [child.pid, self.pool.submit(identify).result()]
"""


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.parametrize("mode", ["one at a time", "processes", "threads"])
def test_children_end_with_their_parent(mode: str, method: str, tmp_path: Path) -> None:
    """150: a pool and a daemon that a handler leaves behind end when the environment does."""
    tmp_path.joinpath("h.py").write_text(LEFT_OVER)
    with ScriptedApi([event(json.dumps(method).encode())]) as api:
        api.accepting = True
        with started(ours("h.H"), api, tmp_path, MODES[mode]) as (process, out, err):
            until(lambda: [r.kind for r in api.requests].count("response") == 1, process)
            process.terminate()
            assert process.wait(10) == 0
            assert out.read_text() == "down\n" * (2 if mode == "processes" else 1)
            # multiprocessing may say that it removes the semaphores that were left behind.
            assert "Traceback" not in err.read_text()
            (post,) = [request for request in api.requests if request.kind == "response"]
            until(
                lambda: not any(Path("/proc", str(pid)).exists() for pid in json.loads(post.body))
            )


def test_child_of_the_import(tmp_path: Path) -> None:
    """150: a process that the import has started stays when one of the workers ends."""
    source = """
import multiprocessing, os, time
CHILD = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,), daemon=True)
CHILD.start()
def handler(event, context):
    if event:
        raise SystemExit(7)
    time.sleep(0.2)
    return [CHILD.pid, os.path.exists(f"/proc/{CHILD.pid}/exe")]
"""
    tmp_path.joinpath("h.py").write_text(source)
    with ScriptedApi([event(b"1")]) as api:
        api.accepting = True
        with started(ours("h.handler"), api, tmp_path, MODES["processes"]) as (process, out, _):
            until(lambda: "ended with 7, and is replaced\n" in out.read_text(), process)
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            kept = [pid for pid in children if Path(f"/proc/{pid}/exe").exists()]
            assert len(kept) >= 2  # the other worker, and the child of the import


@pytest.mark.parametrize("mode", ["processes", "threads"])
def test_worker_that_breaks(mode: str, tmp_path: Path) -> None:
    """91: a worker that ends by what can't be answered says why; it does not hang."""
    source = """
import sys
OUT = sys.stdout
class Odd:
    write = OUT.write
    def flush(self):
        sys.stdout = OUT
        raise KeyboardInterrupt("odd")
def handler(event, context):
    sys.stdout = Odd()
"""
    tmp_path.joinpath("h.py").write_text(source)
    with ScriptedApi([event()]) as api:
        api.accepting = True
        with started(ours("h.handler"), api, tmp_path, MODES[mode]) as (process, out, _):
            if mode == "processes":
                until(lambda: " ended with 1, and is replaced\n" in out.read_text(), process)
            else:
                assert process.wait(10) == 1
            assert "[ERROR] KeyboardInterrupt: odd\n" in out.read_text()


@pytest.mark.parametrize(
    ("exc", "status", "told"),
    [(SystemExit(3), 3, []), (SystemExit("no"), 1, []), (ValueError("odd"), 1, ["odd"])],
)
def test_end_of_a_child(
    exc: BaseException, status: int, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """58: a child that comes back from the handler ends with what the interpreter would say."""
    ended: list[int] = []
    logged: list[str] = []
    monkeypatch.setattr(os, "_exit", ended.append)
    monkeypatch.setattr(sys, "excepthook", lambda _kind, exc, _tb: logged.append(str(exc)))
    workers._end_child(exc)
    assert (ended, logged) == ([status], told)


def test_parent_of_another_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    """150: a parent that is no runtime does not matter, whatever its variables are."""
    monkeypatch.setattr(sys, "argv", ["/bin/bootstrap"])
    bootstrap._refuse_second("127.0.0.1:9")


def test_parent_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """150: where nothing can be known about the parent, the program serves."""
    monkeypatch.setattr(bootstrap, "getppid", lambda: 1 << 30)
    bootstrap._refuse_second("127.0.0.1:9")


FULL_STACK = """
import os, sys
PARENT = os.getpid()

def fork():
    pid = os.fork()
    return pid and os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

def handler(event, context):
    for depth in range(1, 1000):
        try:
            sys.setrecursionlimit(depth)
            return fork() or f"{os.getpid() == PARENT}"
        except RecursionError:
            if os.getpid() != PARENT:
                return "never"
"""


@pytest.mark.parametrize("version", VERSIONS)
def test_fork_where_the_stack_is_full(version: str, tmp_path: Path) -> None:
    """58, 150: a child answers nothing, though nothing could run in it when it was forked."""
    tmp_path.joinpath("h.py").write_text(FULL_STACK)
    env = {"PYTHONPATH": str(SOURCE), **UNTRACED}
    with ScriptedApi([event(), event()]) as api:
        api.accepting = True
        with started(ours("h.handler", python_of(version)), api, tmp_path, env) as (process, _, _):
            until(lambda: [r.kind for r in api.requests].count("response") == 2, process)
            until(lambda: [r.kind for r in api.requests].count("next") == 3, process)
    posts = [request.body for request in api.requests if request.method == "POST"]
    assert posts == [b'"True"'] * 2
