"""Whether a handler string names a durable function, as far as its source tells.

Rule: where the source leaves a doubt, the answer is False; the user can say what it is.
"""

import ast
from pathlib import Path

from .code import STEPS, AnyFunction, Code, Module, top_level

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
    return _Durable(Code(task_root)).names(handler)


def no_plain_function(handler: str, task_root: Path) -> bool:
    """Return whether what is decorated is a coroutine function or a generator for sure."""
    durable = _Durable(Code(task_root))
    if not durable.names(handler) or durable.decorated is None:
        return False
    return isinstance(durable.decorated, ast.AsyncFunctionDef) or any(
        isinstance(node, ast.Yield | ast.YieldFrom) for node in top_level(durable.decorated.body)
    )


class _Durable:
    """Answers for the expressions of modules."""

    def __init__(self, code: Code) -> None:
        self._code = code
        #: The function that was found to be durable, if it is one with a decorator.
        self.decorated: AnyFunction | None = None

    def names(self, handler: str) -> bool:
        """Return whether a handler string names a durable function."""
        found = self._code.find(handler)
        if found is None:
            return False
        module, names = found
        if names[0] in module.names:
            return self.is_durable(module, ast.Name(id=names[0]), names[1:], STEPS)
        # The method of the one class that has it.
        return not module.has_unknown_names and any(
            self.has_method(module, each, names[0], STEPS) for each in module.classes
        )

    def is_durable(self, module: Module, node: ast.AST | None, rest: list[str], steps: int) -> bool:
        """Return whether an expression, or what `rest` names of it, is a durable function."""
        if steps == 0:
            return False
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                return self._is_decorated(module, node)
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
                    return self._is_decorated(module, inner)
                case ast.Assign(targets=[ast.Name(id=own)], value=value) if own == name:
                    return isinstance(value, ast.Call) and _makes(module, value.func)
        return any(self.is_durable(module, base, [name], steps - 1) for base in node.bases)

    def _is_decorated(self, module: Module, node: AnyFunction) -> bool:
        made = any(
            _makes(module, each.func if isinstance(each, ast.Call) else each)
            for each in node.decorator_list
        )
        self.decorated = node if made else None
        return made


def _makes(module: Module, node: ast.AST) -> bool:
    """Return whether an expression is what makes a durable function."""
    if isinstance(node, ast.Call):  # durable_execution(plugins=…)(flow)
        return _makes(module, node.func)
    return module.imported(node) in _MAKERS
