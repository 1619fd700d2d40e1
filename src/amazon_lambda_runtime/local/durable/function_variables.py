"""The variables by which AWS's SDK, in a durable function, finds this Lambda."""

import os
from pathlib import Path

from amazon_lambda_runtime.local.engine.function import LocalFunction

# Where credentials may come from, beside variables and files of the home folder.
_CREDENTIALS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_PROFILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
)


def variables(function: LocalFunction, port: int) -> dict[str, str]:
    """Return the variables by which AWS's SDK finds this Lambda."""
    found = {"AWS_ENDPOINT_URL_LAMBDA": f"http://127.0.0.1:{port}"}
    inherited = os.environ if function.inherited is None else function.inherited
    variables = {**inherited, **function.environment}
    home = Path(variables.get("HOME", "/nowhere"))
    files = (
        Path(variables.get("AWS_SHARED_CREDENTIALS_FILE", home / ".aws/credentials")),
        Path(variables.get("AWS_CONFIG_FILE", home / ".aws/config")),
    )
    if not any(name in variables for name in _CREDENTIALS) and not any(
        file.is_file() for file in files
    ):
        # Requests have to be signed, and nobody looks at it.
        found |= {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
    return found
