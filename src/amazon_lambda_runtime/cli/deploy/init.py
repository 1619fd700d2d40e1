"""`lambda-runtime init`: write what a function needs to go live into a folder."""

import contextlib
import json
import os
import re
import secrets
import shutil
import tomllib
from pathlib import Path
from typing import Any

import click

from amazon_lambda_runtime.project.handler_names import handler_name, handlers_in

from .clean import SENTINELS, VARIABLES
from .starters import DOORS, STARTERS, WEB, template

EXAMPLES = """
\b
Examples:
  lambda-runtime init
  lambda-runtime init orders --name orders --trigger sqs
  lambda-runtime init --module app.py
  lambda-runtime init shop --web fastapi
"""

# The file in the project, and the template that it is made from.
_FILES = {
    "Makefile": "Makefile",
    "Dockerfile": "Dockerfile",
    "policies": "policies",
    ".dockerignore": "dockerignore",
    ".gitignore": "gitignore",
}
_MODULE, _PAYLOAD = "hello.py", "payload.json"
_WEB_MODULE = "main.py"
# The name in the templates; and what --name replaces: variables of the Makefile, and keys of the
# table.
_NAME = "hello-python"
_NAMED = {
    "IMAGE_NAME": "{}",
    "REPO_NAME": "{}",
    "FUNCTION_NAME": "{}",
    "ROLE_NAME": "{}-role",
    "QUEUE_NAME": "{}",
    "image": '"{}"',
    "repository": '"{}"',
    "name": '"{}"',
    "function": '"{}"',
    "role": '"{}-role"',
    "queue": '"{}"',
}
# Valid for a function, a role (with the suffix -role), a queue and a repository.
_SHORTEST, _LONGEST = 2, 59
_NAME_PATTERN = re.compile(r"[a-z0-9]+([-_][a-z0-9]+)*")


@click.command("init", epilog=EXAMPLES)
@click.argument("folder", type=click.Path(path_type=Path), default=Path())
@click.option(
    "--name",
    metavar="NAME",
    help="The function's name.  [default: the one in pyproject.toml, else FOLDER's]",
)
@click.option("--trigger", type=click.Choice(list(STARTERS)), help="What invokes the function.")
@click.option(
    "--web", type=click.Choice(list(WEB)), help="Write a web application for this framework."
)
@click.option(
    "--module",
    metavar="FILE",
    help="The file in FOLDER that has the handler.  [default: the only one with a handler]",
)
@click.option("--force", is_flag=True, help="Overwrite existing files.")
def command(
    folder: Path,
    name: str | None,
    trigger: str | None,
    web: str | None,
    module: str | None,
    force: bool,
) -> None:
    """Write what a function needs to go live.

    FOLDER (by default the current one) gets a Makefile, a Dockerfile, policies, .dockerignore,
    .gitignore, and a table [tool.lambda-runtime] in pyproject.toml. Existing files are kept, and so
    is an existing table; a pyproject.toml without the table gets it at its end.

    If a file in FOLDER has a handler, it becomes the function's. Otherwise hello.py is written,
    with a handler for the trigger, and payload.json, an event for it. With --web, main.py and
    requirements.txt are written instead, and the trigger is a function URL.
    """
    if name is not None and not (
        _NAME_PATTERN.fullmatch(name) and _SHORTEST <= len(name) <= _LONGEST
    ):
        raise click.UsageError(
            f"{name!r} is not valid for the function, its role, queue and repository: "
            f"--name takes {_SHORTEST} to {_LONGEST} lower-case letters, digits, and - or _ "
            "between them."
        )
    trigger = trigger or ("url" if web else None)
    if web and trigger not in DOORS:
        raise click.UsageError(f"--web goes with --trigger {' or '.join(DOORS)}.")
    _refuse_to_overwrite_by_make(folder)
    project = folder / "pyproject.toml"
    before = _before_table(project)
    name = name or _own_name(folder)
    starter = _WEB_MODULE if web else _MODULE
    found = _module(folder, module, starter if force else None)
    if web and found is not None:
        raise click.UsageError(f"{found} already has a handler: leave out --web.")
    file_name = found or starter
    texts = {file: _named(template(source), name) for file, source in _FILES.items()}
    texts["Makefile"] = _with_module(texts["Makefile"], file_name)
    if found is None:
        texts |= _starter(trigger, web)
    if before is not None:
        table = _with_module(_named(template("pyproject.toml"), name), file_name)
        handler = "app" if web else "handler" if found is None else handler_name(folder / found)
        if handler != "handler":
            table += f'handler = "{Path(file_name).stem}.{handler}"\n'
        if trigger is not None:
            head = f'\n[[tool.lambda-runtime.triggers]]\ntype = "{trigger}"\n'
            table += head + _named(STARTERS[trigger].table, name)
            if web == "fastapi" and trigger == "url":
                table += 'mode = "RESPONSE_STREAM"\n'
        texts[project.name] = _checked(before + _unique(table, name), project)
    existing = {file for file in texts if os.path.lexists(folder / file) and not force}
    existing -= {project.name}
    for file in texts:
        if os.path.lexists(folder / file) and not (folder / file).is_file():
            raise click.ClickException(
                f"cannot write {folder / file}: something that is not a file has this name"
            )
    _write(folder, {file: text for file, text in texts.items() if file not in existing})
    kept = [file for file in texts if file in existing]
    kept += [found] if found is not None and found not in kept else []
    kept += ["the table in pyproject.toml"] if before is None else []
    click.echo(f"Wrote: {', '.join(file for file in texts if file not in existing)}.", err=True)
    if kept:
        click.echo(f"Kept, since they were there: {', '.join(kept)}.", err=True)
    _next_steps(folder, file_name, trigger)


