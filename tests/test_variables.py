"""The page of environment variables has each that is read, and no other."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src/amazon_lambda_runtime"
PAGE = ROOT / "docs/reference/variables.md"
# What looks like a variable in a module that reads some, and is none.
OTHERS = {
    "AFTER_SEQUENCE_NUMBER",
    "DYNAMODB",
    "DYNAMODB_STREAMS",
    "EVENTBRIDGE",
    "INDEX",
    "JSON",
    "KINESIS",
    "LATEST",
    "SNS",
    "SQS",
    "TRACE",
    "TRIM_HORIZON",
}


def names(file: Path) -> Iterator[str]:
    """Give all that may be a variable in a module that looks into the environment, however it
    does that: what is between the quotes is always there."""
    text = file.read_text()
    if not re.search(r"\bos\.environ\b|^from os import .*\benviron\b|getenv", text, re.M):
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
            value = node.value if isinstance(node.value, str) else node.value.decode("latin-1")
            if re.fullmatch(r"_?[A-Z][A-Z0-9]*(_[A-Z0-9]+)*", value) and len(value) > 2:
                yield value


def test_page_has_each_variable() -> None:
    """One that is read and not on the page is missed, and one on the page that nobody reads is
    a promise that nobody keeps."""
    found = {name for file in SOURCE.rglob("*.py") for name in names(file)}
    cells = re.findall(r"^\| (`[^|]*`) \|", PAGE.read_text(), re.M)
    shown = {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}
    assert shown == found - OTHERS
    assert found >= OTHERS


def test_a_read_in_any_form_is_found(tmp_path: Path) -> None:
    """By name, by a constant, in a set, as bytes."""
    file = tmp_path / "module.py"
    file.write_text(
        'from os import environ\nA = "FIRST_NAME"\nenviron.get(A)\n{"SECOND"} & set(environ)\n'
        'environ._data.get(b"THIRD_NAME")\n"NOT-ONE"\n'
    )
    assert {*names(file)} == {"FIRST_NAME", "SECOND", "THIRD_NAME"}
    file.write_text('def f(environ):\n    return environ["PATH_INFO"]\n')
    assert [*names(file)] == []
