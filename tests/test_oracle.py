"""The oracle itself, by hand: one small case for each line of SEMANTICS. Times are in plain units, not nanoseconds."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import histories
from tests.histories import Row
from tests.oracle import Span, Tombstone, expected_sessions, expected_traces

DELETED_AT = 100


def span(span_id: str, start: int = 0, end: int = 10, /, **columns: Any) -> Row:
    """A span of project p and trace t; of session s unless it says otherwise."""
    unknown = columns.keys() - Span.__dataclass_fields__.keys()
    assert not unknown, unknown
    place = {"project_id": "p", "trace_id": "t", "span_id": span_id, "session_id": "s"}
    return place | {"started_at": start, "ended_at": end} | columns


def llm(span_id: str, start: int = 0, end: int = 10, /, **columns: Any) -> Row:
    return span(span_id, start, end, **({"call_kind": "llm"} | columns))


def row_of(*rows: Row, session: str = "s", trace: str = "t", graves: list[Tombstone] | None = None) -> dict[str, Any]:
    return expected_traces(rows, graves or [])["p", session, trace]


def session_of(*rows: Row, session: str = "s") -> dict[str, Any]:
    return expected_sessions(rows)["p", session]


def turns_of(*rows: Row) -> list[str]:
    """The spans that give the turns their times."""
    return [call["span_id"] for call in row_of(*rows)["calls"] if call["kind"] == "llm"]


def sessions_of(*rows: Row, graves: list[Tombstone] | None = None) -> dict[str, int]:
    """Spans per session."""
    return {session: row["spans"] for (_, session, _), row in expected_traces(rows, graves or []).items()}


# Identity


def test_projects_never_meet() -> None:
    """One session id and one trace id in two projects are two sessions of two traces."""
    sessions = expected_sessions([span("a"), span("a", project_id="q"), span("b", project_id="q")])
    assert {key: row["spans"] for key, row in sessions.items()} == {("p", "s"): 1, ("q", "s"): 2}


def test_a_span_sent_twice_is_one() -> None:
    """The same row again changes nothing."""
    assert row_of(span("a"), span("a")) == row_of(span("a"))


def test_the_last_received_wins() -> None:
    """Whatever the order of arrival."""
    early, late = span("a", name="early", received_at=1), span("a", name="late", received_at=2)
    assert row_of(late, early)["name"] == row_of(early, late)["name"] == "late"


def test_of_two_received_together_the_larger_end_wins() -> None:
    """An end that was not known yet is the smaller one."""
    assert row_of(span("a", 0, 9), span("a", 0, 5))["ended_at"] == 9


def test_a_tie_that_only_a_hash_could_break_is_refused() -> None:
    """The oracle does not guess."""
    with pytest.raises(ValueError, match="tie"):
        row_of(span("a", name="x"), span("a", name="y"))


def test_a_copy_with_another_start_is_a_duplicate_row() -> None:
    """Two starts of one identity are two rows on disk; the same start received again is one."""
    rows = [span("a", 5, received_at=1), span("a", 5, received_at=2), span("a", 3, received_at=3), span("b")]
    row = row_of(*rows)
    assert (row["spans"], row["duplicate_spans"], row["started_at"]) == (2, 1, 0)


def test_an_explicit_id_is_a_spans_own() -> None:
    """One trace serves several sessions."""
    assert sessions_of(span("a"), span("b", session_id="other")) == {"s": 1, "other": 1}


def test_the_root_binds_the_trace_even_if_it_starts_last() -> None:
    """Root's before others."""
    rows = [span("a", 5, session_id="of root"), span("b", 0, parent_span_id="a"), span("c", session_id="")]
    row = row_of(*rows, session="of root")
    assert (row["spans"], row["inherited_spans"]) == (2, 1)


def test_among_others_the_earliest_start_binds() -> None:
    """Then the smaller span id."""
    late = span("b", 5, session_id="late", parent_span_id="x")
    tied = [span("d", 1, session_id="d", parent_span_id="x"), span("c", 1, session_id="c", parent_span_id="x")]
    assert sessions_of(span("a", session_id=""), late, *tied) == {"late": 1, "d": 1, "c": 2}


