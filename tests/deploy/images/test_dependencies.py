"""What a project declares, in the forms that people use, and what is refused with a command."""

import subprocess
from pathlib import Path

import pytest

from amazon_lambda_runtime.deploy.images import ImageError, ImageSpec, dependencies

PROJECT = '[project]\nname = "shop"\nversion = "1"\nrequires-python = ">=3.11"\n'


def declared(folder: Path) -> dependencies.Dependencies | None:
    return dependencies.declared(ImageSpec(folder, "app.handler", runtime="r"))


def test_the_first_that_is_there(tmp_path: Path) -> None:
    """requirements.txt is before `[project] dependencies`; there may be none."""
    assert declared(tmp_path) is None
    (tmp_path / "pyproject.toml").write_text(f'{PROJECT}dependencies = ["a>=1", "b; x"]\n')
    assert declared(tmp_path) == dependencies.Dependencies(
        "pyproject.toml", "a>=1\nb; x\n", tmp_path
    )
    (tmp_path / "requirements.txt").write_text("c\n")
    assert declared(tmp_path) == dependencies.Dependencies("requirements.txt", "c\n", tmp_path)


@pytest.mark.parametrize(
    ("file", "command"),
    [
        ("poetry.lock", "poetry export"),
        ("Pipfile.lock", "pipenv requirements"),
        ("Pipfile", "pipenv lock"),
        ("pdm.lock", "pdm export"),
        ("pylock.toml", "uv export"),
    ],
)
def test_lock_files_of_others(tmp_path: Path, file: str, command: str) -> None:
    """They are refused with the command that exports them, until it has been run."""
    (tmp_path / file).write_text("")
    (tmp_path / "pyproject.toml").write_text(f'{PROJECT}dependencies = ["a"]\n')
    with pytest.raises(ImageError, match=f"{file}: run `{command}"):
        declared(tmp_path)
    (tmp_path / "requirements.txt").write_text("a==1\n")
    assert declared(tmp_path) is not None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[tool.poetry.dependencies]\npython = '^3.11'\nclick = '*'\n", "poetry lock && poetry ex"),
        (f"{PROJECT}dynamic = ['dependencies']\n", "list them in requirements.txt"),
        (
            f"{PROJECT}dependencies = ['a']\n[tool.uv.sources]\na = {{path = 'libs/a'}}\n",
            "run `uv lock`",
        ),
        ("[project\n", "cannot read .*pyproject.toml"),
    ],
)
def test_what_cannot_be_told(tmp_path: Path, text: str, told: str) -> None:
    """Dependencies that only another tool understands are not ignored in silence."""
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(ImageError, match=told):
        declared(tmp_path)


def test_uv_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """uv exports it, with paths as they are in the project; without uv that is told."""
    library = tmp_path / "libs" / "mylib"
    library.mkdir(parents=True)
    (library / "pyproject.toml").write_text('[project]\nname = "mylib"\nversion = "1"\n')
    (tmp_path / "pyproject.toml").write_text(
        f'{PROJECT}dependencies = ["mylib"]\n[dependency-groups]\ndev = ["absent"]\n'
        '[tool.uv]\npackage = false\n[tool.uv.sources]\nmylib = { path = "libs/mylib", editable = '
        'true }\nabsent = { path = "libs/absent" }\n'
    )
    (tmp_path / "libs" / "absent").mkdir()
    (tmp_path / "libs" / "absent" / "pyproject.toml").write_text(
        '[project]\nname = "absent"\nversion = "1"\n'
    )
    command = dependencies.uv()
    if command is None:
        pytest.skip("there is no uv")
    subprocess.run([command, "lock", "--offline", "-q"], cwd=tmp_path, check=True)
    found = declared(tmp_path)
    assert found is not None
    assert found.source == "uv.lock"
    assert found.text.split() == ["./libs/mylib"]
    (tmp_path / "uv.lock").write_text("broken")
    with pytest.raises(ImageError, match=r"uv export cannot read uv\.lock: .*parse"):
        declared(tmp_path)
    monkeypatch.setattr(dependencies, "uv", lambda: None)
    with pytest.raises(ImageError, match="no command uv to read it: install uv, or run `uv export"):
        declared(tmp_path)
