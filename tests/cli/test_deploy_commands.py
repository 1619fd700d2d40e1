"""`lambda-runtime plan`, `deploy`, `diff` and so on: processes, as users run them."""

import json
import os
import signal
import subprocess
import time

import pytest

from tests.deploy.conftest import stand_in, world
from tests.deploy.fake_aws import ACCOUNT, REGION, Fault
from tests.deploy.world import ALL, INVENTORY, ONE, World
from tests.harness import chance, examples

from .support import COMMAND, PATIENCE, Process, read_terminal, run_here

__all__ = ["stand_in", "world"]


@pytest.fixture
def image(world: World) -> str:
    """The URI of an image that is in the registry."""
    world.write(ONE)
    world.deploy(only={"repository"})
    return world.put_image("a")


def test_from_nothing_to_live_and_back(world: World, image: str) -> None:
    """Plan, deploy, deploy again, invoke, diff, and destroy, in plain lines."""
    planned = world.run("plan", "--image-uri", image)
    assert planned.returncode == 0
    assert "+ function orders: it does not exist yet\n" in planned.stdout
    assert "\x1b" not in planned.stdout + planned.stderr
    first = world.run_apart("deploy", "--image-uri", image)
    assert (first.returncode, first.stdout) == (0, "orders: deployed\n"), first.stderr
    assert "+ alias orders:live: no version is live" in first.stderr
    second = run_here(world.folder, "deploy", "--image-uri", image)
    assert (second.returncode, second.stdout) == (0, "orders: nothing to do\n")
    assert run_here(world.folder, "plan", "--image-uri", image).stdout == "Nothing to do.\n"
    same = run_here(world.folder, "diff")
    assert (same.returncode, same.stdout) == (0, "No difference.\n")
    world.client("lambda").update_function_configuration(FunctionName="orders", Timeout=9)
    drift = run_here(world.folder, "diff")
    assert drift.returncode == 1
    assert drift.stdout == "~ configuration of function orders: timeout 9 → 3\n"
    refused = run_here(world.folder, "destroy")
    assert refused.returncode != 0
    assert "Traceback" not in refused.stderr
    assert world.live() == "1"
    gone = run_here(world.folder, "destroy", "--yes")
    assert gone.returncode == 0
    assert gone.stdout.endswith("orders: destroyed\n")
    # The image was given by its URI: this project did not push it.
    assert run_here(world.folder, "destroy", "--yes").stdout == (
        "note: repository orders stays: it is used by 1 image that this project did not push\n"
        "Nothing to destroy.\n"
    )


def test_invoke(world: World, image: str) -> None:
    """The response is stdout, a failure is status 1, a function that is not there is status 2."""
    run_here(world.folder, "deploy", "--image-uri", image)
    (world.folder / "other.json").write_text('{"a": 1}')
    done = run_here(world.folder, "invoke", "--payload", "other.json")
    assert (done.returncode, json.loads(done.stdout)) == (0, {"a": 1})
    world.door.faults.append(Fault("lambda:Invoke", failed='{"errorType": "Bad"}'))
    failed = run_here(world.folder, "invoke")
    assert (failed.returncode, json.loads(failed.stdout)) == (1, {"errorType": "Bad"})
    # moto answers for functions that are not there.
    missing = (404, "ResourceNotFoundException", "Function not found: absent")
    world.door.faults.append(Fault("lambda:Invoke", error=missing))
    absent = run_here(world.folder, "invoke", FUNCTION_NAME="absent")
    assert absent.returncode == 2
    assert absent.stderr.startswith("lambda-runtime: lambda:Invoke: ResourceNotFoundException")
    assert absent.stderr.count("\n") == 1


def test_rollback_and_a_failed_smoke_test(world: World, image: str) -> None:
    """A smoke test that fails is status 1 and changes nothing; a rollback is one line."""
    run_here(world.folder, "deploy", "--image-uri", image)
    other = world.put_image("b")
    world.door.faults.append(
        Fault("lambda:Invoke", failed='{"errorType": "Bad", "errorMessage": "no"}')
    )
    failed = run_here(world.folder, "deploy", "--image-uri", other)
    assert failed.returncode == 1
    assert failed.stderr.endswith("and live has not moved: Bad: no\n")
    assert world.live() == "1"
    assert run_here(world.folder, "deploy", "--image-uri", other).returncode == 0
    back = run_here(world.folder, "rollback")
    assert (back.returncode, back.stdout) == (0, "orders: version 1 is live, in place of 2\n")


