"""The loop: what a handler may do besides returning. Numbers are those of behaviour.md."""

import json
import os
import signal
import socket
import subprocess
import threading
import time
from contextvars import copy_context
from pathlib import Path
from typing import Any

import pytest

import amazon_lambda_runtime
from amazon_lambda_runtime import (
    Context,
    LambdaError,
    NoHandlerDefinedException,
    Runtime,
    RuntimeApiError,
)
from amazon_lambda_runtime.core import serving
from tests.harness import (
    ACCEPTED,
    SERVING,
    HangUp,
    Request,
    ScriptedApi,
    Step,
    environment,
    event,
    ours,
    reply,
    run,
    served,
    started,
)
from tests.lanes import Rie

HEAD = "from amazon_lambda_runtime import Runtime, current_context\n"


def test_no_handler_defined(tmp_path: Path) -> None:
    """A Runtime without a handler answers with NoHandlerDefinedException, and goes on."""
    source = HEAD + "class Empty(Runtime): pass\n"
    done = served(source, [event(), event()], tmp_path)
    assert done.kinds == ["next", "error", "next", "error", "next"]
    document = json.loads(done.posts[0].body)
    assert document["errorType"] == "NoHandlerDefinedException"
    assert document["errorMessage"] == "Empty has no handler: define handler(self, event, context)"
    assert document["stackTrace"] == []


def test_orjson_in_one_line_each(tmp_path: Path) -> None:
    """decode_event and encode_response may be any other library's; str and bytes are both fine."""
    source = f"""{HEAD}
import json
class H(Runtime):
    def decode_event(self, body, content_type): return json.loads(body)["inner"]
    def encode_response(self, result): return json.dumps([result], separators=(",", ":")).encode()
    def handler(self, event, context): return event
class S(H):
    def encode_response(self, result): return bytearray(b'"as a bytearray"')
class T(H):
    def encode_response(self, result): return "'\\ud800ł'"
class U(H):
    def encode_response(self, result): return 3
"""
    body = b'{"inner": {"a": 1}}'
    done = served(source, [event(body), event(b"{}")], tmp_path, "h.H")
    assert done.posts[0].body == b'[{"a":1}]'
    assert done.posts[0].headers["content-type"] == "application/json"
    document = json.loads(done.posts[1].body)
    assert document["errorType"] == "Runtime.UnmarshalError"
    assert document["errorMessage"] == "Unable to unmarshal input: 'inner'"
    assert served(source, [event(body)], tmp_path, "h.S").posts[0].body == b'"as a bytearray"'
    text = "'\\ud800ł'".encode()
    assert served(source, [event(body)], tmp_path, "h.T").posts[0].body == text
    document = json.loads(served(source, [event(body)], tmp_path, "h.U").posts[0].body)
    assert document["errorType"] == "Runtime.MarshalError"
    assert document["errorMessage"].endswith("encode_response() returned int, not str or bytes")


def test_send_invocation_response(tmp_path: Path) -> None:
    """An early answer is sent at once; what the handler returns afterwards is not."""
    source = f"""{HEAD}
import os
class H(Runtime):
    def handler(self, event, context):
        print("before")
        self.send_invocation_response({{"early": True}})
        print("after")
        return "late"
"""
    done = served(source, [event(), event()], tmp_path, "h.H")
    assert done.kinds == ["next", "response", "next", "response", "next"]
    assert [post.body for post in done.posts] == [b'{"early": true}'] * 2
    assert done.posts[0].stdout == "before\n"
    assert done.requests[2].stdout == "before\nafter\n"


def test_failure_after_the_response(tmp_path: Path) -> None:
    """What goes wrong after the answer is logged, and nothing is posted; the loop goes on."""
    source = f"""{HEAD}
class H(Runtime):
    def handler(self, event, context):
        self.send_invocation_response(1)
        raise ValueError("afterwards")
"""
    done = served(source, [event(), event()], tmp_path, "h.H")
    assert done.kinds == ["next", "response", "next", "response", "next"]
    assert done.stdout.count("[ERROR] ValueError: afterwards\r") == 2
    assert done.stdout.count("\rAfter the response to RequestId: id-1\n") == 2
    assert done.status == SERVING


