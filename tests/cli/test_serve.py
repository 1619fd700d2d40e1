"""`lambda-runtime local` as a server: the real command in a process, and who talks to it."""

import json
import os
import pty
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from tests.harness import SOURCE, UNTRACED, chance, environment, examples, free_port

from .support import (
    COMMAND,
    PATIENCE,
    Process,
    Server,
    has_ended,
    is_alive,
    read_terminal,
    run_here,
)

# scripts/install_node_ric.sh builds it.
NODE_RIC = Path(__file__).parents[2] / ".cache/node-ric/node_modules/aws-lambda-ric/index.mjs"
SHELL = Path(__file__).parents[1] / "local" / "runtimes" / "shell.sh"

# What the log says of a save.
RELOADED = "hello.py changed: reloading hello"
HANDLER = """
import logging, os, time

def handler(event, context):
    print("working in", os.getpid(), flush=True)
    while isinstance(event, dict) and "until" in event and not os.path.exists(event["until"]):
        time.sleep(0.01)
    if isinstance(event, dict) and "variable" in event:
        return os.environ.get(event["variable"])
    if isinstance(event, dict) and "Records" in event:
        for record in event["Records"]:
            print("message", record["body"], flush=True)
            time.sleep(30 if record["body"] == "slow" else 0)
    return {"version": 1, "event": event if not isinstance(event, dict) else None}
"""


