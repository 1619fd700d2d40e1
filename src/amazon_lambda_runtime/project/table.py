"""[tool.lambda-runtime], as it stands in a folder's pyproject.toml."""

import tomllib
from pathlib import Path
from typing import Any

from .errors import ConfigError


def read(folder: Path) -> dict[str, Any] | None:
    """Return the table, None if there is no file or no such table in it.

    Raises ConfigError if the file cannot be read, or if what stands there is not a table.
    """
    file = folder / "pyproject.toml"
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8")).get("tool", {})
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(f"cannot read {file}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} is not TOML: {error}") from None
    if not isinstance(table, dict):
        raise ConfigError(f"{file}: tool is not a table")
    table = table.get("lambda-runtime")
    if table is not None and not isinstance(table, dict):
        raise ConfigError(f"{file}: tool.lambda-runtime is not a table")
    return table
