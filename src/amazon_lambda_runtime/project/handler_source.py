"""What a handler's source says of partial failures.

Rule: where the source leaves a doubt, the answer is None.
"""

import ast
from pathlib import Path

from .code import STEPS, Code, Module

_RUNTIMES = {
    "amazon_lambda_runtime.events.EventRuntime",
    "amazon_lambda_runtime.events.runtime.EventRuntime",
}
_OPTION = "partial_failures"


def partial_failures(handler: str, task_root: Path) -> bool | None:
    """Return the `partial_failures` of the EventRuntime that a handler string names.

    None if it is another kind of handler, or if the code leaves a doubt. The code is searched for
    in `task_root`, and is not run.
    """
    code = Code(task_root)
    found = code.find(handler)
    # What is left is a name, or a class and its method.
    if found is None or len(found[1]) > 2:
        return None
    return _Told(code).by(*found)


class _Told:
    """Answers for the expressions of modules."""

    def __init__(self, code: Code) -> None:
        self._code = code

    def by(self, module: Module, names: list[str]) -> bool | None:
        """Return what the class or instance says that `names` lead to in a module."""
        name = names[0]
        node = ast.Name(id=name) if name in module.names else self._only_class(module)
        return self._of_value(module, node, STEPS) if node is not None else None

    def _only_class(self, module: Module) -> ast.AST | None:
        """Return the module's own EventRuntime, which a method's name stands for."""
        found = [node for node in module.classes if self._is_runtime(module, node, STEPS)]
        return found[0] if len(found) == 1 and not module.has_unknown_names else None

    def _of_value(self, module: Module, node: ast.AST | None, steps: int) -> bool | None:
        """Return what an expression says that is a class, an instance or its handler."""
        if steps == 0:
            return None
        if isinstance(node, ast.Call):
            return self._of_call(module, node, steps)
        if isinstance(node, ast.Attribute) and node.attr == "handler":
            return self._of_value(module, node.value, steps - 1)
        if isinstance(node, ast.ClassDef):
            return self._of_class(module, node, steps)
        if module.imported(node) in _RUNTIMES:
            return False
        found = self._code.follow(module, node)
        return self._of_value(*found, steps - 1) if found is not None else None

    def _of_call(self, module: Module, node: ast.Call, steps: int) -> bool | None:
        # The keyword is the option only if what is called is known to be a runtime.
        of_class = self._of_value(module, node.func, steps - 1)
        names = {keyword.arg: keyword.value for keyword in node.keywords}
        if of_class is None or None in names:  # **options may say anything
            return None
        return _literal(names[_OPTION]) if _OPTION in names else of_class

    def _of_class(self, module: Module, node: ast.ClassDef, steps: int) -> bool | None:
        said = _said_in(node)
        if said is not None and self._is_runtime(module, node, steps):
            return _literal(said)
        # Python's own order of bases is finer; this one holds for a single chain of runtimes.
        for base in node.bases:
            if self._is_a_runtime(module, base, steps - 1):
                return self._of_value(module, base, steps - 1)
        return None

    def _is_runtime(self, module: Module, node: ast.ClassDef, steps: int) -> bool:
        return any(self._is_a_runtime(module, base, steps - 1) for base in node.bases)

    def _is_a_runtime(self, module: Module, node: ast.AST | None, steps: int) -> bool:
        if steps <= 0 or node is None:
            return False
        if isinstance(node, ast.ClassDef):
            return self._is_runtime(module, node, steps)
        if module.imported(node) in _RUNTIMES:
            return True
        found = self._code.follow(module, node)
        return found is not None and self._is_a_runtime(*found, steps - 1)


def _said_in(node: ast.ClassDef) -> ast.AST | None:
    """Return what a class's own body has `partial_failures` be, None if it says nothing.

    It may be an attribute of the class, or what its constructor sets or hands on; if it is said
    more than once, it is not plain.
    """
    said: list[ast.AST] = []
    for inner in ast.walk(node):
        match inner:
            case ast.keyword(arg=name, value=value) if name == _OPTION:
                said.append(value)
            case ast.Assign(targets=targets, value=value):
                said += [value for target in targets if _is_option(target)]
            case ast.AnnAssign(target=target, value=ast.expr() as value) if _is_option(target):
                said.append(value)
    return said[0] if len(said) == 1 else ast.Constant(None) if said else None


def _is_option(target: ast.AST) -> bool:
    name = target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", "")
    return name == _OPTION


def _literal(node: ast.AST) -> bool | None:
    value = node.value if isinstance(node, ast.Constant) else None
    return value if isinstance(value, bool) else None
