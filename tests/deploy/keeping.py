"""What moto does not keep, kept by the door before it; and requests, held against AWS's own model.

moto forgets settings that it does not know, so a second plan would find them gone. `NOT_KEPT` says
which, by the key of the project file. What is in it is taken from the request and put into replies.
"""

import json
import re
import urllib.parse
from dataclasses import dataclass, field
from typing import Any

import botocore.session
from botocore import xform_name
from botocore.model import OperationModel, Shape

from amazon_lambda_runtime.deploy.aws import Aws, Reply

_CONFIGURE = "lambda:UpdateFunctionConfiguration"
_ASYNCHRONOUS = "lambda:PutFunctionEventInvokeConfig"
_URL = "lambda:UpdateFunctionUrlConfig"

#: Each key whose value moto loses: the operation that changes it, and the field of its request.
NOT_KEPT: dict[str, tuple[str, str]] = {
    "handler": (_CONFIGURE, "ImageConfig"),
    "ephemeral_storage": (_CONFIGURE, "EphemeralStorage"),
    "architecture": ("lambda:UpdateFunctionCode", "Architectures"),
    "tracing": (_CONFIGURE, "TracingConfig"),
    "dead_letter": (_CONFIGURE, "DeadLetterConfig"),
    "kms_key": (_CONFIGURE, "KMSKeyArn"),
    "snapstart": (_CONFIGURE, "SnapStart"),
    "durable": (_CONFIGURE, "DurableConfig"),
    "log_format": (_CONFIGURE, "LoggingConfig"),
    "log_level": (_CONFIGURE, "LoggingConfig"),
    "system_log_level": (_CONFIGURE, "LoggingConfig"),
    "log_group": (_CONFIGURE, "LoggingConfig"),
    "url.mode": (_URL, "InvokeMode"),
    "url.allow_origins": (_URL, "Cors"),
    "maximum_retry_attempts": (_ASYNCHRONOUS, "MaximumRetryAttempts"),
    "maximum_event_age": (_ASYNCHRONOUS, "MaximumEventAgeInSeconds"),
    "on_failure": (_ASYNCHRONOUS, "DestinationConfig"),
    "on_success": (_ASYNCHRONOUS, "DestinationConfig"),
    "provisioned_concurrency": (
        "lambda:PutProvisionedConcurrencyConfig", "ProvisionedConcurrentExecutions",
    ),
}  # fmt: skip
# What of a function moto does not know at all, or has once for all of its aliases.
_UNKNOWN = re.compile(r"(Get|Put|Delete)(ProvisionedConcurrency|FunctionEventInvoke)Config")
# The operations whose replies have a configuration of the function in them are read by its fields.
_OF_FUNCTION = {
    name for operation, name in NOT_KEPT.values() if operation.startswith("lambda:UpdateFunctionC")
}
_OF_URL = {name for operation, name in NOT_KEPT.values() if operation == _URL}


