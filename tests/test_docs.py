"""The documents: their snippets are the examples, the examples work, their numbers are known."""

import importlib
import inspect
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from amazon_lambda_runtime import samples, testing
from amazon_lambda_runtime.cli.group import group
from scripts import cases_page

from .harness import ACCEPTED, SERVING, Step, event, ours, reply, run

ROOT = Path(__file__).parent.parent
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "tests/README.md",
    ROOT / "examples/README.md",
    *sorted(ROOT.glob("docs/**/*.md")),
]
SNIPPETS = [
    pytest.param(snippet, id=f"{page.relative_to(ROOT)}-{number}")
    for page in PAGES
    for number, snippet in enumerate(re.findall(r"```python\n(.*?)```", page.read_text(), re.S))
]


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_snippet_is_an_example(snippet: str) -> None:
    """What the documents show is, to the letter, a file that the tests run."""
    assert snippet in [file.read_text() for file in ROOT.glob("examples/*/*.py")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links(page: Path) -> None:
    """What a document points to is there."""
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
        if not target.startswith("https://"):
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", ["runtime", "events", "testing", "web", "durable"])
def test_public_names_are_in_the_reference(page: str) -> None:
    """The reference has each name of a public import path, and none that there is not."""
    name = "amazon_lambda_runtime" + ("" if page == "runtime" else f".{page}")
    text = (ROOT / f"docs/reference/{page}.md").read_text()
    assert f".. module:: {name}\n" in text
    shown = re.findall(r"^\.\. auto\w+:: (\w+)", text, re.M)
    assert sorted(shown) == sorted(importlib.import_module(name).__all__)


def sphinx_build(source: Path, target: Path) -> subprocess.CompletedProcess[str]:
    """Build the site as `make docs` does, with its Sphinx or this environment's."""
    beside = Path(sys.executable).with_name("sphinx-build")
    programs = [ROOT / ".cache/docs/env/bin/sphinx-build", beside]
    program = next((program for program in programs if program.exists()), None)
    if program is None:
        pytest.skip("Sphinx is not installed: make docs")
    command: list[str | Path] = [
        program,
        "-W",
        "--keep-going",
        "-q",
        "-d",
        target / "doctrees",
        source,
        target,
    ]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_site(tmp_path: Path) -> None:
    """The site builds without a warning, with a section for each subcommand."""
    done = sphinx_build(ROOT / "docs", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    page = (tmp_path / "reference/command.html").read_text()
    for path in commands(group, "lambda-runtime"):
        assert f'id="{path}"' in page, path
    page = (tmp_path / "reference/runtime.html").read_text()
    for name in vars(testing.make_context()).keys() - {"_w3c"}:
        assert f'id="amazon_lambda_runtime.Context.{name}"' in page, name


def commands(of: click.Group, path: str) -> Iterator[str]:
    """Give the id of each subcommand's section, those of nested groups, too."""
    context = click.Context(of)
    for name in of.list_commands(context):
        command = of.get_command(context, name)
        assert command is not None
        yield f"{path}-{name}"
        if isinstance(command, click.Group):
            yield from commands(command, f"{path}-{name}")


FAULTS = {
    "[a page](nowhere.md)": "'nowhere.md'",
    "[a part](async.md#no-part)": "'no-part'",
    "```{eval-rst}\n:class:`amazon_lambda_runtime.Nothing`\n```": "amazon_lambda_runtime.Nothing",
    '<script src="https://cdn.example/x.js"></script>': "https://cdn.example/x.js",
    '<link rel="stylesheet" href="//fonts.example/x.css">': "//fonts.example/x.css",
    '<img src="http://img.example/x.png">': "http://img.example/x.png",
    '<a href="../nowhere.html">it</a>': "a link leads nowhere: ../nowhere.html",
    '<a href="web.html#no-such-part">it</a>': "a link leads nowhere: web.html#no-such-part",
    "![a picture](gone.svg)": "gone.svg",
}


@pytest.mark.slow
def test_site_is_strict(tmp_path: Path) -> None:
    """A link or a name that leads nowhere fails the build; so does what another host serves."""
    source = tmp_path / "docs"
    shutil.copytree(ROOT / "docs", source)
    page = source / "guides/async.md"
    page.write_text("\n\n".join([page.read_text(), *FAULTS, ""]))
    done = sphinx_build(source, tmp_path / "site")
    assert done.returncode == 1
    for fault in FAULTS.values():
        assert fault in done.stderr


def public() -> Iterator[tuple[str, Any]]:
    """Give each public class and function, and the public members that a class defines."""
    for room in ("", ".events", ".testing", ".web"):
        module = importlib.import_module(f"amazon_lambda_runtime{room}")
        for name in module.__all__:
            found = getattr(module, name)
            yield name, found
            for member, value in vars(found).items() if inspect.isclass(found) else ():
                if not member.startswith("_") and (callable(value) or isinstance(value, property)):
                    yield f"{name}.{member}", value


@pytest.mark.parametrize(
    ("name", "subject"), [pytest.param(*each, id=each[0]) for each in public()]
)
def test_docstring(name: str, subject: Any) -> None:
    """Each public name has a docstring that begins with one sentence on one line."""
    first, _, rest = (inspect.getdoc(subject) or "").partition("\n")
    assert re.fullmatch(r"[A-Z`].*[.]", first), name
    assert not rest or rest.startswith("\n"), name


def test_contributing_knows_where() -> None:
    """Each path of the table "Where does X happen?" is there, and each room is in it."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    table = text.partition("## Where does X happen?")[2].partition("\n## ")[0]
    answers = [row.split("|")[2] for row in re.findall(r"^\| .*\|$", table, re.M)[1:]]
    paths = [path for answer in answers for path in re.findall(r"`([\w/.]+)`", answer)]
    package = ROOT / "src/amazon_lambda_runtime"
    missing = [
        path
        for path in paths
        if not (package / path).exists() or (package / path).is_dir() != path.endswith("/")
    ]
    assert not missing
    rooms = {file.name for file in package.iterdir() if file.is_dir()} - {"__pycache__"}
    assert {path.partition("/")[0] for path in paths if "/" in path} == rooms


def test_numbers_are_known() -> None:
    """Each case of behaviour.md is shown by a test, and no test claims another."""
    listed = {number for number, _ in cases_page.cases(cases_page.BEHAVIOUR)}
    claimed = cases_page.shown({*ROOT.glob("tests/**/test_*.py")} - {cases_page.PARITY})
    assert set(range(1, 93)) <= listed
    assert claimed.keys() == listed
    differences = {number for number, _ in cases_page.cases(cases_page.DIFFERENCES)}
    assert cases_page.shown([cases_page.PARITY]).keys() == differences


def test_page_of_cases() -> None:
    """The page of cases and tests is what the tests say now."""
    assert cases_page.page() == cases_page.PAGE.read_text(), "run: make pages"


WINDOW = {
    **samples.load("kinesis", data={"page": "/"}, records=2),
    "window": {"start": "2026-01-01T00:00:00Z", "end": "2026-01-01T00:05:00Z"},
    "state": {"/": 1},
    "isFinalInvokeForWindow": True,
}
FOR_A_FRAMEWORK = {**samples.load("cloudformation", properties={"Name": "Ada"}), "ResponseURL": ""}
SIGN_UP = samples.load("cognito-pre-sign-up", email="ada@example.com")

EXAMPLES: list[tuple[str, Any, Any]] = [
    ("hello/hello.handler", {"name": "Ada"}, {"message": "Hello Ada!"}),
    ("plain/plain.handler", {"path": "/"}, {"path": "/", "function": "f"}),
    ("zip/lambda_function.lambda_handler", {}, {"statusCode": 200, "body": '"Hello from Lambda!"'}),
    ("orders/orders.handler", {"order": 7}, {"number": 7, "total": 9.9, "due": "2026-12-01"}),
    ("streaming/streaming.handler", {"from": 2}, "2\n1\nlift-off\n"),
    ("async_handler/async_handler.handler", {"items": ["a", "bc"]}, {"total": 3}),
    ("decorated/decorated.handler", {"items": ["a", "b"]}, {"result": 2, "slow": True}),
    ("pool/pool.handler", {}, {"used": "first"}),
    ("managed/managed.handler", {}, {"request": "id-1"}),
    ("tidy/tidy.handler", {"number": 7}, 7),
    (
        "website/website.handler",
        {"rawPath": "/"},
        {
            "statusCode": 404,
            "headers": {"Content-Type": "text/plain"},
            "cookies": [],
            "body": "not here",
            "isBase64Encoded": False,
        },
    ),
    ("faster_json/faster_json.handler", [1], {"got": [1]}),
    ("logging/share.handler", {"prices": [5, 7], "people": 2}, {"each": 6}),
    ("files/files.handler", samples.load("sqs-sns-s3"), {"batchItemFailures": []}),
    (
        "fan_out/fan_out.handler",
        samples.load("sqs-sns", message={"order": 13}, message_id="m-1"),
        {"batchItemFailures": [{"itemIdentifier": "m-1"}]},
    ),
    ("shop/shop.app", samples.load("scheduled"), {"status": "ok"}),
    ("clicks/clicks.handler", WINDOW, {"state": {"/": 3}, "batchItemFailures": []}),
    (
        "resource/resource.handler",
        FOR_A_FRAMEWORK,
        {"PhysicalResourceId": "greeting-Ada", "Data": {"Text": "Hello Ada!"}},
    ),
    ("readings/readings.app", {"step": "average", "values": [1, 2]}, 1.5),
    (
        "signup/signup.app",
        SIGN_UP,
        {**SIGN_UP, "response": {**SIGN_UP["response"], "autoConfirmUser": True}},
    ),
    (
        "resolver/resolver.app",
        [{"info": {"fieldName": "related"}, "source": {"id": name}} for name in ("a", "b")],
        [["more like a"], ["more like b"]],
    ),
    (
        "balanced/balanced.handler",
        samples.load("alb", path="/hello", query={"name": "Ada!"}),
        {
            "statusCode": 200,
            "statusDescription": "200 OK",
            "isBase64Encoded": False,
            "body": '{"message": "Hello Ada!!"}',
            "headers": {"Content-Type": "application/json"},
        },
    ),
]


@pytest.mark.parametrize(("path", "payload", "expected"), EXAMPLES)
def test_example(path: str, payload: Any, expected: Any) -> None:
    """Each example answers."""
    directory, _, handler = path.partition("/")
    if directory == "faster_json":
        pytest.importorskip("orjson", reason="orjson is not installed")
    script: list[Step] = [event(json.dumps(payload).encode()), ACCEPTED]
    if directory == "tidy":
        script.insert(0, reply("404 Not Found"))  # no extensions here
    done = run(
        ours(handler),
        script,
        ROOT / "examples" / directory,
        {"AWS_LAMBDA_FUNCTION_NAME": "f"},
    )
    body = done.posts[-1].body
    assert (body.decode() if directory == "streaming" else json.loads(body)) == expected
    # Only what overrides on_shutdown is ended by SIGTERM in its own way.
    assert done.status == (0 if directory == "tidy" else SERVING)


def test_all_examples_are_run() -> None:
    """None is left out of the list above, or of what the tests of frameworks, of
    tests/testing/test_local_project.py, of tests/local/durable/test_example.py and tests/docs run.
    """
    others = {"shipping", "workflow", "tutorial", "secret", "model_stream", "structlog_json"}
    web = {"fastapi_app", "flask_app", "mcp_server", "web_and_queue"}
    assert {path.partition("/")[0] for path, _, _ in EXAMPLES} | web | others == {
        file.parent.name for file in ROOT.glob("examples/*/*.py")
    }


def test_website_streams() -> None:
    """The example's events, behind their head."""
    done = run(
        ours("website.handler"),
        [event(b'{"rawPath": "/events"}'), ACCEPTED],
        ROOT / "examples/website",
    )
    head, _, body = done.posts[0].body.partition(b"\0" * 8)
    assert json.loads(head)["headers"] == {"Content-Type": "text/event-stream"}
    assert body == b"data: 0\n\ndata: 1\n\ndata: 2\n\n"


def test_order_that_is_not_there() -> None:
    """The example's own error, as its caller reads it."""
    done = run(ours("orders.handler"), [event(b'{"order": 8}'), ACCEPTED], ROOT / "examples/orders")
    document = json.loads(done.posts[0].body)
    assert document["errorMessage"] == "there is no order 8"
    assert document["errorType"] == "Order.NotFound"
