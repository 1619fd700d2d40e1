"""Folders and files as they may be: closed, full, gone, too large. One line each, and status 2."""

import errno
import json
import subprocess
import sys
from pathlib import Path

import pytest

from amazon_lambda_runtime.project.aws_limits import PAYLOAD_BYTES

from .support import COMMAND, run_here

HANDLER = "def handler(event, context):\n    return len(event)\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "hello.py").write_text(HANDLER)
    return tmp_path


@pytest.mark.parametrize(
    "words", [["plan"], ["deploy"], ["destroy", "--yes"], ["diff"], ["rollback"]]
)
def test_no_table(folder: Path, words: list[str]) -> None:
    """By the defaults every folder would be the same project: nothing is asked of AWS."""
    done = run_here(folder, *words, AWS_ENDPOINT_URL="http://127.0.0.1:9")
    assert done.returncode in (1, 2)
    assert (
        "pyproject.toml has no table [tool.lambda-runtime]: it says which functions" in done.stderr
    )
    assert done.stderr.count("\n") == 1


def test_no_table_but_a_name(folder: Path) -> None:
    """Who names the function means it: the next error is AWS's."""
    done = run_here(folder, "plan", "--function", "x", AWS_REGION="us-east-1", HOME=str(folder))
    assert "has no table" not in done.stderr


def test_event_that_lambda_refuses(folder: Path) -> None:
    """An event may have 6 MB, as in Lambda; no more than that is read."""
    (folder / "large.json").write_text(json.dumps("x" * (PAYLOAD_BYTES - 2)))
    words = [*COMMAND, "local", "hello.py", "--event", "large.json"]
    whole = subprocess.run(words, cwd=folder, capture_output=True, text=True)
    assert (whole.returncode, whole.stdout) == (0, str(PAYLOAD_BYTES - 2)), whole.stderr
    (folder / "larger.json").write_text(json.dumps("x" * (PAYLOAD_BYTES - 1)))
    for file in ("larger.json", "/dev/zero"):
        done = run_here(folder, "local", "hello.py", "--event", file)
        assert done.returncode == 2
        assert done.stderr == (
            f"lambda-runtime: the event from {file} is larger than Lambda takes: 6,291,456 bytes\n"
        )


def test_standard_input_that_is_closed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    done = run_here(folder, "local", "hello.py", "--event", "-")
    assert done.returncode == 2
    assert done.stderr == (
        "lambda-runtime: cannot read the event from standard input: it is closed\n"
    )


@pytest.mark.parametrize("words", [["--help"], ["schema"], ["events", "list"]])
def test_standard_output_that_is_full(folder: Path, words: list[str]) -> None:
    """What can't be written is told, also where Python finds out at its end."""
    with open("/dev/full", "wb") as full:
        done = subprocess.run([*COMMAND, *words], cwd=folder, stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 2
    assert done.stderr == b"lambda-runtime: cannot write to stdout: No space left on device\n"


@pytest.mark.parametrize(
    "words", [["local", "closed/hello.py", "-e", "1"], ["local", "closed/hello.handler"]]
)
def test_folder_without_permission(tmp_path: Path, words: list[str]) -> None:
    def refused(self: Path) -> bool:
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "is_file", refused)  # as for another user
        done = run_here(tmp_path, *words)
    assert done.returncode == 2
    assert done.stderr == "lambda-runtime: cannot use closed/hello.py: Permission denied\n"


@pytest.mark.parametrize("words", [["init"], ["local", "hello.py"]])
def test_folder_that_was_deleted(tmp_path: Path, words: list[str]) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    script = f"cd {gone} && rmdir {gone} && exec {' '.join([*COMMAND, *words])}"
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == (
        "lambda-runtime: the current folder was deleted: change to another"
    )
    assert "Traceback" not in done.stderr


def test_init_on_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file is written whole or not at all: the next init does not keep a half one."""
    write_text = Path.write_text

    def write(self: Path, text: str) -> int:
        if self.name.startswith((".policies", "policies")):
            write_text(self, text[:3])
            raise OSError(errno.ENOSPC, "No space left on device")
        return write_text(self, text)

    monkeypatch.setattr(Path, "write_text", write)
    done = run_here(tmp_path, "init", "--name", "orders")
    assert done.returncode == 2
    assert done.stderr == (
        "lambda-runtime: cannot write policies: No space left on device. Files written before it"
        " are kept.\n"
    )
    assert sorted(each.name for each in tmp_path.iterdir()) == ["Dockerfile", "Makefile"]
    monkeypatch.undo()
    assert run_here(tmp_path, "init", "--name", "orders").returncode == 0
    assert "AWSLambdaBasicExecutionRole" in (tmp_path / "policies").read_text()


@pytest.mark.parametrize("text", ["tool = {black = {x = 1}}\n", "[[tool]]\nx = 1\n"])
def test_pyproject_that_a_table_does_not_go_into(tmp_path: Path, text: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    done = run_here(tmp_path, "init", "--name", "orders")
    assert done.returncode == 2
    assert "cannot add the table [tool.lambda-runtime] to pyproject.toml: " in done.stderr
    assert done.stderr.count("\n") == 1
    assert (tmp_path / "pyproject.toml").read_text() == text
    assert [each.name for each in tmp_path.iterdir()] == ["pyproject.toml"]


@pytest.mark.parametrize("kind", ["link", "folder"])
def test_init_beside_what_is_no_file(tmp_path: Path, kind: str) -> None:
    """Nothing is written through a link that leads nowhere. A folder is not taken for a file."""
    project = tmp_path / "project"
    project.mkdir()
    if kind == "link":
        (project / "Dockerfile").symlink_to("../outside")
    else:
        (project / "Dockerfile").mkdir()
    done = run_here(project, "init", "--name", "orders")
    assert done.returncode == 2
    assert done.stderr == (
        "lambda-runtime: cannot write Dockerfile: something that is not a file has this name\n"
    )
    assert not (tmp_path / "outside").exists()


def test_init_with_force(tmp_path: Path) -> None:
    """--force replaces a link, not what it leads to; the file's mode stays."""
    project = tmp_path / "project"
    project.mkdir()
    theirs = tmp_path / "theirs"
    theirs.write_text("theirs")
    theirs.chmod(0o640)
    (project / "Dockerfile").symlink_to("../theirs")
    assert run_here(project, "init", "--name", "orders", "--force").returncode == 0
    assert theirs.read_text() == "theirs"
    assert "FROM" in (project / "Dockerfile").read_text()