def test_an_explicit_id_anywhere_beats_a_conversation_id() -> None:
    """A conversation id never splits a trace off from an explicit session."""
    rows = [span("a", session_id="", conversation_id="c"), span("b", session_id="s", parent_span_id="a")]
    assert sessions_of(*rows) == {"s": 2}


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (("conversation_id", "resource_session_id", "default_session_id"), "conversation_id"),
        (("resource_session_id", "default_session_id"), "resource_session_id"),
        (("default_session_id",), "default_session_id"),
    ],
)
def test_kinds_of_id_rank(columns: tuple[str, ...], expected: str) -> None:
    """Conversation, then resource, then the header, wherever in the trace they stand."""
    rows = [span(column, session_id="", parent_span_id="x", **{column: column}) for column in columns]
    assert sessions_of(*reversed(rows)) == {expected: len(rows)}


def test_a_trace_without_an_id_has_no_session() -> None:
    """Its row stands under the empty session, and no session comes of it."""
    rows = [span("a", session_id="")]
    assert sessions_of(*rows) == {"": 1}
    assert expected_sessions(rows) == {}


def test_a_trace_has_at_most_a_thousand_sessions() -> None:
    """The earliest by start, then by id. What is over belongs to none, not even to the empty one."""
    rows = [span(f"{n:04}", 1, session_id=f"s{n:04}", parent_span_id="x") for n in range(1001)]
    first = span("first", 0, session_id="zzz", parent_span_id="x")
    assert set(sessions_of(*rows, first)) == {"zzz", *(f"s{n:04}" for n in range(999))}


def test_the_user_is_bound_like_the_session() -> None:
    """A span's own user, else the trace's: the resource's counts where no span names one."""
    rows = [span("a", resource_user_id="res"), span("b", 1, user_id="ada"), span("c", 2, user_id="bob")]
    row = row_of(*rows)
    assert (row["user_id"], row["user_since"], row["user_ids"]) == ("ada", 0, ["ada", "bob"])
    assert row_of(span("a", default_user_id="d", resource_user_id="res"))["user_id"] == "res"
    assert row_of(span("a", default_user_id="d"))["user_id"] == "d"


# Calls and turns: (a)


def test_a_nested_llm_span_is_the_same_call() -> None:
    """A framework's span around the provider's."""
    assert turns_of(llm("a"), llm("b", parent_span_id="a")) == ["a"]


def test_three_nested_llm_spans_are_one_call() -> None:
    """The nearest ancestor of the nearest ancestor."""
    assert turns_of(llm("a"), llm("b", parent_span_id="a"), llm("c", parent_span_id="b", response_id="r")) == ["a"]


def test_nesting_reaches_through_plain_spans_and_embeddings() -> None:
    """Only tools, agents and retrievals part two calls."""
    between = [span("b", parent_span_id="a"), span("c", parent_span_id="b", call_kind="embedding")]
    assert turns_of(llm("a"), *between, llm("d", parent_span_id="c")) == ["a"]


@pytest.mark.parametrize("kind", ["tool", "agent", "retrieval"])
def test_what_a_tool_agent_or_retrieval_calls_is_another_call(kind: str) -> None:
    """A model that runs a tool that asks a model: two calls."""
    assert turns_of(llm("a"), span("b", parent_span_id="a", call_kind=kind), llm("c", parent_span_id="b")) == ["a", "c"]


def test_two_different_response_ids_never_merge() -> None:
    """The inner calls count, the outer is a wrapper."""
    outer = llm("a", input_tokens=99)
    answers = [llm(x, parent_span_id="a", response_id=x, input_tokens=1) for x in ("b", "c")]
    row = row_of(outer, *answers)
    assert ([call["span_id"] for call in row["calls"]], row["input_tokens"]) == (["b", "c"], 2)


def test_a_different_id_of_its_own_makes_the_outer_a_wrapper() -> None:
    """One inner call suffices."""
    assert turns_of(llm("a", response_id="x"), llm("b", parent_span_id="a", response_id="y")) == ["b"]


