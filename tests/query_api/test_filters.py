"""What each filter chooses, as a parameter and in a search; on a project that all of these tests share."""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from clickhouse_connect.driver import Client

from clickhouse.connect import Database
from query_api.times import rfc3339
from tests.clickhouse.stored import settle, store_scores
from tests.histories import SECOND_NS
from tests.query_api.asking import START_NS, Api, ids, serving, span, turn, unique


def said(text: str) -> str:
    return orjson.dumps([{"role": "user", "parts": [{"type": "text", "content": text}]}]).decode()


@pytest.fixture(scope="module")
def api(shared_database: Database, shared_client: Client, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with serving(shared_database, shared_client, unique("filters"), tmp_path_factory.mktemp("data")) as served:
        served.store(
            turn(
                session_id="a", user_id="ada", at=0, seconds=2, cost_usd=1, input_tokens=10, output_tokens=5,
                response_model="gpt-4o-2024", service="web", environment="prod", tags=["vip", "blue"],
                agent_name="planner", release="1.0", prompt_name="greet", metadata={"plan": "pro", "team": "x"},
                input_messages=said('He said "Grüße" in Paris'), name="ask",
            ),
            turn(
                session_id="b", user_id="bob", at=100, seconds=10, cost_usd="0.5", input_tokens=1, output_tokens=1,
                service="api", environment="dev", tags=["blue"], metadata={"plan": "free"}, failed=True,
                output_messages=said("今日は天気がいいですね"), name="chat",
            ),
            span(session_id="c", user_id="ada", at=200, seconds=60, call_kind="tool", tool_name="search",
                 tool_arguments='{"city": "PARIS", "path": "sync/city_queue.py"}', name="ask"),
            turn(session_id="d", at=300, metadata={"plan": "pro"}, input_messages=said("Paris, long gone"),
                 content_until=1_000_000_000),
            span(session_id="d", at=310, input_preview="hello"),
            span(session_id="", at=400, input_preview="Paris"),
        )  # fmt: skip
        yield served


Asked = dict[str, Any]

BOTH_WAYS: list[tuple[Asked, str, str]] = [
    ({"session_id": "a"}, "session:a", "a"),
    ({"user_id": "ada"}, "user:ada", "ac"),
    ({"user_id": "Ada"}, "user:Ada", ""),
    ({"status": "error"}, "status:error", "b"),
    ({"min_turns": 1}, "turns:>0", "abd"),
    ({"max_turns": 0}, "turns:0", "c"),
    ({"min_cost": "0.5", "max_cost": "0.9"}, "cost:0.5..0.9", "b"),
    ({"min_cost": "0.6"}, "cost:>0.5", "a"),
    ({"min_tokens": 15}, "tokens:15", "a"),
    ({"max_tokens": 2}, "tokens:<=2", "bcd"),
    ({"min_duration": "10s"}, "duration:>=10s", "bcd"),
    ({"max_duration": "2000"}, "duration:<2001", "a"),
    ({"model": "gpt-4o"}, "model:gpt-4o", "abd"),
    ({"model": "gpt-4o-2024"}, "model:gpt-4o-2024", "a"),
    ({"service": "web"}, "service:web -service:x", "a"),
    ({"environment": "prod"}, "env:prod environment:prod", "a"),
    ({"tag": "blue"}, "tag:blue", "ab"),
    ({"tool": "search"}, "tool:search", "c"),
    ({"agent": "planner"}, "agent:planner", "a"),
    ({"release": "1.0"}, "release:1.0", "a"),
    ({"prompt": "greet"}, "prompt:greet", "a"),
    ({"metadata.plan": "pro"}, "meta.plan:pro", "ad"),
    ({"metadata.plan": "pro", "metadata.team": "x"}, "meta.plan:pro meta.team:x", "a"),
    ({"metadata.team": "pro"}, "meta.team:pro", ""),
    ({"text": "paris"}, "paris", "ac"),
    ({"text": 'SAID "GRÜßE"'}, r'"said \"grüße\""', "a"),
    ({"text": "天気"}, "天気", "b"),
    ({"text": "queue"}, "queue", "c"),
    ({"text": "city_queue.py"}, '"sync/city_queue.py"', "c"),
]
PARAMETERS: list[tuple[Asked, str]] = [
    ({"service": ["web", "api"]}, "ab"),
    ({}, "abcd"),
    ({"session_id": [" a ", "b"]}, "ab"),
    ({"session_id_prefix": ["a", "c"]}, "ac"),
    ({"user_id": ["ada", "bob"]}, "abc"),
    ({"status": ["error", "ok"]}, "abcd"),
    ({"tag": ["vip", "blue"]}, "ab"),
    ({"metadata.plan": ["pro", "free"]}, "abd"),
    ({"text": ["天気", "paris"]}, "abc"),
    ({}, "abcd"),
]
SEARCHES: list[tuple[str, str]] = [
    ("-session:a -session:b", "cd"),
    ("session:a session:b", ""),
    ("-user:ada", "bd"),
    ("-status:error", "acd"),
    ("status:error status:ok", ""),
    ("-turns:0", "abd"),
    ("-cost:>0.5", "bcd"),
    ("spans:2 traces:2 errors:0", "d"),
    ("-model:gpt-4o-2024", "bcd"),
    ("tag:blue tag:vip", "a"),
    ("tag:blue -tag:vip", "b"),
    ("-meta.plan:pro", "bc"),
    ("name:ask", "acd"),
    ("-name:chat", "acd"),
    ("paris grüße", "a"),
    ("paris 天気", ""),
    ("-paris", "bd"),
    ("-gone metadata", ""),
    ("grü", "a"),
    ("pari", ""),
    ('"in paris"', "a"),
    ("paris user:ada tool:search", "c"),
]
CASES = [
    *((asked, expected) for asked, _, expected in BOTH_WAYS),
    *(({"q": search}, expected) for _, search, expected in BOTH_WAYS),
    *PARAMETERS,
    *(({"q": search}, expected) for search, expected in SEARCHES),
]


@pytest.mark.parametrize(("asked", "expected"), CASES, ids=str)
def test_a_filter_chooses(api: Api, asked: Asked, expected: str) -> None:
    """Exactly these sessions, and it counts them."""
    found = api.get("/api/sessions", sort="started_at", order="asc", **asked)
    assert "".join(ids(found)) == expected
    assert found["total"] == len(expected)


@pytest.mark.parametrize(
    ("from_s", "to_s", "expected"),
    [(None, 0, ""), (None, 1, "a"), (2, None, "abcd"), (3, 100, ""), (3, 101, "b"), (110, 201, "bc"), (312, None, "")],
)
def test_a_range_of_time_chooses_who_was_active_in_it(
    api: Api, from_s: int | None, to_s: int | None, expected: str
) -> None:
    """Sessions that overlap [from, to), to the nanosecond, as parameters and as a search."""
    params = {
        name: rfc3339(START_NS + seconds * SECOND_NS)
        for name, seconds in (("from", from_s), ("to", to_s))
        if seconds is not None
    }
    search = " ".join(f"{'since' if name == 'from' else 'until'}:{value}" for name, value in params.items())
    for asked in (params, {"q": search}):
        assert "".join(ids(api.get("/api/sessions", sort="started_at", order="asc", **asked))) == expected


def test_relative_times_are_relative_to_the_first_page(api: Api) -> None:
    """However long somebody takes to turn the pages."""
    first = api.get("/api/sessions", from_="24h", limit=2, q="since:2h")
    second = api.get("/api/sessions", from_="24h", limit=2, q="since:2h", cursor=first["next_cursor"])
    assert (ids(first), ids(second)) == (["d", "c"], ["b", "a"])
    assert second["as_of"] == first["as_of"]


@pytest.mark.parametrize(
    ("params", "field", "position"),
    [
        ({"q": "cost:>x"}, "q", 6),
        ({"from": "yesterday"}, "from", None),
        ({"to": "5"}, "to", None),
        ({"tz": "Mars/Olympus"}, "tz", None),
        ({"tz": "../../etc/passwd"}, "tz", None),
        ({"min_turns": "-1"}, "min_turns", None),
        ({"min_cost": "NaN"}, "min_cost", None),
        ({"min_cost": "1e3000"}, "min_cost", None),
        ({"min_duration": "fast"}, "min_duration", None),
        ({"status": "bad"}, "status.0", None),
        ({"sort": "spans; DROP TABLE spans"}, "sort", None),
        ({"order": "up"}, "order", None),
        ({"limit": "0"}, "limit", None),
        ({"limit": "201"}, "limit", None),
        ({"text": " "}, "text", None),
        ({"q": "a b c d e f g h i"}, "text", None),
        ({"q": "a !"}, "text", None),
        ({"metadata.": "x"}, "metadata.", None),
        ({"score.x": [">1", "<2"]}, "score.x", None),
        ({"model": ["m"] * 101}, "model", None),
        ({"model": "m" * 9000}, "model.0", None),
    ],
)
def test_bad_input_is_named(api: Api, params: Asked, field: str, position: int | None) -> None:
    """422, with the field and, in a search, the character."""
    response = api.ask("/api/sessions", params=params)
    assert response.status_code == 422, response.text
    [error] = response.json()["errors"]
    assert (error["field"], error["position"]) == (field, position)


def test_words_need_the_content_scope(api: Api) -> None:
    """What was said could be guessed from what is found."""
    for params in ({"text": "paris"}, {"q": "paris"}, {"q": "-paris"}):
        assert api.ask("/api/sessions", "read", params=params).status_code == 403
    assert api.ask("/api/sessions", "read", params={"q": "user:ada"}).status_code == 200


@pytest.mark.parametrize("path", ["/api/aggregates", "/api/users", "/api/facets", "/api/outliers", "/users"])
def test_words_choose_what_is_added_up(api: Api, path: str) -> None:
    """As in the list: for those who may read content; and then it is written down."""
    searches = [{"text": "paris"}, {"q": "paris"}, {"q": "-paris"}]
    assert [api.ask(path, "read", params=params).status_code for params in searches] == [403, 403, 403]
    assert [api.ask(path, params=params).status_code for params in [*searches, {}]] == [200, 200, 200, 200]
    lines = [orjson.loads(line)["subject"] for line in (api.data_dir / "audit.jsonl").read_text().splitlines()]
    written = [line for line in lines if line.partition("?")[0] == path]
    assert written == [f"{path}?text=paris", f"{path}?q=paris", f"{path}?q=-paris"]


def test_sums_are_of_what_words_find(api: Api) -> None:
    """Of two sessions that Paris was spoken of in, both ada's."""
    assert api.get("/api/aggregates", q="paris")["totals"]["sessions"] == 2
    assert [user["user_id"] for user in api.get("/api/users", q="paris")["items"]] == ["ada"]


def test_scores_filter_by_mean_and_by_label(api: Api) -> None:
    """A comparison meets the mean, a word the labels."""
    store_scores(
        api.database,
        [
            {"project_id": api.project, "session_id": "b", "score_id": "1", "name": "help", "value": 0.5},
            {"project_id": api.project, "session_id": "b", "score_id": "2", "name": "help", "value": 1.0},
            {"project_id": api.project, "session_id": "c", "score_id": "3", "name": "vote", "label": "up"},
        ],
    )
    api.database.insert("session_changes", [[api.project, each] for each in "bc"], ["project_id", "session_id"])
    settle(api.database)
    assert api.get("/api/sessions/b")["session"]["scores"] == {"help": {"count": 2, "mean": 0.75, "labels": {}}}
    assert api.get("/api/sessions/c")["session"]["scores"] == {"vote": {"count": 1, "mean": None, "labels": {"up": 1}}}
    for asked, expected in (
        ({"score.help": ">=0.75"}, ["b"]),
        ({"score.help": ">0.75"}, []),
        ({"score.vote": ["up", "down"]}, ["c"]),
        ({"q": "score.help:0.7..0.8"}, ["b"]),
        ({"q": "-score.vote:up"}, ["d", "b", "a"]),
    ):
        assert ids(api.get("/api/sessions", sort="started_at", **asked)) == expected
