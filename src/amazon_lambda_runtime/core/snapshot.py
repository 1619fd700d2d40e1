"""SnapStart: the hooks before the snapshot of an environment and after its restore.

Loaded only where AWS_LAMBDA_INITIALIZATION_TYPE is "snap-start".

https://docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks.html
"""

import sys

from . import report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

    from .client import RuntimeClient

    Hook = Callable[[], object]


def snapshot(client: "RuntimeClient", before: "Hook", after: "Hook") -> None:
    """Run the hooks before the snapshot, wait until it is restored, and run the hooks after it.

    `before` and `after` are the class's own. Hooks that were registered with the package
    snapshot-restore-py run in its order: before the snapshot the last one first, after it the
    first one first. A hook that fails is reported and ends the process, with status 64 or 65.
    """
    package: Any = sys.modules.get("snapshot_restore_py")
    try:
        before()
        if package is not None:
            registered = package.get_before_snapshot()
            while registered:
                function, arguments, options = registered.pop()
                function(*arguments, **options)
    except BaseException as exc:
        _give_up(exc, client.init_error, "Runtime.BeforeSnapshotError", 64)
    client.restore()
    try:
        _reseed()
        if package is not None:
            for function, arguments, options in package.get_after_restore():
                function(*arguments, **options)
        after()
    except BaseException as exc:
        _give_up(exc, client.restore_error, "Runtime.AfterRestoreError", 65)


def _give_up(
    exc: BaseException, post: "Callable[[bytes, str, str], None]", error_type: str, status: int
) -> "NoReturn":
    """Log and post why a hook failed, and exit."""
    failure = report.of_exception(exc)
    failure.log()
    post(failure.body, error_type, failure.cause)
    raise SystemExit(status) from None


def _reseed() -> None:
    """Seed `random` anew: environments from one snapshot would all draw the same numbers."""
    random = sys.modules.get("random")
    if random is not None:  # pragma: no branch  coverage itself has loaded it
        random.seed()
