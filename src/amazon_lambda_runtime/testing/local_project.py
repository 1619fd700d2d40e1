"""A project on this machine, for integration tests: its functions, its triggers, its services.

It is `lambda-runtime local` in a process of its own, in the project's folder, on free ports: what
runs is what `deploy` would deploy. Schedules fire only when they are told to, and messages that
have failed come again at once.
"""

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

from .invocation import FunctionError

# In seconds: how long a start and an end may take, and how long a request may.
_START = 60.0
_END = 30.0
_REQUEST = 60.0
# The last line of the start.
_READY = "  ready"
# In seconds: streams are read once a second, and what is put into one has to be seen.
_QUIET = 1.5
_LOOK = 0.1


class LocalProject:
    """The functions and triggers of a folder's pyproject.toml, running. A context manager.

    `folder` has the table [tool.lambda-runtime]. Raises RuntimeError, with what the command has
    said, if it does not start; so does each method if it has ended.
    """

    def __init__(self, folder: Path | str) -> None:
        if not Path(folder).is_dir():
            raise RuntimeError(f"there is no folder {folder}")
        self._lines: list[str] = []
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "amazon_lambda_runtime.cli", "local"),
                *("--port", "0", "--url-port", "0", "--no-reload", "--no-schedules"),
                *("--redeliver-after", "0"),
            ],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
        self._ready = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._ready.wait(_START)
        if _READY not in self._lines:
            self.close()
            raise RuntimeError(f"lambda-runtime local in {folder} does not start:\n{self.log}")
        [line] = [line for line in self._lines if " on http://" in line][:1]
        #: Where the functions can be invoked, and the console is: http://127.0.0.1:PORT.
        self.endpoint = line.rpartition(" ")[2]
        #: The address of each function's URL, or other front door, by the function's name.
        self.urls: dict[str, str] = {
            each["name"]: each["url"] for each in self._ask("functions") if each["url"]
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def log(self) -> str:
        """What the command and the functions have written."""
        return "\n".join(self._lines)

    def client(self, service: str) -> Any:
        """Return a boto3 client: `lambda` for the functions, or of a service that a trigger needs.

        Raises LookupError for a service that is not here. Needs boto3.
        """
        import boto3
        from botocore.session import Session

        endpoint = self.endpoint if service == "lambda" else self._ask("idle")["services"]
        if endpoint is None:
            raise LookupError(f"there is no {service} here: no trigger needs a service")
        # No profile and no file: which the user has is no matter of the project's.
        unread = (None, None, os.devnull, None)
        sources = {
            "profile": (None, None, None, None),
            "config_file": unread,
            "credentials_file": unread,
        }
        session = boto3.session.Session(botocore_session=Session(session_vars=sources))
        return session.client(
            service,  # type: ignore[call-overload]
            endpoint_url=endpoint,
            region_name=self._region(),
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def invoke(self, function: str, event: Any = None) -> Any:
        """Invoke a function and return its result, as JSON has it. Raises FunctionError."""
        path = f"{self.endpoint}/2015-03-31/functions/{function}/invocations"
        status, headers, body = self._send(path, json.dumps(event).encode())
        result: Any = json.loads(body) if body else None
        if headers.get("x-amz-function-error"):
            whole = {"errorType": "", "errorMessage": "", "stackTrace": []}
            raise FunctionError(whole | result)
        if status >= 300:
            raise RuntimeError(f"{function} is not invoked: {status} {body.decode()}")
        return result

    def run_schedule(self, rule: str) -> None:
        """Have a schedule fire now. Raises LookupError if there is none with the rule's name."""
        for number, source in enumerate(self._ask("sources")):
            if (source["kind"], source["name"]) == ("schedule", rule):
                self._ask(f"sources/{number}/run", {})
                return
        raise LookupError(f"there is no schedule {rule!r} here")

    def wait_until_idle(self, timeout: float = 60.0) -> None:
        """Wait until nothing is on its way: no invocation, no event, no message, no record.

        Messages in dead-letter queues wait for nobody. Raises TimeoutError, with what is left,
        after `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        quiet_since: float | None = None
        while True:
            left = self._left()
            now = time.monotonic()
            if left:
                quiet_since = None
            elif quiet_since is None:
                quiet_since = now
            elif now - quiet_since >= _QUIET:
                return
            if now > deadline:
                raise TimeoutError(f"not idle after {timeout:g} s: {', '.join(left) or 'work'}")
            time.sleep(_LOOK)

    def close(self) -> None:
        """End the functions and the services, as Ctrl-C does."""
        if self._process.poll() is None:
            self._process.send_signal(2)
        try:
            self._process.wait(_END)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(_END)

    def _left(self) -> list[str]:
        """Return what is still on its way, in words."""
        left = [] if self._ask("idle")["idle"] else ["invocations"]
        for source in self._ask("sources"):
            figures = source["figures"]
            if figures.get("waiting") or figures.get("in_flight"):
                left.append(f"{source['kind']} {source['name']}")
        return left

    def _region(self) -> str:
        """Return the region of the functions, which the project or the environment sets."""
        name = self._ask("functions")[0]["name"]
        path = f"{self.endpoint}/2015-03-31/functions/{name}/configuration"
        arn: str = json.loads(self._send(path, None)[2])["FunctionArn"]
        return arn.split(":")[3]

    def _ask(self, path: str, body: Any = None) -> Any:
        """Return what the console's API answers. Raises RuntimeError for what it refuses."""
        data = None if body is None else json.dumps(body).encode()
        status, _, answer = self._send(f"{self.endpoint}/console/{path}", data)
        if status >= 300:
            raise RuntimeError(f"{path}: {status} {answer.decode()}")
        return json.loads(answer)

    def _send(self, url: str, data: bytes | None) -> tuple[int, Any, bytes]:
        """Return the status, the fields and the body of a response.

        Raises RuntimeError, with what the command has said, if it has ended.
        """
        try:
            return _send(url, data)
        except OSError:
            # It may be about to end.
            with contextlib.suppress(subprocess.TimeoutExpired):
                status = self._process.wait(1)
                self._reader.join(_END)
                last = "\n".join(self._lines[-20:])
                raise RuntimeError(
                    f"lambda-runtime local has ended with status {status}:\n{last}"
                ) from None
            raise

    def _read(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as lines:
            for line in lines:
                self._lines.append(line.rstrip("\n"))
                if self._lines[-1] == _READY:
                    self._ready.set()
        self._ready.set()


def _send(url: str, data: bytes | None) -> tuple[int, Any, bytes]:
    """Return the status, the header fields and the body of a response."""
    # To this machine, whatever proxies there are.
    opener = build_opener(ProxyHandler({}))
    try:
        with opener.open(Request(url, data), timeout=_REQUEST) as response:
            return response.status, response.headers, response.read()
    except HTTPError as error:
        with error:
            return error.code, error.headers, error.read()
