"""Many invocations in one environment. Numbers are those of behaviour.md."""

import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.harness import (
    ACCEPTED,
    SERVING,
    Request,
    ScriptedApi,
    Step,
    event,
    ours,
    reply,
    run,
    started,
    until,
)
from tests.lanes import Rie

HEAD = """
import asyncio, os, threading, time
from amazon_lambda_runtime import Runtime, current_context
"""
# Each waits until all are there: with fewer than N at a time it never ends.
MEET = """
def meet(context, count):
    open(f"here-{context.aws_request_id}", "w").close()
    while sum(name.startswith("here-") for name in os.listdir(".")) < count:
        yield
"""
SYNC = f"""{HEAD}{MEET}
import random
def handler(event, context):
    for _ in meet(context, event["count"]):
        time.sleep(0.01)
    return [os.getpid(), threading.get_ident(), current_context().aws_request_id,
            context.tenant_id, os.environ.get("_X_AMZN_TRACE_ID"), context.trace_id]
"""
ASYNC = SYNC.replace("def handler", "async def handler").replace(
    "time.sleep", "await asyncio.sleep"
)
ALL: dict[str, tuple[str, dict[str, str]]] = {
    "processes": (SYNC, {}),
    "threads": (SYNC, {"AWS_LAMBDA_CONCURRENCY_MODE": "thread"}),
    "tasks": (ASYNC, {}),
    # A coroutine in threads: they share one loop.
    "threads that await": (ASYNC, {"AWS_LAMBDA_CONCURRENCY_MODE": "thread"}),
}


@contextmanager
def environment_of(
    source: str, directory: Path, script: list[Step], count: str = "4", **env: str
) -> Iterator[tuple[ScriptedApi, "subprocess.Popen[bytes]", Path, Path]]:
    directory.joinpath("h.py").write_text(source)
    env = {"AWS_LAMBDA_MAX_CONCURRENCY": count, **env}
    with ScriptedApi(script) as api:
        api.accepting = True
        with started(ours("h.handler"), api, directory, env) as (process, out, err):
            yield api, process, out, err


def posts(api: ScriptedApi) -> list[Request]:
    return [request for request in api.requests if request.method == "POST"]


def events(count: int, **fields: object) -> list[Step]:
    body = json.dumps({"count": count, **fields}).encode()
    return [
        event(
            body,
            f"id-{n}",
            f"Lambda-Runtime-Aws-Tenant-Id: tenant-{n}\r\nLambda-Runtime-Trace-Id: Root={n}\r\n",
        )
        for n in range(count)
    ]


@pytest.mark.parametrize("mode", ALL)
def test_at_a_time(mode: str, tmp_path: Path) -> None:
    """91: N events are handled at a time, each with its own id, tenant and trace."""
    source, env = ALL[mode]
    with environment_of(source, tmp_path, events(4), **env) as (api, process, out, err):
        until(lambda: len(posts(api)) == 4)
        answers = {post.path.split("/")[-2]: json.loads(post.body) for post in posts(api)}
        until(lambda: len(api.requests) == 12)  # each asks again
        process.terminate()
        assert process.wait(10) == 0
        assert out.read_text() + err.read_text() == ""
    assert sorted(answers) == ["id-0", "id-1", "id-2", "id-3"]
    for request_id, (_, _, seen, tenant, variable, trace) in answers.items():
        number = request_id[-1]
        assert (seen, tenant, trace) == (request_id, f"tenant-{number}", f"Root={number}")
        # The environment is the process's: it tells the trace where there is one invocation to it.
        assert variable == (trace if mode == "processes" else None)
    expected = {"processes": (4, 4), "threads": (1, 4)}.get(mode, (1, 1))
    pids, threads = {a[0] for a in answers.values()}, {(a[0], a[1]) for a in answers.values()}
    assert (len(pids), len(threads)) == expected


