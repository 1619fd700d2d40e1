"""The variables of a function on this machine: what it is given, and what of the shell it is not.

On Lambda a function has the variables of its configuration and those that Lambda sets. A variable
of the shell is not among them: the function would work here and fail there, and see secrets that
are not its own. It is given what a program needs to run at all, and what the user names.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click

# What a program needs to run on this machine, beside LC_*.
_NEEDED = ("PATH", "HOME", "LANG", "TMPDIR")
# Those that Lambda sets to what it knows, and the option that it knows it from, if there is one.
_OPTIONS = {
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "--memory",
    "AWS_LAMBDA_FUNCTION_NAME": "--name",
    "AWS_LAMBDA_MAX_CONCURRENCY": "--max-concurrency",
}
_OWN = {
    *_OPTIONS,
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_RUNTIME_API",
    "LAMBDA_TASK_ROOT",
}


@dataclass(slots=True)
class Variables:
    """The options --env-file and --env, and a folder that is put on Python's path ("" for none).

    `defaults` are variables that the user may set otherwise. `values` is what was read last: one
    dictionary, which is the function's.
    """

    files: Sequence[Path]
    named: Sequence[str]
    python_path: str = ""
    defaults: Mapping[str, str] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)

    def read(self) -> None:
        """Read the variables that the user gives the function; of a name, the last counts.

        Raises ConfigError if a file cannot be read, and click.BadParameter for a name.
        """
        from amazon_lambda_runtime.project import env_file
        from amazon_lambda_runtime.project.errors import ConfigError

        variables = dict(self.defaults)
        for file in self.files:
            found = env_file.read(file)
            if own := sorted(_OWN.intersection(found)):
                raise ConfigError(f"{file}: {_is_ours(own[0])}")
            variables |= found
        for text in self.named:
            name, given, value = text.partition("=")
            if not name or "\0" in text:
                raise click.BadParameter(f"{text!r}: write NAME or NAME=VALUE", param_hint="--env")
            if name in _OWN:
                raise click.BadParameter(_is_ours(name), param_hint="--env")
            if not given and name not in os.environ:
                raise click.BadParameter(
                    f"{name} is not set here: set it, or write {name}=VALUE", param_hint="--env"
                )
            variables[name] = value if given else os.environ[name]
        if self.python_path:
            path = [variables.get("PYTHONPATH", ""), self.python_path]
            variables["PYTHONPATH"] = os.pathsep.join(filter(None, path))
            # As on Lambda, where the code cannot be written to. A .pyc is told from its source by
            # size and second: of two saves in one second the first might be run for ever.
            variables.setdefault("PYTHONDONTWRITEBYTECODE", "1")
        self.values.clear()
        self.values.update(variables)


def _is_ours(name: str) -> str:
    option = _OPTIONS.get(name)
    return f"{name} is Lambda's own: {f'use {option}' if option else 'leave it out'}"


def inherited() -> dict[str, str]:
    """Return the variables of the shell that every function is given."""
    return {
        name: value
        for name, value in os.environ.items()
        if name in _NEEDED or name.startswith("LC_")
    }


def not_passed(given: Sequence[str]) -> str:
    """Return a line about the variables of the shell that are not among `given`; "" if all are.

    It names one, of AWS's if there is one: most often, that is the one that is missed.
    """
    missed = sorted(os.environ.keys() - set(given), key=lambda name: (name[:4] != "AWS_", name))
    if "AWS_PROFILE" in missed:
        missed.remove("AWS_PROFILE")
        missed.insert(0, "AWS_PROFILE")
    if not missed:
        return ""
    more = f" and {len(missed) - 1} more" if len(missed) > 1 else ""
    return f"not passed to the function: {missed[0]}{more} (--env NAME)"