Serve = Callable[..., Server]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A function of its own, apart from whatever else there is."""
    work = tmp_path / "work"
    work.mkdir()
    (work / "hello.py").write_text(HANDLER)
    return work


@pytest.fixture
def serve(folder: Path) -> Iterator[Serve]:
    started: list[Server] = []

    def serve(*arguments: str) -> Server:
        given = arguments if "--" in arguments else (*arguments, "hello.handler")
        started.append(Server(folder, "--timeout", "60", *given))
        return started[-1]

    yield serve
    for server in started:
        server.kill()


@contextmanager
def released(folder: Path) -> Iterator[None]:
    """Let handlers that wait for the file `go` end, whatever became of the test."""
    try:
        yield
    finally:
        (folder / "go").touch()


class TestOneShot:
    @pytest.fixture
    def once(self, folder: Path) -> Iterator[Callable[[str], Process]]:
        started: list[Process] = []

        def once(source: str) -> Process:
            (folder / "hello.py").write_text(source)
            started.append(Process([*COMMAND, "local", "hello.py", "-e", "{}"], folder))
            return started[-1]

        yield once
        for process in started:
            process.kill()

    def test_stream(self, once: Callable[[str], Process], folder: Path) -> None:
        """
        A stream is written as it comes.
        """
        process = once(
            "import os, time\n"
            "def handler(event, context):\n"
            "    yield b'one\\n'\n"
            "    while not os.path.exists('go'):\n"
            "        time.sleep(0.01)\n"
            "    yield b'two'\n"
        )
        process.wait_until(lambda: process.stdout == "one\n")
        (folder / "go").touch()
        assert process.wait() == 0
        assert process.stdout == "one\ntwo"

    def test_stream_that_breaks(self, once: Callable[[str], Process]) -> None:
        """
        A stream that breaks off is exit status 1; what was wrong is on stderr.
        """
        process = once(
            "def handler(event, context):\n    yield b'one'\n    raise ValueError('no')\n"
        )
        assert process.wait() == 1
        assert process.stdout == "one"
        assert re.search(r"^the response was cut off: .*ValueError", process.log, re.M)

    def test_bytes(self, once: Callable[[str], Process]) -> None:
        """
        Bytes come out as they were returned.
        """
        process = once("def handler(event, context):\n    return b'just bytes'\n")
        assert process.wait() == 0
        assert process.stdout == "just bytes"

    def test_init_error_is_told_once(self, once: Callable[[str], Process]) -> None:
        """
        An error at import is told once.
        """
        process = once("print('importing')\nraise ValueError('as asked')\n")
        assert process.wait() == 1
        assert process.log.count("importing\n") == 1
        assert process.log.count("ValueError: as asked") == 1
        assert json.loads(process.stdout)["errorMessage"] == "as asked"

    def test_reader_that_goes(self, folder: Path) -> None:
        """
        A reader that has gone is no error: the exit status is the function's.
        """
        (folder / "hello.py").write_text("def handler(event, context):\n    return 'x' * 100_000\n")
        ours, theirs = os.pipe()
        os.close(ours)
        with open(theirs, "wb") as stdout:
            done = subprocess.run(
                [*COMMAND, "local", "hello.py", "-e", "{}"],
                cwd=folder,
                env=environment(PYTHONPATH=str(SOURCE)),
                stdout=stdout,
                stderr=subprocess.PIPE,
                text=True,
                timeout=PATIENCE,
            )
        assert done.returncode == 0
        assert done.stderr.splitlines()[-1].startswith("REPORT ")
        assert "Traceback" not in done.stderr


class TestServes:
    def test_lines(self, serve: Serve) -> None:
        """
        It says where the function, the console and the function's URL are, and what to type.
        """
        server = serve("--url-port", "0")
        url = server.wait_for(r"the function's URL: (\S+)\n")[1]
        base = server.base
        python, missing, *lines = server.log.splitlines()
        assert python.startswith("Python 3.")
        assert missing.startswith("not passed to the function: ")
        assert lines == [
            f"hello (hello.handler) listens on {base}",
            f"  curl {base}/2015-03-31/functions/hello/invocations -d '{{}}'",
            f"  the console: {base}/",
            f"  the function's URL: {url}",
        ]
        with urllib.request.urlopen(f"{base}/") as response:
            assert "text/html" in response.headers["Content-Type"]
            assert b"<html" in response.read()
        with urllib.request.urlopen(url) as response:
            assert json.loads(response.read())["version"] == 1

    def test_stream(self, serve: Serve, folder: Path) -> None:
        """
        With --stream a caller of the URL sees each piece when it is written.
        """
        (folder / "hello.py").write_text(
            "import os, time\n"
            "def handler(event, context):\n"
            "    yield b'one'\n"
            "    while not os.path.exists('go'):\n"
            "        time.sleep(0.01)\n"
            "    yield b'two'\n"
        )
        server = serve("--url-port", "0", "--stream")
        url = server.wait_for(r"URL: (\S+)\n")[1]
        with urllib.request.urlopen(url, timeout=PATIENCE) as response:
            assert response.read1() == b"one"
            (folder / "go").touch()
            assert response.read() == b"two"

    @pytest.mark.parametrize("stream", [True, False])
    def test_application(self, serve: Serve, folder: Path, stream: bool) -> None:
        """
        A web application answers at the URL, streamed if the URL streams.
        """
        (folder / "hello.py").write_text(
            "async def handler(scope, receive, send):\n"
            "    if scope['type'] == 'lifespan': raise ValueError\n"
            "    await send({'type': 'http.response.start', 'status': 201, 'headers': []})\n"
            "    body = scope['raw_path'] + b' ' + scope['query_string']\n"
            "    await send({'type': 'http.response.body', 'body': body})\n"
        )
        server = serve("--url-port", "0", *(["--stream"] if stream else []))
        url = server.wait_for(r"URL: (\S+)/\n")[1]
        with urllib.request.urlopen(f"{url}/a%20b?q=%2F", timeout=PATIENCE) as response:
            assert (response.status, response.read()) == (201, b"/a%20b q=%2F")
            assert (response.headers["Transfer-Encoding"] == "chunked") is stream

    @pytest.mark.parametrize("door", ["http", "rest", "alb-multi"])
    def test_front_door(self, serve: Serve, folder: Path, door: str) -> None:
        """
        The same application is behind another front door with an option.
        """
        (folder / "hello.py").write_text(
            "async def handler(scope, receive, send):\n"
            "    if scope['type'] == 'lifespan': raise ValueError\n"
            "    await send({'type': 'http.response.start', 'status': 201, 'headers': []})\n"
            "    event = scope['aws.event']\n"
            "    body = f\"{scope['path']} {scope['query_string']} {event.get('version')}\"\n"
            "    body += f\" {'elb' in event['requestContext']}\"\n"
            "    await send({'type': 'http.response.body', 'body': body.encode()})\n"
        )
        stream = ["--stream", "--stage", "prod"] if door == "rest" else []
        server = serve("--url-port", "0", "--front-door", door, *stream)
        url = server.wait_for(r"URL, through an? [-\w ]+: (\S+)/\n")[1]
        told = {"http": "2.0 False", "rest": "None False", "alb-multi": "None True"}
        path = "/prod/a b" if door == "rest" else "/a b"
        with urllib.request.urlopen(f"{url}/a%20b?q=1", timeout=PATIENCE) as response:
            assert response.status == 201
            assert response.read().decode() == f"{path} b'q=1' {told[door]}"
            assert (response.headers["Transfer-Encoding"] == "chunked") is (door == "rest")

    def test_url_is_always_there(self, serve: Serve) -> None:
        """
        The function's URL is there without an option, at 9001 or the next free port.
        """
        ports = []
        for _ in range(2):
            url = serve().wait_for(r"URL: (\S+)\n")[1]
            ports.append(int(url.rpartition(":")[2].rstrip("/")))
            with urllib.request.urlopen(url, timeout=PATIENCE) as response:
                assert json.loads(response.read())["version"] == 1
        assert 9001 <= ports[0] < ports[1] <= 9050

    def test_no_url(self, serve: Serve) -> None:
        """
        With --no-url there is none.
        """
        server = serve("--no-url")
        assert server.invoke(1)["version"] == 1
        assert "URL" not in server.log

    def test_env_file(self, serve: Serve, folder: Path) -> None:
        """
        Variables of a file are the function's as they are written, and are not shown.
        """
        (folder / "local.env").write_text("# mine\nGREETING='good day'\nPASSWORD=a$b${HOME}\n")
        server = serve("--env-file", "local.env")
        assert server.invoke({"variable": "GREETING"}) == "good day"
        assert server.invoke({"variable": "PASSWORD"}) == "a$b${HOME}"
        assert "good day" not in server.log

    def test_env_files(self, serve: Serve, folder: Path) -> None:
        """
        Of a name in several files the last counts.
        """
        (folder / "one.env").write_text("A=1\nB=1\n")
        (folder / "two.env").write_text("B=2\n")
        server = serve("--env-file", "one.env", "--env-file", "two.env")
        assert [server.invoke({"variable": name}) for name in "AB"] == ["1", "2"]

    def test_concurrency(self, serve: Serve, folder: Path) -> None:
        """
        --concurrency 1 is one environment: an invocation that comes meanwhile gets 429.
        """
        server = serve("--concurrency", "1")
        with ThreadPoolExecutor() as threads, released(folder):
            slow = threads.submit(server.invoke, {"until": "go"})
            server.wait_for("working in")
            with pytest.raises(urllib.error.HTTPError) as refused:
                server.invoke(1)
            with refused.value as error:
                assert error.code == 429
                assert json.loads(error.read())["Reason"]
            (folder / "go").touch()
            assert slow.result(PATIENCE)["version"] == 1

    def test_max_concurrency(self, serve: Serve, folder: Path) -> None:
        """
        --max-concurrency 4 is one environment for four at a time.
        """
        server = serve("--max-concurrency", "4", "--concurrency", "1", "--memory", "1024")
        server.invoke(1)  # meanwhile nothing waits for a start
        with ThreadPoolExecutor(4) as threads, released(folder):
            four = [threads.submit(server.invoke, {"until": "go"}) for _ in range(4)]
            # All four are in the handler before the first of them has ended.
            server.wait_until(lambda: server.log.count("working in") == 5)
            (folder / "go").touch()
            assert [each.result(PATIENCE)["version"] for each in four] == [1] * 4

    def test_wide_open(self, serve: Serve) -> None:
        """
        Another address than loopback is served when asked for, with a warning.
        """
        server = serve("--host", "0.0.0.0")
        server.wait_for(r"warning: anyone who can reach 0\.0\.0\.0 can run the function")
        assert server.invoke(1)["event"] == 1

    @pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
    def test_shell(self, serve: Serve) -> None:
        """
        Behind -- any command is a runtime: here a shell with curl.
        """
        assert serve("--", "sh", str(SHELL)).invoke({"n": 1}) == {"echo": {"n": 1}}

    def test_awslambdaric(self, serve: Serve) -> None:
        """
        AWS's own runtime is one of them.
        """
        pytest.importorskip("awslambdaric")
        server = serve(
            "--memory", "256", "--", sys.executable, "-m", "awslambdaric", "hello.handler"
        )
        assert server.invoke(5) == {"version": 1, "event": 5}

    @pytest.mark.slow
    @pytest.mark.skipif(not NODE_RIC.exists(), reason="not compiled: make .cache/node-ric")
    def test_node(self, folder: Path) -> None:
        """
        So is AWS's runtime for Node.js. It reads its handler from the variable, as on Lambda.
        """
        (folder / "app.js").write_text(
            "exports.handler = async (event, context) => {\n"
            "  if (event.fail) throw new RangeError(event.fail);\n"
            "  return { event, left: context.getRemainingTimeInMillis() };\n"
            "};\n"
        )
        shell = {**environment(PYTHONPATH=str(SOURCE)), "_HANDLER": "app.handler"}
        server = Process(
            [*COMMAND, "local", "--port=0", "--no-url", "--", "node", str(NODE_RIC)], folder, shell
        )
        try:
            base = server.wait_for(r"listens on (\S+)\n")[1]
            url = f"{base}/2015-03-31/functions/function/invocations"
            for number in (1, 2):
                with urllib.request.urlopen(url, json.dumps({"n": number}).encode()) as response:
                    answer = json.loads(response.read())
                assert answer["event"] == {"n": number}
                assert 0 < answer["left"] <= 3000
            with urllib.request.urlopen(url, b'{"fail": "as asked"}') as response:
                assert response.headers["X-Amz-Function-Error"] == "Unhandled"
                assert json.loads(response.read())["errorType"] == "RangeError"
            assert server.end() == 0
        finally:
            server.kill()


class TestVariables:
    def test_of_the_shell(self, folder: Path) -> None:
        """
        Of the shell's variables a function has what a program needs, and what --env names; one line
        says that there are others.
        """
        (folder / "hello.py").write_text(
            "import os\ndef handler(event, context):\n    return dict(os.environ)\n"
        )
        shell = {"HOME": "/h", "LC_TIME": "C", "SECRET": "s", "AWS_PROFILE": "p", "GIVEN": "g"}
        options = ["--env", "GIVEN", "--env", "OWN=a=b"]
        done = subprocess.run(
            [*COMMAND, "local", "hello.handler", "-e", "1", *options],
            cwd=folder,
            env=environment(PYTHONPATH=str(SOURCE), **shell),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        seen = json.loads(done.stdout)
        own = {"HOME": "/h", "LC_TIME": "C", "GIVEN": "g", "OWN": "a=b", "PATH": os.environ["PATH"]}
        assert own.items() <= seen.items()
        assert not {"SECRET", "AWS_PROFILE"} & seen.keys()
        assert re.search(
            r"^not passed to the function: AWS_PROFILE and \d+ more \(--env NAME\)$",
            done.stderr,
            re.M,
        )

    def test_region_of_the_file(self, serve: Serve, folder: Path) -> None:
        """
        AWS_REGION of a variable file is the region of the function's ARN and of both variables.
        """
        (folder / "hello.py").write_text(
            "import os\ndef handler(event, context):\n    return [context.invoked_function_arn,"
            " os.environ['AWS_REGION'], os.environ['AWS_DEFAULT_REGION']]\n"
        )
        (folder / "local.env").write_text("AWS_REGION=eu-north-1\n")
        arn, *regions = serve("--env-file", "local.env").invoke(1)
        assert arn.split(":")[3] == "eu-north-1"
        assert regions == ["eu-north-1"] * 2

    def test_saved_file(self, serve: Serve, folder: Path) -> None:
        """
        A variable file that is saved is read again; one that is wrong changes nothing.
        """
        variables = folder.parent / "my.vars"
        variables.write_text("GREETING=one\n")
        server = serve("--env-file", str(variables))
        assert server.invoke({"variable": "GREETING"}) == "one"
        variables.write_text("wrong\n")
        server.wait_for(r"my\.vars changed, and the function keeps the variables it has: .*wrong")
        assert server.invoke({"variable": "GREETING"}) == "one"
        other = folder.parent / "saved"
        other.write_text("GREETING=two\n")
        other.replace(variables)
        server.wait_for(r"my\.vars changed: reloading hello")
        assert server.invoke({"variable": "GREETING"}) == "two"


class TestPagesElsewhere:
    def test_every_port(self, serve: Serve) -> None:
        """
        A GET or POST by a page of another site is refused on every port, and invokes nothing.
        """
        pytest.importorskip("moto")
        server = serve("--url-port", "0", "--sqs", "orders")
        url = server.wait_for(r"the function's URL: (\S+)\n")[1]
        queue = server.wait_for(r"--endpoint-url (\S+)\n")[1]
        invoke = f"{server.base}/2015-03-31/functions/hello/invocations"
        for address, body in [(url, None), (f"{server.base}/", None), (invoke, b"1"), (queue, b"")]:
            request = urllib.request.Request(address, body, {"Sec-Fetch-Site": "cross-site"})
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(request, timeout=PATIENCE)
            with refused.value as error:
                assert error.code == 403
                assert b"Sec-Fetch-Site" in error.read()
        assert "working in" not in server.log
        for site in ("none", "same-origin"):
            request = urllib.request.Request(url, headers={"Sec-Fetch-Site": site})
            with urllib.request.urlopen(request, timeout=PATIENCE) as response:
                assert response.status == 200

    def test_cors(self, serve: Serve) -> None:
        """
        With --cors a page of that origin calls the function's URL.
        """
        page = "https://app.example"
        server = serve("--url-port", "0", "--cors", page, "--cors-credentials")
        url = server.wait_for(r"the function's URL: (\S+)\n")[1]
        headers = {"Origin": page, "Sec-Fetch-Site": "cross-site"}
        request = urllib.request.Request(url, headers=headers)
        with urllib.request.urlopen(request, timeout=PATIENCE) as response:
            assert response.headers["Access-Control-Allow-Origin"] == page
            assert response.headers["Access-Control-Allow-Credentials"] == "true"


class TestStartsOnlyWhatIsNamed:
    @pytest.fixture(autouse=True)
    def programs(self, folder: Path) -> None:
        """Executables beside the function; each leaves a file if it is started."""
        for name in ("deploy.sh", "bootstrap", "python", "sh"):
            script = folder / name
            script.write_text(f"#!/bin/sh\ntouch '{folder}/started-{name}'\n")
            script.chmod(0o755)

    def test_programs_of_the_folder(self, serve: Serve, folder: Path) -> None:
        """
        Without --extensions, an executable file of the current directory is not started.
        """
        server = serve()
        assert server.invoke(1)["event"] == 1
        assert server.end() == 0
        assert list(folder.glob("started-*")) == []

    def test_command_of_the_folder(self, serve: Serve, folder: Path) -> None:
        """
        `-- ./my-runtime` runs that file, once an environment, and nothing beside it.
        """
        runtime = folder / "my-runtime"
        runtime.write_text(f"#!/bin/sh\necho started as $$\nexec sh '{SHELL}'\n")
        runtime.chmod(0o755)
        server = serve("--", "./my-runtime")
        assert server.invoke({"n": 1}) == {"echo": {"n": 1}}
        assert server.log.count("started as") == 1
        assert list(folder.glob("started-*")) == []

    def test_named_folder(self, serve: Serve, folder: Path) -> None:
        """
        A folder that is named by --extensions, also the current one, has its programs started.
        """
        server = serve("--extensions", ".")
        assert server.invoke(1)["errorType"]  # none of them registers
        assert list(folder.glob("started-*")) != []


class TestLog:
    def test_terminal(self, folder: Path) -> None:
        """
        In a terminal the lines have colours, and each of an invocation its request id.
        """
        ours, theirs = pty.openpty()
        with os.fdopen(ours, "rb"):
            process = subprocess.Popen(
                [*COMMAND, "local", "hello.handler", "-e", "1"],
                cwd=folder,
                env=environment(PYTHONPATH=str(SOURCE)),
                stdout=subprocess.DEVNULL,
                stderr=theirs,
            )
            os.close(theirs)
            written = read_terminal(ours)
            assert process.wait(PATIENCE) == 0
        found = re.search(r"\x1b\[2mSTART RequestId: (\S{8})", written.decode())
        assert found
        assert f"\x1b[36m{found[1]}\x1b[0m working in " in written.decode()

    def test_pipe(self, serve: Serve) -> None:
        """
        In a pipe they are plain.
        """
        server = serve()
        server.invoke(1)
        server.wait_for("REPORT")
        assert "\x1b" not in server.log


LOGS = """
import os, sys

