"""The Lambda API about functions: what SDKs, their waiters and Terraform read. Nothing is changed.

https://docs.aws.amazon.com/lambda/latest/api/API_GetFunction.html
"""

import hashlib
import re
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import parse_qs, unquote

from amazon_lambda_runtime.local.engine.function import VERSION, LocalFunction
from amazon_lambda_runtime.local.engine.invocation import new_id
from amazon_lambda_runtime.local.http import Request, Response, json_response
from amazon_lambda_runtime.project.aws_limits import TIMEOUT

from .api_errors import not_found
from .cors import Cors
from .function_names import URL_QUALIFIER, Target, find, find_alias

_NO_RESOURCE = "The resource you requested does not exist."
# What the lists of functions and versions leave out.
_OF_ONE = ("State", "LastUpdateStatus")


@dataclass(frozen=True, slots=True)
class Url:
    """A function URL."""

    address: str
    streams: bool
    cors: Cors | None = None


@dataclass(frozen=True, slots=True)
class Mapping:
    """An event source mapping; `window` is in seconds."""

    function: LocalFunction
    source_arn: str
    batch_size: int
    window: int
    partial: bool


class Functions(Protocol):
    """What there is to read."""

    def functions(self) -> Iterable[LocalFunction]: ...

    def url(self, function: LocalFunction) -> Url | None: ...

    def mappings(self) -> Sequence[Mapping]: ...


