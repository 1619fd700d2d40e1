"""Worker processes of functions that can't be forked once they are loaded. Numbers are those of
docs/behaviour.md."""

import json
import signal
import sys
from pathlib import Path

import pytest

from tests.harness import SOURCE, Request, ScriptedApi, event, ours, started, until
from tests.lanes import HERE, find_python

# Each import is a line in the file "loaded".
HEAD = """
import asyncio, os, threading, time
with open("loaded", "a") as file:
    file.write(f"{os.getpid()}\\n")
def meet(context):
    open(f"here-{context.aws_request_id}", "w").close()
    while sum(name.startswith("here-") for name in os.listdir(".")) < 2:
        time.sleep(0.01)
"""
THREAD = f"""{HEAD}
TICKS = []
def tick():
    while True:
        TICKS.append(os.getpid())
        time.sleep(0.001)
threading.Thread(target=tick, daemon=True).start()
def handler(event, context):
    meet(context)
    TICKS.clear()
    while not TICKS:
        time.sleep(0.001)
    return [os.getpid(), TICKS[0] == os.getpid()]
"""
LOOP = f"""{HEAD}
LOOP = asyncio.new_event_loop()
FILES = LOOP._selector.fileno(), os.fstat(LOOP._selector.fileno()).st_ino
async def answer():
    await asyncio.sleep(0.01)
    return [os.getpid(), True]
def handler(event, context):
    meet(context)
    return LOOP.run_until_complete(answer())
"""
CLOSED = f"""{HEAD}
asyncio.run(asyncio.sleep(0))
threading.Thread(target=print).start()
while threading.active_count() > 1:
    time.sleep(0.01)
def handler(event, context):
    meet(context)
    return [os.getpid(), True]
"""
SOURCES = {"a thread": THREAD, "an event loop": LOOP}
PROCESSES = {
    "AWS_LAMBDA_MAX_CONCURRENCY": "2",
    "AWS_LAMBDA_CONCURRENCY_MODE": "processes",
    "PYTHONPATH": str(SOURCE),
}


def told(reason: str) -> str:
    return (
        f"[INFO] LAMBDA_RUNTIME The function has {reason} after init, which workers can't share:"
        " each worker process loads it for itself\n"
    )


def posts(api: ScriptedApi, kind: str = "response") -> list[Request]:
    return [request for request in api.requests if request.kind == kind]


def pids(directory: Path) -> list[int]:
    """Return the processes that have loaded the function."""
    return [int(line) for line in directory.joinpath("loaded").read_text().split()]


@pytest.mark.parametrize("reason", SOURCES)
@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13", "3.14"])
def test_each_loads(version: str, reason: str, tmp_path: Path) -> None:
    """153: each worker has the thread, or a loop of its own; one line says why."""
    python = sys.executable if version == HERE else find_python(version)
    if python is None:
        pytest.skip(f"Python {version} is not installed")
    tmp_path.joinpath("h.py").write_text(SOURCES[reason])
    with ScriptedApi([event(b"{}", "id-1"), event(b"{}", "id-2")]) as api:
        api.accepting = True
        with started(ours("h.handler", python), api, tmp_path, PROCESSES) as (process, out, err):
            until(lambda: len(posts(api)) == 2, process)
            answers = [json.loads(post.body) for post in posts(api)]
            loaded = pids(tmp_path)
            assert process.poll() is None
            process.terminate()
            assert process.wait(10) == 0
            assert (out.read_text(), err.read_text()) == (told(reason), "")
    workers = {pid for pid, _ in answers}
    assert [good for _, good in answers] == [True, True]
    # Once to find out, and once in each worker.
    assert loaded[0] == process.pid
    assert set(loaded[1:]) == workers
    assert len(loaded) == 3
    for pid in workers:
        assert not Path("/proc", str(pid)).exists()


