"""Every command of a page is run as it stands there, or is held here by name, with its reason."""

import re
from pathlib import Path

import pytest

from tests.deploy.world import World

from .pages import COMMANDS, ROOT, Command, steps
from .shell import Shell

# What no test runs, and why: patterns of whole commands.
HELD = {
    r"python3 -m venv .*|source .*|uv .*": "it is for what pip installs",
    r"pip install .*": "from an index or a clone: tests/test_install.py installs",
    r"make (?!lambda|invoke|update|help).*": "the repository's own, which CI runs",
    r"lambda-runtime doctor": "nobody here says what a role may do: tests/deploy/checks has it",
    r"lambda-runtime local hello.py --sqs https://.*": "it is a queue in AWS",
    r"sam deploy .*|npx cdk deploy .*|terraform (init|apply).*|npm install .*": (
        "it is another tool's, and wants an account or a registry"
    ),
    r"sam validate .*|npx cdk synth .*": "tests/docs/test_other_tools.py runs it where it is",
    r".* --env AWS_PROFILE .*": "it calls AWS: tests/docs/test_examples.py has a stand-in for it",
    r"lambda-runtime (invoke .* --no-wait|executions list|destroy --stop-executions)": (
        "its executions would have to be AWS's: tests/deploy/test_executions.py has a stand-in"
    ),
    r"docker .*": "it wants a daemon: make test-deploy builds and runs images",
    r".*node_modules/aws-lambda-ric.*": "that takes minutes to build: tests/local/runtimes has it",
}
# The examples that a page works with, where its own snippets don't tell.
EXAMPLES = {
    "examples/README.md": ["."],
    "docs/guides/extensions.md": ["hello", "extension"],
    "docs/guides/project.md": ["hello", "orders", "shipping"],
    "docs/guides/testing.md": ["hello", "fan_out"],
    "docs/guides/from-zip.md": [],
    "docs/guides/secrets.md": ["hello"],
    "docs/start/tutorial.md": [],
}
# What was done before, as the page says or takes for granted.
BEFORE = {
    "docs/guides/pipelines.md": ["lambda-runtime init"],
    "docs/guides/troubleshooting.md": ["lambda-runtime init", "lambda-runtime deploy"],
}


def held(command: Command) -> str | None:
    """Return why no test runs it, if none does."""
    return next((why for what, why in HELD.items() if re.fullmatch(what, command.text)), None)


def examples(page: Path) -> list[str]:
    """Return the examples that a page shows, and the one that all pages begin with."""
    snippets = re.findall(r"```python\n(.*?)```", page.read_text(), re.S)
    shown = {
        file.parent.name
        for file in sorted(ROOT.glob("examples/*/*.py"))
        if file.read_text() in snippets
    }
    return EXAMPLES.get(str(page.relative_to(ROOT)), ["hello", *sorted(shown - {"hello"})])


@pytest.mark.slow
@pytest.mark.parametrize(
    "page",
    sorted({command.page for command in COMMANDS}),
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_page(world: World, page: Path) -> None:
    """A page's commands succeed, one after the other, and print what the page says."""
    shell = Shell(world, *examples(page))
    try:
        shell.type(*BEFORE.get(str(page.relative_to(ROOT)), []))
        for step in steps(page):
            if not isinstance(step, Command) or held(step) is None:
                shell.do(step)
    finally:
        shell.close()


@pytest.mark.parametrize("command", [command for command in COMMANDS if held(command)], ids=str)
def test_held(command: Command) -> None:
    """What is not run is named, with its reason."""
    pytest.skip(f"not run: {held(command)}")


def test_each_reason_has_a_command() -> None:
    """No pattern of `HELD` is left over."""
    for what in HELD:
        assert any(re.fullmatch(what, command.text) for command in COMMANDS), what
