"""The page of durable executions, in a real browser."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("playwright", reason="playwright is not installed")

from playwright.sync_api import Browser, Page, expect, sync_playwright

from .support import Local

CHROMIUM = Path("/usr/bin/chromium")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"there is no {CHROMIUM}"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--headless", "--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@pytest.fixture(params=[(1440, 900), (390, 844)], ids=["desktop", "phone"])
def page(browser: Browser, server: Local, request: pytest.FixtureRequest) -> Iterator[Page]:
    """The page; what the browser complains of fails the test."""
    width, height = request.param
    page = browser.new_page(viewport={"width": width, "height": height})
    expect.set_options(timeout=15_000)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda message: complaints.append(message.text) if message.type == "error" else None,
    )
    page.goto(f"{server.base}/console/executions.html")
    yield page
    page.close()
    assert complaints == []


def test_list_and_operations(page: Page, server: Local) -> None:
    """The list is live; one execution shows its operations, its invocations, its payloads."""
    name = f"seen-{page.viewport_size['width'] if page.viewport_size else 0}"
    server.call("step_wait_step", name=name)
    page.get_by_role("button", name=f"{name}, SUCCEEDED").click()
    expect(page.locator("#status")).to_have_text("succeeded")
    lanes = page.locator("#time g[role=listitem]")
    expect(lanes).to_have_count(4)
    expect(lanes.nth(0)).to_have_attribute("aria-label", "2 invocations")
    expect(lanes.nth(1)).to_contain_text("first")
    expect(lanes.nth(2)).to_contain_text("pause")
    expect(page.locator("#figures")).to_contain_text("Replays")
    expect(page.locator("#payloads")).to_contain_text('"b"')
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    # An invocation leads to its log.
    page.locator("#time a").first.click()
    expect(page.locator("#request-id")).not_to_be_empty()
    expect(page.locator("#log")).to_contain_text("START RequestId")


def test_buttons(page: Page, server: Local) -> None:
    """A callback is answered, an execution is paused, resumed, stopped and run again."""
    name = f"buttons-{page.viewport_size['width'] if page.viewport_size else 0}"
    arn = server.start("callback", name=name)
    server.has(arn, "InvocationCompleted")
    page.get_by_role("button", name=f"{name}, RUNNING").click()
    page.get_by_role("button", name="Pause", exact=True).click()
    expect(page.locator("#status")).to_have_text("paused")
    page.get_by_role("button", name="Resume", exact=True).click()
    expect(page.locator("#status")).to_have_text("running")
    page.get_by_label("Result of approval").fill("fine")
    page.get_by_role("button", name="Succeed", exact=True).click()
    expect(page.locator("#status")).to_have_text("succeeded")
    assert json.loads(server.end_of(arn)["Result"]) == "fine"
    page.get_by_role("button", name="Run again", exact=True).click()
    expect(page.locator("#status")).to_have_text("running")
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.locator("#status")).to_have_text("stopped")


def test_from_the_first_page(page: Page, server: Local) -> None:
    """The first page invokes a durable function, and leads to its executions."""
    page.goto(server.base)
    page.get_by_label("Event, as JSON").fill('{"flow": "one_step", "n": 42}')
    page.locator("#invoke").click()
    expect(page.locator("#response")).to_contain_text("42")
    page.get_by_role("link", name="Durable executions").click()
    expect(page.locator("#list li").first).to_be_visible()
