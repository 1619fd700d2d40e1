"""AWS on this machine: moto's server, behind a door that can fail as AWS does and moto never.

Everything goes through the door, from processes as from tests. It writes down what was asked, by
the names of the API, and it can lose replies, refuse, and change what comes back. It also puts
right what moto loses: a mapping keeps the alias it was made for, and not the version that the alias
pointed at; and what `keeping` lists.
"""

import json
import os
import re
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import Any

import boto3
import botocore.loaders

from .fake_apis import Apis
from .fake_executions import Executions
from .keeping import Keeper

REGION = "eu-central-1"
ACCOUNT = "123456789012"
READS = re.compile(r"\w+:(Get|List|Describe|Batch(Get|Check)|HeadBucket)\w*")

Rewrite = Callable[[Any], None]


@dataclass
class Fault:
    """What happens to a request of this name, for so many times: one of these."""

    operation: str
    times: int = 1
    #: Refuse it: (status, code, message).
    error: tuple[int, str, str] | None = None
    #: Hang up, before or after it is carried out.
    lose: str = ""
    #: Change the JSON of the reply.
    rewrite: Rewrite | None = None
    #: Answer an invocation with this error document.
    failed: str = ""
    #: Let so many pass before.
    after: int = 0


@dataclass
class Door:
    """The proxy: `calls` are the names of what was asked; `faults` what will go wrong."""

    url: str = ""
    calls: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    #: The function that each mapping was made for.
    mappings: dict[str, str] = field(default_factory=dict)
    keeper: Keeper = field(default_factory=Keeper)
    apis: Apis = field(default_factory=Apis)
    executions: Executions = field(default_factory=Executions)
    lock: Lock = field(default_factory=Lock)
    #: Seconds that AWS is away.
    distance: float = 0

    @property
    def changes(self) -> list[str]:
        """The requests that change something."""
        return [
            call for call in self.calls if not READS.fullmatch(call) and call != "lambda:Invoke"
        ]

    def fault(self, operation: str) -> Fault | None:
        """Return the fault that meets a request of this name, and count it."""
        with self.lock:
            self.calls.append(operation)
            for fault in self.faults:
                if fault.operation == operation and fault.times:
                    if fault.after:
                        fault.after -= 1
                        continue
                    fault.times -= 1
                    return fault
        return None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body leave together and at once. Apart, on a connection that is kept, the second
    # waits for the other end's delayed acknowledgement of the first.
    wbufsize = -1
    disable_nagle_algorithm = True
    door: Door
    moto: tuple[str, int]

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            body = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        service, operation = _name(self.command, self.path, self.headers, body)
        time.sleep(self.door.distance)
        fault = self.door.fault(f"{service}:{operation}")
        if fault is not None and fault.lose == "before":
            self.close_connection = True
            return
        if fault is not None and fault.error is not None:
            self._answer(*_error(service, *fault.error))
            return
        if fault is not None and fault.failed:
            self._answer(200, fault.failed.encode(), {"X-Amz-Function-Error": "Unhandled"})
            return
        durable = self.door.executions.answer(operation, self.path, self.headers, body)
        if durable is not None:
            status, document, more = durable
            more["Content-Type"] = "application/json"
            self._answer(status, json.dumps(document).encode(), more)
            return
        answer = self.door.keeper.answer(operation, self.path, body)
        if service.startswith("apigateway"):
            answer = self.door.apis.answer(self.command, self.path, body)
        if answer is not None:
            status, document = answer
            missing = "NotFound" if service.startswith("apigateway") else "ResourceNotFound"
            code = {"x-amzn-ErrorType": f"{missing}Exception"} if status == 404 else {}
            headers = {"Content-Type": "application/json", **code}
            self._answer(status, json.dumps(document).encode(), headers)
            return
        path, wanted = self.path, ""
        if operation == "ListEventSourceMappings":
            split = urllib.parse.urlsplit(path)
            query = dict(urllib.parse.parse_qsl(split.query))
            wanted = query.pop("FunctionName", "")
            path = f"{split.path}?{urllib.parse.urlencode(query)}"
        if operation == "RemovePermission":
            path, there = self._guarded(path)
            if not there:
                text = "The RevisionId provided does not match"
                self._answer(*_error(service, 412, "PreconditionFailedException", text))
                return
        upstream = HTTPConnection(*self.moto, timeout=60)
        headers = {k: v for k, v in self.headers.items() if k.lower() != "transfer-encoding"}
        headers["Content-Length"] = str(len(body))
        upstream.request(self.command, path, body, headers)
        reply = upstream.getresponse()
        content = reply.read()
        upstream.close()
        if "EventSourceMapping" in operation and reply.status < 300:
            content = self._put_right(content, body, wanted)
        if service == "lambda" and reply.status < 300:
            content = self.door.keeper.put_right(operation, path, body, content)
        if fault is not None and fault.lose == "after":
            self.close_connection = True
            return
        if fault is not None and fault.rewrite is not None:
            document = json.loads(content)
            fault.rewrite(document)
            content = json.dumps(document).encode()
        kept = {
            k: v
            for k, v in reply.getheaders()
            if k.lower()
            not in ("content-length", "transfer-encoding", "connection", "server", "date")
        }
        self._answer(reply.status, content, kept)

    def _guarded(self, path: str) -> tuple[str, bool]:
        """Return a path without its RevisionId, and whether that is the policy's.

        moto compares a text with a list, and refuses each.
        """
        split = urllib.parse.urlsplit(path)
        query = dict(urllib.parse.parse_qsl(split.query))
        wanted = query.pop("RevisionId", "")
        whole = f"{split.path}?{urllib.parse.urlencode(query)}"
        upstream = HTTPConnection(*self.moto, timeout=60)
        place = whole.replace(split.path, split.path.rpartition("/")[0])
        # By its signature moto knows which service is asked.
        upstream.request("GET", place, headers={"Authorization": self.headers["Authorization"]})
        found = json.loads(upstream.getresponse().read() or b"{}")
        upstream.close()
        return whole, not wanted or found.get("RevisionId") == wanted

    def _put_right(self, content: bytes, body: bytes, wanted: str) -> bytes:
        document = json.loads(content or b"{}")
        asked = json.loads(body or b"{}").get("FunctionName")
        if asked and "UUID" in document:
            self.door.mappings[document["UUID"]] = asked
        for mapping in [document, *document.get("EventSourceMappings", ())]:
            if mapping.get("UUID") in self.door.mappings:
                mapping["FunctionArn"] = self.door.mappings[mapping["UUID"]]
        if wanted:
            document["EventSourceMappings"] = [
                mapping
                for mapping in document["EventSourceMappings"]
                if mapping["FunctionArn"] == wanted
            ]
        return json.dumps(document).encode()

    def _answer(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204 and self.command != "HEAD":
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if status != 204 and self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *arguments: Any) -> None:
        """Be quiet."""