def test_logs(world: World, image: str) -> None:
    """The lines of the last minutes; with -f until Ctrl-C, each line once."""
    run_here(world.folder, "deploy", "--image-uri", image)
    logs = world.client("logs")
    group, stream = "/aws/lambda/orders", "2026/01/01/[1]abc"
    logs.create_log_stream(logGroupName=group, logStreamName=stream)

    def write(text: str) -> None:
        event = {"timestamp": int(time.time() * 1000), "message": text}
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=[event])

    write("first")
    assert run_here(world.folder, "logs").stdout == "first\n"
    follower = Process([*COMMAND, "logs", "-f"], world.folder, dict(os.environ))
    try:
        follower.wait_until(lambda: follower.stdout == "first\n")
        write("second")
        follower.wait_until(lambda: follower.stdout == "first\nsecond\n")
        assert follower.end(signal.SIGINT) == 0
    finally:
        follower.kill()
    assert (follower.stdout, follower.log) == ("first\nsecond\n", "")


def test_in_a_terminal(world: World, image: str) -> None:
    """The running step is shown on a moving line, a step that is done stays; in colours."""
    master, slave = os.openpty()
    process = subprocess.Popen(
        [*COMMAND, "deploy", "--image-uri", image],
        cwd=world.folder,
        env={**os.environ, "TERM": "xterm"},
        stdout=slave,
        stderr=slave,
    )
    os.close(slave)
    with process, os.fdopen(master, "rb"):
        shown = read_terminal(master)
        assert process.wait(PATIENCE) == 0, shown
    text = shown.decode()
    assert "reading what is there" in text
    assert "\x1b[32m+\x1b[0m function orders: it does not exist yet" in text
    assert "smoke test of version 1 with payload.json" in text


def test_errors_are_one_line(world: World) -> None:
    """A mistake in the file, a profile that is none: one line and status 2, never a traceback."""
    world.write("[tool.lambda-runtime]\nmemroy = 128\n")
    wrong = run_here(world.folder, "plan")
    assert wrong.returncode == 2
    assert wrong.stderr == (
        "lambda-runtime: [tool.lambda-runtime] has an unknown key 'memroy': "
        "did you mean 'memory'?\n"
    )
    world.write(ONE)
    profile = run_here(world.folder, "diff", "--profile", "absent")
    assert profile.returncode == 2
    assert profile.stderr.startswith("lambda-runtime: cannot use the profile absent")
    two = "[tool.lambda-runtime.functions.a]\n[tool.lambda-runtime.functions.b]\n"
    world.write(two)
    assert "choose one with --function: a, b." in run_here(world.folder, "invoke").stderr


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_killed_the_next_run_finishes_it(world: World, number: int) -> None:
    """What a deployment that was killed, or stopped by Ctrl-C, has left is finished by the next."""
    world.buckets("uploads")
    world.write(ONE)
    world.deploy(only={"repository"})
    image = world.put_image("a")
    world.write(ALL)
    where = chance(f"killed by {number}")
    for changes in sorted(where.randint(1, 25) for _ in range(examples(4))):
        kill_after(world, image, changes, number)
    finished = run_here(world.folder, "deploy", "--image-uri", image)
    assert finished.returncode == 0, finished.stderr
    assert world.inventory() == {**INVENTORY, "repositories": 1}
    again = run_here(world.folder, "deploy", "--image-uri", image)
    assert again.stdout == "orders: nothing to do\n"


def kill_after(world: World, image: str, changes: int, number: int) -> None:
    """Deploy, and send the signal once it has made so many changes; it may be in the next."""
    world.door.calls.clear()
    process = subprocess.Popen(
        [*COMMAND, "deploy", "--image-uri", image],
        cwd=world.folder,
        env=dict(os.environ),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        end = time.monotonic() + 60
        while len(world.door.changes) < changes and process.poll() is None:
            assert time.monotonic() < end
            time.sleep(0.005)
        process.send_signal(number)
        _, errors = process.communicate(timeout=30)
    assert "Traceback" not in errors
    if process.returncode not in (0, -signal.SIGKILL):
        assert process.returncode == 130
        assert errors.endswith("stopped; run it again to continue\n")


def test_where_it_goes_is_said_first(world: World, image: str) -> None:
    """Account, region and profile; without a region, or of another account, nothing is asked."""
    for command in ("plan", "deploy", "destroy"):
        given = ["--image-uri", image] if command != "destroy" else []
        done = run_here(world.folder, command, *given)
        first = done.stderr.splitlines()[0]
        assert first == f"account {ACCOUNT}, region {REGION}, profile default"
        world.door.calls.clear()
        other = run_here(world.folder, command, AWS_ACCOUNT="210987654321")
        assert (other.returncode, other.stdout) == (2, "")
        assert f"account {ACCOUNT}, and AWS_ACCOUNT is 210987654321" in other.stderr
        assert world.door.calls == ["sts:GetCallerIdentity"]
        nowhere = run_here(world.folder, command, AWS_REGION="")
        assert nowhere.returncode == 2
        assert "no region is set" in nowhere.stderr
