"""Which function a request of the Lambda API means: its name or ARN, and its qualifier.

The constraints and the texts are those of the service, as it has been recorded.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from amazon_lambda_runtime.local.engine.function import VERSION, LocalFunction

from .api_errors import InvokeError, not_found

_NAME = (
    r"(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?"
    r"(\d{12}:)?(function:)?([a-zA-Z0-9-_\.]+)(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+))?"
)
# The groups of _NAME.
_REGION, _PLAIN, _SUFFIX = 3, 11, 13
_QUALIFIER = r"\$(LATEST(\.PUBLISHED)?)|[a-zA-Z0-9-_$]+"
_QUALIFIER_LENGTH = 128
#: What the qualifier of a function URL may be.
URL_QUALIFIER = r"((?!^\d+$)^[0-9a-zA-Z-_]+$)"
#: What may be an alias: not a number, which is a version.
ALIAS = r"(?!^[0-9]+$)([a-zA-Z0-9-_]+)"
# AWS's emulator has one function and calls it so, whatever its name.
_THE_FUNCTION = "function"


@dataclass(frozen=True, slots=True)
class Target:
    """A function, and the qualifier that it was asked for with; "" for none."""

    function: LocalFunction
    qualifier: str

    @property
    def arn(self) -> str:
        """The ARN as it was asked for."""
        return f"{self.function.arn}:{self.qualifier}" if self.qualifier else self.function.arn


def find(
    functions: Iterable[LocalFunction],
    name: str,
    qualifier: str,
    default: str = "",
    missing: str = "Function not found: {arn}",
    pattern: str = _QUALIFIER,
) -> Target:
    """Return what a name or an ARN and a qualifier ("" for none) mean. Raises InvokeError.

    For what does not exist it tells `missing`, where {arn} stands for the ARN that was asked for:
    with the qualifier `default` if there was none. The qualifier has to match `pattern`.
    """
    match = _checked(name, qualifier, pattern)
    plain, suffix = match[_PLAIN], match[_SUFFIX] or ""
    if suffix and qualifier and suffix != qualifier:
        raise InvokeError(
            400,
            "InvalidParameterValueException",
            "The derived qualifier from the function name does not match the specified qualifier.",
        )
    asked = suffix or qualifier
    known = {function.name: function for function in functions}
    function = known.get(plain)
    if function is None and plain == _THE_FUNCTION and len(known) == 1:
        function = next(iter(known.values()))
    any_function = function or next(iter(known.values()), None)
    region = (match[_REGION] or "").rstrip(":")
    here = any_function.region_name if region and any_function is not None else ""
    if here and region != here:
        message = f"Functions from '{region}' are not reachable in this region ('{here}')"
        raise InvokeError(404, "ResourceNotFoundException", message)
    if function is None or asked not in ("", VERSION, *function.aliases):
        prefix = (
            any_function.arn.rpartition(":")[0] if any_function else "arn:aws:lambda:::function"
        )
        told = asked or default
        arn = f"{prefix}:{plain}{f':{told}' if told else ''}"
        raise not_found(missing.replace("{arn}", arn))
    return Target(function, asked)


def find_alias(functions: Iterable[LocalFunction], name: str, alias: str) -> Target:
    """Return a function and its alias of this name. Raises InvokeError."""
    if not re.fullmatch(ALIAS, alias):
        raise _invalid([_pattern("name", alias, ALIAS)])
    return find(functions, name, alias, missing="Cannot find alias arn: {arn}")


# Most requests are for the function that the one before was for.
@lru_cache(maxsize=64)
def _checked(name: str, qualifier: str, pattern: str) -> re.Match[str]:
    errors = []
    if len(qualifier) > _QUALIFIER_LENGTH:
        errors.append(
            f"Value '{qualifier}' at 'qualifier' failed to satisfy constraint: "
            f"Member must have length less than or equal to {_QUALIFIER_LENGTH}"
        )
    if qualifier and not re.fullmatch(pattern, qualifier):
        errors.append(_pattern("qualifier", qualifier, pattern))
    match = re.fullmatch(_NAME, name)
    if match is None:
        errors.append(_pattern("functionName", name, _NAME))
    if errors or match is None:
        raise _invalid(errors)
    return match


def _invalid(errors: list[str]) -> InvokeError:
    count = f"{len(errors)} validation error{'s' if len(errors) > 1 else ''} detected: "
    return InvokeError(400, "ValidationException", count + "; ".join(errors))


def _pattern(member: str, value: str, pattern: str) -> str:
    return (
        f"Value '{value}' at '{member}' failed to satisfy constraint: "
        f"Member must satisfy regular expression pattern: {pattern}"
    )