@pytest.mark.parametrize("mode", ["processes", "threads"])
def test_shared_where_it_can_be(mode: str, tmp_path: Path) -> None:
    """153: without a thread or an open loop, and in threads, the function is loaded once."""
    source = CLOSED if mode == "processes" else THREAD
    tmp_path.joinpath("h.py").write_text(source)
    env = {**PROCESSES, "AWS_LAMBDA_CONCURRENCY_MODE": mode}
    with ScriptedApi([event(b"{}", "id-1"), event(b"{}", "id-2")]) as api:
        api.accepting = True
        with started(ours("h.handler"), api, tmp_path, env) as (process, out, _):
            until(lambda: len(posts(api)) == 2, process)
            assert pids(tmp_path) == [process.pid]
            assert "LAMBDA_RUNTIME" not in out.read_text()


def test_one_at_a_time(tmp_path: Path) -> None:
    """153: one invocation at a time needs no worker."""
    tmp_path.joinpath("h.py").write_text(THREAD.replace("    meet(context)\n", ""))
    env = {**PROCESSES, "AWS_LAMBDA_MAX_CONCURRENCY": "1"}
    with ScriptedApi([event()]) as api:
        api.accepting = True
        with started(ours("h.handler"), api, tmp_path, env) as (process, out, _):
            until(lambda: len(posts(api)) == 1, process)
            assert pids(tmp_path) == [process.pid]
            assert out.read_text() == ""


def test_worker_that_dies(tmp_path: Path) -> None:
    """91, 153: another takes its place, and loads for itself."""
    source = THREAD.replace("    meet(context)\n", "    if event: os._exit(9)\n")
    tmp_path.joinpath("h.py").write_text(source)
    with ScriptedApi([event(b"1"), event(b"0"), event(b"0")]) as api:
        api.accepting = True
        with started(ours("h.handler"), api, tmp_path, PROCESSES) as (process, out, err):
            until(lambda: len(posts(api)) == 2 and len(pids(tmp_path)) == 4, process)
            until(lambda: " ended with 9, and is replaced\n" in out.read_text(), process)
            process.terminate()
            assert process.wait(10) == 0
            assert err.read_text() == ""


def test_start_is_repeated(tmp_path: Path) -> None:
    """153: workers have the environment and the folder that the process was started with."""
    source = f"""{HEAD}
SEEN = [os.environ.get("MARK"), os.getcwd(), "_LAMBDA_RUNTIME_WORKERS" in os.environ]
os.environ["MARK"] = "changed"
os.mkdir("elsewhere") if not os.path.exists("elsewhere") else None
threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
import signal
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
BLOCKED = len(signal.pthread_sigmask(signal.SIG_BLOCK, []))
here, _ = os.getcwd(), os.chdir("elsewhere")
def handler(event, context):
    return [*SEEN, BLOCKED]
"""
    tmp_path.joinpath("h.py").write_text(source)
    env = {**PROCESSES, "MARK": "as it was"}
    with ScriptedApi([event()]) as api:
        api.accepting = True
        with started(ours("h.handler"), api, tmp_path, env) as (process, _, _):
            until(lambda: len(posts(api)) == 1, process)
    assert json.loads(posts(api)[0].body) == ["as it was", str(tmp_path), False, 1]


def test_log_descriptor(tmp_path: Path) -> None:
    """74, 153: the descriptor for records is there after the replacement as well."""
    source = f"""{THREAD.replace("    meet(context)", "    context.log('from a worker')")}"""
    tmp_path.joinpath("h.py").write_text(source)
    command = f"exec {sys.executable} -m amazon_lambda_runtime h.handler 3>>frames"
    env = {**PROCESSES, "_LAMBDA_TELEMETRY_LOG_FD": "3"}
    with ScriptedApi([event()]) as api:
        api.accepting = True
        with started(["sh", "-c", command], api, tmp_path, env) as (process, out, err):
            until(lambda: len(posts(api)) == 1, process)
            assert (out.read_text(), err.read_text()) == ("", "")
    frames = tmp_path.joinpath("frames").read_bytes()
    assert b"each worker process loads it for itself" in frames
    assert frames.endswith(b"from a worker")


