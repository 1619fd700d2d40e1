"""The console page in a real browser: Debian's Chromium, driven by Playwright.

scripts/install_chromium.sh installs it; without it, these tests are skipped.
"""

import json
import re
import shlex
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

pytest.importorskip("playwright", reason="playwright is not installed")

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    Route,
    expect,
    sync_playwright,
)

from amazon_lambda_runtime.local.engine.invocation import Invocation
from amazon_lambda_runtime.local.engine.states import State
from tests.local.serving import Served, orders, served

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# In milliseconds.
PATIENCE = 15_000
HOSTILE = "<img src=x onerror=\"document.title='pwned'\"><script>document.title='pwned'</script>"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"there is no {CHROMIUM}"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def context(browser: Browser) -> Iterator[BrowserContext]:
    # A profile of its own, empty and in memory.
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    yield context
    context.close()


@pytest.fixture(scope="module")
def the_server() -> Iterator[Served]:
    with served(orders(), url=True) as server:
        yield server


@pytest.fixture
def server(the_server: Served) -> Served:
    """The server of all tests, as if it had just been started."""
    the_server.reset()
    return the_server


@pytest.fixture
def complaints() -> list[str]:
    """What the browser has complained of. At the end of a test there must be nothing."""
    return []


@pytest.fixture
def page(context: BrowserContext, server: Served, complaints: list[str]) -> Iterator[Page]:
    """The page, ready. What it asks of any other server is a complaint."""
    page = watched_page(context, server, complaints)
    yield page
    assert complaints == []
    assert page.title() == "Local Lambda"
    page.evaluate("localStorage.clear()")
    page.close()


