"""The snapshot and the end of an environment. Numbers are those of behaviour.md."""

import itertools
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.harness import (
    ACCEPTED,
    SERVING,
    SOURCE,
    HangUp,
    Run,
    ScriptedApi,
    Step,
    chance,
    event,
    examples,
    ours,
    reply,
    run,
    started,
    until,
)
from tests.lanes import HERE, Rie, find_python

HEAD = "import asyncio, random, time\nfrom amazon_lambda_runtime import Runtime\n"
REGISTERED = reply("200 OK", b"{}", "Lambda-Extension-Identifier: ext-1\r\n")

TIDY = (
    HEAD
    + """
class H(Runtime):
    KEYWORD on_shutdown(self):
        print("shutting down")
    def handler(self, event, context):
        print("handling")
        try:
            time.sleep(event)
        finally:
            print("unwound")
"""
)
TIDY_ASYNC = (
    HEAD
    + """
class H(Runtime):
    async def on_shutdown(self):
        await asyncio.sleep(0)
        print("shutting down")
    async def handler(self, event, context):
        print("handling")
        try:
            await asyncio.sleep(event)
        finally:
            print("unwound")
"""
)
SOURCES = {
    "sync": TIDY.replace("KEYWORD", "def"),
    "async hook": TIDY.replace("KEYWORD", "async def"),
    "async": TIDY_ASYNC,
}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_end_while_idle(source: str, number: int, status: int, tmp_path: Path) -> None:
    """70, 72: on_shutdown runs once, at once, and the process ends."""
    tmp_path.joinpath("h.py").write_text(SOURCES[source])
    with ScriptedApi([REGISTERED]) as api:
        with started(ours("h.H"), api, tmp_path) as (process, out, err):
            assert api.finished.wait(10)
            begun = time.monotonic()
            process.send_signal(number)
            assert process.wait(10) == status
            assert time.monotonic() - begun < 2
            assert (out.read_text(), err.read_text()) == ("shutting down\n", "")


@pytest.mark.parametrize("source", SOURCES)
def test_end_while_busy(source: str, tmp_path: Path) -> None:
    """71: a handler at work is interrupted; on_shutdown runs; the caller gets an error."""
    tmp_path.joinpath("h.py").write_text(SOURCES[source])
    with ScriptedApi([REGISTERED, event(b"60"), ACCEPTED]) as api:
        with started(ours("h.H"), api, tmp_path) as (process, out, err):
            until(lambda: "handling\n" in out.read_text(), process)
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0
            lines = out.read_text().split("\n")
            assert lines[:3] == ["handling", "unwound", "shutting down"]
            assert lines[3].startswith("[ERROR] Shutdown")
            assert err.read_text() == ""
    kinds = [request.kind for request in api.requests if "extension" not in request.path]
    assert kinds == ["next", "error"]


def test_second_signal(tmp_path: Path) -> None:
    """71: another signal does not interrupt on_shutdown."""
    source = SOURCES["sync"].replace(
        'print("shutting down")', 'print("shutting"); time.sleep(0.3); print("down")'
    )
    tmp_path.joinpath("h.py").write_text(source)
    with ScriptedApi([REGISTERED]) as api:
        with started(ours("h.H"), api, tmp_path) as (process, out, err):
            assert api.finished.wait(10)
            process.send_signal(signal.SIGTERM)
            until(lambda: "shutting\n" in out.read_text(), process)
            process.send_signal(signal.SIGTERM)
            process.send_signal(signal.SIGINT)
            assert process.wait(10) == 0
            assert (out.read_text(), err.read_text()) == ("shutting\ndown\n", "")