def handler(event, context):
    if "line" in event:
        for _ in range(event["line"]):
            sys.stdout.write("x" * 1_000_000)
        print()
    for number in range(event.get("lines", 0)):
        print(number, "x" * 90)
    return "done"
"""


class TestLogThatIsNotRead:
    @pytest.fixture(autouse=True)
    def function(self, folder: Path) -> None:
        (folder / "hello.py").write_text(LOGS)

    @pytest.fixture(params=["terminal", "pipe"])
    def ends(self, request: pytest.FixtureRequest) -> Iterator[tuple[int, int]]:
        """A reading and a writing end of a log."""
        ours, theirs = pty.openpty() if request.param == "terminal" else os.pipe()
        yield ours, theirs
        for end in (ours, theirs):
            with suppress(OSError):
                os.close(end)

    def start(self, folder: Path, log: int, *arguments: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [*COMMAND, "local", "hello.handler", "--memory", "512", "--timeout", "60", *arguments],
            cwd=folder,
            env=environment(PYTHONPATH=str(SOURCE)),
            stdout=subprocess.PIPE,
            stderr=log,
        )

    @pytest.mark.parametrize("is_closed", [False, True])
    def test_once(self, folder: Path, ends: tuple[int, int], is_closed: bool) -> None:
        """
        One invocation has its response and its exit status, whether the log's reader is paused or
        has gone.
        """
        ours, theirs = ends
        if is_closed:
            os.close(ours)
        process = self.start(folder, theirs, "-e", '{"lines": 20000}')
        out, _ = process.communicate(timeout=PATIENCE)
        assert (process.returncode, out) == (0, b'"done"')

    def test_no_stderr(self, folder: Path) -> None:
        """
        With stderr closed from the start, the log goes nowhere, and not to stdout.
        """
        line = shlex.join([*COMMAND, "local", "hello.handler", "-e", '{"lines": 3}'])
        done = subprocess.run(
            ["sh", "-c", f"exec {line} 2>&-"],
            cwd=folder,
            env=environment(PYTHONPATH=str(SOURCE)),
            capture_output=True,
            timeout=PATIENCE,
        )
        assert (done.returncode, done.stdout) == (0, b'"done"')

    @pytest.mark.parametrize("is_closed", [False, True])
    def test_serve(self, folder: Path, ends: tuple[int, int], is_closed: bool) -> None:
        """
        The server goes on answering, its console too, when the log's reader stops to read.
        """
        ours, theirs = ends
        process = self.start(folder, theirs, "--port", "0", "--concurrency", "1")
        try:
            log = read_terminal(ours, b"the console:")
            found = re.search(rb"listens on (\S+?)\r?\n", log)
            assert found
            base = found[1].decode()
            if is_closed:
                os.close(ours)
            url = f"{base}/2015-03-31/functions/hello/invocations"
            for _ in range(20):
                with urllib.request.urlopen(url, b'{"lines": 2000}', PATIENCE) as response:
                    assert response.read() == b'"done"'
            with urllib.request.urlopen(f"{base}/", timeout=PATIENCE) as response:
                assert response.status == 200
            process.send_signal(signal.SIGINT)
            assert process.wait(PATIENCE) == 0
        finally:
            process.kill()
            process.communicate()

    def test_error_without_a_reader(self, folder: Path, ends: tuple[int, int]) -> None:
        """
        An error that cannot be printed is an exit status all the same.
        """
        ours, theirs = ends
        os.close(ours)
        process = self.start(folder, theirs, "--env-file", "nope")
        process.communicate(timeout=PATIENCE)
        assert process.returncode == 2

    @pytest.mark.parametrize(
        ("to", "status", "expected"),
        [
            ("| true", 0, ""),
            (">&-", 0, ""),
            (
                "> /dev/full",
                2,
                "lambda-runtime: cannot write the response to stdout: No space left on device",
            ),
        ],
    )
    def test_stdout(self, folder: Path, to: str, status: int, expected: str) -> None:
        """
        A response whose reader has gone is no error of the function; a full disk is one that is
        told.
        """
        line = shlex.join([*COMMAND, "local", "hello.handler", "-e", "{}"])
        done = subprocess.run(
            ["bash", "-c", f"{line} {to}; exit ${{PIPESTATUS[0]}}"],
            cwd=folder,
            env=environment(PYTHONPATH=str(SOURCE)),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert done.returncode == status
        assert "Traceback" not in done.stderr
        assert done.stderr.splitlines()[-1].startswith(expected or "REPORT")

    def test_line_without_end(self, folder: Path, serve: Serve) -> None:
        """
        A function that logs much without a newline does not make the server grow with it.
        """
        server = serve("--memory", "512")
        assert server.invoke({}) == "done"

        def peak() -> int:
            status = Path(f"/proc/{server.process.pid}/status").read_text()
            found = re.search(r"VmHWM:\s+(\d+)", status)
            assert found
            return int(found[1]) // 1024

        before = peak()
        assert server.invoke({"line": examples(60)}) == "done"
        server.wait_for("the line is cut here, at 256 KiB")
        assert peak() - before < 16


class TestInterrupted:
    @pytest.mark.parametrize(
        "arguments",
        [
            ["-e", "1", "hello.handler"],
            ["--event", "-", "hello.handler"],
            ["--port", "0", "hello.handler"],
        ],
        ids=["once", "stdin", "serve"],
    )
    def test_at_any_time(self, folder: Path, arguments: list[str]) -> None:
        """
        Ctrl-C ends the command whenever it comes: exit status 130, or 0 of a server or of an
        invocation that was done, and at no time a traceback of ours.
        """
        count = examples(3)
        random = chance(f"interrupted {arguments}")
        for number in range(count):
            process = subprocess.Popen(
                [*COMMAND, "local", *arguments],
                cwd=folder,
                env=environment(PYTHONPATH=str(SOURCE), **UNTRACED),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            delay = 1.2 * (number + random.random()) / count
            time.sleep(delay)  # when the signal comes is what is tested
            process.send_signal(signal.SIGINT)
            try:
                _, log = process.communicate(timeout=5)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGINT)
                _, log = process.communicate(timeout=PATIENCE)
                # Python has no way to raise it in a callback, and prints it: the user tries again.
                assert "Exception ignored in" in log
            if process.returncode == -signal.SIGINT and ", in main\n" not in log:
                continue  # Python itself was still starting
            assert "amazon_lambda_runtime" not in log.replace("-m amazon_lambda_runtime", ""), log
            # What Python says that was interrupted in its own start names no file of ours.
            assert process.returncode in (130, 0) or "KeyboardInterrupt" in log, log


class TestEnds:
    def test_killed(self, serve: Serve) -> None:
        """
        Not even SIGKILL leaves a child behind.
        """
        server = serve()
        server.invoke(1)
        pid = int(server.wait_for(r"working in (\d+)")[1])
        assert server.end(signal.SIGKILL) == -signal.SIGKILL
        assert has_ended(pid)

    def test_closed_terminal(self, serve: Serve, temporary: Path) -> None:
        """
        When its terminal is closed (SIGHUP), it tidies up.
        """
        server = serve()
        server.invoke(1)
        assert [*temporary.glob("lambda-runtime-*")]
        assert server.end(signal.SIGHUP) == 0
        assert [*temporary.iterdir()] == []

    def test_folder_of_one_that_was_killed(self, serve: Serve, temporary: Path) -> None:
        """
        What a killed one has left is removed by the next, and nothing else is.
        """
        alive, killed = serve(), serve()
        alive.invoke(1)
        killed.invoke(1)
        (temporary / "lambda-runtime-strange").mkdir()
        before = set(temporary.iterdir())
        assert killed.end(signal.SIGKILL) == -signal.SIGKILL
        assert set(temporary.iterdir()) == before
        third = serve()
        assert third.invoke(1)["event"] == 1
        after = set(temporary.iterdir())
        assert len(before - after) == 1
        assert alive.invoke(1)["event"] == 1
        for server in (alive, third):
            server.end()
        assert [*temporary.iterdir()] == [temporary / "lambda-runtime-strange"]

    @pytest.fixture
    def temporary(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        folder = tmp_path / "temporary"
        folder.mkdir()
        monkeypatch.setenv("TMPDIR", str(folder))
        return folder

    def test_queue(self, serve: Serve) -> None:
        """
        A message in the queue that it has made reaches the function; it says how to read what has
        failed; Ctrl-C ends all of it.
        """
        server = serve("--sqs", "orders", "--on-failure", "dead", "--timeout", "5")
        line = server.wait_for(r"  failed invocations, dead: (.* aws sqs receive-message .*)\n")[1]
        words = line.split()
        assert words[words.index("--queue-url") + 1].endswith("/dead")
        assert "--endpoint-url" in words
        send(server, "first")
        pid = int(server.wait_for(r"working in (\d+)\n")[1])
        server.wait_for("message first")
        assert server.end() == 0
        assert not is_alive(pid)
        assert "Traceback" not in server.log

    def test_outcomes(self, serve: Serve) -> None:
        """
        Records of successes, events that failed, and how often they are tried, by options.
        """
        given = ("--on-success", "done", "--dead-letter", "dead", "--retries", "0")
        server = serve("--name", "function", *given)
        done = server.wait_for(r"  successful invocations, done: (.*)\n")[1].split()
        dead = server.wait_for(r"  events that failed, dead: (.*)\n")[1].split()
        lambdas = client("lambda", server.base)
        for event in (b"1", b'{"Records": 5}'):  # the second is no list of records
            lambdas.invoke(FunctionName="function", InvocationType="Event", Payload=event)
        received = {}
        for words in (done, dead):
            url = words[words.index("--queue-url") + 1]
            sqs = client("sqs", words[words.index("--endpoint-url") + 1])
            reply = sqs.receive_message(
                QueueUrl=url, WaitTimeSeconds=20, MessageAttributeNames=["All"]
            )
            [received[url.rpartition("/")[2]]] = reply["Messages"]
        record = json.loads(received["done"]["Body"])
        assert record["requestContext"]["condition"] == "Success"
        assert received["dead"]["Body"] == '{"Records": 5}'
        attributes = received["dead"]["MessageAttributes"]
        assert "not iterable" in attributes["ErrorMessage"]["StringValue"]
        assert "retried in" not in server.log

    @pytest.mark.slow
    def test_ctrl_c_in_a_batch(self, serve: Serve) -> None:
        """
        Ctrl-C in the middle of a batch ends in seconds, with no child left and no traceback.
        """
        server = serve("--sqs", "orders", "--timeout", "3")
        send(server, "slow")
        server.wait_for("message slow")
        pid = int(server.wait_for(r"working in (\d+)\n")[1])
        assert server.end() == 0
        assert not is_alive(pid)
        assert "Traceback" not in server.log


def client(service: str, endpoint: str) -> Any:
    return boto3.session.Session().client(
        service,  # type: ignore[call-overload]
        region_name="us-east-1",
        endpoint_url=endpoint,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(connect_timeout=5, read_timeout=PATIENCE),
    )


def send(server: Server, body: str) -> None:
    """Send a message as the command that was printed would."""
    line = server.wait_for(r"aws sqs send-message .*\n")[0].split()
    assert line[line.index("--region") + 1] == "us-east-1"
    sqs = client("sqs", line[line.index("--endpoint-url") + 1])
    sqs.send_message(QueueUrl=line[line.index("--queue-url") + 1], MessageBody=body)
    sqs.close()


class TestReload:
    def test_soon(self, serve: Serve, folder: Path) -> None:
        """
        A save is served in less than a second where the machine is not busy: the fastest of five.
        """
        server = serve()
        assert server.invoke(1)["version"] == 1
        took = []
        for version in range(2, 7):
            begin = time.monotonic()
            save(folder, f'"version": {version}')
            while server.invoke(1)["version"] != version:
                assert time.monotonic() - begin < PATIENCE
                time.sleep(0.01)
            took.append(time.monotonic() - begin)
        assert min(took) < 1

    def test_in_flight(self, serve: Serve, folder: Path) -> None:
        """
        What runs when a file is saved ends with the old code; the next event finds the new one.
        """
        server = serve()
        with ThreadPoolExecutor() as threads, released(folder):
            slow = threads.submit(server.invoke, {"until": "go"})
            old = int(server.wait_for(r"working in (\d+)")[1])
            save(folder, '"version": 2')
            server.wait_for(RELOADED)
            assert server.invoke(1)["version"] == 2
            assert not slow.done()
            (folder / "go").touch()
            assert slow.result(PATIENCE)["version"] == 1
        assert has_ended(old)

    def test_syntax_error(self, serve: Serve, folder: Path) -> None:
        """
        A save that does not compile is told in the log at once, and healed by the next save.
        """
        server = serve()
        server.invoke(1)
        save(folder, '"version": (')
        server.wait_for("Runtime.UserCodeSyntaxError|SyntaxError")
        assert "errorType" in server.invoke(1)
        before = server.log.count(RELOADED)
        save(folder, '"version": 3')
        server.wait_until(lambda: server.log.count(RELOADED) > before)
        assert server.invoke(1)["version"] == 3

    def test_other_files(self, serve: Serve, folder: Path) -> None:
        """
        What is no code, or was compiled from it, is no reason to load anew.
        """
        server = serve()
        first = server.invoke(1)
        (folder / "notes.txt").write_text("x")
        (folder / "data.db").write_bytes(b"x")
        (folder / "__pycache__").mkdir(exist_ok=True)
        (folder / "__pycache__" / "other.py").write_text("")
        save(folder, '"version": 2')
        server.wait_for(RELOADED)
        # Had another file been a reason, it would be named here, or in a line of its own.
        lines = [line for line in server.log.splitlines() if " changed: " in line]
        assert lines == [RELOADED]
        assert first["version"] == 1

    def test_off(self, serve: Serve, folder: Path) -> None:
        """
        --no-reload watches no files, and goes on with the old code.
        """
        server, other = serve("--no-reload"), serve()
        server.invoke(1), other.invoke(1)
        save(folder, '"version": 2')
        # By now the save would have been seen.
        other.wait_for(RELOADED)
        assert server.invoke(1)["version"] == 1
        assert RELOADED not in server.log


def save(folder: Path, text: str) -> None:
    """Write the function anew, the way editors do it: another file takes the name."""
    source = re.sub(r'"version": [^,]+', text, HANDLER)
    (folder / "hello.py.new").write_text(source)
    (folder / "hello.py.new").replace(folder / "hello.py")


class Editor:
    """The part of the Debug Adapter Protocol that an editor needs to attach."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self._file = self._socket.makefile("rb")
        self._number = 0

    def send(self, command: str, **arguments: object) -> None:
        self._number += 1
        message = {"seq": self._number, "type": "request", "command": command}
        body = json.dumps({**message, "arguments": arguments}).encode()
        self._socket.sendall(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))

    def wait_for(self, kind: str) -> dict[str, Any]:
        """Return the next event of this name, or the next response to this command."""
        while True:
            length = 0
            while line := self._file.readline().strip():
                length = int(line.partition(b":")[2])
            assert length, "the debugger has closed the connection"
            message: dict[str, Any] = json.loads(self._file.read(length))
            if kind in (message.get("event"), message.get("command")):
                return message

    def close(self) -> None:
        self._file.close()
        self._socket.close()