def test_one_response_id_among_them_is_one_call() -> None:
    """The same id, or none."""
    inner = [llm("b", parent_span_id="a", response_id="r"), llm("c", parent_span_id="a")]
    assert turns_of(llm("a", response_id="r"), *inner) == ["a"]


def test_a_wrapper_is_transparent_for_what_is_around_it() -> None:
    """The outer one meets the answers inside the wrapper, and so is a wrapper too."""
    rows = [llm("a"), llm("b", parent_span_id="a", response_id="x"), llm("c", parent_span_id="b", response_id="y")]
    assert turns_of(*rows) == ["a"]  # y alone is inside b, b is a wrapper, and a takes y in
    another = llm("d", parent_span_id="a", response_id="z")
    assert turns_of(*rows, another) == ["c", "d"]


def test_a_missing_parent_is_none() -> None:
    """What is not there says nothing of what would be around it."""
    assert turns_of(llm("a", 0, 1), llm("b", 2, 3, parent_span_id="gone")) == ["a", "b"]


def test_a_span_that_is_its_own_parent_is_parentless() -> None:
    """And a call like any other."""
    assert turns_of(llm("a", parent_span_id="a"), llm("b", parent_span_id="a")) == ["a"]


def test_a_cycle_is_cut_at_its_first_span() -> None:
    """By start: c is the top of b, b of a. The top's parent being a tool changes nothing."""
    rows = [llm("a", 3, 4, parent_span_id="b"), span("b", 2, 5, parent_span_id="c"), llm("c", 1, 6, parent_span_id="a")]
    assert turns_of(*rows) == ["c"]
    cut = [span("a", 1, 6, parent_span_id="b", call_kind="tool"), llm("b", 2, 3, parent_span_id="a")]
    assert turns_of(*cut, llm("c", 4, 5, parent_span_id="b")) == ["b"]


# Calls and turns: (b)


@pytest.mark.parametrize(
    ("one", "other", "merged"),
    [
        ((0, 6), (4, 9), True),
        ((0, 9), (3, 5), True),
        ((0, 5), (5, 9), False),
        ((0, 5), (6, 9), False),
        ((0, 5), (5, 5), True),
        ((3, 3), (3, 3), True),
        ((0, 5), (6, 6), False),
    ],
)
def test_a_response_id_at_one_time_is_one_call(one: tuple[int, int], other: tuple[int, int], merged: bool) -> None:
    """Nested or overlapping; one after the other it is another call, for some servers count from 0."""
    rows = [llm("a", *one, response_id="r"), llm("b", *other, response_id="r")]
    assert turns_of(*rows) == (["a"] if merged else ["a", "b"])


def test_overlap_carries_on() -> None:
    """The first and the last never meet, but the middle one meets both."""
    rows = [llm("a", 0, 5), llm("b", 4, 9), llm("c", 8, 12)]
    assert turns_of(*(row | {"response_id": "r"} for row in rows)) == ["a"]


def test_without_a_response_id_there_is_no_same_one() -> None:
    """Two calls at once, of one scope, are two."""
    assert turns_of(llm("a"), llm("b")) == ["a", "b"]


# Calls and turns: (c)


def test_two_libraries_that_saw_one_call_count_once() -> None:
    """No id on one side, the same parent, different scopes, at one time."""
    one, other = llm("a", 0, 9, scope_name="x", response_id="r"), llm("b", 1, 8, scope_name="y")
    assert turns_of(one, other) == ["a"]
    assert turns_of(one | {"response_id": ""}, other) == ["a"]


@pytest.mark.parametrize(
    "difference",
    [
        {"scope_name": "x"},
        {"parent_span_id": "elsewhere"},
        {"started_at": 10, "ended_at": 12},
        {"response_id": "another"},
    ],
)
def test_each_condition_of_double_instrumentation_is_needed(difference: Row) -> None:
    """One scope, another parent, another time, or another response id: two calls."""
    one = llm("a", 0, 9, scope_name="x", response_id="r")
    other = llm("b", 1, 8, scope_name="y") | difference
    assert turns_of(one, other) == ["a", "b"]


