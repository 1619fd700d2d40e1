"""The full description of an exception, beside what the standard library prints."""

import linecache
import sys
import traceback
import zipfile
from pathlib import Path
from typing import Any

import pytest

from amazon_lambda_runtime.core import error_document


def caught(namespace: dict[str, Any], name: str = "fail") -> BaseException:
    """Return what a function raises, without the frame of this one."""
    try:
        namespace[name]()
    except Exception as exc:
        tb: Any = exc.__traceback__
        return exc.with_traceback(tb.tb_next)
    raise AssertionError("it did not fail")


def expected(exc: BaseException) -> list[str]:
    frames = traceback.extract_tb(exc.__traceback__)
    return traceback.format_list([(f.filename, f.lineno or 0, f.name, f.line) for f in frames])


def loaded(file: Path, data: bytes) -> dict[str, Any]:
    file.write_bytes(data)
    namespace: dict[str, Any] = {"__name__": "m"}
    exec(compile(data, str(file), "exec"), namespace)
    return namespace


SOURCES = {
    "plain": b"def fail():\n    raise ValueError(\n        'x')\n",
    "crlf": b"def fail():\r\n\traise ValueError('\xc3\xb3')\r\n",
    "mark": b"\xef\xbb\xbfdef fail(): raise ValueError\n",
    "latin-1": b"# -*- coding: latin-1 -*-\ndef fail():\n    raise ValueError('\xf3')\n",
    "second line": b"#!python\n# vim: fileencoding=cp1252 :\ndef fail(): raise OSError('\x80')\n",
    "deep": b"def fail(): fail()\n",
    "fourfold": b"def fail(n=4):\n    if n: fail(n - 1)\n    else: raise ValueError\n",
    "fivefold": b"def fail(n=5):\n    if n: fail(n - 1)\n    else: raise ValueError\n",
}


@pytest.mark.parametrize("source", SOURCES)
def test_as_the_standard_library(source: str, tmp_path: Path) -> None:
    """49, 53: the stack is traceback's, to the letter, for sources of every kind."""
    exc = caught(loaded(tmp_path / "m.py", SOURCES[source]))
    _, _, stack, _ = error_document.describe(exc)
    assert stack == expected(exc)


def test_source_is_gone(tmp_path: Path) -> None:
    """49: without its file, or past the end of it, a frame has no line."""
    namespace = loaded(tmp_path / "m.py", b"\n\n\ndef fail(): raise ValueError\n")
    tmp_path.joinpath("m.py").write_text("# it is shorter now")
    place = f'  File "{tmp_path}/m.py", line 4, in fail\n'
    assert error_document.describe(caught(namespace))[2] == [place]
    tmp_path.joinpath("m.py").unlink()
    assert error_document.describe(caught(namespace))[2] == [place]


def test_source_in_an_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """49: a module in an archive has its lines."""
    with zipfile.ZipFile(tmp_path / "code.zip", "w") as archive:
        archive.writestr("zipped.py", "def fail():\n    raise ValueError('zipped')\n")
    monkeypatch.syspath_prepend(str(tmp_path / "code.zip"))
    exc = caught(vars(__import__("zipped")))
    sys.modules.pop("zipped")
    assert error_document.describe(exc)[2] == expected(exc)
    assert "raise ValueError('zipped')" in expected(exc)[0]


def test_source_that_was_generated() -> None:
    """49: what attrs and others generate is in linecache, or nowhere."""
    source = "# generated\ndef fail(): raise ValueError('generated')\n"
    namespace: dict[str, Any] = {}
    exec(compile(source, "<generated m>", "exec"), namespace)
    exc = caught(namespace)
    assert error_document.describe(exc)[2] == ['  File "<generated m>", line 2, in fail\n']
    linecache.cache["<generated m>"] = (len(source), None, source.splitlines(True), "")
    assert error_document.describe(exc)[2] == expected(exc)
    assert "    def fail(): raise ValueError('generated')" in expected(exc)[0]
    del linecache.cache["<generated m>"]


def test_part_that_the_users_class_gets_in_the_way_of() -> None:
    """53: what can't be read of an exception is left out; the rest is told."""

    class Odd(ValueError):
        def __getattribute__(self, name: str) -> Any:
            if name == "__notes__":
                raise OSError("no notes")
            return super().__getattribute__(name)

    exc = Odd("odd")
    exc.__cause__ = KeyError("cause")
    assert error_document.sequel(exc) == ["Caused by KeyError: 'cause'\n"]
