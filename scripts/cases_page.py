"""Write docs/proof/behaviour.md, or print it with --print: each numbered case, and its tests.

python scripts/cases_page.py
"""

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/proof/behaviour.md"
BEHAVIOUR = ROOT / "docs/reference/behaviour.md"
DIFFERENCES = ROOT / "docs/reference/local-differences.md"
# Its numbers are those of the differences.
PARITY = ROOT / "tests/local/api/test_parity.py"
HEAD = """\
# The cases and their tests

Each numbered case of [how it behaves](../reference/behaviour.md), with the tests that show it:
their docstrings begin with the number. `make test ARGS="-k NAME"` runs one, or `make test-slow` if
it takes more than a few seconds. Paths are below `tests/`. This page is generated from both by
`python scripts/cases_page.py`.
"""
LOCAL = """
## What differs from AWS's own emulator

The numbers of [the differences](../reference/local-differences.md).
"""

# Of each number the tests that show it: their file and their name.
Shown = Mapping[int, list[tuple[str, str]]]


def page() -> str:
    """Return the page's text."""
    files = sorted({*ROOT.glob("tests/**/test_*.py")} - {PARITY})
    lines = [HEAD, *_rows(BEHAVIOUR, shown(files)), LOCAL, *_rows(DIFFERENCES, shown([PARITY]))]
    return "\n".join(lines) + "\n"


def shown(files: Iterable[Path]) -> Shown:
    """Return what the docstrings of the tests in these files claim."""
    found: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for file in files:
        path = str(file.relative_to(ROOT / "tests"))
        for test in _tests(ast.parse(file.read_text())):
            for number in numbers(ast.get_docstring(test) or ""):
                found[number].append((path, test.name))
    return found


def _tests(module: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in module.body:
        for test in node.body if isinstance(node, ast.ClassDef) else [node]:
            if isinstance(test, ast.FunctionDef | ast.AsyncFunctionDef):
                yield test


def numbers(docstring: str) -> list[int]:
    """Return the numbers that a docstring begins with, as in "12, 40-43: what it shows"."""
    found: list[int] = []
    if claim := re.match(r"([\d, -]+): ", docstring):
        for part in claim[1].split(","):
            first, _, last = part.strip().partition("-")
            found += range(int(first), int(last or first) + 1)
    return found


def cases(page: Path) -> Iterator[tuple[int, str]]:
    """Give the number and the text of each case of a page of numbered rows."""
    for number, text in re.findall(r"^\| (\d+) \| (.*?) \| ", page.read_text(), re.M):
        yield int(number), text


def _rows(page: Path, tests: Shown) -> Iterator[str]:
    yield "| | case | tests |"
    yield "|---|---|---|"
    for number, text in cases(page):
        files: dict[str, list[str]] = defaultdict(list)
        for path, name in tests[number]:
            files[path].append(f"`{name}`")
        cell = "; ".join(f"{path}: {', '.join(names)}" for path, names in files.items())
        yield f"| {number} | {text} | {cell} |"


if __name__ == "__main__":
    if sys.argv[1:] == ["--print"]:
        print(page(), end="")
    else:
        PAGE.write_text(page())
