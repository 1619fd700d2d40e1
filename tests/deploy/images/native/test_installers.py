"""Packages for another machine, by uv and by pip: what is installed, and what is told if not."""

import hashlib
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from amazon_lambda_runtime.deploy.images import ImageError, ImageSpec, dependencies
from amazon_lambda_runtime.deploy.images.native import wheels
from amazon_lambda_runtime.deploy.images.native.base import Python
from tests.deploy.images.conftest import make_wheel

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
TARGET = Python("3.13", "3.13.5", "/usr/bin/python3.13", "usr/lib/p", "glibc", (2, 41))
SAME = replace(TARGET, version=HERE, release=f"{HERE}.5")
NO_INDEX = "--no-index\n--find-links links\n"


@pytest.fixture(params=["uv", "pip"])
def installer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "pip":
        monkeypatch.setattr(dependencies, "uv", lambda: None)
    elif dependencies.uv() is None:
        pytest.skip("there is no uv")
    return str(request.param)


@pytest.fixture
def spec(tmp_path: Path, runtime_wheel: Path) -> ImageSpec:
    (tmp_path / "links").mkdir()
    return ImageSpec(tmp_path, "app.handler", runtime=str(runtime_wheel))


def install(spec: ImageSpec, python: Python = TARGET) -> set[str]:
    """Install what the project's requirements.txt says, and return the names that are there."""
    folder = spec.folder / "installed"
    interpreter = wheels.compiler(python)
    wheels.install(spec, dependencies.declared(spec), python, folder, interpreter)
    return {path.name for path in folder.iterdir()}


def write(spec: ImageSpec, text: str) -> None:
    (spec.folder / "requirements.txt").write_text(f"{NO_INDEX}{text}\n")


def test_a_path(
    installer: str, spec: ImageSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the project's wherever the command runs from, copied and not built where it is."""
    monkeypatch.chdir("/")
    library = tmp_path / "libs" / "mylib"
    (library / "backend").mkdir(parents=True)
    (library / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "make"\nbackend-path = ["backend"]\n'
        '[project]\nname = "mylib"\nversion = "1.0"\n'
    )
    (library / "backend" / "make.py").write_text(
        "import shutil, pathlib\n"
        "def build_wheel(folder, *_):\n"
        "    pathlib.Path('left-by-the-build').touch()\n"
        "    return pathlib.Path(shutil.copy('w/mylib-1.0-py3-none-any.whl', folder)).name\n"
    )
    (library / "w").mkdir()
    make_wheel(library / "w", "mylib", {"mylib.py": ""})
    write(spec, "-e ./libs/mylib")
    assert {"mylib.py", "little_runtime", "bin"} <= install(spec)
    assert sorted(path.name for path in library.iterdir()) == ["backend", "pyproject.toml", "w"]
    assert not [*(tmp_path / "installed").rglob("direct_url.json")]
    (library / "backend" / "make.py").write_text("raise SystemExit('no compiler')")
    with pytest.raises(ImageError, match=r"cannot build a wheel of .*/libs/mylib: "):
        install(spec)


def test_hashes(installer: str, spec: ImageSpec, tmp_path: Path) -> None:
    """What has another hash is not installed; the runtime and a path need none."""
    wheel = make_wheel(tmp_path / "links", "there", {"there.py": ""})
    local = make_wheel(tmp_path, "local", {"local.py": ""})
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    write(spec, f"there==1.0 \\\n    --hash=sha256:{digest}\n./{local.name}")
    assert {"there.py", "local.py", "little_runtime"} <= install(spec)
    write(spec, f"there==1.0 --hash=sha256:{'0' * 64}")
    with pytest.raises(ImageError, match=r"(?is)cannot install .*hash"):
        install(spec)


def test_markers(installer: str, spec: ImageSpec, tmp_path: Path) -> None:
    """They are the image's, or it is told what is missing."""
    links = tmp_path / "links"
    make_wheel(links, "needs", {"needs.py": ""}, "Requires-Dist: more; python_version == '3.99'\n")
    make_wheel(links, "more", {"more.py": ""})
    write(spec, "needs")
    future = replace(TARGET, version="3.99", release="3.99.1")
    if installer == "uv":
        assert {"needs.py", "more.py"} <= install(spec, future)
    else:
        with pytest.raises(ImageError, match=r"needs needs more with Python 3\.99\.1, and pip"):
            install(spec, future)
        write(spec, "needs\nmore")
        assert {"needs.py", "more.py"} <= install(spec, future)


def test_an_index_out_of_reach(
    installer: str, spec: ImageSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is no missing wheel. pip's own settings hold for uv, too."""
    for name in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "UV_INDEX", "UV_DEFAULT_INDEX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("UV_NO_CONFIG", "1")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/private")
    for tool in ("PIP_RETRIES", "UV_HTTP_RETRIES"):
        monkeypatch.setenv(tool, "1")
    (spec.folder / "requirements.txt").write_text("no-such-package-anywhere\n")
    with pytest.raises(ImageError) as caught:
        install(spec, SAME)
    said = str(caught.value)
    assert said.startswith(f"{installer} cannot reach the package index: ")
    assert "refused" in said
    assert "/private/no-such-package-anywhere" in said
    assert "\n" not in said


def test_indexes_are_searched_together(
    installer: str, spec: ImageSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With pip's settings, what one index has not is taken from another, as pip does."""
    for name, version in (("first", "2.0"), ("extra", "1.0")):
        page = tmp_path / name / "there"
        page.mkdir(parents=True)
        wheel = make_wheel(page, "there", {f"there_{name}.py": ""}, version=version).name
        page.joinpath("index.html").write_text(f'<a href="{wheel}">{wheel}</a>')
    for name in ("PIP_FIND_LINKS", "UV_INDEX", "UV_DEFAULT_INDEX", "UV_INDEX_STRATEGY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_INDEX_URL", f"file://{tmp_path}/first")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", f"file://{tmp_path}/extra")
    (spec.folder / "requirements.txt").write_text("there==2.0\n")
    assert "there_first.py" in install(spec)


def test_no_wheel(installer: str, spec: ImageSpec) -> None:
    """The target is told, and what the tool said, in a line."""
    write(spec, "no-such-package-anywhere")
    with pytest.raises(ImageError) as caught:
        install(spec, SAME)
    said = str(caught.value)
    assert f"the packages for Python {SAME.release} on x86_64 (glibc 2.41): " in said
    assert "no-such-package-anywhere" in said
    assert "\n" not in said
    write(spec, "what is this?")
    with pytest.raises(ImageError, match="cannot install the packages"):
        install(spec, SAME)