def test_a_call_joins_the_nearest_and_no_other() -> None:
    """Two parallel calls, seen by two libraries each, are two."""
    seen_by_x = [llm("a", 0, 20, scope_name="x", response_id="r1"), llm("b", 5, 20, scope_name="x", response_id="r2")]
    seen_by_y = [llm("c", 4, 20, scope_name="y"), llm("d", 6, 20, scope_name="y", input_tokens=3)]
    row = row_of(*seen_by_x, *seen_by_y)
    assert [(call["span_id"], call["input_tokens"]) for call in row["calls"]] == [("a", 3), ("c", None)]


def test_ties_between_pairs_go_to_the_smaller_ids() -> None:
    """b could join a or c, as near; it joins a."""
    rows = [llm("a", scope_name="x"), llm("b", scope_name="y"), llm("c", scope_name="x")]
    assert turns_of(*rows) == ["a", "c"]


# Calls and turns: what a merged call is


def test_the_outermost_gives_times_and_session() -> None:
    """The earliest start, then the longest, then the smallest span id; be it the child in the tree."""
    child = {"parent_span_id": "a", "session_id": "other"}
    assert row_of(llm("a", 1, 9), llm("b", 0, 9, **child), session="other")["turns"] == 1
    assert row_of(llm("a", 0, 8), llm("b", 0, 9, **child), session="other")["turns"] == 1
    assert row_of(llm("a"), llm("b", **child))["turns"] == 1
    assert row_of(llm("a"), llm("b", **child), session="other")["turns"] == 0


def test_gaps_are_filled_from_the_inner() -> None:
    """Each field by itself, in the order of the spans. 0 is no gap."""
    outer = llm("a", input_tokens=0, provider="p", finish_reasons=[])
    inner = llm("b", 1, parent_span_id="a", input_tokens=7, output_tokens=5, provider="q", response_model="m")
    innermost = llm("c", 2, parent_span_id="b", output_tokens=6, finish_reasons=["stop"], first_token_ns=4)
    (call,) = row_of(outer, inner, innermost)["calls"]
    filled = ("input_tokens", "output_tokens", "provider", "response_model", "finish_reasons", "first_token_ns")
    assert [call[name] for name in filled] == [0, 5, "p", "m", ["stop"], 4]


def test_a_reported_cost_beats_a_computed_one() -> None:
    """Then an outer one an inner one; without any the outermost says why."""
    outer = llm("a", cost_usd=Decimal(1), cost_source="computed")
    inner = llm("b", 1, parent_span_id="a", cost_usd=Decimal(2), cost_source="reported")
    (call,) = row_of(outer, inner)["calls"]
    assert (call["cost_usd"], call["cost_source"]) == (2, "reported")
    (call,) = row_of(outer, inner | {"cost_source": "computed"})["calls"]
    assert (call["cost_usd"], call["cost_source"]) == (1, "computed")
    (call,) = row_of(llm("a", cost_source="unpriced"), llm("b", 1, parent_span_id="a"))["calls"]
    assert (call["cost_usd"], call["cost_source"]) == (None, "unpriced")


def test_a_turn_fails_if_any_of_its_spans_failed() -> None:
    """And with it the trace and the session."""
    row = row_of(llm("a"), llm("b", 1, parent_span_id="a", failed=True, error_type="Timeout"))
    assert (row["errors"], row["failed"], row["calls"][0]["error_type"]) == (1, True, "Timeout")


def test_a_failed_span_that_is_no_turn_fails_the_trace_only() -> None:
    """Failed turns and traces with a failed span are two numbers."""
    session = session_of(llm("a"), span("b", call_kind="tool", failed=True))
    assert (session["errors"], session["error_traces"]) == (0, 1)


def test_a_server_span_counts_only_alone() -> None:
    """A gateway's, in a trace without other LLM spans; else it is no call, and nothing between others."""
    assert turns_of(llm("a", kind="server")) == ["a"]
    assert turns_of(llm("a", kind="server", session_id="s"), llm("b", 1, parent_span_id="a")) == ["b"]
    assert turns_of(llm("a"), llm("b", kind="server", parent_span_id="a"), llm("c", parent_span_id="b")) == ["a"]


