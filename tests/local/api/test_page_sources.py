"""The triggers on the console page, in a real browser: figures, and what is done by hand."""

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright", reason="playwright is not installed")

from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from amazon_lambda_runtime.local.queues import embedded
from amazon_lambda_runtime.local.services.client import ServiceError
from amazon_lambda_runtime.local.triggers.sources import Source
from amazon_lambda_runtime.local.triggers.wiring import Wiring
from amazon_lambda_runtime.project.declaration import Function
from amazon_lambda_runtime.project.triggers import RuleTrigger, SqsTrigger
from tests.local.api.test_page import CHROMIUM, PATIENCE, browser, complaints, luminance, open_page
from tests.local.api.test_page import watched_page as watched
from tests.local.serving import Served, orders, python_function, served
from tests.local.threaded_services import ThreadedServices

__all__ = ["browser", "complaints"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"there is no {CHROMIUM}"),
]
HOSTILE = "<img src=x onerror=\"document.title='pwned'\">"
# What is fetched again and again, in milliseconds.
EVERY = 2000


class Told:
    """A source without services: figures that a test sets, and what it was asked to do."""

    def __init__(self, function: str, kind: str, name: str, figures: Any, *actions: str) -> None:
        self.figures = figures
        self.given: list[tuple[str, Any]] = []
        self.reply: dict[str, Any] = {}
        self.refusal = ""
        self.fault = ""
        self.asked = 0
        self.source = Source(function, kind, name, self._figures)
        self.source.actions = {action: self._act(action) for action in actions}

    async def _figures(self) -> dict[str, Any]:
        self.asked += 1
        if self.fault:
            raise ServiceError(self.fault)
        return dict(self.figures)

    def _act(self, action: str) -> Callable[[Mapping[str, Any]], Awaitable[dict[str, Any]]]:
        async def act(given: Mapping[str, Any]) -> dict[str, Any]:
            self.given.append((action, given))
            if self.refusal:
                raise ValueError(self.refusal)
            return self.reply

        return act


NEXT = "2026-11-28T03:00:00+00:00"


class Project:
    """A server of two functions with a source of each kind."""

    def __init__(self, server: Served) -> None:
        self.server = server
        figures = {"waiting": 3, "in_flight": 1, "failed": 2}
        self.queue = Told("orders", "sqs", "incoming", figures, "send", "redrive")
        self.topic = Told("orders", "sns", "shouts", {"filter_policy": None}, "publish")
        self.bus = Told("orders", "eventbridge", "default: paid", {"pattern": "{}"}, "put")
        detail = '{\n  "sum": 11\n}'
        sample = {"source": "shop.till", "detailType": "OrderPaid", "detail": detail}
        self.bus.source.samples = {"put": sample}
        told = {"expression": "cron(0 3 * * ? *)", "fires": True, "next": NEXT}
        self.schedule = Told("returns", "schedule", "nightly", told, "run")
        told = {"polled": True, "in_flight": 1, "iterator_age_ms": 2500}
        self.stream = Told("returns", "kinesis", "clicks", told, "put")
        self.table = Told("returns", "dynamodb", "stock", {"polled": False})
        self.bucket = Told(
            "returns", "s3", "pictures", {"prefix": "in/", "suffix": ".png", "via": "sqs"}
        )
        self.all = [
            self.queue, self.topic, self.bus, self.schedule, self.stream, self.table, self.bucket
        ]  # fmt: skip

    def add(self, *sources: Told) -> None:
        for each in sources or self.all:
            self.server.call(self.server.service.add_source, each.source)


@pytest.fixture(scope="module")
def context(browser: Browser) -> Iterator[BrowserContext]:
    # Half an hour off, and another day than UTC's for half of the day.
    context = browser.new_context(
        viewport={"width": 1440, "height": 900}, timezone_id="Asia/Kolkata"
    )
    context.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    yield context
    context.close()


@pytest.fixture(scope="module")
def the_server() -> Iterator[Served]:
    with served(orders(), replace(orders(), name="returns")) as server:
        yield server


@pytest.fixture
def project(the_server: Served) -> Project:
    the_server.reset()
    the_server.service._sources.clear()
    return Project(the_server)


@pytest.fixture
def page(context: BrowserContext, project: Project, complaints: list[str]) -> Iterator[Page]:
    """The page, on a project that has its sources already."""
    project.add()
    page = watched(context, project.server, complaints)
    yield page
    assert complaints == []
    assert page.title() == "Local Lambda"
    page.close()


def card(page: Page, name: str) -> Locator:
    return page.locator(f".source[data-name='{name}']")


