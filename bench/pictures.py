"""The README's pictures, from a product that runs with the demo in it:

genai-sessions demo
python docs/screenshots.py http://127.0.0.1:8080
"""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from query_api.client import Client

IMAGES = Path(__file__).parents[1] / "docs" / "images"


def main(address: str) -> None:
    with Client(address) as client:
        shown = next(iter(client.sessions(status="error", max_turns=9, sort="turns", agent="coder")))
    pages = {"sessions": "/sessions?from=7d", "session": shown.url, "costs": "/costs?from=7d"}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1560, "height": 820})
        for name, path in pages.items():
            page.goto(f"{address}{path}", wait_until="networkidle")
            page.screenshot(path=IMAGES / f"{name}.png")
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1].rstrip("/"))
