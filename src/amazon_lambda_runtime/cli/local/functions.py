"""From the words of `lambda-runtime local` to the functions that are meant.

They are files or handlers, a command after `--`, or nothing: then what pyproject.toml declares.
"""

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from amazon_lambda_runtime.cli.extras import require
from amazon_lambda_runtime.project.errors import ConfigError
from amazon_lambda_runtime.project.web_source import WEB_STREAM

from .durable_options import durable_config
from .handler_argument import (
    FUNCTION_NAME,
    HandlerArgument,
    HandlerArgumentError,
    parse_handler_argument,
)
from .interpreter import find_interpreter, has_module, link_package
from .queue_options import OUTCOMES
from .variables import Variables, inherited, not_passed

if TYPE_CHECKING:
    from amazon_lambda_runtime.local.engine.function import LocalFunction
    from amazon_lambda_runtime.project.declaration import Function


@dataclass(frozen=True, slots=True)
class Served:
    """A function, its variables, which may be read again, and what the table says of it."""

    function: "LocalFunction"
    variables: Variables
    #: None for one that is named on the command line.
    declared: "Function | None" = None


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A function before its interpreter is known; the command is None for a handler."""

    found: HandlerArgument
    command: Sequence[str] | None = None
    defaults: Mapping[str, str] = field(default_factory=dict)
    declared: "Function | None" = None


def functions(
    words: Sequence[str], options: dict[str, Any], folder: str
) -> tuple[list[Served], list[str]]:
    """Return the functions, and what to say at the start.

    `folder` is an empty one, for what is put on Python's path. Raises click.ClickException.
    """
    wanted = _wanted(words, options)
    _check_names(wanted, options)
    notes = []
    pythons: dict[Path, str] = {}
    if wanted[0].command is None:
        for root in dict.fromkeys(each.found.task_root for each in wanted):
            interpreter = find_interpreter(options["python"], root)
            pythons[root] = interpreter.path
            if str(interpreter) not in notes:
                notes.append(str(interpreter))
        link_package(folder)
        if options["debug"]:
            # The process that listens on the port starts with the first event.
            port = options["debug_port"]
            notes.append(f"the first event waits for a debugger to attach to 127.0.0.1:{port}")
    served = [
        _served(each, options, pythons.get(each.found.task_root, ""), folder) for each in wanted
    ]
    first = served[0].function
    # Queues and what else uses AWS in this process are where the function is.
    os.environ["AWS_REGION"] = os.environ["AWS_DEFAULT_REGION"] = first.region_name
    given = [name for each in served for name in each.function.process_environment("")]
    if line := not_passed(given):
        notes.append(line)
    return served, notes


def is_command(words: Sequence[str]) -> bool:
    """Say whether the words came after `--`, which click removes."""
    return bool(words) and "--" in sys.argv and sys.argv[sys.argv.index("--") + 1 :] == [*words]


def _wanted(words: Sequence[str], options: dict[str, Any]) -> list[_Wanted]:
    # As `deploy` sets it for a URL that streams.
    defaults = {WEB_STREAM: options["front_door"] or "url"} if options["stream"] else {}
    if is_command(words):
        return [_command(words, options["name"], defaults)]
    if not words:
        return _of_table(Path.cwd())
    return [_Wanted(_handler(word, options["name"]), defaults=defaults) for word in words]


def _of_table(folder: Path) -> list[_Wanted]:
    """Return the functions that the folder's pyproject.toml declares."""
    from amazon_lambda_runtime.project import settings, table
    from amazon_lambda_runtime.project.handler_names import default_handler

    try:
        if table.read(folder) is None:
            raise click.UsageError(
                "Missing argument 'FILE_OR_HANDLER': this folder has no pyproject.toml with "
                "[tool.lambda-runtime]."
            )
        project = settings.load(folder)
    except ConfigError as error:
        raise click.ClickException(str(error)) from None
    return [
        _Wanted(
            _declared_handler(each, default_handler(folder, project.module)),
            defaults=_environment(each),
            declared=each,
        )
        for each in project.functions
    ]


def _environment(declared: "Function") -> dict[str, str]:
    """Return the function's variables, and those that Lambda makes of its settings."""
    variables = {"AWS_LAMBDA_LOG_FORMAT": declared.log_format}
    if declared.log_level is not None:
        variables["AWS_LAMBDA_LOG_LEVEL"] = declared.log_level
    return variables | dict(declared.environment)


