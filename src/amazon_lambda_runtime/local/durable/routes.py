"""The paths of the durable operations in the Lambda API, and how each request is read.

https://docs.aws.amazon.com/lambda/latest/api/API_GetDurableExecution.html
"""

import json
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, unquote

from amazon_lambda_runtime.local.api.api_errors import InvokeError, refusal
from amazon_lambda_runtime.local.api.function_names import find
from amazon_lambda_runtime.local.api.invoke_api import DURABLE_PATH
from amazon_lambda_runtime.local.engine.function import LocalFunction
from amazon_lambda_runtime.local.engine.invocation import new_id
from amazon_lambda_runtime.local.http import Response
from amazon_lambda_runtime.project.aws_limits import DURABLE_NAME
from amazon_lambda_runtime.protocol import JSON

from .documents import Document, as_json, invalid
from .operations import Operations

_ARN = r"durable-executions/(.+?)"
_CALLBACK = r"durable-execution-callbacks/(.+)"
# The items of one page at most.
_ITEMS = 1000


class Routes:
    """Answers the requests for durable executions; it may block."""

    def __init__(self, functions: Callable[[], list[LocalFunction]], operations: Operations):
        self._functions = functions
        self._do = operations
        self._routes: list[tuple[str, re.Pattern[str], Callable[..., Document], int]] = [
            (method, re.compile(DURABLE_PATH + pattern), view, status)
            for method, pattern, view, status in (
                ("POST", rf"{_ARN}/checkpoint", self._checkpoint, 200),
                ("GET", rf"{_ARN}/history", self._history, 200),
                ("GET", rf"{_ARN}/state", self._state, 200),
                ("POST", rf"{_ARN}/stop", self._stop, 200),
                ("POST", rf"{_ARN}/pause", self._pause, 202),
                ("POST", rf"{_ARN}/resume", self._resume, 202),
                ("GET", _ARN, self._get, 200),
                ("DELETE", _ARN, self._delete, 202),
                ("GET", r"functions/([^/]+)/durable-executions", self._list, 200),
                ("POST", rf"{_CALLBACK}/succeed", self._succeed, 200),
                ("POST", rf"{_CALLBACK}/fail", self._fail, 200),
                ("POST", rf"{_CALLBACK}/heartbeat", self._heartbeat, 200),
            )
        ]

    def respond(self, method: str, path: str, query: str, body: bytes) -> Response:
        """Return the response to a request for one of these paths."""
        try:
            view, status, names = self._find(method, path)
            document = view(_Asked(query, body), *names)
        except InvokeError as error:
            return refusal(error)
        except Exception as error:
            # A fault of the engine's is told, and does not keep the client waiting.
            message = f"{type(error).__name__}: {error}"
            return refusal(InvokeError(500, "ServiceException", message))
        headers = {"Content-Type": JSON, "X-Amzn-RequestId": new_id()}
        return Response(status, headers, as_json(document))

    def _find(self, method: str, path: str) -> tuple[Callable[..., Document], int, list[str]]:
        methods = []
        for known, pattern, view, status in self._routes:
            match = pattern.fullmatch(path)
            if match is not None and known == method:
                return view, status, [unquote(name) for name in match.groups()]
            if match is not None:
                methods.append(known)
        if methods:
            message = f"Cannot {method} {path}: {methods[0]} it"
            raise InvokeError(405, "UnknownOperationException", message)
        raise InvokeError(404, "UnknownOperationException", f"Unknown path {path}")

    def _checkpoint(self, asked: "_Asked", arn: str) -> Document:
        return self._do.checkpoint(arn, asked.document())

    def _history(self, asked: "_Asked", arn: str) -> Document:
        return self._do.history(
            arn,
            asked.flag("IncludeExecutionData", False),
            asked.flag("ReverseOrder", False),
            asked.text("Marker"),
            asked.count(),
        )

    def _state(self, asked: "_Asked", arn: str) -> Document:
        return self._do.state(
            arn, asked.text("CheckpointToken"), asked.text("Marker"), asked.count()
        )

    def _stop(self, asked: "_Asked", arn: str) -> Document:
        return self._do.stop(arn, asked.error())

    def _pause(self, asked: "_Asked", arn: str) -> Document:
        return self._do.pause(arn, asked.document())

    def _resume(self, asked: "_Asked", arn: str) -> Document:
        return self._do.resume(arn, asked.document())

    def _get(self, asked: "_Asked", arn: str) -> Document:
        return self._do.get(arn, asked.flag("IncludeExecutionData", True))

    def _delete(self, asked: "_Asked", arn: str) -> Document:
        return self._do.delete(arn)

    def _list(self, asked: "_Asked", name: str) -> Document:
        wanted = asked.text("DurableExecutionName")
        if wanted and not DURABLE_NAME.fullmatch(wanted):
            raise invalid(f"Invalid name of a durable execution: {wanted!r}")
        return self._do.list(
            find(self._functions(), name, asked.text("Qualifier")),
            wanted,
            asked.texts("Statuses"),
            asked.time("StartedAfter"),
            asked.time("StartedBefore"),
            asked.flag("ReverseOrder", False),
            asked.text("Marker"),
            asked.count(),
        )

    def _succeed(self, asked: "_Asked", callback: str) -> Document:
        return self._do.succeed(callback, asked.body)

    def _fail(self, asked: "_Asked", callback: str) -> Document:
        return self._do.fail(callback, asked.error())

    def _heartbeat(self, asked: "_Asked", callback: str) -> Document:
        return self._do.heartbeat(callback)


class _Asked:
    """The query and the body of a request. Its methods raise InvokeError."""

    def __init__(self, query: str, body: bytes) -> None:
        self._query = parse_qs(query)
        self.body = body

    def texts(self, name: str) -> list[str]:
        return self._query.get(name, [])

    def text(self, name: str) -> str:
        return self._query.get(name, [""])[0]

    def flag(self, name: str, default: bool) -> bool:
        text = self.text(name)
        return text == "true" if text else default

    def count(self) -> int:
        text = self.text("MaxItems") or "0"
        if not text.isdecimal() or int(text) > _ITEMS:
            raise invalid(f"MaxItems is {text}: it has to be 0 to {_ITEMS}")
        return int(text)

    def time(self, name: str) -> float | None:
        """Return a time, given in ISO 8601 or in seconds."""
        text = self.text(name)
        if not text:
            return None
        try:
            return float(text)
        except ValueError:
            pass
        try:
            return datetime.fromisoformat(text).timestamp()
        except ValueError:
            raise invalid(f"{name} is {text}: it has to be a time in ISO 8601") from None

    def document(self) -> Document:
        if not self.body:
            return {}
        try:
            found: Any = json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise invalid(f"Could not parse request body into json: {error}") from None
        if not isinstance(found, dict):
            raise invalid("The request body has to be an object")
        return found

    def error(self) -> Document | None:
        """Return the error object that is the body, None if there is none."""
        document = self.document()
        # It is the payload itself; some clients wrap it.
        found = document.get("Error", document)
        return found if isinstance(found, dict) and found else None
