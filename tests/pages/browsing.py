"""What browser tests share: a service on a port of its own, a look at it with a real Chromium, and strictness.

Whatever a test does: no script error, no breach of the policy, nothing fetched from elsewhere.
"""

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import uvicorn
from clickhouse_connect.driver import Client
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, Request

from clickhouse.connect import Database
from query_api.access import COOKIE, make_cookie
from query_api.app import create_app
from query_api.service import Service
from query_api.settings import ApiSettings
from tests.clickhouse.stored import settle, store
from tests.query_api.asking import keys_of

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--headless", "--no-sandbox", "--disable-quic", "--disable-background-networking"]
DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
AXE = Path(__file__).parent / "vendor" / "axe.min.js"
SERIOUS = ("serious", "critical")


@dataclass(frozen=True)
class Site:
    """The service as a browser finds it, and the database behind it."""

    url: str
    database: Client
    service: Service

    def store(self, project: str, *spans: dict[str, Any]) -> None:
        store(self.database, [span | {"project_id": project} for span in spans])
        settle(self.database)

    def cookie(self, key: str) -> str:
        """As if logged in."""
        return make_cookie(key, self.service.secret)


@contextlib.contextmanager
def serving_pages(database: Database, client: Client, data_dir: Path, *projects: str, **more: Any) -> Iterator[Site]:
    app = create_app(ApiSettings(database, data_dir, projects=keys_of(*projects), **more))
    config = uvicorn.Config(app, port=0, log_level="error", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    running = threading.Thread(target=server.run)
    running.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Site(f"http://127.0.0.1:{port}", client, app.state.service)
    finally:
        server.should_exit = True
        running.join()


def launched(playwright: Playwright) -> Browser:
    return playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)


@dataclass
class Looking:
    """Someone with a browser. `allowed` are parts of messages that this test is about."""

    page: Page
    site: Site
    context: BrowserContext
    allowed: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def go(self, path: str) -> Page:
        """To a page, until it is whole: its sums too."""
        self.page.goto(self.site.url + path)
        self.settled()
        return self.page

    def settled(self) -> None:
        self.page.locator(".htmx-request").first.wait_for(state="detached")
        if self.page.locator("#sums, #costs").count() > 0:
            self.page.locator("#sums .sum").first.wait_for()

    def texts(self, selector: str) -> list[str]:
        return [text.strip() for text in self.page.locator(selector).all_inner_texts()]

    def breaches(self) -> list[str]:
        """What axe finds serious, as sentences."""
        self.page.evaluate(AXE.read_text())
        found = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{each['id']}: {each['help']}: {[node['html'][:200] for node in each['nodes'][:3]]}"
            for each in found["violations"]
            if each["impact"] in SERIOUS
        ]


@contextlib.contextmanager
def looking(browser: Browser, site: Site, key: str | None, **context: Any) -> Iterator[Looking]:
    options: dict[str, Any] = {"viewport": DESKTOP, "color_scheme": "light", "timezone_id": "UTC"} | context
    opened = browser.new_context(**options)
    if key is not None:
        opened.add_cookies([{"name": COOKIE, "value": site.cookie(key), "url": site.url}])
    page = opened.new_page()
    page.set_default_timeout(10_000)
    looks = Looking(page, site, opened)
    _be_strict(looks)
    try:
        yield looks
    finally:
        opened.close()
    left = [text for text in looks.complaints if not any(part in text for part in looks.allowed)]
    assert not left, left


def _be_strict(looks: Looking) -> None:
    host = urlsplit(looks.site.url).netloc

    def complain(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            looks.complaints.append(f"{message.text} {message.location.get('url', '')}")

    def watch(request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.netloc != host and parts.scheme not in ("data", "blob"):
            looks.complaints.append(f"fetched {request.url}")

    looks.page.on("console", complain)
    looks.page.on("pageerror", lambda error: looks.complaints.append(f"uncaught: {error}"))
    looks.page.on("dialog", lambda dialog: looks.complaints.append(f"dialog: {dialog.message}"))
    looks.context.on("request", watch)