def test_registration(tmp_path: Path) -> None:
    """71: an internal extension without events is registered before the first /next."""
    tmp_path.joinpath("h.py").write_text(SOURCES["sync"])
    script: list[Step] = [REGISTERED, event(b"0"), ACCEPTED]
    with ScriptedApi(script) as api, started(ours("h.H"), api, tmp_path) as (process, out, _):
        until(lambda: len(api.requests) >= 5, process)
        process.terminate()
        assert process.wait(10) == 0
        assert out.read_text() == "handling\nunwound\nshutting down\n"
    register = api.requests[0]
    assert (register.method, register.path) == ("POST", "/2020-01-01/extension/register")
    assert register.headers["lambda-extension-name"] == "amazon-lambda-runtime"
    assert json.loads(register.body) == {"events": []}
    (waiting,) = [r for r in api.requests if r.path == "/2020-01-01/extension/event/next"]
    assert waiting.headers["lambda-extension-identifier"] == "ext-1"
    assert waiting.connection == register.connection


def test_no_thread(tmp_path: Path) -> None:
    """71: no thread waits for the extension's event: it would delay how signals are noticed."""
    source = f"""import os
{SOURCES["sync"]}
def tasks(event, context):
    return len(os.listdir("/proc/self/task"))
H.handler = staticmethod(tasks)
"""
    tmp_path.joinpath("h.py").write_text(source)
    done = run(ours("h.H"), [REGISTERED, event(), ACCEPTED], tmp_path)
    assert [post.body for post in done.posts if post.kind == "response"] == [b"1"]


@pytest.mark.parametrize("step", [reply("404 Not Found"), reply("200 OK", b"{}")])
def test_no_extensions(step: bytes, tmp_path: Path) -> None:
    """71: where there are no extensions, in a plain container, SIGTERM is heard as well."""
    tmp_path.joinpath("h.py").write_text(SOURCES["sync"])
    done = run(ours("h.H"), [step, event(b"0"), ACCEPTED], tmp_path)
    assert done.stdout.endswith("shutting down\n")
    assert done.status == 0


def test_nothing_is_registered_for_nothing(tmp_path: Path) -> None:
    """A function without on_shutdown asks for no extension, and SIGTERM just ends it."""
    tmp_path.joinpath("h.py").write_text(SOURCES["sync"].replace("on_shutdown", "other"))
    done = run(ours("h.H"), [event(b"0"), ACCEPTED], tmp_path)
    assert done.kinds == ["next", "response", "next"]
    assert done.status == SERVING


def test_failing_hook(tmp_path: Path) -> None:
    """An exception in on_shutdown is logged, and the process ends all the same."""
    source = SOURCES["sync"].replace('print("shutting down")', "1 / 0")
    tmp_path.joinpath("h.py").write_text(source)
    done = run(ours("h.H"), [REGISTERED], tmp_path)
    assert done.stdout.startswith("[ERROR] ZeroDivisionError: division by zero\r")
    assert (done.stderr, done.status) == ("", 0)


def test_answer_is_finished(tmp_path: Path) -> None:
    """92: a signal in the middle of an answer waits until the answer is through."""
    source = SOURCES["sync"].replace('print("handling")', "return b'x' * 6_000_000")
    tmp_path.joinpath("h.py").write_text(source)
    with ScriptedApi([REGISTERED, event(), ACCEPTED]) as api:
        with started(ours("h.H"), api, tmp_path) as (process, out, _):

            def interrupt() -> None:
                process.send_signal(signal.SIGTERM)
                time.sleep(0.2)
                assert "shutting down" not in out.read_text()

            api.midway = interrupt
            assert process.wait(10) == 0
            assert "shutting down" in out.read_text()
    (post,) = [request for request in api.requests if request.kind == "response"]
    assert len(post.body) == 6_000_000


def test_in_rie(tmp_path: Path) -> None:
    """71: AWS's own emulator takes the registration, and serves."""
    tmp_path.joinpath("h.py").write_text(SOURCES["sync"])
    with Rie(ours("h.H"), tmp_path) as rie:
        assert rie.invoke(b"0") == b"null"


SNAP = (
    HEAD
    + """
from snapshot_restore_py import register_after_restore, register_before_snapshot
random.seed(1)
DRAWN = random.Random(1).random()
for number in (1, 2):
    register_before_snapshot(print, "before", number)
    register_after_restore(print, "after", number)
class H(Runtime):
    KEYWORD before_snapshot(self):
        print("before, method")
    KEYWORD after_restore(self):
        print("after, method")
    def handler(self, event, context):
        return random.random() == DRAWN
"""
)