def test_embeddings_merge_alike() -> None:
    """Nested through an LLM span, by response id, and doubly instrumented; never with a turn."""
    nested = [
        span("a", call_kind="embedding", input_tokens=3),
        llm("b", parent_span_id="a", input_tokens=4),
        span("c", parent_span_id="b", call_kind="embedding", input_tokens=3),
    ]
    row = row_of(*nested)
    assert (row["embeddings"], row["turns"], row["input_tokens"]) == (1, 1, 7)
    same = [span(x, call_kind="embedding", response_id="r") for x in ("a", "b")]
    assert row_of(*same)["embeddings"] == 1
    twice = [span(x, call_kind="embedding", scope_name=x) for x in ("a", "b")]
    assert row_of(*twice)["embeddings"] == 1


def test_a_tool_inside_one_of_its_name_is_part_of_it() -> None:
    """However far inside; one without a name is part of none."""
    tools = [
        span("a", call_kind="tool", tool_name="search"),
        span("b", parent_span_id="a", call_kind="tool", tool_name="fetch"),
        span("c", parent_span_id="b", call_kind="tool", tool_name="search"),
        span("d", parent_span_id="a", call_kind="tool"),
        span("e", parent_span_id="d", call_kind="tool"),
    ]
    row = row_of(*tools)
    assert [call["span_id"] for call in row["calls"]] == ["a", "b", "d", "e"]
    assert (row["tool_calls"], row["tools"]) == (4, ["fetch", "search"])


def test_agents_and_retrievals_are_calls_without_usage() -> None:
    """What they report is a repetition, where the turns know it."""
    spent: Row = {"input_tokens": 5, "cost_usd": Decimal(1), "cost_source": "reported"}
    agent, retrieval = span("a", call_kind="agent", **spent), span("b", 1, call_kind="retrieval", **spent)
    row = row_of(agent, retrieval, llm("c", 2, **spent))
    assert [(call["kind"], call["input_tokens"], call["cost_usd"], call["cost_source"]) for call in row["calls"]] == [
        ("agent", None, None, ""),
        ("retrieval", None, None, ""),
        ("llm", 5, 1, "reported"),
    ]
    assert (row["input_tokens"], row["cost_usd"]) == (5, 1)


# Usage and cost


def test_models_are_the_response_models_else_the_requested() -> None:
    """What was asked for stands apart."""
    row = row_of(llm("a", request_model="m", response_model="m-2026"), llm("b", request_model="n"))
    assert (row["models"], row["requested_models"]) == (["m-2026", "n"], ["m", "n"])


def test_a_wrappers_usage_counts_where_no_turn_has_any() -> None:
    """The outermost wrapper's only; the turns do not grow."""
    rows = [
        span("a", call_kind="agent", input_tokens=9, cost_usd=Decimal(1), cost_source="reported"),
        span("b", parent_span_id="a", output_tokens=5),
        llm("c", parent_span_id="b"),
        span("d", 1, output_tokens=2, request_model="m"),
    ]
    row = row_of(*rows)
    assert (row["turns"], row["input_tokens"], row["output_tokens"], row["cost_usd"]) == (1, 9, 2, 1)
    assert [(call["span_id"], call["kind"], call["input_tokens"], call["output_tokens"]) for call in row["calls"]] == [
        ("a", "agent", 9, None),
        ("c", "llm", None, None),
        ("d", "wrapper", None, 2),
    ]
    assert (row["unpriced_usage"], row["models"], row["unpriced_turns"]) == (True, ["m"], 1)


def test_a_wrappers_usage_does_not_count_beside_a_turns() -> None:
    """Even a count of 0 is usage."""
    row = row_of(span("a", call_kind="agent", input_tokens=9), llm("b", reasoning_tokens=0))
    assert (row["input_tokens"], row["unpriced_usage"]) == (0, False)