@pytest.mark.parametrize("mode", ALL)
def test_one_that_blocks_blocks_nobody(mode: str, tmp_path: Path) -> None:
    """91: while one handler is held, the others serve on."""
    source, env = ALL[mode]
    held = event(b'{"count": 99}', "id-held")
    others: list[Step] = [event(b'{"count": 1}', f"id-{n}") for n in range(10)]
    with environment_of(source, tmp_path, [held, *others], **env) as (api, _, _, _):
        until(lambda: len(posts(api)) == 10)
        assert not any("id-held" in post.path for post in posts(api))


def test_lines_stay_whole(tmp_path: Path) -> None:
    """91, 150: what several processes print at a time comes line by line."""
    source = "def handler(event, context):\n    for _ in range(300): print('x' * 40)\n"
    with environment_of(source, tmp_path, events(8)) as (api, process, out, _):
        until(lambda: len(posts(api)) == 8)
        process.terminate()
        process.wait(10)
        assert out.read_text().split() == ["x" * 40] * 2400


@pytest.mark.parametrize("mode", ALL)
def test_errors(mode: str, tmp_path: Path) -> None:
    """18, 91: a failure is that invocation's alone."""
    source, env = ALL[mode]
    script: list[Step] = [
        event(b"{", "id-bad"),
        event(b"{}", "id-key"),
        event(b'{"count": 1}', "id-ok"),
    ]
    with environment_of(source, tmp_path, script, **env) as (api, process, _, _):
        until(lambda: len(posts(api)) == 3)
        kinds = {post.path.split("/")[-2]: post for post in posts(api)}
        assert process.poll() is None
    assert json.loads(kinds["id-bad"].body)["errorType"] == "Runtime.UnmarshalError"
    assert json.loads(kinds["id-key"].body)["errorType"] == "KeyError"
    assert json.loads(kinds["id-key"].body)["requestId"] == "id-key"
    assert kinds["id-ok"].kind == "response"


@pytest.mark.parametrize("mode", ALL)
def test_late_answer(mode: str, tmp_path: Path) -> None:
    """45, 91: 410 is a line in the log, and its worker goes on."""
    source, env = ALL[mode]
    tmp_path.joinpath("h.py").write_text(source)
    gone = reply("410 Gone", b'{"errorType":"InvokeTimeout"}')
    variables = {"AWS_LAMBDA_MAX_CONCURRENCY": "1", **env}
    script: list[Step] = [event(b'{"count": 1}'), gone, event(b'{"count": 1}'), ACCEPTED]
    done = run(ours("h.handler"), script, tmp_path, variables)
    assert done.kinds == ["next", "response", "next", "response", "next"]
    assert "HTTP 410" in done.stdout


def test_streams_at_a_time(tmp_path: Path) -> None:
    """79, 91: async generators stream side by side."""
    source = f"""{HEAD}{MEET}
async def handler(event, context):
    yield "first"
    for _ in meet(context, event["count"]):
        await asyncio.sleep(0.01)
    yield "second"
"""
    with environment_of(source, tmp_path, events(4)) as (api, _, _, _):
        until(lambda: len(posts(api)) == 4)
    assert [post.chunks for post in posts(api)] == [[b"first", b"second"]] * 4


SECOND_ANSWER = f"""
{HEAD}{MEET}
from amazon_lambda_runtime import LambdaError
class H(Runtime):
    def handler(self, event, context):
        yield f"first of {{context.aws_request_id}}"
        for _ in meet(context, event["count"]):
            time.sleep(0.01)
        try:
            self.send_invocation_error("no", "No")
        except LambdaError as exc:
            self.send_invocation_response(str(exc))
"""