def snapped(source: str, directory: Path, *script: Step) -> Run:
    pytest.importorskip("snapshot_restore_py", reason="snapshot-restore-py is not installed")
    directory.joinpath("h.py").write_text(source)
    env = {"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}
    return run(ours("h.H"), list(script), directory, env)


@pytest.mark.parametrize("keyword", ["def", "async def"])
def test_snapshot(keyword: str, tmp_path: Path) -> None:
    """90: the hooks in their order; a new connection; random numbers of one's own."""
    source = SNAP.replace("KEYWORD", keyword)
    done = snapped(source, tmp_path, reply("200 OK"), event(), ACCEPTED)
    assert done.requests[0].path == "/2018-06-01/runtime/restore/next"
    assert done.requests[0].stdout.splitlines() == ["before, method", "before 2", "before 1"]
    assert done.requests[1].stdout.splitlines()[3:] == ["after 1", "after 2", "after, method"]
    assert done.requests[1].connection == 2
    assert (done.posts[0].body, done.status) == (b"false", SERVING)


@pytest.mark.parametrize(
    ("moment", "path", "error_type", "status"),
    [
        ("before", "/2018-06-01/runtime/init/error", "Runtime.BeforeSnapshotError", 64),
        ("after", "/2018-06-01/runtime/restore/error", "Runtime.AfterRestoreError", 65),
    ],
)
def test_failing_snapshot_hook(
    moment: str, path: str, error_type: str, status: int, tmp_path: Path
) -> None:
    """90: a hook that fails is reported by its own path and type, and ends the process."""
    source = SNAP.replace("KEYWORD", "def").replace(f'print("{moment}, method")', "1 / 0")
    script = [ACCEPTED] if moment == "before" else [reply("200 OK"), ACCEPTED]
    done = snapped(source, tmp_path, *script)
    (post,) = done.posts
    assert post.path == path
    assert post.headers["lambda-runtime-function-error-type"] == error_type
    assert json.loads(post.body)["errorType"] == "ZeroDivisionError"
    assert "[ERROR] ZeroDivisionError: division by zero\r" in done.stdout
    assert (done.stderr, done.status) == ("", status)


def test_only_for_snapshots(tmp_path: Path) -> None:
    """90: elsewhere there is no restore/next, and no hook runs."""
    source = "from amazon_lambda_runtime import Runtime\nclass H(Runtime):\n"
    source += " def before_snapshot(self): print('no')\n def handler(self, event, context): pass\n"
    tmp_path.joinpath("h.py").write_text(source)
    done = run(ours("h.H"), [event(), ACCEPTED], tmp_path)
    assert (done.kinds[0], done.stdout) == ("next", "")


@pytest.mark.parametrize("step", [reply("500 Oops"), HangUp])
def test_registration_fails(step: Step, tmp_path: Path) -> None:
    """46, 71: an API that fails at the registration: 500 is no extensions, silence is the end."""
    tmp_path.joinpath("h.py").write_text(SOURCES["sync"])
    done = run(ours("h.H"), [step], tmp_path)
    if step is HangUp:
        assert done.stdout.startswith(
            "[ERROR] LAMBDA_RUNTIME POST /2020-01-01/extension/register: "
        )
    assert (done.stderr, done.status) == ("", 1 if step is HangUp else 0)


# What threads of the function do meanwhile; each of these would take a signal that is sent to it.
THREADS = {
    "wait for work": "import queue\nwork = queue.Queue().get\n",
    "sleep": "work = lambda: time.sleep(1000)\n",
    "run": "def work():\n    while True:\n        time.sleep(0.0005)\n",
    "read": "import os\nwork = lambda ends=os.pipe(): os.read(ends[0], 1)\n",
}
FROZEN = """
import threading
for _ in range(8):
    threading.Thread(target=work, daemon=True).start()
"""
HANDLER_OF_ITS_OWN = """
import os, signal
def down(number, frame):
    os.write(1, b"down\\n")
    os._exit(0)
signal.signal(signal.SIGTERM, down)
def H(event, context):
    return 1
"""
CLASS = """
class H(Runtime):
    def on_shutdown(self):
        print("down")
    def handler(self, event, context):
        return 1
"""


def is_stopped(process: "subprocess.Popen[bytes]") -> bool:
    state = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]
    return state == "T"


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13", "3.14"])
def test_end_of_what_was_frozen(version: str, tmp_path: Path) -> None:
    """70, 152: a frozen function that has threads hears SIGTERM, in whatever order it is resumed.

    EXAMPLES says how many times; without it, this version takes each way once, and others some.
    """
    python = sys.executable if version == HERE else find_python(version)
    if python is None:
        pytest.skip(f"Python {version} is not installed")
    ways = [
        *itertools.product(
            THREADS,
            [
                (CLASS, {}),
                (HANDLER_OF_ITS_OWN, {}),
                (
                    CLASS,
                    {"AWS_LAMBDA_MAX_CONCURRENCY": "2", "AWS_LAMBDA_CONCURRENCY_MODE": "thread"},
                ),
            ],
            [(signal.SIGTERM, signal.SIGCONT), (signal.SIGCONT, signal.SIGTERM)],
        )
    ]
    chance(f"frozen {version}").shuffle(ways)
    count = examples(len(ways) if version == HERE else 6)
    chosen = itertools.islice(itertools.cycle(ways), count)
    for number, (threads, (source, env), order) in enumerate(chosen):
        folder = tmp_path / str(number)
        folder.mkdir()
        folder.joinpath("h.py").write_text(HEAD + THREADS[threads] + FROZEN + source)
        env = {**env, "PYTHONPATH": str(SOURCE)}
        script: list[Step] = [event()]
        with ScriptedApi(script) as api:
            api.accepting = True
            with started(ours("h.H", python), api, folder, env) as (process, out, err):
                assert api.finished.wait(10)
                process.send_signal(signal.SIGSTOP)
                until(lambda: is_stopped(process), process)
                for number in order:
                    process.send_signal(number)
                told = f"{threads}, {source}, {env}, {order}"
                try:
                    assert process.wait(5) == 0, told
                except subprocess.TimeoutExpired:
                    raise AssertionError(f"SIGTERM is lost: {told}") from None
                assert (out.read_text(), err.read_text()) == ("down\n", ""), told


