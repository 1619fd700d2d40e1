"""The table's tags, on all that is made: set, changed, and removed when they leave the table.

A tag of the thing itself names those that we have set, each by four letters of its hash: fifty keys
would not fit into a tag otherwise. So the tags of others stay. What several functions use has the
tags of all of them; where two differ, those of the first by name.
"""

import base64
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping

from amazon_lambda_runtime.deploy.plan import Step, differences
from amazon_lambda_runtime.deploy.site import Site, Tags
from amazon_lambda_runtime.project.declaration import Function

RECORD = "lambda-runtime:tags"


def asked(function: Function) -> bool:
    """Say whether the function's table has tags, or has had some; if not, none are looked for."""
    return bool(function.tags) or "tags" in function.managed


def shared(site: Site, uses: Callable[[Function], bool]) -> dict[str, str]:
    """Return the tags of what those functions use of which this is true."""
    everyone = sorted((*site.project.functions, *site.project.others), key=lambda f: f.name)
    found: dict[str, str] = {}
    for function in everyone:
        if uses(function):
            found = {**function.tags, **found}
    return found


def of(site: Site, wanted: Mapping[str, str]) -> dict[str, str]:
    """Return all tags of something that is made: these, and ours."""
    return {**wanted, **site.tags, **_record(wanted)}


def listed(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Return tags as most services want them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def plan(
    part: str,
    what: str,
    live: Tags,
    wanted: Mapping[str, str],
    tag: Callable[[dict[str, str]], object],
    untag: Callable[[list[str]], object],
) -> Iterator[Step]:
    """Yield what makes the tags of something of ours what is declared."""
    now = plain(live)
    missing, gone = missing_of(now, wanted), gone_of(now, wanted)
    record = _record(wanted)
    stale = [RECORD] if RECORD in now and not record else []
    if missing or gone or stale or now.get(RECORD) != record.get(RECORD):

        def run() -> None:
            # The record has both until those that are gone are gone.
            both = {key: wanted.get(key, "") for key in (*wanted, *gone)}
            if both:
                tag({**missing, **_record(both)})
            if gone or stale:
                untag([*gone, *stale])
            if gone and record:
                tag(record)

        told = [*sorted(missing), *(f"{key} removed" for key in gone)] or [RECORD]
        yield Step(
            "update", part, f"tags of {what}", ", ".join(told), run,
            changes=tuple(
                differences((key, now.get(key), wanted.get(key)) for key in (*missing, *gone))
            ),
        )  # fmt: skip


def plain(tags: Tags) -> dict[str, str]:
    """Return tags, in either form of AWS, by their keys."""
    if isinstance(tags, Mapping):
        return dict(tags)
    return {str(tag["Key"]): str(tag["Value"]) for tag in tags or ()}


def missing_of(live: Mapping[str, str], wanted: Mapping[str, str]) -> dict[str, str]:
    """Return the declared tags that differ."""
    return {key: value for key, value in wanted.items() if live.get(key) != value}


def gone_of(live: Mapping[str, str], wanted: Mapping[str, str]) -> list[str]:
    """Return the keys of live tags that we have set, and that are not declared any more."""
    ours = set(live.get(RECORD, "").split())
    return sorted(key for key in live if key not in wanted and _short(key) in ours)


def of_keys(keys: Iterable[str]) -> str:
    """Return the value of the tag that names these."""
    return " ".join(sorted(map(_short, keys)))


def _record(tags: Mapping[str, str]) -> dict[str, str]:
    return {RECORD: of_keys(tags)} if tags else {}


def _short(key: str) -> str:
    # A tag's value may have "-", and "_".
    return base64.urlsafe_b64encode(hashlib.sha256(key.encode()).digest()[:3]).decode()
