"""`lambda-runtime local` with several functions: of pyproject.toml, or of the command line."""

import dataclasses
import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from amazon_lambda_runtime.cli.local.loops import loops
from amazon_lambda_runtime.project.declaration import Function
from amazon_lambda_runtime.project.triggers import SnsTrigger, SqsTrigger

from .support import COMMAND, PATIENCE, Process, Server, has_ended, run_here

SOURCE = """
import os

def handler(event, context):
    return {
        "name": context.function_name,
        "memory": context.memory_limit_in_mb,
        "variables": {
            name: value
            for name, value in os.environ.items()
            if name.startswith(("AWS_ENDPOINT", "AWS_ACCESS", "OWN", "SHARED"))
        },
        "remaining": context.get_remaining_time_in_millis(),
    }
"""
TABLE = """
[tool.lambda-runtime]
environment = { SHARED = "yes" }
[tool.lambda-runtime.functions.front]
handler = "mod.handler"
memory = 300
timeout = 20
environment = { OWN = "front" }
[tool.lambda-runtime.functions.back]
handler = "mod.handler"
timeout = 40
"""
QUEUE = """
[[tool.lambda-runtime.functions.back.triggers]]
type = "sqs"
queue = "work"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    work = tmp_path / "work"
    work.mkdir()
    (work / "mod.py").write_text(SOURCE)
    (work / "other.py").write_text(SOURCE)
    return work


class Project(Server):
    """The command in a folder, with what the test gives it."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        super().__init__(folder, *arguments)

    @property
    def base(self) -> str:
        return self.wait_for(r" functions listen on (\S+)\n")[1]

    def ask(self, function: str) -> Any:
        url = f"{self.base}/2015-03-31/functions/{function}/invocations"
        with urllib.request.urlopen(url, b"{}", PATIENCE) as response:
            return json.loads(response.read())


@pytest.fixture
def started() -> Iterator[list[Process]]:
    servers: list[Process] = []
    yield servers
    for server in servers:
        server.kill()


def test_functions_of_the_table(folder: Path, started: list[Process]) -> None:
    """Each has its own settings; an option that is given is stronger; Ctrl-C ends them all."""
    (folder / "pyproject.toml").write_text(TABLE)
    server = Project(folder, "--timeout", "30")
    started.append(server)
    server.wait_for("  ready\n")
    front, back = server.ask("front"), server.ask("back")
    assert (front["name"], front["memory"], back["memory"]) == ("front", "300", "128")
    assert front["variables"] == {"SHARED": "yes", "OWN": "front"}
    assert back["variables"] == {"SHARED": "yes"}
    assert 20_000 < front["remaining"] <= 30_000
    server.wait_for("front: START RequestId: ")
    server.process.send_signal(signal.SIGINT)
    assert server.process.wait(PATIENCE) == 0


def test_services_are_told(folder: Path, started: list[Process]) -> None:
    """Every function has the address of the services that a trigger needs, and only of those."""
    (folder / "pyproject.toml").write_text(TABLE + QUEUE)
    server = Project(folder)
    started.append(server)
    where = server.wait_for(r"AWS services on this machine, sqs: (\S+)\n")[1]
    # Also before they are up.
    variables = server.ask("front")["variables"]
    assert variables["AWS_ENDPOINT_URL_SQS"] == where
    assert [name for name in variables if "ENDPOINT" in name] == ["AWS_ENDPOINT_URL_SQS"]
    assert variables["AWS_ACCESS_KEY_ID"] == "test"
    server.wait_for("  ready\n")
    with urllib.request.urlopen(f"{server.base}/console/sources", timeout=PATIENCE) as response:
        [queue] = json.load(response)
    assert (queue["function"], queue["name"]) == ("back", "work")
    assert queue["figures"] == {"waiting": 0, "in_flight": 0, "failed": 0}


DOORS = """
[tool.lambda-runtime.functions.f]
handler = "doors.handler"
tracing = "Active"
on_success = "arn:aws:s3:::bucket"
[[tool.lambda-runtime.functions.f.triggers]]
type = "url"
auth = "NONE"
[[tool.lambda-runtime.functions.f.triggers]]
type = "http-api"
api = "shop"
[[tool.lambda-runtime.functions.f.triggers]]
type = "rest-api"
api = "shop"
[[tool.lambda-runtime.functions.f.triggers]]
type = "alb"
target_group = "shop"
multi_value_headers = true
"""


