"""The embedded services, as this process has them: started, waited for, ended.

Theory: the port is open before the process is up, so it can be told to functions at once, and who
connects early waits. moto takes a second to import, and 90 MB: functions that need none of it are
served meanwhile, and have none of it in their way.
"""

import importlib.util
import os
import socket
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO, Self

from amazon_lambda_runtime.pip_line import pip_line

from .application import HOST, SERVICES

#: The services by the names of their variables, AWS_ENDPOINT_URL_<SERVICE>.
VARIABLES = {
    "dynamodb": "DYNAMODB",
    "dynamodbstreams": "DYNAMODB_STREAMS",
    "events": "EVENTBRIDGE",
    "kinesis": "KINESIS",
    "s3": "S3",
    "sns": "SNS",
    "sqs": "SQS",
}
assert set(VARIABLES) == set(SERVICES)
_PACKAGE = str(Path(__file__).resolve().parents[3])
# In seconds.
_PATIENCE = 5


class ServicesError(Exception):
    """Raised when the services cannot be had; the message says why."""


class EmbeddedServices:
    """moto's server in a process of its own, from `start` to `close`."""

    def __init__(self, process: "subprocess.Popen[bytes]", said: IO[bytes], port: int) -> None:
        self.endpoint = f"http://{HOST}:{port}"
        self.pid = process.pid
        self._process = process
        self._said = said

    @classmethod
    def start(cls, port: int = 0) -> Self:
        """Serve at this port (0: any free one); return before it is up, see `wait`.

        Raises ServicesError if moto is not installed or the port is not available.
        """
        for module in ("moto", "flask", "flask_cors"):
            if not _is_there(module):
                raise ServicesError(
                    f"the local services need moto and flask ({module} is missing): "
                    f"{pip_line('tools')}"
                )
        try:
            listener = socket.create_server((HOST, port))
        except OSError as error:
            raise ServicesError(
                f"cannot listen on {HOST}:{port} for the local services: {error.strerror}. "
                "Choose another port."
            ) from None
        # A file: nobody would read a pipe while it serves.
        said = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        with listener:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", __package__, str(listener.fileno())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
                pass_fds=[listener.fileno()],
                env=_environment(),
                start_new_session=True,
            )
            return cls(process, said, listener.getsockname()[1])

    def wait(self) -> None:
        """Block until it is up, for about a second. Raises ServicesError if it ends instead."""
        assert self._process.stdout is not None
        if not self._process.stdout.readline():
            status = self._process.wait()
            self._said.seek(0)
            said = self._said.read().decode(errors="replace").strip().splitlines()
            reason = said[-1] if said else f"exit status {status}"
            raise ServicesError(f"the local services do not start: {reason}")

    def close(self) -> None:
        """End the process. Long polls are cut off."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        with suppress(OSError):
            process.stdin.close()
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        # Only now: somebody may be reading, and holds the stream until its other end is closed.
        process.stdout.close()
        self._said.close()


def _environment() -> dict[str, str]:
    # The user's profile and files of AWS are no matter of the services', which would read them.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return kept | {"PYTHONPATH": _PACKAGE}


def _is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):  # what stands in sys.modules for it is no module
        return False
