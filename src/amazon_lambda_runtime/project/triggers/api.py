"""APIs of API Gateway that send every request to the function."""

import re
from dataclasses import dataclass
from typing import Annotated

from amazon_lambda_runtime.project.key import Key
from amazon_lambda_runtime.project.values import matches

from .trigger import Owner, Trigger

_API = re.compile(r"[\w.-]{1,128}", re.ASCII)


@dataclass(frozen=True, slots=True)
class ApiTrigger(Trigger):
    """An API of either kind."""

    api: Annotated[str, Key("the API's name; it is made")]

    def check(self, function: Owner) -> None:
        matches(f"api of {function.name}", self.api, _API, "up to 128 letters, digits, _ . -")


@dataclass(frozen=True, slots=True)
class HttpApiTrigger(ApiTrigger):
    """An HTTP API whose every route is the function's: anyone may call it."""

    @property
    def what(self) -> str:
        return f"HTTP API {self.api}"


@dataclass(frozen=True, slots=True)
class RestApiTrigger(ApiTrigger):
    """A REST API whose every path is the function's, in the stage `live`: anyone may call it."""

    mode: Annotated[str, Key("of responses", one_of=("BUFFERED", "RESPONSE_STREAM"))] = "BUFFERED"

    @property
    def what(self) -> str:
        return f"REST API {self.api}"

    @property
    def streams(self) -> bool:
        return self.mode == "RESPONSE_STREAM"
