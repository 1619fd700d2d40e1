"""What a handler's source says of it, without running it.

A tool cannot always import the code: its libraries are in the image, its module may open a
connection. Rule: where the source leaves a doubt, the answer is None.
"""

import ast
from pathlib import Path

_EVENTS = "amazon_lambda_runtime.events"
_RUNTIME = "EventRuntime"
_OPTION = "partial_failures"
# How far names are followed from module to module, and classes to their bases.
_STEPS = 20


def partial_failures(handler: str, task_root: Path) -> bool | None:
    """Return the `partial_failures` of the EventRuntime that a handler string names.

    None if it is another kind of handler, or if the code leaves a doubt. The code is searched for
    in `task_root`, and is not run.
    """
    path, _, last = handler.rpartition(".")
    parts = path.replace("/", ".").split(".")
    code = _Code(task_root)
    # The longest prefix that is a module; the rest of the path is a class in it.
    for length in range(len(parts), 0, -1):
        module = code.module(parts[:length])
        if module is not None:
            names = [*parts[length:], last]
            return code.told_by(module, names) if len(names) <= 2 else None
    return None


class _Module:
    """A module's names as its top level gives them; None for one that it gives more than once."""

    def __init__(self, name: list[str], tree: ast.Module, is_package: bool) -> None:
        self.package = name if is_package else name[:-1]
        self.names: dict[str, ast.AST | None] = {}
        #: The modules and names that were imported: `a.b` and `name`, or None for a module.
        self.imports: dict[str, tuple[list[str], str | None]] = {}
        for statement in tree.body:
            self._read(statement)

    def _read(self, statement: ast.stmt) -> None:
        match statement:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                self._define(name, statement)
            case ast.AsyncFunctionDef(name=name):
                self._define(name, statement)
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                self._define(name, value)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                self._define(name, value)
            case ast.Import(names=aliases):
                for alias in aliases:
                    self._import(alias)
            case ast.ImportFrom(names=aliases):
                for alias in aliases:
                    self._import_from(statement, alias)
            case _:
                self._doubt(statement)

    def _import(self, alias: ast.alias) -> None:
        # `import a.b` gives the name a.
        whole = alias.name.split(".")
        self.imports[alias.asname or whole[0]] = (whole if alias.asname else whole[:1]), None

    def _import_from(self, statement: ast.ImportFrom, alias: ast.alias) -> None:
        level, module = statement.level, statement.module
        base = self.package[: len(self.package) - level + 1] if level else []
        whole = [*base, *(module.split(".") if module else [])]
        self.imports[alias.asname or alias.name] = whole, alias.name

    def _doubt(self, statement: ast.stmt) -> None:
        """Take no name of a compound statement for sure: its condition may not hold."""
        for node in ast.walk(statement):
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                self.names[node.name] = None
            elif isinstance(node, ast.alias):
                self.names[(node.asname or node.name).partition(".")[0]] = None
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                self.names[node.id] = None

    def _define(self, name: str, node: ast.AST) -> None:
        self.names[name] = None if name in self.names else node


