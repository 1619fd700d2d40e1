"""Whether a handler string names a web application, as far as its source tells.

Rule: where the source leaves a doubt, the answer is None.
"""

import ast
from pathlib import Path

from .code import STEPS, Code, Module, parse

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


def is_web(handler: str, task_root: Path) -> bool | None:
    """Return whether the handler string names an application; None if the code leaves a doubt.

    Its modules are searched for in `task_root`.
    """
    code = Code(task_root)
    found = code.find(handler.removesuffix("()"))
    # What a factory returns is told by no name.
    if found is None or handler.endswith("()"):
        return None
    module, names = found
    # An attribute of a class or of an instance leaves a doubt.
    return _Web(code).told(module, ast.Name(id=names[0]), STEPS) if len(names) == 1 else None


def applications_in(file: Path) -> list[str]:
    """Return the names of a module's top level that are its own applications for sure.

    Without those that others of them serve, where a module has a Web of its own.
    """
    tree = parse(file)
    if tree is None:
        return []
    module, web = Module([], tree), _Web(Code(file.parent))
    found = {
        name: node
        for name, node in module.names.items()
        if isinstance(node, ast.AST) and web.told(module, node, STEPS)
    }
    served = [
        name
        for name, node in found.items()
        if isinstance(node, ast.Call) and web.is_class(module, node.func, STEPS)
    ]
    classes = [name for name, node in found.items() if isinstance(node, ast.ClassDef)]
    return served + classes if served else list(found)


class _Web:
    """Answers for the expressions of modules."""

    def __init__(self, code: Code) -> None:
        self._code = code

    def told(self, module: Module, node: ast.AST | None, steps: int) -> bool | None:
        """Return whether an expression is an application, None if that can't be told."""
        if steps == 0:
            return None
        match node:
            case ast.FunctionDef(args=args) | ast.AsyncFunctionDef(args=args):
                return None if node.decorator_list else _is_application(args)
            case ast.Call(func=func):
                is_made = module.imported(func) in _MAKERS or self.is_class(module, func, steps)
                return True if is_made else None
            case ast.ClassDef():
                return True if self.is_class(module, node, steps) else None
        found = self._code.follow(module, node)
        return self.told(*found, steps - 1) if found is not None else None

    def is_class(self, module: Module, node: ast.AST | None, steps: int) -> bool:
        """Return whether an expression is Web, or a class of it."""
        if steps <= 0:
            return False
        if isinstance(node, ast.ClassDef):
            return any(self.is_class(module, base, steps - 1) for base in node.bases)
        if module.imported(node) == _WEB:
            return True
        found = self._code.follow(module, node)
        return found is not None and self.is_class(*found, steps - 1)


def _is_application(args: ast.arguments) -> bool:
    names = [each.arg.lower().lstrip("_") for each in (*args.posonlyargs, *args.args)]
    return names == _ASGI or (len(names) == 2 and names[1].startswith(_WSGI))