def opened(page: Page) -> Page:
    page.click("#to-sources")
    expect(page.locator("#sources")).to_be_visible()
    expect(page.locator("#event")).to_be_hidden()
    return page


def test_nothing_without_sources(
    context: BrowserContext, project: Project, complaints: list[str]
) -> None:
    """A server without triggers shows nothing of them; one that is added appears at once."""
    page = watched(context, project.server, complaints)
    for selector in ("#to-sources", "#sources", ".group"):
        expect(page.locator(selector)).to_be_hidden()
    page.keyboard.press("t")
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    expect(page.locator("#help .with-triggers").first).to_be_hidden()
    page.keyboard.press("Escape")
    expect(page.locator("#event")).to_be_visible()
    project.add(project.queue)
    expect(page.locator("#to-sources")).to_be_visible()
    opened(page)
    project.add(project.topic)
    expect(page.locator(".source")).to_have_count(2)
    assert complaints == []
    page.close()


def test_figures(page: Page, project: Project) -> None:
    """Each kind has its figures, by function; they are renewed while they are in view."""
    opened(page)
    groups = page.locator(".group")
    expect(groups.locator("h3")).to_have_text(["orders", "returns"])
    expect(groups.first.locator(".name")).to_have_text(["incoming", "shouts", "default: paid"])
    for name, told in {
        "incoming": "Queue.*3 ?waiting|waiting ?3",
        "nightly": "cron.0 3 .*next ?Sat 28 Nov 08:30, in .*UTC ?Sat 28 Nov 03:00",
        "clicks": "Stream.*iterator age ?2.50 s.*batch in flight ?1",
        "stock": "Table.*waiting for its table",
        "pictures": r"Bucket.*in/\*.png",
        "shouts": "Topic.*every message",
    }.items():
        expect(card(page, name)).to_contain_text(re.compile(told))
    failed = card(page, "incoming").locator(".bad")
    expect(failed).to_have_text("failed2")
    project.queue.figures = {"waiting": 0, "in_flight": 0, "failed": 0}
    project.table.figures = {"polled": True, "in_flight": 0, "iterator_age_ms": 0}
    project.schedule.figures = {"expression": "rate(1 day)", "fires": False, "next": None}
    expect(failed).to_have_count(0)
    expect(card(page, "incoming").get_by_role("button", name="Redrive")).to_be_disabled()
    expect(card(page, "stock")).to_contain_text("iterator age0 s")
    expect(card(page, "nightly")).to_contain_text("off: --no-schedules")


