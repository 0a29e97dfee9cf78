"""One service per test process, filled once; one Chromium per module: its driver keeps an event loop of its own."""

import shutil
from collections.abc import Iterator

import pytest
from clickhouse_connect.driver import Client
from playwright.sync_api import Browser, sync_playwright

from clickhouse.connect import Database
from tests.pages.browsing import CHROMIUM, PHONE, Looking, Site, launched, looking, serving_pages
from tests.pages.stories import EMPTY, HOSTILE, LIVE, SHOP, hostile, shop
from tests.pages.talks import GIANTS, TALKS, talks
from tests.query_api.asking import unique


@pytest.fixture(scope="session")
def site(shared_database: Database, shared_client: Client, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A service with a shop's conversations, with hostile ones, and with a project that has none."""
    data_dir = tmp_path_factory.mktemp(unique("pages"))
    with serving_pages(shared_database, shared_client, data_dir, SHOP, HOSTILE, EMPTY, LIVE, TALKS, GIANTS) as served:
        served.store(SHOP, *shop())
        served.store(HOSTILE, *hostile())
        served.store(TALKS, *talks())
        yield served


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    if shutil.which(CHROMIUM) is None:
        pytest.skip(f"there is no {CHROMIUM}: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = launched(playwright)
        yield browser
        browser.close()


@pytest.fixture
def looks(chromium: Browser, site: Site) -> Iterator[Looking]:
    """At the shop, on a desk, with a key that may read what was said."""
    with looking(chromium, site, f"content of {SHOP}") as opened:
        yield opened


@pytest.fixture
def phone(chromium: Browser, site: Site) -> Iterator[Looking]:
    with looking(chromium, site, f"content of {SHOP}", viewport=PHONE, is_mobile=True, has_touch=True) as opened:
        yield opened


@pytest.fixture
def wary(chromium: Browser, site: Site) -> Iterator[Looking]:
    """At what somebody sent who means harm."""
    with looking(chromium, site, f"content of {HOSTILE}") as opened:
        yield opened


@pytest.fixture
def talk(chromium: Browser, site: Site) -> Iterator[Looking]:
    """At a few conversations, on a desk."""
    with looking(chromium, site, f"content of {TALKS}") as opened:
        yield opened


@pytest.fixture
def small_talk(chromium: Browser, site: Site) -> Iterator[Looking]:
    """At the same, on a phone."""
    with looking(chromium, site, f"content of {TALKS}", viewport=PHONE, is_mobile=True, has_touch=True) as opened:
        yield opened