def test_no_second_answer(tmp_path: Path) -> None:
    """68: a second answer is refused to the handler and never posted."""
    source = f"""{HEAD}
class H(Runtime):
    def handler(self, event, context):
        self.send_invocation_response(1)
        self.send_invocation_error("no", "No")
"""
    done = served(source, [event()], tmp_path, "h.H")
    assert done.kinds == ["next", "response", "next"]
    assert "[ERROR] LambdaError: invocation id-1 has been answered already\r" in done.stdout


def test_early_answer_without_a_form(tmp_path: Path) -> None:
    """A result that can't be encoded is the handler's exception, and it may still answer."""
    source = f"""{HEAD}
class H(Runtime):
    def handler(self, event, context):
        try:
            self.send_invocation_response(object())
        except Exception as exc:
            return type(exc).__name__
"""
    assert served(source, [event()], tmp_path, "h.H").posts[0].body == b'"MarshalError"'


def test_send_invocation_error(tmp_path: Path) -> None:
    """A structured error in the handler's own words."""
    source = f"""{HEAD}
class H(Runtime):
    def handler(self, event, context):
        self.send_invocation_error("no order 7", "Order.NotFound")
"""
    done = served(source, [event(), event()], tmp_path, "h.H")
    assert done.kinds == ["next", "error", "next", "error", "next"]
    post = done.posts[0]
    assert json.loads(post.body) == {
        "errorMessage": "no order 7",
        "errorType": "Order.NotFound",
        "requestId": "id-1",
        "stackTrace": [],
    }
    assert post.headers["lambda-runtime-function-error-type"] == "Function.Order.NotFound"
    assert done.requests[2].stdout == ("[ERROR] Order.NotFound: no order 7\n")


def test_answer_from_a_thread(tmp_path: Path) -> None:
    """A thread that the handler started answers for the invocation that is being served."""
    source = f"""{HEAD}
import threading
class H(Runtime):
    def handler(self, event, context):
        thread = threading.Thread(target=self.send_invocation_response, args=["threaded"])
        thread.start()
        thread.join()
"""
    done = served(source, [event()], tmp_path, "h.H")
    assert done.kinds == ["next", "response", "next"]
    assert done.posts[0].body == b'"threaded"'


@pytest.mark.parametrize(
    ("statement", "error_type", "message", "status"),
    [
        pytest.param("raise SystemExit(7)", "SystemExit", "7", 7, id="57: exit status 7"),
        pytest.param("raise SystemExit", "SystemExit", "", 0, id="57: exit status 0"),
        pytest.param("raise KeyboardInterrupt", "KeyboardInterrupt", "", 130, id="57: Ctrl-C"),
        pytest.param("raise GeneratorExit('x')", "GeneratorExit", "x", 1, id="57: another"),
    ],
)
def test_handler_ends_the_process(
    statement: str, error_type: str, message: str, status: int, tmp_path: Path
) -> None:
    """57: what is no Exception is posted first, and then ends the process."""
    source = f"def handler(event, context):\n    {statement}\n"
    done = served(source, [event(), event()], tmp_path)
    assert done.kinds == ["next", "error"]
    document = json.loads(done.posts[0].body)
    assert (document["errorType"], document["errorMessage"]) == (error_type, message)
    assert (done.stderr, done.status) == ("", status)
    assert done.stdout.count("[ERROR]") == 1


def test_exit_in_rie(tmp_path: Path) -> None:
    """57: AWS's own emulator hands its caller our document, not "runtime exited"."""
    tmp_path.joinpath("h.py").write_text("def handler(event, context): raise SystemExit(7)\n")
    with Rie(ours("h.handler"), tmp_path) as rie:
        assert json.loads(rie.invoke(b"{}"))["errorType"] == "SystemExit"


