"""Environment files (dotenv): the only place that reads one, for `local` and for a deployment.

Values are taken as they stand. `$X` in a value stays `$X`: a password is the same on this machine
and in AWS, whatever variables happen to be set here.
"""

from pathlib import Path

from amazon_lambda_runtime.pip_line import pip_line

from .errors import ConfigError


def read(file: Path) -> dict[str, str]:
    """Return the variables of an environment file, in its order; the last of a name counts.

    Raises ConfigError if the file cannot be read, if a line is not NAME=value, or if
    python-dotenv, which parses it, is not installed.
    """
    try:
        from dotenv.parser import parse_stream
    except ImportError:
        raise ConfigError(
            f"cannot read {file}: python-dotenv is not installed: {pip_line('tools')}"
        ) from None
    try:
        with file.open(encoding="utf-8") as stream:
            bindings = list(parse_stream(stream))
    except OSError as error:
        raise ConfigError(f"cannot read the environment file {file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"cannot read the environment file {file}: it is not UTF-8") from None
    variables = {}
    for binding in bindings:
        if binding.error:
            line = binding.original.line
            raise ConfigError(f"{file}, line {line}: cannot be parsed: write NAME=value")
        if binding.key is None:
            continue  # an empty line or a comment
        if binding.value is None:
            name = binding.key
            raise ConfigError(f"{file}: {name} has no value: write {name}=value, or {name}= for ''")
        if "\0" in binding.value:
            line = binding.original.line
            raise ConfigError(f"{file}, line {line}: {binding.key} has a NUL byte in its value")
        variables[binding.key] = binding.value
    return variables
