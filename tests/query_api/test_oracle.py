"""The API against the oracle: whatever was received, deleted and scored, every number that is answered is right."""

import itertools
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest
from clickhouse_connect.driver import Client
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from clickhouse.connect import Database
from clickhouse.projects import Key, Project, Projects, digest
from query_api.times import rfc3339
from tests.clickhouse.stored import bury, settle, store, store_scores
from tests.histories import SECOND_NS, History, histories
from tests.oracle import Tombstone, expected_sessions, expected_traces
from tests.query_api.asking import Api, path_of, serving

PROJECTS = 200
"""Of which each example takes two."""
LISTS = ("user_ids", "models", "services", "environments", "tags", "tools", "agents", "releases", "prompts")
USAGE = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens")
_numbers = itertools.count()


@pytest.fixture(scope="module")
def api(shared_database: Database, shared_client: Client, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    names = tuple(f"{number}-{name}" for number in range(PROJECTS) for name in ("one", "two"))
    key = Key("", "", names, frozenset({"read", "content"}))
    projects = Projects({name: Project(name) for name in names}, {digest("content of oracle"): key})
    data_dir = tmp_path_factory.mktemp("data")
    with serving(shared_database, shared_client, "oracle", data_dir, projects=projects) as served:
        yield served


def in_own_projects(history: History) -> History:
    number = next(_numbers)

    def moved(row: dict[str, Any]) -> dict[str, Any]:
        return {**row, "project_id": f"{number}-{row['project_id']}"}

    def moved_grave(grave: Tombstone) -> Tombstone:
        project = f"{number}-{grave.project_id}"
        return grave._replace(project_id=project, subject=project if grave.kind == "project" else grave.subject)

    graves = [moved_grave(grave) for grave in history.tombstones]
    return History([moved(row) for row in history.rows], graves, [moved(score) for score in history.scores])


def ms(ns: Any) -> Any:
    return None if ns is None else pytest.approx(float(ns) / 1e6)


def money(amount: Any) -> Any:
    return None if amount is None else pytest.approx(float(amount))


def cut(values: Sequence[Any]) -> Sequence[Any]:
    return values[:100]


def shown_metadata(pairs: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    shown = defaultdict(list)
    for key, value in cut(pairs):
        shown[key].append(value)
    return shown


def shown_scores(scores: Sequence[tuple[str, float | None, str, int]]) -> dict[str, Any]:
    """Numbers by their mean, labels by their count."""
    shown: dict[str, Any] = {}
    for name in {score[0] for score in scores}:
        of_name = [score for score in scores if score[0] == name]
        numbers = [(value, count) for _, value, _, count in of_name if value is not None]
        total = sum(count for _, count in numbers)
        shown[name] = {
            "count": sum(score[3] for score in of_name),
            "mean": pytest.approx(float(sum(v * n for v, n in numbers) / total)) if total > 0 else None,
            "labels": {label: count for _, value, label, count in of_name if value is None},
        }
    return shown


def shown_session(row: dict[str, Any]) -> dict[str, Any]:
    same = ("session_id", "traces", "spans", "turns", "tool_calls", "embeddings", *USAGE, "total_tokens",
            "unpriced_turns", "unpriced_usage", "errors", "error_traces")  # fmt: skip
    more = {name: len(row[name]) - 100 for name in (*LISTS, "metadata") if len(row[name]) > 100}
    return {
        **{name: row[name] for name in same},
        **{name: cut(row[name]) for name in LISTS},
        "project": row["project_id"],
        "user_id": row["user_id"] or None,
        "started_at": rfc3339(row["started_at"]),
        "last_active_at": rfc3339(row["last_active_at"]),
        "duration_ms": ms(row["duration_ns"]),
        "active_ms": ms(row["active_ns"]),
        "cost_usd": money(row["cost_usd"]),
        "error_rate": pytest.approx(row["error_traces"] / row["traces"]),
        "status": "error" if row["error_traces"] > 0 else "ok",
        "avg_turn_ms": ms(row["avg_turn_ns"]),
        "p95_turn_ms": ms(row["p95_turn_ns"]),
        "avg_trace_ms": ms(row["avg_trace_ns"]),
        "first_token_ms": ms(row["first_token_ns"]),
        "metadata": shown_metadata(row["metadata"]),
        "more": more,
        "scores": shown_scores(row["scores"]),
        "input_preview": row["input_preview"] or None,
        "output_preview": row["output_preview"] or None,
    }


def shown_trace(row: dict[str, Any]) -> dict[str, Any]:
    same = ("trace_id", "session_id", "spans", "turns", *USAGE, "errors", "models")
    return {
        **{name: row[name] for name in same},
        "name": row["name"] or None,
        "started_at": rfc3339(row["started_at"]),
        "ended_at": rfc3339(row["ended_at"]),
        "duration_ms": ms(row["ended_at"] - row["started_at"]),
        "total_tokens": row["input_tokens"] + row["output_tokens"],
        "cost_usd": money(row["cost_usd"]),
        "status": "error" if row["failed"] else "ok",
        "input_preview": row["input_preview"] or None,
        "output_preview": row["output_preview"] or None,
    }


def shown_call(trace_id: str, call: dict[str, Any]) -> dict[str, Any]:
    known = [call[name] for name in ("input_tokens", "output_tokens") if call[name] is not None]
    return {
        **{name: call[name] for name in ("span_id", "kind", *USAGE, "finish_reasons")},
        **{name: call[name] or None for name in ("name", "provider", "cost_source", "error_type", "tool_name")},
        "trace_id": trace_id,
        "model": call["response_model"] or call["request_model"] or None,
        "started_at": rfc3339(call["started_at"]),
        "duration_ms": ms(call["duration_ns"]),
        "first_token_ms": ms(call["first_token_ns"]),
        "total_tokens": sum(known) if known else None,
        "cost_usd": money(call["cost_usd"]),
        "status": "error" if call["failed"] else "ok",
    }


def same(found: dict[str, Any], expected: dict[str, Any]) -> None:
    """Field by field, so that a failure names one."""
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert (name, found[name]) == (name, value)


def check_sessions(api: Api, project: str, sessions: list[dict[str, Any]]) -> None:
    items = [item for page in api.pages("/api/sessions", project=project, limit=2) for item in page["items"]]
    found = {item["session_id"]: item for item in items}
    assert len(items) == len(found) == len(sessions)
    for row in sessions:
        same(found[row["session_id"]] | {"url": ""}, shown_session(row) | {"url": ""})


def check_session(api: Api, project: str, session_id: str, traces: list[dict[str, Any]]) -> None:
    ordered = sorted(traces, key=lambda row: (row["started_at"], row["trace_id"]))
    whole = api.get(path_of(session_id), project=project)
    for trace, row in zip(whole["traces"]["items"], ordered, strict=True):
        same(trace, shown_trace(row))
    calls = [(call["started_at"], row["trace_id"], call["span_id"], call) for row in traces for call in row["calls"]]
    calls.sort(key=lambda each: each[:3])
    pages = list(api.pages(f"{path_of(session_id)}/calls", project=project, limit=3))
    found = [item for page in pages for item in page["items"]]
    told = dict.fromkeys(("error_message", "input_preview", "output_preview"))  # of spans: the oracle leaves them out
    for item, (_, trace_id, _, call) in zip(found, calls, strict=True):
        same(item | told, shown_call(trace_id, call) | told)


Call = dict[str, Any]


def calls_in(traces: list[dict[str, Any]], from_ns: int, to_ns: int) -> Iterator[tuple[dict[str, Any], Call | None]]:
    """Each call that started in the range, with its trace; a trace without calls, with None."""
    for row in traces:
        for call in row["calls"]:
            if from_ns <= call["started_at"] < to_ns:
                yield row, call
        if not row["calls"] and from_ns <= row["started_at"] < to_ns:
            yield row, None


def keys_of(row: dict[str, Any], call: Call | None, by: str, zone: ZoneInfo) -> list[str | None]:
    if by in TIMES:
        return [time_of((call or row)["started_at"], by, zone)]
    if by in ("tag", "environment"):
        return list(row[f"{by}s"]) or [None]
    if by == "metadata.k":
        return [value for key, value in row["metadata"] if key == "k"] or [None]
    if by == "status":
        return ["error" if row["failed"] else "ok"]
    if call is None:
        return [None]
    named = {
        "model": call["response_model"] or call["request_model"],
        "user": call["user_id"],
        "service": call["service"],
    }
    return [named[by] or None]


def time_of(start_ns: int, by: str, zone: ZoneInfo) -> str:
    at = datetime.fromtimestamp(start_ns // SECOND_NS, zone)
    begun = at.replace(minute=0 if by == "hour" else at.minute).astimezone(UTC)
    return f"{at:%Y-%m-%d}" if by == "day" else f"{begun:%Y-%m-%dT%H:%M:00Z}"


def is_unpriced(call: Call) -> bool:
    used = any(call[name] is not None for name in USAGE)
    return call["cost_usd"] is None and (used or not call["failed"])


def sums_of(parts: list[tuple[dict[str, Any], Call | None]]) -> dict[str, Any]:
    calls = [call for _, call in parts if call is not None]
    turns = [call for call in calls if call["kind"] == "llm"]
    traces = {row["trace_id"] for row, _ in parts}
    failing = {row["trace_id"] for row, _ in parts if row["failed"]}
    costs = [call["cost_usd"] for call in calls if call["cost_usd"] is not None]
    users = {user for row, call in parts for user in ([call["user_id"]] if call else row["user_ids"])}
    return {
        "sessions": len({row["session_id"] for row, _ in parts}),
        "traces": len(traces),
        "turns": len(turns),
        "users": len(users - {""}),
        **{name: sum(call[name] or 0 for call in calls) for name in USAGE},
        "cost_usd": money(sum(costs)) if costs else None,
        "unpriced_turns": sum(is_unpriced(call) for call in turns),
        "errors": sum(call["failed"] for call in turns),
        "error_traces": len(failing),
        "error_rate": pytest.approx(len(failing) / len(traces)),
    }


class Asked(NamedTuple):
    by: list[str]
    from_ns: int
    to_ns: int
    zone: ZoneInfo


def check_groups(api: Api, project: str, traces: list[dict[str, Any]], asked: Asked) -> None:
    parts_in = list(calls_in(traces, asked.from_ns, asked.to_ns))
    grouped = defaultdict(list)
    for row, call in parts_in:
        for key in itertools.product(*(keys_of(row, call, each, asked.zone) for each in asked.by)):
            grouped[key].append((row, call))
    between = {"from_": rfc3339(asked.from_ns), "to": rfc3339(asked.to_ns), "tz": asked.zone.key}
    found = api.get("/api/aggregates", **between, group_by=",".join(asked.by), project=project)
    if parts_in:
        in_all = sums_of(parts_in)
        same({name: found["totals"][name] for name in in_all}, in_all)
    held = {tuple(group["key"].values()): group for group in found["groups"]}
    assert held.keys() == grouped.keys()
    for key, parts in grouped.items():
        expected = sums_of(parts)
        same({name: held[key][name] for name in expected}, expected)


def check_users(api: Api, project: str, traces: list[dict[str, Any]]) -> None:
    """Each user of a trace has it; what it adds up to for them are their own calls."""
    found = {user["user_id"]: user for user in api.get("/api/users", project=project, limit=200)["items"]}
    assert found.keys() == {user for row in traces for user in row["user_ids"]}
    for user_id, user in found.items():
        theirs = [row for row in traces if user_id in row["user_ids"]]
        calls = [(row, call) for row in theirs for call in row["calls"] if call["user_id"] == user_id]
        summed = sums_of(calls) if calls else defaultdict(int, cost_usd=None)
        expected = {name: summed[name] for name in ("turns", "errors", "cost_usd", *USAGE)} | {
            "sessions": len({row["session_id"] for row in theirs}),
            "traces": len({row["trace_id"] for row in theirs}),
            "started_at": rfc3339(min(row["started_at"] for row in theirs)),
            "last_active_at": rfc3339(max(row["ended_at"] for row in theirs)),
        }
        same({name: user[name] for name in expected}, expected)


TIMES = ("day", "hour", "minute")
ZONES = ("UTC", "Asia/Kolkata", "Asia/Kathmandu")
"""Whose days begin at a whole, a half and a quarter hour."""
GROUPS = (*TIMES, "model", "user", "service", "environment", "tag", "status", "metadata.k")


UNHURRIED = settings(
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # against a database, a smaller failure costs minutes
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)


@given(st.data())
@settings(UNHURRIED, max_examples=5)
def test_every_number_is_the_oracles(api: Api, data: st.DataObject) -> None:
    """Lists, one session, its timeline, users, and sums over groups and ranges."""
    compare_with_the_oracle(api, data)


@pytest.mark.slow
@given(st.data())
@settings(UNHURRIED, max_examples=30)
def test_every_number_is_the_oracles_at_length(api: Api, data: st.DataObject) -> None:
    """The same, more often."""
    compare_with_the_oracle(api, data)


def compare_with_the_oracle(api: Api, data: st.DataObject) -> None:
    history = in_own_projects(data.draw(histories(deletions=True, scored=True)))
    bury(api.database, history.tombstones)
    store_scores(api.database, history.scores)
    if history.rows:
        store(api.database, history.rows)
        settle(api.database)
    sessions = expected_sessions(history.rows, history.tombstones, history.scores)
    traces = expected_traces(history.rows, history.tombstones, history.scores)
    by = data.draw(st.lists(st.sampled_from(GROUPS), min_size=1, max_size=2, unique=True))
    for project in sorted({row["project_id"] for row in history.rows}):
        here = [row for (name, _, _), row in traces.items() if name == project]
        check_sessions(api, project, [row for (name, _), row in sessions.items() if name == project])
        for name, session_id in sessions:
            if name == project:
                check_session(api, project, session_id, [row for row in here if row["session_id"] == session_id])
        times = [0, *(call["started_at"] for row in here for call in row["calls"]), 2**62]
        first, last = sorted(data.draw(st.tuples(st.sampled_from(times), st.sampled_from(times))))
        in_sessions = [row for row in here if row["session_id"] != ""]
        check_users(api, project, in_sessions)
        zone = ZoneInfo(data.draw(st.sampled_from(ZONES)))
        check_groups(api, project, in_sessions, Asked(by, first, last, zone))
