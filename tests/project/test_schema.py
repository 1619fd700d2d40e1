"""The schema for editors says what the checks say."""

import json
from typing import Any

from click.testing import CliRunner

from amazon_lambda_runtime.cli.deploy.schema import command
from amazon_lambda_runtime.project.keys import FUNCTION_KEYS, PROJECT_KEYS, of_trigger
from amazon_lambda_runtime.project.schema import schema
from amazon_lambda_runtime.project.triggers import TYPES


def tables() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what is said of the project's table, and of a function's."""
    tool = schema()["properties"]["tool"]
    assert tool["type"] == "object"
    table = tool["properties"]["lambda-runtime"]
    return table, table["properties"]["functions"]["additionalProperties"]


def test_each_key_is_in_it_and_no_other_is_allowed() -> None:
    """In the project's table those of functions, too; a trigger has its type beside."""
    whole, function = tables()
    assert set(whole["properties"]) == {*PROJECT_KEYS, *FUNCTION_KEYS}
    assert set(function["properties"]) == set(FUNCTION_KEYS)
    kinds = function["properties"]["triggers"]["items"]["oneOf"]
    assert [kind["properties"]["type"]["const"] for kind in kinds] == list(TYPES)
    for table, kind in zip(kinds, TYPES.values(), strict=True):
        assert set(table["properties"]) == {"type", *of_trigger(kind)}
    assert not any(table["additionalProperties"] for table in (whole, function, *kinds))


def test_what_a_key_takes() -> None:
    """Type, range, choice, and what it is for."""
    keys = tables()[1]["properties"]
    assert keys["timeout"] == {
        "type": "integer", "minimum": 1, "maximum": 900, "description": "seconds",
    }  # fmt: skip
    assert keys["log_format"]["enum"] == ["Text", "JSON"]
    assert "maximum" not in keys["reserved_concurrency"]
    assert keys["environment"]["additionalProperties"] == {"type": "string"}
    assert keys["policies"]["items"] == {"type": "string"}
    assert keys["triggers"]["items"]["oneOf"][0]["required"] == ["type", "queue"]


def test_a_type_fits_what_its_schema_says() -> None:
    """A value that an editor takes for right is right."""
    values = {"string": "a", "integer": 1, "boolean": True, "object": {}, "array": []}
    for key in (*PROJECT_KEYS.values(), *FUNCTION_KEYS.values()):
        assert key.type is not None
        kinds = (key.type.schema, *key.type.schema.get("oneOf", ()))
        taken = [values[kind["type"]] for kind in kinds if "type" in kind]
        assert taken
        assert all(map(key.type.fits, taken)), key


def test_command() -> None:
    """`lambda-runtime schema` prints it."""
    assert json.loads(CliRunner().invoke(command).output) == schema()