@pytest.mark.parametrize("mode", ["threads", "processes"])
def test_second_answer_while_others_stream(mode: str, tmp_path: Path) -> None:
    """68, 91: an error is refused while the answer streams; a response is its own last piece."""
    env = {"AWS_LAMBDA_CONCURRENCY_MODE": mode}
    with environment_of(SECOND_ANSWER, tmp_path, events(3), "3", **env) as (api, _, out, err):
        until(lambda: len(posts(api)) == 3)
        assert (out.read_text(), err.read_text()) == ("", "")
    for post in posts(api):
        name = post.path.split("/")[-2]
        told = f"invocation {name} has been answered already"
        assert post.chunks == [f"first of {name}".encode(), told.encode()]
        assert post.trailers == {}


def test_crashed_worker_is_replaced(tmp_path: Path) -> None:
    """91: the others serve on, and another takes its place."""
    source = f"""{HEAD}
def handler(event, context):
    if event == 1:
        os._exit(9)
    return os.getpid()
"""
    script: list[Step] = [event(b"0"), event(b"1"), event(b"0"), event(b"0")]
    with environment_of(source, tmp_path, script, "2") as (api, process, out, err):
        until(lambda: len(posts(api)) == 3)
        until(lambda: "ended with 9" in out.read_text())
        # Both are there to ask for the next.
        until(lambda: len({r.connection for r in api.requests}) >= 3)
        assert process.poll() is None
        process.terminate()
        assert process.wait(10) == 0
        assert err.read_text() == ""


def test_no_worker_survives(tmp_path: Path) -> None:
    """91: the workers end with their parent."""
    source = f"{HEAD}\ndef handler(event, context): return os.getpid()\n"
    with environment_of(source, tmp_path, [event(), event()], "2") as (api, process, _, _):
        until(lambda: len(posts(api)) == 2)
        pids = {int(post.body) for post in posts(api)}
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
        for pid in pids:
            with pytest.raises(ProcessLookupError):
                os.kill(pid, 0)


def test_cancelled_task(tmp_path: Path) -> None:
    """91: a coroutine that is cancelled is its own error, and the loop serves the others."""
    source = f"""{HEAD}
async def handler(event, context):
    if event:
        raise asyncio.CancelledError
"""
    with environment_of(source, tmp_path, [event(b"1"), event(b"0")], "2") as (api, _, _, _):
        until(lambda: len(posts(api)) == 2)
    (failed,) = [post for post in posts(api) if post.kind == "error"]
    assert json.loads(failed.body)["errorType"] == "CancelledError"


def test_async_handler_in_processes(tmp_path: Path) -> None:
    """91: each process has an event loop of its own."""
    env = {"AWS_LAMBDA_CONCURRENCY_MODE": "process"}
    with environment_of(ASYNC, tmp_path, events(3), "3", **env) as (api, _, _, _):
        until(lambda: len(posts(api)) == 3)
    assert len({json.loads(post.body)[0] for post in posts(api)}) == 3


def test_exit_in_a_process(tmp_path: Path) -> None:
    """57, 91: SystemExit is reported, and its process is replaced at once if it lived a while."""
    source = f"""{HEAD}
if os.fork() == 0:
    os._exit(0)  # a child of the user's own is nobody's worker
def handler(event, context):
    time.sleep(event)
    raise SystemExit(7)
"""
    script: list[Step] = [event(b"1.1"), event(b"0")]
    with environment_of(source, tmp_path, script, "2") as (api, process, out, err):
        until(lambda: out.read_text().count("ended with 7") == 2)
        assert process.poll() is None
        assert err.read_text() == ""
    assert [json.loads(post.body)["errorType"] for post in posts(api)] == ["SystemExit"] * 2


@pytest.mark.parametrize(("argument", "status"), [("", 0), ("'text'", 1)])
def test_exit_status_of_a_process(argument: str, status: int, tmp_path: Path) -> None:
    """57, 91: a worker process ends with the status of its handler's exit."""
    source = f"import sys\ndef handler(event, context): sys.exit({argument})\n"
    with environment_of(source, tmp_path, [event()], "2") as (_, process, out, _):
        until(lambda: f" ended with {status}, and is replaced\n" in out.read_text(), process)


