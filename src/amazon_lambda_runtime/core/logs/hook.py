"""Set up `logging` when the user's code imports it, without importing it ourselves.

From the first record on, records must look as they do on Lambda, and `logging.basicConfig()` must
find a handler in place and do nothing, as it does there. A function that does not log must not wait
for `logging` to load.
"""

import sys

from amazon_lambda_runtime.core.stdlib import code_last

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import ClassVar

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
            hook._attach()
        else:
            sys.meta_path.insert(0, hook)

    def find_spec(
        self, name: str, path: object = None, target: object = None
    ) -> "ModuleSpec | None":
        if name != "logging":
            return None
        sys.meta_path.remove(self)
        from _frozen_importlib_external import PathFinder
        from os import __file__ as os_file
        from os.path import dirname

        # The standard library's own: a logging.py beside the handler must not take its place.
        spec = PathFinder.find_spec(name, [dirname(os_file)])
        assert spec is not None
        self._loader = spec.loader
        spec.loader = self  # type: ignore[assignment]
        return spec

    def create_module(self, spec: "ModuleSpec") -> "ModuleType | None":
        return None

    def exec_module(self, module: "ModuleType") -> None:
        assert self._loader is not None
        assert module.__spec__ is not None
        module.__spec__.loader = module.__loader__ = self._loader
        loader = self._loader
        code_last(lambda: loader.exec_module(module))
        self._attach()

    def _attach(self) -> None:
        from .format import attach

        attach(lambda: LoggingHook.latest)
