"""The list of sessions, and one of them."""

from collections.abc import Iterator
from typing import get_args

import pytest
from clickhouse_connect.driver import Client

from clickhouse.connect import Database
from query_api.queries import SessionSort
from tests.query_api.asking import KEY_OF_ALL, Api, ids, path_of, serving, span, turn, unique

ODD_IDS = (
    "a/calls",
    "..",
    "../../etc/passwd",
    "a/../b",
    "? # % & =",
    "100%",
    "%2F",
    "späte Nacht 🌙",
    "مرحبا",
    "' OR 1=1 --",
    "{x:String}",
    "a\\b\t\nc",
    "+",
    "<img src=x onerror=alert(1)>",
    "x" * 1024,
)


def test_a_session_has_every_field(api: Api) -> None:
    """The shape of API.md, with the numbers that SEMANTICS gives."""
    api.store(
        turn(session_id="s", user_id="u", input_tokens=7, output_tokens=3, service="web", tags=["b", "a"], seconds=2)
    )
    [session] = api.get("/api/sessions")["items"]
    assert session.pop("started_at").endswith("000Z")
    assert session.pop("last_active_at").endswith("000Z")
    assert session == {
        "session_id": "s",
        "project": api.project,
        "user_id": "u",
        "user_ids": ["u"],
        "duration_ms": 2000,
        "active_ms": 2000,
        "traces": 1,
        "spans": 1,
        "turns": 1,
        "tool_calls": 0,
        "embeddings": 0,
        "input_tokens": 7,
        "output_tokens": 3,
        "total_tokens": 10,
        "cache_read_tokens": 0,
        "cache_write_tokens": 0,
        "reasoning_tokens": 0,
        "cost_usd": None,
        "unpriced_turns": 1,
        "errors": 0,
        "error_traces": 0,
        "error_rate": 0,
        "status": "ok",
        "avg_turn_ms": 2000,
        "p95_turn_ms": 2000,
        "avg_trace_ms": 2000,
        "first_token_ms": None,
        "models": ["gpt-4o"],
        "services": ["web"],
        "environments": [],
        "tags": ["a", "b"],
        "tools": [],
        "agents": [],
        "releases": [],
        "prompts": [],
        "metadata": {},
        "more": {},
        "scores": {},
        "unpriced_usage": False,
        "input_preview": None,
        "output_preview": None,
        "url": "/sessions/s",
    }


def test_the_latest_session_comes_first(api: Api) -> None:
    """Without a sort the list is by last activity, descending, and says how many there are."""
    api.store(*(span(session_id=name, at=at) for at, name in enumerate("abc")))
    page = api.get("/api/sessions", limit=2)
    assert ids(page) == ["c", "b"]
    assert page["total"] == 3


