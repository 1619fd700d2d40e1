"""Records on the telemetry file descriptor, byte by byte. Numbers: behaviour.md."""

import json
import os
import struct
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from amazon_lambda_runtime import Context
from amazon_lambda_runtime.core import report
from amazon_lambda_runtime.core.logs import sink
from tests.harness import ACCEPTED, FUNCTIONS, SERVING, Run, Step, event, ours, run, served
from tests.harness import awslambdaric as ric

from .test_log_json import RECORDS, masked
from .test_logs import CONTEXT_LOG, FORMATTED, LATE, PLAIN

VARIABLE = "_LAMBDA_TELEMETRY_LOG_FD"


@dataclass
class Frame:
    type: int
    #: In microseconds since 1970.
    at: int
    text: str


def frames_of(data: bytes) -> list[Frame]:
    """Take the frames apart; what is no whole frame is an error."""
    found = []
    while data:
        kind, length, at = struct.unpack_from(">IIQ", data)
        assert len(data) >= 16 + length, data[:100]
        found.append(Frame(kind, at, data[16 : 16 + length].decode()))
        data = data[16 + length :]
    return found


def framed(
    command: list[str],
    script: list[Step],
    cwd: Path,
    pipe: Path,
    env: dict[str, str] | None = None,
    pause: float = 0,
) -> tuple[Run, list[Frame]]:
    """Run a runtime with the descriptor 9, a pipe that is read after `pause` seconds."""
    os.mkfifo(pipe)
    received = bytearray()

    def read() -> None:
        with pipe.open("rb", buffering=0) as file:
            time.sleep(pause)
            while piece := file.read(1 << 16):
                received.extend(piece)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    # With `exec` the descriptor is inherited, and the process is the one that the harness ends.
    shell = ["sh", "-c", f'exec 9>"$0"; export {VARIABLE}=9; exec "$@"', str(pipe), *command]
    done = run(shell, script, cwd, env)
    reader.join(10)
    return done, frames_of(bytes(received))


def framed_source(
    source: str, directory: Path, env: dict[str, str] | None = None, pause: float = 0
) -> tuple[Run, list[Frame]]:
    """Serve one event by `source` and return what came of it."""
    directory.joinpath("h.py").write_text(source)
    script: list[Step] = [event(), ACCEPTED]
    done, frames = framed(ours("h.handler"), script, directory, directory / "pipe", env, pause)
    assert done.kinds == ["next", "response", "next"], done.stdout + done.stderr
    assert done.status == SERVING
    return done, frames


def told(frames: list[Frame]) -> list[tuple[str, str]]:
    return [(f"{frame.type:08X}", masked(frame.text)) for frame in frames]


# As text, a stack that is asked for has the runtime's frames, which are not the same.
NO_STACK = RECORDS.replace(", stack_info=True", "")


@pytest.mark.parametrize("source", [PLAIN, LATE, FORMATTED, CONTEXT_LOG, NO_STACK])
@pytest.mark.parametrize("level", ["", "DEBUG", "junk"])
@pytest.mark.parametrize("form", ["", "JSON"])
def test_as_awslambdaric(source: str, level: str, form: str, tmp_path: Path) -> None:
    """74, 76: the same frames, but for the times."""
    pytest.importorskip("awslambdaric", reason="awslambdaric is not installed")
    tmp_path.joinpath("h.py").write_text(source)
    env = {"AWS_LAMBDA_LOG_FORMAT": form, "AWS_LAMBDA_LOG_LEVEL": level}
    script: list[Step] = [event(), ACCEPTED]
    mine, frames = framed(ours("h.handler"), script, tmp_path, tmp_path / "mine", env)
    theirs, expected = framed(ric("h.handler"), script, tmp_path, tmp_path / "theirs", env)
    assert told(frames) == told(expected)
    assert mine.stdout == theirs.stdout == ""
    assert mine.stderr == theirs.stderr == ""


