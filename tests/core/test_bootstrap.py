"""From a handler string to a function that serves. Numbers are those of behaviour.md."""

import gc
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from amazon_lambda_runtime import bootstrap
from tests.harness import (
    ACCEPTED,
    SERVING,
    SOURCE,
    UNTRACED,
    Run,
    ScriptedApi,
    Step,
    environment,
    event,
    ours,
    reply,
    run,
    started,
)
from tests.harness import awslambdaric as ric
from tests.lanes import Rie

MODULE = """
import functools
from amazon_lambda_runtime import Runtime

def function(event, context):
    return "function"

class Callable:
    def __call__(self, event, context):
        return "callable"

callable_object = Callable()
partial = functools.partial(lambda word, event, context: word, "partial")
number = 7

class Hello(Runtime):
    def __init__(self, **options):
        super().__init__(**options)
        self.count = 0

    def handler(self, event, context):
        self.count += 1
        return f"method {self.count}"

class Other:
    def method(self, event, context):
        return "plain method"

    @staticmethod
    def static(event, context):
        return "static"

class Both(Hello):
    def __call__(self, event, context):
        return "called"

ready = Hello()
ready.count = 10
both = Both()
"""
ONE_CLASS = """
from amazon_lambda_runtime import Runtime
class Hello(Runtime):
    def handler(self, event, context): return "handler"
    def other(self, event, context): return "other"
"""
PLAIN = "def handler(event, context): return __name__\n"


def project(directory: Path, **files: str) -> Path:
    for name, source in files.items():
        path = directory / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    return directory


def served(handler: str, directory: Path, events: int = 1, **env: str) -> Run:
    script: list[Step] = [event(), ACCEPTED] * events
    return run(ours(handler), script, directory, env)


def answers(done: Run) -> list[Any]:
    assert done.status == SERVING, (done.stdout, done.stderr)
    return [json.loads(post.body) for post in done.posts]


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        ("h.function", "function"),
        ("h.callable_object", "callable"),
        ("h.partial", "partial"),
        ("h.Hello", "method 1"),
        ("h.Hello.handler", "method 1"),
        ("h.ready", "method 11"),
        ("h.both", "called"),
        ("h.Other.method", "plain method"),
        ("h.Other.static", "static"),
        ("h.ready.handler", "method 11"),
    ],
)
def test_what_a_handler_may_be(handler: str, expected: str, tmp_path: Path) -> None:
    """9, 13: functions, callable objects, Runtime subclasses, their instances, their methods."""
    assert answers(served(handler, project(tmp_path, h=MODULE))) == [expected]


@pytest.mark.parametrize(("handler", "expected"), [("h.handler", "handler"), ("h.other", "other")])
def test_only_class(handler: str, expected: str, tmp_path: Path) -> None:
    """A name that the module does not have is a method of its own Runtime subclass."""
    assert answers(served(handler, project(tmp_path, h=ONE_CLASS))) == [expected]


def test_state_is_kept(tmp_path: Path) -> None:
    """One instance serves all invocations."""
    done = served("h.Hello", project(tmp_path, h=MODULE), events=3)
    assert answers(done) == ["method 1", "method 2", "method 3"]


@pytest.mark.parametrize(
    ("handler", "name"),
    [
        ("pkg/mod.handler", "pkg.mod"),
        ("pkg.mod.handler", "pkg.mod"),
        ("pkg/sub/deep.handler", "pkg.sub.deep"),
    ],
)
def test_packages(handler: str, name: str, tmp_path: Path) -> None:
    """1: a path with slashes or with dots; packages with and without an __init__.py."""
    project(tmp_path, **{"pkg/__init__": "", "pkg/mod": PLAIN, "pkg/sub/deep": PLAIN})
    assert answers(served(handler, tmp_path)) == [name]


