"""What cannot start is told before it is pushed; what may be right is let pass."""

from pathlib import Path

import pytest

from amazon_lambda_runtime.deploy.builder import command
from amazon_lambda_runtime.deploy.images import proof
from amazon_lambda_runtime.deploy.images.model import ImageError
from amazon_lambda_runtime.project.declaration import Function, Project


def check(folder: Path, handler: str, *, packages: bool = False, version: str = "3.11") -> None:
    files = {
        path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()
    }
    proof.handlers(files, [handler], version, has_packages=packages)


@pytest.mark.parametrize(
    ("text", "handler", "message"),
    [
        ("def handler(e, c): ...", "other.handler", r"module other\.py is not among the files"),
        ("def lambda_handler(e, c): ...", "app.handler", "Did you mean app.lambda_handler"),
        ("def handler(e, c) ...", "app.handler", r"app\.py is not valid Python 3\.11"),
        ("type A = int\ndef handler(e, c): ...", "app.handler", "is not valid Python 3.11"),
    ],
)
def test_what_cannot_be_loaded(tmp_path: Path, text: str, handler: str, message: str) -> None:
    """The line names the handler, and what to do."""
    (tmp_path / "app.py").write_text(text)
    with pytest.raises(ImageError, match=message):
        check(tmp_path, handler)


@pytest.mark.parametrize(
    ("handler", "packages", "version"),
    [
        ("app.handler", False, "3.11"),
        ("pkg/app.handler", False, "3.11"),
        ("pkg.app.handler", False, "3.11"),
        ("app.Orders.handler", False, "3.11"),
        ("elsewhere.handler", True, "3.11"),
        ("newer.handler", False, "3.99"),
        ("native.handler", False, "3.11"),
    ],
)
def test_what_may_be_right(tmp_path: Path, handler: str, packages: bool, version: str) -> None:
    """A module in a folder, a class, a package's, a newer grammar, an extension module."""
    (tmp_path / "app.py").write_text("def handler(e, c): ...\nclass Orders: ...\n")
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "app.py").write_text("def handler(e, c): ...")
    (tmp_path / "newer.py").write_text("a new grammar")
    (tmp_path / "native.cpython-311-x86_64-linux-gnu.so").write_text("")
    check(tmp_path, handler, packages=packages, version=version)


def test_a_bootstrap_that_cannot_start(tmp_path: Path) -> None:
    """Its first line is to be the interpreter of the image, to the letter."""
    script = tmp_path / "bootstrap"
    script.write_text("#!/usr/local/bin/python3.13\n")
    proof.bootstrap(script, "/usr/local/bin/python3.13")
    script.write_text("#!/home/me/a/../.venv/bin/python\n")
    with pytest.raises(ImageError, match=r"'#!/home/me/a/\.\./\.venv/bin/python' and could not"):
        proof.bootstrap(script, "/usr/local/bin/python3.13")


def test_one_command_whichever_functions_are_deployed(tmp_path: Path) -> None:
    """The others count, too; one without a handler of its own needs the module's."""
    a, b = Function("a", "r", handler="a.handler"), Function("b", "r", handler="b.handler")
    bare = Function("c", "r")

    def of(*functions: Function, others: tuple[Function, ...] = ()) -> str:
        return command(Project("p", tmp_path, "p", "p", "hello.py", functions, others))

    assert of(a, b) == of(b, others=(a,)) == of(a, others=(b,)) == "a.handler"
    assert of(a, bare) == of(bare, others=(a,)) == of(a, others=(bare,)) == "hello.handler"