def watched_page(context: BrowserContext, server: Served, complaints: list[str]) -> Page:
    page = context.new_page()

    def hear(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(message.text)

    def watch(request: Request) -> None:
        if not request.url.startswith(server.endpoint + "/"):
            complaints.append(request.url)

    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", hear)
    page.on("request", watch)
    open_page(page, server)
    return page


def open_page(page: Page, server: Served) -> None:
    page.goto(server.endpoint)
    page.wait_for_selector("html[data-ready]")
    expect(page.locator("#link")).to_have_text("live")


def invoke(page: Page, kind: str = "RequestResponse", /, **steps: Any) -> None:
    page.select_option("#kind", kind)
    page.fill("#editor", json.dumps(steps))
    page.click("#invoke")


def latin(text: str) -> str:
    """Return the text as `orders` wants pieces: a character for each byte."""
    return text.encode().decode("latin-1")


def done(page: Page, word: str = "succeeded") -> None:
    expect(page.locator("#status")).to_have_text(word)


def test_the_function(page: Page, server: Served) -> None:
    """
    The page shows the function and its settings; its address is a link that takes nothing along.
    """
    expect(page.locator("#function")).to_have_value("orders")
    facts = page.locator("#facts")
    for text in ("orders.handler", "128 MB", "30 s"):
        expect(facts).to_contain_text(text)
    link = facts.locator("a")
    expect(link).to_have_attribute("href", server.function_url)
    expect(link).to_have_attribute("rel", "noopener noreferrer")


def test_by_keyboard_only(page: Page, server: Served) -> None:
    """
    Edit, invoke, go to the list, choose, replay, load, ask for help: no mouse is needed.
    """
    keys = page.keyboard
    keys.press("e")
    expect(page.locator("#editor")).to_be_focused()
    keys.press("Control+A")
    keys.type('{"answer": {"number": 7}, "e": "/?r"}')
    keys.press("Control+Enter")
    expect(page.locator("#response .key")).to_have_text('"number"')
    done(page)
    keys.press("Control+A")
    keys.type('{"answer": "second"}')
    keys.press("Control+Enter")
    expect(page.locator("#response")).to_have_text('"second"')
    keys.press("Escape")
    keys.press("/")
    first = page.locator("#list .row").first
    expect(first).to_be_focused()
    expect(first).to_have_attribute("aria-current", "true")
    expect(first).to_have_css("outline-style", "solid")
    keys.press("ArrowDown")
    expect(page.locator("#response")).to_contain_text('"number": 7')
    keys.press("r")
    expect(page.locator("#list .row")).to_have_count(3)
    expect(page.locator("#response")).to_contain_text('"number": 7')
    assert server.invoked[2] == server.invoked[0]
    keys.press("l")
    expect(page.locator("#editor")).to_be_focused()
    expect(page.locator("#editor")).to_have_value(re.compile('"number": 7'))
    assert json.loads(page.input_value("#editor")) == {"answer": {"number": 7}, "e": "/?r"}
    keys.press("Escape")
    keys.press("?")
    expect(page.locator("#help")).to_be_visible()
    keys.press("Escape")
    expect(page.locator("#help")).to_be_hidden()
    keys.press("s")
    expect(page.locator("#sample")).to_be_focused()


def test_tab_reaches_everything(page: Page) -> None:
    """
    Tab goes round all that can be operated, and one row stands for the whole list.
    """
    for answer in range(3):
        invoke(page, answer=answer)
        expect(page.locator("#response")).to_have_text(str(answer))
    done(page)
    reached = []
    page.locator("#function").focus()
    for _ in range(40):
        reached.append(
            page.evaluate("document.activeElement.id || document.activeElement.className")
        )
        page.keyboard.press("Tab")
    assert set(reached) >= {
        "editor", "sample", "format", "kind", "invoke", "replay", "edit", "raw", "copy",
        "response", "log", "log-all", "filter", "row", "again", "zoom-in", "zoom-out", "help-open",
    }  # fmt: skip
    round_trip = reached[: reached.index("function", 1)] if "function" in reached[1:] else reached
    assert round_trip.count("row") == 1


def test_report_and_log(page: Page) -> None:
    """
    The figures of the REPORT line, and the log with its levels and the request id.
    """
    graded = "[{}]\t2026-11-24T21:00:00.123Z\tid-1\t{}"
    lines = [
        graded.format("WARNING", "careful"),
        graded.format("ERROR", "one\rtwo"),
        '{"level": "INFO", "message": "json"}',
        "printed",
    ]
    invoke(page, answer=1, log=lines)
    done(page)
    figures = page.locator("#figures")
    for text in (
        re.compile(r"Duration[\d.]+ m?s"),
        re.compile(r"Billed\d+ ms"),
        re.compile(r"Init[\d.]+ m?s"),
        re.compile(r"Memory\d+ / 128 MB"),
        "Environment#1 cold",
    ):
        expect(figures).to_contain_text(text)
    log = page.locator("#log")
    expect(log.locator(".line")).to_have_count(7)
    expect(log.locator(".line.platform")).to_have_count(3)
    expect(log.locator(".line.warning .text")).to_have_text("careful")
    expect(log.locator(".line.error .text")).to_have_text("one\ntwo", use_inner_text=True)
    expect(log.locator(".line.info .level")).to_have_text("INFO")
    expect(page.locator("#request-id")).to_have_text(re.compile("[0-9a-f-]{36}"))
    # The heading says whose the lines are.
    expect(log.locator(".whose")).to_have_count(0)
    colours = {
        log.locator(f".line.{level} .text").first.evaluate("e => getComputedStyle(e).color")
        for level in ("warning", "error", "platform", "plain")
    }
    assert len(colours) == 4


def test_log_of_all(page: Page, server: Served) -> None:
    """
    The log of all invocations grows as they write, and a request id in it leads to its invocation.
    """
    invoke(page, answer="one", log=["first"])
    done(page)
    page.click("#log-all")
    server.call(server.journal.line, None, "of no invocation")
    invoke(page, answer="two", log=["second"])
    expect(page.locator("#response")).to_have_text('"two"')
    log = page.locator("#log")
    for text in ("first", "of no invocation", "second"):
        expect(log.locator(".text", has_text=text)).to_have_count(1)
    log.locator(".line", has_text="first").locator("button").click()
    expect(page.locator("#response")).to_have_text('"one"')


def test_stream_grows(page: Page, server: Served, tmp_path: Path) -> None:
    """
    Each piece of a stream is seen when it arrives, also if a character is cut in two.
    """
    invoke(page, "stream", stream=[latin("one ☃\n"), "two\n", "three\n"], hold=str(tmp_path / "go"))
    response = page.locator("#response")
    expect(response).to_have_text(re.compile(r"^one ☃\s*$"))
    done(page, "running")
    (tmp_path / "go").touch()
    expect(response).to_contain_text("three")
    done(page)
    assert server.invoked[0][0] == "stream"
    expect(page.locator("#size")).to_have_text("18 B")


def test_stream_of_another_client(page: Page, server: Served, tmp_path: Path) -> None:
    """
    The stream of another caller grows here as well, from wherever one begins to look.
    """
    # The character is cut in two.
    pieces = [latin("one ☃")[:5], latin("☃ two")[1:]]
    error = ["Cut", "off", "orders.py"]
    steps = {"stream": pieces, "hold": str(tmp_path / "go"), "error": error}
    path = "/2021-11-15/functions/orders/response-streaming-invocations"
    with ThreadPoolExecutor() as others:
        read = others.submit(
            lambda: urlopen(server.endpoint + path, json.dumps(steps).encode()).read()
        )
        page.locator("#list .row").click()
        response = page.locator("#response")
        expect(response).to_have_text(re.compile("^one"))
        (tmp_path / "go").touch()
        expect(response).to_contain_text("one ☃ two")
        expect(response.locator(".error-type")).to_have_text("Cut")
        assert b"InvokeComplete" in read.result(PATIENCE)
    expect(response).to_contain_text("one ☃ two")


def test_stream_that_breaks_off(page: Page) -> None:
    """
    What has arrived stays, and the error is shown behind it.
    """
    error = ["Broken", "in the middle", "orders.py"]
    invoke(page, "stream", stream=["the beginning"], error=error)
    response = page.locator("#response")
    expect(response).to_contain_text("the beginning")
    expect(response.locator(".error-type")).to_have_text("Broken")
    expect(response.locator(".error-message")).to_have_text("in the middle")
    done(page, "failed")


def test_error_with_its_stack(page: Page) -> None:
    """
    An error document is shown as what happened and where; its JSON is a click away.
    """
    invoke(page, error=["NotFound", "no order 8", "shelf.py"])
    done(page, "failed")
    response = page.locator("#response")
    expect(response.locator("[role=alert] .error-type")).to_have_text("NotFound")
    expect(response.locator(".error-message")).to_have_text("no order 8")
    expect(response.locator(".stack li").first).to_contain_text("orders.py")
    expect(response.locator(".stack li").last).to_contain_text('File "shelf.py", line 1')
    page.click("#raw")
    expect(response.locator("pre")).to_contain_text("errorMessage")
    document = json.loads(response.locator("pre").inner_text())
    assert document["errorMessage"] == "no order 8"


def test_request_that_is_refused(page: Page, tmp_path: Path, complaints: list[str]) -> None:
    """
    What the API refuses is shown in its own words.
    """
    for number in (1, 2):
        invoke(page, hold=str(tmp_path / "go"))
        expect(page.locator("#lanes .lane.busy")).to_have_count(number)
    invoke(page, answer=1)
    done(page, "refused")
    expect(page.locator("#response .error-type")).to_have_text("TooManyRequestsException")
    expect(page.locator("#response .error-message")).to_have_text("Rate Exceeded.")
    expect(page.locator("#list .row")).to_have_count(2)
    (tmp_path / "go").touch()
    expect(page.locator("#list .dot.ok")).to_have_count(2)
    assert "status of 429" in complaints.pop()


def test_event_invocation(page: Page, server: Served) -> None:
    """
    An asynchronous invocation is followed to its answer.
    """
    invoke(page, "Event", answer="later")
    expect(page.locator("#response")).to_have_text('"later"')
    done(page)
    assert server.invoked == [("Event", {"answer": "later"})]
    expect(page.locator("#list .kind")).to_have_text("event")


def test_answer_that_overtakes(page: Page, server: Served) -> None:
    """
    An answer that the journal tells before the invocation has been read is not missed.
    """

    def late(route: Route) -> None:
        response = route.fetch()
        page.wait_for_timeout(1000)  # meanwhile the answer is there
        route.fulfill(response=response)

    page.route("**/console/invocations/*", late, times=1)
    invoke(page, "Event", sleep=0.5, answer="later")
    expect(page.locator("#response")).to_have_text('"later"')
    done(page)


def test_replay(page: Page, server: Served) -> None:
    """
    Any past invocation can be made again, as it was, from its row.
    """
    invoke(page, answer="first", number=12345678901234567890)
    done(page)
    invoke(page, "stream", stream=["second"])
    done(page)
    page.locator("#list .again").last.click()
    expect(page.locator("#list .row")).to_have_count(3)
    expect(page.locator("#response")).to_have_text('"first"')
    # Also a number that JavaScript can't hold.
    assert server.invoked[2] == server.invoked[0]
    assert server.invoked[2][1]["number"] == 12345678901234567890
    page.locator("#list .again").nth(1).click()
    expect(page.locator("#list .row")).to_have_count(4)
    expect(page.locator("#response")).to_have_text("second")
    assert server.invoked[3] == server.invoked[1]


def test_event_too_long_to_replay(page: Page, server: Served) -> None:
    """
    An event of which only the beginning is kept can't be replayed, and the page says why.
    """
    invoke(page, answer="x" * 300_000)
    done(page)
    expect(page.locator("#response")).to_have_text('"' + "x" * 300_000 + '"')
    expect(page.locator("#replay")).to_be_disabled()
    expect(page.locator("#replay")).to_have_attribute("title", re.compile("longer"))
    page.locator("#list .again").click()
    page.reload()
    page.locator("#list .row").click()
    expect(page.locator("#response .note")).to_contain_text("The first 256.0 KiB of 293.0 KiB")
    assert len(server.entries) == 1


def test_samples_with_fields(page: Page, server: Served, complaints: list[str]) -> None:
    """
    A sample event fills the editor, and its fields change it.
    """
    page.select_option("#sample", "s3-put")
    expect(page.locator("#editor")).to_have_value(
        re.compile('"s3:ObjectCreated:Put"|"ObjectCreated:Put"')
    )
    page.get_by_label("bucket").fill("photos")
    expect(page.locator("#editor")).to_have_value(re.compile("photos"))
    page.get_by_label("size").fill("1,2")
    expect(page.locator("#verdict")).to_contain_text("Cannot make the sample event s3-put")
    assert "status of 400" in complaints.pop()
    page.get_by_label("size").fill("12")
    expect(page.locator("#verdict")).to_contain_text("Valid JSON")
    page.click("#invoke")
    done(page)
    (record,) = server.invoked[0][1]["Records"]
    assert record["s3"]["bucket"]["name"] == "photos"
    assert record["s3"]["object"]["size"] == 12


def test_editor(page: Page, server: Served) -> None:
    """
    Malformed JSON is shown with its place and not sent; JSON can be formatted, and is kept.
    """
    page.fill("#editor", '{"a": 1,\n  "b" 2}')
    verdict = page.locator("#verdict")
    expect(verdict).to_contain_text("Line 2, column 7")
    expect(page.locator("#editor")).to_have_attribute("aria-invalid", "true")
    page.keyboard.press("Control+Enter")
    page.fill("#editor", '{"a":[1.50,{}],"b":12345678901234567890,"c":"{[,:"}')
    expect(verdict).to_contain_text("Valid JSON, 51 B")
    page.click("#format")
    laid_out = (
        '{\n  "a": [\n    1.50,\n    {}\n  ],\n  "b": 12345678901234567890,\n  "c": "{[,:"\n}'
    )
    expect(page.locator("#editor")).to_have_value(laid_out)
    # The coloured copy beneath is letter for letter the same.
    page.wait_for_function(
        "text => document.querySelector('#paint').textContent === text", arg=laid_out + "\n"
    )
    page.keyboard.press("Control+Enter")
    done(page)
    assert len(server.invoked) == 1
    page.fill("#editor", '"kept"')
    open_page(page, server)
    expect(page.locator("#editor")).to_have_value('"kept"')


def test_time_line(page: Page, server: Served) -> None:
    """
    A lane for each environment: init, busy, failed, frozen, gone; durations and memory.
    """
    lanes = page.locator("#lanes .lane")
    for _ in range(2):
        page.evaluate(
            """body => { fetch("/2015-03-31/functions/orders/invocations", {method: "POST", body,
            headers: {"X-Amz-Invocation-Type": "RequestResponse"}}) }""",
            '{"sleep": 0.8, "answer": 1}',
        )
    expect(lanes).to_have_count(2)
    expect(page.locator("#lanes .lane.busy .work.busy")).to_have_count(2)
    expect(page.locator("#lanes .lane.frozen")).to_have_count(2)
    expect(lanes.first).to_have_attribute(
        "aria-label", re.compile(r"Environment 1: frozen, 1 invocation, \d+ MB")
    )
    expect(lanes.locator(".work.init")).to_have_count(2)
    expect(lanes.first.locator("text.length.busy")).to_have_text(
        re.compile(r"^[89]\d\d ms$|^\d\.\d+ s$")
    )
    expect(lanes.first.locator(".rest.frozen")).to_have_count(1)
    time.sleep(0.5)  # a pause to be folded
    invoke(page, error=["E", "e", "orders.py"])
    done(page, "failed")
    expect(page.locator("#lanes .work.failed.selected")).to_have_count(1)
    expect(page.locator("#lanes .fold").first).to_be_attached()
    # Init comes before the work and does not overlap it. All is measured in one go: the time line
    # is drawn anew ten times a second.
    init_ends, busy_begins = page.evaluate(
        """() => {
            const lane = document.querySelector("#lanes .lane");
            const box = (kind) => lane.querySelector(".work." + kind).getBoundingClientRect();
            return [box("init").right, box("busy").left];
        }"""
    )
    assert init_ends <= busy_begins + 3.5
    lanes.first.locator(".work.busy").first.click()
    expect(page.locator("#response")).to_have_text("1")
    time.sleep(0.5)  # another pause
    # A file has been saved: the two end, and another one starts for no event yet.
    server.call(server.service.pool.renew)
    for number, state in ((1, "gone"), (2, "gone"), (3, "frozen")):
        lane = page.locator(f"#lanes [data-number='{number}']")
        expect(lane).to_have_attribute("data-state", state)
    expect(lane.locator(".work.init")).to_have_count(1)
    for _ in range(3):
        page.locator("#zoom-in").click()
    # Only the last burst is left, in which those that are gone have no part but their end.
    expect(page.locator("#lanes .work.init")).to_have_count(1)
    expect(page.locator("#lanes .work")).to_have_count(1)


def test_many_at_a_time(context: BrowserContext, tmp_path: Path) -> None:
    """
    Invocations of one environment at the same time are drawn one below the other.
    """
    with served(orders(max_concurrency=3, concurrency=1)) as server:
        page = context.new_page()
        open_page(page, server)
        for number in (1, 2, 3):
            invoke(page, hold=str(tmp_path / "go"))
            expect(page.locator("#lanes .lane.busy .work.busy")).to_have_count(number)
        # It is drawn anew ten times a second: all is measured in one go.
        sides, end = page.evaluate(
            """() => [
                [...document.querySelectorAll("#lanes .work.busy")].map((element) => {
                    const box = element.getBoundingClientRect();
                    return [box.top, box.bottom];
                }),
                document.querySelector("#lanes svg").getBoundingClientRect().bottom,
            ]"""
        )
        assert len(sides) == 3
        assert all(lower[0] >= upper[1] for upper, lower in pairwise(sorted(sides)))
        assert max(bottom for _, bottom in sides) < end
        (tmp_path / "go").touch()
        expect(page.locator("#list .dot.ok")).to_have_count(3)
        page.close()


def test_environments_of_several_functions(context: BrowserContext) -> None:
    """
    Each environment has a lane, whichever function it runs, and a replay goes to its own function.
    """
    other = replace(orders(), name="returns")
    with served(orders(), other) as server:
        page = context.new_page()
        open_page(page, server)
        for name in ("orders", "returns"):
            page.select_option("#function", name)
            invoke(page, answer=name)
            expect(page.locator("#response")).to_have_text(f'"{name}"')
            done(page)
        expect(page.locator("#lanes .lane")).to_have_count(2)
        expect(page.locator("#lanes .work.busy")).to_have_count(2)
        page.locator("#list .again").last.click()
        expect(page.locator("#response")).to_have_text('"orders"')
        done(page)
        entries = server.entries
        assert [entry.function for entry in entries] == ["orders", "returns", "orders"]
        assert entries[2].environment == entries[0].environment != entries[1].environment
        page.close()


def test_many_invocations(page: Page, server: Served) -> None:
    """
    A storm of invocations leaves the page with the last 500 of them, and able to go on.
    """

    def storm() -> None:
        journal = server.journal
        journal.environment(1, "idle")
        for number in range(3000):
            one = Invocation(b"{}", request_id=f"{number:08}-storm")
            journal.accepted(one, "url", "orders")
            journal.environment(1, "busy")
            journal.started(one, 1, False)
            journal.line(one, "a line")
            journal.answered(one, b"1", False)
            journal.reported(one, 0.1, None, 40)
            journal.environment(1, "frozen")

    server.call(storm)
    expect(page.locator("#count")).to_have_text("500")
    expect(page.locator("#list .row code").first).to_have_text("00002999")
    expect(page.locator("#list .row")).to_have_count(500)
    invoke(page, answer="and on")
    expect(page.locator("#response")).to_have_text('"and on"')
    done(page)
    assert page.locator("#lanes .work").count() <= 501


def test_list_filter(page: Page) -> None:
    """
    The list shows what the filter asks for.
    """
    invoke(page, answer=1)
    done(page)
    invoke(page, error=["E", "e", "orders.py"])
    done(page, "failed")
    page.fill("#filter", "failed")
    expect(page.locator("#list li:visible")).to_have_count(1)
    page.fill("#filter", "cold")
    expect(page.locator("#list li:visible .dot.ok")).to_have_count(1)
    expect(page.locator("#count")).to_have_text("1 of 2")
    page.fill("#filter", "nowhere")
    expect(page.locator("#not-found")).to_have_text(
        "No invocation has “nowhere” in its id, request, type, function, state or environment."
    )
    page.fill("#filter", "")
    expect(page.locator("#not-found")).to_be_hidden()
    expect(page.locator("#list li:visible")).to_have_count(2)


def test_requests(page: Page, server: Served) -> None:
    """
    What came over HTTP is shown as a request: its method, its path and the status.
    """
    with urlopen(f"{server.function_url}items/7?x=1", timeout=20) as response:
        response.read()
    row = page.locator("#list .row")
    expect(row.locator("code")).to_have_text("GET /items/7?x=1")
    expect(row.locator(".http")).to_have_text("200")
    expect(row).to_have_attribute("aria-label", re.compile("^GET /items/7[?]x=1, 200, succeeded"))
    row.click()
    expect(page.locator("#figures")).to_contain_text("GET /items/7?x=1 → 200")
    page.fill("#filter", "items 404")
    expect(page.locator("#list li:visible")).to_have_count(0)
    page.fill("#filter", "200 /items")
    expect(page.locator("#list li:visible")).to_have_count(1)
    page.fill("#filter", "")


def test_nothing_yet(page: Page) -> None:
    """
    An empty page says what can be done, with a command that works.
    """
    invitation = page.locator("#response")
    expect(invitation).to_contain_text("press Invoke")
    expect(invitation.locator("pre")).to_contain_text("/functions/orders/invocations -d '{}'")
    expect(page.locator("#nothing")).to_contain_text("Nothing has been invoked yet")
    expect(page.locator("#lanes")).to_contain_text("appear here with the first invocation")
    command = shlex.split(invitation.locator("pre").inner_text())
    assert command[0] == "curl"
    with urlopen(command[1], command[3].encode()) as response:
        assert response.read() == b"null"
    expect(page.locator("#list .row")).to_have_count(1)


def test_samples_by_service(page: Page) -> None:
    """
    The samples are grouped by service, and a search leaves those that have its words.
    """
    groups = page.locator("#sample optgroup")
    labels = groups.evaluate_all("groups => groups.map((group) => group.label)")
    assert {"S3", "SQS", "API Gateway", "EventBridge"} <= set(labels)
    assert labels == sorted(labels, key=str.lower)
    page.fill("#sample-search", "queue s3")
    page.fill("#sample-search", "dynamodb rem")
    options = page.locator("#sample optgroup option")
    expect(options).to_have_count(1)
    page.press("#sample-search", "Enter")
    expect(page.locator("#sample")).to_have_value("dynamodb-remove")
    expect(page.locator("#editor")).to_have_value(re.compile("REMOVE"))
    page.fill("#sample-search", "no such sample")
    expect(page.locator("#sample option").first).to_have_text("None found")


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("x", "Line 1, column 1"),
        ('{"a": 1,}', "Line 1, column 9"),
        ("[1,\n 2", "Line 2, column 3"),
        ('{"a":\n "b\n"}', "Line 2, column 2"),
        ("[1] 2", "Line 1, column 5"),
        ("[01]", "Line 1, column 3"),
        ("{1: 2}", "Line 1, column 2"),
    ],
)
def test_where_json_is_wrong(page: Page, text: str, where: str) -> None:
    """
    What is not JSON is told with its line and column, whatever the browser says.
    """
    page.fill("#editor", text)
    expect(page.locator("#verdict")).to_have_text(re.compile(f"^{where}: ."))


