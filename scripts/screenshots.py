"""Take the pictures of the console that the documentation shows, with Chromium.

    python -m scripts.screenshots [FOLDER]

It serves a function of its own. scripts/install_chromium.sh installs the browser.
"""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

FOLDER = Path(__file__).parent.parent / "docs" / "guides" / "screenshots"
CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu"]
# In bytes: all pictures together, which everyone who clones the repository has to load.
LIMIT = 1_500_000
SOURCE = '''
"""Prices an order."""

import time

from amazon_lambda_runtime import Runtime

PRICES = {"tea": 4.5, "pot": 32, "mug": 9.9}


class Shop(Runtime):
    def handler(self, event, context):
        self.logger.info("pricing for %s", event.get("name", "somebody"))
        time.sleep(event.get("seconds", 0.12))
        if event.get("words"):
            return self.words(event)
        if event.get("loud"):
            self.logger.warning("the pot is sold out soon")
        items = event.get("items", ["tea"])
        return {
            "name": event.get("name", "somebody"),
            "items": items,
            "total": sum(PRICES[item] for item in items),
            "paid": False,
        }

    def words(self, event):
        for word in event["words"].split():
            yield f"{word} "
            time.sleep(0.25)
'''
# A project, whose triggers the console shows.
PROJECT = """
[project]
name = "shop"
version = "1"

[tool.lambda-runtime.functions.shop]
handler = "shop.handler"

[[tool.lambda-runtime.functions.shop.triggers]]
type = "sqs"
queue = "orders"

[[tool.lambda-runtime.functions.shop.triggers]]
type = "eventbridge"
rule = "paid"
bus = "till"
pattern = '{"source": ["shop.till"], "detail": {"total": [{"numeric": [">", 10]}]}}'

[tool.lambda-runtime.functions.stock]
handler = "shop.handler"

[[tool.lambda-runtime.functions.stock.triggers]]
type = "dynamodb"
table = "items"

[[tool.lambda-runtime.functions.stock.triggers]]
type = "kinesis"
stream = "clicks"

[[tool.lambda-runtime.functions.stock.triggers]]
type = "schedule"
rule = "nightly"
expression = "cron(0 3 * * ? *)"
"""
ORDER = {"name": "Zoë", "items": ["tea", "pot"], "loud": True}


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for name, (scheme, size, prepare) in PICTURES.items():
            with served(project=prepare is triggers) as endpoint:
                page = opened(browser, endpoint, scheme, size)
                prepare(page)
                page.screenshot(path=folder / f"console-{name}.png")
                page.close()
        browser.close()
    total = sum((folder / f"console-{name}.png").stat().st_size for name in PICTURES)
    print(f"{len(PICTURES)} pictures in {folder}, {total / 1000:.0f} kB")
    if total > LIMIT:
        sys.exit(f"they are larger than {LIMIT / 1000:.0f} kB together")


@contextmanager
def served(project: bool = False) -> Iterator[str]:
    """Run the local Lambda with the function, as a user does; or with a project's functions."""
    with tempfile.TemporaryDirectory(prefix="screenshots-") as directory:
        Path(directory, "shop.py").write_text(SOURCE)
        options = ["shop.handler", "--url-port", "0", "--concurrency", "4"]
        if project:
            Path(directory, "pyproject.toml").write_text(PROJECT)
            options = []
        process = subprocess.Popen(
            [sys.executable, "-m", "amazon_lambda_runtime.cli", "local", "--port", "0", *options],
            cwd=directory,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        try:
            for line in process.stderr:
                if listens := re.search(r"listens? on (http://\S+)", line):
                    yield listens[1]
                    break
            else:
                sys.exit("the local Lambda does not start")
        finally:
            process.terminate()
            process.communicate()


def opened(browser: Browser, endpoint: str, scheme: Any, size: tuple[int, int]) -> Page:
    width, height = size
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
    page.goto(endpoint)
    page.wait_for_selector("html[data-ready]")
    return page


def invoke(page: Page, event: object, until: str = "succeeded") -> None:
    page.fill("#editor", json.dumps(event, indent=2, ensure_ascii=False))
    page.click("#invoke")
    page.locator("#status", has_text=until).wait_for()


def several(page: Page) -> None:
    """Invoke three times at once, in environments of their own."""
    page.evaluate(
        """() => Promise.all([0.3, 0.5, 0.8].map((seconds) => fetch(
            "/2015-03-31/functions/shop/invocations",
            {method: "POST", body: JSON.stringify({seconds})})))"""
    )
    page.wait_for_timeout(600)


# What is done before each picture.


def start(page: Page) -> None:
    page.wait_for_timeout(300)


def answer(page: Page) -> None:
    several(page)
    invoke(page, ORDER)
    page.wait_for_timeout(500)


def stream(page: Page) -> None:
    invoke(page, ORDER)
    page.select_option("#kind", "stream")
    words = "A stream grows while it arrives, word by word, and can be read at once."
    invoke(page, {"name": "Ada", "words": words}, "running")
    page.locator("#response", has_text="word by").wait_for()


def failure(page: Page) -> None:
    several(page)
    invoke(page, {"name": "Ada", "items": ["tea", "cat"]}, "failed")
    page.wait_for_timeout(500)


def sample(page: Page) -> None:
    page.fill("#sample-search", "s3")
    page.press("#sample-search", "Enter")
    page.locator("#fields").wait_for()
    page.select_option("#sample", "s3-put")
    page.get_by_label("bucket").fill("photos")
    page.wait_for_timeout(500)


def log(page: Page) -> None:
    several(page)
    invoke(page, ORDER)
    page.click("#log-all")
    page.wait_for_timeout(300)


def malformed(page: Page) -> None:
    invoke(page, ORDER)
    page.fill("#editor", '{\n  "name": "Zoë",\n  "items": ["tea", "pot"]\n  "loud": true\n}')
    page.wait_for_timeout(300)


def triggers(page: Page) -> None:
    page.click("#to-sources")
    page.locator("[data-kind=schedule]").wait_for()
    for card, button, text in (
        ("orders", "Send", json.dumps(ORDER, ensure_ascii=False)),
        ("clicks", "Put record", None),
    ):
        here = page.locator(f".source[data-name={card}]")
        here.get_by_role("button", name=f"{button}…").click()
        if text is not None:
            here.locator("textarea").fill(text)
        here.get_by_role("button", name=button, exact=True).click()
        here.locator(".outcome", has_text=" at ").wait_for()
        here.get_by_role("button", name=f"{button}…").click()
    page.locator("#list .dot.ok").nth(1).wait_for()
    page.locator(".source[data-kind=schedule]").get_by_role("button", name="Run now").click()
    page.locator("#status", has_text="succeeded").wait_for()
    bus = page.locator(".source[data-kind=eventbridge]")
    bus.get_by_role("button", name="Put event…").click()
    page.wait_for_timeout(2500)


LIGHT, DARK = "light", "dark"
WIDE, TALL, SMALL, PHONE = (1280, 800), (1280, 920), (1024, 640), (390, 844)
PICTURES = {
    "start": (LIGHT, WIDE, start),
    "answer": (LIGHT, WIDE, answer),
    "stream": (LIGHT, WIDE, stream),
    "failure": (DARK, WIDE, failure),
    "sample": (DARK, WIDE, sample),
    "log": (DARK, WIDE, log),
    "triggers": (LIGHT, TALL, triggers),
    "malformed": (LIGHT, SMALL, malformed),
    "phone": (DARK, PHONE, answer),
}

if __name__ == "__main__":
    main()
