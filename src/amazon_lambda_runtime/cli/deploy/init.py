"""`lambda-runtime init`: what takes a file of code to a live function, written into a folder."""

import re
import tomllib
from importlib.resources import files
from pathlib import Path

import click

from .clean import SENTINELS, VARIABLES

EXAMPLES = """
\b
Examples:
  lambda-runtime init
  lambda-runtime init orders --name orders --trigger sqs
"""

# The file in the project, and the template that it is a copy of.
_FILES = {
    "Makefile": "Makefile",
    "Dockerfile": "Dockerfile",
    "policies": "policies",
    "payload.json": "payload.json",
    "hello.py": "hello.py",
    ".dockerignore": "dockerignore",
    ".gitignore": "gitignore",
}
# What the templates say; and what follows a name of one's own: variables of the Makefile, and keys
# of the table.
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
# Good for a function, a role (with -role behind it), a queue and a repository alike.
_NAME_PATTERN = re.compile(r"[a-z0-9]+([-_][a-z0-9]+)*")
_TRIGGERS = {
    "sqs": """\
queue = "lambda-runtime"
batch_size = 10
# A message that failed so often goes to the queue NAME-dlq.
max_receive_count = 3
""",
    "s3": """\
# A bucket that exists. What else it tells to whom is left as it is.
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
# Put `listener`, its ARN, here to have requests for /* forwarded; the handler's answer has to be an
# HttpResponse.
target_group = "hello-python"
""",
    "url": """\
# AWS_IAM: who calls it signs the request; NONE: anybody may.
auth = "AWS_IAM"
""",
}


@click.command("init", epilog=EXAMPLES)
@click.argument("folder", type=click.Path(path_type=Path), default=Path())
@click.option("--name", help=f"Of the function and what belongs to it.  [default: {_NAME}]")
@click.option("--trigger", type=click.Choice(list(_TRIGGERS)), help="What invokes the function.")
@click.option("--force", is_flag=True, help="Overwrite files that are there.")
def command(folder: Path, name: str | None, trigger: str | None, force: bool) -> None:
    """Write what a function needs to go live into FOLDER (this one by default).

    That is a Makefile, a Dockerfile, policies, payload.json, a handler (hello.py), what images and
    git leave out, and a table [tool.lambda-runtime] in pyproject.toml. A file that is there is
    kept, and so is such a table; a pyproject.toml without one gets it at its end.
    """
    if name is not None and not (_NAME_PATTERN.fullmatch(name) and len(name) <= 59):
        raise click.UsageError(
            f"{name!r} cannot name the function, its role, queue and repository alike: "
            f"--name takes up to 59 lower-case letters, digits, and - or _ between them."
        )
    _refuse_to_overwrite_by_make(folder)
    project = folder / "pyproject.toml"
    table = _table(project)
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
            text = table + _named(_template("pyproject.toml"), name)
            if trigger is not None:
                head = f'\n[[tool.lambda-runtime.triggers]]\ntype = "{trigger}"\n'
                text += head + _named(_TRIGGERS[trigger], name)
            project.write_text(text)
    except OSError as error:
        raise click.ClickException(
            f"cannot write {error.filename}: {error.strerror}. What was written before stays."
        ) from None
    if kept:
        click.echo(f"Kept: {', '.join(kept)}.", err=True)
    where = "" if folder == Path() else f"cd {folder} && "
    click.echo(
        f"1. See it answer here:     {where}lambda-runtime local hello.py --event payload.json"
    )
    click.echo(f"2. See what is missing:    {where}lambda-runtime doctor")
    # make knows of a queue only; `deploy` of every trigger.
    live = "lambda-runtime deploy" if trigger else "make lambda-function invoke"
    click.echo(f"3. Bring it to life:       {where}{live}")


def _refuse_to_overwrite_by_make(folder: Path) -> None:
    """Make sure that what make will write is nobody's: its files are named as its targets."""
    if (folder / VARIABLES).exists():
        return  # make has been here: they are its own
    taken = [name for name in SENTINELS if (folder / name).exists()]
    if taken:
        raise click.ClickException(
            f"cannot write a Makefile into {folder}: make would overwrite {', '.join(taken)}, "
            f"since it has targets of that name. Move or rename them, or choose another folder."
        )


def _table(project: Path) -> str | None:
    """Return what goes before the table in pyproject.toml, None if it has one already."""
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
    # What is there stays as it is, to the byte.
    return text + ("" if text.endswith("\n") or not text else "\n") + ("\n" if text else "")


def _template(name: str) -> str:
    return files("amazon_lambda_runtime").joinpath("cli", "templates", name).read_text()


def _named(text: str, name: str | None) -> str:
    """Return a template for a function of this name; the templates are for one of their own."""
    if name is None:
        return text
    for variable, form in _NAMED.items():
        text = re.sub(rf"^({variable} *\??=).*", rf"\1 {form.format(name)}", text, flags=re.M)
    return text.replace(_NAME, name)