@pytest.mark.parametrize("env", [{}, {"AWS_LAMBDA_MAX_CONCURRENCY": "2"}])
def test_wake_up_of_the_function(env: dict[str, str], tmp_path: Path) -> None:
    """152: the wake-up that the function has set, as an event loop does, stays its own."""
    source = f"""{HEAD}
import os, signal
READING, WRITING = os.pipe2(os.O_NONBLOCK)
signal.set_wakeup_fd(WRITING)
signal.signal(signal.SIGUSR1, lambda *_: None)
class H(Runtime):
    def on_shutdown(self):
        print("down")
    def handler(self, event, context):
        os.kill(os.getpid(), signal.SIGUSR1)
        return list(os.read(READING, 9))
"""
    tmp_path.joinpath("h.py").write_text(source)
    with ScriptedApi([event()]) as api:
        api.accepting = True
        with started(ours("h.H"), api, tmp_path, env) as (process, out, err):
            until(lambda: [r.kind for r in api.requests].count("response") == 1, process)
            process.terminate()
            assert process.wait(10) == 0
            assert (out.read_text(), err.read_text()) == ("down\n" * (2 if env else 1), "")
            assert [r.body for r in api.requests if r.kind == "response"] == [b"[10]"]


@pytest.mark.parametrize(
    "taken", ["", "KEPT[:] = [os.open('h.py', os.O_RDONLY) for _ in range(50)]"]
)
@pytest.mark.parametrize("shutdown", ["def on_shutdown(self): print('down')", ""])
def test_wake_up_that_is_closed(taken: str, shutdown: str, tmp_path: Path) -> None:
    """111, 152: a handler closes all descriptors. What it opens is not read, and SIGTERM comes."""
    source = f"""{HEAD}
import os, signal
KEPT = []
def exit(number, frame):
    raise SystemExit(3)
signal.signal(signal.SIGTERM, exit)
class H(Runtime):
    {shutdown}
    def handler(self, event, context):
        if event == 1:
            os.closerange(3, 50)
            {taken}
        return sum(os.lseek(file, 0, os.SEEK_CUR) for file in KEPT)
"""
    tmp_path.joinpath("h.py").write_text(source)
    with ScriptedApi([event(b"1"), event(b"2"), event(b"3")]) as api:
        api.accepting = True
        with started(ours("h.H"), api, tmp_path) as (process, out, err):
            until(lambda: [r.kind for r in api.requests].count("response") == 3, process)
            assert api.finished.wait(10)
            process.terminate()
            assert process.wait(10) == (0 if shutdown else 3)
            assert (out.read_text(), err.read_text()) == ("down\n" if shutdown else "", "")
            assert [r.body for r in api.requests if r.kind == "response"] == [b"0"] * 3