def test_class_in_a_package(tmp_path: Path) -> None:
    """pkg/mod.Class.method and pkg/mod.method find the class in the package's module."""
    project(tmp_path, **{"pkg/__init__": "", "pkg/mod": ONE_CLASS})
    assert answers(served("pkg/mod.Hello.other", tmp_path)) == ["other"]
    assert answers(served("pkg.mod.handler", tmp_path)) == ["handler"]


# The handler string, errorType, errorMessage, and whether awslambdaric says the same.
REFUSED = [
    pytest.param(
        "handler",
        "Runtime.MalformedHandlerName",
        "Bad handler 'handler': not enough values to unpack (expected 2, got 1)",
        True,
        id="2: no dot",
    ),
    pytest.param(
        ".handler",
        "Runtime.MalformedHandlerName",
        "Bad handler '.handler': expected module.name",
        False,
        id="3: no module",
    ),
    pytest.param(
        "h.",
        "Runtime.MalformedHandlerName",
        "Bad handler 'h.': expected module.name",
        False,
        id="3: no name",
    ),
    pytest.param(
        "../h.handler",
        "Runtime.MalformedHandlerName",
        "Bad handler '../h.handler': expected module.name",
        False,
        id="3: out of the directory",
    ),
    pytest.param(
        "missing.handler",
        "Runtime.ImportModuleError",
        "Unable to import module 'missing': No module named 'missing'",
        True,
        id="4: no such module",
    ),
    pytest.param(
        "pkg/missing.handler",
        "Runtime.ImportModuleError",
        "Unable to import module 'pkg/missing': No module named 'pkg'",
        True,
        id="4: no such package",
    ),
    pytest.param(
        "dependent.handler",
        "Runtime.ImportModuleError",
        "Unable to import module 'dependent': No module named 'not_installed'",
        None,
        id="5: no such dependency",
    ),
    pytest.param(
        "names.handler",
        "Runtime.ImportModuleError",
        "Unable to import module 'names': cannot import name 'nothing' from 'json'",
        None,
        id="5: no such name in a dependency",
    ),
    pytest.param(
        "syntax.handler",
        "Runtime.UserCodeSyntaxError",
        "Syntax error in module 'syntax': expected ':' (syntax.py, line 1)",
        True,
        id="6: no Python",
    ),
    pytest.param(
        "h.missing",
        "Runtime.HandlerNotFound",
        "Handler 'missing' missing on module 'h'",
        True,
        id="7: no such name",
    ),
    pytest.param(
        "sys.handler",
        "Runtime.BuiltInModuleConflict",
        "Cannot use built-in module sys as a handler module",
        True,
        id="8: a built-in module",
    ),
    pytest.param(
        "h.Hello.missing",
        "Runtime.HandlerNotFound",
        "Handler 'missing' missing on module 'h.Hello'",
        False,
        id="9: no such method",
    ),
    pytest.param(
        "h.Nobody.method",
        "Runtime.ImportModuleError",
        "Unable to import module 'h.Nobody': No module named 'h.Nobody'; 'h' is not a package",
        True,
        id="9: no such class",
    ),
    pytest.param(
        "h.number",
        "Runtime.HandlerNotFound",
        "Handler 'number' on module 'h' can't be called: it is int",
        False,
        id="12: not callable",
    ),
    pytest.param(
        "one.run",
        "Runtime.HandlerNotFound",
        "Handler 'run' missing on module 'one'",
        True,
        id="7: the base class's own method",
    ),
    pytest.param(
        "h.handler",
        "Runtime.HandlerNotFound",
        "Handler 'handler' on module 'h' is ambiguous: say h.Hello.handler or h.Both.handler",
        False,
        id="two candidates",
    ),
]


def broken(directory: Path) -> Path:
    return project(
        directory,
        h=MODULE,
        one=ONE_CLASS,
        dependent="import not_installed\n",
        names="from json import nothing\n",
        syntax="def handler(event, context)\n",
    )


