"""Sums over calls: groups, totals, how they are spread; who stands out; what may be filtered by."""

from typing import Any

import pytest

from query_api.times import rfc3339
from tests.histories import SECOND_NS
from tests.query_api.asking import Api, span, turn

DAY = 86_400
NOON_NS = 1_790_000_000 * SECOND_NS // (DAY * SECOND_NS) * (DAY * SECOND_NS) + DAY // 2 * SECOND_NS
"""Noon of some day."""


def at(seconds: float) -> dict[str, int]:
    start_ns = NOON_NS + int(seconds * SECOND_NS)
    return {"started_at": start_ns, "ended_at": start_ns + SECOND_NS}


def store_some(api: Api) -> None:
    shared = turn(session_id="a", user_id="ada", service="web", cost_usd=1, input_tokens=10, **at(0), response_id="1")
    api.store(
        shared | {"tags": ["x", "y"]},
        turn(
            session_id="a", trace_id=shared["trace_id"], user_id="bob", service="api", response_model="m2",
            output_tokens=4, failed=True, **at(DAY), response_id="2",
        ),
        turn(session_id="b", cost_usd=3, input_tokens=2, environment="prod", metadata={"plan": "pro"}, **at(10)),
        span(session_id="b", **at(20)),
        turn(cost_usd=100, **at(30)),
    )  # fmt: skip


def groups(api: Api, *names: str, **asked: Any) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    """Numbers by key."""
    found = api.get("/api/aggregates", **asked)["groups"]
    return {tuple(group["key"].values()): tuple(group[name] for name in names) for group in found}


