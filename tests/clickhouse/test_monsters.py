"""Traces that nobody expects: whatever is in one, its numbers are right or it is named, and all others go on."""

from typing import Any

import pytest
from clickhouse_connect.driver import Client

from clickhouse.rollup import part, sums, traces
from tests.clickhouse.stored import settle, store
from tests.histories import NOW_NS, SECOND_NS

DAY_NS = 86_400 * SECOND_NS
TRACE, OTHER = "a" * 32, "b" * 32


def span(project: str, trace_id: str, number: int, **more: Any) -> dict[str, Any]:
    return {
        "project_id": project,
        "trace_id": trace_id,
        "span_id": f"{number:016x}",
        "name": "chat",
        "call_kind": "llm",
        "request_model": "m",
        "response_id": f"r{number}",
        "started_at": NOW_NS - SECOND_NS,
        "ended_at": NOW_NS,
        "received_at": NOW_NS // 1_000,
        "session_id": "s",
        **more,
    }


def test_what_all_calls_of_a_trace_share_is_not_kept_once_for_each_of_them(client: Client, project: str) -> None:
    """2,000 calls with a user and metadata of their own: linear, and every number is there."""
    calls = range(2_000)
    store(
        client,
        [
            span(project, TRACE, i, user_id=f"user-{i}", metadata={"step": f"{i}-{'x' * 20}"}, input_tokens=i)
            for i in calls
        ],
    )
    settle(client)
    (row,) = client.query(
        "SELECT traces, turns, input_tokens, length(user_ids), length(metadata), arraySum(sums.input_tokens), "
        "arraySum(sums.traces), arrayDistinct(sums.metadata) FROM sessions FINAL"
    ).result_rows
    assert row == (1, 2_000, sum(calls), 2_000, 2_000, sum(calls), 1, [[]])
    (size,) = client.query("SELECT max(length(part)) FROM session_traces").result_rows
    assert size[0] < 2_000_000


@pytest.mark.parametrize(
    ("limit", "kept"), [(2 * 9, [[{"key": "step", "value": "walk!"}]]), (2 * 9 - 1, [[]])], ids=["just", "over"]
)
def test_sums_say_what_a_trace_shares_up_to_a_limit(
    client: Client, project: str, monkeypatch: pytest.MonkeyPatch, limit: int, kept: list[Any]
) -> None:
    """Nine characters, of two sums: they are kept where the limit allows eighteen."""
    monkeypatch.setattr(sums, "MAX_SHARED_CHARACTERS", limit)
    metadata = {"step": "walk!"}
    store(client, [span(project, TRACE, i, request_model=f"m{i}", metadata=metadata) for i in range(2)])
    settle(client)
    assert client.query("SELECT arrayDistinct(sums.metadata) FROM sessions FINAL").result_rows == [(kept,)]


def test_times_that_add_up_to_more_than_64_bits_have_means(client: Client, project: str) -> None:
    """600 calls that began 399 days ago, as their clock said, in one trace, and 300 such traces of one session."""
    long = {"started_at": NOW_NS - 399 * DAY_NS, "first_token_ns": DAY_NS}
    store(client, [span(project, TRACE, i, **long) for i in range(600)])
    store(client, [span(project, f"{i:032x}", i, session_id="many", **long) for i in range(300)])
    settle(client)
    means = client.query(
        "SELECT session_id, traces, turns, avg_trace_ns, avg_turn_ns, first_token_ns FROM sessions FINAL ORDER BY 1"
    ).result_rows
    took = float(399 * DAY_NS)
    assert means == [("many", 300, 300, took, took, float(DAY_NS)), ("s", 1, 600, took, took, float(DAY_NS))]


def test_a_trace_that_cannot_be_worked_out_is_named_and_stops_nobody(
    client: Client, project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error nobody thought of, in the folding of one trace, leaves the others right."""
    packed = part.packed

    def failing(row: Any, trace_id: str, *, alone: bool) -> str:
        if trace_id == TRACE:
            raise TypeError("Integer exceeds 64-bit range")
        return packed(row, trace_id, alone=alone)

    monkeypatch.setattr(traces, "packed", failing)
    store(client, [span(project, TRACE, 1), span(project, OTHER, 2, session_id="ordinary")])
    settle(client)
    assert client.query("SELECT session_id, turns FROM sessions FINAL").result_rows == [("ordinary", 1)]
    assert client.query("SELECT trace_id, reason FROM quarantined_traces FINAL").result_rows == [
        (TRACE, "it cannot be recomputed: TypeError: Integer exceeds 64-bit range")
    ]


def test_counts_beyond_what_a_column_holds_name_their_trace(client: Client, project: str) -> None:
    """2,049 calls of 2**53 tokens each are more than 64 bits: no number is better than a wrong one."""
    store(client, [span(project, TRACE, i, input_tokens=2**53) for i in range(2_049)])
    store(client, [span(project, OTHER, 1, session_id="ordinary")])
    settle(client)
    assert client.query("SELECT session_id, turns FROM sessions FINAL").result_rows == [("ordinary", 1)]
    ((trace, reason),) = client.query("SELECT trace_id, reason FROM quarantined_traces FINAL").result_rows
    assert (trace, reason.startswith("it cannot be recomputed")) == (TRACE, True)


@pytest.mark.parametrize("limit", ["of what is read", "of what is written"])
def test_a_trace_with_more_metadata_than_memory_allows_is_named(
    client: Client, project: str, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    """Few spans, but many bytes: others, read along with it, are right."""
    if limit == "of what is read":
        monkeypatch.setitem(traces._LIMITS, "max_result_bytes", 1_000_000)
    else:
        monkeypatch.setattr(part, "MAX_CHARACTERS", 1_000_000)
    wide = [span(project, TRACE, i, metadata={f"k{n}": f"{i} {'x' * 1_000}" for n in range(100)}) for i in range(20)]
    store(client, [*wide, span(project, OTHER, 1, session_id="ordinary")])
    settle(client)
    assert client.query("SELECT session_id, turns FROM sessions FINAL").result_rows == [("ordinary", 1)]
    assert client.query("SELECT trace_id FROM quarantined_traces FINAL").result_rows == [(TRACE,)]
