"""What somebody sent to do harm is text on every page: nothing of it is executed, fetched, or obeyed."""

from urllib.parse import quote

import pytest

from tests.pages.browsing import Looking
from tests.pages.stories import HARM, IMAGE, LINK, RIGHT_TO_LEFT, SCRIPT

EVERY_COLUMN = "&".join(
    f"columns={name}"
    for name in ("session", "user", "models", "services", "environments", "tags", "tools", "said", "cost")
)


def is_harmed(looks: Looking) -> bool:
    found: bool = looks.page.evaluate(
        "window.harmed !== undefined || document.querySelector('main img, main script, main iframe, main [onerror], "
        'main [onmouseover], main a[href^="javascript:" i]\') !== null'
    )
    return found


@pytest.mark.parametrize("path", [f"/?{EVERY_COLUMN}", "/users", "/costs", "/diagnostics"])
def test_it_is_shown_as_text(wary: Looking, path: str) -> None:
    """In every column and every group."""
    page = wary.go(path)
    page.mouse.move(300, 400)
    assert not is_harmed(wary)
    assert page.locator("tbody tr").count() >= len(HARM)
    assert "{{ 7 * 7 }}" in page.content()
    assert "49" not in page.locator("tbody").first.inner_text()


@pytest.mark.parametrize("harm", HARM, ids=range(len(HARM)))
def test_it_can_be_looked_for_and_opened(wary: Looking, harm: str) -> None:
    """As a filter, in the search, as an address: each finds its one, and shows what was asked for as text."""
    wary.allowed.append("422")
    page = wary.go(f"/sessions?user_id={quote(harm + ' user', safe='')}&model={quote(harm + ' model', safe='')}")
    assert page.locator("[data-rows] tr").count() == 1
    assert not is_harmed(wary)
    wary.go(f"/sessions?q={quote(harm, safe='')}")
    assert not is_harmed(wary)
    page.goto(wary.site.url + "/users")
    address = page.locator("[data-rows] a").nth(HARM.index(harm)).get_attribute("href")
    assert address is not None
    wary.go(address)
    assert page.locator("h1").count() == 1
    assert not is_harmed(wary)


def test_control_characters_are_seen_and_directions_stay_inside(wary: Looking) -> None:
    """An escape sequence as a picture of itself; text from right to left within its cell."""
    page = wary.go("/")
    shown = page.locator("tbody").inner_text()
    assert "␛[31mred" in shown
    assert "\x1b" not in shown
    turned = page.locator(".said bdi", has_text=RIGHT_TO_LEFT[-4:]).first
    assert turned.evaluate("node => getComputedStyle(node).unicodeBidi") == "isolate"


def test_hints_and_menus_show_it_as_text(wary: Looking) -> None:
    """What the script puts into the page came from the same people."""
    page = wary.go("/")
    page.locator("#q").fill("model:")
    page.locator(".hint").first.wait_for()
    page.keyboard.press("Escape")
    page.locator("summary", has_text="Model").click()
    page.locator(".facet a").first.wait_for()
    assert any(SCRIPT in text for text in wary.texts(".facet a"))
    assert any(IMAGE in text for text in wary.texts(".facet a"))
    assert not is_harmed(wary)


def test_the_policy_would_stop_what_escaped(wary: Looking) -> None:
    """Even a tag that got into the page does nothing: no inline script, no picture from elsewhere, no such link."""
    wary.allowed += ["Content Security Policy", "fetched"]
    page = wary.go("/")
    page.evaluate(
        f"""() => {{
            const harm = document.createElement("div");
            harm.innerHTML = '<img src="x:y" onerror="window.harmed = 1"><a id="harm" href="{LINK}">x</a>';
            document.body.append(harm);
            const script = document.createElement("script");
            script.textContent = "window.harmed = 1";
            document.body.append(script);
            document.getElementById("harm").click();
        }}"""
    )
    page.wait_for_timeout(200)
    assert page.evaluate("window.harmed") is None