@dataclass
class Keeper:
    """What was set and would be lost, by the function, or by the version of it."""

    functions: dict[str, dict[str, Any]] = field(default_factory=dict)
    urls: dict[str, dict[str, Any]] = field(default_factory=dict)
    #: By what it is and by the path, which has the alias.
    unknown: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    #: Functions that AWS deletes slowly: how often they are there still when they are asked for.
    lingering: dict[str, int] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)

    def clear(self) -> None:
        self.functions.clear()
        self.urls.clear()
        self.unknown.clear()
        self.lingering.clear()
        self.deleted.clear()

    def answer(self, operation: str, path: str, body: bytes) -> tuple[int, dict[str, Any]] | None:
        """Return the status and the reply of what moto does not know, None of all else."""
        if operation == "DeleteFunction":
            name = f"/functions/{_function(path)}/"
            for each in [each for each in self.unknown if name in each[1]]:
                del self.unknown[each]
            self.deleted.add(_function(path))
        left = self.lingering.get(_function(path), 0)
        if operation == "GetFunctionConfiguration" and left and _function(path) in self.deleted:
            self.lingering[_function(path)] -= 1
            name = _function(path)
            return 200, {**self.functions[name], "FunctionName": name, "State": "Deleting"}
        known = _UNKNOWN.fullmatch(operation)
        if known is None:
            return None
        verb, place = known[1], (known[2], path)
        if verb == "Put":
            self.unknown[place] = reply = json.loads(body)
            # READY at once: what has to be waited for, other tests show.
            reply["Status"] = "READY"
            count = reply.pop("ProvisionedConcurrentExecutions", None)
            reply["RequestedProvisionedConcurrentExecutions"] = count
        elif place not in self.unknown:
            return 404, {"Message": "there is none"}
        elif verb == "Delete":
            del self.unknown[place]
            return 204, {}
        return 200, self.unknown[place]

    def put_right(self, operation: str, path: str, body: bytes, content: bytes) -> bytes:
        """Return the reply of a Lambda operation with what moto has lost."""
        if not content.startswith(b"{"):
            return content
        asked, reply = json.loads(body or b"{}"), json.loads(content)
        name = _function(path) or asked.get("FunctionName", "")
        if "FunctionUrlConfig" in operation:
            kept = self.urls.setdefault(name, {})
            kept.update({key: value for key, value in asked.items() if key in _OF_URL})
            reply.update(kept)
        if operation in ("CreateFunction", "UpdateFunctionConfiguration", "UpdateFunctionCode"):
            kept = self.functions.setdefault(name, {})
            kept.update({key: value for key, value in asked.items() if key in _OF_FUNCTION})
        if operation == "PublishVersion":
            self.functions.setdefault(
                f"{name}:{reply['Version']}", dict(self.functions.get(name, {}))
            )
        listed = [*reply.get("Versions", ()), *reply.get("Functions", ())]
        for each in [reply, reply.get("Configuration"), *listed]:
            if isinstance(each, dict) and "FunctionName" in each and "Version" in each:
                self._overlay(each)
        return json.dumps(reply).encode()

    def _overlay(self, configuration: dict[str, Any]) -> None:
        name, version = configuration["FunctionName"], configuration["Version"]
        whole = name if version == "$LATEST" else f"{name}:{version}"
        for key, value in self.functions.get(whole, {}).items():
            if key == "ImageConfig":
                configuration["ImageConfigResponse"] = {"ImageConfig": value}
            else:
                configuration[key] = value


def _function(path: str) -> str:
    """Return the name of the function in a path, "" if there is none."""
    found = re.match(r"/[\d-]+/functions/([^/?]+)", path)
    return urllib.parse.unquote(found[1]).rpartition(":")[2] if found else ""


def model(service: str, operation: str) -> OperationModel:
    """Return AWS's model of an operation, by the name that boto3 or the API has for it."""
    whole = botocore.session.get_session().get_service_model(service)
    name = next(n for n in whole.operation_names if operation in (n, xform_name(n)))
    return whole.operation_model(name)


class Strict(Aws):
    """An AWS that holds each request against AWS's model, patterns and ranges too, and keeps it."""

    sent: list[tuple[str, Reply]]

    def send(self, service: str, operation: str, parameters: Reply) -> Reply:
        of = model(service, operation)
        if of.input_shape is not None:
            _check(of.input_shape, parameters, f"{service}:{of.name}")
        self.sent.append((f"{service}:{of.name}", parameters))
        return super().send(service, operation, parameters)


def _check(shape: Shape, value: Any, where: str) -> None:
    """Raise AssertionError for a value that AWS's model does not allow."""
    limits: Any = shape.metadata
    of: Any = shape
    match shape.type_name:
        case "structure":
            assert isinstance(value, dict), where
            assert set(of.members) >= set(value), f"{where}: {set(value) - set(of.members)}"
            assert set(value) >= set(of.required_members), where
            for name, part in value.items():
                _check(of.members[name], part, f"{where}.{name}")
        case "list":
            assert isinstance(value, list | tuple), where
            _within(limits, len(value), where)
            for part in value:
                _check(of.member, part, f"{where}[]")
        case "map":
            for name, part in value.items():
                _check(of.key, name, f"{where} key")
                _check(of.value, part, f"{where}.{name}")
        case "string":
            assert isinstance(value, str), where
            _within(limits, len(value), where)
            assert value in limits.get("enum", [value]), f"{where} is {value!r}"
            assert _matches(limits.get("pattern", ""), value), f"{where} is {value!r}"
        case "integer" | "long":
            assert type(value) is int, where
            _within(limits, value, where)
        case "boolean":
            assert isinstance(value, bool), where


def _within(limits: dict[str, Any], value: int, where: str) -> None:
    assert limits.get("min", value) <= value <= limits.get("max", value), f"{where} is {value}"


def _matches(pattern: str, value: str) -> bool:
    try:
        return not pattern or re.fullmatch(pattern, value) is not None
    except re.error:
        return True  # \p{L} is Java's