@pytest.mark.parametrize("form", ["", "JSON"])
def test_failures_as_awslambdaric(form: str, tmp_path: Path) -> None:
    """61, 74: the record of a failure is a frame of the level ERROR, without a line end."""
    pytest.importorskip("awslambdaric", reason="awslambdaric is not installed")
    script: list[Step] = []
    for case in ("plain", "empty", "non_ascii"):
        script += [event(json.dumps({"case": case}).encode()), ACCEPTED]
    script += [event(b""), ACCEPTED]
    env = {"AWS_LAMBDA_LOG_FORMAT": form}
    (mine, frames), (theirs, expected) = (
        framed(command("failures.handler"), script, FUNCTIONS, tmp_path / command.__name__, env)
        for command in (ours, ric)
    )
    announced = "\nTraceback (most recent call last):"  # also where there is no stack
    assert told(frames) == [(kind, text.removesuffix(announced)) for kind, text in told(expected)]
    assert {frame.type for frame in frames} == {0xA55A0016 if form else 0xA55A0017}
    assert mine.stdout == theirs.stdout == ""


ALL_LEVELS = """
from amazon_lambda_runtime import Runtime
class H(Runtime):
    def handler(self, event, context):
        self.logger.setLevel(1)
        for level in (1, 5, 10, 20, 25, 30, 40, 50, 60):
            self.logger.log(level, "x")
        context.log("x")
"""
STEPS = [0, 1, 2, 3, 3, 4, 5, 6, 6]