def _write(folder: Path, texts: dict[str, str]) -> None:
    """Write the files, each whole or not at all. Raises click.ClickException."""
    file = folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            file = folder / name
            beside = file.with_name(f".{name}.{os.getpid()}")
            try:
                beside.write_text(text)
                if file.exists():
                    shutil.copymode(file, beside)
                beside.replace(file)
            finally:
                beside.unlink(missing_ok=True)
    except OSError as error:
        raise click.ClickException(
            f"cannot write {file}: {error.strerror}. Files written before it are kept."
        ) from None


def _next_steps(folder: Path, module: str, trigger: str | None) -> None:
    """Say what to do next, in commands that work as they stand."""
    where = "" if folder == Path() else f"cd {folder} && "
    local = f"lambda-runtime local {module}"
    if (folder / "payload.json").exists():
        local += " --event payload.json"
    elif trigger is not None:
        sample = STARTERS[trigger].sample
        local = f"lambda-runtime events show {sample} | {local} --event -"
    else:
        local += " -e '{}'"
    click.echo(f"1. Invoke it here:     {where}{local}")
    click.echo(f"2. Check the project:  {where}lambda-runtime doctor")
    click.echo(f"3. Deploy it:          {where}lambda-runtime deploy")


def _module(folder: Path, chosen: str | None, overwritten: str | None) -> str | None:
    """Return the file that has the handler, None if there is none, or only the one that is to be
    overwritten. Raises UsageError."""
    if chosen is not None:
        if not (folder / chosen).is_file():
            raise click.UsageError(f"--module {chosen}: {folder} has no such file.")
        return chosen
    found = handlers_in(folder)
    if found == [overwritten]:
        return None
    if len(found) > 1:
        raise click.UsageError(
            f"{' and '.join(found)} each have a handler: choose one with --module."
        )
    return found[0] if found else None


def _starter(trigger: str | None, web: str | None) -> dict[str, str]:
    """Return a handler that the trigger fits, or an application, and an event of it."""
    if trigger is None:
        return {_MODULE: template(_MODULE), _PAYLOAD: template(_PAYLOAD)}
    starter = STARTERS[trigger]
    if web:
        files = {_WEB_MODULE: template(f"web/{web}.py"), "requirements.txt": WEB[web]}
        return {**files, _PAYLOAD: starter.payload()}
    return {_MODULE: template(f"handlers/{starter.handler}"), _PAYLOAD: starter.payload()}


def _with_module(text: str, module: str) -> str:
    """Return a template with the file of the handler."""
    text = re.sub(r"^(LAMBDA_MODULE *\?=).*", rf"\1 {module}", text, flags=re.M)
    return re.sub(r"^module = .*", f"module = {json.dumps(module)}", text, flags=re.M)


def _refuse_to_overwrite_by_make(folder: Path) -> None:
    """Raise click.ClickException if make would overwrite a file: its targets are files too."""
    if (folder / VARIABLES).exists():
        return  # make has run here: the files are its own
    taken = [name for name in SENTINELS if (folder / name).exists()]
    if taken:
        raise click.ClickException(
            f"cannot write a Makefile into {folder}: make would overwrite {', '.join(taken)}, "
            f"since it has targets of that name. Move or rename them, or choose another folder."
        )


def _before_table(project: Path) -> str | None:
    """Return the text before the table in pyproject.toml, None if it has the table already."""
    try:
        text = project.read_text()
        found = tomllib.loads(text)
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise click.ClickException(f"cannot read {project}: {error.strerror}") from None
    except ValueError as error:
        raise click.ClickException(
            f"cannot add a table to {project}: it is not TOML: {error}"
        ) from None
    tool = found.get("tool", {})
    if isinstance(tool, dict) and "lambda-runtime" in tool:
        return None
    # What is there is kept, to the byte.
    return text + ("" if text.endswith("\n") or not text else "\n") + ("\n" if text else "")


def _checked(text: str, project: Path) -> str:
    """Return the text of pyproject.toml if it is TOML. Raises click.ClickException.

    A table can't be added where `tool` is written as an inline table or as an array.
    """
    try:
        is_table = isinstance(tomllib.loads(text)["tool"], dict)
    except ValueError:
        is_table = False
    if not is_table:
        raise click.ClickException(
            f"cannot add the table [tool.lambda-runtime] to {project}: `tool` is written there as "
            "an inline table or an array. Write it as tables, [tool.NAME]"
        )
    return text


def _own_name(folder: Path) -> str:
    """Return the name of the project or of its folder, in the letters that AWS takes.

    Two projects of one account with the same name would be one project there.
    """
    found: dict[str, Any] = {}
    with contextlib.suppress(OSError):
        found = tomllib.loads((folder / "pyproject.toml").read_text())
    project = found.get("project")
    for text in ((project or {}).get("name"), folder.resolve().name):
        name = "-".join(re.findall(r"[a-z0-9]+", str(text or "").lower()))[:_LONGEST].strip("-")
        if len(name) >= _SHORTEST:
            return name
    raise click.UsageError(
        f"cannot make a name of {folder.resolve()}: a name has {_SHORTEST} letters or more. "
        "Choose one with --name."
    )


def _unique(text: str, name: str) -> str:
    """Return the table with a project's name that nobody else in the account has.

    Two people may write a `hello` each. The names of the functions are then alike, and this is what
    tells them apart.
    """
    return re.sub(
        r"^name = .*", f'name = "{name}-{secrets.token_hex(3)}"', text, count=1, flags=re.M
    )


def _named(text: str, name: str) -> str:
    """Return a template with the names replaced."""
    for variable, form in _NAMED.items():
        text = re.sub(rf"^({variable} *\??=).*", rf"\1 {form.format(name)}", text, flags=re.M)
    return text.replace(_NAME, name)