@pytest.mark.parametrize("child", ["sys.exit(3)", "1 / 0", "return 'from the child'"])
def test_forked_child(child: str, tmp_path: Path) -> None:
    """58: a child that the handler forks never answers for its parent, however it ends."""
    source = f"""
import os, sys
def handler(event, context):
    pid = os.fork()
    if pid == 0:
        {child}
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
"""
    done = served(source, [event(), event()], tmp_path)
    assert done.kinds == ["next", "response", "next", "response", "next"]
    expected = {"sys.exit(3)": b"3", "1 / 0": b"1"}.get(child, b"0")
    assert [post.body for post in done.posts] == [expected] * 2
    # It is told once what has ended it, as the failure of a process and of no invocation.
    told = done.stdout.split("\n")[:-1]
    assert [line.partition("\r")[0] for line in told] == (
        ["[ERROR] ZeroDivisionError: division by zero"] * 2 if child == "1 / 0" else []
    )


def test_largest_response(tmp_path: Path) -> None:
    """44: a response of 6 291 556 bytes arrives in whole."""
    source = "def handler(event, context): return b'x' * 6_291_556\n"
    assert served(source, [event()], tmp_path).posts[0].body == b"x" * 6_291_556


TOO_LARGE = reply("413 Payload Too Large", b'{"errorType":"RequestEntityTooLarge"}')


@pytest.mark.parametrize(
    "refusal",
    [
        pytest.param(TOO_LARGE, id="44: 413"),
        pytest.param(reply("400 Bad Request", b"{}"), id="45: 400"),
        pytest.param(reply("403 Forbidden", b"{}"), id="45: 403"),
        pytest.param(reply("410 Gone", b'{"errorType":"InvokeTimeout"}'), id="45: 410"),
        pytest.param(reply("404 Not Found", b""), id="45: 404"),
    ],
)
@pytest.mark.parametrize("kind", ["response", "error"])
def test_answer_is_refused(refusal: bytes, kind: str, tmp_path: Path) -> None:
    """44, 45: the refusal is one line in the log; the process goes on and posts nothing else."""
    source = "def handler(event, context): return 1 / event\n"
    tmp_path.joinpath("h.py").write_text(source)
    body = b"1" if kind == "response" else b"0"
    script: list[Step] = [event(body), refusal, event(b"1", "id-2"), ACCEPTED]
    done = run(ours("h.handler"), script, tmp_path)
    assert done.kinds == ["next", kind, "next", "response", "next"]
    line = done.stdout.splitlines()[-1]
    assert line.startswith("[ERROR] LAMBDA_RUNTIME Failed to post to ")
    assert f"/id-1/{kind}. HTTP {refusal[9:12].decode()}: " in line
    assert (done.stderr, done.status) == ("", SERVING)


def test_413_in_rie(tmp_path: Path) -> None:
    """44: after a response that is too large AWS's own emulator is served by the same process."""
    source = "import os\ndef handler(event, context): return [os.getpid(), 'x' * event]\n"
    tmp_path.joinpath("h.py").write_text(source)
    with Rie(ours("h.handler"), tmp_path) as rie:
        before = json.loads(rie.invoke(b"1"))
        assert json.loads(rie.invoke(b"6291556"))["errorType"] == "Function.ResponseSizeTooLarge"
        assert json.loads(rie.invoke(b"1")) == before


@pytest.mark.parametrize("step", [reply("500 Internal Server Error", b'{"errorType":"x"}')])
def test_api_fails(step: bytes, tmp_path: Path) -> None:
    """46: after a 500 there is nothing to go on with; one line, exit status 1."""
    tmp_path.joinpath("h.py").write_text("def handler(event, context): return 1\n")
    for script in ([step], [event(), step]):
        done = run(ours("h.handler"), list(script), tmp_path)
        assert len(done.requests) == len(script)
        assert done.stdout.startswith("[ERROR] LAMBDA_RUNTIME ")
        assert "the Runtime API answered HTTP 500: " in done.stdout
        assert done.stdout.count("\n") == 1
        assert (done.stderr, done.status) == ("", 1)


