"""What would be published: all of the package, none of what lies about here."""

import io
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

from scripts import release_check

FILES = release_check.tracked()


def sdist(file: Path, names: set[str]) -> Path:
    with tarfile.open(file, "w:gz") as archive:
        for name in names | {"PKG-INFO"}:
            archive.addfile(tarfile.TarInfo(f"x-1/{name}"), io.BytesIO())
    return file


def wheel(file: Path, names: set[str]) -> Path:
    with zipfile.ZipFile(file, "w") as archive:
        for name in names | {"x-1.dist-info/METADATA"}:
            archive.writestr(name.removeprefix("src/"), "")
    return file


def test_all_that_is_needed(tmp_path: Path) -> None:
    """The package's files, and in the sdist what stands beside them."""
    assert "src/amazon_lambda_runtime/py.typed" in FILES
    made = sdist(tmp_path / "a.tar.gz", FILES | release_check.BESIDE)
    assert [*release_check.sdist_faults(made)] == []
    made = wheel(tmp_path / "a.whl", FILES | {"x-1.data/scripts/bootstrap"})
    assert [*release_check.wheel_faults(made)] == []


def test_what_is_missing_or_too_much_is_named(tmp_path: Path) -> None:
    """A sample file that was not packed; a test, a cache, a script that was."""
    lost = "src/amazon_lambda_runtime/samples/sqs.json"
    names = FILES - {lost} | release_check.BESIDE | {"tests/test_a.py", ".cache/x"}
    assert [*release_check.sdist_faults(sdist(tmp_path / "a.tar.gz", names))] == [
        f"lacks {lost}: 1 in all",
        "has .cache/x, tests/test_a.py, which is none of its files: 2 in all",
    ]
    names = FILES - {lost} | {"tests/test_a.py"}
    assert [*release_check.wheel_faults(wheel(tmp_path / "a.whl", names))] == [
        "lacks the script bootstrap",
        f"lacks {lost}: 1 in all",
        "has src/tests/test_a.py, which is none of its files: 1 in all",
    ]


@pytest.mark.slow
def test_what_is_built(tmp_path: Path) -> None:
    """The sdist, and the wheel from it, are whole, and an index can show them.

    The wheel's own tests, in bare virtual environments, are tests/test_install.py.
    """
    if not release_check.PYTHON.exists():
        pytest.skip("build and twine are not installed: make .cache/release/installed")
    made = release_check.build(tmp_path / "dist")
    assert [*release_check.sdist_faults(made[0])] == []
    assert [*release_check.wheel_faults(made[1])] == []
    command = [str(release_check.PYTHON), "-m", "twine", "check", "--strict", *map(str, made)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("PASSED") == 2
