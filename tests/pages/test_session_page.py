"""The page of a session, as people use it."""

import re
from itertools import pairwise
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from query_api.ui.formats import NOTHING
from query_api.ui.markdown import markdown
from query_api.ui.said import answer_words
from tests.pages.browsing import Looking, Site, looking
from tests.pages.stories import SHOP
from tests.pages.talks import (
    AFTER,
    BEFORE,
    FAILED,
    GIANTS,
    QUESTION,
    TALKS,
    TRIP,
    WEATHER,
    WILD,
    many_traces,
)
from tests.pages.test_hostile_lists import is_harmed

TRIP_URL = f"/sessions/{quote(TRIP, safe='')}"


def parameters(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def test_the_head_tells_what_the_session_came_to(talk: Looking) -> None:
    """Id, user, cost, tokens and their parts, both durations, turns, means, errors, models."""
    page = talk.go(TRIP_URL)
    assert page.locator("h1").inner_text().startswith("Session trip/1 ☕")
    stats = dict(zip(talk.texts(".overview dt"), talk.texts(".overview dd"), strict=True))
    assert stats["Cost"].startswith("$0.0072")
    assert re.split(r"\s+", stats["Tokens"])[:2] == ["2.3k", "1.4k"]
    for part in ("1.4k in", "128 cached", "960 out", "11 reasoning"):
        assert part in stats["Tokens"]
    assert stats["Duration"].split("\n")[0] == "3m 21s"
    assert "8.0 s active" in stats["Duration"]
    assert "4" in stats["Turns"]
    assert "in 3 traces" in stats["Turns"]
    assert stats["Per turn"].startswith("1.7 s")
    assert stats["Per trace"].startswith("2.7 s")
    assert stats["First token"] == "300 ms"
    assert stats["Errors"].startswith("✖ 1")
    assert "33.3% of traces" in stats["Errors"]
    assert "gpt-4o" in page.locator(".facts").inner_text()


def test_the_id_is_copied_with_a_click(chromium: Browser, site: Site) -> None:
    """All of it, not what is shown of it."""
    with looking(chromium, site, f"content of {TALKS}", permissions=["clipboard-read", "clipboard-write"]) as talk:
        page = talk.go(TRIP_URL)
        page.locator("h1 [data-copy]").click()
        expect(page.locator("h1 [data-copy]")).to_have_class(re.compile("done"))
        assert page.evaluate("navigator.clipboard.readText()") == TRIP


def test_the_user_is_a_link_away_and_so_are_all_their_sessions(talk: Looking) -> None:
    """With how many there are."""
    page = talk.go(TRIP_URL)
    assert page.get_by_role("link", name="ada", exact=True).get_attribute("href") == "/users/ada"
    page.get_by_role("link", name="→ 3 sessions").click()
    expect(page.locator("[data-rows] tr")).to_have_count(3)


def test_brackets_lead_to_the_sessions_before_and_after(talk: Looking) -> None:
    """Of the same user; also to one whose id no path can hold."""
    page = talk.go(TRIP_URL)
    page.keyboard.press("]")
    expect(page.locator("h1")).to_contain_text(AFTER)
    assert parameters(page)["id"] == [AFTER]
    page.wait_for_load_state()  # keys mean something from then on
    page.keyboard.press("[")
    expect(page.locator("h1")).to_contain_text(TRIP)
    page.get_by_role("link", name="previous").click()
    expect(page.locator("h1")).to_contain_text(BEFORE)


def test_the_conversation_is_told_in_numbered_cards(talk: Looking) -> None:
    """What was asked, which tools were used between, what was answered; what was long ago is set apart."""
    page = talk.go(TRIP_URL)
    assert talk.texts(".card .number") == ["1/3", "2/3", "3/3"]
    first = page.locator("#trace-1")
    assert first.locator(".entry.role-user em").inner_text() == "weather"
    call = first.locator("details.call summary")
    assert "get_weather" in call.inner_text()
    assert '({"city":"Paris"})' in call.inner_text()
    assert "rainy, 14C" in call.inner_text()
    assert "500 ms" in call.inner_text()
    assert first.locator("details.call").count() == 1
    assert first.locator(".aside").count() == 1
    assert talk.texts("#trace-1 .role-assistant th") == ["day", "°C"]
    link = first.locator(".role-assistant a[href^='https://example.com']")
    assert link.get_attribute("rel") == "noopener noreferrer nofollow"
    assert talk.texts(".pause") == ["2m 40s later"]
    failed = page.locator("#trace-3")
    assert "RateLimitError" in failed.inner_text()
    assert "429: slow down" in failed.inner_text()
    assert "error" in failed.locator("header").inner_text()


def test_a_tool_call_unfolds_to_what_it_was_given_and_gave(talk: Looking) -> None:
    """And leads to its span."""
    page = talk.go(TRIP_URL)
    page.locator("#trace-1 details.call summary").click()
    shown = page.locator("#trace-1 details.call dl")
    expect(shown).to_contain_text('{"city":"Paris"}')
    page.locator("#trace-1 details.call").get_by_role("link", name="open span").click()
    expect(page.locator("#panel h2")).to_contain_text("execute_tool get_weather")


def test_what_was_written_can_be_read_raw(talk: Looking) -> None:
    """Markdown as it came, and back."""
    page = talk.go(TRIP_URL)
    page.get_by_role("link", name="raw", exact=True).click()
    expect(page.locator("#trace-1 .role-user pre")).to_have_text(QUESTION)
    assert parameters(page)["raw"] == ["yes"]
    page.get_by_role("link", name="formatted").click()
    expect(page.locator("#trace-1 .role-user em")).to_have_text("weather")


def test_a_long_answer_is_folded_until_it_is_wanted(talk: Looking) -> None:
    """It does not push everything else away."""
    page = talk.go(TRIP_URL)
    words = page.locator("#trace-2 .role-assistant .words")
    page.locator("#trace-2").scroll_into_view_if_needed()
    folded = words.evaluate("node => node.clientHeight")
    assert folded < 500
    page.locator("#trace-2 .unfold").click()
    assert words.evaluate("node => node.clientHeight") > 10 * folded
    expect(page.locator("#trace-2 .unfold")).to_have_text("Show less")


def test_the_timeline_shows_when_each_call_took_place(talk: Looking) -> None:
    """A row for each trace, a bar for each call; nothing overlaps that did not; the idle time is folded."""
    page = talk.go(TRIP_URL)
    page.get_by_role("link", name="Timeline").click()
    rows = page.locator(".timeline tbody tr")
    expect(rows).to_have_count(3)
    bars = rows.nth(0).locator(".bar-of-call")
    assert bars.count() == 4
    left = [float(str(bars.nth(n).get_attribute("x")).rstrip("%")) for n in range(4)]
    assert left == sorted(left)
    whole = [rows.nth(n).locator(".whole").bounding_box() for n in range(3)]
    assert all(
        one is not None and other is not None and one["x"] + one["width"] < other["x"] for one, other in pairwise(whole)
    )
    assert rows.nth(0).locator(".fold title").first.text_content() == "2m 40s in which nothing happened"
    assert "RateLimitError" in (rows.nth(2).locator(".kind-llm.failed title").text_content() or "")
    rows.nth(0).locator(".kind-tool").click()
    expect(page.locator("#panel h2")).to_contain_text("execute_tool get_weather")


def test_the_table_of_calls_has_every_number(talk: Looking) -> None:
    """Model, latency, first token, tokens with cached and reasoning ones, cost and where its price comes from."""
    page = talk.go(f"{TRIP_URL}?view=calls")
    rows = [re.split(r"\t", text) for text in talk.texts(".calls tbody tr")]
    cells = page.locator(".calls tbody tr").nth(1).locator("td").all_inner_texts()
    assert [cell.strip() for cell in cells[:3]] == ["1", "llm", "gpt-4o-2024-08-06 openai"]
    assert [cell.strip() for cell in cells[4:]] == [
        "1.2 s", "300 ms", "400", "128", "20", NOTHING, "$0.0012", "computed", "ok",
    ]  # fmt: skip
    assert len(rows) == 8
    assert sum("reported" in row for row in map("".join, rows)) == 1
    assert page.locator(".calls .bad").last.inner_text() == "✖ RateLimitError"


def test_a_session_is_searched_from_the_keyboard(talk: Looking) -> None:
    """What is found keeps its number, and leads to where it stands."""
    page = talk.go(TRIP_URL)
    page.keyboard.press("/")
    page.keyboard.type("everything")
    page.keyboard.press("Enter")
    expect(page.locator(".results")).to_contain_text("1 of 3 traces")
    assert talk.texts(".card .number") == ["2/3"]
    page.get_by_role("link", name="in the conversation").click()
    expect(page).to_have_url(re.compile(r"start=2#trace-2$"))
    assert talk.texts(".card .number") == ["2/3", "3/3"]


def test_a_session_is_searched_by_text_name_tag_and_id(talk: Looking) -> None:
    """As the API searches; an id of a trace or a span finds its trace."""
    searches = {
        "Tell me everything": [2],
        "name:handle_message": [1, 2, 3],
        "tag:vip": [1],
        "status:error": [3],
        FAILED: [3],
        f"{WEATHER[-2:]}{3:014x}": [1],
        "nobody said that": [],
    }
    for wanted, numbers in searches.items():
        page = talk.go(f"{TRIP_URL}?find={quote(wanted, safe='')}")
        assert f"{len(numbers)} of 3 traces" in page.locator(".results").inner_text(), wanted
        assert talk.texts(".card .number") == [f"{number}/3" for number in numbers], wanted


def test_a_mistake_in_a_search_is_told(talk: Looking) -> None:
    """By the grammar's own sentence; the page is still there."""
    page = talk.go(f"{TRIP_URL}?find=cost:>cheap")
    expect(page.locator(".results")).to_contain_text("an amount of US dollars was expected")
    assert page.locator("h1").count() == 1


def test_charts_tell_what_it_had_come_to_and_lead_there(talk: Looking) -> None:
    """Cost and tokens, trace by trace."""
    page = talk.go(TRIP_URL)
    cost = page.locator('[data-growth="cost"]')
    assert cost.locator("output").inner_text() == "$0.0072"
    box = cost.locator("svg").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 5, box["y"] + 20)
    assert cost.locator("output").inner_text() == "$0.0032 after 1"
    page.mouse.move(box["x"] + box["width"] - 5, box["y"] + 20)
    assert cost.locator("output").inner_text() == "$0.0072 after 3"
    page.mouse.move(10, 10)
    assert cost.locator("output").inner_text() == "$0.0072"


