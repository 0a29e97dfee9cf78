"""Pages as they are sent: who gets one, under which policy, at which address. What they do is for a browser to tell."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from clickhouse_connect.driver import Client

from clickhouse.connect import Database
from query_api.ui import assets
from query_api.ui.pages import templates
from tests.query_api.asking import Api, serving, turn
from tests.query_api.test_feedback import give

BROWSER = {"accept": "text/html,application/xhtml+xml"}
PATHS = ("/", "/sessions", "/users", "/costs", "/diagnostics", "/login")
PACKAGES = Path(assets.__file__).parent
INLINE = re.compile(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=|javascript:", re.IGNORECASE)


def test_every_page_says_that_nothing_but_its_own_files_may_run(api: Api) -> None:
    """No inline script, no inline style; no address but ours in any template or style."""
    for path in PATHS:
        response = api.ask(path, headers=BROWSER)
        assert response.status_code == 200, path
        policy = response.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'"), path
        assert "unsafe" not in policy
        assert response.headers["cache-control"] == "no-store"
        assert INLINE.search(response.text) is None, path
    for name in templates().list_templates():
        assert "://" not in (PACKAGES / "templates" / name).read_text().replace("http://www.w3.org", ""), name


def test_browsers_are_led_to_the_door_and_programs_are_told(api: Api) -> None:
    """With where they wanted to go; programs and the API still answer in JSON."""
    api.client.headers.clear()
    led = api.client.get("/users?sort=cost_usd", headers=BROWSER, follow_redirects=False)
    assert (led.status_code, led.headers["location"]) == (303, "/login?next=%2Fusers%3Fsort%3Dcost_usd")
    assert api.client.get("/users").headers["content-type"] == "application/problem+json"
    assert api.client.get("/api/users", headers=BROWSER).headers["content-type"] == "application/problem+json"


def test_a_form_logs_in_and_the_cookie_reads(api: Api) -> None:
    """Sent on to a page of ours, never elsewhere; a wrong key is told on the same page."""
    form = {"key": f"content of {api.project}", "next": "/users"}
    answer = api.client.post("/login", data=form, headers=BROWSER, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/users")
    assert api.client.get("/users", headers=BROWSER).status_code == 200
    for elsewhere in ("//evil", "https://evil", "/\\evil"):
        form = {"key": f"content of {api.project}", "next": elsewhere}
        assert api.client.post("/login", data=form, follow_redirects=False).headers["location"] == "/"
    wrong = api.client.post("/login", data={"key": "wrong"}, headers=BROWSER)
    assert wrong.status_code == 401
    assert "No key that may read looks like this" in wrong.text


def test_what_is_wrong_is_told_in_place(api: Api) -> None:
    """A mistake in the filter beside the filter, with its status; what does not exist as a page."""
    wrong = api.ask("/sessions", headers=BROWSER, params={"q": "cost:x"})
    assert wrong.status_code == 422
    assert "<mark>x</mark>" in wrong.text
    assert "an amount of US dollars was expected" in wrong.text
    assert api.ask("/users", headers=BROWSER, params={"min_cost": "x"}).status_code == 422
    assert api.ask("/costs", headers=BROWSER, params={"from": "soon"}).status_code == 422
    for path in ("/nowhere", "/users/nobody", "/user?id=nobody"):
        response = api.ask(path, headers=BROWSER)
        assert response.status_code == 404, path
        assert response.text.startswith("<!doctype html>"), path


def test_a_database_away_is_a_page_that_says_so(
    shared_database: Database, shared_client: Client, project: str, data_dir: Path
) -> None:
    """With when to come back."""
    with serving(replace(shared_database, port=1), shared_client, project, data_dir) as api:
        response = api.ask("/", headers=BROWSER)
        assert response.status_code == 503
        assert response.headers["retry-after"]
        assert "The database does not answer" in response.text


def test_addresses_are_told_without_what_was_left_empty(api: Api) -> None:
    """As a form sends it."""
    answer = api.ask("/sessions?user_id=&tag=a%26b&q=", headers=BROWSER, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sessions?tag=a%26b")


def test_files_are_kept_for_ever_under_an_address_of_their_content(api: Api) -> None:
    """Without a key; nothing else of the folder or above it is served."""
    api.client.headers.clear()
    kept = api.client.get(assets.address("base.css"))
    assert (kept.status_code, kept.headers["content-type"]) == (200, "text/css; charset=utf-8")
    assert "immutable" in kept.headers["cache-control"]
    assert "immutable" not in api.client.get("/static/base.css").headers["cache-control"]
    for path in ("/static/../pages.py", "/static/%2e%2e/pages.py", "/static/vendor/htmx.LICENSE", "/static/"):
        assert api.client.get(path).status_code == 404, path


def test_each_library_comes_with_its_licence() -> None:
    """Beside it."""
    vendored = sorted((PACKAGES / "static" / "vendor").glob("*.js"))
    assert [path.name for path in vendored] == ["htmx.min.js", "uplot.min.js"]
    for path in vendored:
        assert "THE SOFTWARE IS PROVIDED" in path.with_name(f"{path.name.split('.')[0]}.LICENSE").read_text()


def test_the_range_is_the_last_days_unless_all_is_asked_for(api: Api) -> None:
    """What is older is found under any time."""
    api.store(turn(session_id="new"), turn(session_id="old", at=-20 * 86_400))
    assert "/sessions/old" not in api.ask("/", headers=BROWSER).text
    assert "/sessions/new" in api.ask("/", headers=BROWSER).text
    assert "/sessions/old" in api.ask("/?from=all", headers=BROWSER).text


def test_pages_lead_to_their_dashboards(
    shared_database: Database, shared_client: Client, project: str, data_dir: Path
) -> None:
    """Of the project, the session, the trace; nowhere, where no Grafana is known."""
    there = "https://grafana.example/g"
    with serving(shared_database, shared_client, project, data_dir, grafana_url=there) as api:
        given = turn(session_id="a&b")
        api.store(given)
        trace = f"/traces/{given['trace_id']}"
        places = {"/sessions/a%26b": "session", trace: "session", "/costs": "costs", "/": "overview"}
        for path, dashboard in places.items():
            found = re.search(rf'href="{there}/d/genai-sessions-{dashboard}/([^"]+)"', api.ask(path).text)
            assert found is not None, path
            assert f"var-project={project}" in found[1]
            assert ("var-session=a%26b" in found[1]) is (dashboard == "session")
            assert (f"var-trace={given['trace_id']}" in found[1]) is (path == trace)
    with serving(shared_database, shared_client, project, data_dir) as api:
        assert "Grafana" not in api.ask("/sessions/a%26b").text


def test_scores_stand_on_the_page_of_their_session(api: Api) -> None:
    """Each with its value or its label, of what it is, and what was said with it; folded where there are many."""
    scored = turn(session_id="s")
    api.store(scored)
    give(api, session_id="s", name="help", value=0.25)
    give(api, trace_id=scored["trace_id"], name="vote", value="down", comment="<b>wrong</b>")
    give(api, span_id=scored["span_id"], name="style", value="dry")
    page = api.ask("/sessions/s").text
    table = page.partition('<details class="scores" open>')[2].partition("</details>")[0]
    rows = [re.sub(r"<time.*?</time>|<[^>]+>", " ", row).split() for row in table.split("<tr>")[2:]]
    assert rows == [
        ["style", "dry", "call", "in", "trace", "1"],
        ["vote", "down", "trace", "1", "&lt;b&gt;wrong&lt;/b&gt;"],
        ["help", "0.25", "session"],
    ]
    assert f'/traces/{scored["trace_id"]}?span={scored["span_id"]}"' in table
    assert "wrong" not in api.ask("/sessions/s", "read").text
    for number in range(3):
        give(api, session_id="s", name="help", value=number)
    assert '<details class="scores">' in api.ask("/sessions/s").text


def test_made_up_conversations_say_so_in_every_list(api: Api) -> None:
    """Beside their ids, and beside no other."""
    api.store(turn(session_id="made", user_id="u", tags=["demo-data"]), turn(session_id="real", user_id="u"))
    for path in ("/sessions", "/users/u", "/costs?part=sums"):
        page = api.ask(path).text
        assert page.count('class="demo"') == 1, path
        assert page.index("/sessions/made") < page.index('class="demo"'), path


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "nowhere", "../../etc/passwd", ""])
def test_a_day_is_the_viewers(api: Api, zone: str) -> None:
    """As the browser told in a cookie; nonsense counts as UTC."""
    page = api.ask("/", headers=BROWSER | {"cookie": f"zone={zone}"}).text
    assert f'data-zone="{"Asia/Tokyo" if zone == "Asia/Tokyo" else "UTC"}"' in page