# What is passed to sys.exit(), and the exit status that comes of it.
EXITS = [("7", 7), ("", 0), ("None", 0), ("'text'", 1)]


@pytest.mark.parametrize(("argument", "status"), EXITS)
@pytest.mark.parametrize("mode", ["threads", "tasks"])
def test_exit_in_a_thread(mode: str, argument: str, status: int, tmp_path: Path) -> None:
    """57, 91: SystemExit is reported, and ends the environment with its status."""
    source = f"{HEAD}\nimport sys\nasync def handler(event, context): sys.exit({argument})\n"
    if mode == "threads":
        source = source.replace("async ", "")
    env = {"AWS_LAMBDA_CONCURRENCY_MODE": mode}
    with environment_of(source, tmp_path, [event()], **env) as (api, process, _, err):
        assert process.wait(10) == status
        assert err.read_text() == ""
    assert [json.loads(post.body)["errorType"] for post in posts(api)] == ["SystemExit"]


@pytest.mark.parametrize("mode", ["threads", "tasks", "processes"])
def test_api_is_gone(mode: str, tmp_path: Path) -> None:
    """46, 91: a 500 is one line for each that hears it; nothing hangs."""
    source, _ = ALL[mode]
    env = {"AWS_LAMBDA_CONCURRENCY_MODE": mode}
    with environment_of(source, tmp_path, [reply("500 Oops")] * 4, **env) as (_, process, out, _):
        until(lambda: "the Runtime API answered HTTP 500" in out.read_text())
        if mode == "processes":
            until(lambda: "ended with 1" in out.read_text())
        else:
            assert process.wait(10) == 1


@pytest.mark.parametrize("mode", ALL)
def test_last_answers(mode: str, tmp_path: Path) -> None:
    """92: SIGTERM lets those in the middle of an invocation come to its end."""
    source, env = ALL[mode]
    with environment_of(source, tmp_path, events(4)[:3], **env) as (api, process, _, err):
        # Three of four are there, and wait for the fourth.
        until(lambda: sum(p.name.startswith("here-") for p in tmp_path.iterdir()) == 3)
        process.terminate()
        time.sleep(0.05)
        assert posts(api) == []
        tmp_path.joinpath("here-4").touch()
        assert process.wait(10) == 0
        assert len(posts(api)) == 3
        assert err.read_text() == ""


@pytest.mark.parametrize("mode", ["threads", "tasks", "processes"])
def test_on_shutdown(mode: str, tmp_path: Path) -> None:
    """71, 91: on_shutdown runs once for each process."""
    source = f"""{HEAD}
import asyncio  # slow to load: not in the half second that the end may take
class H(Runtime):
    async def on_shutdown(self): os.write(1, b"down\\n")
    def handler(self, event, context): return 1
"""
    env = {"AWS_LAMBDA_CONCURRENCY_MODE": mode}
    script: list[Step] = [event()] * 3
    with environment_of(source, tmp_path, script, "3", **env) as (api, process, out, err):
        until(lambda: len(posts(api)) >= 3)
        process.terminate()
        assert process.wait(10) == 0
        assert out.read_text() == "down\n" * (3 if mode == "processes" else 1)
        assert err.read_text() == ""


def test_threads_without_asyncio(tmp_path: Path) -> None:
    """91: threads whose handler awaits nothing do not load asyncio."""
    source = "import sys\ndef handler(event, context): return 'asyncio' in sys.modules\n"
    env = {"AWS_LAMBDA_CONCURRENCY_MODE": "threads"}
    with environment_of(source, tmp_path, [event()], "2", **env) as (api, process, _, err):
        until(lambda: len(posts(api)) == 1)
        process.terminate()
        assert process.wait(10) == 0
        assert err.read_text() == ""
    assert posts(api)[0].body == b"false"


