"""A runtime that does what the event says: a list of steps, each a list.

    ["POST", path, body]    a request to the Runtime API ({id}: the invocation's); its status and
                            its body go to stdout
    ["fill", path, size]    the same with a body of that many bytes
    ["stream", path, steps] the same with a body in pieces, "one " and "two", and steps in between;
                            a fourth word is the response mode, in place of "streaming"
    ["next"]                ask for the next event, answer or no answer; its id goes to stdout
    ["headers"]             the headers of this event to stdout, as JSON
    ["write", text]         to stdout as it is;  ["stderr", text] likewise
    ["start", command]      a child process, left behind; its pid goes to stdout
    ["touch", path]         a file, to say "I am here";  ["await", path] waits for one
    ["exit", status]        ["kill", signal]        ["sleep", seconds]

What its arguments say is done first, in the same way.
"""

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = "/2018-06-01/runtime"


def call(method: str, path: str, body: bytes = b"") -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    connection.request(method, ROOT + path, body or None)
    response = connection.getresponse()
    answer = response.status, {k.lower(): v for k, v in response.getheaders()}, response.read()
    connection.close()
    return answer


def show(text: str, end: str = "\n") -> None:
    print(text, end=end, flush=True)


def stream(path: str, between: list[list[Any]], mode: str, headers: dict[str, str]) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"one "
        do(between, headers)
        yield b"two"

    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    named = {"Lambda-Runtime-Function-Response-Mode": mode}
    connection.request("POST", ROOT + path, pieces(), named)
    response = connection.getresponse()
    show(f"{response.status} {response.read().decode().strip()}")
    connection.close()


def do(steps: list[list[Any]], headers: dict[str, str]) -> None:
    request_id = headers.get("lambda-runtime-aws-request-id", "")
    for verb, *rest in steps:
        if verb in ("GET", "POST", "PUT"):
            path, body = [*rest, ""][:2]
            status, _, answer = call(verb, path.replace("{id}", request_id), body.encode())
            show(f"{status} {answer.decode().strip()}")
        elif verb == "fill":
            status, _, answer = call("POST", rest[0].replace("{id}", request_id), b"x" * rest[1])
            show(f"{status} {answer.decode().strip()}")
        elif verb == "stream":
            path, between, mode = [*rest, "streaming"][:3]
            stream(path.replace("{id}", request_id), between, mode, headers)
        elif verb == "next":
            status, headers, _ = call("GET", "/invocation/next")
            show(f"{status} {headers.get('lambda-runtime-aws-request-id', '-') == request_id}")
        elif verb == "headers":
            show(json.dumps(headers))
        elif verb == "write":
            show(rest[0], end="")
        elif verb == "stderr":
            print(rest[0], file=sys.stderr, flush=True)
        elif verb == "start":
            show(str(subprocess.Popen(rest[0]).pid))
        elif verb == "touch":
            Path(rest[0]).touch()
        elif verb == "await":
            while not Path(rest[0]).exists():
                time.sleep(0.01)
        elif verb == "exit":
            os._exit(rest[0])
        elif verb == "kill":
            os.kill(os.getpid(), rest[0])
        elif verb == "sleep":
            time.sleep(rest[0])


do(json.loads(sys.argv[1]) if len(sys.argv) > 1 else [], {})
while True:
    status, headers, event = call("GET", "/invocation/next")
    if status != 200:
        sys.exit(f"no event: {status} {event!r}")
    do(json.loads(event), headers)