def test_j_and_k_walk_the_cards_and_digits_change_the_view(talk: Looking) -> None:
    """The keyboard is enough."""
    page = talk.go(TRIP_URL)
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator(".card.here .number")).to_have_text("2/3")
    page.keyboard.press("k")
    expect(page.locator(".card.here .number")).to_have_text("1/3")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("handle_message")
    page.go_back()
    page.keyboard.press("3")
    expect(page.locator(".calls")).to_be_visible()


def test_who_may_not_read_content_sees_numbers_only(chromium: Browser, site: Site) -> None:
    """The page says so."""
    with looking(chromium, site, f"read of {TALKS}") as reader:
        page = reader.go(TRIP_URL)
        assert "Paris" not in page.content()
        assert "slow down" not in page.content()
        assert "not for this key" in page.locator("#shown").inner_text()
        assert "$0.0072" in page.locator(".overview").inner_text()
        reader.go(f"{TRIP_URL}?find=everything")
        expect(page.locator(".results")).to_contain_text('the scope "content"')


def test_what_the_demo_sent_is_marked(talk: Looking) -> None:
    """So that nobody takes it for their own; other sessions are not."""
    page = talk.go(f"/session?id={quote(BEFORE, safe='')}")
    assert page.locator(".demo").inner_text() == "demo data"
    talk.go(TRIP_URL)
    assert page.locator(".demo").count() == 0