def test_other_signals_while_idle(tmp_path: Path) -> None:
    """70, 152: a handler of another signal runs while the function waits for an event."""
    source = f"""{HEAD}
import signal
signal.signal(signal.SIGUSR1, lambda *_: print("heard", flush=True))
class H(Runtime):
    def on_shutdown(self):
        print("down")
    def handler(self, event, context):
        return 1
"""
    tmp_path.joinpath("h.py").write_text(source)
    with ScriptedApi([REGISTERED]) as api:
        with started(ours("h.H"), api, tmp_path) as (process, out, err):
            assert api.finished.wait(10)
            for count in (1, 2):
                process.send_signal(signal.SIGUSR1)
                until(lambda: out.read_text() == "heard\n" * count, process)  # noqa: B023
            process.terminate()
            assert process.wait(10) == 0
            assert (out.read_text(), err.read_text()) == ("heard\nheard\ndown\n", "")


def test_end_in_a_stream(tmp_path: Path) -> None:
    """71, 82: a stream that is at work ends in an error, whole pieces before it."""
    source = f"""{HEAD}
class H(Runtime):
    def on_shutdown(self):
        print("shutting down")
    def handler(self, event, context):
        while True:
            yield "x" * 1000
            print("sent", end="")
"""
    tmp_path.joinpath("h.py").write_text(source)
    with ScriptedApi([REGISTERED, event(), ACCEPTED]) as api:
        with started(ours("h.H"), api, tmp_path) as (process, out, err):
            until(lambda: b"x" in api.incoming, process)
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0
            assert "shutting down" in out.read_text()
            assert err.read_text() == ""
    post = api.requests[-1]
    assert set(post.chunks) == {b"x" * 1000}
    assert post.trailers["lambda-runtime-function-error-type"] == "Function.Shutdown"


def test_restore_hangs_up(tmp_path: Path) -> None:
    """90: a restore that breaks off is one line, exit status 1; without `random`, too."""
    source = SNAP.replace("KEYWORD", "def")
    done = snapped(source, tmp_path, HangUp)
    assert "[ERROR] LAMBDA_RUNTIME GET /2018-06-01/runtime/restore/next: " in done.stdout
    assert (done.stderr, done.status) == ("", 1)


def test_snapshot_without_the_package(tmp_path: Path) -> None:
    """90: the class's own methods need no package, and no `random`."""
    source = """
from amazon_lambda_runtime import Runtime
class H(Runtime):
    def after_restore(self): print("restored")
    def handler(self, event, context): pass
"""
    done = snapped(source, tmp_path, reply("200 OK"), event(), ACCEPTED)
    assert (done.stdout, done.status) == ("restored\n", SERVING)


@pytest.mark.parametrize("step", [reply("500 Oops"), reply("403 Forbidden")])
def test_restore_is_refused(step: bytes, tmp_path: Path) -> None:
    """46, 90: one line, exit status 1."""
    done = snapped(SNAP.replace("KEYWORD", "def"), tmp_path, step)
    assert "[ERROR] LAMBDA_RUNTIME GET /2018-06-01/runtime/restore/next: the Runtime" in done.stdout
    assert (done.stderr, done.status) == ("", 1)
