"""Write docs/reference/keys.md, or print it with --print: the keys of pyproject.toml.

python scripts/keys_page.py
"""

import dataclasses
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from amazon_lambda_runtime.project.key import Key
from amazon_lambda_runtime.project.keys import FUNCTION_KEYS, PROJECT_KEYS, of_trigger
from amazon_lambda_runtime.project.triggers import TYPES

PAGE = Path(__file__).parents[1] / "docs/reference/keys.md"
HEAD = """\
# Keys of pyproject.toml

All keys are optional, except those of a trigger that have no default. An unknown key, a key in the
wrong table and a value that AWS would refuse are errors before the first request to AWS.

`lambda-runtime schema > lambda-runtime.json` writes a JSON schema for editors. With Taplo or Even
Better TOML, name it in the first line of pyproject.toml: `#:schema ./lambda-runtime.json`.

This page is generated from the table of keys.

## The project: `[tool.lambda-runtime]`
"""
FUNCTIONS = """
## Functions

In `[tool.lambda-runtime]` for all functions, in `[tool.lambda-runtime.functions.NAME]` for one. Its
own table wins; the variables and the tags of both are united.
"""
TRIGGERS = """
## Triggers

`[[tool.lambda-runtime.triggers]]` with a `type`; with several functions
`[[tool.lambda-runtime.functions.NAME.triggers]]`.
"""


def page() -> str:
    """Return the page's text."""
    lines = [HEAD, *_rows(PROJECT_KEYS), FUNCTIONS, *_rows(FUNCTION_KEYS), TRIGGERS.rstrip()]
    for word, kind in TYPES.items():
        fields = {field.name: field for field in dataclasses.fields(kind)}
        keys = {
            name: dataclasses.replace(key, default=key.default or _default(fields[name]))
            for name, key in of_trigger(kind).items()
        }
        lines += ["", f"### `{word}`", "", (kind.__doc__ or "").partition("\n")[0], ""]
        lines += _rows(keys)
    return "\n".join(lines) + "\n"


def _default(field: "dataclasses.Field[object]") -> str:
    match field.default:
        case dataclasses.MISSING:
            return "none: it has to be given"
        case None | "" | ():
            return ""
        case bool() as value:
            return str(value).lower()
        case tuple() as values:
            return ", ".join(map(str, values))
        case value:
            return str(value)


def _rows(keys: Mapping[str, Key]) -> Iterator[str]:
    yield "| key | takes | default | |"
    yield "|---|---|---|---|"
    for name, key in keys.items():
        default = f"`{key.default}`" if _is_plain(key.default) else key.default
        yield f"| `{name}` | {_takes(key)} | {default} | {key.text} |"


def _is_plain(default: str) -> bool:
    return default != "" and not set(default) & set(" ,;")


def _takes(key: Key) -> str:
    unit = f" {key.unit}" if key.unit else ""
    if key.one_of:
        return ", ".join(f"`{value}`" for value in key.one_of) + unit
    if key.within is not None:
        low, high = key.within
        return f"{low:,} to {high:,}{unit}" if high is not None else f"{low} or more{unit}"
    return (key.type.name if key.type else "") + (f", in{unit}" if unit else "")


if __name__ == "__main__":
    if sys.argv[1:] == ["--print"]:
        print(page(), end="")
    else:
        PAGE.write_text(page())