@pytest.mark.parametrize("count", ["1", "0", "-3", "junk", ""])
def test_no_number(count: str, tmp_path: Path) -> None:
    """91: what is no number above 0 is one at a time, with a warning."""
    tmp_path.joinpath("h.py").write_text("def handler(event, context): return 1\n")
    env = {"AWS_LAMBDA_MAX_CONCURRENCY": count}
    done = run(ours("h.handler"), [event(), ACCEPTED], tmp_path, env)
    warning = (
        f"[WARNING] AWS_LAMBDA_MAX_CONCURRENCY is '{count}', not a whole number above 0:"
        " one invocation at a time\n"
    )
    assert done.stdout == ("" if count == "1" else warning)
    assert (done.kinds, done.status) == (["next", "response", "next"], SERVING)


def test_mode_of_the_class(tmp_path: Path) -> None:
    """The class's attribute decides where the environment does not."""
    source = (
        SYNC.replace("def handler(event", "def function(event")
        + """
class H(Runtime):
    concurrency = "threads"
    def handler(self, event, context): return function(event, context)
"""
    )
    with environment_of(source, tmp_path, events(3), "3") as (api, _, _, _):
        until(lambda: len(posts(api)) == 3)
    assert len({json.loads(post.body)[0] for post in posts(api)}) == 1


def test_patience(tmp_path: Path) -> None:
    """92: a worker that takes longer than the platform would wait is interrupted, and says so."""
    source = (
        f"{HEAD}\ndef handler(event, context):\n    open('here', 'w').close()\n    time.sleep(60)\n"
    )
    with environment_of(source, tmp_path, [event()], "2") as (api, process, _, err):
        until(lambda: tmp_path.joinpath("here").exists())
        process.terminate()
        assert process.wait(10) == 0
        assert err.read_text() == ""
    (post,) = posts(api)
    assert json.loads(post.body)["errorType"] == "Shutdown"


def test_worker_that_does_not_end(tmp_path: Path) -> None:
    """92: a worker that does not hear SIGTERM is killed in the end."""
    source = f"""{HEAD}
import signal
def handler(event, context):
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    return os.getpid()
"""
    with environment_of(source, tmp_path, [event(), event()], "2") as (api, process, _, _):
        until(lambda: len(posts(api)) == 2)
        process.terminate()
        assert process.wait(10) == 0
        for post in posts(api):
            with pytest.raises(ProcessLookupError):
                os.kill(int(post.body), 0)


def test_unknown_mode(tmp_path: Path) -> None:
    """A mode that is none ends the environment with one line, as an init error."""
    tmp_path.joinpath("h.py").write_text("def handler(event, context): return 1\n")
    env = {"AWS_LAMBDA_MAX_CONCURRENCY": "2", "AWS_LAMBDA_CONCURRENCY_MODE": "fibres"}
    done = run(ours("h.handler"), [ACCEPTED], tmp_path, env)
    assert [post.path for post in done.posts] == ["/2018-06-01/runtime/init/error"]
    message = json.loads(done.posts[0].body)["errorMessage"]
    assert message == "concurrency is 'fibres': expected processes, threads or tasks"
    assert json.loads(done.posts[0].body)["errorType"] == "ValueError"
    assert done.status == 1


def test_init_error_is_posted_once(tmp_path: Path) -> None:
    """91: what fails at init fails before there are workers."""
    env = {"AWS_LAMBDA_MAX_CONCURRENCY": "4"}
    done = run(ours("missing.handler"), [ACCEPTED], tmp_path, env)
    assert done.kinds == ["error"]