@pytest.fixture(scope="module")
def seven(shared_database: Database, shared_client: Client, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """Seven sessions with ties and nulls."""
    with serving(shared_database, shared_client, unique("seven"), tmp_path_factory.mktemp("data")) as api:
        costs, waits = (None, 1, 2), (5, None)
        api.store(
            *(
                turn(session_id=f"s{n}", at=n % 3, cost_usd=costs[n % 3], first_token_ns=waits[n % 2], failed=n == 1)
                for n in range(7)
            )
        )
        yield api


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("sort", get_args(SessionSort))
def test_pages_hold_every_session_once_in_order(seven: Api, sort: str, order: str) -> None:
    """By any key, nulls last in both directions, ties by id, nothing repeated or skipped."""
    pages = list(seven.pages("/api/sessions", sort=sort, order=order, limit=2))
    listed = [item for page in pages for item in page["items"]]
    assert sorted(item["session_id"] for item in listed) == [f"s{n}" for n in range(7)]
    assert [page["total"] for page in pages] == [7, 7, 7, 7]
    sign = -1 if order == "desc" else 1
    assert listed == seven.get("/api/sessions", sort=sort, order=order)["items"]
    keys = [_sort_key(item, sort, sign) for item in listed]
    assert keys == sorted(keys)


def _sort_key(item: dict[str, object], sort: str, sign: int) -> tuple[bool, float, object]:
    value = item[sort]
    if isinstance(value, str):
        digits = int("".join(character for character in value if character.isdigit()))
        return (False, sign * digits, item["session_id"])
    assert value is None or isinstance(value, int | float)
    return (value is None, 0 if value is None else sign * value, item["session_id"])


def test_pages_do_not_move_while_sessions_arrive(api: Api) -> None:
    """What did not change is neither repeated nor skipped, whatever comes before, between and behind."""
    api.store(*(span(session_id=f"s{n}", at=n) for n in range(6)))
    first = api.get("/api/sessions", limit=3)
    api.store(span(session_id="new", at=50), span(session_id="old", at=-50))
    second = api.get("/api/sessions", limit=3, cursor=first["next_cursor"])
    assert ids(first) == ["s5", "s4", "s3"]
    assert ids(second) == ["s2", "s1", "s0"]
    assert (second["total"], second["as_of"]) == (first["total"], first["as_of"])


def test_a_cursor_belongs_to_one_list(api: Api) -> None:
    """With another filter, sort or project, or with a letter changed, it is refused by name."""
    api.store(*(span(session_id=f"s{n}") for n in range(3)))
    cursor = api.get("/api/sessions", limit=1)["next_cursor"]
    for others in (
        {"sort": "turns"},
        {"model": "x"},
        {"project": f"{api.project}-other"},
    ):
        response = api.ask("/api/sessions", params=others | {"cursor": cursor}, headers=KEY_OF_ALL)
        assert response.status_code in (404, 422)
    for broken in (cursor[:-1], cursor[:-2] + "AA", "x", "", "é", "A" * 20_000):
        response = api.ask("/api/sessions", params={"cursor": broken})
        assert response.status_code == 422
        assert response.json()["errors"][0]["field"] == "cursor"


def test_any_id_is_found(api: Api) -> None:
    """In the path, percent-encoded once, and as a filter."""
    api.store(*(span(session_id=session_id) for session_id in ODD_IDS))
    for session_id in ODD_IDS:
        listed = api.get("/api/sessions", session_id=session_id)
        assert ids(listed) == [session_id]
        if ".." not in session_id.replace("\\", "/").split("/"):
            assert api.get(path_of(session_id))["session"] == listed["items"][0]


def test_an_unknown_session_is_404(api: Api) -> None:
    """As a problem with a sentence."""
    response = api.ask("/api/sessions/nobody")
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["title"] == "Not Found"


def test_previews_need_the_content_scope(api: Api) -> None:
    """With read alone they are null."""
    api.store(turn(session_id="s", input_preview="hi", output_preview="ho"))
    for scope, expected in (("read", (None, None)), ("content", ("hi", "ho"))):
        session = api.get("/api/sessions/s", scope)["session"]
        assert (session["input_preview"], session["output_preview"]) == expected


def test_lists_are_cut_and_counted(api: Api) -> None:
    """The 100 smallest of each, and how many more there are."""
    tags = [f"t{n:03}" for n in range(120)]
    api.store(span(session_id="s", tags=tags, metadata={"plan": "pro", "team": "a"}))
    session = api.get("/api/sessions/s")["session"]
    assert session["tags"] == tags[:100]
    assert session["more"] == {"tags": 20}
    assert session["metadata"] == {"plan": ["pro"], "team": ["a"]}


def test_unknown_parameters_are_refused_by_name(api: Api) -> None:
    """A typo never silently widens a query."""
    for name in ("min_turn", "metadata", "metadata.", "Limit"):
        response = api.ask("/api/sessions", params={name: "1"})
        assert response.status_code == 422
        assert [error["field"] for error in response.json()["errors"]] == [name]


def test_what_has_not_changed_is_not_sent_again(api: Api) -> None:
    """If-None-Match answers 304, also though time has passed."""
    api.store(span(session_id="s"))
    for path in ("/api/sessions", "/api/sessions/s"):
        first = api.ask(path)
        again = api.ask(path, headers={"if-none-match": f'"other", {first.headers["etag"]}'})
        assert (again.status_code, again.content) == (304, b"")
