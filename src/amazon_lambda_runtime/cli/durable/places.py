"""Where executions are asked for: AWS, or the local Lambda at a port. Both answer alike."""

import functools
import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from urllib.parse import quote, urlencode

import click

from amazon_lambda_runtime.cli.deploy.project_options import errors, load, project_options

if TYPE_CHECKING:
    from amazon_lambda_runtime.deploy.aws import Aws

F = TypeVar("F", bound=Callable[..., Any])
Document = dict[str, Any]

_PORT = 9000
# In seconds.
_PATIENCE = 30
_EXECUTION = "/2025-12-01/durable-executions/{DurableExecutionArn}"
_CALLBACK = "/2025-12-01/durable-execution-callbacks/{CallbackId}"
# Each operation: its method and path, and which parameter is the body as it stands.
_OPERATIONS = {
    "list_durable_executions_by_function": (
        "GET", "/2025-12-01/functions/{FunctionName}/durable-executions", "",
    ),
    "get_durable_execution": ("GET", _EXECUTION, ""),
    "get_durable_execution_history": ("GET", f"{_EXECUTION}/history", ""),
    "stop_durable_execution": ("POST", f"{_EXECUTION}/stop", "Error"),
    "pause_durable_execution": ("POST", f"{_EXECUTION}/pause", ""),
    "resume_durable_execution": ("POST", f"{_EXECUTION}/resume", ""),
    "send_durable_execution_callback_success": ("POST", f"{_CALLBACK}/succeed", "Result"),
    "send_durable_execution_callback_failure": ("POST", f"{_CALLBACK}/fail", "Error"),
    "send_durable_execution_callback_heartbeat": ("POST", f"{_CALLBACK}/heartbeat", ""),
}  # fmt: skip


class Place(Protocol):
    """Answers the operations of the Lambda API about durable executions."""

    def functions(self) -> Sequence[str]:
        """Return the names of the functions that there are."""

    def call(self, operation: str, **parameters: Any) -> Document:
        """Return the reply to an operation."""


class Here:
    """The local Lambda at a port. Raises click.ClickException."""

    def __init__(self, port: int, function: str | None) -> None:
        self._base = f"http://127.0.0.1:{port}"
        self._function = function

    def functions(self) -> Sequence[str]:
        found = self._ask("GET", "/2015-03-31/functions/", b"")["Functions"]
        names = [each["FunctionName"] for each in found if "DurableConfig" in each]
        if self._function is not None and self._function not in names:
            raise click.ClickException(f"there is no durable function {self._function!r}")
        if not names:
            raise click.ClickException(f"no function at {self._base} is durable")
        return [self._function] if self._function is not None else names

    def call(self, operation: str, **parameters: Any) -> Document:
        method, pattern, payload = _OPERATIONS[operation]
        path = pattern
        for name in list(parameters):
            if f"{{{name}}}" in pattern:
                path = path.replace(f"{{{name}}}", quote(str(parameters.pop(name)), safe=""))
        body = parameters.pop(payload, b"") if payload else b""
        if isinstance(body, dict):
            body = json.dumps(body).encode()
        if method == "GET" and parameters:
            path += f"?{urlencode(_query(parameters), doseq=True)}"
        elif parameters:
            body = json.dumps(parameters).encode()
        return self._ask(method, path, body)

    def _ask(self, method: str, path: str, body: bytes) -> Document:
        asked = urllib.request.Request(
            self._base + path, data=body if method != "GET" else None, method=method
        )
        # No proxy: it is this machine.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(asked, timeout=_PATIENCE) as response:
                found: Document = json.loads(response.read() or b"{}")
                return found
        except urllib.error.HTTPError as error:
            with error:
                raise click.ClickException(_reason(error.read())) from None
        except OSError as error:
            reason = getattr(error, "reason", None) or error
            raise click.ClickException(
                f"no local Lambda answers at {self._base} ({reason}): is `lambda-runtime local` "
                "running, and with this --port?"
            ) from None
        except ValueError:
            raise click.ClickException(
                f"what answers at {self._base} is not a local Lambda: check --local."
            ) from None


class There:
    """The functions of a project in AWS. Raises DeployError."""

    def __init__(self, aws: "Aws", functions: Sequence[str]) -> None:
        self._aws = aws
        self._functions = functions

    def functions(self) -> Sequence[str]:
        return self._functions

    def call(self, operation: str, **parameters: Any) -> Document:
        return self._aws.call("lambda", operation, **parameters)


def place_options(command: F) -> F:
    """Give a command its `place`: by --local [PORT], or by the options of a project."""

    @click.option(
        "--local",
        "port",
        is_flag=False,
        flag_value=str(_PORT),
        type=click.IntRange(1, 65535),
        metavar="[PORT]",
        help="Use the local Lambda at this port (9000 if none is given) instead of AWS.",
    )
    @project_options
    @functools.wraps(command)
    def run(folder: Path, port: int | None, **options: Any) -> Any:
        flags = {name: options.pop(name) for name in ("function", "region", "profile")}
        with errors():
            if port is not None:
                return command(Here(port, flags["function"]), **options)
            project, aws = load(folder, **flags)
            names = [each.name for each in project.functions if each.durable is not None]
            place = There(aws, names or [each.name for each in project.functions])
            return command(place, **options)

    return run  # type: ignore[return-value]


def pages(place: Place, operation: str, key: str, **parameters: Any) -> Iterator[Document]:
    """Yield what is under `key` in every page of a reply."""
    while True:
        page = place.call(operation, **parameters)
        yield from page.get(key) or ()
        if not page.get("NextMarker"):
            return
        parameters["Marker"] = page["NextMarker"]


def time_of(value: Any) -> datetime:
    """Return a time, which is a number here and a datetime there."""
    if isinstance(value, datetime):
        return value
    return datetime.fromtimestamp(value, UTC)


def _query(parameters: Document) -> Document:
    return {
        name: str(value).lower() if isinstance(value, bool) else value
        for name, value in parameters.items()
    }


def _reason(body: bytes) -> str:
    try:
        document = json.loads(body)
        found = document.get("Message") or document.get("message")
        return str(found)
    except (ValueError, AttributeError):
        return body.decode("utf-8", "replace") or "the local Lambda gives no reason"
