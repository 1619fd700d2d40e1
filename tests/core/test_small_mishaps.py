"""Mishaps in the user's code that must cost no answer. Numbers are those of docs/behaviour.md."""

import json
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from amazon_lambda_runtime import bootstrap
from tests.harness import ACCEPTED, SERVING, SOURCE, UNTRACED, Step, event, ours, run, served
from tests.lanes import VERSIONS, python


@pytest.mark.parametrize("version", VERSIONS)
def test_import_error_tells_where(version: str, tmp_path: Path) -> None:
    """109: an ImportError at init comes with the user's frames and its cause."""
    tmp_path.joinpath("dep.py").write_text(
        "try:\n    int('x')\nexcept ValueError as exc:\n    raise ImportError('no dep') from exc\n"
    )
    done = served("import dep\n", [event()], tmp_path, python=python(version))
    (post,) = done.posts
    told = json.loads(post.body)
    assert told["errorType"] == "Runtime.ImportModuleError"
    assert told["errorMessage"] == "Unable to import module 'h': no dep"
    first, second, cause, last = told["stackTrace"]
    assert first == f'  File "{tmp_path}/h.py", line 1, in <module>\n    import dep\n'
    assert second.startswith(f'  File "{tmp_path}/dep.py", line 4, in <module>\n    raise Import')
    assert cause.startswith("Caused by ValueError: invalid literal for int()")
    assert last.startswith(f'  File "{tmp_path}/dep.py", line 2, in <module>\n    int(')
    assert done.status == 1


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("source", "status"),
    [
        ("def handler(event, context):\n    raise SystemExit(3)\n", 3),
        ("def handler(event, context):\n    raise SystemExit('words')\n", 1),
        ("def handler(event, context):\n    raise SystemExit\n", 0),
        ("def handler(event, context):\n    raise KeyboardInterrupt\n", 130),
        ("class Odd(BaseException): pass\ndef handler(event, context):\n    raise Odd\n", 1),
        ("raise ValueError('at init')\n", 1),
    ],
    ids=["status", "words", "none", "interrupt", "odd", "init"],
)
def test_threads_keep_no_process(version: str, source: str, status: int, tmp_path: Path) -> None:
    """110: a process that has to end does not wait for threads that never do; atexit runs."""
    threads = """
import atexit, threading
from concurrent.futures import ThreadPoolExecutor
threading.Thread(target=threading.Event().wait).start()
ThreadPoolExecutor(1).submit(threading.Event().wait)
atexit.register(print, "at exit")
"""
    begin = time.monotonic()
    done = served(threads + source, [event()], tmp_path, python=python(version))
    assert time.monotonic() - begin < 10
    assert done.status == status
    assert [post.kind for post in done.posts] == ["error"]
    assert done.stdout.endswith("\nat exit\n")


@pytest.mark.parametrize("version", VERSIONS)
def test_threads_that_end_are_awaited(version: str, tmp_path: Path) -> None:
    """110: a thread that is about to end does so."""
    source = """
import threading, time
def work():
    time.sleep(0.05)
    print("done")
def handler(event, context):
    threading.Thread(target=work).start()
    raise SystemExit(4)
"""
    done = served(source, [event()], tmp_path, python=python(version))
    assert (done.status, done.stdout.endswith("\ndone\n")) == (4, True)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "close",
    [
        "os.closerange(3, 50)",
        "os.closerange(3, 50); KEPT[:] = [open('/dev/null') for _ in range(50)]",
    ],
    ids=["closed", "taken"],
)
def test_descriptor_closed(version: str, close: str, tmp_path: Path) -> None:
    """111: a handler that closes the runtime's descriptor is answered on a new connection."""
    source = f"""
import os, stat
KEPT = []
def handler(event, context):
    if event == 1:
        {close}
    for file in KEPT:
        assert stat.S_ISCHR(os.fstat(file.fileno()).st_mode), "it is closed, or another file"
    return event
def pieces(event, context):
    yield "a"
    handler(event, context)
    yield "b"
"""
    events = [event(b"0"), event(b"1"), event(b"2")]
    done = served(source, events, tmp_path, python=python(version))
    assert done.status == SERVING, done.stderr + done.stdout
    assert [post.body for post in done.posts] == [b"0", b"1", b"2"]
    assert (done.connections, done.stdout) == (2, "")
    script: list[Step] = [event(b"1"), event(b"2"), ACCEPTED]
    env = {"PYTHONPATH": str(SOURCE)}
    done = run(ours("h.pieces", python(version)), script, tmp_path, env)
    assert done.status == SERVING, done.stderr + done.stdout
    assert done.stdout.startswith("[ERROR] LAMBDA_RUNTIME A response stream was cut off. ")
    assert done.posts[-1].body == b"ab"


ALARMED = """
import signal, time
class Alarm(Exception): pass
def ring(number, frame): raise Alarm("too long")
signal.signal(signal.SIGALRM, ring)
def handler(event, context):
    signal.setitimer(signal.ITIMER_REAL, event)
    return event
def again(event, context):
    signal.setitimer(signal.ITIMER_REAL, event, event)
    return event
"""
SILENCE: Step = ()


