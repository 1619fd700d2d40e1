"""The function URL."""

from dataclasses import dataclass

from amazon_lambda_runtime.project.errors import ConfigError
from amazon_lambda_runtime.project.values import one_of

from .trigger import Owner, Trigger


@dataclass(frozen=True, slots=True)
class UrlTrigger(Trigger):
    """A function URL; `auth` is NONE or AWS_IAM, `mode` BUFFERED or RESPONSE_STREAM."""

    auth: str = "AWS_IAM"
    mode: str = "BUFFERED"

    @property
    def streams(self) -> bool:
        return self.mode == "RESPONSE_STREAM"

    def check(self, function: Owner) -> None:
        one_of(f"auth of {function.name}", self.auth, ("NONE", "AWS_IAM"))
        one_of(f"mode of {function.name}", self.mode, ("BUFFERED", "RESPONSE_STREAM"))
        if len(function.triggers_of(UrlTrigger)) > 1:
            raise ConfigError(f"{function.name} has two url triggers: a function has one URL")
