"""The built site in a browser: `make docs` builds it."""

from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import sync_playwright

from .pages import ROOT

CHROMIUM = "/usr/bin/chromium"
SITE = ROOT / ".cache" / "docs" / "site"
PAGES = sorted(page for page in SITE.rglob("*.html") if "_static" not in page.parts)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PAGES, reason="make docs has not built the site"),
    pytest.mark.skipif(not Path(CHROMIUM).is_file(), reason=f"there is no {CHROMIUM}"),
]


@pytest.mark.parametrize(
    ("width", "scheme"), [(390, "dark"), (1280, "light")], ids=["phone", "desktop"]
)
def test_pages(width: int, scheme: Literal["dark", "light"]) -> None:
    """No page is wider than the screen, or loads anything from elsewhere."""
    wide, elsewhere, complaints = [], [], []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--headless", "--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith(("file:", "data:"))
                else elsewhere.append(request.url)
            ),
        )
        page.on("requestfailed", lambda request: complaints.append(request.url))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        for file in PAGES:
            page.goto(file.as_uri())
            if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                wide.append(str(file.relative_to(SITE)))
        browser.close()
    assert (wide, elsewhere, complaints) == ([], [], [])