def test_long_json(page: Page) -> None:
    """
    JSON of more than 100 kB is laid out too, even cut, and its beginning has colours.
    """
    invoke(page, answer=["x" * 50] * 6000)
    done(page)
    shown = page.locator("#response pre").inner_text().splitlines()
    assert len(shown) == 6002
    assert page.locator("#response .string").count() > 100
    page.reload()
    page.locator("#list .row").click()
    expect(page.locator("#response .note")).to_contain_text("The first 256.0 KiB")
    assert page.locator("#response pre").inner_text().splitlines()[1] == shown[1]


def test_escaped_letters(page: Page) -> None:
    """
    Letters that JSON escapes are letters; what can't be seen, or would turn the text, is not.
    """
    invoke(page, stream=[r'["M\u00fcnchen \u2603 \ud83d\ude00 \u202e \ud83d \\u00e4 \n"]'])
    done(page)
    expect(page.locator("#response pre")).to_have_text(
        '[\n  "M\u00fcnchen \u2603 \U0001f600 ' + r'\u202e \ud83d \\u00e4 \n"' + "\n]",
        use_inner_text=True,
    )
    page.click("#raw")
    expect(page.locator("#response pre")).to_contain_text(r"M\u00fcnchen")


@pytest.mark.parametrize("size", [(1024, 640), (390, 844)])
def test_invoke_in_sight(page: Page, size: tuple[int, int]) -> None:
    """
    On a small screen "Invoke" is in sight, also beneath a long event, and leads to the answer.
    """
    width, height = size
    page.set_viewport_size({"width": width, "height": height})
    page.fill("#editor", json.dumps({"answer": "here", "more": ["x"] * 100}, indent=1))
    page.evaluate("scrollTo(0, 0)")

    def in_sight(selector: str) -> bool:
        box = page.locator(selector).bounding_box()
        assert box is not None
        return box["y"] >= 0 and box["y"] + min(box["height"], 30) <= height

    assert in_sight("#invoke")
    page.click("#invoke")
    done(page)
    assert in_sight("#status")
    assert in_sight("#response-title")
    assert in_sight("#invoke") or width > 760