@pytest.mark.parametrize("few", [0, 1_000])
def test_sums_of_chosen_sessions_do_not_depend_on_how_many_they_are(
    api: Api, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    """A few are looked up by their ids, many are found among all half hours; the range may cut them either way."""
    monkeypatch.setattr("query_api.db.FEW", few)
    store_some(api)
    asked = {"user_id": "ada", "group_by": "day"}
    both = {("2026-09-21",): (1, 1, 1, 10), ("2026-09-22",): (1, 1, None, 0)}
    names = ("sessions", "traces", "cost_usd", "input_tokens")
    assert groups(api, *names, **asked) == both
    assert groups(api, *names, **asked, from_=rfc3339(NOON_NS - 1)) == both
    later = rfc3339(NOON_NS + 10 * SECOND_NS)
    assert groups(api, *names, **asked, from_=later) == {("2026-09-22",): (1, 1, None, 0)}
    assert groups(api, *names, **asked, to=later) == {("2026-09-21",): (1, 1, 1, 10)}


def test_totals_count_what_is_in_sessions(api: Api) -> None:
    """Distinct sessions, traces and users; sums of calls; and how they are spread over the sessions."""
    store_some(api)
    found = api.get("/api/aggregates")
    assert found["groups"] == []
    assert found["totals"] == {
        "sessions": 2,
        "traces": 3,
        "turns": 3,
        "users": 2,
        "input_tokens": 12,
        "output_tokens": 4,
        "total_tokens": 16,
        "cache_read_tokens": 0,
        "cache_write_tokens": 0,
        "reasoning_tokens": 0,
        "cost_usd": 4,
        "unpriced_turns": 1,
        "errors": 1,
        "error_traces": 1,
        "error_rate": pytest.approx(1 / 3),
        "cost_per_session": pytest.approx({"mean": 2, "p50": 2, "p90": 2.8, "p95": 2.9, "p99": 2.98, "max": 3}),
        "tokens_per_session": pytest.approx({"mean": 8, "p50": 8, "p90": 12.8, "p95": 13.4, "p99": 13.88, "max": 14}),
        "turns_per_session": pytest.approx({"mean": 1.5, "p50": 1.5, "p90": 1.9, "p95": 1.95, "p99": 1.99, "max": 2}),
        "duration_per_session": pytest.approx(
            {"mean": 43206000, "p50": 43206000, "p90": 77762000, "p95": 82081500, "p99": 85537100, "max": 86401000}
        ),
    }


@pytest.mark.parametrize(
    ("group_by", "expected"),
    [
        ("model", {("gpt-4o",): (2, 2, 2), ("m2",): (1, 1, 1), (None,): (1, 1, 0)}),
        ("user", {("ada",): (1, 1, 1), ("bob",): (1, 1, 1), (None,): (1, 2, 1)}),
        ("service", {("web",): (1, 1, 1), ("api",): (1, 1, 1), (None,): (1, 2, 1)}),
        ("status", {("error",): (1, 1, 2), ("ok",): (1, 2, 1)}),
        ("environment", {("prod",): (1, 1, 1), (None,): (2, 2, 2)}),
        ("tag", {("x",): (1, 1, 2), ("y",): (1, 1, 2), (None,): (1, 2, 1)}),
        ("metadata.plan", {("pro",): (1, 1, 1), (None,): (2, 2, 2)}),
        ("model,user", {("gpt-4o", "ada"): (1, 1, 1), ("gpt-4o", None): (1, 1, 1), ("m2", "bob"): (1, 1, 1),
                        (None, None): (1, 1, 0)}),
    ],
)  # fmt: skip
def test_groups_by_key(api: Api, group_by: str, expected: dict[tuple[Any, ...], tuple[int, ...]]) -> None:
    """Sessions, traces and turns of each; what has no value stands under null; many values overlap."""
    store_some(api)
    assert groups(api, "sessions", "traces", "turns", group_by=group_by) == expected


def test_groups_by_score_are_of_its_traces(api: Api) -> None:
    """By label, or by number where it has no label; those without it stand under null."""
    up, good, none = turn(session_id="s", cost_usd=1), turn(session_id="s", cost_usd=2), turn(session_id="s")
    score = {"project_id": api.project, "name": "vote"}
    api.score(
        score | {"score_id": "1", "trace_id": up["trace_id"], "label": "up"},
        score | {"score_id": "2", "trace_id": up["trace_id"], "label": "up"},
        score | {"score_id": "3", "trace_id": good["trace_id"], "value": 0.5},
    )
    api.store(up, good, none)
    found = groups(api, "traces", "cost_usd", group_by="score.vote")
    assert found == {("up",): (1, 1), ("0.5",): (1, 2), (None,): (1, None)}
    assert groups(api, "turns", group_by="day,score.other").popitem()[1] == (3,)


def test_calls_of_one_trace_fall_where_they_start(api: Api) -> None:
    """Though the trace goes on from hour to hour, and out of the range; all of it is in the totals once."""
    first = turn(session_id="s", user_id="ada", input_tokens=1, **at(0), response_id="1")
    rest = {"session_id": "s", "trace_id": first["trace_id"]}
    api.store(
        first,
        turn(input_tokens=10, **at(1800), **rest, response_id="2"),
        turn(input_tokens=100, user_id="bob", **at(3700), **rest, response_id="3"),
        turn(session_id="s", input_tokens=1000, **at(60)),
    )
    found = api.get("/api/aggregates", group_by="hour", from_=rfc3339(NOON_NS + SECOND_NS))
    by_hour = [(group["traces"], group["turns"], group["users"], group["input_tokens"]) for group in found["groups"]]
    assert by_hour == [(2, 2, 1, 1010), (1, 1, 1, 100)]
    assert [found["totals"][name] for name in ("traces", "turns", "users", "input_tokens")] == [2, 3, 2, 1110]


def test_groups_by_time_are_of_the_zone(api: Api) -> None:
    """Calls belong to the day, hour and week in which they started, where the caller lives."""
    store_some(api)
    day, next_day = rfc3339(NOON_NS)[:10], rfc3339(NOON_NS + DAY * SECOND_NS)[:10]
    assert groups(api, "turns", group_by="day") == {(day,): (2,), (next_day,): (1,)}
    assert groups(api, "turns", group_by="day", tz="Pacific/Auckland") == {
        (next_day,): (2,),
        (rfc3339(NOON_NS + 2 * DAY * SECOND_NS)[:10],): (1,),
    }
    assert list(groups(api, "turns", group_by="hour")) == [(f"{day}T12:00:00Z",), (f"{next_day}T12:00:00Z",)]
    assert next(iter(groups(api, "turns", group_by="hour", tz="Asia/Kolkata"))) == (f"{day}T11:30:00Z",)
    [(monday,)] = groups(api, "turns", group_by="week", to=rfc3339(NOON_NS + 60 * SECOND_NS))
    assert monday <= day


def test_zones_that_only_python_knows_are_refused(api: Api) -> None:
    """Those with leap seconds, be they there or not; their twins without are zones as others."""
    for zone in ("right/UTC", "right/Europe/Berlin"):
        refused = api.ask("/api/aggregates", params={"group_by": "day", "tz": zone})
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "tz"), zone
        assert "leave right/ out" in refused.json()["detail"], zone
    assert api.ask("/", params={"tz": "right/UTC"}).status_code == 422


