"""`lambda-runtime init`: write what a function needs to go live into a folder."""

import contextlib
import re
import secrets
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

import click

from .clean import SENTINELS, VARIABLES

EXAMPLES = """
\b
Examples:
  lambda-runtime init
  lambda-runtime init orders --name orders --trigger sqs
"""

# The file in the project, and the template that it is made from.
_FILES = {
    "Makefile": "Makefile",
    "Dockerfile": "Dockerfile",
    "policies": "policies",
    "payload.json": "payload.json",
    "hello.py": "hello.py",
    ".dockerignore": "dockerignore",
    ".gitignore": "gitignore",
}
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
_LONGEST = 59
_NAME_PATTERN = re.compile(r"[a-z0-9]+([-_][a-z0-9]+)*")
_TRIGGERS = {
    "sqs": """\
queue = "lambda-runtime"
batch_size = 10
# A message that failed this many times goes to the queue NAME-dlq.
max_receive_count = 3
""",
    "s3": """\
# A bucket that exists. Its other notifications are left as they are.
bucket = "hello-python-uploads"
events = ["s3:ObjectCreated:*"]
""",
    "sns": """\
topic = "hello-python"
""",
    "eventbridge": """\
rule = "hello-python"
pattern = '{"source": ["my.application"]}'
""",
    "schedule": """\
rule = "hello-python"
expression = "rate(1 day)"
""",
    "alb": """\
# Add `listener`, its ARN, to have requests for /* forwarded; the handler has to return an
# HttpResponse.
target_group = "hello-python"
""",
    "url": """\
# AWS_IAM: callers sign their requests; NONE: the URL is public.
auth = "AWS_IAM"
""",
}


@click.command("init", epilog=EXAMPLES)
@click.argument("folder", type=click.Path(path_type=Path), default=Path())
@click.option(
    "--name",
    help="The function's name.  [default: that of [project] in pyproject.toml, or FOLDER's]",
)
@click.option("--trigger", type=click.Choice(list(_TRIGGERS)), help="What invokes the function.")
@click.option("--force", is_flag=True, help="Overwrite existing files.")
def command(folder: Path, name: str | None, trigger: str | None, force: bool) -> None:
    """Write what a function needs to go live.

    Into FOLDER (the current one by default) go a Makefile, a Dockerfile, policies, payload.json, a
    handler (hello.py), .dockerignore, .gitignore, and a table [tool.lambda-runtime] in
    pyproject.toml. Existing files are kept, and so is an existing table; a pyproject.toml without
    the table gets it at its end.
    """
    if name is not None and not (_NAME_PATTERN.fullmatch(name) and len(name) <= _LONGEST):
        raise click.UsageError(
            f"{name!r} is not valid for the function, its role, queue and repository: "
            f"--name takes up to {_LONGEST} lower-case letters, digits, and - or _ between them."
        )
    _refuse_to_overwrite_by_make(folder)
    project = folder / "pyproject.toml"
    table = _table(project)
    name = name or _own_name(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        kept = []
        for file, template in _FILES.items():
            if (folder / file).exists() and not force:
                kept.append(file)
            else:
                (folder / file).write_text(_named(_template(template), name))
        if table is None:
            kept.append("the table in pyproject.toml")
        else:
            text = table + _unique(_named(_template("pyproject.toml"), name), name)
            if trigger is not None:
                head = f'\n[[tool.lambda-runtime.triggers]]\ntype = "{trigger}"\n'
                text += head + _named(_TRIGGERS[trigger], name)
            project.write_text(text)
    except OSError as error:
        raise click.ClickException(
            f"cannot write {error.filename}: {error.strerror}. Files written before it are kept."
        ) from None
    if kept:
        click.echo(f"Kept: {', '.join(kept)}.", err=True)
    where = "" if folder == Path() else f"cd {folder} && "
    click.echo(f"1. Invoke it here:     {where}lambda-runtime local hello.py --event payload.json")
    click.echo(f"2. Check the project:  {where}lambda-runtime doctor")
    # The Makefile has a target for queues only; `deploy` makes every trigger.
    live = "lambda-runtime deploy" if trigger else "make lambda-function invoke"
    click.echo(f"3. Deploy it:          {where}{live}")


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


def _table(project: Path) -> str | None:
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
    if "lambda-runtime" in found.get("tool", {}):
        return None
    # What is there is kept, to the byte.
    return text + ("" if text.endswith("\n") or not text else "\n") + ("\n" if text else "")


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
        if name:
            return name
    raise click.UsageError(f"cannot make a name of {folder.resolve()}: give one with --name.")


def _template(name: str) -> str:
    return files("amazon_lambda_runtime").joinpath("cli", "templates", name).read_text()


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