def test_front_doors(folder: Path, started: list[Process]) -> None:
    """Each has a port of its own and sends its own event; what is not emulated is named."""
    (folder / "doors.py").write_text(
        "import json\n"
        "def handler(event, context):\n"
        "    return {'statusCode': 200, 'body': json.dumps(sorted(event))}\n"
    )
    (folder / "pyproject.toml").write_text(DOORS)
    server = Project(folder)
    started.append(server)
    keys = []
    for what in ("the url", "HTTP API shop", "REST API shop", "target group shop"):
        url = server.wait_for(rf"  f: {what}: (\S+)\n")[1]
        with urllib.request.urlopen(url, timeout=PATIENCE) as response:
            keys.append(json.load(response))
    assert "rawPath" in keys[0]
    assert "cookies" not in keys[1]
    assert "stageVariables" in keys[2]
    assert url.endswith("/")
    assert "multiValueHeaders" in keys[3]
    assert "headers" not in keys[3]
    server.wait_for(r"  f: not emulated here: tracing, arn:aws:s3:::bucket\n")


def test_two_files(folder: Path, started: list[Process]) -> None:
    """Without a table, each file is a function, with a URL of its own."""
    server = Project(folder, "mod.py", "other.py")
    started.append(server)
    urls = [
        server.wait_for(rf"{name}: the function's URL: (\S+)\n")[1] for name in ("mod", "other")
    ]
    names = []
    for url in urls:
        with urllib.request.urlopen(url, timeout=PATIENCE) as response:
            names.append(json.load(response)["name"])
    assert names == ["mod", "other"]


def test_killed(folder: Path, started: list[Process]) -> None:
    """What the services run in ends with the command, however it ends."""
    (folder / "pyproject.toml").write_text(TABLE + QUEUE)
    server = Project(folder)
    started.append(server)
    server.wait_for("  ready\n")
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text()
    assert children.split()
    server.process.kill()
    deadline = time.monotonic() + PATIENCE
    while not all(has_ended(int(pid)) for pid in children.split()):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_switched_off(folder: Path, started: list[Process]) -> None:
    """A function without concurrency is throttled and says so; with an event it is run."""
    (folder / "pyproject.toml").write_text(table("reserved_concurrency = 0"))
    command = [*COMMAND, "local", "-e", "{}"]
    done = subprocess.run(command, cwd=folder, capture_output=True, timeout=PATIENCE)
    assert (done.returncode, json.loads(done.stdout)["name"]) == (0, "f")
    server = Server(folder)
    started.append(server)
    server.wait_for(r"  f: switched off \(reserved_concurrency = 0\)")
    with pytest.raises(urllib.error.HTTPError, match="429"):
        urllib.request.urlopen(f"{server.base}/2015-03-31/functions/f/invocations", b"{}")


def table(*lines: str) -> str:
    return "[tool.lambda-runtime.functions.f]\nhandler = 'mod.handler'\n" + "\n".join(lines)


