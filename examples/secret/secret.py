from functools import cache
from typing import Any

import boto3

from amazon_lambda_runtime import Context


@cache
def password() -> str:
    found: dict[str, str] = boto3.client("secretsmanager").get_secret_value(
        SecretId="shop-database"
    )
    return found["SecretString"]


def handler(event: Any, context: Context) -> Any:
    return {"connected": len(password()) > 0}
