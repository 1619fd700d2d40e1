"""What is not installed: an option that needs it fails, a default that needs it is off."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from amazon_lambda_runtime.cli import main
from amazon_lambda_runtime.cli.deploy.reporter import Reporter
from amazon_lambda_runtime.cli.local.queue_options import parse_queue, require_queues
from amazon_lambda_runtime.pip_line import pip_line
from tests.harness import SOURCE, environment

from .support import PATIENCE, Server

PIP_LINE = pip_line("tools")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a function in it."""
    (tmp_path / "hello.py").write_text("def handler(event, context):\n    return event\n")
    (tmp_path / "my.env").write_text("NAME=value\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def hide(monkeypatch: pytest.MonkeyPatch, *modules: str) -> None:
    """Make modules as if they were not installed."""
    for module in modules:
        monkeypatch.setitem(sys.modules, module, None)


@pytest.mark.parametrize(
    ("missing", "arguments", "expected"),
    [
        (["debugpy"], ["--debug"], "--debug needs debugpy"),
        (["dotenv"], ["--env-file", "my.env"], "--env-file needs dotenv"),
        (["boto3"], ["--sqs", "https://sqs.eu-west-1.amazonaws.com/1/q"], "--sqs needs boto3"),
        (["boto3"], ["--on-failure", "q"], "--on-failure needs boto3"),
        (["moto"], ["--sqs", "q"], "--sqs with a name needs moto"),
        (["moto", "flask"], ["--on-failure", "q"], "--on-failure with a name needs moto and flask"),
    ],
)
def test_option(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    missing: list[str],
    arguments: list[str],
    expected: str,
) -> None:
    """An option that was given and needs what is missing: the pip line, and exit status 2."""
    hide(monkeypatch, *missing)
    with pytest.raises(SystemExit) as end:
        main(["local", "hello.py", *arguments])
    assert end.value.code == 2
    assert capsys.readouterr().err == f"lambda-runtime: {expected}: {PIP_LINE}\n"


def test_queue_that_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """A queue that is somewhere else needs nothing to make one."""
    hide(monkeypatch, "moto", "flask", "flask_cors")
    require_queues("--sqs", [parse_queue("https://sqs.eu-west-1.amazonaws.com/1/q")])
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:9324")
    require_queues("--sqs", [parse_queue("orders")])


@pytest.mark.parametrize(
    "command", ["plan", "plan --exit-code", "deploy", "diff", "destroy", "logs", "invoke"]
)
def test_command(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
) -> None:
    """A command that needs AWS's library says how to get it."""
    (folder / "pyproject.toml").write_text('[tool.lambda-runtime]\nname = "x"\n')
    for name in [name for name in sys.modules if name.startswith("amazon_lambda_runtime.deploy")]:
        monkeypatch.delitem(sys.modules, name)
    hide(monkeypatch, "boto3")
    with pytest.raises(SystemExit) as end:
        main(command.split())
    # Of a plan with --exit-code 2 means that there are changes.
    assert end.value.code == (1 if "--exit-code" in command else 2)
    assert capsys.readouterr().err == f"lambda-runtime needs boto3: {PIP_LINE}\n"


@contextmanager
def without_watchfiles(folder: Path, *arguments: str) -> Iterator[Server]:
    code = (
        "import sys; sys.modules['watchfiles'] = None\n"
        "from amazon_lambda_runtime.cli import main; main(sys.argv[1:])"
    )
    server = Server(folder, "hello.py", *arguments, command=[sys.executable, "-c", code, "local"])
    try:
        yield server
    finally:
        server.kill()


def test_hot_reload(folder: Path) -> None:
    """Hot reload is off where it can't be had: one line says so, and the function is served."""
    with without_watchfiles(folder) as server:
        assert server.invoke(7) == 7
        line = r"^hot reload is off, because watchfiles is not installed: .* install .*\[tools\]'$"
        server.wait_for("REPORT")
        assert len(re.findall(line, server.log, re.M)) == 1


def test_hot_reload_that_is_not_wanted(folder: Path) -> None:
    """Nothing is said about a default that was switched off."""
    with without_watchfiles(folder, "--no-reload") as server:
        assert server.invoke(7) == 7
        server.wait_for("REPORT")
        assert "hot reload" not in server.log


def test_moving_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Without rich a terminal gets plain lines, and one line says why."""
    hide(monkeypatch, "rich")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    with Reporter() as reporter:
        reporter.note("waiting for the role")
    assert capsys.readouterr().err == (
        f"the moving line is off, because rich is not installed: {PIP_LINE}\n"
        "  waiting for the role\n"
    )


@pytest.mark.parametrize("missing", ["click", "httptools"])
def test_nothing_is_installed(folder: Path, missing: str) -> None:
    """Without what every command needs, the command says how to get it."""
    code = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        "from amazon_lambda_runtime.cli import main; main(['local', 'hello.py', '-e', '1'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=environment(PYTHONPATH=str(SOURCE)),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert (done.returncode, done.stdout) == (2, "")
    line = rf"lambda-runtime needs {missing}: .* install .*\[tools\]'\n"
    assert re.fullmatch(line, done.stderr)


def test_other_missing_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that is missing for any other reason is a bug, and raises."""
    hide(monkeypatch, "amazon_lambda_runtime.cli.group")
    with pytest.raises(ModuleNotFoundError):
        main(["--help"])