def test_module_beside_a_class_of_its_name(tmp_path: Path) -> None:
    """4: a module that lacks a dependency is told of, also where its package has such a class."""
    package = "class Orders:\n    @staticmethod\n    def run(event, context): return 1\n"
    files = {"pkg/__init__": package, "pkg/Orders": "import not_installed\n"}
    done = run(ours("pkg.Orders.run"), [ACCEPTED], project(tmp_path, **files))
    document = json.loads(done.posts[0].body)
    assert document["errorType"] == "Runtime.ImportModuleError"
    assert "No module named 'not_installed'" in document["errorMessage"]


@pytest.mark.parametrize(("handler", "error_type", "message", "same"), REFUSED)
def test_refused(
    handler: str, error_type: str, message: str, same: bool | None, tmp_path: Path
) -> None:
    """2-9, 12: one init/error POST with the type in body and header, and exit status 1."""
    directory = broken(tmp_path)
    done = run(ours(handler), [ACCEPTED], directory)
    assert done.kinds == ["error"]
    (post,) = done.posts
    assert post.path == "/2018-06-01/runtime/init/error"
    assert post.headers["lambda-runtime-function-error-type"] == error_type
    document = json.loads(post.body)
    assert list(document) == ["errorMessage", "errorType", "requestId", "stackTrace"]
    assert document["errorType"] == error_type
    assert document["errorMessage"].startswith(message)
    assert document["requestId"] == ""
    stack = {
        "syntax.handler": 'syntax.py" Line 1\n    def handler(event, context)\n',
        "dependent.handler": 'dependent.py", line 1, in <module>\n    import not_installed\n',
        "names.handler": 'names.py", line 1, in <module>\n    from json import nothing\n',
    }
    expected = [f'  File "{directory}/{stack[handler]}'] if handler in stack else []
    assert document["stackTrace"] == expected
    assert done.stdout.startswith(f"[ERROR] {error_type}: {message}")
    assert done.stdout.count("\n") == 1 + done.stdout.count("\n\r")
    assert (done.stderr, done.status) == ("", 1)
    if same:
        pytest.importorskip("awslambdaric", reason="awslambdaric is not installed")
        theirs = run(ric(handler), [ACCEPTED], directory)
        assert [p.body for p in theirs.posts] == [post.body]
        assert theirs.status == 1


@pytest.mark.parametrize(
    ("source", "error_type", "message", "status", "frames"),
    [
        pytest.param("1 / 0", "ZeroDivisionError", "division by zero", 1, 1, id="10: exception"),
        pytest.param("raise SystemExit(3)", "SystemExit", "3", 3, 1, id="11: exit status 3"),
        pytest.param("raise SystemExit(0)", "SystemExit", "0", 1, 1, id="11: exit status 0"),
        pytest.param("import sys; sys.exit('no')", "SystemExit", "no", 1, 1, id="11: a message"),
        pytest.param("raise KeyboardInterrupt", "KeyboardInterrupt", "", 130, 1, id="11: Ctrl-C"),
        pytest.param(
            "from amazon_lambda_runtime import Runtime\n"
            "class H(Runtime):\n def __init__(self): raise ValueError('no table')\n"
            " def handler(self, event, context): pass",
            "ValueError",
            "no table",
            1,
            1,
            id="10: in the constructor",
        ),
        pytest.param("import inner", "LookupError", "inner", 1, 2, id="10: in an import"),
    ],
)
def test_init_fails(
    source: str, error_type: str, message: str, status: int, frames: int, tmp_path: Path
) -> None:
    """10, 11: what is raised at import is posted once, with the user's frames, and ends it."""
    directory = project(tmp_path, h=source, inner="raise LookupError('inner')")
    done = run(ours("h.handler"), [ACCEPTED], directory)
    assert done.kinds == ["error"]
    document = json.loads(done.posts[0].body)
    assert (document["errorType"], document["errorMessage"]) == (error_type, message)
    assert done.posts[0].headers["lambda-runtime-function-error-type"] == error_type
    assert len(document["stackTrace"]) == frames
    assert document["stackTrace"][0].startswith(f'  File "{directory}/h.py", line ')
    assert done.stdout.startswith(f"[ERROR] {error_type}")
    assert (done.stderr, done.status) == ("", status)


