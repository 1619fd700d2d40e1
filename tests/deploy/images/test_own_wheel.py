"""The runtime in an image is the one that the command runs from: no index is asked for it."""

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

from amazon_lambda_runtime.deploy.images import ImageSpec, own_wheel
from amazon_lambda_runtime.deploy.images.native import wheels

from .native.test_installers import SAME

PACKAGE = Path(own_wheel.__file__).parents[2]


def installed(wheel: Path, folder: Path) -> Path:
    """Install a wheel without an index into an environment of its own; return its Python."""
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-index", "-q"]
    subprocess.run([*command, "--no-deps", str(wheel)], check=True, timeout=120)
    return python


def make(python: Path, folder: Path) -> Path:
    """Make the wheel from what is installed there."""
    folder.mkdir()
    code = (
        "import sys, pathlib\n"
        "from amazon_lambda_runtime.deploy.images import own_wheel\n"
        "print(own_wheel.write(pathlib.Path(sys.argv[1])))\n"
    )
    # What else the command needs is of this environment.
    paths = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [str(python), "-c", code, str(folder)],
        env=paths,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert not done.returncode, done.stderr
    return Path(done.stdout.strip())


def test_it_is_what_is_here(tmp_path: Path) -> None:
    """Each file of the package, as it is now, and the script; a second one has the same bytes."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first, second = own_wheel.write(tmp_path / "a"), own_wheel.write(tmp_path / "b")
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as archive:
        there = {name: archive.read(name) for name in archive.namelist()}
    files = [p for p in PACKAGE.rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    assert files
    for path in files:
        assert there[path.relative_to(PACKAGE.parent).as_posix()] == path.read_bytes()
    (script,) = (content for name, content in there.items() if "/scripts/" in name)
    assert script.startswith(b"#!python\nfrom amazon_lambda_runtime")
    assert not [name for name in there if name.endswith(("direct_url.json", "INSTALLER", ".pth"))]


def test_it_can_be_installed_and_made_again(tmp_path: Path) -> None:
    """An installation that is not editable makes the same of itself, and its bootstrap starts."""
    (tmp_path / "a").mkdir()
    first = own_wheel.write(tmp_path / "a")
    python = installed(first, tmp_path / "environment")
    done = subprocess.run(
        [str(python.parent / "bootstrap"), "--help"], capture_output=True, text=True, timeout=60
    )
    assert "Traceback" not in done.stderr
    assert (python.parent / "bootstrap").read_text().startswith(f"#!{python}")
    code = "import amazon_lambda_runtime; print(amazon_lambda_runtime.__file__)"
    told = subprocess.run([str(python), "-c", code], capture_output=True, text=True, timeout=60)
    assert str(tmp_path / "environment") in told.stdout
    with zipfile.ZipFile(make(python, tmp_path / "b")) as again, zipfile.ZipFile(first) as one:
        assert sorted(again.namelist()) == sorted(one.namelist())


def test_an_image_has_it_without_an_index(tmp_path: Path) -> None:
    """It is installed for the image's Python as any wheel; a change of it is another layer."""
    spec = ImageSpec(tmp_path, "app.handler", runtime=own_wheel.requirement())
    wheels.install(spec, None, SAME, tmp_path / "installed", wheels.compiler(SAME))
    there = {path.name for path in (tmp_path / "installed").iterdir()}
    assert {"amazon_lambda_runtime", "bin"} <= there
    assert (tmp_path / "installed" / "bin" / "bootstrap").is_file()
    ((name, content),) = wheels.inputs(spec, None)
    assert name.endswith("-py3-none-any.whl")
    assert content == Path(spec.runtime).read_bytes()