def test_polled_only_in_view(page: Page, project: Project) -> None:
    """Nothing is asked while the view is closed or the page hidden, and at once when it is back."""
    told = project.queue

    def quiet() -> bool:
        page.wait_for_timeout(500)  # what is on its way arrives
        before = told.asked
        page.wait_for_timeout(EVERY + 500)
        return told.asked == before

    assert quiet()
    opened(page)
    before = told.asked
    page.wait_for_timeout(2 * EVERY + 500)
    assert before + 2 <= told.asked <= before + 4
    hide = """(hidden) => {
        Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    page.evaluate(hide, True)
    assert quiet()
    told.figures = {"waiting": 77, "in_flight": 0, "failed": 0}
    page.evaluate(hide, False)
    expect(card(page, "incoming")).to_contain_text("77")
    page.click("#to-event")
    assert quiet()


def test_actions(page: Page, project: Project) -> None:
    """Each action sends what was written, and says that it is done."""
    opened(page)
    for name, button, filled, action, given, said in (
        ("incoming", "Send", {"Message": "hi"}, "send", {"body": "hi"}, "Sent"),
        ("shouts", "Publish", {}, "publish", {"message": "{}"}, "Published"),
        ("clicks", "Put record", {"Data": "x"}, "put", {"data": "x", "key": "1"}, "Put into"),
    ):
        here = card(page, name)
        here.get_by_role("button", name=f"{button}…").click()
        for label, text in filled.items():
            here.get_by_label(label).fill(text)
        here.get_by_role("button", name=button, exact=True).click()
        expect(here.locator(".outcome")).to_have_text(re.compile(rf"^{said}.* at \d\d:\d\d:\d\d$"))
        told = next(each for each in project.all if each.source.name == name)
        assert told.given == [(action, given)]
    project.queue.reply = {"moved": 2}
    card(page, "incoming").get_by_role("button", name="Redrive").click()
    expect(card(page, "incoming").locator(".outcome")).to_contain_text("2 messages moved back")
    assert project.queue.given[-1] == ("redrive", {})


def test_event_from_a_sample(page: Page, project: Project) -> None:
    """The event for a bus begins with one that its rule takes; Ctrl+Enter puts it there."""
    opened(page)
    here = card(page, "default: paid")
    here.get_by_role("button", name="Put event…").click()
    expect(here.get_by_label("Source")).to_be_focused()
    expect(here.get_by_label("Detail type")).to_have_value("OrderPaid")
    here.get_by_label("Detail, as JSON").fill('{"sum": 12}')
    page.keyboard.press("Control+Enter")
    expect(here.locator(".outcome")).to_contain_text("Put on the bus")
    sent = {"source": "shop.till", "detailType": "OrderPaid", "detail": '{"sum": 12}'}
    assert project.bus.given == [("put", sent)]
    # The event of the page, which is out of sight, is not sent along, nor from elsewhere here.
    page.locator("#to-event").focus()
    page.keyboard.press("Control+Enter")
    expect(page.locator("#list .row")).to_have_count(0)


def test_refusal(page: Page, project: Project, complaints: list[str]) -> None:
    """What an action failed of is told in its place, as text, and it can be done again."""
    opened(page)
    here = card(page, "incoming")
    project.queue.refusal = f"{HOSTILE} is refused"
    here.get_by_role("button", name="Send…").click()
    send = here.get_by_role("button", name="Send", exact=True)
    send.click()
    expect(here.locator(".outcome.bad")).to_have_text(f"Cannot send: {HOSTILE} is refused")
    expect(page.locator(".outcome:visible")).to_have_count(1)
    assert "status of 400" in complaints.pop()
    project.queue.refusal = ""
    send.click()
    expect(here.locator(".outcome")).to_have_text(re.compile("^Sent at"))
    expect(here.locator(".outcome.bad")).to_have_count(0)


def test_figures_that_cannot_be_had(page: Page, project: Project, complaints: list[str]) -> None:
    """Services that have gone are told of, and what is written stays."""
    opened(page)
    here = card(page, "incoming")
    here.get_by_role("button", name="Send…").click()
    here.get_by_label("Message").fill("half a ")
    figures, project.queue.figures = project.queue.figures, 1  # no figures at all
    expect(page.locator("#sources-fault")).to_contain_text("The triggers cannot be had: ")
    project.queue.figures = figures
    project.add(Told("returns", "sns", "late", {"filter_policy": '{"a": ["b"]}'}, "publish"))
    expect(page.locator("#sources-fault")).to_be_hidden()
    expect(card(page, "late")).to_contain_text('{"a": ["b"]}')
    page.keyboard.type("message")
    expect(here.get_by_label("Message")).to_have_value("half a message")
    assert all("status of 502" in complaint for complaint in complaints)
    complaints.clear()


def test_one_that_has_none(page: Page, project: Project) -> None:
    """What cannot be had of one source is told in its place, as text; the others have theirs."""
    opened(page)
    project.queue.fault = f"cannot get queue attributes at incoming: {HOSTILE}"
    project.topic.figures = {"filter_policy": '{"a": ["b"]}'}
    expect(card(page, "incoming").locator(".told .bad")).to_have_text(project.queue.fault)
    expect(card(page, "shouts")).to_contain_text('{"a": ["b"]}')
    expect(page.locator("#sources-fault")).to_be_hidden()
    project.queue.fault = ""
    expect(card(page, "incoming")).to_contain_text("in flight")


def test_run_leads_to_its_invocation(page: Page, project: Project) -> None:
    """A schedule that is run by hand shows what came of it; the list says whose it is."""
    server = project.server

    async def run(given: Mapping[str, Any]) -> dict[str, Any]:
        return {"requestId": server.service.invoker.send("returns", b'{"answer": "at night"}')}

    project.schedule.source.actions["run"] = run
    opened(page)
    card(page, "nightly").get_by_role("button", name="Run now").click()
    expect(page.locator("#response")).to_have_text('"at night"')
    expect(page.locator("#figures")).to_contain_text("Functionreturns")
    row = page.locator("#list .row[aria-current]")
    expect(row.locator(".of")).to_have_text("returns")
    expect(row).to_have_attribute("aria-label", re.compile("^returns, "))
    expect(page.locator("#sources")).to_be_visible()


def test_invocations_of_a_source(page: Page, project: Project) -> None:
    """A trigger leads to the invocations of its function that came the same way."""
    invoker = project.server.service.invoker
    for function, kind in (("orders", "sqs"), ("returns", "sqs"), ("returns", "kinesis")):
        project.server.run(invoker.run(function, b"{}", kind))
    project.server.call(invoker.send, "orders", b"{}")
    expect(page.locator("#list .row")).to_have_count(4)
    opened(page)
    shown = page.locator("#list li:visible .row")
    for name, function, kind in (
        ("incoming", "orders", "sqs"),
        ("clicks", "returns", "kinesis"),
        ("shouts", "orders", "event"),
        ("pictures", "returns", "sqs"),
    ):
        card(page, name).get_by_role("button", name="Invocations").click()
        expect(shown).to_have_count(1)
        expect(shown.locator(".of")).to_have_text(function)
        expect(shown.locator(".kind")).to_have_text(kind)
    expect(page.locator("#count")).to_have_text("1 of 4")
    page.fill("#filter", "sqs returns")
    expect(shown).to_have_count(1)


def test_keys(page: Page) -> None:
    """T goes to the triggers and back; the keys of the event bring the event."""
    keys = page.keyboard
    keys.press("t")
    expect(page.locator("#to-event")).to_be_focused()
    keys.press("t")
    expect(page.locator("#to-sources")).to_be_focused()
    for key, target in (("e", "#editor"), ("s", "#sample")):
        opened(page)
        keys.press(key)
        expect(page.locator(target)).to_be_focused()
        expect(page.locator("#sources")).to_be_hidden()
        keys.press("Escape")
    keys.press("?")
    expect(page.locator("#help .with-triggers").first).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone(page: Page, project: Project, complaints: list[str], scheme: Any) -> None:
    """Nothing has to be scrolled sideways, whatever there is, and all of it can be read."""
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 360, "height": 780})
    long = "x" * 200
    pattern = {"pattern": f'{{"source": ["{long}"]}}'}
    project.add(Told("returns", "eventbridge", long, pattern, "put"))
    project.queue.figures = {"waiting": 10**9, "in_flight": 10**9, "failed": 10**9}
    project.queue.refusal = long
    opened(page)
    expect(page.locator(".source")).to_have_count(8)
    card(page, "incoming").get_by_role("button", name="Send…").click()
    card(page, "incoming").get_by_role("button", name="Send", exact=True).click()
    expect(page.locator(".outcome.bad")).to_be_visible()
    complaints.clear()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    for selector in (".what", ".told dt", ".leads", ".told .waits dd", ".told .bad dd",
                     ".outcome.bad", ".group h3", "#to-event"):  # fmt: skip
        ink, ground = (luminance(page, selector, what) for what in ("color", "backgroundColor"))
        contrast = (max(ink, ground) + 0.05) / (min(ink, ground) + 0.05)
        assert contrast >= 4.5, (selector, contrast)
    invoker = project.server.service.invoker
    project.server.run(invoker.run("orders", b"{}", "sqs"))
    card(page, "incoming").get_by_role("button", name="Invocations").click()
    expect(page.locator("#list .row")).to_be_in_viewport()


def test_with_services(
    context: BrowserContext,
    complaints: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A message that is sent by hand invokes, fails, is redriven and fails again; so do events."""
    monkeypatch.setattr(embedded, "EmbeddedServices", ThreadedServices)
    source = "def handler(event, context):\n    if 'Records' in event: raise ValueError('no')\n"
    pattern = '{"source": [{"prefix": "shop"}], "detail": {"sum": [{"numeric": [">", 10]}]}}'
    triggers = (
        SqsTrigger("tasks", visibility=1, max_receive_count=1),
        RuleTrigger("paid", pattern),
    )
    function = Function("hello", "role", triggers=triggers)
    with served(python_function(tmp_path, source)) as server:
        wiring = Wiring(server.service)
        server.service._triggers.push_async_callback(wiring.close)
        for trigger in triggers:
            server.run(wiring.connect(function, trigger))
        page = context.new_page()
        open_page(page, server)
        opened(page)
        # There is only one function: nothing says so.
        expect(page.locator(".group h3")).to_be_hidden()
        here = card(page, "tasks")
        here.get_by_role("button", name="Send…").click()
        here.get_by_role("button", name="Send", exact=True).click()
        redrive = here.get_by_role("button", name="Redrive")
        for failed in (1, 2):
            expect(page.locator("#list .dot.failed")).to_have_count(failed)
            expect(here.locator(".told .bad")).to_have_text("failed1")
            if failed == 1:
                redrive.click()
                expect(here.locator(".outcome")).to_contain_text("1 message moved back")
        here = card(page, "default: paid")
        here.get_by_role("button", name="Put event…").click()
        here.get_by_role("button", name="Put event", exact=True).click()
        expect(page.locator("#list .dot.ok")).to_have_count(1)
        expect(page.locator("#list .row .of").first).to_be_hidden()
        here.get_by_role("button", name="Invocations").click()
        expect(page.locator("#list li:visible")).to_have_count(1)
        page.close()