def test_send_init_error(tmp_path: Path) -> None:
    """A constructor that reports its own error is reported once, and the process exits with 1."""
    source = """
from amazon_lambda_runtime import Runtime
class H(Runtime):
    def __init__(self, **options):
        super().__init__(**options)
        self.send_init_error("no table", "Orders.NoTable")
    def handler(self, event, context): pass
"""
    done = run(ours("h.handler"), [ACCEPTED], project(tmp_path, h=source))
    (post,) = done.posts
    assert json.loads(post.body) == {
        "errorMessage": "no table",
        "errorType": "Orders.NoTable",
        "requestId": "",
        "stackTrace": [],
    }
    assert post.headers["lambda-runtime-function-error-type"] == "Function.Orders.NoTable"
    assert done.stdout == "[ERROR] Orders.NoTable: no table\n"
    assert (done.stderr, done.status) == ("", 1)


@pytest.mark.parametrize("step", [reply("403 Forbidden", b"{}"), reply("500 Oops", b"{}")])
def test_init_error_is_refused(step: bytes, tmp_path: Path) -> None:
    """Whatever the API says of an init error, the process ends with one more line."""
    done = run(ours("missing.handler"), [step], tmp_path)
    assert done.kinds == ["error"]
    assert done.stdout.count("\n") == 2
    assert (done.stderr, done.status) == ("", 1)


def test_init_error_in_rie(tmp_path: Path) -> None:
    """4: AWS's own emulator hands its caller our document."""
    with Rie(ours("missing.handler"), tmp_path) as rie:
        document = json.loads(rie.invoke(b"{}"))
    assert document["errorType"] == "Runtime.ImportModuleError"


@pytest.mark.parametrize(
    "command",
    [
        pytest.param([str(Path(sys.executable).with_name("bootstrap")), "h.handler"], id="script"),
        pytest.param([str(Path(sys.executable).with_name("bootstrap"))], id="_HANDLER"),
        pytest.param([sys.executable, "-m", "amazon_lambda_runtime", "h.handler"], id="module"),
        pytest.param([sys.executable, "-m", "amazon_lambda_runtime"], id="module, _HANDLER"),
        pytest.param([sys.executable, "-P", "-m", "amazon_lambda_runtime"], id="safe path"),
    ],
)
@pytest.mark.parametrize("by_root", [True, False], ids=["LAMBDA_TASK_ROOT", "cwd"])
def test_ways_to_start(command: list[str], by_root: bool, tmp_path: Path) -> None:
    """15: script or module, argument or variable; the code is found first on the path."""
    code = project(
        tmp_path / "code", h="import sys\ndef handler(event, context): return sys.path[0]"
    )
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    env = {"_HANDLER": "h.handler"}
    if by_root:
        env["LAMBDA_TASK_ROOT"] = str(code)
    done = run(command, [event(), ACCEPTED], elsewhere if by_root else code, env)
    assert answers(done) == [str(code)]


def test_argument_wins(tmp_path: Path) -> None:
    """15: the argument says more than _HANDLER."""
    directory = project(tmp_path, h=PLAIN)
    assert answers(served("h.handler", directory, _HANDLER="missing.handler")) == ["h"]


def test_no_handler(tmp_path: Path) -> None:
    """15: neither an argument nor _HANDLER is an init error, too."""
    done = run([sys.executable, "-m", "amazon_lambda_runtime"], [ACCEPTED], tmp_path)
    document = json.loads(done.posts[0].body)
    assert document["errorType"] == "Runtime.MalformedHandlerName"
    assert document["errorMessage"] == "Bad handler '': there is none"
    assert done.status == 1