def test_a_session_that_is_not_there_is_said_so(talk: Looking) -> None:
    """By both addresses."""
    talk.allowed.append("404")
    for path in ("/sessions/nobody", "/session?id=nobody"):
        page = talk.go(path)
        assert page.locator(".message .code").inner_text() == "404"


@pytest.mark.parametrize("view", ["conversation", "timeline", "calls"])
def test_a_phone_shows_all_of_it(small_talk: Looking, view: str) -> None:
    """Nothing is wider than the screen."""
    page = small_talk.go(f"{TRIP_URL}?view={view}")
    assert page.locator("h1").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("link", name="Timeline").tap()
    expect(page.locator(".timeline tbody tr")).to_have_count(3)


@pytest.mark.parametrize("theme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
@pytest.mark.parametrize("view", ["conversation", "timeline", "calls"])
def test_everybody_can_use_it(chromium: Browser, site: Site, view: str, theme: str) -> None:
    """No serious finding of axe."""
    with looking(chromium, site, f"content of {TALKS}", color_scheme=theme) as talk:
        talk.go(f"{TRIP_URL}?view={view}")
        assert talk.breaches() == []


def test_without_a_script_it_can_be_read(chromium: Browser, site: Site) -> None:
    """All cards of the page, tools unfolded by the browser, the next page by a link."""
    with looking(chromium, site, f"content of {SHOP}", java_script_enabled=False) as talk:
        page = talk.page
        page.goto(talk.site.url + "/sessions/order-03")
        assert page.locator(".card").count() == 4
        page.get_by_role("link", name="Calls").click()
        assert page.locator(".calls tbody tr").count() == 4


@pytest.mark.parametrize("view", ["conversation", "timeline", "calls"])
def test_what_means_harm_is_text_in_a_session(talk: Looking, view: str) -> None:
    """Prompts, answers, names of tools, models and metadata: nothing executed, nothing fetched."""
    page = talk.go(f"/session?id={quote(WILD, safe='')}&view={view}")
    page.mouse.move(300, 500)
    assert not is_harmed(talk)
    assert page.locator("main a[href^='/logout'], main a[href^='data:']").count() == 0
    assert "<script>" in page.locator("main").inner_text()
    for details in page.locator("details.entry").all():
        details.locator("summary").click()
    assert not is_harmed(talk)
    assert len(page.content()) < 400_000
    assert page.evaluate("document.documentElement.scrollWidth") <= 1440


def test_a_million_characters_are_cut_and_one_click_away(talk: Looking) -> None:
    """The page stays small."""
    page = talk.go(f"/session?id={quote(WILD, safe='')}")
    note = page.locator(".note", has_text="more characters").first
    expect(note).to_contain_text("988,000 more characters")
    note.get_by_role("link", name="open trace").click()
    expect(page.locator("#panel")).to_be_visible()


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("<b>x</b>", '<p dir="auto">&lt;b&gt;x&lt;/b&gt;</p>\n'),
        ("[x](javascript:y)", '<p dir="auto">[x](javascript:y)</p>\n'),
        ("[x](JaVaScRiPt:y) [x](&#106;avascript:y) [x](data:text/html,y) [x](//y) [x](/logout)", None),
        ("<javascript:y> ![x](https://y/z.png)", None),
        ('```js" onload="y\nz\n```', None),
        ("[x]: javascript:y\n\n[x]", None),
        ("[" * 500 + "]" * 500, None),
    ],
)  # fmt: skip
def test_markdown_leads_nowhere_and_holds_no_html(written: str, shown: str | None) -> None:
    """Links to web and mail addresses alone; no pictures; no attribute that was not ours."""
    html = str(markdown(written))
    assert shown is None or html == shown
    tags = re.findall(r"<[^>]+>", html)
    assert not any(re.search(r"javascript:|data:|onload=\"|<img|<script|href=\"/", tag) for tag in tags), tags


