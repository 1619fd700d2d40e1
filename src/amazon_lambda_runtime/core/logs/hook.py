"""Set up `logging` when the user's code imports it, without importing it ourselves.

From the first record on, records must look as they do on Lambda, and `logging.basicConfig()` must
find a handler in place and do nothing, as it does there. A function that does not log must not wait
for `logging` to load.
"""

import _thread
import sys

from amazon_lambda_runtime.core import report
from amazon_lambda_runtime.core.context import current_context
from amazon_lambda_runtime.core.errors import text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any, ClassVar

    from amazon_lambda_runtime.core.context import Context


class LoggingHook:
    """An import hook that loads `logging` once and attaches our handler to the root logger."""

    #: The Context of the latest invocation: that of a thread which carries none of its own.
    latest: "ClassVar[Context | None]" = None
    _is_installed: "ClassVar[bool]" = False

    @classmethod
    def install(cls) -> None:
        """Wait for `logging`, or attach now if it is there already. Done once in a process."""
        if cls._is_installed:
            return
        cls._is_installed = True
        hook = cls()
        if "logging" in sys.modules:
            hook.attach()
        else:
            sys.meta_path.insert(0, hook)

    def find_spec(
        self, name: str, path: object = None, target: object = None
    ) -> "ModuleSpec | None":
        if name != "logging":
            return None
        from amazon_lambda_runtime.core.stdlib import find

        # The standard library's own: a logging.py beside the handler must not take its place.
        spec = find(name)
        assert spec is not None
        spec.loader = _Loader(self, spec.loader)  # type: ignore[assignment]
        return spec

    def attach(self) -> None:
        """Attach our handler, once, and wait no longer."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)
        from .format import attach

        attach(lambda: LoggingHook.latest)


def tell_in_records() -> None:
    """Log in one record each what Python would tell line by line on stderr: an exception that ends
    a thread or a child, and one that it ignores.

    The function's own hooks take the place of these.
    """
    sys.excepthook = lambda kind, exc, tb: _tell(exc, "")
    sys.unraisablehook = _tell_ignored
    if "threading" in sys.modules:
        vars(sys.modules["threading"])["excepthook"] = _tell_thread
    # `threading` finds it there when it is loaded.
    _thread._excepthook = _tell_thread


def _tell_thread(failed: "Any") -> None:
    if failed.exc_type is not SystemExit:
        _tell(failed.exc_value or failed.exc_type(), f"In thread {failed.thread.name}")


def _tell_ignored(ignored: "Any") -> None:
    message = ignored.err_msg or "Exception ignored in"
    thing = "" if ignored.object is None else f": {text_of(ignored.object)}"
    _tell(ignored.exc_value or ignored.exc_type(), message + thing)


def _tell(exc: BaseException, place: str) -> None:
    context = current_context() or LoggingHook.latest
    report.of_exception(exc, context.aws_request_id if context else "", place).log()


class _Loader:
    """Loads `logging` as its own loader does, for all else too, and calls the hook."""

    def __init__(self, hook: LoggingHook, own: "Any") -> None:
        self._hook = hook
        self._own = own

    def __getattr__(self, name: str) -> "Any":
        return getattr(self._own, name)

    def create_module(self, spec: "ModuleSpec") -> "ModuleType | None":
        return None

    def exec_module(self, module: "ModuleType") -> None:
        from amazon_lambda_runtime.core.stdlib import library_first

        assert module.__spec__ is not None
        module.__spec__.loader = module.__loader__ = self._own
        library_first(lambda: self._own.exec_module(module))
        self._hook.attach()