@pytest.mark.parametrize("version", VERSIONS)
def test_alarm_while_idle(version: str, tmp_path: Path) -> None:
    """112: what a signal handler raises while idle is told, and /next asked again."""
    tmp_path.joinpath("h.py").write_text(ALARMED)
    script: list[Step] = [event(b"0.1"), ACCEPTED, SILENCE, event(b"0"), ACCEPTED]
    env = {"PYTHONPATH": str(SOURCE)}
    done = run(ours("h.handler", python(version)), script, tmp_path, env)
    assert done.status == SERVING, done.stderr
    assert done.kinds == ["next", "response", "next", "next", "response", "next"]
    assert done.stdout.startswith("[ERROR] Alarm: too long\r")
    assert done.stdout.count("\n") == 1


@pytest.mark.parametrize("version", VERSIONS)
def test_alarm_while_answering(version: str, tmp_path: Path) -> None:
    """112: what it raises while an answer is posted is told, and the answer sent again, once."""
    tmp_path.joinpath("h.py").write_text(ALARMED)
    script: list[Step] = [event(b"0.1"), SILENCE, ACCEPTED, event(b"0"), ACCEPTED]
    env = {"PYTHONPATH": str(SOURCE)}
    done = run(ours("h.handler", python(version)), script, tmp_path, env)
    assert done.status == SERVING, done.stderr
    assert done.kinds == ["next", "response", "response", "next", "response", "next"]
    (line,) = done.stdout.splitlines()
    assert line.endswith("/id-1/response: interrupted by Alarm: too long")
    env |= UNTRACED  # coverage's end is long enough for another alarm
    done = run(ours("h.again", python(version)), [event(b"0.1"), SILENCE, SILENCE], tmp_path, env)
    assert (done.status, done.stdout.count("\n")) == (1, 2)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("method", ["static", "of_class", "inherited"])
def test_class_that_is_not_constructed(version: str, method: str, tmp_path: Path) -> None:
    """113: a static or class method is served without an instance."""
    source = """
class Base:
    @staticmethod
    def inherited(event, context): return "inherited"
class Closed(Base):
    def __init__(self, connection): raise AssertionError
    @staticmethod
    def static(event, context): return "static"
    @classmethod
    def of_class(cls, event, context): return "of_class"
"""
    done = served(source, [event()], tmp_path, f"h.Closed.{method}", python(version))
    assert json.loads(done.posts[0].body) == method


def test_pydantic(tmp_path: Path) -> None:
    """114: pydantic's JSON form, with the Decimals as numbers."""
    pytest.importorskip("pydantic", reason="pydantic is not installed")
    source = """
import datetime
from decimal import Decimal
from typing import Any
from pydantic import AnyUrl, BaseModel, RootModel, SecretStr, field_serializer
class Line(BaseModel):
    price: Decimal
    note: Any = None
class Prices(RootModel[list[Decimal]]): pass
class Order(BaseModel):
    site: AnyUrl
    tags: set[str]
    token: SecretStr
    at: datetime.datetime
    lines: list[Line]
    pair: tuple[Decimal, int]
    by_name: dict[str, Decimal]
    text: str
    shown: Decimal
    prices: Prices
    @field_serializer("shown", when_used="json")
    def show(self, value): return f"{value} EUR"
def handler(event, context):
    lines = [Line(price=Decimal("1.10")), Line(price=Decimal("2.00"), note={"a": Decimal("0.10")})]
    order = Order(
        site="https://example.com", tags={"a"}, token="4111",
        at=datetime.datetime(2026, 12, 1, tzinfo=datetime.UTC), lines=lines,
        pair=(Decimal("3.30"), 1), by_name={"x": Decimal("4.40")}, text="1.10", shown="5.50",
        prices=[Decimal("6.60")],
    )
    return {"order": order, "set": {"x": Prices([Decimal("7.70")])}}
"""
    done = served(source, [event()], tmp_path)
    assert done.posts[0].body.decode() == (
        '{"order": {"site": "https://example.com/", "tags": ["a"], "token": "**********", '
        '"at": "2026-12-01T00:00:00Z", "lines": [{"price": 1.10, "note": null}, '
        '{"price": 2.00, "note": {"a": 0.10}}], "pair": [3.30, 1], "by_name": {"x": 4.40}, '
        '"text": "1.10", "shown": "5.50 EUR", "prices": [6.60]}, "set": {"x": [7.70]}}'
    )


@pytest.mark.parametrize(("code", "status"), [(None, 0), (7, 7), ("words", 1), (-1, 255)])
def test_end_by_force(
    code: object, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """110: with a thread that does not end, atexit's functions run before the process is gone."""

    class Endless:
        def __init__(self, **_: object) -> None: ...
        def start(self) -> None: ...
        def join(self, seconds: float) -> None: ...
        def is_alive(self) -> bool:
            return True

    def gone(status: int) -> None:
        raise AssertionError(f"status {status}")

    threads = SimpleNamespace(Thread=Endless, _shutdown=None)
    monkeypatch.setitem(sys.modules, "threading", threads)
    exits = SimpleNamespace(_run_exitfuncs=lambda: print("at exit"))
    monkeypatch.setitem(sys.modules, "atexit", exits)
    monkeypatch.setattr(bootstrap, "_exit", gone)
    with pytest.raises(AssertionError, match=f"^status {status}$"):
        bootstrap._end(SystemExit(code))
    assert capsys.readouterr().out == "at exit\n"
    monkeypatch.delitem(sys.modules, "atexit")
    with pytest.raises(AssertionError, match=f"^status {status}$"):
        bootstrap._end(SystemExit(code))
