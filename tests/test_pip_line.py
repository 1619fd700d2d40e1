"""The line that says how to install what is missing: it installs it here, from the same origin."""

import json
import sys
from pathlib import Path

import pytest

from amazon_lambda_runtime import pip_line as module
from amazon_lambda_runtime.pip_line import pip_line

NAME = "amazon-lambda-runtime"


class Installed:
    """A distribution that was installed from somewhere."""

    def __init__(self, told: object) -> None:
        self._told = told

    def read_text(self, name: str) -> str | None:
        assert name == "direct_url.json"
        return None if self._told is None else json.dumps(self._told)


def line_for(told: object, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr("importlib.metadata.distribution", lambda name: Installed(told))
    return pip_line("tools").partition("install ")[2]


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (None, f"'{NAME}[tools]'"),
        ({"url": "file:///gone", "dir_info": {}}, f"'{NAME}[tools]'"),
        ({"url": "https://host/x.whl", "archive_info": {}}, f"'{NAME}[tools]'"),
        (
            {"url": "https://host/x.git", "vcs_info": {"vcs": "git", "commit_id": "1"}},
            f"'{NAME}[tools] @ git+https://host/x.git'",
        ),
        (
            {"url": "ssh://host/x", "vcs_info": {"vcs": "git", "requested_revision": "v1"}},
            f"'{NAME}[tools] @ git+ssh://host/x@v1'",
        ),
    ],
)
def test_origin(told: object, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The index, unless it came from elsewhere and can be had there still."""
    assert line_for(told, monkeypatch) == expected


def test_of_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "it's a clone"
    folder.mkdir()
    quoted = f"'{tmp_path}/it'\"'\"'s a clone[tools]'"
    told = {"url": folder.as_uri(), "dir_info": {}}
    assert line_for(told, monkeypatch) == quoted
    assert line_for(told | {"dir_info": {"editable": True}}, monkeypatch) == f"-e {quoted}"


def test_not_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Sources on the path alone, as in an image that copied them."""
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    assert pip_line("local").endswith(f" '{NAME}[local]'")


def test_installer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is this interpreter's: another's pip would install where nobody looks."""
    monkeypatch.setattr("importlib.metadata.distribution", lambda name: Installed(None))
    monkeypatch.setattr(module, "find_spec", lambda name: object())
    own = tmp_path / "own" / "pip"
    own.parent.mkdir()
    own.write_text("#!/bin/sh\n")
    own.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(own.with_name("python")))
    monkeypatch.setenv("PATH", str(own.parent))
    assert pip_line("local") == f"pip install '{NAME}[local]'"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert pip_line("local") == f"{own.parent}/python -m pip install '{NAME}[local]'"
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    expected = f"uv pip install --python {own.parent}/python '{NAME}[local]'"
    assert pip_line("local") == expected
