"""The modules of a function as their source gives them. Nothing is run.

A tool cannot always import the code: its libraries are in the image, its module may open a
connection. What is asked of the source is asked in `handler_source`, `web_source` and
`durable_source`. Rule: a name stands for what Python would have it be after the module's last line,
and for None where a condition decides that.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

#: How many steps a question follows names, from module to module and from class to base.
STEPS = 20

AnyFunction = ast.FunctionDef | ast.AsyncFunctionDef


class Import(NamedTuple):
    """What was imported: a module, or a name of a module, which may be a module too."""

    module: list[str]
    name: str | None = None

    def dotted(self, rest: list[str]) -> list[str]:
        """Return the whole name of an attribute below it."""
        return [*self.module, *([self.name] if self.name else []), *rest]


class Module:
    """What the names of a module's top level stand for."""

    def __init__(self, package: list[str], tree: ast.Module) -> None:
        self.package = package
        self.names: dict[str, ast.AST | Import | None] = {}
        for statement in tree.body:
            self._read(statement)

    @property
    def classes(self) -> list[ast.ClassDef]:
        """The module's own classes."""
        return [node for node in self.names.values() if isinstance(node, ast.ClassDef)]

    @property
    def has_unknown_names(self) -> bool:
        """Whether it has names that another module gives: `from other import *`."""
        return "*" in self.names

    def imported(self, node: ast.AST | None) -> str:
        """Return the whole name of what an expression names that was imported, or ""."""
        dotted = dotted_name(node)
        found = self.names.get(dotted[0]) if dotted else None
        return ".".join(found.dotted(dotted[1:])) if isinstance(found, Import) else ""

    def _read(self, statement: ast.stmt) -> None:
        match statement:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                self.names[name] = statement
            case ast.AsyncFunctionDef(name=name):
                self.names[name] = statement
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                self.names[name] = value
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                self.names[name] = value
            case ast.Import(names=aliases):
                for alias in aliases:
                    # `import a.b` gives the name a.
                    whole = alias.name.split(".")
                    self.names[alias.asname or whole[0]] = Import(
                        whole if alias.asname else whole[:1]
                    )
            case ast.ImportFrom(names=aliases):
                for alias in aliases:
                    self.names[alias.asname or alias.name] = self._import(statement, alias)
            case ast.If(test=test) if ast.unparse(test) == "__name__ == '__main__'":
                pass  # a handler's module is imported
            case _:
                for name in bound_names(statement):
                    self.names[name] = None

    def _import(self, statement: ast.ImportFrom, alias: ast.alias) -> Import:
        level = statement.level
        base = self.package[: len(self.package) - level + 1] if level else []
        return Import(
            [*base, *(statement.module or "").split(".")] if statement.module else base, alias.name
        )


class Code:
    """The modules below a task root."""

    def __init__(self, task_root: Path) -> None:
        self._task_root = task_root

    def find(self, handler: str) -> tuple[Module, list[str]] | None:
        """Return the module of a handler string, and the rest of its names.

        The module is the longest prefix that is one. None if there is none.
        """
        path, _, last = handler.rpartition(".")
        parts = path.replace("/", ".").split(".")
        for length in range(len(parts), 0, -1):
            module = self.module(parts[:length])
            if module is not None:
                return module, [*parts[length:], last]
        return None

    def module(self, name: list[str]) -> Module | None:
        """Return the module of this name, None if there is none or it is not Python."""
        if not all(name):
            return None
        place = self._task_root.joinpath(*name)
        tree = parse(place / "__init__.py")
        if tree is not None:
            return Module(name, tree)
        tree = parse(place.with_name(f"{place.name}.py")) if name else None
        return Module(name[:-1], tree) if tree is not None else None

    def follow(self, module: Module, node: ast.AST | None) -> tuple[Module, ast.AST | None] | None:
        """Return where a name leads, one step on: a module, and an expression in it.

        None for an expression that is no name, and for a name that leads to no module of the
        function's.
        """
        dotted = dotted_name(node)
        found = module.names.get(dotted[0]) if dotted else None
        if not isinstance(found, Import):
            return (module, found) if found is not None and len(dotted) == 1 else None
        *path, last = found.dotted(dotted[1:])
        other = self.module(path)
        return (other, ast.Name(id=last, ctx=ast.Load())) if other is not None else None


def parse(file: Path) -> ast.Module | None:
    """Return the tree of a file, None if it can't be read or is not Python."""
    try:
        return ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def dotted_name(node: ast.AST | None) -> list[str]:
    """Return the names of `a.b.c`, [] for another expression."""
    if isinstance(node, ast.Name):
        return [node.id]
    if isinstance(node, ast.Attribute):
        before = dotted_name(node.value)
        return [*before, node.attr] if before else []
    return []


def top_level(statements: list[ast.stmt]) -> Iterator[ast.AST]:
    """Yield the nodes of statements that are not inside a function or a class."""
    todo: list[ast.AST] = list(statements)
    while todo:
        node = todo.pop()
        yield node
        if not isinstance(node, AnyFunction | ast.ClassDef | ast.Lambda):
            todo += ast.iter_child_nodes(node)


def bound_names(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement may give a value."""
    for node in top_level([statement]):
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                yield name
            case ast.AsyncFunctionDef(name=name):
                yield name
            case ast.Name(id=name, ctx=ast.Store()):
                yield name
            case ast.alias(name=name, asname=asname):
                yield asname or name.partition(".")[0]