class TestDebug:
    @pytest.mark.slow
    def test_attach(self, serve: Serve) -> None:
        """
        The process waits for an editor, without a time limit, and goes on when one has attached.
        """
        port = free_port()
        server = serve("--debug", "--debug-port", str(port), "--timeout", "1")
        server.wait_for(rf"a debugger .* 127\.0\.0\.1:{port}\n")
        with ThreadPoolExecutor() as threads:
            answer = threads.submit(server.invoke, 1)
            deadline = time.monotonic() + PATIENCE
            while True:
                try:
                    editor = Editor(port)
                    break
                except ConnectionRefusedError:
                    assert time.monotonic() < deadline
                    time.sleep(0.1)
            time.sleep(1.5)  # time itself is what is tested: this is more than the timeout
            assert not answer.done()
            editor.send("initialize", adapterID="python", clientID="a test")
            editor.wait_for("initialize")
            editor.send("attach", justMyCode=True)
            editor.wait_for("initialized")
            editor.send("configurationDone")
            assert editor.wait_for("configurationDone")["success"]
            assert answer.result(PATIENCE)["event"] == 1
            editor.close()
        assert server.end() == 0


class TestErrors:
    @pytest.mark.parametrize(
        ("arguments", "expected"),
        [
            (["--", "no-such-program"], "cannot run no-such-program: it is not a program on PATH"),
            (["--debug", "--", "sh"], "--debug is for Python handlers"),
            (["hello.handler", "--env", "NOT_SET"], "--env: NOT_SET is not set here"),
            (["hello.handler", "--env", "=x"], "write NAME or NAME=VALUE"),
            (
                ["hello.handler", "--python", "no-such"],
                "--python no-such: there is no such program",
            ),
            (["hello.handler", "--python", "./old"], "is Python 3.10: the runtime needs 3.11"),
            (["hello.handler", "--python", "./broken"], "is not a working Python"),
            (["hello.handler", "--extensions", ""], "Directory '' does not exist"),
            (["hello.handler", "--env-file", ""], "File '' does not exist"),
            (["hello.handler", "--env-file", "nope"], "'nope' does not exist"),
            (["hello.handler", "--env-file", "bad.env"], "bad.env: NAME has no value"),
            (["hello.handler", "--sqs", "a,b"], "'b' is not an option"),
            (["hello.handler", "--url-port", "{taken}"], "Address already in use"),
            (["hello.handler", "--host", "192.0.2.1"], "cannot listen on 192.0.2.1"),
        ],
    )
    def test_one_line(self, folder: Path, arguments: list[str], expected: str) -> None:
        """
        What cannot work is one line at the end, and exit status 2.
        """
        (folder / "bad.env").write_text("NAME\n")
        for name, does in (("old", "echo 3.10"), ("broken", "exit 1")):
            (folder / name).write_text(f"#!/bin/sh\n{does}\n")
            (folder / name).chmod(0o755)
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = str(taken.getsockname()[1])
            given = [argument.replace("{taken}", port) for argument in arguments]
            done = run_here(folder, "local", "--port=0", *given)
        assert (done.returncode, done.stdout) == (2, "")
        assert expected in done.stderr.splitlines()[-1]
        assert "Traceback" not in done.stderr