class _Code:
    """The modules below a task root."""

    def __init__(self, task_root: Path) -> None:
        self._task_root = task_root

    def module(self, name: list[str]) -> _Module | None:
        """Return the module of this name, None if there is none or it is not Python."""
        place = self._task_root.joinpath(*name)
        for file in (place / "__init__.py", place.with_name(place.name + ".py")):
            try:
                tree = ast.parse(file.read_bytes())
            except (OSError, SyntaxError, ValueError):
                continue
            return _Module(name, tree, file.name == "__init__.py")
        return None

    def told_by(self, module: _Module, names: list[str]) -> bool | None:
        """Return what the class or instance says that `names` lead to in a module."""
        name = names[0]
        if name in module.names or name in module.imports:
            node: ast.AST | None = ast.Name(id=name, ctx=ast.Load())
        else:
            node = self._only_class(module)
        return self._of_value(module, node, _STEPS) if node is not None else None

    def _only_class(self, module: _Module) -> ast.AST | None:
        """Return the module's own EventRuntime, which a method's name stands for."""
        found = [
            node
            for node in module.names.values()
            if isinstance(node, ast.ClassDef) and self._is_runtime(module, node, _STEPS)
        ]
        return found[0] if len(found) == 1 else None

    def _of_value(self, module: _Module, node: ast.AST | None, steps: int) -> bool | None:
        """Return what an expression says that is a class, an instance or its handler."""
        if steps == 0:
            return None
        if isinstance(node, ast.Call):
            return self._of_call(module, node, steps)
        if isinstance(node, ast.Attribute) and node.attr == "handler":
            return self._of_value(module, node.value, steps - 1)
        if isinstance(node, ast.ClassDef):
            return self._of_class(module, node, steps)
        if self._is_base(module, node):
            return False
        found = self._resolve(module, node)
        return self._of_value(*found, steps - 1) if found is not None else None

    def _of_call(self, module: _Module, node: ast.Call, steps: int) -> bool | None:
        # The keyword is the option only if what is called is known to be a runtime.
        of_class = self._of_value(module, node.func, steps - 1)
        names = {keyword.arg: keyword.value for keyword in node.keywords}
        if of_class is None or None in names:  # **options may say anything
            return None
        return _literal(names[_OPTION]) if _OPTION in names else of_class

    def _of_class(self, module: _Module, node: ast.ClassDef, steps: int) -> bool | None:
        said = _said_in(node)
        if said is not None and self._is_runtime(module, node, steps):
            return _literal(said)
        # Python's own order of bases is finer; this one holds for a single chain of runtimes.
        for base in node.bases:
            if self._is_a_runtime(module, base, steps - 1):
                return self._of_value(module, base, steps - 1)
        return None

    def _is_runtime(self, module: _Module, node: ast.ClassDef, steps: int) -> bool:
        return any(self._is_a_runtime(module, base, steps - 1) for base in node.bases)

    def _is_a_runtime(self, module: _Module, node: ast.AST | None, steps: int) -> bool:
        if steps <= 0 or node is None:
            return False
        if isinstance(node, ast.ClassDef):
            return self._is_runtime(module, node, steps)
        if self._is_base(module, node):
            return True
        found = self._resolve(module, node)
        return found is not None and self._is_a_runtime(*found, steps - 1)

    def _is_base(self, module: _Module, node: ast.AST | None) -> bool:
        """Say whether an expression is EventRuntime itself, under whatever name."""
        dotted = _dotted(node)
        if not dotted or dotted[0] in module.names or dotted[0] not in module.imports:
            return False
        whole, name = module.imports[dotted[0]]
        return ".".join([*whole, *([name] if name else []), *dotted[1:]]) in (
            f"{_EVENTS}.{_RUNTIME}",
            f"{_EVENTS}.runtime.{_RUNTIME}",
        )

    def _resolve(
        self, module: _Module, node: ast.AST | None
    ) -> "tuple[_Module, ast.AST | None] | None":
        """Return where a name leads: a module, and an expression in it."""
        dotted = _dotted(node)
        if not dotted:
            return None
        if len(dotted) == 1 and dotted[0] in module.names:
            return module, module.names[dotted[0]]
        if dotted[0] not in module.imports:
            return None
        whole, name = module.imports[dotted[0]]
        rest = [*([name] if name else []), *dotted[1:]]
        for length in range(len(rest) - 1, -1, -1):
            other = self.module([*whole, *rest[:length]])
            if other is not None and len(rest) == length + 1:
                return other, ast.Name(id=rest[length], ctx=ast.Load())
        return None


def _dotted(node: ast.AST | None) -> list[str]:
    """Return the names of `a.b.c`, [] for another expression."""
    if isinstance(node, ast.Name):
        return [node.id]
    if isinstance(node, ast.Attribute):
        before = _dotted(node.value)
        return [*before, node.attr] if before else []
    return []


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
