"""The page of sessions, as people use it."""

import re
import time
from urllib.parse import parse_qs, urlsplit

import pyarrow.parquet
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.histories import SECOND_NS
from tests.pages.browsing import Looking, Site, looking
from tests.pages.stories import EMPTY, FAILING_EVERY, LIVE, SESSIONS, SHOP, call

IDS = "[data-rows] .is-session .id"


def parameters(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def test_the_list_shows_the_latest_sessions_with_their_numbers(looks: Looking) -> None:
    """Each column that was promised, the latest first, and how many there are."""
    page = looks.go("/")
    heads = looks.texts(".sessions thead th")
    for label in ("Session", "User", "Started", "Last active", "Duration", "Turns", "Traces", "Spans", "In", "Out",
                  "Tokens", "Cost", "Errors", "Status", "Models", "First input → last output"):  # fmt: skip
        assert any(head.startswith(label) for head in heads), label
    assert looks.texts(IDS)[:2] == ["order-00", "order-01"]
    assert page.locator("[data-rows] tr").count() == 50
    assert looks.texts(".pager .muted") == [f"50 of {SESSIONS}"]
    row = page.locator('[data-id="order-03"]')
    assert row.locator(".is-turns").inner_text() == "4"
    assert row.locator(".is-cost").inner_text() == "$0.016"
    assert row.locator(".is-tokens").inner_text() == "1.7k"
    assert row.locator(".is-tokens .num").get_attribute("title") == "1,700"
    assert "Do you ship to Brazil?" in row.locator(".is-said").inner_text()
    assert "error" in page.locator('[data-id="order-00"] .is-status').inner_text()


def test_a_click_on_a_head_sorts_and_back_undoes_it(looks: Looking) -> None:
    """The order stands in the address; the head says which way."""
    page = looks.go("/sessions")
    page.get_by_role("link", name="Cost", exact=True).click()
    expect(page.locator(IDS).first).to_have_text("order-59")
    assert parameters(page)["sort"] == ["cost_usd"]
    assert page.locator("th[aria-sort]").get_attribute("aria-sort") == "descending"
    page.locator("thead").get_by_role("link", name="Cost", exact=True).click()
    expect(page.locator("th[aria-sort]")).to_have_attribute("aria-sort", "ascending")
    page.go_back()
    expect(page.locator("th[aria-sort]")).to_have_attribute("aria-sort", "descending")


def test_pages_follow_each_other(looks: Looking) -> None:
    """By cursor: what comes next is what was not there yet; and back to the first."""
    page = looks.go("/sessions")
    first = looks.texts(IDS)
    page.get_by_role("link", name="next").click()
    expect(page.locator(IDS).first).to_have_text("order-50")
    assert set(first).isdisjoint(looks.texts(IDS))
    assert len(looks.texts(IDS)) == SESSIONS - 50
    page.get_by_role("link", name="first", exact=True).click()
    expect(page.locator(IDS).first).to_have_text("order-00")


def test_a_search_narrows_and_a_mistake_is_marked_where_it_is(looks: Looking) -> None:
    """The grammar of the API; totals follow; what was typed is still there to be mended."""
    looks.allowed.append("422")
    page = looks.go("/")
    page.keyboard.press("/")
    page.keyboard.type("user:ada status:error")
    page.keyboard.press("Escape")
    page.locator("#q").press("Enter")
    expect(page.locator("[data-rows] tr")).to_have_count(SESSIONS // 30)
    looks.settled()
    assert page.locator("#sums .sum-value").first.inner_text() == str(SESSIONS // 30)
    page.locator("#q").fill("user:ada cost:>cheap")
    page.locator("#q").press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("an amount of US dollars was expected")
    assert page.locator(".mistake-echo mark").inner_text() == "c"
    before = page.evaluate("document.querySelector('mark').previousSibling.textContent")
    assert before == "user:ada cost:>"
    assert page.locator("#q").input_value() == "user:ada cost:>cheap"
    assert page.locator("#q").get_attribute("aria-invalid") == "true"


def test_the_search_hints_at_keys_and_then_at_values(looks: Looking) -> None:
    """Keys as they are typed; of a model those that there are; a key chooses, and the search goes on."""
    page = looks.go("/")
    page.locator("#q").focus()
    expect(page.locator("#hints")).to_contain_text("session:")
    page.keyboard.type("mod")
    expect(page.locator(".hint")).to_have_count(1)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator(".hint")).to_have_count(3)
    page.keyboard.type("claude")
    expect(page.locator(".hint")).to_have_count(1)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    assert page.locator("#q").input_value() == "model:claude-sonnet-4-5 "
    page.keyboard.press("Escape")
    page.locator("#q").press("Enter")
    expect(page.locator("[data-rows] tr")).to_have_count(SESSIONS // 3)


def test_menus_filter_and_chips_say_so(looks: Looking) -> None:
    """Status, model with its values, user, tag, turns, time; each can be taken back; all of it is in the address."""
    page = looks.go("/")
    page.locator("summary", has_text="Status").click()
    page.locator(".sheet").get_by_role("link", name="error").click()
    expect(page.locator("[data-rows] tr")).to_have_count(SESSIONS // FAILING_EVERY)
    page.locator("summary", has_text="Model").click()
    page.locator(".facet a", has_text="gpt-4o-mini").wait_for()
    page.locator(".facet a", has_text="gpt-4o").first.click()
    expect(page.locator("summary", has_text="Model")).to_contain_text("gpt-4o")
    page.locator("summary", has_text="Turns").click()
    page.locator("input[name=min_turns]").fill("3")
    page.locator("input[name=min_turns]").press("Enter")
    expect(page.locator("[data-rows] tr")).to_have_count(5)
    asked = parameters(page)
    assert (asked["status"], asked["model"], asked["min_turns"]) == (["error"], ["gpt-4o"], ["3"])
    page.locator("summary", has_text="last 7 days").click()
    page.locator(".sheet").get_by_role("link", name="last 24 hours").click()
    expect(page.locator("[data-rows] tr")).to_have_count(1)
    shared = looks.go(urlsplit(page.url).path + "?" + urlsplit(page.url).query)
    assert shared.locator("[data-rows] tr").count() == 1
    page.get_by_role("link", name="clear").click()
    expect(page.locator("[data-rows] tr")).to_have_count(10)


def test_any_other_parameter_is_a_chip_that_can_be_removed(looks: Looking) -> None:
    """Also what a link from elsewhere brought along."""
    page = looks.go("/sessions?service=shop-bot&min_cost=0.2&session_id_prefix=order-5")
    assert len(looks.texts(".chip")) == 3
    assert page.locator("[data-rows] tr").count() == 3
    page.get_by_role("link", name="Remove min_cost").click()
    expect(page.locator("[data-rows] tr")).to_have_count(10)
    assert "min_cost" not in page.url


def test_dragging_over_a_chart_narrows_the_range(looks: Looking) -> None:
    """List and totals follow; hovering tells the moment and its value."""
    page = looks.go("/")
    chart = page.locator("#sums .u-over").first
    box = chart.bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] - 3, middle)
    expect(page.locator("#sums .sum-value .note").first).to_contain_text(re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d"))
    page.mouse.move(box["x"] + box["width"] * 0.5, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.75, middle, steps=4)
    page.mouse.up()
    expect(page.locator(".pager .muted")).not_to_have_text(f"50 of {SESSIONS}")
    looks.settled()
    narrowed = page.locator("[data-rows] tr").count()
    assert 10 < narrowed < 25
    assert {"from", "to"} <= set(parameters(page))
    assert int(page.locator("#sums .sum-value").first.inner_text()) == narrowed


def test_columns_are_chosen_and_remembered(looks: Looking) -> None:
    """In the address for others, in a cookie for oneself."""
    page = looks.go("/")
    page.locator("summary", has_text="Columns").click()
    for name in ("Models", "Spans", "Status"):
        page.get_by_role("checkbox", name=name, exact=True).uncheck()
    page.get_by_role("checkbox", name="First token").check()
    page.get_by_role("button", name="Show").click()
    expect(page.locator("thead")).to_contain_text("First token")
    assert "Models" not in page.locator("thead").inner_text()
    assert "columns" in parameters(page)
    page = looks.go("/")
    assert "First token" in page.locator("thead").inner_text()


def test_keys_move_and_open(looks: Looking) -> None:
    """j and k, enter, and a list of all of them."""
    page = looks.go("/")
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    page.keyboard.press("Escape")
    for key in "jjk":
        page.keyboard.press(key)
    assert page.locator("tr.here").get_attribute("data-id") == "order-00"
    page.keyboard.press("Enter")
    page.wait_for_url("**/sessions/order-00*")


def test_downloads_hold_what_the_filter_chooses(looks: Looking) -> None:
    """CSV with a head, JSON Lines, Parquet; each with all sessions of the filter, not of the page."""
    page = looks.go("/sessions?user_id=ada")
    rows = {}
    for label, read in (
        ("CSV", lambda path: len(path.read_text().splitlines()) - 1),
        ("JSON Lines", lambda path: len(path.read_text().splitlines())),
        ("Parquet", lambda path: pyarrow.parquet.read_table(path).num_rows),
    ):
        page.locator("summary", has_text="Download").click()
        with page.expect_download() as started:
            page.locator(".foot .sheet").get_by_role("link", name=label).first.click()
        rows[label] = read(started.value.path())
    expect(page.locator(".downloading")).to_have_count(0)
    assert rows == dict.fromkeys(rows, SESSIONS // 5)


def test_rows_are_live_until_paused(chromium: Browser, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session that begins shows up by itself, and keeps what is selected; paused, nothing moves."""
    monkeypatch.setattr("query_api.live.POLL_SECONDS", 0.1)
    with looking(chromium, site, f"content of {LIVE}") as looks:
        site.store(LIVE, call("before", time.time_ns() - 60 * SECOND_NS))
        page = looks.go("/sessions?service=live-bot&from=1h")
        assert page.locator(".empty").count() == 1
        expect(page.locator("[data-live]")).to_have_text("live")
        now_ns = time.time_ns() - SECOND_NS
        site.store(LIVE, call("born-1", now_ns, service="live-bot", cost_usd="0.01"))
        expect(page.locator('[data-id="born-1"]')).to_be_visible()
        page.keyboard.press("j")
        site.store(LIVE, call("born-2", now_ns + SECOND_NS // 2, service="live-bot", cost_usd="0.01"))
        expect(page.locator('[data-id="born-2"]')).to_be_visible()
        assert page.locator("tr.here").get_attribute("data-id") == "born-1"
        page.locator("[data-live]").click()
        expect(page.locator("[data-live]")).to_have_text("paused")
        site.store(LIVE, call("born-3", now_ns, service="live-bot", cost_usd="0.01"))
        page.wait_for_timeout(2_000)
        assert page.locator('[data-id="born-3"]').count() == 0
        page.locator("[data-live]").click()
        expect(page.locator('[data-id="born-3"]')).to_be_visible()


def test_an_empty_project_tells_how_to_connect(chromium: Browser, site: Site) -> None:
    """Three lines, with the address of the receiver as it is."""
    with looking(chromium, site, f"content of {EMPTY}") as looks:
        page = looks.go("/")
        lines = page.locator(".connect pre").inner_text()
        assert f"OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:{site.service.settings.otlp_http_port}" in lines
        assert "OTEL_EXPORTER_OTLP_HEADERS" in lines
        assert "session.id" in lines
        assert "genai-sessions demo" in page.locator(".connect").inner_text()


def test_a_filter_that_fits_nothing_offers_a_way_out(looks: Looking) -> None:
    """Not an empty table."""
    page = looks.go("/sessions?user_id=nobody")
    expect(page.locator(".empty")).to_contain_text("No session fits")
    page.get_by_role("link", name="Leave the filter out").click()
    expect(page.locator("[data-rows] tr")).to_have_count(50)


def test_made_up_conversations_are_said_to_be_so(looks: Looking) -> None:
    """And can be left out."""
    page = looks.go("/")
    assert "genai-sessions demo" in page.locator(".made-up").inner_text()
    page.get_by_role("link", name="Leave them out").click()
    expect(page.locator(".made-up")).to_have_count(0)
    assert looks.texts(".pager .muted") == [f"50 of {SESSIONS - 1}"]


def test_empty_fields_of_a_form_leave_no_trace_in_the_address(looks: Looking) -> None:
    """So that what is shared is short."""
    page = looks.go("/sessions?user_id=&model=&status=error")
    assert urlsplit(page.url).query == "status=error"


def test_times_are_the_viewers_and_utc_is_on_hover(chromium: Browser, site: Site) -> None:
    """From the second page on the server writes them; on the first the script does."""
    with looking(chromium, site, f"content of {SHOP}", timezone_id="Asia/Tokyo") as looks:
        for _ in range(2):
            page = looks.go("/")
            title = page.locator('[data-id="order-00"] .is-active time').get_attribute("title") or ""
            assert "Asia/Tokyo" in title
            assert title.endswith("UTC")
        assert page.locator("html").get_attribute("data-zone") == "Asia/Tokyo"


def test_it_reads_without_javascript(chromium: Browser, site: Site) -> None:
    """The list, sorting, searching, the next page, and the totals behind a link."""
    with looking(chromium, site, f"content of {SHOP}", java_script_enabled=False) as looks:
        page = looks.page
        page.goto(f"{site.url}/")
        assert page.locator("[data-rows] tr").count() == 50
        assert page.locator("[data-live]").is_hidden()
        page.get_by_role("link", name="Cost", exact=True).click()
        assert page.locator(IDS).first.inner_text() == "order-59"
        page.locator("#q").fill("user:ada")
        page.locator("#q").press("Enter")
        page.wait_for_url("**q=user**")
        assert page.locator("[data-rows] tr").count() == SESSIONS // 5
        page.get_by_role("link", name="Totals and charts").click()
        assert page.locator(".sum-value").first.inner_text() == str(SESSIONS // 5)
        assert page.locator(".spark rect").count() > 5


def test_without_content_nothing_said_is_shown(chromium: Browser, site: Site) -> None:
    """A key that may only read numbers sees numbers; searching words is refused in place."""
    with looking(chromium, site, f"read of {SHOP}") as looks:
        looks.allowed.append("403")
        page = looks.go("/")
        assert "Brazil" not in page.content()
        assert page.locator("[data-rows] tr").count() == 50
        page.goto(f"{site.url}/sessions?q=Brazil")
        assert 'needs a key with the scope "content"' in page.locator("main").inner_text()


def test_a_page_is_small_and_nothing_in_it_shifts(looks: Looking) -> None:
    """Everything a first visit transfers, compressed; and the layout shift that browsers count."""
    sizes: list[int] = []
    looks.page.on("requestfinished", lambda request: sizes.append(request.sizes()["responseBodySize"]))
    looks.page.add_init_script(
        "window.shift = 0; new PerformanceObserver(list => { for (const each of list.getEntries()) "
        "window.shift += each.value; }).observe({type: 'layout-shift', buffered: true});"
    )
    page = looks.go("/")
    page.wait_for_timeout(500)
    assert sum(sizes) < 200_000
    assert page.evaluate("window.shift") < 0.01
