"""What git ignores, and when that counts."""

import shutil
import subprocess
from pathlib import Path

import pytest

from amazon_lambda_runtime.deploy.images.files import select
from amazon_lambda_runtime.deploy.images.gitignore import ignored
from amazon_lambda_runtime.deploy.images.model import ImageError, ImageSpec

FILES = [
    "hello.py", "notes.txt", "kept.txt", "data/big.bin", "data/small.bin", "out/a.py", "out/b/c.py",
    "sub/out/a.py", "sub/local.py", "sub/deep/local.py", "other/local.py", "#odd", "a b.log",
]  # fmt: skip
RULES = {
    ".gitignore": "# comment\n\n*.txt\n!kept.txt\n/out/\ndata/*\n!data/small.bin\n\\#odd\n*.log \n",
    "sub/.gitignore": "local.py\n!/out\n",
}
IGNORED = {
    "notes.txt", "data/big.bin", "out/a.py", "out/b/c.py", "sub/local.py", "sub/deep/local.py",
    "#odd", "a b.log",
}  # fmt: skip


def project(folder: Path, rules: dict[str, str] = RULES) -> Path:
    for name in FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("")
    for name, text in rules.items():
        (folder / name).write_text(text)
    return folder


def test_as_git_does(tmp_path: Path) -> None:
    """Files of the folder and of those in it: the last that matches, and folders as a whole."""
    folder = project(tmp_path)
    assert ignored(folder, FILES) == IGNORED
    if (git := shutil.which("git")) is None:
        return
    subprocess.run([git, "init", "-q"], cwd=folder, check=True)
    told = subprocess.run(
        [git, "-c", "core.quotePath=false", "check-ignore", *FILES],
        cwd=folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert {line.strip('"') for line in told.stdout.splitlines()} == IGNORED


def test_rules_of_the_repository(tmp_path: Path) -> None:
    """Those above the project count, up to the repository's root and no further."""
    folder = tmp_path / "repository/functions/orders"
    folder.mkdir(parents=True)
    project(folder, {})
    (tmp_path / ".gitignore").write_text("*.py\n")
    (tmp_path / "repository/.git").mkdir()
    (tmp_path / "repository/.gitignore").write_text("/functions/orders/data\n")
    assert ignored(folder, FILES) == {"data/big.bin", "data/small.bin"}


def test_it_counts_where_nothing_else_tells(tmp_path: Path) -> None:
    """Without a .dockerignore and a Dockerfile of the user's; how many were left out is told."""
    folder = project(tmp_path)
    found = select(ImageSpec(folder, "hello.handler"))
    assert not IGNORED & set(found.files)
    (note,) = found.notes
    assert note.startswith("left out of the image, as git ignores them: 8 files (")
    found = select(ImageSpec(folder, "hello.handler", include=("notes.txt",)))
    assert "notes.txt" in found.files
    assert "7 files" in found.notes[0]


@pytest.mark.parametrize("name", [".dockerignore", "Dockerfile"])
def test_the_user_tells(tmp_path: Path, name: str) -> None:
    """A file that says what goes in decides alone."""
    folder = project(tmp_path)
    (folder / name).write_text("FROM debian\n" if name == "Dockerfile" else "notes.txt\n")
    found = select(ImageSpec(folder, "hello.handler"))
    assert "data/big.bin" in found.files
    assert ("notes.txt" in found.files) == (name == "Dockerfile")
    assert found.notes == ()


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """It is named, in one line."""
    folder = project(tmp_path, {})
    (folder / ".gitignore").write_bytes(b"\xff\n")
    with pytest.raises(ImageError, match=r"^cannot read .*\.gitignore: "):
        select(ImageSpec(folder, "hello.handler"))
