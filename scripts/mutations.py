"""The mutants of a file: its source with one token changed.

A comparison, `and` and `or`, `+` and `-` become their neighbours; `not` goes; a number is one more,
a text or bytes one letter longer, True is False; a `return` returns None. What people read
(docstrings, the texts of errors and of log lines) and what only a type checker reads stay.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

SWAPS = {
    ast.Eq: ("==", "!="), ast.NotEq: ("!=", "=="), ast.Lt: ("<", "<="), ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="), ast.GtE: (">=", ">"), ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"), ast.In: ("in", "not in"), ast.NotIn: ("not in", "in"),
    ast.And: ("and", "or"), ast.Or: ("or", "and"), ast.Add: ("+", "-"), ast.Sub: ("-", "+"),
}  # fmt: skip
# What these are given is read by people; a test that held its every letter would only repeat it.
TALKERS = {"debug", "echo", "error", "exception", "fatal", "info", "log", "note", "option",
           "print", "secho", "warn", "warning"}  # fmt: skip
TYPES = {"NewType", "TypeVar", "TypedDict", "cast"}


def is_text(node: ast.expr) -> bool:
    """Tell whether this is a text or bytes: a minus beside it fails wherever it is reached."""
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)
    )


class Mutant(NamedTuple):
    file: Path
    line: int
    statement: range  # its lines, without those of its body
    at_import: bool
    start: int  # in bytes of the file
    end: int
    text: bytes  # instead of what is there

    def applied(self, source: bytes) -> bytes:
        return source[: self.start] + self.text + source[self.end :]

    def __str__(self) -> str:
        source = self.file.read_bytes()
        begin = source.rfind(b"\n", 0, self.start) + 1
        before = source[begin : self.end + source[self.end :].find(b"\n")]
        after = source[begin : self.start] + self.text + before[self.end - begin :]
        told = [" ".join(text.decode().split()) for text in (before, after)]
        return f"{self.file}:{self.line}: {told[0]}  ->  {told[1]}"


def mutants_of(file: Path) -> Iterator[Mutant]:
    """Yield each mutant of a file. Messages, docstrings and annotations have none."""
    source = file.read_bytes()
    starts = [0, *(match.end() for match in re.finditer(rb"\n", source))]

    def first(node: ast.expr) -> int:
        return starts[node.lineno - 1] + node.col_offset

    def last(node: ast.expr) -> int:
        return starts[(node.end_lineno or 0) - 1] + (node.end_col_offset or 0)

    def swapped(operator: ast.AST, left: ast.expr, right: ast.expr) -> list[tuple[int, int, str]]:
        before, after = SWAPS.get(type(operator), ("", ""))
        text = source[last(left) : first(right)].decode()
        found = re.search(re.escape(before).replace(r"\ ", r"\s+"), text)
        if not before or not found or (before == "+" and any(map(is_text, (left, right)))):
            return []
        return [(last(left) + found.start(), last(left) + found.end(), after)]

    def changes(node: ast.AST) -> list[tuple[int, int, str]]:
        match node:
            case ast.Compare():
                sides = [node.left, *node.comparators]
                each = zip(node.ops, sides, sides[1:], strict=False)
                return [change for three in each for change in swapped(*three)]
            case ast.BoolOp():
                pairs = zip(node.values, node.values[1:], strict=False)
                return [change for pair in pairs for change in swapped(node.op, *pair)]
            case ast.BinOp():
                return swapped(node.op, node.left, node.right)
            case ast.AugAssign():
                return swapped(node.op, node.target, node.value)
            case ast.UnaryOp(op=ast.Not()):
                return [(first(node), first(node) + 3, "")]
            case ast.Return(value=ast.expr() as value) if ast.unparse(value) != "None":
                return [(first(value), last(value), "None")]
            case ast.Constant(value=bool() as value):
                return [(first(node), last(node), str(not value))]
            case ast.Constant(value=int() | float() as value):
                return [(first(node), last(node), repr(value + 1))]
            case ast.Constant(value=str() as value):
                return [(first(node), last(node), repr(value + "X"))]
            case ast.Constant(value=bytes() as value):
                return [(first(node), last(node), repr(value + b"X"))]
        return []

    def walk(node: ast.AST, statement: range, in_function: bool) -> Iterator[Mutant]:
        match node:
            case ast.JoinedStr() | ast.Raise() | ast.Expr(value=ast.Constant()):
                return
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                return
            case ast.Subscript(value=ast.Name(id="Literal")):
                return
            case ast.Assign(targets=[ast.Name(id="__all__")]):
                return
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if (
                name in TALKERS | TYPES
            ):
                return
        if isinstance(node, ast.stmt):
            body = getattr(node, "body", None)
            end = body[0].lineno if body else (node.end_lineno or node.lineno) + 1
            statement = range(node.lineno, max(end, node.lineno + 1))
        for start, end, text in changes(node):
            line = source.count(b"\n", 0, start) + 1
            yield Mutant(file, line, statement, not in_function, start, end, text.encode())
        inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for name, value in ast.iter_fields(node):
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST) and name not in ("annotation", "returns"):
                    yield from walk(child, statement, in_function or (inside and name == "body"))

    yield from walk(ast.parse(source), range(0), False)