def test_a_range_counts_calls_that_started_in_it(api: Api) -> None:
    """Not whole sessions; but their durations are whole."""
    store_some(api)
    totals = api.get("/api/aggregates", from_=rfc3339(NOON_NS + 1), to=rfc3339(NOON_NS + DAY * SECOND_NS + 1))["totals"]
    assert [totals[name] for name in ("sessions", "traces", "turns", "total_tokens", "cost_usd")] == [2, 3, 2, 6, 3]
    assert totals["duration_per_session"]["max"] == 86401000


def test_a_filter_chooses_sessions(api: Api) -> None:
    """Whose calls all count."""
    store_some(api)
    totals = api.get("/api/aggregates", q="model:m2")["totals"]
    assert [totals[name] for name in ("sessions", "turns", "cost_usd")] == [1, 2, 1]
    assert api.get("/api/aggregates", q="model:nothing")["totals"]["sessions"] == 0
    assert api.get("/api/aggregates", q="model:nothing")["totals"]["cost_per_session"]["p50"] is None


def test_groups_sort_and_page(api: Api) -> None:
    """By any number, nulls last; by key where time comes first; cursors lead through."""
    store_some(api)
    assert list(groups(api, "cost_usd", group_by="model")) == [("gpt-4o",), (None,), ("m2",)]
    first = api.get("/api/aggregates", group_by="model,status", sort="turns", order="asc", limit=2)
    second = api.get(
        "/api/aggregates", group_by="model,status", sort="turns", order="asc", limit=2, cursor=first["next_cursor"]
    )
    turns = [group["turns"] for page in (first, second) for group in page["groups"]]
    assert turns == [0, 1, 1, 1]
    assert first["totals"] == second["totals"]


@pytest.mark.parametrize("group_by", ["colour", "day,day", "day,model,user", "metadata.", "day,", "by_day", "key_1"])
def test_bad_groups_are_named(api: Api, group_by: str) -> None:
    """422 with what there is."""
    response = api.ask("/api/aggregates", params={"group_by": group_by})
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == "group_by"


def test_numbers_are_the_same_for_all_who_may_read(api: Api) -> None:
    """And may be kept until they change."""
    store_some(api)
    for path in ("/api/aggregates?group_by=day", "/api/outliers", "/api/facets", "/api/projects"):
        responses = [api.ask(path, scope) for scope in ("read", "content")]
        assert [response.headers["cache-control"] for response in responses] == ["private, no-cache"] * 2
        if "projects" not in path:
            assert responses[0].headers["etag"] == responses[1].headers["etag"]


@pytest.mark.parametrize(
    ("kind", "measure"), [("session", "tokens"), ("user", "tokens"), ("session", "cost"), ("user", "turns")]
)
def test_who_burns_far_more_than_their_peers_stands_out(api: Api, kind: str, measure: str) -> None:
    """Beyond three times the middle half above it; with what that means here."""
    api.store(
        *(
            turn(session_id=f"s{n}", user_id=f"u{n}", input_tokens=100 + n, cost_usd=1 + n / 100)
            for n in range(10)
            for _ in range(50 if n == 7 else 1)
        )
    )
    found = api.get("/api/outliers", kind=kind, measure=measure)
    assert [item[f"{kind}_id"] for item in found["items"]] == [f"{kind[0]}7"]
    assert found["items"][0]["value"] > found["peers"]["fence"] >= found["peers"]["p75"]
    assert found["peers"]["peers"] == 10


def test_among_few_nobody_stands_out(api: Api) -> None:
    """Of three sessions one may cost anything."""
    api.store(*(turn(session_id=f"s{n}", cost_usd=10 ** (3 * n)) for n in range(3)))
    assert api.get("/api/outliers", measure="cost")["items"] == []
    assert api.get("/api/outliers", q="model:none")["peers"]["p50"] is None


def test_facets_offer_what_filters_may_take(api: Api) -> None:
    """The values there are, by how many sessions have them; and those of one metadata key."""
    store_some(api)
    found = api.get("/api/facets", metadata_key="plan")
    assert found["models"] == [{"value": "gpt-4o", "sessions": 2}, {"value": "m2", "sessions": 1}]
    assert found["metadata"] == [{"value": "plan", "sessions": 1}]
    assert found["metadata_values"] == [{"value": "pro", "sessions": 1}]
    assert found["statuses"] == [{"value": "error", "sessions": 1}, {"value": "ok", "sessions": 1}]
    assert found["agents"] == []
    assert api.get("/api/facets", q="session:b")["tags"] == []