def test_an_llm_span_around_different_answers_is_a_wrapper_too() -> None:
    """Its usage counts where the answers know none."""
    answers = [llm(x, parent_span_id="a", response_id=x) for x in ("b", "c")]
    row = row_of(llm("a", input_tokens=9, response_model="m"), *answers)
    assert (row["turns"], row["input_tokens"], row["unpriced_usage"]) == (2, 9, False)
    assert [call["kind"] for call in row["calls"]] == ["wrapper", "llm", "llm"]


def test_wrapper_usage_is_decided_per_session_of_a_trace() -> None:
    """A turn with usage in another session of the trace says nothing here."""
    rows = [span("a", input_tokens=9), llm("b", parent_span_id="a", session_id="other", input_tokens=1)]
    assert (row_of(*rows)["input_tokens"], row_of(*rows, session="other")["input_tokens"]) == (9, 1)


def test_a_tool_or_an_embedding_is_no_wrapper() -> None:
    """A tool's usage never counts; an embedding's counts as its own."""
    row = row_of(span("a", call_kind="tool", input_tokens=9), span("b", call_kind="embedding", input_tokens=1))
    assert (row["input_tokens"], row["unpriced_usage"]) == (1, False)


def test_total_is_input_and_output() -> None:
    """The other counts are parts of these."""
    session = session_of(llm("a", input_tokens=5, output_tokens=3, cache_read_tokens=4, reasoning_tokens=2))
    assert (session["total_tokens"], session["cache_read_tokens"], session["reasoning_tokens"]) == (8, 4, 2)


def test_cost_is_the_sum_of_what_is_known() -> None:
    """Null only where nothing is; a failed turn without usage is not unpriced."""
    rows = [
        llm("a", cost_usd=Decimal("0.000000000001")),
        llm("b", input_tokens=3),
        llm("c", failed=True),
        llm("d", failed=True, input_tokens=0),
    ]
    row = row_of(*rows)
    assert (row["cost_usd"], row["unpriced_turns"]) == (Decimal("0.000000000001"), 2)
    assert row_of(*rows[1:])["cost_usd"] is None


# Trace and session


def test_a_trace_is_named_by_its_root() -> None:
    """In whatever session that is; without a root by its earliest span."""
    child = span("b", 0, name="child", parent_span_id="a")
    assert row_of(span("a", 1, name="root", session_id="other"), child)["name"] == "root"
    assert row_of(child, span("c", 1, name="later", parent_span_id="a"))["name"] == "child"


def test_a_trace_lasts_from_its_first_start_to_its_last_end() -> None:
    """Of its spans in that session."""
    row = row_of(span("a", 3, 4), span("b", 2, 9), span("c", 0, 20, session_id="other"))
    assert (row["started_at"], row["ended_at"]) == (2, 9)


def test_previews_are_the_first_question_and_the_last_answer() -> None:
    """Of the earliest turn, and of the latest turn that has one."""
    rows = [
        llm("a", 0, 1, input_preview="q1", output_preview="a1"),
        llm("b", 2, 3, input_preview="q2", output_preview="a2"),
        llm("c", 4, 5, input_preview="q3"),
        span("d", 0, 9, input_preview="outer q", output_preview="outer a"),
    ]
    row = row_of(*rows)
    assert (row["input_preview"], row["output_preview"]) == ("q1", "a2")


def test_without_the_turns_words_the_outermost_spans_give_the_previews() -> None:
    """A later turn's question is not the session's first; and an inner span's words are not said to the user."""
    rows = [
        llm("a", 0, 1, parent_span_id="d"),
        llm("b", 2, 3, parent_span_id="d", input_preview="q2"),
        span("d", 5, 9, input_preview="outer q", output_preview="outer a"),
        span("e", 4, 9, parent_span_id="elsewhere"),
        span("f", 0, 9, parent_span_id="d", input_preview="inner", output_preview="inner"),
    ]
    row = row_of(*rows)
    assert (row["input_preview"], row["output_preview"]) == ("outer q", "outer a")


