"""Set up `logging` when the user's code imports it, without importing it ourselves.

From the first record on, records must look as they do on Lambda, and `logging.basicConfig()` must
find a handler in place and do nothing, as it does there. A function that does not log must not wait
for `logging` to load.
"""

import sys

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
