"""An environment file, as both a deployment and the local Lambda read it."""

import sys
from pathlib import Path

import pytest

from amazon_lambda_runtime.project.env_file import read
from amazon_lambda_runtime.project.errors import ConfigError


def test_values_are_taken_as_they_stand(tmp_path: Path) -> None:
    """Quotes, comments and `export` are dotenv's; `$X` stays; the last of a name counts."""
    file = tmp_path / ".env"
    file.write_text(
        "# a comment\n\nexport TOKEN=\"a b#c\"\nPASSWORD=pa$HOME${HOME}\nSINGLE='$x'\nEMPTY=\n"
        "TWICE=1\nTWICE=2 # the last\n"
    )
    assert read(file) == {
        "TOKEN": "a b#c",
        "PASSWORD": "pa$HOME${HOME}",
        "SINGLE": "$x",
        "EMPTY": "",
        "TWICE": "2",
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"A=1\nNAME\n", ".env: NAME has no value: write NAME=value, or NAME= for ''"),
        (b"A=1\nB C=2\n", ".env, line 2: cannot be parsed: write NAME=value"),
        (b"A=\xff\n", ".env: it is not UTF-8"),
        (b"A=1\nB=x\0y\n", ".env, line 2: B has a NUL byte in its value"),
        (None, ".env: No such file or directory"),
    ],
)
def test_what_cannot_be_read(tmp_path: Path, content: bytes | None, message: str) -> None:
    """The file is named, and what to write; no variable is left out silently."""
    if content is not None:
        (tmp_path / ".env").write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read(tmp_path / ".env")
    assert str(caught.value).endswith(message)
    assert str(tmp_path) in str(caught.value)


def test_without_the_parser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where python-dotenv is not installed, the message says what installs it."""
    monkeypatch.setitem(sys.modules, "dotenv.parser", None)
    with pytest.raises(
        ConfigError, match=r"python-dotenv is not installed: .* install .*\[tools\]'"
    ):
        read(tmp_path / ".env")