def test_lists_are_distinct_and_sorted_by_bytes() -> None:
    """Without the empty one, whole however long."""
    rows = [span("a", tags=["é", "z", ""], metadata={"k": "v"}), span("b", tags=["Z", "z"], metadata={"k": "u"})]
    session = session_of(*rows)
    assert (session["tags"], session["metadata"]) == (["Z", "z", "é"], [("k", "u"), ("k", "v")])
    assert len(session_of(span("a", tags=[f"t{n}" for n in range(120)]))["tags"]) == 120


def test_active_time_leaves_idle_gaps_out() -> None:
    """Overlapping traces count once."""
    times = [(0, 10), (5, 12), (30, 40), (33, 34), (50, 50)]
    session = session_of(*(span("a", *when, trace_id=str(n)) for n, when in enumerate(times)))
    assert (session["duration_ns"], session["active_ns"], session["traces"]) == (50, 22, 5)
    assert session["avg_trace_ns"] == Fraction(10 + 7 + 10 + 1, 5)


def test_averages_are_over_the_turns_themselves() -> None:
    """Not over traces; failed ones included; and a percentile lies between the values around it."""
    rows = [llm("a", 0, 10, trace_id="t1"), llm("a", 0, 20, failed=True), llm("b", 30, 60, first_token_ns=4)]
    session = session_of(*rows)
    assert (session["avg_turn_ns"], session["p95_turn_ns"], session["first_token_ns"]) == (20, 29, 4)


def test_without_turns_there_is_no_average() -> None:
    """Null, not 0."""
    session = session_of(span("a"))
    assert [session[name] for name in ("avg_turn_ns", "p95_turn_ns", "first_token_ns", "cost_usd")] == [None] * 4


def test_a_session_has_the_user_of_its_earliest_span_with_one() -> None:
    """And the words of its first and last trace that have some."""
    rows = [
        span("a", 0, trace_id="t1", output_preview="one"),
        span("a", 5, trace_id="t3", user_id="bob", input_preview="three", output_preview="three"),
        span("a", 5, trace_id="t2", user_id="ada", input_preview="two"),
    ]
    session = session_of(*rows)
    assert (session["user_id"], session["user_ids"]) == ("ada", ["ada", "bob"])
    assert (session["input_preview"], session["output_preview"]) == ("two", "three")


# Deletion


def test_a_deleted_session_takes_what_resolves_to_it() -> None:
    """Bound spans too; a span started later opens it anew."""
    grave = Tombstone("p", "session", "s", DELETED_AT)
    rows = [span("a", 0), span("b", 99, session_id=""), span("c", 100, 110), span("d", session_id="other")]
    assert sessions_of(*rows, graves=[grave]) == {"s": 1, "other": 1}
    assert sessions_of(*rows, graves=[grave._replace(project_id="q")]) == {"s": 3, "other": 1}


def test_a_deleted_trace_takes_its_spans_without_an_id() -> None:
    """Those that come late, when nothing tells any more whose they were."""
    rows = [span("a", session_id=""), span("b"), span("c", 100, 110, session_id="")]
    assert sessions_of(*rows, graves=[Tombstone("p", "trace", "t", DELETED_AT)]) == {"s": 2}


def test_a_deleted_user_takes_the_spans_of_that_user() -> None:
    """Those bound to the user too, in whatever session."""
    rows = [span("a", user_id="ada"), span("b", 1, session_id="other"), span("c", user_id="bob")]
    assert sessions_of(*rows, graves=[Tombstone("p", "user", "ada", DELETED_AT)]) == {"s": 1}
    assert sessions_of(*rows, graves=[Tombstone("p", "trace_user", "t", DELETED_AT)]) == {"s": 2}


def test_a_deleted_project_is_empty() -> None:
    """Until something starts later."""
    rows = [span("a"), span("b", 100, 110)]
    assert sessions_of(*rows, graves=[Tombstone("p", "project", "p", DELETED_AT)]) == {"s": 1}


def test_what_a_deletion_leaves_is_bound_anew() -> None:
    """By what is left alone, as if the dead had never come; which another deletion may bury in turn."""
    rows = [span("a", 0, session_id="gone"), span("b", 50, 60, session_id=""), span("c", 200, 210, parent_span_id="x")]
    grave = Tombstone("p", "session", "gone", 10)
    assert sessions_of(*rows, graves=[grave]) == sessions_of(*rows[1:]) == {"s": 2}
    assert sessions_of(*rows, graves=[grave, Tombstone("p", "session", "s", DELETED_AT)]) == {"s": 1}
    assert sessions_of(*rows[:2], graves=[grave]) == {"": 1}


