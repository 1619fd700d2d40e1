"""The whole path: plan, deploy, a function in its container, a queue that sends to it.

AWS is ministack here, which runs images through a Docker socket; podman serves one. Its ECR has no
address of its own, so the image is in Debian's registry and deployed from there by its digest.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest

from amazon_lambda_runtime.deploy.images import ImageSpec, Repository
from amazon_lambda_runtime.deploy.images.native.cache import Cache
from amazon_lambda_runtime.deploy.images.native.engine import Native

from . import machine

pytestmark = pytest.mark.deploy

MINISTACK = machine.ROOT / ".cache" / "ministack" / "bin" / "python"

HANDLER = """
import urllib.request

def handler(event, context):
    if "Records" in event:
        for record in event["Records"]:
            urllib.request.urlopen(record["body"], b"consumed", timeout=10).close()
        return {"batchItemFailures": []}
    return {"hello": event.get("name"), "function": context.function_name}
"""

PROJECT = """
[tool.lambda-runtime]
name = "end-to-end"

[tool.lambda-runtime.functions.hello]
handler = "hello.handler"
timeout = 10
memory = 256

[[tool.lambda-runtime.functions.hello.triggers]]
type = "sqs"
queue = "jobs"
"""

# A container may not ask for more open files than this shell has, so what asks is taken away.
RUNC = """#!/bin/sh
for word; do
    [ "$previous" = --bundle ] && bundle=$word
    previous=$word
done
if [ -n "$bundle" ]; then
    jq 'del(.process.rlimits)' "$bundle/config.json" >"$bundle/config.new" &&
        mv "$bundle/config.new" "$bundle/config.json"
fi
exec runc "$@"
"""


@contextmanager
def process(command: list[str], log: Path, **env: str) -> Iterator[None]:
    with log.open("wb") as file:
        running = subprocess.Popen(
            command, env={**os.environ, **env}, stdout=file, stderr=file, start_new_session=True
        )
    try:
        yield
    finally:
        running.terminate()
        running.wait(20)


@pytest.fixture
def podman(containers: None, tmp_path: Path, registry: str) -> Iterator[str]:
    """A Docker socket."""
    runtime = tmp_path / "runc"
    runtime.write_text(RUNC)
    runtime.chmod(0o755)
    registries = tmp_path / "registries.conf"
    registries.write_text(f'[[registry]]\nlocation = "{registry}"\ninsecure = true\n')
    configuration = tmp_path / "containers.conf"
    configuration.write_text(
        f'[engine]\nruntime = "thin"\n[engine.runtimes]\nthin = ["{runtime}"]\n'
        '[containers]\nnetns = "bridge"\n'
    )
    socket = tmp_path / "podman.sock"
    command = ["podman", "system", "service", "--time=0", f"unix://{socket}"]
    env = {"CONTAINERS_CONF": str(configuration), "CONTAINERS_REGISTRIES_CONF": str(registries)}
    with process(command, tmp_path / "podman.log", **env):
        machine.wait_until(socket.exists)
        yield f"unix://{socket}"


@pytest.fixture
def aws(podman: str, tmp_path: Path) -> Iterator[str]:
    """ministack's address."""
    if not MINISTACK.exists():
        pytest.skip("ministack is not installed (make test-deploy does it)")
    port = machine.free_port()
    log = tmp_path / "ministack.log"
    env = {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "DOCKER_HOST": podman}
    with process([str(MINISTACK), "-m", "ministack"], log, **env):
        machine.wait_until(lambda: machine.listens(port), 60)
        yield f"http://127.0.0.1:{port}"
    if os.environ.get("SHOW_LOGS"):
        print(log.read_text()[-5000:])


@pytest.fixture
def lambda_runtime(aws: str, tmp_path: Path) -> Any:
    """The command, in the project's folder."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "hello.py").write_text(HANDLER)
    (folder / "pyproject.toml").write_text(PROJECT)
    (folder / "policies").write_text(
        "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole\n"
    )

    def run(*arguments: str) -> str:
        env = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
            "AWS_ENDPOINT_URL": aws,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "us-east-1",
            "AWS_CONFIG_FILE": os.devnull,
        }
        done = subprocess.run(
            [sys.executable, "-m", "amazon_lambda_runtime.cli", *arguments],
            cwd=folder,
            env=env,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    return run


class Listener:
    """Where the function calls, to say that it has had a message."""

    def __init__(self) -> None:
        import http.server
        import threading

        heard = self.heard = threading.Event()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(204)
                self.end_headers()
                heard.set()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = http.server.ThreadingHTTPServer(("", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def port(self) -> int:
        return self.server.server_port


def test_whole_path(
    registry: str, wheel: Path, lambda_runtime: Any, aws: str, tmp_path: Path
) -> None:
    """A plan, a deployment, an invocation in a container, and a message through the mapping."""
    folder = tmp_path / "project"
    base = f"{registry}/library/debian:python"
    # The extra `local`: ministack asks the image itself, as `docker run` would.
    spec = ImageSpec(folder, "hello.handler", base=base, runtime=f"{wheel}[local]")
    native = Native(cache=Cache(tmp_path / "cache"))
    pushed = native.push(native.build(spec), Repository(registry, "fn/whole-path", plain_http=True))

    image = ["--image-uri", pushed.uri]
    planned = lambda_runtime("plan", *image)
    assert "function hello" in planned
    assert "queue jobs" in planned
    lambda_runtime("deploy", *image)
    # ministack does not tell a function's CodeSha256. But for that, nothing is left to do.
    left = lambda_runtime("plan", *image).splitlines()
    assert all("image none → " in line for line in left if line), left

    (folder / "payload.json").write_text('{"name": "Ada"}')
    answer = json.loads(lambda_runtime("invoke", "--payload", "payload.json"))
    assert answer["hello"] == "Ada"

    listener = Listener()
    sqs = boto3.client(
        "sqs",
        endpoint_url=aws,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    url = sqs.get_queue_url(QueueName="jobs")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody=f"http://{machine.gateway()}:{listener.port}/")
    assert listener.heard.wait(60), "the message was not consumed"
    listener.server.shutdown()
    listener.server.server_close()
    deadline = time.monotonic() + 30
    while True:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        if set(counts.values()) == {"0"}:
            break
        assert time.monotonic() < deadline, counts
        time.sleep(0.2)

    lambda_runtime("destroy", "--yes")