@pytest.mark.parametrize(
    ("env", "types"),
    [
        ({}, [0xA55A0003] * 9),
        ({"AWS_LAMBDA_LOG_LEVEL": "trace"}, [0xA55A0003 + 4 * step for step in STEPS]),
        ({"AWS_LAMBDA_LOG_FORMAT": "JSON"}, [0xA55A0002 + 4 * step for step in STEPS]),
    ],
    ids=["text", "text with a level", "JSON"],
)
def test_types(env: dict[str, str], types: list[int], tmp_path: Path) -> None:
    """74: a type for each level; in text only where AWS_LAMBDA_LOG_LEVEL is set."""
    before = time.time_ns() // 1000
    _, frames = framed_source(ALL_LEVELS, tmp_path, env)
    assert [frame.type for frame in frames] == [*types, 0xA55A0003]
    assert all(before < frame.at < time.time_ns() // 1000 for frame in frames)
    assert frames[-1].text == "x"


def test_print_is_not_framed(tmp_path: Path) -> None:
    """73, 74: what is printed goes to stdout and stderr as ever."""
    source = """
import logging, sys
def handler(event, context):
    print("printed")
    print("complained", file=sys.stderr)
    logging.warning("w")
"""
    done, (frame,) = framed_source(source, tmp_path)
    assert (done.stdout, done.stderr) == ("printed\n", "complained\n")
    assert masked(frame.text) == "[WARNING]\tSTAMP\tid-1\tw\n"


def test_variable_and_descriptor_are_ours(tmp_path: Path) -> None:
    """74: the user's code does not see the variable, nor do its children see the descriptor."""
    source = """
import os, subprocess, sys
seen = os.environ.get("_LAMBDA_TELEMETRY_LOG_FD")
CHILD = '''
import os
try: print(os.fstat(9))
except OSError as exc: print(exc.strerror)
'''
def handler(event, context):
    environ = subprocess.run(["env"], capture_output=True, text=True).stdout
    child = [sys.executable, "-c", CHILD]
    found = subprocess.run(child, capture_output=True, text=True, close_fds=False).stdout
    return [seen, "TELEMETRY" in environ, found]
"""
    done, frames = framed_source(source, tmp_path)
    assert json.loads(done.posts[0].body) == [None, False, "Bad file descriptor\n"]
    assert frames == []


def test_odd_messages(tmp_path: Path) -> None:
    """75: many lines, none, line ends of all kinds, half a surrogate pair: one frame each."""
    source = """
def handler(event, context):
    for message in ("two\\nlines\\n", "", "a\\rb\\r\\nc\\u2028", "zażółć", "\\udfff", None, ["x"]):
        context.log(message)
"""
    _, frames = framed_source(source, tmp_path)
    texts = ["two\nlines\n", "", "a\rb\r\nc\u2028", "zażółć", "\\udfff", "None", "['x']"]
    assert [frame.text for frame in frames] == texts


def test_large_messages_of_many_threads(tmp_path: Path) -> None:
    """75: more than a pipe takes at once, from several threads: each frame is whole."""
    source = """
import logging, threading
def work(letter):
    for _ in range(5):
        logging.warning(letter * 300_000)
def handler(event, context):
    threads = [threading.Thread(target=work, args=letter) for letter in "abcd"]
    for thread in threads: thread.start()
    for _ in range(50): context.log("between")
    for thread in threads: thread.join()
"""
    _, frames = framed_source(source, tmp_path, pause=0.1)
    assert len(frames) == 70
    for frame in frames:
        if frame.text != "between":
            message = frame.text.rstrip("\n").rpartition("\t")[2]
            assert message == message[0] * 300_000


def test_forked_child(tmp_path: Path) -> None:
    """74: a child that logs while its parent does: each frame is whole."""
    source = """
import logging, os
def handler(event, context):
    child = os.fork()
    for _ in range(300):
        logging.warning(("parent" if child else "child") * 300)
    if not child: os._exit(0)
    os.waitpid(child, 0)
"""
    _, frames = framed_source(source, tmp_path)
    messages = sorted(frame.text.rstrip("\n").rpartition("\t")[2] for frame in frames)
    assert messages == ["child" * 300] * 300 + ["parent" * 300] * 300


def test_fork_while_a_thread_writes(tmp_path: Path) -> None:
    """74: the child does not wait for a thread that it does not have."""
    source = """
import os, threading, time
from amazon_lambda_runtime.core.logs import sink
def handler(event, context):
    thread = threading.Thread(target=context.log, args=["x" * 300_000])
    thread.start()
    time.sleep(0.2)  # it fills the pipe and waits
    child = os.fork()
    if not child:
        os._exit(3 if sink.Telemetry.current._lock.acquire(timeout=5) else 4)
    status = os.waitpid(child, 0)[1]
    thread.join()
    return os.waitstatus_to_exitcode(status)
"""
    done, frames = framed_source(source, tmp_path, pause=1)
    assert done.posts[0].body == b"3"
    assert [len(frame.text) for frame in frames] == [300_000]


def test_signal_handler_that_logs(tmp_path: Path) -> None:
    """74: a signal that comes while its thread writes does not stop it for ever."""
    source = """
import signal, time
from amazon_lambda_runtime.core.logs import sink
def handler(event, context):
    signal.signal(signal.SIGALRM, lambda *_: context.log("alarm"))
    with sink.Telemetry.current._lock:
        signal.raise_signal(signal.SIGALRM)
"""
    _, frames = framed_source(source, tmp_path)
    assert [frame.text for frame in frames] == ["alarm"]


def test_partial_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    """75: a descriptor that takes a few bytes at a time gets them all, in their order."""
    written = bytearray()

    def write(fd: int, data: memoryview) -> int:
        assert fd == 9
        written.extend(data[:7])
        return len(data[:7])

    monkeypatch.setattr(sink, "write", write)
    monkeypatch.setattr(sink, "time_ns", lambda: 1_795_000_000_123_456_789)
    assert sink.Telemetry(9).send("ten bytes\n", 0xA55A0013)
    assert written == bytes.fromhex("A55A0013 0000000A 0006608B01611240") + b"ten bytes\n"


@pytest.mark.parametrize("form", ["", "JSON"])
@pytest.mark.parametrize(
    "setup",
    [
        "logging.root.handlers.clear()",
        "logging.config.dictConfig({'version': 1, 'root': {'handlers': []}})",
        "logging.basicConfig(force=True, stream=io.StringIO())",
        "logging.disable()",
    ],
)
def test_other_handlers(setup: str, form: str, tmp_path: Path) -> None:
    """78: where the user has put other handlers, `context.log` and failures are told as before."""
    source = f"""
import io, logging, logging.config
{setup}
def handler(event, context):
    context.log("raw\\n")
    logging.getLogger().warning("w")
"""
    _, frames = framed_source(source, tmp_path, {"AWS_LAMBDA_LOG_FORMAT": form})
    assert told(frames) == [("A55A0003", "raw\n")]
    done = served(source, [event()], tmp_path, AWS_LAMBDA_LOG_FORMAT=form)
    assert done.stdout == "raw\n"


def test_descriptor_that_does_not_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """75: it is made to: a frame that the pipe has no room for waits, and is not cut."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    monkeypatch.setattr(sink.Telemetry, "current", None)
    monkeypatch.setenv(VARIABLE, str(writer))
    sink.claim()
    assert os.get_blocking(writer)
    assert VARIABLE not in os.environ
    Context({}).log("whole")
    os.close(writer)
    with open(reader, "rb") as file:
        assert [frame.text for frame in frames_of(file.read())] == ["whole"]


JUNK = ["junk", "", "-1", "77", "99999999999999999999"]


@pytest.mark.parametrize("value", JUNK)
def test_no_descriptor(value: str, tmp_path: Path) -> None:
    """74: where the variable names no open descriptor, one line says so; stdout is used."""
    source = CONTEXT_LOG + "    raise ValueError('lost')\n"
    done = served(source, [event()], tmp_path, **{VARIABLE: value})
    assert done.stderr == (
        f"bootstrap: {VARIABLE} is {value!r}, not an open file descriptor: logging to stdout\n"
    )
    assert masked(done.stdout).startswith(
        "raw[WARNING]\tSTAMP\tid-1\tw\n['x'][ERROR] ValueError: lost\r"
    )


@pytest.mark.parametrize("form", ["", "JSON"])
def test_descriptor_closed_by_the_handler(form: str, tmp_path: Path) -> None:
    """74: from then on records go to stdout; nothing fails."""
    source = """
import logging, os
def handler(event, context):
    context.log("before")
    os.close(9)
    context.log("after\\n")
    logging.warning("w")
"""
    done, frames = framed_source(source, tmp_path, {"AWS_LAMBDA_LOG_FORMAT": form})
    assert [frame.text for frame in frames] == ["before"]
    first, second = done.stdout.splitlines()
    assert first == "after"
    assert ("message" in second) == (form == "JSON")


def test_record_when_the_reader_is_gone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """61, 74: a failure that can't be told in a frame is a line on stdout."""
    reader, writer = os.pipe()
    monkeypatch.setattr(sink.Telemetry, "current", sink.Telemetry(writer))
    record = report.of_message("lost", "Error").record
    assert record == "[ERROR] Error: lost"
    os.close(reader)
    sink.log_error(record)
    os.close(writer)
    assert capsys.readouterr().out == record + "\n"
    assert sink.Telemetry.current is None
    Context({}).log("next")
    assert capsys.readouterr().out == "next"


def test_refused_answer_is_framed(tmp_path: Path) -> None:
    """45, 74: what the runtime has to say itself is a frame of the level ERROR, too."""
    refused = b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n"
    tmp_path.joinpath("h.py").write_text("def handler(event, context): pass\n")
    script: list[Step] = [event(), refused]
    done, (frame,) = framed(ours("h.handler"), script, tmp_path, tmp_path / "pipe")
    assert done.stdout == ""
    assert frame.type == 0xA55A0017
    assert frame.text.startswith("[ERROR] LAMBDA_RUNTIME Failed to post to ")
