"""The page of a trace, as people use it."""

import re
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from query_api.times import rfc3339
from query_api.ui.waterfall import tree
from tests.histories import NOW_NS, SECOND_NS
from tests.pages.browsing import Looking, Site, looking
from tests.pages.talks import ANSWERED, FAILED, GIANTS, MILLION, TALKS, TRIP, WEATHER, many_spans
from tests.pages.test_hostile_lists import is_harmed

WILD_URL = f"/traces/{0xBAD:032x}"
TOOL = f"{WEATHER[-2:]}{3:014x}"
ANSWERING = f"{WEATHER[-2:]}{4:014x}"


def parameters(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def labels(looks: Looking) -> list[str]:
    return looks.texts("#tree .span .label bdi")


def chosen(page: Page) -> Any:
    return expect(page.locator('#tree [aria-selected="true"] .label'))


def test_the_waterfall_is_true_to_scale(talk: Looking) -> None:
    """Parents before children, siblings as they came; each bar as long as its span, from where it began."""
    page = talk.go(f"/traces/{WEATHER}")
    assert labels(talk) == ["handle_message", "chat gpt-4o", "execute_tool get_weather", "chat gpt-4o"]
    bars = page.locator("#tree .span svg rect.full")
    places = [(bars.nth(n).get_attribute("x"), bars.nth(n).get_attribute("width")) for n in range(4)]
    assert places == [("0.000%", "100.000%"), ("2.500%", "30.000%"), ("35.000%", "12.500%"), ("50.000%", "47.500%")]
    kinds = [page.locator("#tree .span svg").nth(n).get_attribute("class") for n in range(4)]
    assert kinds == ["kind-agent", "kind-llm", "kind-tool", "kind-llm"]
    stats = dict(zip(talk.texts(".trace-stats dt"), talk.texts(".trace-stats dd"), strict=True))
    assert (stats["Duration"], stats["Spans"], stats["Turns"], stats["Cost"]) == ("4.0 s", "4", "2", "$0.0032")


def test_the_critical_path_is_marked(talk: Looking) -> None:
    """What the whole waited for: each call, and the gaps between them, which are the agent's own."""
    page = talk.go(f"/traces/{WEATHER}")
    rows = page.locator("#tree .span")
    assert [rows.nth(n).locator(".critical").count() for n in range(4)] == [4, 1, 1, 1]


def test_a_failed_span_says_so(talk: Looking) -> None:
    """In words and with a sign, in the tree and beside it; `e` leads to the next one."""
    page = talk.go(f"/traces/{FAILED}")
    assert talk.texts("#tree .span.failed .bad") == ["✖ failed", "✖ failed"]
    page.keyboard.press("e")
    chosen(page).to_contain_text("chat gpt-4o")
    expect(page.locator("#panel .problem")).to_contain_text("RateLimitError")
    expect(page.locator("#panel .problem")).to_contain_text("429: slow down")


def test_arrows_walk_the_tree_and_fold_it(talk: Looking) -> None:
    """What is chosen is told beside it, and stands in the address."""
    page = talk.go(f"/traces/{WEATHER}")
    chosen(page).to_contain_text("handle_message")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    chosen(page).to_contain_text("execute_tool get_weather")
    expect(page.locator("#panel h2")).to_contain_text("execute_tool get_weather")
    assert parameters(page)["span"] == [TOOL]
    page.keyboard.press("ArrowUp")
    chosen(page).to_contain_text("chat gpt-4o")
    page.keyboard.press("ArrowLeft")
    chosen(page).to_contain_text("handle_message")
    page.keyboard.press("ArrowLeft")
    assert len(labels(talk)) == 1
    assert page.locator("#tree .span").get_attribute("aria-expanded") == "false"
    page.keyboard.press("ArrowRight")
    assert len(labels(talk)) == 4
    page.keyboard.press("End")
    expect(page.locator("#panel")).to_contain_text("It is rainy, 14 °C.")


def test_a_click_folds_and_chooses(talk: Looking) -> None:
    """The mark folds, the row chooses."""
    page = talk.go(f"/traces/{WEATHER}")
    page.locator("#tree .twist").first.click()
    assert len(labels(talk)) == 1
    page.locator("#tree .twist").first.click()
    page.locator("#tree .span").nth(2).click()
    expect(page.locator("#panel h2")).to_contain_text("execute_tool get_weather")


def test_the_panel_tells_what_was_said(talk: Looking) -> None:
    """System, input, output; the earlier calls and answers too; Markdown, and as it was written."""
    page = talk.go(f"/traces/{WEATHER}?span={ANSWERING}")
    panel = page.locator("#panel")
    assert talk.texts("#panel .said h3") == ["Input", "Output"]
    assert "get_weather" in panel.inner_text()
    assert "rainy, 14C" in panel.inner_text()
    assert talk.texts("#panel .md th") == ["day", "°C"]
    assert "460 in" in panel.locator(".facts").inner_text()
    assert "11 reasoning" in panel.locator(".facts").inner_text()
    assert "$0.002 reported" in panel.locator(".facts").inner_text()
    panel.get_by_role("link", name="as written").click()
    expect(panel.locator("pre", has_text="| day | °C |")).to_be_visible()


def test_the_panel_has_attributes_events_links_and_all_of_it_as_json(talk: Looking) -> None:
    """Each under its tab, which stands in the address."""
    page = talk.go(f"/traces/{WEATHER}?span={ANSWERING}")
    panel = page.locator("#panel")
    panel.get_by_role("link", name="Attributes").click()
    expect(panel.locator(".values")).to_have_count(3)
    assert re.search(r"gen_ai.request.top_k\s+40", panel.inner_text())
    assert re.search(r"host.name\s+laptop", panel.inner_text())
    assert re.search(r"dialect\s+otel_genai", panel.inner_text())
    panel.get_by_role("link", name="Events").click()
    expect(panel).to_contain_text("first token")
    assert panel.locator(f'a[href^="/traces/{ANSWERED}"]').count() == 1
    panel.get_by_role("link", name="Raw").click()
    expect(panel.locator("pre.json")).to_contain_text(f'"span_id": "{ANSWERING}"')
    assert parameters(page)["tab"] == ["raw"]
    page.reload()
    expect(panel.locator("pre.json")).to_contain_text(f'"span_id": "{ANSWERING}"')


def test_the_flame_graph_shows_and_chooses_the_same_spans(talk: Looking) -> None:
    """Stacked by depth; a double click comes closer; escape goes back."""
    talk.allowed.append("Canvas2D")  # this test looks at its colours
    page = talk.go(f"/traces/{WEATHER}")
    page.get_by_role("link", name="Flame graph").click()
    canvas = page.locator("#flame")
    expect(canvas).to_be_visible()
    assert parameters(page)["view"] == ["flame"]
    box = canvas.bounding_box()
    assert box is not None
    assert box["height"] == 40
    canvas.click(position={"x": box["width"] * 0.4, "y": 30})
    expect(page.locator("#panel h2")).to_contain_text("execute_tool get_weather")
    hue = "[...document.getElementById('flame').getContext('2d').getImageData({x}, {y}, 1, 1).data].join()"
    wide = page.evaluate("document.getElementById('flame').width")
    before = page.evaluate(hue.format(x=int(wide * 0.8), y=24))
    canvas.dblclick(position={"x": box["width"] * 0.4, "y": 30})
    assert page.evaluate(hue.format(x=int(wide * 0.8), y=24)) != before
    page.keyboard.press("Escape")
    assert page.evaluate(hue.format(x=int(wide * 0.8), y=24)) == before
    page.get_by_role("link", name="Waterfall").click()
    chosen(page).to_contain_text("execute_tool get_weather")


def test_it_leads_back_to_the_session_and_to_the_traces_around_it(talk: Looking) -> None:
    """To its own card there."""
    page = talk.go(f"/traces/{ANSWERED}")
    assert "2 of 3" in page.locator(".neighbours").inner_text()
    page.keyboard.press("]")
    expect(page).to_have_url(re.compile(FAILED))
    page.wait_for_load_state()  # keys mean something from then on
    page.keyboard.press("[")
    expect(page).to_have_url(re.compile(ANSWERED))
    page.locator(".crumbs").get_by_role("link", name=TRIP).click()
    expect(page.locator("#trace-2")).to_be_in_viewport()


def test_who_may_not_read_content_sees_the_tree_only(chromium: Browser, site: Site) -> None:
    """And is told what is missing."""
    with looking(chromium, site, f"read of {TALKS}") as reader:
        page = reader.go(f"/traces/{WEATHER}?span={ANSWERING}")
        assert len(labels(reader)) == 4
        assert "needs the scope" in page.locator("#panel").inner_text()
        assert "rainy" not in page.content()


def test_a_trace_that_is_not_there_is_said_so(talk: Looking) -> None:
    """And so is a span of one that is."""
    talk.allowed.append("404")
    page = talk.go("/traces/nothing")
    assert page.locator(".message .code").inner_text() == "404"
    talk.go(f"/traces/{WEATHER}?span=nothing")
    assert "no such span" in page.locator("#panel").inner_text()


def test_without_a_script_it_can_be_read(chromium: Browser, site: Site) -> None:
    """Rows are links; the panel comes with the page."""
    with looking(chromium, site, f"content of {TALKS}", java_script_enabled=False) as talk:
        page = talk.page
        page.goto(talk.site.url + f"/traces/{WEATHER}")
        page.locator("#tree .span").nth(2).click()
        assert "execute_tool get_weather" in page.locator("#panel h2").inner_text()
        page.get_by_role("link", name="Raw").click()
        assert TOOL in page.locator("pre.json").inner_text()


def test_a_phone_shows_all_of_it(small_talk: Looking) -> None:
    """The panel beneath the tree; nothing wider than the screen."""
    page = small_talk.go(f"/traces/{WEATHER}")
    page.locator("#tree .span").nth(2).tap()
    expect(page.locator("#panel h2")).to_contain_text("execute_tool get_weather")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("theme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_everybody_can_use_it(chromium: Browser, site: Site, theme: str) -> None:
    """No serious finding of axe, in any tab."""
    with looking(chromium, site, f"content of {TALKS}", color_scheme=theme) as talk:
        for parts in (
            f"?span={ANSWERING}",
            f"?span={ANSWERING}&tab=attributes&view=flame",
            f"?span={ANSWERING}&tab=raw",
        ):
            talk.go(f"/traces/{WEATHER}{parts}")
            assert talk.breaches() == []


@pytest.mark.parametrize("tab", ["messages", "attributes", "events", "raw"])
def test_what_means_harm_is_text_in_a_trace(talk: Looking, tab: str) -> None:
    """In names, keys, values, events, messages: nothing executed, nothing fetched."""
    page = talk.go(f"{WILD_URL}?span={1:016x}&tab={tab}")
    page.mouse.move(300, 400)
    page.locator("#tree .span").nth(1).hover()
    assert not is_harmed(talk)
    assert "<script>" in page.locator("#tree").inner_text()
    assert "<script>" in page.locator("#panel").inner_text()
    assert page.locator("main a[href^='/logout'], main a[href^='data:']").count() == 0
    page.get_by_role("link", name="Flame graph").click()
    assert not is_harmed(talk)
    assert page.evaluate("document.documentElement.scrollWidth") <= 1440


def test_a_million_characters_are_shown_when_they_are_wanted(talk: Looking) -> None:
    """Cut at first; then all of them, as text."""
    page = talk.go(f"{WILD_URL}?span={3:016x}")
    assert len(page.locator("#panel").inner_text()) < 60_000
    page.locator("#panel").get_by_role("link", name="show all").first.click()
    expect(page.locator("#panel .words").first).to_have_text(re.compile(f"^m{{{MILLION}}}$"), timeout=20_000)


def row(number: int, parent: int, start_s: float, end_s: float) -> dict[str, Any]:
    times = {"started_at": _at(start_s), "ended_at": _at(end_s)}
    return {"span_id": str(number), "parent_span_id": str(parent) if parent else None} | times


def _at(seconds: float) -> str:
    return rfc3339(NOW_NS - NOW_NS % SECOND_NS + int(seconds * SECOND_NS))


def critical(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Seconds of each span on the critical path."""
    found = {node.span_id: sum(end - start for start, end in node.critical) / SECOND_NS for node in tree(rows)}
    return {span_id: round(seconds, 3) for span_id, seconds in found.items() if seconds > 0}


def test_the_critical_path_adds_up_to_the_whole() -> None:
    """Children side by side: the longer one counts; what no child covers is the parent's."""
    rows = [row(1, 0, 0, 10), row(2, 1, 1, 4), row(3, 1, 1, 6), row(4, 1, 7, 9), row(5, 4, 7.5, 8)]
    assert critical(rows) == {"1": 3.0, "3": 5.0, "4": 1.5, "5": 0.5}


def test_children_that_outlive_their_parent_count_only_within_it() -> None:
    """A clock that is off, or work that was left behind."""
    assert critical([row(1, 0, 0, 4), row(2, 1, 3, 9)]) == {"1": 3.0, "2": 1.0}


def test_a_tree_with_missing_parents_and_cycles_is_still_a_tree() -> None:
    """Every span once, however it is related; thousands deep too."""
    odd = [row(1, 0, 0, 4), row(2, 99, 1, 2), row(3, 4, 1, 2), row(4, 3, 1, 2), row(5, 5, 1, 2), row(6, 4, 2, 3)]
    assert sorted(node.span_id for node in tree(odd)) == ["1", "2", "3", "4", "5", "6"]
    deep = tree([row(number, number - 1, 0, 10) for number in range(1, 5_001)])
    assert [node.depth for node in deep] == list(range(5_000))


FIVE_THOUSAND = 5_000
MANY = f"{0x5000:032x}"


@pytest.fixture(scope="module")
def giants(site: Site) -> Site:
    headers = {"x-api-key": f"content of {GIANTS}"}
    if httpx.get(f"{site.url}/api/traces/{MANY}", headers=headers, timeout=30).status_code == 404:
        site.store(GIANTS, *many_spans(MANY, FIVE_THOUSAND))
    return site


@pytest.mark.slow
def test_five_thousand_spans_stay_smooth(chromium: Browser, giants: Site) -> None:
    """Few rows are there at once; keys and wheel never wait; the failed one is a key away."""
    with looking(chromium, giants, f"content of {GIANTS}") as giant:
        page = giant.go(f"/traces/{MANY}")
        assert page.locator("#tree .span").count() < 120
        assert page.locator("#tree .span").first.get_attribute("aria-setsize") == str(FIVE_THOUSAND)
        page.evaluate(
            "window.longest = 0; new PerformanceObserver(list => { for (const task of list.getEntries()) "
            "window.longest = Math.max(window.longest, task.duration); }).observe({type: 'longtask'})"
        )
        for _ in range(60):
            page.keyboard.press("PageDown")
        for _ in range(40):
            page.keyboard.press("ArrowDown")
        page.keyboard.press("End")
        chosen(page).to_contain_text(f"step {FIVE_THOUSAND}")
        page.keyboard.press("e")
        chosen(page).to_contain_text(f"step {FIVE_THOUSAND - 3}")
        expect(page.locator("#panel h2")).to_contain_text(f"step {FIVE_THOUSAND - 3}")
        assert page.evaluate("window.longest") < 300 * _slowness(page)
        page.get_by_role("link", name="Flame graph").click()
        expect(page.locator("#flame")).to_be_visible()
        assert page.evaluate("window.longest") < 600 * _slowness(page)
        assert page.evaluate("document.getElementById('flame').getBoundingClientRect().height") < 500


def _slowness(page: Page) -> float:
    """At this moment, of the machine: how much longer it takes than one that does a hundred million steps in 300 ms."""
    took: float = page.evaluate(
        "() => { const since = performance.now(); let sum = 0; "
        "for (let step = 0; step < 1e8; step++) sum = (sum * 31 + step) | 0; "
        "return performance.now() - since + (sum === 1); }"
    )
    return max(1.0, took / 300)


def test_other_projects_traces_are_not_there(chromium: Browser, site: Site) -> None:
    """However well their id is known."""
    with looking(chromium, site, "content of shop") as other:
        other.allowed.append("404")
        page = other.go(f"/traces/{quote(WEATHER)}")
        assert page.locator(".message .code").inner_text() == "404"
