"""Durable executions of functions, as far as a deployment asks for them: moto has none."""

import json
import re
import urllib.parse
from dataclasses import dataclass, field
from typing import Any

Reply = tuple[int, dict[str, Any], dict[str, str]]

_INVOKE = re.compile(r"/[\d-]+/functions/([^/]+)/invocations")
_LIST = re.compile(r"/[\d-]+/functions/([^/]+)/durable-executions")
_ONE = re.compile(r"/[\d-]+/durable-executions/([^/]+)(/stop)?")
_OPEN = ("RUNNING", "PAUSING", "PAUSED")


@dataclass
class Executions:
    """The executions of the account: what is known of each, by its ARN."""

    there: dict[str, dict[str, Any]] = field(default_factory=dict)
    #: What comes of one that is started.
    outcome: dict[str, Any] = field(default_factory=lambda: {"Status": "SUCCEEDED"})
    #: The payloads of those that were started.
    payloads: list[Any] = field(default_factory=list)

    def clear(self) -> None:
        self.there.clear()
        self.payloads.clear()
        self.outcome = {"Status": "SUCCEEDED"}

    def add(self, function: str, version: str, status: str = "RUNNING") -> str:
        """Have an execution be there, and return its ARN."""
        name = f"e{len(self.there)}"
        arn = f"{function}:{version}/durable-execution/{name}/{name}"
        self.there[arn] = {"Status": status}
        return arn

    def answer(self, operation: str, path: str, headers: Any, body: bytes) -> Reply | None:
        """Return the status, the reply and its headers; None of what is no durable request."""
        split = urllib.parse.urlsplit(path)
        query = urllib.parse.parse_qs(split.query)
        if operation == "Invoke" and headers.get("X-Amz-Durable-Execution-Name"):
            name = urllib.parse.unquote(_matched(_INVOKE, split.path)[1])
            assert headers["X-Amz-Invocation-Type"] == "Event"
            self.payloads.append(json.loads(body))
            function = f"arn:aws:lambda:eu-central-1:123456789012:function:{name}"
            arn = self.add(function, query["Qualifier"][0])
            self.there[arn] = dict(self.outcome)
            return 202, {}, {"X-Amz-Durable-Execution-Arn": arn}
        if operation == "ListDurableExecutionsByFunction":
            name = urllib.parse.unquote(_matched(_LIST, split.path)[1])
            wanted = [f":{name}:{each}/" for each in query.get("Qualifier", [""])]
            found = [
                {"DurableExecutionArn": arn, **told}
                for arn, told in self.there.items()
                if told["Status"] in query["Statuses"]
                and any(each.rstrip("/") in arn for each in wanted)
            ]
            return 200, {"DurableExecutions": found[: int(query["MaxItems"][0])]}, {}
        if operation in ("GetDurableExecution", "StopDurableExecution"):
            told = self.there[urllib.parse.unquote(_matched(_ONE, split.path)[1])]
            if operation == "StopDurableExecution":
                assert told["Status"] in _OPEN
                told["Status"] = "STOPPED"
                return 200, {"StopTimestamp": 1.5}, {}
            return 200, {"StartTimestamp": 1.5, **told}, {}
        return None


def _matched(pattern: re.Pattern[str], path: str) -> re.Match[str]:
    found = pattern.fullmatch(path)
    assert found is not None, path
    return found