class FunctionsApi:
    """Answers the GET requests of the Lambda API."""

    def __init__(self, service: Functions) -> None:
        self._service = service
        self._since = time.time()
        of_one = r"functions/([^/]+)"
        self._routes: list[tuple[re.Pattern[str], Callable[..., dict[str, Any]]]] = [
            (re.compile(pattern), view)
            for pattern, view in (
                (r"/2015-03-31/functions/?", self._list),
                (rf"/2015-03-31/{of_one}", self._get),
                (rf"/2015-03-31/{of_one}/configuration", self._configuration),
                (rf"/2015-03-31/{of_one}/versions", self._versions),
                (rf"/2015-03-31/{of_one}/aliases", self._aliases),
                (rf"/2015-03-31/{of_one}/aliases/([^/]+)", self._alias),
                (rf"/2021-10-31/{of_one}/url", self._url),
                (rf"/2021-10-31/{of_one}/urls", self._urls),
                (r"/2015-03-31/event-source-mappings/?", self._mappings),
            )
        ]

    def respond(self, request: Request) -> Response | None:
        """Return the response, None if the path is not one of these. Raises InvokeError."""
        for pattern, view in self._routes:
            if match := pattern.fullmatch(request.path):
                query = {name: values[0] for name, values in parse_qs(request.query).items()}
                document = view(query, *(unquote(name) for name in match.groups()))
                return json_response(200, document, {"X-Amzn-RequestId": new_id()})
        return None

    def _list(self, query: dict[str, str]) -> dict[str, Any]:
        functions = [Target(function, "") for function in self._service.functions()]
        return {"Functions": [self._brief(target) for target in functions]}

    def _get(self, query: dict[str, str], name: str) -> dict[str, Any]:
        target = self._find(name, query)
        code = {"RepositoryType": "local", "Location": target.function.task_root}
        return {"Configuration": self._whole(target), "Code": code}

    def _configuration(self, query: dict[str, str], name: str) -> dict[str, Any]:
        return self._whole(self._find(name, query))

    def _versions(self, query: dict[str, str], name: str) -> dict[str, Any]:
        return {"Versions": [self._brief(Target(self._find(name, {}).function, VERSION))]}

    def _aliases(self, query: dict[str, str], name: str) -> dict[str, Any]:
        function = self._find(name, {}).function
        return {"Aliases": [self._alias_configuration(function, each) for each in function.aliases]}

    def _alias(self, query: dict[str, str], name: str, alias: str) -> dict[str, Any]:
        target = find_alias(self._service.functions(), name, alias)
        return self._alias_configuration(target.function, target.qualifier)

    def _url(self, query: dict[str, str], name: str) -> dict[str, Any]:
        # An unknown function is told as one that has no URL: that is what AWS does.
        target = find(
            self._service.functions(),
            name,
            query.get("Qualifier", ""),
            missing=_NO_RESOURCE,
            pattern=URL_QUALIFIER,
        )
        configuration = self._url_configuration(target.function)
        if configuration is None:
            raise not_found(_NO_RESOURCE)
        return configuration

    def _urls(self, query: dict[str, str], name: str) -> dict[str, Any]:
        target = find(self._service.functions(), name, "", missing="Function does not exist")
        configuration = self._url_configuration(target.function)
        return {"FunctionUrlConfigs": [configuration] if configuration is not None else []}

    def _mappings(self, query: dict[str, str]) -> dict[str, Any]:
        mappings = self._service.mappings()
        if name := query.get("FunctionName"):
            function = self._find(name, {}).function
            mappings = [mapping for mapping in mappings if mapping.function == function]
        if source := query.get("EventSourceArn"):
            mappings = [mapping for mapping in mappings if mapping.source_arn == source]
        return {"EventSourceMappings": [self._mapping(mapping) for mapping in mappings]}

    def _find(self, name: str, query: dict[str, str]) -> Target:
        return find(self._service.functions(), name, query.get("Qualifier", ""))

    def _whole(self, target: Target) -> dict[str, Any]:
        """Return a function's settings. Its code is a folder: the hash is that of its command."""
        function = target.function
        code = repr((function.task_root, list(function.command)))
        return {
            "FunctionName": function.name,
            "FunctionArn": target.arn,
            "Role": f"arn:aws:iam::{function.account}:role/local",
            "CodeSize": 0,
            "CodeSha256": hashlib.sha256(code.encode()).hexdigest(),
            "Description": "",
            "Timeout": int(function.timeout) or TIMEOUT[1],
            "MemorySize": function.memory_size,
            "LastModified": self._time(),
            "Version": VERSION,
            "Environment": {"Variables": dict(function.environment)},
            "TracingConfig": {"Mode": "PassThrough"},
            "RevisionId": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{function.arn} {self._since}")),
            "State": "Active",
            "LastUpdateStatus": "Successful",
            "PackageType": "Image",
            "ImageConfigResponse": {"ImageConfig": {"Command": [function.handler]}},
            "Architectures": ["x86_64"],
            "EphemeralStorage": {"Size": 512},
            "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
            "LoggingConfig": {
                "LogFormat": "JSON" if function.logs_json else "Text",
                "LogGroup": f"/aws/lambda/{function.name}",
            },
            **_durable_config(function),
        }

    def _brief(self, target: Target) -> dict[str, Any]:
        whole = self._whole(target)
        return {name: value for name, value in whole.items() if name not in _OF_ONE}

    def _alias_configuration(self, function: LocalFunction, alias: str) -> dict[str, Any]:
        arn = Target(function, alias).arn
        return {
            "AliasArn": arn,
            "Description": "",
            "FunctionVersion": VERSION,
            "Name": alias,
            "RevisionId": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{arn} {self._since}")),
        }

    def _url_configuration(self, function: LocalFunction) -> dict[str, Any] | None:
        url = self._service.url(function)
        if url is None:
            return None
        return {
            "FunctionUrl": url.address,
            "FunctionArn": function.arn,
            "AuthType": "NONE",
            **({"Cors": url.cors.configuration()} if url.cors is not None else {}),
            "InvokeMode": "RESPONSE_STREAM" if url.streams else "BUFFERED",
            "CreationTime": self._time(),
            "LastModifiedTime": self._time(),
        }

    def _mapping(self, mapping: Mapping) -> dict[str, Any]:
        function = mapping.function
        return {
            "UUID": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{function.arn} {mapping.source_arn}")),
            "EventSourceArn": mapping.source_arn,
            "FunctionArn": function.arn,
            "BatchSize": mapping.batch_size,
            "MaximumBatchingWindowInSeconds": mapping.window,
            "LastModified": self._since,
            "State": "Enabled",
            "StateTransitionReason": "USER_INITIATED",
            "FunctionResponseTypes": ["ReportBatchItemFailures"] if mapping.partial else [],
        }

    def _time(self) -> str:
        return time.strftime("%Y-%m-%dT%H:%M:%S.000+0000", time.gmtime(self._since))


def _durable_config(function: LocalFunction) -> dict[str, Any]:
    durable = function.durable
    if durable is None:
        return {}
    return {
        "DurableConfig": {
            "ExecutionTimeout": durable.execution_timeout,
            "RetentionPeriodInDays": durable.retention_days,
        }
    }
