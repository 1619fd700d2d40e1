"""Import from the standard library late, and still get what it has.

The handler's directory comes first on the path, so that a plain import finds its `token.py` in
place of the library's. Rule: `sys.path` is the user's, and is not touched. A thread that imports
through this file has a finder of its own, which knows the library alone; all other threads find
what they always find. A module of the library that hides one of the user's is taken out of
`sys.modules` again: what needed it holds it, and the user's own `import` finds the user's.
"""

import sys
from _thread import RLock, get_ident
from os import __file__ as os_file
from os import listdir

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from importlib.machinery import ModuleSpec
    from typing import Any, ClassVar, TypeVar

    T = TypeVar("T")

_ROOT = os_file.rpartition("/")[0]
# C extensions are in the second.
LIBRARY = (_ROOT, f"{_ROOT}/lib-dynload")


class _Library:
    """A finder of modules that answers one thread, with modules of the standard library."""

    #: What was loaded by name. It may be in `sys.modules` no longer.
    kept: "ClassVar[dict[str, Any]]" = {}
    lock: "ClassVar[RLock]" = RLock()

    def __init__(self) -> None:
        self._thread = get_ident()

    def find_spec(
        self, name: str, path: object = None, target: object = None
    ) -> "ModuleSpec | None":
        if path is None and get_ident() == self._thread:
            return find(name)
        return None


def find(name: str) -> "ModuleSpec | None":
    """Return where the library has this module, not one inside a package; None if it has none."""
    from _frozen_importlib_external import PathFinder

    return PathFinder.find_spec(name, list(LIBRARY))


def load(name: str) -> "Any":
    """Return this module of the standard library, unless the user's code has imported another.

    Any number of threads may ask at once: each gets it whole.
    """
    found = _Library.kept.get(name)
    if found is not None:
        return found
    with _Library.lock:
        if name not in _Library.kept:
            # For a module that another thread is importing, __import__() waits.
            found = (
                __import__(name) if name in sys.modules else library_first(lambda: __import__(name))
            )
            for part in name.split(".")[1:]:  # __import__() returns the package
                found = getattr(found, part)
            _Library.kept[name] = found
        return _Library.kept[name]


def load_part(name: str) -> "Any":
    """Return this module of the core's; what it imports is the library's: the user may have both a
    `signal.py` and a handler that is async.
    """
    return load(f"{__package__}.{name}")


def library_first(work: "Callable[[], T]", hides: bool = True) -> "T":
    """Call `work`, which imports; whatever it imports is the library's if the library has it.

    `hides` says that this holds even for what the function has imported under such a name.
    """
    from _frozen_importlib_external import PathFinder

    finder = _Library()
    before = set(sys.modules)
    theirs = _hide_users() if hides else {}
    # Right before the finder of sys.path: the hooks before it still get their turn. There may be
    # others behind it, that of six for one.
    finders: list[Any] = sys.meta_path
    place = finders.index(PathFinder) if PathFinder in finders else len(finders)
    finders.insert(place, finder)
    try:
        return work()
    finally:
        finders.remove(finder)
        found = set(sys.modules) - before
        if found:
            _uncover(found)
        sys.modules.update(theirs)


def namesake(name: str) -> "tuple[str, str] | None":
    """Return the folder of the user's that has a module of this name of the library's, and that
    module's file, or folder with a slash; None if the user has none.
    """
    for entry, files in _users():
        for file in (f"{name}.py", name, *sorted(files)):
            if file in files and file.partition(".")[0] == name:
                return entry, file if "." in file else f"{file}/"
    return None


def _hide_users() -> "dict[str, Any]":
    """Take the user's modules that hide one of the library out of `sys.modules`; return them."""
    found: dict[str, Any] = {}
    for _, files in _users():
        for name in {file.partition(".")[0] for file in files} & sys.stdlib_module_names:
            if name in sys.modules and not _is_librarys(name):
                found[name] = sys.modules.pop(name)
    return found


def _is_librarys(name: str) -> bool:
    origin = getattr(getattr(sys.modules.get(name), "__spec__", None), "origin", None)
    return str(origin).startswith(_ROOT)


def _uncover(names: set[str]) -> None:
    """Take modules of the library that hide one of the user's out of `sys.modules`."""
    for _, files in _users():
        for name in names & {file.partition(".")[0] for file in files}:
            if _is_librarys(name):
                sys.modules.pop(name, None)


def _users() -> "Iterator[tuple[str, list[str]]]":
    """Give the folders that imports look into before the library's, and the files of each."""
    for entry in sys.path:
        if entry in LIBRARY:
            return
        try:
            yield entry, listdir(entry or ".")
        except OSError:  # no directory: an archive, for one
            pass
