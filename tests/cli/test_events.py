"""`lambda-runtime events`, as a user runs it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from amazon_lambda_runtime import samples
from amazon_lambda_runtime.cli.group import run

COMMAND = str(Path(sys.executable).with_name("lambda-runtime"))


def done(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    status = run(["events", *arguments])
    out, err = capsys.readouterr()
    return status, out, err


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    """A line for each event: its name, its source, and what it is."""
    status, out, err = done("list", capsys=capsys)
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert [line.split()[0] for line in lines] == samples.names()
    (line,) = (line for line in lines if line.startswith("sqs-sns-s3 "))
    assert line.split(maxsplit=2) == ["sqs-sns-s3", "aws:sqs", samples.describe("sqs-sns-s3")]


def test_list_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    """The same for programs, with the fields."""
    status, out, _ = done("list", "--json", capsys=capsys)
    assert status == 0
    document = {each["name"]: each for each in json.loads(out)}
    assert list(document) == samples.names()
    assert document["s3-put"]["fields"] == samples.fields("s3-put")
    assert document["s3-put"]["source"] == "aws:s3"


def test_show(capsys: pytest.CaptureFixture[str]) -> None:
    """The event on stdout, with the fields that were set."""
    arguments = ["show", "s3-put", "--bucket", "b", "--key", "a b.csv", "--size", "7"]
    status, out, err = done(*arguments, capsys=capsys)
    assert (status, err) == (0, "")
    assert json.loads(out) == samples.load("s3-put", bucket="b", key="a b.csv", size=7)
    status, out, _ = done("show", "scheduled", capsys=capsys)
    assert json.loads(out) == samples.load("scheduled")
    status, out, _ = done(
        "show", "eventbridge", "--detail-type", "D", "--detail", "[1]", capsys=capsys
    )
    assert json.loads(out) == samples.load("eventbridge", detail_type="D", detail=[1])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "s3-put", "--bukket", "b"], "no field --bukket; it has: --bucket, --key"),
        (["show", "s3-putt"], "there is no event 's3-putt'; there are: alb, "),
        (["show", "s3-put", "--size", "x"], "--size x is not JSON: "),
        (["show", "sqs", "--records", "0"], "the event sqs has one record or more, not 0"),
        (["show", "sqs", "--attributes", "7"], "expected a dict for attributes, not int"),
        (["show", "s3-put", "--bucket"], "Option '--bucket' requires an argument"),
        (["show", "s3-put", "more"], "unexpected extra argument (more)"),
        (["show"], "Missing command"),
        ([], "Missing command"),
        (["shew"], "No such command 'shew'"),
    ],
)
def test_bad_input(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    """An error is one line on stderr that says what there is, and the status is 2."""
    status, out, err = done(*arguments, capsys=capsys)
    assert (status, out) == (2, "")
    assert err.startswith("lambda-runtime: ")
    assert message in err
    assert err.count("\n") == 1


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    """--help has examples, the names of the events, and of each its fields with their defaults."""
    assert "show s3-put --bucket" in done("--help", capsys=capsys)[1]
    assert "sqs-sns-s3" in done("show", "--help", capsys=capsys)[1]
    out = done("show", "sqs", "--help", capsys=capsys)[1]
    assert "--queue" in out
    assert "[default: my-queue]" in out
    assert "--query" in done("show", "apigw-v2", "--help", capsys=capsys)[1]


def test_it_pipes_into_local(tmp_path: Path) -> None:
    """What it prints is an event for `lambda-runtime local`."""
    source = (
        "from amazon_lambda_runtime.events import EventRuntime, object_key\n"
        "app = EventRuntime()\n"
        "@app.on('s3:ObjectCreated:*', bucket='in-*')\n"
        "def take(record):\n    print('took', object_key(record))\n"
    )
    tmp_path.joinpath("files.py").write_text(source)
    show = [COMMAND, "events", "show", "sqs-s3", "--bucket", "in-1", "--key", "a b.csv"]
    shown = subprocess.run(show, capture_output=True, check=True)
    local = [COMMAND, "local", "files.app", "--event", "-"]
    ran = subprocess.run(local, input=shown.stdout, capture_output=True, cwd=tmp_path, timeout=30)
    assert (ran.returncode, json.loads(ran.stdout)) == (0, {"batchItemFailures": []})
    assert b"took a b.csv" in ran.stderr
