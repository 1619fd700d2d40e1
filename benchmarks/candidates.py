"""The candidates: those that are installed and prove that they echo an event."""

import importlib.util
import json
import sys
from pathlib import Path

from .environment import Candidate, Environment
from .server import HERE, CandidateError, build, next_answer

OURS = "ours"
PEER = "awslambdaric"
BARE = "bare"
PASS = "pass"
# The modes in which this runtime serves many invocations at a time; awslambdaric has the first.
PROCESSES = "processes"
THREADS = "threads"
TASKS = "tasks"
# Two exchanges over a socket by CPython: the fewest instructions of a cycle.
FLOOR = "floor"
# This runtime with another handler.
ASYNC = "async"
ORJSON = "orjson"

MODE = "AWS_LAMBDA_CONCURRENCY_MODE"
# Lambda gives each function credentials. Without any, boto3 would look for them elsewhere.
CREDENTIALS = (
    ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
    ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
    ("AWS_SESSION_TOKEN", "example"),
)

INTERPRETER = Candidate(PASS, (sys.executable, "-c", "pass"))
EXCHANGES = Candidate(FLOOR, (sys.executable, str(HERE / "floor.py")))


def find() -> list[Candidate]:
    """Return the candidates that work on this machine; print a line about each that does not."""
    program = build("bare.c", "bare")
    if program is None:
        print("bare: no C compiler; bare.py takes its place")
    bare = (str(program),) if program else (sys.executable, str(HERE / "bare.py"))
    found = [Candidate(BARE, bare)]
    bootstrap = Path(sys.executable).with_name("bootstrap")
    if bootstrap.exists():
        found.append(Candidate(OURS, (str(bootstrap), "echo.handler")))
    else:
        print(f"ours: there is no {bootstrap}; install the project first")
    if importlib.util.find_spec("awslambdaric"):
        found.append(Candidate(PEER, (sys.executable, "-m", "awslambdaric", "echo.handler")))
    else:
        print(f"awslambdaric: not installed for {sys.executable}")
    return [candidate for candidate in found if echoes(candidate)]


def serving(candidate: Candidate, handler: str) -> Candidate:
    """Return a runtime with another handler than echo.handler."""
    settings = (*candidate.settings, ("_HANDLER", handler))
    return Candidate(candidate.name, (*candidate.command[:-1], handler), settings)


def streaming(found: list[Candidate]) -> list[Candidate]:
    """Return those of them that can stream, with the handler in pieces.py."""
    made = []
    for candidate in found:
        if candidate.name == BARE:
            made.append(Candidate(BARE, (*candidate.command, "stream")))
        elif candidate.name == OURS:
            made.append(serving(candidate, "pieces.handler"))
    return [candidate for candidate in made if streams(candidate)]


def forking(candidate: Candidate) -> Candidate:
    """Return a runtime that, told to serve many invocations at a time, does it in processes."""
    setting = (MODE, "process")
    if candidate.name == PEER:
        # It logs to the socket by the line, which Lambda asks for with this format.
        setting = ("AWS_LAMBDA_LOG_FORMAT", "JSON")
    return candidate._replace(settings=(*candidate.settings, setting))


def concurrent(found: list[Candidate]) -> list[Candidate]:
    """Return the modes of serving many invocations at a time."""
    made = []
    for candidate in found:
        if candidate.name == OURS:
            made.append(forking(candidate)._replace(name=PROCESSES))
            made.append(Candidate(THREADS, candidate.command, ((MODE, "thread"),)))
            task = Candidate(TASKS, candidate.command, ((MODE, "task"),))
            made.append(serving(task, "echo.handler_async"))
        elif candidate.name == PEER:
            made.append(forking(candidate))
    return [candidate for candidate in made if echoes(candidate.at(2))]


def with_async(found: list[Candidate]) -> list[Candidate]:
    """Return the runtimes, and this one with a handler that is a coroutine."""
    return beside(runtimes(found), ASYNC, "echo.handler_async")


def with_orjson(found: list[Candidate]) -> list[Candidate]:
    """Return the runtimes, and this one with orjson, if that is installed."""
    if importlib.util.find_spec("orjson") is None:
        print("orjson: not installed; it takes no part")
        return runtimes(found)
    return beside(runtimes(found), ORJSON, "orjson_echo.handler")


def beside(found: list[Candidate], name: str, handler: str) -> list[Candidate]:
    """Return them, and this runtime once more with another handler."""
    ours = (candidate._replace(name=name) for candidate in found if candidate.name == OURS)
    made = (serving(candidate, handler) for candidate in ours)
    return found + [candidate for candidate in made if echoes(candidate)]


def with_boto3(found: list[Candidate]) -> list[Candidate]:
    """Return the runtimes with the handler in s3.py; none where boto3 is not installed."""
    if importlib.util.find_spec("boto3") is None:
        print("boto3: not installed; nothing is measured with it")
        return []
    made = (serving(candidate, "s3.handler") for candidate in runtimes(found))
    made = (candidate._replace(settings=candidate.settings + CREDENTIALS) for candidate in made)
    return [candidate for candidate in made if echoes(candidate)]


def runtimes(found: list[Candidate]) -> list[Candidate]:
    return [candidate for candidate in found if candidate.name in (OURS, PEER)]


def streams(candidate: Candidate) -> bool:
    """Return whether it streams as many pieces as its event asks for."""
    with Environment(candidate) as environment:
        try:
            environment.connect().wait_for_next()
            size = environment.connection.stream(next_answer(b'{"pieces": 3}')).size
            if size != 3 * 64 * 1024:
                raise CandidateError(f"{candidate.name} streamed {size:,} bytes, not 3 * 64 KiB")
        except CandidateError as failure:
            print(f"{failure}{environment.last_words()}; {candidate.name} takes no part")
            return False
    return True


def echoes(candidate: Candidate) -> bool:
    """Return whether it sends back its event. Its .pyc files are written by that."""
    event = {"name": "René", "numbers": [1, 2.5, None]}
    with Environment(candidate) as environment:
        try:
            environment.connect().wait_for_next()
            answer = next_answer(json.dumps(event).encode())
            body = bytes(environment.connection.respond(answer).body)
            if json.loads(body) != event:
                raise CandidateError(f"{candidate.name} answered {body!r}, not its event")
        except (CandidateError, ValueError) as failure:
            print(f"{failure}{environment.last_words()}; {candidate.name} takes no part")
            return False
    return True
