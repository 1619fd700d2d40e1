"""Whether a handler string names a durable function, as far as its source tells.

Rule: where the source leaves a doubt, the answer is False; the user can say what it is.
"""

import ast
from pathlib import Path

from .code import STEPS, AnyFunction, Code, Module

# What makes a durable function, by the name that a module imports it under.
_MAKERS = {
    "amazon_lambda_runtime.durable.durable",
    "aws_durable_execution_sdk_python.durable_execution",
    "aws_durable_execution_sdk_python.execution.durable_execution",
}


def is_durable(handler: str, task_root: Path) -> bool:
    """Return whether the handler string names a function that is durable for sure.

    Its modules are searched for in `task_root`.
    """
    code = Code(task_root)
    found = code.find(handler)
    if found is None:
        return False
    module, names = found
    if names[0] in module.names:
        return _Durable(code).is_durable(module, ast.Name(id=names[0]), names[1:], STEPS)
    # The method of the one class that has it.
    durable = _Durable(code)
    return not module.has_unknown_names and any(
        durable.has_method(module, each, names[0], STEPS) for each in module.classes
    )


class _Durable:
    """Answers for the expressions of modules."""

    def __init__(self, code: Code) -> None:
        self._code = code

    def is_durable(self, module: Module, node: ast.AST | None, rest: list[str], steps: int) -> bool:
        """Return whether an expression, or what `rest` names of it, is a durable function."""
        if steps == 0:
            return False
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                return _is_decorated(module, node)
            case ast.ClassDef():
                return self.has_method(module, node, rest[0] if rest else "handler", steps)
            case ast.Call(func=func):
                # A durable function that is made; or an instance, which is its class's handler.
                return _makes(module, func) or self.is_durable(module, func, rest, steps - 1)
        found = self._code.follow(module, node)
        if found is not None:
            return self.is_durable(*found, rest, steps - 1)
        if isinstance(node, ast.Attribute) and not rest:
            return self.is_durable(module, node.value, [node.attr], steps - 1)
        return False

    def has_method(self, module: Module, node: ast.ClassDef, name: str, steps: int) -> bool:
        """Return whether a class has a durable method of this name, itself or by its bases."""
        for inner in ast.walk(node):
            # self.handler = durable_execution(self.flow), in a method
            match inner:
                case ast.Assign(targets=[ast.Attribute(attr=attr)], value=ast.Call(func=func)):
                    if attr == name and _makes(module, func):
                        return True
        for inner in node.body:
            match inner:
                case ast.FunctionDef() | ast.AsyncFunctionDef() if inner.name == name:
                    return _is_decorated(module, inner)
                case ast.Assign(targets=[ast.Name(id=own)], value=value) if own == name:
                    return isinstance(value, ast.Call) and _makes(module, value.func)
        return any(self.is_durable(module, base, [name], steps - 1) for base in node.bases)


def _is_decorated(module: Module, node: AnyFunction) -> bool:
    return any(
        _makes(module, each.func if isinstance(each, ast.Call) else each)
        for each in node.decorator_list
    )


def _makes(module: Module, node: ast.AST) -> bool:
    """Return whether an expression is what makes a durable function."""
    if isinstance(node, ast.Call):  # durable_execution(plugins=…)(flow)
        return _makes(module, node.func)
    return module.imported(node) in _MAKERS
