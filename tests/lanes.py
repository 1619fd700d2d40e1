"""The ways in which a function of `functions/` can be served, and what its caller then reads."""

import http.client
import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from .harness import (
    ACCEPTED,
    FUNCTIONS,
    SERVING,
    SOURCE,
    Run,
    Step,
    environment,
    event,
    free_port,
    ours,
    run,
)
from .harness import awslambdaric as ric

RIE = Path(__file__).parent.parent / ".cache" / "aws-lambda-rie"


@dataclass
class Answer:
    """What became of one event: the body, whether it is an error's, the headers it came with.

    The headers are empty where the emulator does not let its caller see them.
    """

    body: bytes
    failed: bool
    headers: dict[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Serve = Callable[[str, list[dict[str, Any]]], list[Answer]]


def _by_script(command: list[str], events: list[dict[str, Any]], **env: str) -> list[Answer]:
    script: list[Step] = []
    for number, each in enumerate(events):
        script += [event(json.dumps(each).encode(), f"id-{number}"), ACCEPTED]
    done = run(command, script, env=env, timeout=60)
    assert done.status == SERVING, done.stderr + done.stdout
    assert len(done.posts) == len(events), "each event is answered once"
    for number, post in enumerate(done.posts):
        assert f"/id-{number}/" in post.path
    return [Answer(post.body, post.kind == "error", post.headers) for post in done.posts]


def by_us(handler: str, events: list[dict[str, Any]]) -> list[Answer]:
    return _by_script(ours(handler), events)


def by_awslambdaric(handler: str, events: list[dict[str, Any]]) -> list[Answer]:
    pytest.importorskip("awslambdaric", reason="awslambdaric is not installed")
    # Results are in UTF-8 from AWS's Python 3.12 on.
    return _by_script(ric(handler), events, AWS_EXECUTION_ENV="AWS_Lambda_python3.12")


def by_other_python(version: str) -> Serve:
    def serve(handler: str, events: list[dict[str, Any]]) -> list[Answer]:
        python = find_python(version)
        if python is None:
            pytest.skip(f"Python {version} is not installed")
        return _by_script(ours(handler, python), events, PYTHONPATH=str(SOURCE))

    return serve


def by_us_in_rie(handler: str, events: list[dict[str, Any]]) -> list[Answer]:
    return _by_rie(ours(handler), events)


def by_awslambdaric_in_rie(handler: str, events: list[dict[str, Any]]) -> list[Answer]:
    pytest.importorskip("awslambdaric", reason="awslambdaric is not installed")
    return _by_rie(ric(handler), events, AWS_EXECUTION_ENV="AWS_Lambda_python3.12")


def _by_rie(command: list[str], events: list[dict[str, Any]], **env: str) -> list[Answer]:
    with Rie(command, FUNCTIONS, **env) as rie:
        answers = []
        for each in events:
            body = rie.invoke(json.dumps(each).encode())
            answers.append(Answer(body, b'"errorType"' in body, {}))
        return answers


def managed_instances(command: list[str], task: Path) -> list[str]:
    """Return what to put before the emulator's command, to have it run `command` in its mode for
    Managed Instances.

    There it runs /var/task/bootstrap and nothing else, as a user without rights. A mount namespace
    of its own gives it one, with a copy of the package. Skips the test where that is not allowed.
    """
    unshare = ["unshare", "--mount", *([] if os.getuid() == 0 else ["--user", "--map-root-user"])]
    if not shutil.which("unshare") or subprocess.run([*unshare, "true"], check=False).returncode:
        pytest.skip("a mount namespace, for the emulator's /var/task, is not to be had here")
    python = next((p for p in (sys.executable, "/usr/bin/python3") if _open_to_all(p)), None)
    if python is None:
        pytest.skip("there is no Python that the emulator's user may run")
    script = task / "bootstrap"
    script.write_text(f"#!/bin/sh\nexec {shlex.join([python, *command[1:]])}\n")
    script.chmod(0o755)
    shutil.copytree(SOURCE / "amazon_lambda_runtime", task / "amazon_lambda_runtime")
    var = task / "var"
    (var / "task").mkdir(parents=True)
    task.chmod(0o777)
    mount = f'mount --bind {var} /var && mount --bind {task} /var/task && exec "$@"'
    return [*unshare, "sh", "-c", mount, "sh"]


def _open_to_all(python: str) -> bool:
    """Say whether this is a Python that suits us, and any user may run it."""
    path = Path(python).resolve()
    if not path.exists() or not all(part.stat().st_mode & 0o001 for part in (path, *path.parents)):
        return False
    code = "import sys; sys.exit(sys.version_info < (3, 11))"
    return subprocess.run([python, "-c", code], check=False).returncode == 0


class Rie:
    """AWS's own emulator with one function in it; skips the test where there is none."""

    def __init__(self, command: list[str], cwd: Path = FUNCTIONS, **env: str) -> None:
        if not os.access(RIE, os.X_OK):
            pytest.skip("aws-lambda-rie could not be fetched (scripts/fetch_rie.py)")
        self.port = free_port()
        runtime_api = f"127.0.0.1:{free_port()}"
        invoke_api = f"127.0.0.1:{self.port}"
        before: list[str] = []
        if "AWS_LAMBDA_MAX_CONCURRENCY" in env:
            before, command = managed_instances(command, cwd), []
        self._process = subprocess.Popen(
            [
                *before,
                str(RIE),
                "--runtime-api-address",
                runtime_api,
                "--runtime-interface-emulator-address",
                invoke_api,
                *command,
            ],
            cwd=cwd,
            env=environment(AWS_LAMBDA_FUNCTION_TIMEOUT="20", **env),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def __enter__(self) -> "Rie":
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
            except OSError:
                if time.monotonic() > deadline:
                    self.__exit__()
                    raise
                time.sleep(0.01)
            else:
                return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(10)

    def invoke(self, payload: bytes, **headers: str) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("POST", "/2015-03-31/functions/function/invocations", payload, headers)
        body = connection.getresponse().read()
        connection.close()
        return body


def find_python(version: str) -> str | None:
    """Return the path of an interpreter of this version, "3.12", of pyenv's or on the PATH."""
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    for python in root.glob(f"{version}.*/bin/python"):
        return str(python)
    return shutil.which(f"python{version}")


def python(version: str) -> str:
    """Return the path of an interpreter of this version; skip the test if there is none."""
    found = sys.executable if version == HERE else find_python(version)
    if found is None:
        pytest.skip(f"Python {version} is not installed")
    return found


#: The versions that this package is for. Not all of them are installed everywhere.
VERSIONS = ("3.11", "3.12", "3.13", "3.14")
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
OURS: dict[str, Serve] = {
    HERE: by_us,
    **{v: by_other_python(v) for v in VERSIONS if v != HERE},
    "rie": by_us_in_rie,
}
REFERENCE: dict[str, Serve] = {
    "awslambdaric": by_awslambdaric,
    "awslambdaric in rie": by_awslambdaric_in_rie,
}

#: A parameter of a test: each Python that is installed here.
PYTHONS = [
    pytest.param(found, id=version)
    for version in VERSIONS
    if (found := sys.executable if version == HERE else find_python(version)) is not None
]


def served_by(
    python: str,
    source: str,
    script: list[Step],
    directory: Path,
    handler: str = "h.handler",
    **env: str,
) -> Run:
    """Write `source` to h.py and run it on this Python against a script."""
    directory.joinpath("h.py").write_text(source)
    return run(ours(handler, python), script, directory, {"PYTHONPATH": str(SOURCE), **env})
