"""Whether a handler string names a durable function, as far as its source tells. Nothing is run.

Rule: where the source leaves a doubt, the answer is False; the user can say what it is.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

# What makes a durable function, by the name that a module imports it under.
_MAKERS = {
    "amazon_lambda_runtime.durable.durable",
    "aws_durable_execution_sdk_python.durable_execution",
    "aws_durable_execution_sdk_python.execution.durable_execution",
}
# How far names are followed, from module to module and from class to base.
_STEPS = 20
_Function = ast.FunctionDef | ast.AsyncFunctionDef


def is_durable(handler: str, task_root: Path) -> bool:
    """Return whether the handler string names a function that is durable for sure.

    Its modules are searched for in `task_root`.
    """
    path, _, last = handler.rpartition(".")
    parts = path.replace("/", ".").split(".")
    for length in range(len(parts), 0, -1):
        module = _read(task_root, parts[:length])
        if module is not None:
            return module.is_durable([*parts[length:], last], _STEPS)
    return False


def _read(task_root: Path, name: list[str]) -> "_Module | None":
    """Return a module below the task root, None if there is none or it is not Python."""
    place = task_root.joinpath(*name)
    for file in (place.with_name(f"{place.name}.py"), place / "__init__.py"):
        try:
            tree = ast.parse(file.read_bytes())
        except (OSError, SyntaxError, ValueError, RecursionError):
            continue
        package = name if file.name == "__init__.py" else name[:-1]
        return _Module(task_root, package, tree)
    return None


class _Module:
    """What the names of a module's top level stand for."""

    def __init__(self, task_root: Path, package: list[str], tree: ast.Module) -> None:
        self._task_root = task_root
        self._defined: dict[str, ast.AST] = {}
        self._imported: dict[str, str] = {}
        for node in tree.body:
            match node:
                case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                    self._defined[node.name] = node
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    self._defined[name] = value
                case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                    self._defined[name] = value
                case ast.Import(names=aliases):
                    for alias in aliases:
                        self._imported[alias.asname or alias.name] = alias.name
                case ast.ImportFrom(module=module, level=level, names=aliases):
                    base = package[: len(package) - level + 1] if level else []
                    whole = ".".join([*base, *([module] if module else [])])
                    for alias in aliases:
                        self._imported[alias.asname or alias.name] = f"{whole}.{alias.name}"

    def is_durable(self, names: list[str], steps: int) -> bool:
        """Return whether `names` lead to a durable function: a name, or a class and a method."""
        name = names[0]
        if name in self._defined:
            return self._is_durable(self._defined[name], names[1:], steps)
        if name in self._imported:
            return self._is_durable(ast.Name(id=name), names[1:], steps)
        # The method of the one class that has it.
        return any(self._has_method(each, name, steps) for each in self._classes())

    def _is_durable(self, node: ast.AST, rest: list[str], steps: int) -> bool:
        if steps == 0:
            return False
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                return self._is_decorated(node)
            case ast.ClassDef():
                return self._has_method(node, rest[0] if rest else "handler", steps)
            case ast.Call(func=func):
                # A durable function that is made; or an instance, which is its class's handler.
                return self._makes(func) or self._is_durable(func, rest, steps - 1)
            case ast.Attribute(value=value, attr=attr) if not rest:
                return self._is_durable(value, [attr], steps - 1)
            case ast.Name(id=name) if name in self._defined:
                return self._is_durable(self._defined[name], rest, steps - 1)
            case ast.Name(id=name) if name in self._imported:
                parts = self._imported[name].split(".")
                other = _read(self._task_root, parts[:-1])
                return other is not None and other.is_durable([parts[-1], *rest], steps - 1)
        return False

    def _classes(self) -> Iterator[ast.ClassDef]:
        for node in self._defined.values():
            if isinstance(node, ast.ClassDef):
                yield node

    def _has_method(self, node: ast.AST | None, name: str, steps: int) -> bool:
        """Return whether a class has a durable method of this name, itself or by its bases."""
        if steps == 0 or not isinstance(node, ast.ClassDef):
            return False
        for inner in ast.walk(node):
            # self.handler = durable_execution(self.flow), in a method
            match inner:
                case ast.Assign(targets=[ast.Attribute(attr=attr)], value=ast.Call(func=func)):
                    if attr == name and self._makes(func):
                        return True
        for inner in node.body:
            match inner:
                case ast.FunctionDef() | ast.AsyncFunctionDef() if inner.name == name:
                    return self._is_decorated(inner)
                case ast.Assign(targets=[ast.Name(id=own)], value=value) if own == name:
                    return isinstance(value, ast.Call) and self._makes(value.func)
        return any(self._inherits(base, name, steps) for base in node.bases)

    def _inherits(self, base: ast.AST, name: str, steps: int) -> bool:
        if isinstance(base, ast.Name) and base.id in self._defined:
            return self._has_method(self._defined[base.id], name, steps - 1)
        return isinstance(base, ast.Name) and self._is_durable(base, [name], steps - 1)

    def _is_decorated(self, node: _Function) -> bool:
        return any(
            self._makes(each.func if isinstance(each, ast.Call) else each)
            for each in node.decorator_list
        )

    def _makes(self, node: ast.AST) -> bool:
        """Return whether an expression is what makes a durable function."""
        if isinstance(node, ast.Call):  # durable_execution(plugins=…)(flow)
            return self._makes(node.func)
        text = ast.unparse(node)
        parts = text.split(".")
        for length in range(len(parts), 0, -1):
            first = ".".join(parts[:length])
            if first in self._imported:
                return ".".join([self._imported[first], *parts[length:]]) in _MAKERS
        return False