@pytest.mark.parametrize(
    ("answered", "words"),
    [
        ("plain", "plain"),
        ([{"type": "text", "text": "a"}, {"type": "text", "content": "b"}], "a\n\nb"),
        ('[{"type": "text", "text": "a"}]', "a"),
        ('[{"type": "image"}]', '[{"type": "image"}]'),
        ('[{"broken', '[{"broken'),
        ({"n": 1}, '{"n":1}'),
        ([], "[]"),
        ([{"type": "text", "text": 7}], '[{"type":"text","text":7}]'),
    ],
)
def test_what_a_tool_answered_is_told_without_its_wrapping(answered: object, words: str) -> None:
    """Where it is one; anything else as it came."""
    assert answer_words(answered) == words


TWO_THOUSAND = 2_000


@pytest.fixture(scope="module")
def giants(site: Site) -> Site:
    if httpx.get(f"{site.url}/api/sessions/giant", headers={"x-api-key": f"content of {GIANTS}"}).status_code == 404:
        site.store(GIANTS, *many_traces("giant", TWO_THOUSAND))
    return site


@pytest.mark.slow
def test_two_thousand_traces_do_not_freeze_it(chromium: Browser, giants: Site) -> None:
    """Twenty are there at once; more come as one scrolls; the last is an address away."""
    with looking(chromium, giants, f"content of {GIANTS}") as giant:
        page = giant.go("/sessions/giant")
        assert page.locator(".card").count() == 20
        assert page.evaluate("performance.getEntriesByType('navigation')[0].domComplete") < 5_000
        page.locator(".more").scroll_into_view_if_needed()
        expect(page.locator(".card")).to_have_count(40)
        # What is out of sight is not laid out, so it has no inner text.
        assert page.locator(".card .number").last.text_content() == f"40/{TWO_THOUSAND}"
        giant.go(f"/sessions/giant?start={TWO_THOUSAND - 1}")
        assert giant.texts(".card .number") == [f"{n}/{TWO_THOUSAND}" for n in (TWO_THOUSAND - 1, TWO_THOUSAND)]
        assert "answer 2000" in page.locator("#trace-2000").inner_text()
        giant.go("/sessions/giant?view=timeline")
        assert page.locator(".timeline tbody tr").count() == 60
        page.locator(".more").scroll_into_view_if_needed()
        expect(page.locator(".timeline tbody tr")).to_have_count(120)
        giant.go("/sessions/giant?find=%22question+1777%22")
        assert giant.texts(".card .number") == [f"1777/{TWO_THOUSAND}"]


@pytest.mark.slow
def test_scrolling_through_hundreds_of_cards_stays_smooth(chromium: Browser, giants: Site) -> None:
    """No task of the page blocks it for long."""
    with looking(chromium, giants, f"content of {GIANTS}") as giant:
        page = giant.go("/sessions/giant")
        page.evaluate(
            "window.longest = 0; new PerformanceObserver(list => { for (const task of list.getEntries()) "
            "window.longest = Math.max(window.longest, task.duration); }).observe({type: 'longtask'})"
        )
        for count in range(40, 240, 20):
            page.locator(".more").scroll_into_view_if_needed()
            expect(page.locator(".card")).to_have_count(count)
        assert page.evaluate("window.longest") < 500