def test_focus_follows(page: Page) -> None:
    """
    What is chosen on the time line or in the log has the focus in the list, where arrows go on.
    """
    for answer in range(3):
        invoke(page, answer=answer)
        done(page)
        expect(page.locator("#response")).to_have_text(str(answer))
    page.click("#log-all")
    page.locator("#log .line button.whose").first.click()
    expect(page.locator("#response")).to_have_text("0")
    expect(page.locator("#list .row").nth(2)).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(page.locator("#response")).to_have_text("1")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # replay
    expect(page.locator("#list .row")).to_have_count(4)
    expect(page.locator("#list .row").first).to_be_focused()


def test_bars_end_with_the_report(page: Page) -> None:
    """
    Invocations of one environment, one after the other, do not overlap on its lane.
    """
    for answer in range(8):
        invoke(page, answer=answer)
        done(page)
        expect(page.locator("#response")).to_have_text(str(answer))
    page.evaluate("dispatchEvent(new Event('resize'))")
    expect(page.locator("#lanes .work[data-id]")).to_have_count(8)
    assert (
        len(
            set(
                page.locator("#lanes .work[data-id]").evaluate_all(
                    "bars => bars.map((bar) => bar.getAttribute('y'))"
                )
            )
        )
        == 1
    )


def test_legend(page: Page) -> None:
    """
    The legend has every state that the time line shows.
    """
    shown = page.locator(".legend li").evaluate_all("items => items.map((li) => li.className)")
    assert shown == ["init", "busy", "failed", "idle", "frozen", "stopping", "gone", "pause"]
    for state in ("starting", "idle", "busy", "frozen", "stopping", "gone"):
        assert State[state.upper()]
    assert len(State) == 6


