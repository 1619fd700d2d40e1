"""Every text that a user can see, one a line: `python -m scripts.messages > messages.txt`.

For proofreading: who knows only this list says for each message what to do next. Read from the
source without running it: errors, help, log lines, findings, plans, notes. A field of an f-string
is {its expression}. A text counts as seen if it has two words and is no docstring; the docstring
of a subcommand is its help.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path("src/amazon_lambda_runtime")
# What a call does with a text, by the last part of the name that is called.
CALLS = {
    "Finding": "finding", "Step": "plan", "Note": "note", "note": "note", "Option": "help",
    "option": "help", "argument": "help", "command": "help", "group": "help",
    "echo": "output", "secho": "output", "print": "output", "write": "output", "say": "log",
    "log": "log", "debug": "log", "info": "log", "warn": "log", "warning": "log", "error": "log",
    "exception": "log",
}  # fmt: skip
WORDS = re.compile(r"[A-Za-z{][^\s]*\s+\S*[A-Za-z{]")


def text_of(node: ast.expr) -> str | None:
    """Return the text that an expression spells out; None if it is none."""
    match node:
        case ast.Constant(value=str() as text):
            return text
        case ast.JoinedStr(values=values):
            return "".join(
                f"{{{ast.unparse(part.value)}}}"
                if isinstance(part, ast.FormattedValue)
                else text_of(part) or ""
                for part in values
            )
        case ast.BinOp(op=ast.Add(), left=left, right=right):
            texts = text_of(left), text_of(right)
            if any(texts):
                return "".join(
                    text if text is not None else f"{{{ast.unparse(side)}}}"
                    for text, side in zip(texts, (left, right), strict=True)
                )
    return None


def is_command(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Tell whether click makes a subcommand of this function."""
    return any(
        re.search(r"\b(command|group)\(", ast.unparse(decorator))
        for decorator in node.decorator_list
    )


def messages(tree: ast.Module) -> Iterator[tuple[int, str, str]]:
    """Yield the line, the kind and the text of each message."""

    def walk(node: ast.AST, kind: str) -> Iterator[tuple[int, str, str]]:
        match node:
            case ast.Raise():
                kind = "error"
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
                # What is raised stays an error, whatever makes its text.
                kind = kind if kind == "error" else CALLS.get(name, kind)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                doc = ast.get_docstring(node)
                if doc and is_command(node):
                    yield node.lineno, "help", doc
            case ast.Expr(value=ast.Constant()):
                return
        if isinstance(node, ast.expr):
            text = text_of(node)
            if text is not None:
                if WORDS.search(text):
                    yield node.lineno, kind, text
                return
        for name, value in ast.iter_fields(node):
            if name in ("annotation", "returns"):
                continue
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from walk(child, kind)

    yield from walk(tree, "text")


def main() -> None:
    for file in sorted(PACKAGE.rglob("*.py")):
        if "templates" not in file.parts:
            for line, kind, text in messages(ast.parse(file.read_text())):
                print(f"{file.relative_to(PACKAGE)}:{line} [{kind}] {' '.join(text.split())}")


if __name__ == "__main__":
    main()
