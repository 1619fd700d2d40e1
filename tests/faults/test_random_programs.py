"""Random programs: what a handler may do to its own process, in any order and combination.

Each event is answered exactly once; or the process ends, with a status and at most one unanswered
event, and the next process serves. EXAMPLES says how many programs are tried, and the seed is
printed with a failure.
"""

import json
import os
import random
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, note, seed, settings
from hypothesis import strategies as st

from tests.harness import UNTRACED, Request, ScriptedApi, event, ours, started

EXAMPLES = int(os.environ.get("EXAMPLES", "20"))
SEED = int(os.environ.get("SEED", random.randrange(1 << 32)))

# What a step of a program does; it may use `event`, `context`, and what the steps before it left.
ACTIONS = {
    # results
    "nothing": "pass",
    "text": "return 'zażółć \\ud800'",
    "set": "return {1}",
    "generator": "return (str(n) for n in range(3))",
    "broken generator": "return (1 // n for n in (1, 0))",
    "callable": "return lambda stream: stream.write('called')",
    "wrong callable": "return print",
    "coroutine": "return pause()",
    # failures
    "fail": "raise ValueError('failed')",
    "cause": "raise LookupError('two') from ValueError('one')",
    "unprintable": "raise Unprintable",
    "recurse": "recurse()",
    "exit": "sys.exit(event % 5)",
    "interrupt": "raise KeyboardInterrupt",
    "odd": "raise Odd('odd')",
    "crash": "os._exit(9)",
    "send": "send('early')",
    # output
    "print": "print('printed', 'half \\ud800', end=random.choice(['', '\\n']))",
    "log": "logging.warning('logged %s', event, exc_info=random.choice([None, ValueError('x')]))",
    "bad log": "logging.warning('%d', 'x', extra={'v': float('nan')})",
    "late log": "import logging as late; late.error('late', stack_info=True)",
    "context log": "context.log('raw')",
    # what is used up
    "descriptors": "exhaust()",
    "free": "KEPT.clear()",
    "shallow": "shallow()",
    "memory": "KEPT.append(bytearray(1 << 40))",
    # what is replaced
    "no import": "builtins.__import__ = refuse",
    "no open": "builtins.open = io.open = refuse",
    "no path": "sys.path.clear()",
    "no finders": "sys.meta_path.clear()",
    "no modules": "sys.modules['json'] = sys.modules['traceback'] = None",
    "no stdout": "sys.stdout = None",
    "closed stdout": "sys.stdout.close()",
    "odd stdout": "sys.stdout = Loud()",
    "no stderr": "sys.stderr = Loud()",
    "descriptor closed": "os.closerange(3, 40)",
    "no directory": "os.chdir(tempfile.mkdtemp()); os.rmdir(os.getcwd())",
    "no root": "logging.getLogger().handlers.clear()",
    "no warnings": "del warnings.showwarning",
    # other threads and processes
    "thread": "threading.Thread(target=work, daemon=False).start()",
    "daemon": "threading.Thread(target=time.sleep, args=[60], daemon=True).start()",
    "endless": "threading.Thread(target=threading.Event().wait).start()",
    "failing thread": "threading.Thread(target=recurse).start()",
    "fork": "fork()",
    "fork and return": " and os.fork() == 0: return 'never'",
    "fork and fail": " and os.fork() == 0: raise ValueError('never')",
    "alarm": "signal.setitimer(signal.ITIMER_REAL, 0.002)",
    "wait": "time.sleep(0.004)",
}
PROGRAM = """
import builtins, io, logging, os, random, resource, signal, sys, tempfile, threading, time, warnings
from amazon_lambda_runtime import Runtime
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
KEPT = []
class Odd(BaseException): pass
class Alarm(Exception): pass
class Unprintable(Exception):
    def __str__(self): sys.exit("no")
    def __getattr__(self, name): return getattr(self, name + "x")
class Loud:
    def write(self, text): raise RuntimeError("no")
    def flush(self): raise RuntimeError("no")
def ring(number, frame): raise Alarm("rings")
signal.signal(signal.SIGALRM, ring)
def refuse(*args, **options): raise ZeroDivisionError("refused")
def recurse(): return recurse() + 1
def work():
    time.sleep(0.005)
    logging.warning("in a thread")
def exhaust():
    while True:
        KEPT.append(os.open("/dev/null", os.O_RDONLY))
def shallow():
    for depth in range(1, 1000):
        try:
            sys.setrecursionlimit(depth)
        except RecursionError:
            continue
        return
def fork():
    if os.fork() == 0:
        sys.exit(3)
async def pause():
    import asyncio
    await asyncio.sleep(0.001)
    return "paused"
def free(limit):
    for fd in KEPT[:limit]: os.close(fd)
def one(event, context, send):
    {body}
class H(Runtime):
    def handler(self, event, context):
        signal.setitimer(signal.ITIMER_REAL, 0)
        return one(event, context, self.send_invocation_response)
    def on_shutdown(self): print("shut down")
class A(H):
    async def handler(self, event, context):
        signal.setitimer(signal.ITIMER_REAL, 0)
        result = one(event, context, self.send_invocation_response)
        return await result if hasattr(result, "__await__") else result
class G(H):
    def handler(self, event, context):
        signal.setitimer(signal.ITIMER_REAL, 0)
        yield "first"
        yield str(one(event, context, lambda _: None))
"""
# Seconds in which a process serves or ends.
TOO_LONG = 20.0

