"""Modules of the standard library that are loaded late."""

import sys
from pathlib import Path

import pytest

from amazon_lambda_runtime.core.stdlib import load


def test_users_file_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """14: the library's module is found behind a file of the same name, and the path is as ever."""
    tmp_path.joinpath("colorsys.py").write_text("raise AssertionError\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    before = list(sys.path)
    assert load("colorsys").hls_to_rgb(0, 0, 0) == (0, 0, 0)
    assert load("colorsys") is sys.modules["colorsys"]
    assert sys.path == before