def test_what_is_deleted_is_nobodys_parent() -> None:
    """A call inside a deleted one stands for itself."""
    rows = [llm("a", 0, 200), llm("b", 100, 200, parent_span_id="a"), llm("c", 100, 200, parent_span_id="a")]
    row = row_of(*rows, graves=[Tombstone("p", "session", "s", DELETED_AT)])
    assert [call["span_id"] for call in row["calls"]] == ["b", "c"]


# Scores


def test_a_score_belongs_to_its_span_its_trace_or_its_session() -> None:
    """A trace's to the session the trace is bound to; what names a span that is not there to none."""
    rows = [span("a"), span("b", session_id="other", parent_span_id="a")]
    named: Row = {"project_id": "p", "trace_id": "t", "name": "help"}
    given_scores: list[Row] = [
        named | {"span_id": "b", "value": 1.0},
        named | {"value": 0.5},
        named | {"span_id": "gone", "value": 7.0},
        {"project_id": "p", "session_id": "s", "name": "help", "label": "good"},
        {"project_id": "q", "session_id": "s", "name": "help", "label": "good"},
    ]
    traces = expected_traces(rows, scores=given_scores)
    assert traces["p", "other", "t"]["scores"] == [("help", 1.0, "")]
    assert traces["p", "s", "t"]["scores"] == [("help", 0.5, "")]
    sessions = expected_sessions(rows, scores=given_scores)
    assert sessions["p", "s"]["scores"] == [("help", Fraction(1, 2), "", 1), ("help", None, "good", 1)]


def test_scores_are_counted_per_name_and_label() -> None:
    """Numbers have a mean; one sent twice is once."""
    named: Row = {"project_id": "p", "session_id": "s", "name": "n"}
    numbers = [named | {"value": value, "score_id": f"{value}"} for value in (1.0, 2.0)]
    replaced = [
        named | {"label": label, "score_id": "x", "received_at": at} for at, label in enumerate(("bad", "good"))
    ]
    sessions = expected_sessions([span("a")], scores=[*replaced, *numbers, *numbers])
    assert sessions["p", "s"]["scores"] == [("n", Fraction(3, 2), "", 2), ("n", None, "good", 1)]


# Whatever arrives


# Histories are larger than Hypothesis thinks healthy.
whatever_arrives = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


@whatever_arrives
@given(st.data())
def test_arrival_changes_nothing(data: st.DataObject) -> None:
    """Any order, some of it twice: the same sessions."""
    history = data.draw(histories.histories(deletions=True, scored=True))
    arrived = [row for batch in data.draw(histories.batches(history)) for row in batch]
    expected = expected_sessions(history.rows, history.tombstones, history.scores)
    assert expected_sessions(arrived, history.tombstones, history.scores[::-1]) == expected


@whatever_arrives
@given(histories.histories())
def test_every_span_is_counted_once(history: histories.History) -> None:
    """In one session of its trace; and every call stands on a span of its own."""
    traces = expected_traces(history.rows)
    identities = {(row["project_id"], row["trace_id"], row["span_id"]) for row in history.rows}
    assert sum(row["spans"] for row in traces.values()) == len(identities)
    calls = [(key[0], key[2], call["span_id"]) for key, row in traces.items() for call in row["calls"]]
    assert len(calls) == len(set(calls))
    assert set(calls) <= identities


@whatever_arrives
@given(histories.histories())
def test_times_are_recent_and_past(history: histories.History) -> None:
    """No history lies in the future or beyond a few days."""
    for row in history.rows:
        assert histories.NOW_NS - 3 * 86_400 * histories.SECOND_NS < row["started_at"] <= row["ended_at"]
        assert row["ended_at"] <= histories.NOW_NS
        assert row["received_at"] * 1000 <= histories.NOW_NS