@pytest.mark.parametrize(
    "address",
    ["localhost", "h:99999", ":1", "h:x", "h:1/", "h:1 x", "a b:1", "https://h", "http://h:1"],
)
def test_no_address(address: str, tmp_path: Path) -> None:
    """16: an address that is none is one line, and the exit status is 2."""
    env = environment(AWS_LAMBDA_RUNTIME_API=address)
    done = subprocess.run(
        ours("h.handler"), cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    told = f"bootstrap: AWS_LAMBDA_RUNTIME_API: {address!r} is not an address: expected host:port"
    assert done.stderr == told + (", without a scheme" if "://" in address else "") + "\n"


def test_no_folder_of_the_code(tmp_path: Path) -> None:
    """4, 169: LAMBDA_TASK_ROOT that is not there, or a current folder that has been removed."""
    nowhere = f"{tmp_path}/nowhere"
    done = served("h.handler", tmp_path, LAMBDA_TASK_ROOT=nowhere)
    document = json.loads(done.posts[0].body)
    assert document["errorType"] == "Runtime.ImportModuleError"
    assert document["errorMessage"] == (
        f"Unable to import module 'h': No module named 'h'. {nowhere} is not there: set"
        " LAMBDA_TASK_ROOT to the folder of the code"
    )
    gone = tmp_path / "gone"
    gone.mkdir()
    # The interpreter itself must be started with options that do not need the folder.
    command = ["sh", "-c", 'rmdir "$PWD" && exec "$@"', "sh", *ours("h.handler")]
    command.insert(-3, "-P")
    (post,) = run(command, [event()], gone, {"PYTHONPATH": str(SOURCE)}).posts
    assert f"No module named 'h'. {gone} is not there" in json.loads(post.body)["errorMessage"]


def test_no_runtime_api(tmp_path: Path) -> None:
    """16: outside Lambda, and without the extra `local`, one line says what is missing.

    What happens with the extra is in local/test_image.py.
    """
    blocked = tmp_path / "blocked"
    blocked.mkdir()
    (blocked / "httptools.py").write_text("raise ModuleNotFoundError(name=__name__)\n")
    env = environment(PYTHONPATH=f"{blocked}{os.pathsep}{SOURCE}")
    done = subprocess.run(
        ours("h.handler"),
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert (done.returncode, done.stdout) == (2, "")
    line = (
        "bootstrap: AWS_LAMBDA_RUNTIME_API is not set, so this is not Lambda; the local Lambda "
        r"needs httptools: .* install .*\[local\]'\n"
    )
    assert re.fullmatch(line, done.stderr)


@pytest.mark.parametrize("where", ["installed", "beside the handler"])
def test_local_lambda_is_found(where: str, tmp_path: Path) -> None:
    """16: outside Lambda the local Lambda takes over, wherever the package is; it finds no handler.

    Where the package is elsewhere, a user's file of a library's name is not the local Lambda's.
    """
    if where == "installed":
        tmp_path.joinpath("pathlib.py").write_text("raise RuntimeError('not the one you want')\n")
    else:
        os.symlink(SOURCE / "amazon_lambda_runtime", tmp_path / "amazon_lambda_runtime")
    done = subprocess.run(
        [sys.executable, str(SOURCE.parent / "bin" / "bootstrap")],
        cwd=tmp_path,
        env=environment(PYTHONPATH=str(SOURCE if where == "installed" else tmp_path)),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("bootstrap: there is no handler: give one, such as ")


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help(flag: str) -> None:
    """--help says what the handler string may be."""
    done = subprocess.run(
        ours(flag), env=environment(), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: bootstrap [HANDLER]\n")


def test_users_files_named_as_the_standard_librarys(tmp_path: Path) -> None:
    """14: a logging.py, json.py or traceback.py beside the handler does not stop the runtime."""
    junk = "raise RuntimeError('this is not the module you are looking for')\n"
    source = """
from amazon_lambda_runtime import Runtime
class H(Runtime):
    def handler(self, event, context):
        self.logger.info("logged")
        if event == "fail":
            raise ValueError("failed")
        return "served"
"""
    directory = project(tmp_path, h=source, logging=junk, json=junk, traceback=junk, socket=junk)
    script: list[Step] = []
    for body in (b"1", b"{", b'"fail"', b"1"):
        script += [event(body), ACCEPTED]
    done = run(ours("h.handler"), script, directory)
    assert done.status == SERVING
    assert done.kinds[1::2] == ["response", "error", "error", "response"]
    assert json.loads(done.posts[2].body)["errorType"] == "ValueError"
    assert done.stdout.count("\tlogged\n") == 3


def test_ctrl_c_while_idle(tmp_path: Path) -> None:
    """72: SIGINT while waiting for work ends the process quietly, with 130."""
    project(tmp_path, h=PLAIN)
    with ScriptedApi([]) as api, started(ours("h.handler"), api, tmp_path) as (process, out, err):
        assert api.finished.wait(10)
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
        assert out.read_text() + err.read_text() == ""


def test_users_sigterm_handler_runs_while_idle(tmp_path: Path) -> None:
    """70: a signal handler of the user's runs at once, not after the next event."""
    source = """
import os, signal
def stop(number, frame):
    os.write(1, b"stopping\\n")
    os._exit(9)
signal.signal(signal.SIGTERM, stop)
def handler(event, context): pass
"""
    project(tmp_path, h=source)
    done = run(ours("h.handler"), [], tmp_path)
    assert (done.stdout, done.status) == ("stopping\n", 9)


def test_stdout_may_be_closed(tmp_path: Path) -> None:
    """52: a process that was started without stdout and stderr serves as well."""
    directory = project(tmp_path, h="def handler(event, context):\n print('x')\n return 1 / event")
    shell = ["sh", "-c", f"exec {' '.join(ours('h.handler'))} >&- 2>&-"]
    done = run(shell, [event(b"1"), ACCEPTED, event(b"0"), ACCEPTED], directory)
    assert done.kinds[1::2] == ["response", "error"]
    assert done.status == SERVING


def test_environment_is_not_changed(tmp_path: Path) -> None:
    """The runtime leaves the process's environment as Lambda made it."""
    source = "import os\nBEFORE = dict(os.environ)\ndef handler(event, context): return BEFORE"
    done = served("h.handler", project(tmp_path, h=source), _HANDLER="h.handler")
    (seen,) = answers(done)
    assert seen["_HANDLER"] == "h.handler"
    assert set(seen) - set(os.environ) <= {"_HANDLER", "AWS_LAMBDA_RUNTIME_API", "LC_CTYPE"}


COLLECTOR = """
import gc
DURING = gc.get_threshold()[0]
class Node: pass
KEPT = Node(); KEPT.me = KEPT
SETTING
def handler(event, context):
    found = any(thing is KEPT for thing in gc.get_objects())
    return [DURING, gc.get_threshold()[0], gc.isenabled(), found]
"""


@pytest.mark.parametrize(
    ("setting", "threshold", "enabled"),
    [
        ("", gc.get_threshold()[0], True),
        ("gc.set_threshold(123)", 123, True),
        ("gc.set_threshold(gc.get_threshold()[0], 3, 3)", 200_000, True),
        ("gc.disable()", gc.get_threshold()[0], False),
    ],
)
def test_collector(setting: str, threshold: int, enabled: bool, tmp_path: Path) -> None:
    """154: the collector waits while the function is loaded, and looks no more at what was loaded
    then. The function's own settings stay."""
    source = COLLECTOR.replace("SETTING", setting)
    (seen,) = answers(served("h.handler", project(tmp_path, h=source)))
    assert seen == [200_000, threshold, enabled, False]


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_system_calls(tmp_path: Path) -> None:
    """155: an invocation takes four system calls: the event and its answer, each asked and told."""
    count = 50
    file = tmp_path / "calls"
    command = ["strace", "-f", "-qq", "-s", "200", "-o", str(file), *ours("h.handler")]
    source = "import sys\ndef handler(event, context): return event or sys.exit()\n"
    tmp_path.joinpath("h.py").write_text(source)
    script: list[Step] = []
    for number in range(count):
        script += [event(b"1", f"id-{number}"), ACCEPTED]
    script += [event(b"0"), ACCEPTED]
    done = run(command, script, tmp_path, UNTRACED, 60)
    assert (len(done.posts), done.status) == (count + 1, 0)
    whole = file.read_text()
    calls = [line for line in whole.splitlines() if " resumed>" not in line]
    (first, *_), last = (
        [n for n, line in enumerate(calls) if f"/id-{number}/response" in line]
        for number in (9, count - 1)
    )
    assert (last[0] - first) / (count - 10) == 4


def test_parent_of_another_api(monkeypatch: pytest.MonkeyPatch) -> None:
    """150: a parent that serves another Runtime API is no reason to refuse."""
    command = Path("/proc/self/cmdline").read_bytes().split(b"\0")
    monkeypatch.setattr(bootstrap, "getppid", os.getpid)
    monkeypatch.setattr(sys, "argv", [command[1].decode(), "h.handler"])
    bootstrap._refuse_second("127.0.0.1:9")


def test_parent_whose_command_is_no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """150: a parent with an argument that is not UTF-8 is no reason to refuse, nor to fail."""
    command: list[str | bytes] = [sys.executable, "-c", "input()", b"\xff"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as parent:
        monkeypatch.setattr(bootstrap, "getppid", lambda: parent.pid)
        bootstrap._refuse_second("127.0.0.1:9")
        parent.communicate(b"\n", timeout=60)


@pytest.mark.parametrize(
    ("method", "error_type", "message"),
    [
        ("async def run(self, handler=None): pass", "Runtime.HandlerNotFound", "A.run replaces"),
        ("def run(self, handler=None): pass", "Runtime.HandlerNotFound", "A.run replaces"),
        ("def run(self): pass", "TypeError", "run() takes 1 positional argument"),
        ("def next_event(self): return None", "TypeError", "cannot unpack"),
    ],
)
def test_method_of_the_runtimes_own(
    method: str, error_type: str, message: str, tmp_path: Path
) -> None:
    """10: a method that takes the place of one that serves is an init error, not a silent end."""
    source = (
        "from amazon_lambda_runtime import Runtime\nclass A(Runtime):\n"
        f"    {method}\n    def handler(self, event, context): return 1\n"
    )
    tmp_path.joinpath("h.py").write_text(source)
    done = run(ours("h.handler"), [ACCEPTED], tmp_path, {"PYTHONPATH": str(SOURCE)})
    (post,) = done.posts
    assert (post.kind, done.status) == ("error", 1)
    document = json.loads(post.body)
    assert document["errorType"] == error_type
    assert message in document["errorMessage"]


def test_folder_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """169: started in a folder that has been removed, the shell's name for it is told."""

    def removed() -> str:
        raise FileNotFoundError

    monkeypatch.setattr(bootstrap, "getcwd", removed)
    monkeypatch.setenv("PWD", "/removed")
    assert bootstrap._here() == "/removed"
    monkeypatch.delenv("PWD")
    assert bootstrap._here() == "/"


def test_end_without_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """112: where nothing has loaded `threading`, there is no thread to wait for."""
    monkeypatch.delitem(sys.modules, "threading")
    with pytest.raises(SystemExit) as caught:
        bootstrap._end(SystemExit(3))
    assert caught.value.code == 3
