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
ORDER = {"name": "Zoë", "items": ["tea", "pot"], "loud": True}


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for name, (scheme, size, prepare) in PICTURES.items():
            with served() as endpoint:
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
def served() -> Iterator[str]:
    """Run the local Lambda with the function, as a user does."""
    with tempfile.TemporaryDirectory(prefix="screenshots-") as directory:
        Path(directory, "shop.py").write_text(SOURCE)
        program = [sys.executable, "-m", "amazon_lambda_runtime.cli", "local", "shop.handler"]
        process = subprocess.Popen(
            [*program, "--port", "0", "--url-port", "0", "--concurrency", "4"],
            cwd=directory,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        try:
            for line in process.stderr:
                if listens := re.search(r"listens on (http://\S+)", line):
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


LIGHT, DARK = "light", "dark"
WIDE, SMALL, PHONE = (1280, 800), (1024, 640), (390, 844)
PICTURES = {
    "start": (LIGHT, WIDE, start),
    "answer": (LIGHT, WIDE, answer),
    "stream": (LIGHT, WIDE, stream),
    "failure": (DARK, WIDE, failure),
    "sample": (DARK, WIDE, sample),
    "log": (DARK, WIDE, log),
    "malformed": (LIGHT, SMALL, malformed),
    "phone": (DARK, PHONE, answer),
}

if __name__ == "__main__":
    main()