for _verb in ("GET", "PUT", "POST", "DELETE", "HEAD", "PATCH"):
    setattr(_Handler, f"do_{_verb}", _Handler.handle_any)


def _error(service: str, status: int, code: str, text: str) -> tuple[int, bytes, dict[str, str]]:
    """Return a refusal in the words of the service's protocol."""
    if service in ("iam", "sts", "sns", "elbv2", "s3"):
        error = f"<Code>{code}</Code><Message>{text}</Message>"
        inner = f"<Error>{error}</Error>"
        xml = inner if service == "s3" else f"<ErrorResponse>{inner}</ErrorResponse>"
        return status, xml.encode(), {"Content-Type": "text/xml"}
    document = {"__type": code, "message": text, "Message": text}
    headers = {"Content-Type": "application/json", "x-amzn-ErrorType": code}
    return status, json.dumps(document).encode(), headers


_SERVICES = {"elasticloadbalancing": "elbv2", "tagging": "resourcegroupstaggingapi"}
_MODELS: dict[str, list[tuple[str, re.Pattern[str], str, str]]] = {}


def _name(method: str, path: str, headers: Any, body: bytes) -> tuple[str, str]:
    """Return the service and the operation that a request is for."""
    scope = re.search(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/", headers.get("Authorization", ""))
    service = scope[1] if scope else "unknown"
    service = _SERVICES.get(service, service)
    if service == "apigateway" and path.startswith("/v2/"):
        service = "apigatewayv2"
    if "X-Amz-Target" in headers:
        return service, headers["X-Amz-Target"].rpartition(".")[2]
    if b"Action=" in body:
        return service, urllib.parse.parse_qs(body.decode())["Action"][0]
    where, _, query = path.partition("?")
    for verb, pattern, fixed, name in _model(service):
        if verb == method and pattern.fullmatch(where) and (not fixed or fixed in query):
            return service, name
    return service, f"{method} {where}"


def _model(service: str) -> list[tuple[str, re.Pattern[str], str, str]]:
    if service not in _MODELS:
        model = botocore.loaders.Loader().load_service_model(service, "service-2")
        found = []
        for name, operation in model["operations"].items():
            uri, _, fixed = operation["http"]["requestUri"].partition("?")
            pattern = re.sub(r"\\\{\w+(\\\+)?\\\}", "[^/]+", re.escape(uri.rstrip("/"))) + "/?"
            found.append((operation["http"]["method"], re.compile(pattern), fixed, name))
        # What has a fixed query is meant before what has none.
        _MODELS[service] = sorted(found, key=lambda entry: not entry[2])
    return _MODELS[service]


class _Proxy(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *arguments: Any) -> None:
        """Say nothing of clients that were killed."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(*arguments)


class StandIn:
    """The server and its door, for one session of tests."""

    def __init__(self) -> None:
        # A process of its own: moto leaves files and sockets open, and these tests forbid it.
        variables = {
            "MOTO_IAM_LOAD_MANAGED_POLICIES": "true",
            "MOTO_LAMBDA_STUB_ECR": "false",
            # For each account with a target group it would make images of machines.
            "MOTO_EC2_LOAD_DEFAULT_AMIS": "false",
        }
        self._moto = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("moto_server.py")],
            env={**os.environ, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._moto.stdout is not None
        # It ends with the port or with the process.
        line = self._moto.stdout.readline()
        assert line, "moto's server has ended"
        host, port = "127.0.0.1", int(line)
        self._base = f"http://{host}:{port}"
        self._clients: dict[str, Any] = {}
        #: What tests keep for the next.
        self.kept: dict[Any, Any] = {}
        self.door = Door()
        handler = type("Handler", (_Handler,), {"door": self.door, "moto": (host, port)})
        self._proxy = _Proxy(("127.0.0.1", 0), handler)
        Thread(target=self._proxy.serve_forever, daemon=True).start()
        self.door.url = f"http://127.0.0.1:{self._proxy.server_port}"
        self._post("config", {"lambda": {"use_docker": False}})

    def reset(self) -> None:
        """Forget everything: an empty account."""
        self._post("reset", {})
        self.door.calls.clear()
        self.door.faults.clear()
        self.door.mappings.clear()
        self.door.keeper.clear()
        self.door.apis.clear()
        self.door.executions.clear()

    def stop(self) -> None:
        self._proxy.shutdown()
        self._proxy.server_close()
        for client in self._clients.values():
            client.close()
        self._moto.terminate()
        try:
            self._moto.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            self._moto.kill()
            self._moto.communicate()

    def client(self, service: str) -> Any:
        """Return a client that goes to moto directly: what it asks is not written down."""
        if service not in self._clients:
            self._clients[service] = boto3.client(
                service,  # type: ignore[call-overload]
                endpoint_url=self._base,
                region_name=REGION,
                aws_access_key_id="test",
                aws_secret_access_key="test",
            )
        return self._clients[service]

    def _post(self, what: str, document: object) -> None:
        request = urllib.request.Request(
            f"{self._base}/moto-api/{what}", json.dumps(document).encode(), method="POST"
        )
        urllib.request.urlopen(request).close()
