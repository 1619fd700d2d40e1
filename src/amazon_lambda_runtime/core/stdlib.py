"""Import from the standard library late, and still get what it has.

The handler's directory comes first on the path, so a `traceback.py` in it would be found in place
of the library's. This runtime loads most modules where they are first needed, after the handler.
"""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def load(name: str) -> "Any":
    """Return this module of the standard library, unless the user's code has imported another."""
    if name not in sys.modules:
        code_last(lambda: __import__(name))
    return sys.modules[name]


def code_last(work: "Callable[[], object]") -> None:
    """Call `work` while the first entry of the path is its last."""
    sys.path.append(sys.path.pop(0))
    try:
        work()
    finally:
        sys.path.insert(0, sys.path.pop())