def _check_names(wanted: Sequence[_Wanted], options: dict[str, Any]) -> None:
    """Raise click.UsageError for what is for one function, where there are several."""
    declared = wanted[0].declared is not None
    if len(wanted) > 1:
        one = {"debug": "--debug", "queues": "--sqs", "aliases": "--alias", **OUTCOMES}
        for name, option in one.items():
            if options[name]:
                raise click.UsageError(f"{option} is for one function: give one FILE_OR_HANDLER.")
    if options["name"] and (declared or len(wanted) > 1):
        raise click.UsageError("--name is for one FILE_OR_HANDLER.")
    names = [each.found.name for each in wanted]
    for name in names:
        if names.count(name) > 1:
            raise click.UsageError(f"Two functions have the name {name}: serve one of them.")


def _served(wanted: _Wanted, options: dict[str, Any], python: str, folder: str) -> Served:
    from amazon_lambda_runtime.local.engine.function import LocalFunction

    found = wanted.found
    if wanted.command is not None:
        command = wanted.command
        variables = Variables(options["env_file"], options["env"], defaults=wanted.defaults)
    else:
        command = [python, "-P", "-m", "amazon_lambda_runtime", found.handler]
        if options["debug"]:
            command = _debugged(python, found.handler, options["debug_port"])
        variables = Variables(options["env_file"], options["env"], folder, wanted.defaults)
    try:
        variables.read()
    except ConfigError as error:
        raise click.ClickException(str(error)) from None
    function = LocalFunction(
        found.name,
        found.handler,
        command,
        str(found.task_root),
        max_concurrency=options["max_concurrency"] or 0,
        freeze=not options["no_freeze"],
        aliases=options["aliases"],
        extensions=os.path.realpath(options["extensions"]) if options["extensions"] else "",
        environment=variables.values,
        inherited=inherited(),
        durable=durable_config(
            found.handler,
            found.task_root,
            wanted.command is None,
            wanted.declared.durable if wanted.declared is not None else None,
            options["durable"],
        ),
        **_sizes(wanted.declared, options),
    )
    if options["debug"]:
        function = replace(function, timeout=0, memory=0, concurrency=1, freeze=False)
    return Served(function, variables, wanted.declared)


def _sizes(declared: "Function | None", options: dict[str, Any]) -> dict[str, Any]:
    """Return timeout, memory and concurrency; an option is stronger than the table."""
    sizes = {name: options[name] for name in ("timeout", "memory", "concurrency")}
    if declared is None:
        return sizes
    context = click.get_current_context()
    table = {"timeout": declared.timeout, "memory": declared.memory}
    if declared.reserved_concurrency is not None:
        table["concurrency"] = declared.reserved_concurrency
    weaker = {
        name: value
        for name, value in table.items()
        if context.get_parameter_source(name) is not ParameterSource.COMMANDLINE
    }
    return sizes | weaker


def _command(words: Sequence[str], name: str | None, defaults: Mapping[str, str]) -> _Wanted:
    """Return the command after `--`, and what stands for a handler."""
    program = shutil.which(words[0])
    if program is None:
        raise click.ClickException(f"cannot run {words[0]}: it is not a program on PATH")
    name = name or "function"
    if not FUNCTION_NAME.fullmatch(name):
        raise click.ClickException(f"{name!r} is not a function name")
    handler = os.environ.get("_HANDLER", "-")
    command = [os.path.abspath(program), *words[1:]]
    return _Wanted(HandlerArgument(handler, Path.cwd(), name), command, defaults)


def _handler(word: str, name: str | None) -> HandlerArgument:
    try:
        return parse_handler_argument(word, name)
    except HandlerArgumentError as error:
        raise click.ClickException(f"cannot run {word}: {error}") from None


def _declared_handler(function: "Function", default: str) -> HandlerArgument:
    word = function.handler or default
    try:
        return parse_handler_argument(word, function.name)
    except HandlerArgumentError as error:
        which = f"handler {word}" if function.handler else f"without the key `handler`: {word}"
        raise click.ClickException(
            f"cannot run the function {function.name} ({which}): {error}"
        ) from None


def _debugged(python: str, handler: str, port: int) -> list[str]:
    """Return a runtime that waits for a debugger. Raises click.ClickException if there is none."""
    if python == sys.executable:
        require("--debug", "debugpy")
    elif not has_module(python, "debugpy"):
        raise click.ClickException(
            f"--debug needs debugpy in {python}: {python} -m pip install debugpy"
        )
    listen = ["-m", "debugpy", "--listen", f"127.0.0.1:{port}", "--wait-for-client"]
    return [python, *listen, "-m", "amazon_lambda_runtime", handler]