TRIGGER = "[[tool.lambda-runtime.functions.f.triggers]]"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (table("handlr = 1"), "handlr"),
        (
            table(TRIGGER, "type = 'schedule'", "rule = 'r'", "expression = 'cron(0 25 * * ? *)'"),
            "25",
        ),
        (table(TRIGGER, "type = 'eventbridge'", "rule = 'r'", "pattern = '[1]'"), "pattern of f"),
        (
            table(TRIGGER, "type = 'sqs'", "queue = 'q'", TRIGGER, "type = 'sqs'", "queue = 'q'"),
            "two sqs triggers share the queue q",
        ),
        (
            table(TRIGGER, "type = 'sqs'", "queue = 'q'", "dlq = 'q'"),
            "would go round for ever, q → q: choose another dlq",
        ),
        (
            table(
                TRIGGER,
                "type = 'sqs'",
                "queue = 'q'",
                "dlq = 'r'",
                TRIGGER,
                "type = 'sqs'",
                "queue = 'r'",
                "dlq = 'q'",
            ),
            "would go round for ever, q → r → q: choose another dlq",
        ),
        (
            table(
                TRIGGER,
                "type = 'schedule'",
                "rule = 'r'",
                "expression = 'rate(1 minute)'",
                TRIGGER,
                "type = 'schedule'",
                "rule = 'r'",
                "expression = 'rate(2 minutes)'",
            ),
            "two triggers share the rule r",
        ),
        (
            table().replace("mod.handler", "nope.handler"),
            "cannot run the function f (handler nope.handler): there is no module 'nope'",
        ),
        (
            table().replace("handler = ", "description = "),
            "cannot run the function f (without the key `handler`: hello.handler): ",
        ),
        (table().replace("functions.f]", "functions.f"), "is not TOML"),
    ],
)
def test_bad_table(folder: Path, text: str, expected: str) -> None:
    """What AWS would refuse is one line before anything is started."""
    (folder / "pyproject.toml").write_text(text)
    done = run_here(folder, "local", "--port", "0")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("lambda-runtime: ")
    assert done.stderr.count("\n") == 1
    assert expected in done.stderr


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["mod.py", "mod.handler"], "Two functions have the name mod"),
        (["mod.py", "other.py", "--name", "x"], "--name is for one FILE_OR_HANDLER"),
        (["mod.py", "other.py", "--debug"], "--debug is for one function"),
        (["mod.py", "other.py", "--sqs", "q"], "--sqs is for one function"),
        (["mod.py", "other.py", "-e", "1"], "An event is for one function"),
        (["mod.py", "--no-schedules"], "--no-schedules is for the schedules of pyproject.toml"),
        (["mod.py", "--redeliver-after", "1"], "--redeliver-after needs --sqs"),
        (["--stream"], "--stream is for one FILE_OR_HANDLER"),
        (["--sqs", "q"], "--sqs is for one FILE_OR_HANDLER"),
    ],
)
def test_bad_options(folder: Path, arguments: list[str], expected: str) -> None:
    """What means one function is refused where there are several."""
    (folder / "pyproject.toml").write_text(TABLE)
    done = run_here(folder, "local", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert expected in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_while_services_hang(tmp_path: Path, number: int) -> None:
    """Ctrl-C ends what is still starting, whatever it waits for, and leaves nothing behind."""
    (tmp_path / "mod.py").write_text("def handler(event, context): ...")
    (tmp_path / "pyproject.toml").write_text(
        '[tool.lambda-runtime]\nfunction = "f"\nhandler = "mod.handler"\n'
        'triggers = [{ type = "sqs", queue = "q" }]\n'
    )
    server = Server(tmp_path)
    try:
        server.wait_for("AWS services on this machine")
        (child,) = [
            int(pid)
            for pid in children(server.process.pid)
            if b"local.services" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]
        os.kill(child, signal.SIGSTOP)
        began = time.monotonic()
        assert server.end(number) == 0
        assert time.monotonic() - began < 20
        assert "ready" not in server.log
        assert not Path(f"/proc/{child}").exists()
    finally:
        server.kill()


def children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def test_table_that_is_saved(folder: Path) -> None:
    """What it says counts at a start: a change is told, and so is a mistake, each once."""
    file = folder / "pyproject.toml"
    file.write_text(table())
    server = Server(folder, "--no-url")
    try:
        server.wait_for("  ready")
        file.write_text(table("# a comment"))
        file.write_text(table("timeout = 5"))
        server.wait_for("pyproject.toml has been saved: stop and start again, to use what it says")
        file.write_text(table("timeout = "))
        server.wait_for("pyproject.toml has been saved, and can't be used: .* is not TOML")
        assert server.end() == 0
    finally:
        server.kill()


def test_destination_that_is_not_there(folder: Path) -> None:
    """It is told at the start, and not when the first record is lost."""
    arn = "arn:aws:lambda:us-east-1:123456789012:function:gone"
    (folder / "pyproject.toml").write_text(table(f'on_failure = "{arn}"'))
    server = Server(folder, "--no-url")
    try:
        server.wait_for(
            rf"  f: not emulated here: {arn} \(there is no such function here\)\n(.*\n)*  ready"
        )
    finally:
        server.kill()


def test_loops() -> None:
    """Directly, and by way of a queue or a topic; each circle is told once."""
    lambdas = "arn:aws:lambda:eu-west-1:123456789012:function"
    a = Function("a", "r", on_success=f"{lambdas}:b")
    b = Function("b", "r", on_failure="arn:aws:sqs:eu-west-1:123456789012:q")
    c = Function("c", "r", triggers=(SqsTrigger("q"),), dead_letter="arn:aws:sns:e:1:t")
    d = Function("d", "r", triggers=(SnsTrigger("t"),), on_success=f"{lambdas}:d:live")
    assert [*loops([a, b, c, d])] == ["d → d"]
    back = dataclasses.replace(d, on_success=f"{lambdas}:a")
    assert [*loops([a, b, c, back])] == ["a → b → c → d → a"]


def test_loop_is_told(folder: Path) -> None:
    arn = "arn:aws:lambda:us-east-1:123456789012:function:f"
    (folder / "pyproject.toml").write_text(table(f'on_success = "{arn}"'))
    server = Server(folder, "--no-url")
    try:
        server.wait_for("  warning: results come back, and events go round for ever: f → f\n")
    finally:
        server.kill()