def test_the_past_is_there_after_a_reload(page: Page, server: Served) -> None:
    """
    The server remembers: a page that comes later shows the same.
    """
    invoke(page, answer={"kept": True}, log=["a line"])
    done(page)
    open_page(page, server)
    page.locator("#list .row").click()
    expect(page.locator("#response")).to_contain_text('"kept": true')
    expect(page.locator("#log")).to_contain_text("a line")
    expect(page.locator("#lanes .lane")).to_have_count(1)


def test_hostile_text_stays_text(page: Page, server: Served, complaints: list[str]) -> None:
    """
    Markup in events, answers, errors, log lines and names is shown and never run.
    """
    for steps in (
        {"answer": {HOSTILE: HOSTILE}, "log": [HOSTILE, f"[ERROR]\t1\t2\t{HOSTILE}"]},
        {"error": [HOSTILE, HOSTILE, HOSTILE]},
    ):
        invoke(page, **steps)
        expect(page.locator("#response")).to_contain_text("<img src=x onerror=")
    invoke(page, "stream", stream=[HOSTILE])
    expect(page.locator("#response")).to_have_text(HOSTILE)
    page.click("#raw")
    page.click("#log-all")
    # Two lines of the function's, and the error as its runtime logs it.
    expect(page.locator("#log .text", has_text="<script>")).to_have_count(3)
    server.call(server.journal.environment, HOSTILE, HOSTILE)
    expect(page.locator("#lanes .lane")).to_have_count(2)
    assert page.locator("main img, main script, main iframe").count() == 0
    # Were there a way in after all, the policy would stop it.
    stopped = page.evaluate("""() => new Promise((resolve) => {
        document.addEventListener("securitypolicyviolation", () => resolve(true), {once: true});
        const script = document.createElement("script");
        script.textContent = "document.title = 'pwned'";
        document.body.append(script);
        setTimeout(() => resolve(false), 2000);
    })""")
    assert stopped
    assert "Content Security Policy" in complaints.pop()


