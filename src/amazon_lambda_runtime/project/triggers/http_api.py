"""An HTTP API of API Gateway that sends every request to the function."""

import re
from dataclasses import dataclass
from typing import Annotated

from amazon_lambda_runtime.project.key import Key
from amazon_lambda_runtime.project.values import matches

from .trigger import Owner, Trigger

_API = re.compile(r"[\w.-]{1,128}", re.ASCII)


@dataclass(frozen=True, slots=True)
class HttpApiTrigger(Trigger):
    """An HTTP API whose every route is the function's: anyone may call it."""

    api: Annotated[str, Key("the API's name; it is made")]

    @property
    def what(self) -> str:
        return f"HTTP API {self.api}"

    def check(self, function: Owner) -> None:
        matches(f"api of {function.name}", self.api, _API, "up to 128 letters, digits, _ . -")
