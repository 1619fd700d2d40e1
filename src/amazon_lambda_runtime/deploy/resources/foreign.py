"""What is live and not declared: set by hand, or by another tool. `diff` only tells it.

Rule 1: it is compared by AWS's own names, with what a deployment sends. So a key that becomes
declarable is no longer foreign, without a word here. Rule 2: only of what is ours. Rule 3: what AWS
itself sets where nothing was asked for is not foreign: each file says what that is, as `usual`.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from amazon_lambda_runtime.deploy.plan import Step


def foreign(part: str, what: str, found: str) -> Step:
    """Return the entry of a plan that says what was found."""
    return Step(
        "foreign", part, what, f"{found} is not declared", lambda: None, changes=(found,)
    )  # fmt: skip


def settings(
    part: str,
    of: str,
    live: Mapping[str, Any],
    declared: Mapping[str, Any],
    usual: Mapping[str, Any],
) -> Iterator[Step]:
    """Yield what of `live` is neither declared nor usual, of the settings that `usual` names."""
    for key, normal in usual.items():
        value = live.get(key)
        if isinstance(value, Mapping):
            ours = declared.get(key) or {}
            # An empty one is sent to say that there is none: then the plan compares it.
            value = {} if key in declared and not ours else _beyond(value, ours, normal or {})
        elif key in declared:
            continue
        if not _is_empty(value) and value != normal:
            yield foreign(part, f"{key} of {of}", _shown(value))


def _beyond(
    live: Mapping[str, Any], declared: Mapping[str, Any], usual: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        key: value
        for key, value in live.items()
        if key not in declared and value != usual.get(key) and not _is_empty(value)
    }


def _is_empty(value: object) -> bool:
    """Say whether a value is one of those by which AWS says that nothing is set."""
    if isinstance(value, Mapping):
        return all(_is_empty(inner) for inner in value.values())
    return value in (None, "", 0, False, [])


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