def test_http_response_that_is_streamed(page: Page) -> None:
    """
    The head of a streamed HTTP response is told from its body.
    """
    head = '{"statusCode":200,"headers":{"Content-Type":"text/plain"}}'
    invoke(page, "stream", stream=[head, "\0" * 8, "the body"])
    done(page)
    expect(page.locator("#response pre").first).to_contain_text('"statusCode": 200')
    expect(page.locator("#response pre").last).to_have_text("the body")


def test_binary_answer(page: Page) -> None:
    """
    What is no text is shown in hexadecimal.
    """
    invoke(page, stream=["PK\x03\x04\xff", "x" * 20])
    done(page)
    hexadecimal = page.locator("#response pre.hex")
    expect(hexadecimal).to_contain_text(re.compile("000000  50 4b 03 04 ff 78.*PK···x"))
    expect(hexadecimal).to_contain_text("000010  78")


def test_invocation_without_an_end(page: Page, server: Served) -> None:
    """
    An invocation that waits is shown to wait; one that ends without an answer is shown as ended.
    """
    one = Invocation(b"{}")
    server.call(server.journal.accepted, one, "url", "orders")
    page.locator("#list .row").click()
    done(page, "waiting for an environment")
    server.call(server.journal.reported, one, 5.0, None, 12)
    done(page, "ended without an answer")


