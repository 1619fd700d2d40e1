"""The function URL."""

from dataclasses import dataclass
from typing import Annotated

from amazon_lambda_runtime.project.errors import ConfigError
from amazon_lambda_runtime.project.key import Key
from amazon_lambda_runtime.project.values import one_of

from .trigger import Owner, Trigger

_MAX_AGE = (0, 86_400)
_METHODS = ("*", "GET", "PUT", "HEAD", "POST", "PATCH", "DELETE")


@dataclass(frozen=True, slots=True)
class UrlTrigger(Trigger):
    """A function URL."""

    auth: Annotated[str, Key("NONE: anyone may call it", one_of=("NONE", "AWS_IAM"))] = "AWS_IAM"
    mode: Annotated[str, Key("of responses", one_of=("BUFFERED", "RESPONSE_STREAM"))] = "BUFFERED"

    allow_origins: Annotated[
        tuple[str, ...], Key("whose pages may call it (CORS): `https://shop.example`, or `*`")
    ] = ()
    allow_methods: Annotated[tuple[str, ...], Key("which methods they may use, or `*`")] = ()
    allow_headers: Annotated[tuple[str, ...], Key("which fields of a head they may send")] = ()
    expose_headers: Annotated[tuple[str, ...], Key("which of the response they may see")] = ()
    allow_credentials: Annotated[bool, Key("whether they may send cookies")] = False
    max_age: Annotated[
        int, Key("how long a browser remembers this", within=_MAX_AGE, unit="seconds")
    ] = 0

    @property
    def what(self) -> str:
        return "the url"

    @property
    def streams(self) -> bool:
        return self.mode == "RESPONSE_STREAM"

    def check(self, function: Owner) -> None:
        if len(function.triggers_of(UrlTrigger)) > 1:
            raise ConfigError(f"{function.name} has two url triggers: a function has one URL")
        for method in self.allow_methods:
            one_of(f"a method of allow_methods of {function.name}", method, _METHODS)
        others = (
            self.allow_methods, self.allow_headers, self.expose_headers,
            self.allow_credentials, self.max_age,
        )  # fmt: skip
        if any(others) and not self.allow_origins:
            raise ConfigError(f"the url of {function.name} has CORS settings and no allow_origins")
