"""`lambda-runtime schema`: what an editor needs to complete and to check pyproject.toml."""

import json

import click

EXAMPLES = """
\b
Examples:
  lambda-runtime schema > lambda-runtime.json
"""


@click.command("schema", epilog=EXAMPLES)
def command() -> None:
    """Print the JSON schema of pyproject.toml, for editors.

    It has each key of [tool.lambda-runtime] with its type, its range and its purpose. Editors that
    use Taplo (VS Code with Even Better TOML, for one) find it by a comment in the first line of
    pyproject.toml: #:schema ./lambda-runtime.json
    """
    from amazon_lambda_runtime.project.schema import schema

    click.echo(json.dumps(schema(), indent=2))
