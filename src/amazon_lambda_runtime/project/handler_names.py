"""The names that a handler's module gives, read and not run: which handler a file has, and what to
suggest for a name that it does not have.

Rule: where there is a doubt there is no opinion. Only an import can tell what a module really has.
"""

import ast
import difflib
from pathlib import Path

from .code import parse, top_level
from .web_source import applications_in

#: What a handler is called: here, and in AWS's own examples.
HANDLER_NAMES = ("handler", "lambda_handler")
_RUNTIMES = ("Runtime", "EventRuntime")
# Files that are about a project, and no part of its function.
_OTHERS = ("conftest.py", "setup.py", "noxfile.py")


def handler_name(file: Path) -> str:
    """Return the name of a file's handler: `handler`; if it has none, `lambda_handler`, or the name
    of its only web application."""
    names = _names(file)
    first, second = HANDLER_NAMES
    if names is None or first in names:
        return first
    applications = applications_in(file)
    classes = {name for name, _ in _methods(file, first)}
    if not classes.issubset(applications):
        return first  # a class that may be a Runtime
    instances = [name for name in applications if name not in classes]
    if second not in names and len(instances) == 1:
        return instances[0]
    return second if second in names else first


def default_handler(folder: Path, module: str) -> str:
    """Return the handler string of a project's module, where nothing names its handler."""
    return f"{Path(module).stem}.{handler_name(folder / module)}"


def handlers_in(folder: Path) -> list[str]:
    """Return the files of a folder that have a handler, as far as their source tells."""
    return [file.name for file in sorted(folder.glob("*.py")) if _has_handler(file)]


def _has_handler(file: Path) -> bool:
    if file.name.startswith("test_") or file.name in _OTHERS:
        return False
    tree = parse(file)
    for node in tree.body if tree is not None else []:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                if name in HANDLER_NAMES:
                    return True
            case ast.Assign(targets=[ast.Name(id=name)]):
                if name in HANDLER_NAMES:
                    return True
            case ast.ClassDef(bases=bases):
                if any(ast.unparse(base).rpartition(".")[2] in _RUNTIMES for base in bases):
                    return True
    return bool(applications_in(file))


def suggestion(file: Path, name: str) -> str | None:
    """Return what to say of a name that a module seems not to have but nearly has; else None.

    A name with brackets is a factory's.
    """
    name = name.removesuffix("()")
    names = _names(file)
    if names is None or name in names:
        return None
    classes = _methods(file, name)
    if any(has_bases for _, has_bases in classes):
        return None  # it may be a Runtime, by whatever way
    if classes:
        found = classes[0][0]
        return (
            f"{file.name} has no {name!r}, and the class {found}, which has a method of that name, "
            f"is not a Runtime. Did you mean class {found}(Runtime)?"
        )
    applications = applications_in(file)
    if name in HANDLER_NAMES and len(applications) > 1:
        choice = " or ".join(f"{file.stem}.{each}" for each in applications)
        return f"{file.name} has {len(applications)} web applications: choose {choice}"
    near = difflib.get_close_matches(name, [each for each in names if each != name], 1)
    if not near:
        return None
    return f"{file.name} has no {name!r}. Did you mean {file.stem}.{near[0]}?"


def _names(file: Path) -> set[str] | None:
    """Return the names of a module's top level; None if not all of them can be told."""
    tree = parse(file)
    if tree is None:
        return None
    names: set[str] = set()
    for node in top_level(tree.body):
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                names.add(name)
            case ast.AsyncFunctionDef(name=name):
                names.add(name)
            case ast.Name(id=name, ctx=ast.Store()):
                names.add(name)
            case ast.alias(name="*"):
                return None
            case ast.alias(name=name, asname=asname):
                names.add(asname or name.partition(".")[0])
            case ast.Name(id="globals" | "exec" | "setattr" | "vars"):
                return None
    return None if "__getattr__" in names else names


def _methods(file: Path, name: str) -> list[tuple[str, bool]]:
    """Return the classes that have a method of this name or may inherit one, and whether they have
    bases."""
    tree = parse(file)
    found = []
    for node in tree.body if tree is not None else []:
        if isinstance(node, ast.ClassDef):
            own = any(
                isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef) and each.name == name
                for each in node.body
            )
            has_bases = bool(node.bases or node.keywords)
            if own or has_bases:
                found.append((node.name, has_bases))
    return found
