"""Who takes part: those that are installed and pass their proof."""

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
# How this runtime can serve many invocations at a time; awslambdaric has processes only.
PROCESSES = "processes"
THREADS = "threads"
TASKS = "tasks"

INTERPRETER = Candidate(PASS, (sys.executable, "-c", "pass"))


def find() -> list[Candidate]:
    """Return those who can take part on this machine; say in one line why another cannot."""
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


def streaming(found: list[Candidate]) -> list[Candidate]:
    """Return those of them that can stream, with the handler in pieces.py."""
    made = []
    for name, command, _ in found:
        if name == BARE:
            made.append(Candidate(name, (*command, "stream")))
        elif name == OURS:
            handler = "pieces.handler"
            made.append(Candidate(name, (command[0], handler), (("_HANDLER", handler),)))
    return [candidate for candidate in made if streams(candidate)]


def concurrent(found: list[Candidate]) -> list[Candidate]:
    """Return the ways of serving many invocations at a time."""
    made = []
    for name, command, _ in found:
        if name == OURS:
            mode = "AWS_LAMBDA_CONCURRENCY_MODE"
            made.append(Candidate(PROCESSES, command, ((mode, "process"),)))
            made.append(Candidate(THREADS, command, ((mode, "thread"),)))
            handler = "echo.handler_async"
            settings = ((mode, "task"), ("_HANDLER", handler))
            made.append(Candidate(TASKS, (command[0], handler), settings))
        elif name == PEER:
            # It logs to the socket by the line, which Lambda asks for with this format.
            made.append(Candidate(name, command, (("AWS_LAMBDA_LOG_FORMAT", "JSON"),)))
    return [candidate for candidate in made if echoes(candidate.at(2))]


def streams(candidate: Candidate) -> bool:
    """Say whether it sends as many pieces as it is told to."""
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
    """Say whether it gives back what it got. It also leaves its .pyc files warm by that."""
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
