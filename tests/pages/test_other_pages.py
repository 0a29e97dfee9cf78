"""Users, costs, diagnostics; the way in and out; what goes wrong; for everybody."""

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.pages.browsing import PHONE, Looking, Site, looking
from tests.pages.stories import SESSIONS, SHOP


def test_users_are_listed_sorted_and_lead_to_their_sessions(looks: Looking) -> None:
    """Totals of each; one click further their sessions and their trend."""
    page = looks.go("/users")
    assert sorted(looks.texts("[data-rows] .is-user")) == ["ada", "bob", "cleo", "dora", "emil"]
    page.get_by_role("link", name="Cost", exact=True).click()
    expect(page.locator("th[aria-sort] a")).to_contain_text("Cost")
    assert looks.texts("[data-rows] .is-user")[0] == "emil"
    assert page.locator("[data-rows] tr").first.locator("td").nth(1).inner_text() == str(SESSIONS // 5)
    page.locator("[data-rows]").get_by_role("link", name="ada").click()
    looks.settled()
    expect(page.locator("h1")).to_contain_text("ada")
    assert page.locator(".stats dd").first.inner_text() == str(SESSIONS // 5)
    assert page.locator("#sums .sum-value").first.inner_text() == str(SESSIONS // 5)
    assert page.locator("[data-rows] tr").count() == SESSIONS // 5
    page.get_by_role("link", name="search their sessions").click()
    page.wait_for_url("**/sessions?user_id=ada*")
    expect(page.locator("[data-rows] tr")).to_have_count(SESSIONS // 5)


def test_costs_are_broken_down(looks: Looking) -> None:
    """By model, user, service, tag and time; the dearest sessions; who stands out; all under one filter."""
    page = looks.go("/costs")
    for name in ("By model", "By user", "By service", "By tag", "Cost by hour", "Top ten sessions",
                 "Sessions that stand out", "Users that stand out", "Cost per session"):  # fmt: skip
        assert name in page.locator("main").inner_text(), name
    assert page.locator(".chart-box canvas").count() == 1
    first = page.locator("section", has=page.get_by_role("heading", name="Top ten sessions")).locator("tbody tr")
    assert first.count() == 10
    assert "order-59" in first.first.inner_text()
    page.locator("section", has=page.get_by_role("heading", name="By model")).get_by_role("link").first.click()
    page.wait_for_url("**model=*")
    assert page.locator("#sums .sum-value").first.inner_text() == str(SESSIONS // 3)


def test_diagnostics_say_what_is_uncertain(looks: Looking) -> None:
    """Freshness, spool, spans without a session, prices, dialects."""
    page = looks.go("/diagnostics")
    text = page.locator("main").inner_text()
    for part in ("Rollups are behind by", "Spool", "Without a session", "Models without a price", "otel_genai",
                 "session.id"):  # fmt: skip
        assert part in text, part


def test_a_key_opens_the_door_and_logging_out_closes_it(chromium: Browser, site: Site) -> None:
    """Asked for where one wanted to go; a wrong key is told so; then on to there."""
    with looking(chromium, site, None) as looks:
        looks.allowed.append("401")
        page = looks.page
        page.goto(f"{site.url}/users?sort=cost_usd")
        assert page.url.startswith(f"{site.url}/login?next=")
        page.get_by_label("Key", exact=True).fill("wrong")
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("alert")).to_contain_text("No key that may read looks like this")
        page.goto(f"{site.url}/login?next=%2Fusers%3Fsort%3Dcost_usd")
        page.get_by_label("Key", exact=True).fill(f"content of {SHOP}")
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url("**/users?sort=cost_usd")
        page.get_by_role("button", name="Log out").click()
        page.wait_for_url("**/login")


def test_what_is_not_there_is_told_as_a_page(looks: Looking) -> None:
    """With a way back; programs still get problem+json."""
    looks.allowed.append("404")
    page = looks.page
    page.goto(f"{looks.site.url}/users/nobody")
    assert "There is no such user here." in page.locator("main").inner_text()
    page.get_by_role("link", name="All sessions").click()
    expect(page.locator("[data-rows] tr")).to_have_count(50)


def test_light_and_dark_are_a_choice_that_stays(looks: Looking) -> None:
    """The system's at first."""
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    page = looks.go("/")
    assert page.evaluate(ground) == "rgb(255, 255, 255)"
    page.get_by_role("button", name="Light or dark").click()
    dark = page.evaluate(ground)
    assert dark != "rgb(255, 255, 255)"
    page = looks.go("/users")
    assert page.evaluate(ground) == dark


PATHS = ("/", "/users", "/users/ada", "/costs", "/diagnostics", "/sessions?user_id=nobody", "/sessions?q=cost:x")


ON_A_DESK: dict[str, Any] = {}
ON_A_PHONE: dict[str, Any] = {"viewport": PHONE, "is_mobile": True}


@pytest.mark.parametrize(
    ("scheme", "shape"),
    [
        ("light", ON_A_DESK),
        ("dark", ON_A_PHONE),
        pytest.param("dark", ON_A_DESK, marks=pytest.mark.slow),
        pytest.param("light", ON_A_PHONE, marks=pytest.mark.slow),
    ],
    ids=["light desk", "dark phone", "dark desk", "light phone"],
)
def test_everybody_can_use_them(chromium: Browser, site: Site, scheme: str, shape: dict[str, Any]) -> None:
    """Axe finds nothing serious on any page; nothing is wider than the window."""
    with looking(chromium, site, f"content of {SHOP}", color_scheme=scheme, **shape) as looks:
        looks.allowed.append("422")
        for path in PATHS:
            page = looks.go(path)
            assert looks.breaches() == [], path
            wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert wide <= 0, path


def test_on_a_phone_a_session_is_a_card(phone: Looking) -> None:
    """Id, when, what was said, numbers: without scrolling sideways."""
    page = phone.go("/")
    first = page.locator("[data-rows] tr").first
    for part in (".is-session", ".is-active", ".is-said", ".is-cost", ".is-turns"):
        assert first.locator(part).is_visible(), part
    box = first.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= PHONE["width"]
    page.locator("summary", has_text="Status").click()
    page.locator(".sheet").get_by_role("link", name="error").click()
    expect(page.locator("summary", has_text="Status")).to_contain_text(re.compile("error"))
