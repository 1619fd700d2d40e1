"""`bootstrap` outside Lambda serves the URL of AWS's emulator, as in an image that is tried out."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.harness import environment

from .support import PATIENCE, is_alive, source_path

HANDLER = """
import os, time

def handler(event, context):
    if event == "sleep":
        time.sleep(60)
    return {
        "name": context.function_name,
        "memory": int(context.memory_limit_in_mb),
        "seconds": round(context.get_remaining_time_in_millis() / 1000),
        "parent": os.getppid(),
        "pid": os.getpid(),
        "event": event,
    }
"""
BOOTSTRAP = Path(sys.executable).with_name("bootstrap")
# A network of its own: another's port 8080 is not this one.
NAMESPACE = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


def has_namespaces() -> bool:
    needed = all(map(shutil.which, ("unshare", "ip")))
    return needed and not subprocess.run([*NAMESPACE, "true"], capture_output=True).returncode


class Image:
    """The command of an image in a process of its own, at a free port, and curl beside it."""

    def __init__(self, command: list[str], folder: Path, **variables: str) -> None:
        given = {"PYTHONPATH": source_path(), "LAMBDA_RUNTIME_LOCAL_PORT": "0", **variables}
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment(**given),
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stderr is not None
        self.first = self.process.stderr.readline()
        # A full pipe would stop the function.
        self.log: list[str] = []
        self._reading = threading.Thread(target=self.log.extend, args=[self.process.stderr])
        self._reading.start()

    @property
    def url(self) -> str:
        """Where it says that it serves."""
        address = self.first.removeprefix("not in Lambda: serving ").strip()
        return address.replace("0.0.0.0", "127.0.0.1")

    def curl(self, *arguments: str) -> str:
        command = ["curl", "--silent", "--max-time", str(PATIENCE), self.url, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def end(self, number: int) -> int:
        self.process.send_signal(number)
        status = self.process.wait(PATIENCE)
        self._reading.join(PATIENCE)
        assert self.process.stderr is not None
        self.process.stderr.close()
        return status


Start = Callable[..., Image]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    (tmp_path / "hello.py").write_text(HANDLER)
    started: list[Image] = []

    def start(*command: str, **variables: str) -> Image:
        given = list(command) or [str(BOOTSTRAP), "hello.handler"]
        started.append(Image(given, tmp_path, **variables))
        return started[-1]

    yield start
    for image in started:
        image.process.kill()
        image.end(signal.SIGKILL)


def parsed(answer: str) -> dict[str, object]:
    document = json.loads(answer)
    assert isinstance(document, dict)
    return document


def test_curl(start: Start) -> None:
    """
    One line says where it serves; curl gets the function's answer, as AWS's documentation shows.
    """
    image = start()
    pattern = (
        r"not in Lambda: serving http://[\d.]+:\d+/2015-03-31/functions/function/invocations\n"
    )
    assert re.fullmatch(pattern, image.first)
    answer = parsed(image.curl("-d", '{"a": 1}'))
    assert (answer["event"], answer["name"]) == ({"a": 1}, "function")
    # The emulator's own limits: 300 s and 3008 MB.
    assert (answer["seconds"], answer["memory"]) == (300, 3008)
    assert parsed(image.curl("-d", "1"))["pid"] == answer["pid"]


def test_variables(start: Start) -> None:
    """
    The variables that AWS's emulator knows are honoured.
    """
    image = start(
        AWS_LAMBDA_FUNCTION_TIMEOUT="1",
        AWS_LAMBDA_FUNCTION_MEMORY_SIZE="256",
        AWS_LAMBDA_FUNCTION_NAME="greeter",
    )
    answer = parsed(image.curl("-d", "{}"))
    assert (answer["name"], answer["memory"], answer["seconds"]) == ("greeter", 256, 1)
    late = parsed(image.curl("-d", '"sleep"'))
    assert late["errorType"] == "Sandbox.Timedout"
    assert "1.00 seconds" in str(late["errorMessage"])


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("AWS_LAMBDA_FUNCTION_TIMEOUT", "long"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1.5"),
        ("LAMBDA_RUNTIME_LOCAL_PORT", "-1"),
    ],
)
def test_bad_variable(start: Start, variable: str, value: str) -> None:
    """
    A variable that is not a number is one line, and exit status 2.
    """
    image = start(**{variable: value})
    assert image.process.wait(PATIENCE) == 2
    assert image.first.startswith(f"bootstrap: {variable} is not a number: '{value}'")
    assert image.log == []


@pytest.mark.parametrize(
    ("words", "variables", "told"),
    [
        (["h.handler", "and", "more"], {}, "there is more than a handler: and more; usage: "),
        (["--port", "9000"], {}, "there is no option --port; usage: bootstrap [HANDLER]"),
        ([], {}, "there is no handler: give one, such as hello.handler, or set _HANDLER"),
        ([""], {"_HANDLER": "h.handler"}, "there is no handler: "),
        (["handler"], {}, "'handler' is not a handler: expected module.name"),
        ([".handler"], {}, "'.handler' is not a handler: expected module.name"),
        ([], {"_HANDLER": "h."}, "'h.' is not a handler: expected module.name"),
        (["h.handler"], {"LAMBDA_TASK_ROOT": "/no/where"}, "LAMBDA_TASK_ROOT is '/no/where', "),
    ],
)
def test_bad_command(
    words: list[str], variables: dict[str, str], told: str, tmp_path: Path
) -> None:
    """170: a mistake that the first invocation would tell, or nobody, is one line at once."""
    given = {"PYTHONPATH": source_path(), "LAMBDA_RUNTIME_LOCAL_PORT": "0", **variables}
    done = _refused([str(BOOTSTRAP), *words], tmp_path, **given)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith(f"bootstrap: {told}")


def test_removed_folder(tmp_path: Path) -> None:
    """So is a current folder that is there no longer."""
    command = ["sh", "-c", f'rmdir "$PWD" && exec {BOOTSTRAP} h.handler']
    done = _refused(command, tmp_path, PYTHONPATH=source_path())
    told = "bootstrap: the current folder has been removed: change to the folder of the code\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", told)


def _refused(command: list[str], folder: Path, **given: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command,
        cwd=folder,
        env=environment(**given),
        text=True,
        timeout=30,
        capture_output=True,
        check=False,
    )


def test_host_and_origin(start: Start) -> None:
    """
    A container has names that it does not know itself; a page elsewhere may still not invoke.
    """
    image = start()
    assert parsed(image.curl("-d", "1", "-H", "Host: app:9000"))["event"] == 1
    status = image.curl("-d", "1", "-H", "Origin: http://evil.example", "-w", "%{http_code}")
    assert status.endswith("403")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal(start: Start, number: int) -> None:
    """
    The signal of `docker stop` ends it at once and well, with its children.
    """
    image = start()
    pid = parsed(image.curl("-d", "1"))["pid"]
    assert isinstance(pid, int)
    begin = time.monotonic()
    assert image.end(number) == 0
    assert time.monotonic() - begin < 5
    assert not is_alive(pid)
    assert "Traceback" not in "".join(image.log)


def test_other_ways_to_start(start: Start, tmp_path: Path) -> None:
    """
    `python -m`, _HANDLER instead of an argument, a script given by a relative path, another root.
    """
    code = tmp_path / "code"
    code.mkdir()
    shutil.copy(tmp_path / "hello.py", code / "there.py")
    shutil.copy(BOOTSTRAP, tmp_path / "run")
    module = [sys.executable, "-m", "amazon_lambda_runtime"]
    for command, variables in (
        ([*module, "hello.handler"], {}),
        (module, {"_HANDLER": "hello.handler"}),
        (["./run", "there.handler"], {"LAMBDA_TASK_ROOT": str(code)}),
    ):
        image = start(*command, **variables)
        assert parsed(image.curl("-d", "7"))["event"] == 7, command
        assert image.end(signal.SIGTERM) == 0


def test_users_files_named_as_the_standard_librarys(start: Start, tmp_path: Path) -> None:
    """
    A logging.py beside the handler is the function's, and not the local Lambda's.
    """
    for name in ("asyncio", "logging", "signal"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('not the one you look for')\n")
    assert parsed(start().curl("-d", "7"))["event"] == 7


def test_beside_the_handler(start: Start, tmp_path: Path) -> None:
    """
    The package may be in the function's own folder, where `pip install --target` puts it.
    """
    os.symlink(Path(source_path(), "amazon_lambda_runtime"), tmp_path / "amazon_lambda_runtime")
    image = start(
        sys.executable, "-m", "amazon_lambda_runtime", "hello.handler", PYTHONPATH=str(tmp_path)
    )
    assert parsed(image.curl("-d", "7"))["event"] == 7


def test_default_port(start: Start) -> None:
    """
    The port is 8080, AWS's emulator's, unless the variable names another.
    """
    if not has_namespaces():
        pytest.skip("there are no network namespaces, and port 8080 may be another's")
    image = start(*NAMESPACE, str(BOOTSTRAP), "hello.handler", LAMBDA_RUNTIME_LOCAL_PORT="")
    assert image.first.endswith(":8080/2015-03-31/functions/function/invocations\n")


@pytest.mark.parametrize("port", ["taken", "99999"])
def test_port_that_cannot_be_had(start: Start, port: str) -> None:
    """
    A port that is taken or invalid is one line that says how to choose another; exit status 2.
    """
    image = start()
    if port == "taken":
        port = str(urlsplit(image.url).port)
    other = start(LAMBDA_RUNTIME_LOCAL_PORT=port)
    assert other.process.wait(PATIENCE) == 2
    assert other.first.startswith("bootstrap: cannot listen on ")
    assert f":{port}: " in other.first
    assert other.first.endswith("Choose another port with LAMBDA_RUNTIME_LOCAL_PORT.\n")
    assert other.end(signal.SIGTERM) == 2
    assert other.log == []