programs = st.tuples(
    st.lists(st.lists(st.sampled_from(sorted(ACTIONS)), min_size=1, max_size=5), max_size=6),
    st.sampled_from(["h.H", "h.H", "h.A", "h.G"]),
    st.sampled_from(["", "JSON"]),
)


def source_of(steps: list[list[str]]) -> str:
    """Return a module in which the n-th event runs the n-th list of actions."""
    body = "pass"
    for number, names in enumerate(steps):
        for name in names:
            action = ACTIONS[name]
            colon = "" if action.startswith(" and ") else ": "
            body += f"\n    if event == {number}{colon}{action}"
    return PROGRAM.replace("{body}", body)


class Deliveries:
    """The replies to /next: as the platform does, an event again until it is answered."""

    def __init__(self, waiting: list[int]) -> None:
        self.waiting = waiting
        self.delivered: list[int] = []
        self.cut: set[int] = set()
        self.api: ScriptedApi

    def __iter__(self) -> "Deliveries":
        return self

    def __next__(self) -> bytes:
        settled = set(answers(self.api)) | self.cut
        for number in self.waiting:
            if number not in settled:
                self.delivered.append(number)
                if self.delivered.count(number) == 3:
                    self.cut.add(number)  # a part of a stream is an answer, too
                return event(b"%d" % number, f"id-{number}")
        raise StopIteration


def answers(api: ScriptedApi) -> list[int]:
    """Return the numbers of the events that were answered, in their order."""
    return [int(request.path.split("/")[-2].removeprefix("id-")) for request in posts(api)]


def posts(api: ScriptedApi) -> list[Request]:
    return [r for r in api.requests if r.method == "POST" and "/invocation/" in r.path]


def serve(directory: Path, handler: str, form: str, count: int) -> None:
    """Serve the events by as many processes as it takes, and hold what the file says."""
    waiting = list(range(count))
    while waiting:
        deliveries = Deliveries(waiting)
        script: Any = deliveries
        with ScriptedApi(script) as api:
            deliveries.api = api
            api.accepting = True
            env = {"AWS_LAMBDA_LOG_FORMAT": form, **UNTRACED}
            with started(ours(handler), api, directory, env) as (process, out, err):
                deadline = time.monotonic() + TOO_LONG
                while process.poll() is None and not api.finished.wait(0.005):
                    assert time.monotonic() < deadline, f"hangs: {err.read_bytes()!r}"
                status = process.poll()
                told = out.read_bytes() + err.read_bytes()
        answered = answers(api)
        note(f"it ended with {status}, having answered {answered} of {waiting}: {told!r}")
        # The same answer again is for the API to refuse: a signal came before it had replied.
        assert len({(r.path, r.body) for r in posts(api)}) == len(set(answered)), "answered once"
        taken = sorted(set(deliveries.delivered))
        assert taken, "nothing was served"
        cut = deliveries.cut if b"cut off" in told else set()
        lost = [number for number in taken if number not in {*answered, *cut}]
        # A process that serves on has answered all; one that ended may have lost its last.
        assert lost == [] or (status is not None and lost == taken[-1:])
        assert status in (None, 0) or lost == [] or status < 0 or status == 9 or told
        waiting = [number for number in waiting if number > taken[-1]]


@pytest.fixture
def hard_timeout() -> float:
    return 60 + 3.0 * EXAMPLES


@pytest.mark.skipif(EXAMPLES > 50 and "CI" in os.environ, reason="by hand only")
def test_random_programs() -> None:
    """116: each event is answered exactly once, or the process ends and the next one serves."""
    print(f"EXAMPLES={EXAMPLES} SEED={SEED}")

    @seed(SEED)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    @given(programs)
    def check(program: Any) -> None:
        steps, handler, form = program
        with tempfile.TemporaryDirectory() as name:
            directory = Path(name)
            directory.joinpath("h.py").write_text(source_of(steps))
            note(json.dumps(program))
            serve(directory, handler, form, len(steps))

    check()