def test_api_fails_an_early_answer(tmp_path: Path) -> None:
    """46: the same where the handler answers for itself; its failure is not reported to it."""
    source = f"""{HEAD}
class H(Runtime):
    def handler(self, event, context):
        self.send_invocation_response(1)
"""
    tmp_path.joinpath("h.py").write_text(source)
    done = run(ours("h.H"), [event(), reply("500 Internal Server Error", b"{}")], tmp_path)
    assert done.kinds == ["next", "response"]
    assert done.stdout.startswith("[ERROR] LAMBDA_RUNTIME POST ")
    assert done.stdout.count("\n") == 1
    assert (done.stderr, done.status) == ("", 1)


@pytest.mark.parametrize("status", ["200 OK", "204 No Content"])
def test_another_success(status: str, tmp_path: Path) -> None:
    """47: any 2xx will do."""
    tmp_path.joinpath("h.py").write_text("def handler(event, context): return 1\n")
    done = run(ours("h.handler"), [event(), reply(status)], tmp_path)
    assert (done.kinds, done.stdout, done.status) == (["next", "response", "next"], "", SERVING)


def test_trace_id(tmp_path: Path) -> None:
    """31: _X_AMZN_TRACE_ID is there for the invocation that has one, for its children too."""
    source = """
import os, subprocess
def handler(event, context):
    child = subprocess.run("echo $_X_AMZN_TRACE_ID", shell=True, capture_output=True, text=True)
    return [os.environ.get("_X_AMZN_TRACE_ID"), child.stdout, context.trace_id]
"""
    traced = event(headers="Lambda-Runtime-Trace-Id: Root=1;Sampled=1\r\n")
    empty = event(headers="Lambda-Runtime-Trace-Id: \r\n")
    done = served(source, [traced, event(), traced, empty], tmp_path)
    with_it = ["Root=1;Sampled=1", "Root=1;Sampled=1\n", "Root=1;Sampled=1"]
    without = [None, "\n", None]
    assert [json.loads(p.body) for p in done.posts] == [with_it, without, with_it, without]


def test_invocation_id(tmp_path: Path) -> None:
    """34: the nonce is echoed with its own answer, of either kind, and with no other."""
    source = "def handler(event, context): return 1 / event\n"
    nonce = "Lambda-Runtime-Invocation-Id: nonce-1\r\n"
    events = [event(b"1", headers=nonce), event(b"1"), event(b"0", headers=nonce), event(b"0")]
    done = served(source, events, tmp_path)
    sent = [post.headers.get("lambda-runtime-invocation-id") for post in done.posts]
    assert sent == ["nonce-1", None, "nonce-1", None]


def test_death(tmp_path: Path) -> None:
    """59: of os._exit() nothing can be told; the platform tells of it."""
    done = served("import os\ndef handler(event, context): os._exit(9)\n", [event()], tmp_path)
    assert (done.kinds, done.stdout, done.stderr, done.status) == (["next"], "", "", 9)


def test_no_timeout(tmp_path: Path) -> None:
    """66: however short the user's timeouts, and though it is frozen meanwhile, /next waits."""
    source = "import socket\nsocket.setdefaulttimeout(0.01)\ndef handler(event, context): pass\n"
    tmp_path.joinpath("h.py").write_text(source)
    with ScriptedApi([[b"", event()], ACCEPTED]) as api:
        slow = threading.Event()
        read = api._read

        def read_late(connection: socket.socket) -> Request | None:
            request = read(connection)
            if not slow.is_set():
                slow.set()
                process.send_signal(signal.SIGSTOP)
                time.sleep(0.2)
                process.send_signal(signal.SIGCONT)
                time.sleep(0.2)
            return request

        api._read = read_late  # type: ignore[method-assign]
        with started(ours("h.handler"), api, tmp_path) as (process, out, err):
            assert api.finished.wait(10)
            assert out.read_text() + err.read_text() == ""
    assert [request.kind for request in api.requests] == ["next", "response", "next"]


def test_background_thread_goes_on(tmp_path: Path) -> None:
    """69: a thread runs on between invocations; nothing waits for it."""
    source = """
import threading
done = threading.Event()
def handler(event, context):
    if event == 1:
        threading.Timer(0.05, done.set).start()
        return "started"
    return done.wait(5)
"""
    done = served(source, [event(b"1"), event(b"2")], tmp_path)
    assert [post.body for post in done.posts] == [b'"started"', b"true"]


