"""The function URL."""

from dataclasses import dataclass
from typing import Annotated

from amazon_lambda_runtime.project.errors import ConfigError
from amazon_lambda_runtime.project.key import Key

from .trigger import Owner, Trigger


@dataclass(frozen=True, slots=True)
class UrlTrigger(Trigger):
    """A function URL."""

    auth: Annotated[str, Key("NONE: anyone may call it", one_of=("NONE", "AWS_IAM"))] = "AWS_IAM"
    mode: Annotated[str, Key("of responses", one_of=("BUFFERED", "RESPONSE_STREAM"))] = "BUFFERED"

    @property
    def what(self) -> str:
        return "the url"

    @property
    def streams(self) -> bool:
        return self.mode == "RESPONSE_STREAM"

    def check(self, function: Owner) -> None:
        if len(function.triggers_of(UrlTrigger)) > 1:
            raise ConfigError(f"{function.name} has two url triggers: a function has one URL")
