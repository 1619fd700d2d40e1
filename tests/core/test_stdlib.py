"""Modules of the standard library that are loaded late."""

import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from amazon_lambda_runtime.core import loading, stdlib
from amazon_lambda_runtime.core.errors import BuiltInModuleConflict
from amazon_lambda_runtime.core.stdlib import library_first, load


@pytest.fixture
def users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Yield a directory that is first on the path; what is loaded from it is forgotten."""
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("colorsys", "nturl2path"):
        monkeypatch.delitem(sys.modules, name, raising=False)
        stdlib._Library.kept.pop(name, None)
    yield tmp_path
    for name in ("colorsys", "nturl2path"):
        stdlib._Library.kept.pop(name, None)
        sys.modules.pop(name, None)


def test_users_file_is_passed_over(users: Path) -> None:
    """14, 96: the library's module is found behind a file of its name, which is still found."""
    users.joinpath("colorsys.py").write_text("MINE = True\n")
    before = list(sys.path)
    finders = list(sys.meta_path)
    found = load("colorsys")
    assert found.hls_to_rgb(0, 0, 0) == (0, 0, 0)
    assert load("colorsys") is found
    assert (sys.path, sys.meta_path) == (before, finders)
    assert __import__("colorsys").MINE
    assert load("colorsys") is found


def test_finders_behind_that_of_the_path(users: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """96: the library's module is found where a package has appended a finder, as six does."""

    class Last:
        def find_spec(self, *_: object) -> None:
            return None

    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Last()])
    users.joinpath("colorsys.py").write_text("MINE = True\n")
    assert load("colorsys").hls_to_rgb(0, 0, 0) == (0, 0, 0)


def test_users_module_stays(users: Path) -> None:
    """14: a module that the user's code has imported is not loaded again."""
    users.joinpath("colorsys.py").write_text("MINE = True\n")
    mine = __import__("colorsys")
    assert load("colorsys") is mine


def test_no_directory_on_the_path(users: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """14: an archive and a directory that is gone are no hindrance."""
    odd = [str(users / "gone"), str(users / "x.zip"), *sys.path]
    monkeypatch.setattr(sys, "path", odd)
    assert load("nturl2path").url2pathname
    monkeypatch.setattr(sys, "path", [])
    stdlib._Library.kept.pop("nturl2path")
    monkeypatch.delitem(sys.modules, "nturl2path")
    assert load("nturl2path").url2pathname


def test_other_threads_find_what_is_theirs(users: Path) -> None:
    """95: while one thread imports from the library, another finds the user's modules."""
    users.joinpath("colorsys.py").write_text("MINE = True\n")
    found: list[Any] = []

    def work() -> None:
        thread = threading.Thread(target=lambda: found.append(__import__("colorsys")))
        thread.start()
        thread.join()

    library_first(work)
    assert found[0].MINE


def test_handler_behind_the_librarys_module(users: Path) -> None:
    """165: the library's module was loaded first, and the user's of that name can't be."""
    load("colorsys")
    library = sys.modules["colorsys"] = stdlib._Library.kept["colorsys"]
    loading._refuse_library("colorsys")  # the user has none
    users.joinpath("colorsys.py").write_text("MINE = True\n")
    with pytest.raises(BuiltInModuleConflict, match=r"Rename it: colorsys\.py has the name"):
        loading._refuse_library("colorsys")
    assert sys.modules.pop("colorsys") is library
    __import__("colorsys")
    loading._refuse_library("colorsys")  # it is the user's that was loaded


def test_handler_in_the_librarys_place(users: Path) -> None:
    """165: a module that nobody has loaded may be called as the library's is."""
    users.joinpath("colorsys.py").write_text("def handler(event, context): return 1\n")
    _, handler = loading.load("colorsys.handler")
    assert handler({}, None) == 1  # type: ignore[arg-type]


def test_many_threads_at_once(users: Path) -> None:
    """95: each gets the module whole."""
    barrier = threading.Barrier(8)
    found: list[Any] = []

    def work() -> None:
        barrier.wait(10)
        found.append(load("colorsys").hls_to_rgb)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    assert len(found) == 8