def test_print_and_log_keep_their_order(tmp_path: Path) -> None:
    """73: what is printed and what is logged come in their order, before the answer is posted."""
    source = """
import logging, sys
def handler(event, context):
    print("one")
    logging.warning("two")
    print("three", end="")
    sys.stderr.write("other")
"""
    done = served(source, [event()], tmp_path)
    lines = done.posts[0].stdout.split("\n")
    assert (lines[0], lines[2]) == ("one", "three")
    assert lines[1].endswith("\tid-1\ttwo")
    assert done.stderr == "other"


def test_an_event_is_delivered_again(tmp_path: Path) -> None:
    """64: an API that hangs up on /next is asked again."""
    tmp_path.joinpath("h.py").write_text("def handler(event, context): return 1\n")
    done = run(ours("h.handler"), [HangUp, event(), ACCEPTED], tmp_path)
    assert done.kinds == ["next", "next", "response", "next"]
    assert done.status == SERVING


def test_own_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """next_event gives (event, context), for a loop of one's own; errors are answered inside."""
    script: list[Step] = [event(b"{"), ACCEPTED, event(b"[1]", "id-2"), ACCEPTED]
    with ScriptedApi(script) as api:
        monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", api.address)
        runtime = Runtime()

        def loop() -> tuple[Any, Context]:
            event, context = runtime.next_event()
            runtime.send_invocation_response(event)
            return event, context

        seen, context = copy_context().run(loop)
        serving.of(runtime).client.close()
    assert (seen, context.aws_request_id) == ([1], "id-2")
    assert [request.kind for request in api.requests] == ["next", "error", "next", "response"]
    assert "_X_AMZN_TRACE_ID" not in os.environ


def test_run_without_a_bootstrap(tmp_path: Path) -> None:
    """`python app.py` with `Hello().run()` is a runtime as well."""
    source = f"""{HEAD}
class Hello(Runtime):
    def handler(self, event, context):
        logging.warning("hello")
        return event
import logging
Hello().run()
"""
    tmp_path.joinpath("app.py").write_text(source)
    done = run([ours("")[0], "app.py"], [event(b"5"), ACCEPTED], tmp_path)
    assert (done.posts[0].body, done.status) == (b"5", SERVING)
    assert done.stdout.endswith("\tid-1\thello\n")
    outside = subprocess.run(
        [ours("")[0], "app.py"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert outside.returncode == 1
    assert outside.stdout.count("\n") == 1
    assert "AWS_LAMBDA_RUNTIME_API is not set" in outside.stdout
    assert outside.stderr == ""


class Plain(Runtime):
    def handler(self, event: Any, context: Context) -> Any:
        return event


def test_handler_is_a_plain_method() -> None:
    """In a unit test a handler is called like any method, without Lambda."""
    assert Plain().handler({"a": 1}, Context({})) == {"a": 1}
    with pytest.raises(NoHandlerDefinedException, match="Runtime has no handler"):
        Runtime().handler({}, Context({}))


def test_outside_an_invocation(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is nothing to answer, and nobody to report to."""
    with pytest.raises(LambdaError, match="there is no invocation to answer"):
        Plain().send_invocation_response(1)
    monkeypatch.delenv("AWS_LAMBDA_RUNTIME_API", raising=False)
    with pytest.raises(RuntimeApiError, match="AWS_LAMBDA_RUNTIME_API is not set"):
        Plain().send_init_error("no", "No")


def test_unknown_option() -> None:
    """A misspelt option is an error, not a surprise later."""
    with pytest.raises(TypeError, match="log_level"):
        Plain(log_level="debug")  # type: ignore[call-arg]


def test_name_that_is_not_there() -> None:
    """A name that the package does not have is an AttributeError, as of any module."""
    with pytest.raises(AttributeError, match="'amazon_lambda_runtime' has no attribute 'Handler'"):
        amazon_lambda_runtime.Handler  # noqa: B018
    assert set(amazon_lambda_runtime.__all__) <= set(dir(amazon_lambda_runtime))
