"""Pictures of every page in a real browser, for people to look at.

Start the dashboard (`make demo`, or `EARSHOT_CONFIG=FILE streamlit run dashboard/app.py`), then
`python -m tests.dashboard.screenshots --url http://127.0.0.1:8501 --out DIR [--search WORDS]`. Needs playwright and Chromium;
`--browser` names its program. Exits 1 where a page shows an exception or logs an error, or where the browser asked another host for anything.
"""

import argparse
import logging
import sys
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Page, Request, sync_playwright

PAGES = {"for_you": "", "live": "live", "producers": "producers", "search": "search", "pipeline": "pipeline"}
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"]

logger = logging.getLogger("screenshots")


def settle(page: Page, limit_ms: int = 60_000) -> None:
    """Wait until the page has run and drawn."""
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]", timeout=limit_ms)
    page.wait_for_timeout(1200)


def whole(page: Page, out: Path) -> None:
    """The page from top to bottom: Streamlit scrolls inside, so the window grows to the content."""
    height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
    page.set_viewport_size({"width": 1400, "height": max(900, min(int(height) + 20, 6000))})
    page.wait_for_timeout(800)
    page.screenshot(path=str(out))
    page.set_viewport_size({"width": 1400, "height": 900})


def take(page: Page, url: str, out: Path, words: str) -> None:
    for name, path in PAGES.items():
        page.goto(f"{url}/{path}")
        settle(page)
        if name == "search":
            field = page.get_by_label("What was said")
            field.fill(words)
            field.press("Enter")
            page.wait_for_timeout(1000)
            settle(page)
        whole(page, out / f"{name}.png")
        if page.locator("[data-testid=stException]").count():
            logger.error("the page %s shows an exception", name)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.dashboard.screenshots", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://127.0.0.1:8501")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--search", default="sourdough starter")
    parser.add_argument("--browser", default="/usr/bin/chromium")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    arguments.out.mkdir(parents=True, exist_ok=True)
    problems: list[str] = []
    host = urlsplit(arguments.url).hostname

    def asked(request: Request) -> None:
        where = urlsplit(request.url)
        if where.scheme in ("http", "https") and where.hostname != host:
            problems.append(f"asked another host: {request.url}")

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=arguments.browser, args=FLAGS)
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.on("request", asked)
        page.on("pageerror", lambda error: problems.append(f"page error: {error}"))
        page.on("dialog", lambda dialog: (problems.append(f"a script opened a dialog: {dialog.message}"), dialog.dismiss()))
        take(page, arguments.url.rstrip("/"), arguments.out, arguments.search)
        problems += ["a page shows an exception"] * page.locator("[data-testid=stException]").count()
        browser.close()
    for problem in problems:
        logger.error(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