def test_a_server_that_goes_away(context: BrowserContext, complaints: list[str]) -> None:
    """
    The page says that it is cut off, and an invocation that gets nowhere says so.
    """
    with served(orders()) as server:
        page = watched_page(context, server, complaints)
    expect(page.locator("#link")).to_have_text("disconnected")
    invoke(page, answer=1)
    expect(page.locator("#response .error-message")).to_have_text("Failed to fetch")
    assert complaints
    assert all(complaint.startswith("Failed to load resource: net::") for complaint in complaints)
    page.close()


@pytest.mark.parametrize("width", [360, 760, 1080])
def test_narrow_screens(page: Page, width: int) -> None:
    """
    On a phone's width nothing has to be scrolled sideways, whatever there is to show.
    """
    page.set_viewport_size({"width": width, "height": 780})
    page.select_option("#sample", "s3-put")
    long = "x" * 300
    invoke(page, answer={long: [long]}, log=[long, f"[ERROR]\t1\t2\t{long}"])
    done(page)
    invoke(page, error=[long, long, long])
    done(page, "failed")
    page.click("#log-all")
    expect(page.locator("#log .line.error").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    sticking_out = page.evaluate(
        """() => [...document.querySelectorAll("body *")].filter((element) => {
            const box = element.getBoundingClientRect();
            return box.width && box.right > innerWidth + 1 && !element.closest("svg");
        }).map((element) => element.id || element.className)"""
    )
    assert sticking_out == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark(page: Page, scheme: Any) -> None:
    """
    The page is as dark as the system, and what it says can be read: contrast is 4.5 at least.
    """
    page.emulate_media(color_scheme=scheme)
    invoke(
        page,
        sleep=0.3,
        answer={"a": [1, "b", True]},
        log=["[ERROR]\t1\t2\tx", "[WARN]\t1\t2\tx", "x"],
    )
    done(page)
    paper = luminance(page, "html", "backgroundColor")
    assert (paper < 0.05) == (scheme == "dark")
    for selector in (
        "#response .key", "#response .string", "#response .number", "#response .word",
        ".line.error .text", ".line.warning .text", ".line.platform .text", ".line time",
        "#facts dt", "#verdict", "#count", "#status", ".row time", ".row .cold",
    ):  # fmt: skip
        ink, ground = (luminance(page, selector, what) for what in ("color", "backgroundColor"))
        contrast = (max(ink, ground) + 0.05) / (min(ink, ground) + 0.05)
        assert contrast >= 4.5, (selector, contrast)
    page.set_viewport_size({"width": 1440, "height": 900})
    for kind in ("init", "busy"):
        ink = luminance(page, f"#lanes text.length.{kind}", "fill")
        ground = luminance(page, f"#lanes .work.{kind}", "fill")
        contrast = (max(ink, ground) + 0.05) / (min(ink, ground) + 0.05)
        assert contrast >= 4.5, (kind, contrast)


def luminance(page: Page, selector: str, what: str) -> float:
    """Return the relative luminance of an element's ink, or of the ground that is under it."""
    channels = page.locator(selector).first.evaluate(
        """(element, what) => {
            let color;
            do color = getComputedStyle(element)[what];
            while (color === "rgba(0, 0, 0, 0)" && (element = element.parentElement));
            return color.match(/[\\d.]+/g).slice(0, 3).map(Number);
        }""",
        what,
    )
    linear = [
        c / 255 / 12.92 if c / 255 <= 0.04045 else ((c / 255 + 0.055) / 1.055) ** 2.4
        for c in channels
    ]
    red, green, blue = linear
    return float(0.2126 * red + 0.7152 * green + 0.0722 * blue)