SHUTDOWN = f"""{HEAD}
from amazon_lambda_runtime import Runtime
threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
class H(Runtime):
    def on_shutdown(self):
        os.write(1, b"down\\n")
    def handler(self, event, context):
        return os.getpid()
"""


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_on_shutdown(number: int, status: int, tmp_path: Path) -> None:
    """71, 153: Lambda is asked once to send SIGTERM, and on_shutdown runs in each worker."""
    tmp_path.joinpath("h.py").write_text(SHUTDOWN)
    with ScriptedApi([event()]) as api:
        api.accepting = True
        with started(ours("h.H"), api, tmp_path, PROCESSES) as (process, out, err):
            until(lambda: len(posts(api, "next")) == 3, process)
            process.send_signal(number)
            assert process.wait(10) == status
            assert out.read_text() == told("a thread") + "down\n" * 2
            assert err.read_text() == ""
    assert len(posts(api, "register")) == 1


ON_INIT = """
from amazon_lambda_runtime import Runtime
class H(Runtime):
    def on_init(self): raise ValueError("not twice")
    def handler(self, event, context): return 1
handler = H()
"""
AT_IMPORT = """
if len(open("loaded").readlines()) > 1:
    raise ValueError("not twice")
"""


@pytest.mark.parametrize("failing", [AT_IMPORT, ON_INIT])
def test_failure_of_init_in_workers(failing: str, tmp_path: Path) -> None:
    """124, 153: what fails at init in the workers is one init error, and ends the environment."""
    source = THREAD + failing
    tmp_path.joinpath("h.py").write_text(source)
    with ScriptedApi([]) as api:
        api.accepting = True
        with started(ours("h.handler"), api, tmp_path, PROCESSES) as (process, out, err):
            assert process.wait(15) == 1
            assert out.read_text().count("[ERROR] ValueError: not twice") == 1
            assert err.read_text() == ""
    assert [request.path for request in api.requests] == ["/2018-06-01/runtime/init/error"]


def test_children_of_the_import(tmp_path: Path) -> None:
    """150, 153: a pool that the import has started ends with the process that did."""
    source = f"""{HEAD}
from multiprocessing import Pool
POOL = Pool(1)
with open("children", "a") as file:
    file.write(f"{{POOL._pool[0].pid}}\\n")
def handler(event, context):
    return POOL.map(abs, [-3])
"""
    tmp_path.joinpath("h.py").write_text(source)
    with ScriptedApi([event()]) as api:
        api.accepting = True
        with started(ours("h.handler"), api, tmp_path, PROCESSES) as (process, _, err):
            until(lambda: len(posts(api)) == 1, process)
            assert json.loads(posts(api)[0].body) == [3]
            first = tmp_path.joinpath("children").read_text().split()[0]
            until(lambda: not Path("/proc", first).exists())
            assert err.read_text() == ""


@pytest.mark.parametrize("shadow", [True, False])
def test_library_is_shared(shadow: bool, tmp_path: Path) -> None:
    """153: workers share what is loaded of the standard library, and no module of the function's
    is hidden by it."""
    if shadow:
        tmp_path.joinpath("colorsys.py").write_text("NAME = 'the function'\n")
    source = f"""
import sys
SHARED = "plistlib" in sys.modules
{THREAD}
import colorsys, plistlib
def handler(event, context):
    return [SHARED, getattr(colorsys, "NAME", "the library")]
"""
    tmp_path.joinpath("h.py").write_text(source)
    with ScriptedApi([event()]) as api:
        api.accepting = True
        with started(ours("h.handler"), api, tmp_path, PROCESSES) as (process, out, err):
            until(lambda: len(posts(api)) == 1, process)
            assert out.read_text() == told("a thread")
            assert err.read_text() == ""
    seen = json.loads(posts(api)[0].body)
    assert seen == ([False, "the function"] if shadow else [True, "the library"])


def test_unknown_mode(tmp_path: Path) -> None:
    """153: a mode that is none is an init error as ever."""
    tmp_path.joinpath("h.py").write_text(THREAD)
    env = {**PROCESSES, "AWS_LAMBDA_CONCURRENCY_MODE": "fibres"}
    with ScriptedApi([]) as api:
        api.accepting = True
        with started(ours("h.handler"), api, tmp_path, env) as (process, _, _):
            assert process.wait(10) == 1
    assert [request.path for request in api.requests] == ["/2018-06-01/runtime/init/error"]
