"""Whether a handler string names a web application, as far as its source tells. Nothing is run.

Rule: where the source leaves a doubt, the answer is None.
"""

import ast
from pathlib import Path

#: The variable by which a web application is told which front doors stream its responses.
WEB_STREAM = "LAMBDA_RUNTIME_WEB_STREAM"

_WEB = "amazon_lambda_runtime.web.Web"
# What makes an application, by the name that a module imports it under.
_MAKERS = {
    "django.core.asgi.get_asgi_application",
    "django.core.wsgi.get_wsgi_application",
    "falcon.App",
    "falcon.asgi.App",
    "fastapi.FastAPI",
    "flask.Flask",
    "litestar.Litestar",
    "quart.Quart",
    "starlette.applications.Starlette",
}
_ASGI, _WSGI = ["scope", "receive", "send"], "start_resp"
# How far names are followed inside of a module.
_STEPS = 20


def is_web(handler: str, task_root: Path) -> bool | None:
    """Return whether the handler string names an application; None if the code leaves a doubt.

    The module is searched for in `task_root`.
    """
    path, _, name = handler.removesuffix("()").rpartition(".")
    place = task_root.joinpath(*path.replace("/", ".").split("."))
    for file in (place.with_name(f"{place.name}.py"), place / "__init__.py"):
        try:
            tree = ast.parse(file.read_bytes())
        except (OSError, SyntaxError, ValueError, RecursionError):
            continue
        # What a factory returns is told by no name.
        return None if handler.endswith("()") else _Names(tree).is_web(name)
    return None


def applications_in(file: Path) -> list[str]:
    """Return the names of a module's top level that are applications for sure.

    Without those that others of them serve, where a module has a Web of its own.
    """
    try:
        names = _Names(ast.parse(file.read_bytes()))
    except (OSError, SyntaxError, ValueError, RecursionError):
        return []
    found = [name for name in names.defined if names.is_web(name)]
    served = [name for name in found if names.is_made_by_web(name)]
    return served + names.classes(found) if served else found


class _Names:
    """What the names of a module's top level stand for; one that it gives twice stands for None."""

    def __init__(self, tree: ast.Module) -> None:
        self.defined: dict[str, ast.AST | None] = {}
        self._imported: dict[str, str] = {}
        for node in tree.body:
            match node:
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                    self._define(name, node)
                case ast.ClassDef(name=name):
                    self._define(name, node)
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    self._define(name, value)
                case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                    self._define(name, value)
                case ast.Import(names=aliases):
                    for alias in aliases:
                        self._imported[alias.asname or alias.name] = alias.name
                case ast.ImportFrom(module=str(module), level=0, names=aliases):
                    for alias in aliases:
                        self._imported[alias.asname or alias.name] = f"{module}.{alias.name}"

    def is_web(self, name: str) -> bool | None:
        """Return whether a name stands for an application, None if that can't be told."""
        return self._told(self.defined.get(name), _STEPS)

    def is_made_by_web(self, name: str) -> bool:
        """Say whether a name stands for an instance of Web, or of a class of it."""
        node = self.defined[name]
        return isinstance(node, ast.Call) and self._is_site(node.func, _STEPS)

    def classes(self, names: list[str]) -> list[str]:
        """Return which of these names stand for classes."""
        return [name for name in names if isinstance(self.defined[name], ast.ClassDef)]

    def _define(self, name: str, node: ast.AST) -> None:
        self.defined[name] = None if name in self.defined else node

    def _told(self, node: ast.AST | None, steps: int) -> bool | None:
        if steps == 0:
            return None
        match node:
            case ast.FunctionDef(args=args) | ast.AsyncFunctionDef(args=args):
                return None if node.decorator_list else _is_application(args)
            case ast.Call(func=func):
                made = self._whole(func)
                return True if made in _MAKERS or self._is_site(func, steps) else None
            case ast.ClassDef(bases=bases):
                return True if any(self._is_site(base, steps - 1) for base in bases) else None
            case ast.Name(id=name):
                return self._told(self.defined.get(name), steps - 1)
        return None

    def _is_site(self, node: ast.AST, steps: int) -> bool:
        """Say whether an expression is Web, or a class of it."""
        if steps <= 0:
            return False
        if self._whole(node) == _WEB:
            return True
        found = self.defined.get(node.id) if isinstance(node, ast.Name) else None
        return isinstance(found, ast.ClassDef) and any(
            self._is_site(base, steps - 1) for base in found.bases
        )

    def _whole(self, node: ast.AST) -> str:
        """Return the whole name of what an expression names that was imported, or ""."""
        text = ast.unparse(node)
        for length in range(text.count(".") + 1, 0, -1):
            parts = text.split(".")
            first = ".".join(parts[:length])
            if first in self._imported and first not in self.defined:
                return ".".join([self._imported[first], *parts[length:]])
        return ""


def _is_application(args: ast.arguments) -> bool:
    names = [each.arg.lower().lstrip("_") for each in (*args.posonlyargs, *args.args)]
    return names == _ASGI or (len(names) == 2 and names[1].startswith(_WSGI))
