"""`lambda-runtime local`: what a user sees of it."""

import io
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from amazon_lambda_runtime.cli import main
from amazon_lambda_runtime.cli.local.handler_argument import (
    HandlerArgumentError,
    parse_handler_argument,
)
from tests.harness import SOURCE, environment

from .support import PATIENCE, Process, is_alive

# What these tests have for a Python. Our package in it is a runtime that answers with the event,
# but `"fail"` fails and `"hang"` never ends, not even when it is told to.
PYTHON = """#!{python}
import http.client, os, signal, sys, time

if "amazon_lambda_runtime" not in sys.argv:
    os.execv({python!r}, [{python!r}, *sys.argv[1:]])

def call(method, path, body=None):
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    connection.request(method, "/2018-06-01/runtime/invocation/" + path, body)
    response = connection.getresponse()
    return response.headers["Lambda-Runtime-Aws-Request-Id"], response.read()

while True:
    request_id, event = call("GET", "next")
    if event == b'"hang"':
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("handler", sys.argv[-1], "in", os.getcwd(), "as", os.getpid(), flush=True)
    if event == b'"hang"':
        time.sleep(600)
    call("POST", request_id + ("/error" if event == b'"fail"' else "/response"), event)
"""

Command = Callable[..., int]
Start = Callable[..., Process]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with hello.py in it, and an interpreter of these tests."""
    (tmp_path / "bin").mkdir()
    python = tmp_path / "bin" / "python"
    python.write_text(PYTHON.format(python=sys.executable))
    python.chmod(0o755)
    work = tmp_path / "work"
    work.mkdir()
    (work / "hello.py").touch()
    monkeypatch.chdir(work)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python"))
    return work


@pytest.fixture
def command() -> Command:
    """The command in this process; it returns the exit status."""

    def run(*arguments: str) -> int:
        with pytest.raises(SystemExit) as end:
            main(arguments)
        assert isinstance(end.value.code, int)
        return end.value.code

    return run


@pytest.fixture
def start(folder: Path) -> Iterator[Start]:
    """The command in a process of its own, with that interpreter."""
    code = (
        f"import sys; sys.executable = {str(folder.parent / 'bin' / 'python')!r}\n"
        "from amazon_lambda_runtime.cli import main; main()"
    )
    python = str(Path(sys.exec_prefix, "bin", "python"))
    started: list[Process] = []

    def start(*arguments: str) -> Process:
        started.append(Process([python, "-c", code, *arguments], folder))
        return started[-1]

    yield start
    for process in started:
        process.kill()


class TestOneShot:
    def test_response(
        self, folder: Path, command: Command, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """
        stdout has the response as it is and nothing else; stderr has the log in its order.
        """
        status = command("local", "hello.py", "-e", '{"name":  "Ünal"}')

        out, err = capfd.readouterr()
        assert (status, out) == (0, '{"name":  "Ünal"}')
        lines = err.splitlines()
        words = [line.split()[0] for line in lines]
        assert words == ["Python", "not", "START", "handler", "END", "REPORT"]
        assert lines[3].startswith(f"handler hello.handler in {folder} as ")

    def test_byte_order_mark(
        self, folder: Path, command: Command, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """
        A mark that an editor has put before the event is no part of it.
        """
        (folder / "event.json").write_bytes(b"\xef\xbb\xbf[1]")
        assert command("local", "hello.py", "--event", "event.json") == 0
        assert capfd.readouterr().out == "[1]"

    @pytest.mark.parametrize("word", ["my-func.py", "my-func.handler"])
    def test_hyphen(
        self, folder: Path, command: Command, capfd: pytest.CaptureFixture[str], word: str
    ) -> None:
        """
        A module whose name has a hyphen is one for a handler string.
        """
        (folder / "my-func.py").touch()
        assert command("local", word, "-e", "1") == 0
        assert "handler my-func.handler in " in capfd.readouterr().err

    def test_deleted_folder(
        self, folder: Path, command: Command, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """
        In a folder that has been deleted there is one line.
        """
        gone = folder / "gone"
        gone.mkdir()
        os.chdir(gone)
        gone.rmdir()
        try:
            assert command("local", "hello.handler", "-e", "1") == 2
        finally:
            os.chdir(folder)
        assert capfd.readouterr().err == (
            "lambda-runtime: the current folder was deleted: change to another\n"
        )

    def test_failure(
        self, folder: Path, command: Command, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """
        A function that fails is exit status 1, with its error document on stdout.
        """
        assert command("local", "hello.handler", "-e", '"fail"') == 1
        assert capfd.readouterr().out == '"fail"'

    def test_event_from_a_file(
        self, folder: Path, command: Command, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """
        The event may be in a file.
        """
        (folder / "event.json").write_text('{"a": 1}\n')
        assert command("local", "hello.py", "--event", "event.json") == 0
        assert capfd.readouterr().out == '{"a": 1}\n'

    def test_event_from_stdin(
        self,
        folder: Path,
        command: Command,
        capfd: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """
        The event may come from stdin.
        """
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"[1]")))
        assert command("local", "hello.py", "--event", "-") == 0
        assert capfd.readouterr().out == "[1]"

    def test_timeout(
        self, folder: Path, command: Command, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """
        The timeout is enforced.
        """
        assert command("local", "hello.py", "-e", '"hang"', "--timeout", "1") == 1
        assert json.loads(capfd.readouterr().out)["errorType"] == "Sandbox.Timedout"

    @pytest.mark.parametrize(("number", "expected"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
    def test_signal(self, start: Start, number: signal.Signals, expected: int) -> None:
        """
        Ctrl-C and SIGTERM end the function too, with the status of that signal and no traceback.
        """
        once = start("local", "hello.py", "-e", '"hang"', "--timeout", "900")
        pid = int(once.wait_for(r"as (\d+)\n")[1])

        assert (once.end(number), once.stdout) == (expected, "")
        assert "Traceback" not in once.log
        assert not is_alive(pid)


class TestServer:
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_until_ctrl_c(self, start: Start, number: signal.Signals) -> None:
        """
        It says where it listens, serves, and ends well with nothing left behind.
        """
        server = start("local", "hello.py", "--port", "0", "--name", "greeter")
        url = server.wait_for(r"curl (\S+) -d '{}'\n")[1]
        assert url.endswith("/2015-03-31/functions/greeter/invocations")

        with urllib.request.urlopen(url, data=b'{"a": 1}') as response:
            assert response.read() == b'{"a": 1}'
        pid = int(server.wait_for(r"as (\d+)\n")[1])
        assert is_alive(pid)

        assert (server.end(number), server.stdout) == (0, "")
        assert "Traceback" not in server.log
        assert not is_alive(pid)

    def test_ctrl_c_twice(self, start: Start) -> None:
        """
        Impatience does no harm: the second signal finds the server about to end.
        """
        server = start("local", "hello.py", "--port", "0")
        url = server.wait_for(r"curl (\S+) -d")[1]
        later = {"X-Amz-Invocation-Type": "Event"}
        urllib.request.urlopen(urllib.request.Request(url, b'"hang"', later)).close()
        pid = int(server.wait_for(r"as (\d+)\n")[1])
        server.process.send_signal(signal.SIGINT)
        # The process ignores SIGTERM, so that the server has to wait before it kills it.
        server.process.send_signal(signal.SIGTERM)
        assert server.wait() == 0
        assert not is_alive(pid)
        assert "Traceback" not in server.log

    def test_ipv6(self, start: Start) -> None:
        """
        The URL of an IPv6 address has it in brackets.
        """
        server = start("local", "hello.py", "--port", "0", "--host", "::1")
        assert server.wait_for(r"curl (\S+?):\d+/")[1] == "http://[::1]"


class TestErrors:
    @pytest.mark.parametrize(
        ("arguments", "expected"),
        [
            ([], "Missing command. See lambda-runtime --help"),
            (["frob"], "No such command 'frob'."),
            (
                ["local"],
                "Missing argument 'FILE_OR_HANDLER': this folder has no pyproject.toml with",
            ),
            (["local", "nope.py"], "there is no file nope.py"),
            (["local", "my mod.py"], "'my mod' is not a module name. Rename"),
            (["local", "hello"], "'hello' is not a handler"),
            (["local", "nope.handler"], "there is no module 'nope'"),
            (["local", "sub/nope.handler"], "there is no module 'nope' in /"),
            (["local", "__main__.x", "-e", "1"], "there is no module '__main__'"),
            (["local", "hello.py", "--name", "a b"], "'a b' is not a function name"),
            (["local", "hello.py", "--event", "nope"], "cannot read the event from nope: No such"),
            (["local", "hello.py", "--event", '{"a": 1'], "to give the event itself, write -e"),
            (["local", "hello.py", "--env", "_HANDLER=x"], "_HANDLER is Lambda's own: leave"),
            (["local", "hello.py", "--env", "AWS_LAMBDA_FUNCTION_NAME=x"], "own: use --name"),
            (["local", "hello.py", "--env-file", "own.env"], "own.env: LAMBDA_TASK_ROOT is Lambda"),
            (["local", "hello.py", "--python", "/bin/true"], "is not a working Python: asked for"),
            (["local", "hello.py", "-e", "{"], "the event from -e is not JSON"),
            (["local", "hello.py", "--event", "hello.py"], "the event from hello.py is not JSON"),
            (["local", "hello.py", "-e", "1", "--event", "-"], "use one of them"),
            (["local", "hello.py", "--timeout", "0"], "0 is not in the range 1<=x<=900"),
            (["local", "hello.py", "--timeout", "901"], "901 is not in the range"),
            (["local", "hello.py", "--memory", "127"], "127 is not in the range 128<=x<=10240"),
            (["local", "hello.py", "--port", "65536"], "65536 is not in the range"),
            (["local", "hello.py", "--host", "not an address"], "cannot listen on not an address"),
            (["local", "hello.py", "--frob"], "No such option"),
            (["local", "hello"], "Did you mean hello.py?"),
            (["local", "hello.py", "-e", "1", "--port", "9"], "--port is for a server, but -e "),
            (
                ["local", "hello.py", "--event", "x", "--host", "::1"],
                "--host is for a server, but ",
            ),
            (["local", "hello.py", "-e", "1", "--url-port", "0"], "--url-port is for a server"),
            (["local", "hello.py", "-e", "1", "--stream"], "--stream is for a server"),
            (["local", "hello.py", "-e", "1", "--no-url"], "--no-url is for a server"),
            (["local", "hello.py", "-e", "1", "--sqs", "q"], "--sqs is for a server"),
            (["local", "hello.py", "-e", "1", "--on-failure", "q"], "--on-failure is for a server"),
            (
                ["local", "hello.py", "-e", "1", "--concurrency", "2"],
                "--concurrency is for a server",
            ),
            (["local", "hello.py", "-e", "1", "--no-reload"], "--no-reload is for a server"),
            (["local", "hello.py", "-e", "1", "--no-freeze"], "--no-freeze is for a server"),
            (["local", "hello.py", "-e", "1", "--cors", "*"], "--cors is for a server"),
            (["local", "hello.py", "--no-url", "--stream"], "--stream is for the function URL"),
            (
                ["local", "hello.py", "--no-url", "--front-door", "alb"],
                "--front-door is for the fun",
            ),
            (
                ["local", "hello.py", "--stage", "prod"],
                "--stage: only an HTTP or a REST API has one (--front-door rest).",
            ),
            (
                ["local", "hello.py", "--front-door", "rest", "--stage", "a/b"],
                "'a/b' is not a stage name",
            ),
            (
                ["local", "hello.py", "--stream", "--front-door", "alb"],
                "--stream: only a function U",
            ),
            (["local", "hello.py", "--no-url", "--cors", "*"], "--cors is for the function URL"),
            (
                ["local", "hello.py", "--cors", "http://a/"],
                "'http://a/' is more than an origin: write http://a",
            ),
            (["local", "hello.py", "--alias", "1"], "'1' is not an alias"),
            (["local", "hello.py", "-e", "1", "--alias", "a"], "--alias is for a server"),
            (["local", "hello.py", "--cors-credentials"], "--cors-credentials needs --cors"),
            (
                ["local", "hello.py", "--no-url", "--url-port", "1"],
                "--url-port is for the function",
            ),
            (["local", "hello.py", "--debug-port", "5679"], "--debug-port needs --debug"),
            (["local", "hello.py", "--sqs-port", "1"], "--sqs-port needs --sqs or --on-failure"),
            (["local", "hello.py", "--debug", "--concurrency", "2"], "one invocation at a time"),
        ],
    )
    def test_one_line(
        self,
        folder: Path,
        command: Command,
        capfd: pytest.CaptureFixture[str],
        arguments: list[str],
        expected: str,
    ) -> None:
        """
        What cannot work is one line that says so, and exit status 2.
        """
        (folder / "my mod.py").touch()
        (folder / "own.env").write_text("LAMBDA_TASK_ROOT=/\n")
        assert command(*arguments) == 2
        out, err = capfd.readouterr()
        assert out == ""
        assert err.count("\n") == 1
        assert err.startswith("lambda-runtime: ")
        assert expected in err

    def test_port_in_use(
        self, folder: Path, command: Command, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """
        A port that is taken is named, and so is the way out.
        """
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            assert command("local", "hello.py", "--port", str(port)) == 2
        assert capfd.readouterr().err == (
            f"lambda-runtime: cannot listen on 127.0.0.1:{port}: Address already in use. "
            "Choose another --port or --host.\n"
        )


class TestHelp:
    def test_help(self, command: Command, capfd: pytest.CaptureFixture[str]) -> None:
        """
        Help says what the command takes, with examples.
        """
        assert command("local", "--help") == 0
        assert "lambda-runtime local hello.py -e" in capfd.readouterr().out

    def test_version(
        self,
        command: Command,
        tmp_path: Path,
        capfd: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """
        The version is that of the distribution.
        """
        info = tmp_path / "amazon_lambda_runtime-9.8.7.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Name: amazon-lambda-runtime\nVersion: 9.8.7\n")
        monkeypatch.syspath_prepend(tmp_path)
        assert command("--version") == 0
        assert capfd.readouterr().out == "lambda-runtime 9.8.7\n"

    def test_module(self) -> None:
        """
        `python -m amazon_lambda_runtime.cli` is the command too.
        """
        result = subprocess.run(
            [sys.executable, "-m", "amazon_lambda_runtime.cli", "--help"],
            env=environment(PYTHONPATH=str(SOURCE)),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert result.returncode == 0
        assert result.stdout.startswith("Usage: lambda-runtime ")


class TestFind:
    @pytest.fixture(autouse=True)
    def tree(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        for path in ("hello.py", "plain/mod.py", "pkg/__init__.py", "pkg/mod.py", "pkg/sub/x.py"):
            file = tmp_path / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
        monkeypatch.chdir(tmp_path)
        return tmp_path

    @pytest.mark.parametrize(
        ("text", "handler", "task_root", "name"),
        [
            ("hello.py", "hello.handler", ".", "hello"),
            ("plain/mod.py", "mod.handler", "plain", "mod"),
            ("hello.other", "hello.other", ".", "hello"),
            ("hello.Class.method", "hello.Class.method", ".", "hello"),
            ("plain/mod.handler", "mod.handler", "plain", "mod"),
            ("./hello.handler", "hello.handler", ".", "hello"),
            # A package is imported by its name, from the folder that it is in.
            ("pkg/mod.handler", "pkg/mod.handler", ".", "mod"),
            ("pkg.mod.handler", "pkg.mod.handler", ".", "pkg"),
            # What a factory returns.
            ("hello.create_app()", "hello.create_app()", ".", "hello"),
            ("plain/mod.create_app()", "mod.create_app()", "plain", "mod"),
            # Installed, and nowhere near.
            ("json.tool.main", "json.tool.main", ".", "json"),
        ],
    )
    def test_find(self, tree: Path, text: str, handler: str, task_root: str, name: str) -> None:
        """
        A file or a handler gives the handler as a runtime is told it, and its task root.
        """
        target = parse_handler_argument(text)
        assert (target.handler, target.name) == (handler, name)
        assert target.task_root == tree / task_root

    def test_absolute_path(self, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        It does not matter from where a path is given.
        """
        monkeypatch.chdir("/")
        target = parse_handler_argument(f"{tree}/plain/mod.handler")
        assert (target.handler, target.task_root) == ("mod.handler", tree / "plain")

    def test_name(self) -> None:
        """
        A name may be given, and has to be one that Lambda takes.
        """
        assert parse_handler_argument("hello.py", "my-function_1").name == "my-function_1"
        with pytest.raises(HandlerArgumentError, match="--name takes up to 64"):
            parse_handler_argument("hello.py", "x" * 65)

    @pytest.mark.parametrize(
        ("source", "handler"),
        [
            ("def handler(event, context): ...", "mod.handler"),
            ("def lambda_handler(event, context): ...", "mod.lambda_handler"),
            ("async def lambda_handler(event, context): ...", "mod.lambda_handler"),
            ("from other import lambda_handler", "mod.lambda_handler"),
            ("def lambda_handler(): ...\nhandler = lambda_handler", "mod.handler"),
            (
                "def lambda_handler(): ...\nclass A(Runtime):\n    def handler(self): ...",
                "mod.handler",
            ),
            ("from other import *\ndef lambda_handler(): ...", "mod.handler"),
            ("def lambda_handler(:", "mod.handler"),
            ("from flask import Flask\nshop = Flask('x')", "mod.shop"),
        ],
    )
    def test_lambda_handler(self, tree: Path, source: str, handler: str) -> None:
        """
        The handler of a file is `handler`, or `lambda_handler` if it has only that.
        """
        (tree / "mod.py").write_text(source)
        assert parse_handler_argument("mod.py").handler == handler

    @pytest.mark.parametrize(
        ("text", "source", "told"),
        [
            ("mod.handlr", "def handler(): ...", "Did you mean mod.handler?"),
            ("plain/mod.handlr", "def handler(): ...", "Did you mean mod.handler?"),
            ("mod.py", "def handlr(): ...", "Did you mean mod.handlr?"),
            ("mod.handler", "lambda_handler = 1", "Did you mean mod.lambda_handler?"),
            (
                "mod.py",
                "class A:\n    def handler(self): ...",
                "the class A, .*Did you mean class A.Run",
            ),
            ("mod", "", "Did you mean mod.py?"),
            ("mod:app", "", "Did you mean mod.app?"),
            ("plain/mod:create_app()", "", r"Did you mean plain/mod.create_app\(\)?"),
        ],
    )
    def test_near_miss(self, tree: Path, text: str, source: str, told: str) -> None:
        """
        A name that a module nearly has is suggested.
        """
        for folder in (tree, tree / "plain"):
            (folder / "mod.py").write_text(source)
        with pytest.raises(HandlerArgumentError, match=told):
            parse_handler_argument(text)

    @pytest.mark.parametrize(
        "source",
        [
            "from other import *\ndef handler(): ...",
            "def __getattr__(name): ...\ndef handler(): ...",
            "globals()['handlr'] = 1\nhandler = 1",
            "class Handler(Base):\n    def handler(self): ...",
            "def entirely(): ...",
            "if True:\n    handlr = handler = 1",
        ],
    )
    def test_doubt(self, tree: Path, source: str) -> None:
        """
        Where only an import can tell, the handler is taken as it is given.
        """
        (tree / "mod.py").write_text(source)
        assert parse_handler_argument("mod.handlr").handler == "mod.handlr"