@pytest.mark.parametrize("mode", ["processes", "threads", "tasks"])
def test_log_socket(mode: str, tmp_path: Path) -> None:
    """91: stdout and stderr go to the platform's socket, each process on connections of its own."""
    source = f"""{HEAD}
import sys
def handler(event, context):
    sys.stdout.write(f"out {{event}}\\n")
    sys.stderr.write(f"err {{event}}\\n")
"""
    path = str(tmp_path / "log.sock")
    lines: list[str] = []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()

        def read(connection: socket.socket) -> None:
            with connection, connection.makefile() as file:
                lines.extend(file)

        def collect() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=read, args=[connection]).start()

        threading.Thread(target=collect).start()
        env = {
            "AWS_LAMBDA_CONCURRENCY_MODE": mode,
            "_LAMBDA_TELEMETRY_LOG_FD_PROVIDER_SOCKET": path,
        }
        script: list[Step] = [event(b"1"), event(b"2")]
        with environment_of(source, tmp_path, script, "2", **env) as (_, process, out, err):
            until(lambda: len(lines) == 4)
            assert out.read_text() + err.read_text() == ""
            process.terminate()
            process.wait(10)
        listener.shutdown(socket.SHUT_RDWR)
    assert sorted(lines) == ["err 1\n", "err 2\n", "out 1\n", "out 2\n"]


@pytest.mark.parametrize("mode", ALL)
def test_json_logs(mode: str, tmp_path: Path) -> None:
    """77, 91: each record is a line of JSON with the id and the tenant of its own invocation."""
    source, env = ALL[mode]
    source = source.replace(
        "    return [", "    import logging; logging.warning('met')\n    return ["
    )
    env = {**env, "AWS_LAMBDA_LOG_FORMAT": "JSON"}
    with environment_of(source, tmp_path, events(4), **env) as (api, _, out, err):
        until(lambda: len(posts(api)) == 4)
        records = [json.loads(line) for line in out.read_text().splitlines()]
        assert err.read_text() == ""
    told = sorted((record["requestId"], record["tenantId"]) for record in records)
    assert told == [(f"id-{n}", f"tenant-{n}") for n in range(4)]


def test_no_log_socket(tmp_path: Path) -> None:
    """91: without the socket it promises, the platform gets what it can of stdout."""
    tmp_path.joinpath("h.py").write_text("def handler(event, context): print('out')\n")
    env = {
        "AWS_LAMBDA_MAX_CONCURRENCY": "1",
        "_LAMBDA_TELEMETRY_LOG_FD_PROVIDER_SOCKET": str(tmp_path / "none"),
    }
    done = run(ours("h.handler"), [event(), ACCEPTED], tmp_path, env)
    assert done.stdout == "out\n"
    assert done.stderr.startswith("[WARNING] LAMBDA_RUNTIME Cannot connect to the log socket ")
    assert done.stderr.count("\n") == 1


def insist(rie: Rie, payload: bytes) -> bytes:
    """Invoke until it is served: the emulator refuses what is too much for the workers it knows."""
    deadline = time.monotonic() + 15
    while b"Runtime.Unavailable" in (body := rie.invoke(payload)):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return body


@pytest.mark.parametrize("mode", ALL)
def test_in_rie(mode: str, tmp_path: Path) -> None:
    """91: AWS's own emulator, in its mode for Managed Instances, gives N events at a time."""
    source, env = ALL[mode]
    tmp_path.joinpath("h.py").write_text(source)
    variables = {"AWS_LAMBDA_MAX_CONCURRENCY": "4", **env}
    with Rie(ours("h.handler"), tmp_path, **variables) as rie, ThreadPoolExecutor(4) as pool:
        bodies = list(pool.map(lambda payload: insist(rie, payload), [b'{"count": 4}'] * 4))
    seen = [json.loads(body) for body in bodies]
    assert len({answer[2] for answer in seen}) == 4


def test_trailers_in_rie(tmp_path: Path) -> None:
    """82: the emulator reads the error from the trailers of a stream, and goes on."""
    source = f"{HEAD}\nasync def handler(event, context):\n    yield 'a'\n    if event: 1 / 0\n"
    tmp_path.joinpath("h.py").write_text(source)
    with Rie(ours("h.handler"), tmp_path, AWS_LAMBDA_MAX_CONCURRENCY="2") as rie:
        assert insist(rie, b"0") == b"a"
        broken = insist(rie, b"1")
        assert b"ZeroDivisionError" in broken
        assert insist(rie, b"0") == b"a"
