"""Users: the list, and one of them with their sessions."""

from urllib.parse import quote

from tests.clickhouse.stored import settle
from tests.query_api.asking import KEY_OF_ALL, Api, ids, span, turn


def store_users(api: Api) -> None:
    shared = turn(session_id="both", user_id="ada", at=0, cost_usd=1, input_tokens=2, response_id="1")
    api.store(
        shared,
        turn(
            session_id="both", trace_id=shared["trace_id"], user_id="bob", at=2, output_tokens=5, failed=True,
            response_id="2",
        ),
        turn(session_id="hers", user_id="ada", at=100, cost_usd=2),
        turn(session_id="nobody's", at=200),
        turn(user_id="eve", at=300),
    )  # fmt: skip


def test_users_add_up_their_own_calls(api: Api) -> None:
    """Also where they share a session and a trace; the latest first."""
    store_users(api)
    ada, bob = api.get("/api/users")["items"]
    assert {name: ada[name] for name in ("user_id", "sessions", "traces", "turns", "cost_usd", "errors", "url")} == {
        "user_id": "ada",
        "sessions": 2,
        "traces": 2,
        "turns": 2,
        "cost_usd": 3,
        "errors": 0,
        "url": "/users/ada",
    }
    assert bob == {
        "user_id": "bob",
        "sessions": 1,
        "traces": 1,
        "turns": 1,
        "input_tokens": 0,
        "output_tokens": 5,
        "total_tokens": 5,
        "cache_read_tokens": 0,
        "cache_write_tokens": 0,
        "reasoning_tokens": 0,
        "cost_usd": None,
        "errors": 1,
        "started_at": bob["started_at"],
        "last_active_at": bob["last_active_at"],
        "url": "/users/bob",
    }


def test_users_sort_page_and_filter(api: Api) -> None:
    """By any number, nulls last; a filter chooses the sessions that count."""
    store_users(api)
    assert [ids(page, "user_id") for page in api.pages("/api/users", sort="cost_usd", limit=1)] == [["ada"], ["bob"]]
    assert ids(api.get("/api/users", sort="cost_usd", order="asc"), "user_id") == ["ada", "bob"]
    assert api.get("/api/users", limit=1)["total"] == 2
    [ada] = api.get("/api/users", q="session:hers")["items"]
    assert (ada["user_id"], ada["cost_usd"]) == ("ada", 2)


def test_a_user_comes_with_their_sessions(api: Api) -> None:
    """A page of them, the latest first."""
    store_users(api)
    found = api.get("/api/users/ada", limit=1)
    assert (found["user"]["turns"], ids(found["sessions"]), found["sessions"]["total"]) == (2, ["hers"], 2)
    rest = api.get("/api/users/ada", limit=1, cursor=found["sessions"]["next_cursor"])
    assert ids(rest["sessions"]) == ["both"]
    assert api.ask("/api/users/nobody").status_code == 404


def test_any_user_id_can_be_asked_for(api: Api) -> None:
    """In the path, or as a parameter where a path would not survive."""
    user_ids = ("a/b", "..", "ü ?#%", "x/../y", "user_id", "a\tb\n\\")
    api.store(*(span(session_id="session_id", user_id=user_id) for user_id in user_ids))
    for user_id in user_ids:
        assert api.get("/api/user", id=user_id)["user"]["user_id"] == user_id
        if ".." not in user_id:
            assert api.get(f"/api/users/{quote(user_id, safe='')}")["user"]["user_id"] == user_id


def test_a_deleted_user_is_gone(alone: Api) -> None:
    """With all their spans; what others said stays."""
    store_users(alone)
    assert alone.ask("/api/users/ada", "content", method="DELETE").status_code == 403
    response = alone.ask("/api/users/ada", "admin", method="DELETE")
    assert (response.status_code, response.json()) == (202, {"deleted": {"spans": 2, "traces": 2}})
    settle(alone.database)
    assert ids(alone.get("/api/users"), "user_id") == ["bob"]
    assert alone.ask("/api/user", "admin", method="DELETE", params={"id": "bob"}).json()["deleted"]["spans"] == 1


def test_addresses_name_a_project_that_is_not_the_first(api: Api) -> None:
    """So that a link leads where it came from."""
    store_users(api)
    key = KEY_OF_ALL
    assert api.ask("/api/users/ada", headers=key).json()["user"]["url"] == "/users/ada"
    other = f"{api.project}-other"
    api.store_in(other, span(session_id="s", user_id="u"))
    found = api.ask("/api/users/u", headers=key, params={"project": other}).json()
    assert found["user"]["url"] == f"/users/u?project={other}"
    assert found["sessions"]["items"][0]["url"] == f"/sessions/s?project={other}"