ORPHANS = """
import os, subprocess, sys, time

def handler(event, context):
    # In a session of its own, without a parent and without a variable: nothing tells whose it is.
    code = "import time; b = bytearray(60_000_000); print(1, flush=True); time.sleep(600)"
    command = f'env -i "{sys.executable}" -c "{code}" >&2 & echo $!'
    done = subprocess.run(["setsid", "sh", "-c", command], stdout=subprocess.PIPE, check=True)
    pid = int(done.stdout)
    print("orphan", pid, flush=True)
    if "sleep" in event:
        time.sleep(event["sleep"])
    return pid
"""


class TestOrphans:
    """What a function has started in a session of its own, without a parent or a variable."""

    @pytest.fixture(autouse=True)
    def adopted(self, folder: Path) -> None:
        (folder / "hello.py").write_text(ORPHANS)

    def test_frozen_and_ended(self, serve: Serve) -> None:
        """
        It is frozen with its environment, and ends with it; if it ends before, it leaves no zombie.
        """
        server = serve("--memory", "512")
        first, second = server.invoke({}), server.invoke({})
        until(lambda: [state_of(first), state_of(second)] == ["T", "T"])
        os.kill(first, signal.SIGKILL)
        until(lambda: state_of(first) == "Z")
        third = server.invoke({})
        until(lambda: state_of(third) == "T")
        assert state_of(first) == ""
        assert server.end() == 0
        for pid in (second, third):
            assert has_ended(pid)

    def test_timeout(self, serve: Serve) -> None:
        """
        It ends with a timeout.
        """
        server = serve("--timeout", "2", "--memory", "512")
        assert "timed out" in server.invoke({"sleep": 30})["errorMessage"]
        assert has_ended(int(server.wait_for(r"orphan (\d+)")[1]))

    def test_memory(self, serve: Serve) -> None:
        """
        It counts for the function's memory.
        """
        server = serve("--memory", "128")
        first = server.invoke({})
        answer = server.invoke({"sleep": 30})
        assert answer["errorType"] == "Runtime.OutOfMemory"
        assert has_ended(first)


def state_of(pid: int) -> str:
    """Return the kernel's letter for what a process does; "" if there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return ""


def until(happened: Callable[[], object]) -> None:
    """Wait until this is true: for what only polling can tell."""
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.02)
