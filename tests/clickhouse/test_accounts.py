"""How log records are joined to the spans of their trace, rule by rule."""

import itertools
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clickhouse.rollup.accounts import joined
from clickhouse.rollup.facts import Fact, distinct
from clickhouse.rollup.fold import fold
from clickhouse.rollup.row import CallRow, SessionTrace
from tests.clickhouse.stored import default
from tests.clickhouse.test_rollup_oracle import QUIET, as_the_database_keeps
from tests.histories import History, histories

_NAMES = {"start_ns": "started_at", "end_ns": "ended_at", "received_us": "received_at"}
_NUMBERS = {"row_hash": 0, "mark": 0, "cost_pico": None}


def fact(span_id: str, parent: str, start: int, end: int, **columns: Any) -> Fact:
    known = {**{field: default(_NAMES.get(field, field)) for field in Fact._fields}, **_NUMBERS}
    own = {"project_id": "p", "trace_id": "t", "span_id": span_id, "parent_span_id": parent, "kind": "client"}
    return Fact(**{**known, **own, "start_ns": start, "end_ns": end, **columns})


def llm(span_id: str, parent: str = "root", start: int = 10, end: int = 20, **columns: Any) -> Fact:
    return fact(span_id, parent, start, end, **{"call_kind": "llm", "request_model": "m", "session_id": "s", **columns})


def record(number: int, named: str, start: int = 11, end: int = 20, says: str = "call", **columns: Any) -> Fact:
    """One of a log: the reported cost tells them apart."""
    told = {"call_kind": "llm", "cost_pico": number, "cost_source": "reported", "session_id": "s"}
    return fact(f"log-{number}", named, start, end, **{"kind": says, **told, **columns})


def part(number: int, named: str, at: int, **columns: Any) -> Fact:
    return record(number, named, at, at, **{"says": "part", "cost_pico": None, "cost_source": "", **columns})


ROOT = fact("root", "", 0, 100, call_kind="agent", name="root", session_id="s")


def row_of(spans: Iterable[Fact], *records: Fact) -> SessionTrace:
    """The trace's row in its one session; the same whatever came first, and with everything twice."""
    spans = list(spans)
    rows = fold(spans, (), (), records=records).rows
    again = fold(spans[::-1], (), (), records=[*records[::-1], *records]).rows
    [row] = [row for row in rows if row.session_id == "s"]
    assert [row] == [row for row in again if row.session_id == "s"]
    return row


def turns_of(row: SessionTrace) -> list[CallRow]:
    return [call for call in row.calls if call.kind == "llm"]


def costs(row: SessionTrace) -> dict[str, int | None]:
    return {call.span_id: call.cost_pico for call in row.calls if call.kind != "agent"}


def test_an_account_fills_only_the_gaps_of_its_span() -> None:
    """Response id, usage, cost, words; what the span says itself stays."""
    said = record(1, "a", response_id="r", input_tokens=5, output_tokens=6, request_model="other", input_preview="hi")
    row = row_of([ROOT, llm("a")], said)
    [turn] = turns_of(row)
    assert (turn.request_model, turn.input_tokens, turn.output_tokens, turn.cost_pico) == ("m", 5, 6, 1)
    assert (row.input_preview, row.spans, row.turns) == ("hi", 2, 1)


def test_usage_is_the_spans_or_the_accounts_but_never_both() -> None:
    """A span that knows one number knows what it used."""
    said = record(1, "a", input_tokens=5, output_tokens=6, reasoning_tokens=2)
    [turn] = turns_of(row_of([ROOT, llm("a", output_tokens=0)], said))
    assert (turn.input_tokens, turn.output_tokens, turn.reasoning_tokens) == (None, 0, None)


@pytest.mark.parametrize(
    ("span", "account", "believed"),
    [
        ((7, "reported"), (1, "reported"), (7, "reported")),
        ((7, "computed"), (1, "reported"), (1, "reported")),
        ((7, "computed"), (1, "computed"), (7, "computed")),
        ((0, "reported"), (1, "reported"), (0, "reported")),
        ((None, "unpriced"), (1, "computed"), (1, "computed")),
        ((None, ""), (None, ""), (None, "")),
    ],
)
def test_a_reported_cost_goes_before_a_computed_one(span: Any, account: Any, believed: Any) -> None:
    """And the span's before the log's."""
    call = llm("a", input_tokens=1, cost_pico=span[0], cost_source=span[1])
    [turn] = turns_of(row_of([ROOT, call], record(1, "a", cost_pico=account[0], cost_source=account[1])))
    assert (turn.cost_pico, turn.cost_source) == believed


def test_an_account_is_joined_before_calls_are_merged() -> None:
    """The response id that it brings shows that two spans are one call."""
    spans = [ROOT, llm("a", scope_name="one"), llm("b", start=12, scope_name="two", response_id="r")]
    nested = [ROOT, llm("a", response_id="q"), llm("b", "a", start=12)]
    assert row_of(spans, record(1, "a", response_id="r")).turns == 1
    assert costs(row_of(nested, record(1, "b", response_id="r"))) == {"b": 1}


def test_records_around_calls_find_them_by_time() -> None:
    """Each takes the call that it overlaps longest, though their clocks round."""
    spans = [ROOT, llm("a", start=10, end=20), llm("b", start=20, end=30), llm("c", start=31, end=40, session_id="")]
    records = [
        record(1, "root", 11, 21, "around"),
        record(2, "root", 19, 30, "around"),
        record(3, "root", 33, 41, "around"),
    ]
    assert costs(row_of(spans, *records)) == {"a": 1, "b": 2, "c": 3}


def test_a_response_id_says_more_than_time() -> None:
    """Also for a record that came when its call was over."""
    spans = [ROOT, llm("a", start=10, end=50, response_id="r1"), llm("b", start=10, end=50, response_id="r2")]
    records = [record(1, "root", 60, 60, response_id="r2"), record(2, "root", 45, 45, response_id="r1")]
    assert costs(row_of(spans, *records)) == {"a": 2, "b": 1}


def test_records_look_for_calls_within_the_span_they_name() -> None:
    """Two agents work at the same time; one of their spans has not come yet."""
    here = fact("here", "root", 0, 50, call_kind="agent", session_id="s")
    step = fact("step", "away", 0, 50, session_id="s")
    spans = [ROOT, here, step, llm("a", "here"), llm("b", "step")]
    records = [record(1, "away", 10, 20, "around"), record(2, "here", 10, 20, "around")]
    assert costs(row_of(spans, *records)) == {"a": 2, "b": 1}


def test_a_record_that_names_no_span_looks_in_all_of_its_trace() -> None:
    """By the same rules."""
    assert costs(row_of([ROOT, llm("a", start=10, end=20), llm("b", start=30, end=40)], record(1, "", 31, 39))) == {
        "a": None,
        "b": 1,
    }


def test_tools_are_joined_to_tools_of_their_name() -> None:
    """Not to the model's call that lasts as long."""
    spans = [
        ROOT,
        llm("a"),
        *(fact(name, "root", 10, 20, call_kind="tool", tool_name=name) for name in ("Read", "Write")),
    ]
    said = record(1, "root", 10, 20, "around", call_kind="tool", tool_name="Write")
    assert costs(row_of(spans, said))["Write"] is None  # a tool's cost does not count
    joint = joined({span.span_id: span for span in spans}, [said])
    assert joint.hosts == {"log-1": "Write"}


def test_accounts_without_a_span_stand_as_calls_of_their_own() -> None:
    """As the span they name, or below it; two requests in one span are two."""
    records = [record(1, "gone", 5, 9), record(2, "root", 50, 60, "around"), record(3, "root", 70, 80, "around")]
    row = row_of([ROOT, llm("a")], *records)
    assert costs(row) == {"gone": 1, "a": None, "log-2": 2, "log-3": 3}
    assert (row.turns, row.spans, row.name, row.cost_pico) == (4, 5, "root", 6)


def test_what_stood_for_a_call_goes_when_its_span_comes() -> None:
    """Nothing of it is left beside the span."""
    said = record(1, "a", 11, 20, input_tokens=5)
    assert costs(row_of([ROOT], said)) == {"a": 1}
    row = row_of([ROOT, llm("a", start=10, end=20)], said)
    assert (costs(row), row.spans, row.input_tokens) == ({"a": 1}, 2, 5)


def test_a_trace_may_be_known_by_logs_alone() -> None:
    """Its session, its calls and its words."""
    row = row_of(
        [], record(1, "a", input_tokens=5, failed=True), part(2, "root", 5, call_kind="agent", input_preview="q")
    )
    assert (row.turns, row.errors, row.failed, row.spans, row.input_tokens, row.cost_pico) == (1, 1, True, 2, 5, 1)
    assert row.input_preview == "q"


def test_two_answers_told_of_one_span_that_never_came_are_two_calls() -> None:
    """And two accounts of one answer are one."""
    records = [record(1, "gone", response_id="r1"), record(2, "gone", response_id="r2")]
    same = record(3, "gone", response_id="r1", input_tokens=5, cost_pico=1)
    row = row_of([ROOT], *records, same)
    assert (row.turns, row.cost_pico, row.input_tokens) == (2, 3, 5)


def test_parts_of_one_call_are_one_account() -> None:
    """The user's last words, the first answer; an exception makes it a failure."""
    parts = [
        part(1, "a", 10, input_preview="first"),
        part(2, "a", 11, input_preview="last"),
        part(3, "a", 12, output_preview="answer"),
        part(4, "a", 13, call_kind="", failed=True, error_type="x"),
    ]
    alone = row_of([ROOT], *parts)
    assert (alone.turns, alone.errors, alone.input_preview, alone.output_preview) == (1, 1, "last", "answer")
    filled = row_of([ROOT, llm("a")], *parts)
    assert (filled.turns, filled.errors, filled.input_preview, filled.output_preview) == (1, 0, "last", "answer")


def test_parts_in_a_span_that_is_no_call_make_none() -> None:
    """They go to the call below it, else they are that span's words."""
    plain = fact("plain", "", 0, 100, session_id="s")
    words = part(1, "plain", 12, input_preview="hi")
    row = row_of([plain, llm("a", "plain")], words)
    assert (row.turns, row.input_preview) == (1, "hi")
    row = row_of([plain], words)
    assert (row.turns, row.spans, row.input_preview) == (0, 1, "hi")


def test_ids_of_records_bind_their_spans() -> None:
    """A session or user that only logs name is the trace's."""
    nobody = [ROOT._replace(session_id=""), llm("a", session_id="")]
    row = row_of(nobody, part(1, "a", 12, session_id="s", user_id="u"))
    assert (row.spans, row.user_id) == (2, "u")


def test_a_deleted_span_takes_its_records_with_it() -> None:
    """So nothing of it stands up again."""
    joint = joined({"root": ROOT, "a": llm("a")}, [record(1, "a"), record(2, "root", 11, 20, "around"), record(3, "")])
    assert joint.hosts["log-1"] == "a"
    assert set(joint.hosts) == {"log-1", "log-2", "log-3"}


records_of_any_kind = st.builds(
    record,
    st.integers(0, 9),
    st.sampled_from(["", "root", "a", "b", "gone", "log-1"]),
    st.integers(0, 30),
    st.integers(10, 40),
    st.sampled_from(["call", "part", "around"]),
    call_kind=st.sampled_from(["", "llm", "tool", "agent"]),
    response_id=st.sampled_from(["", "r", "q"]),
)
spans_of_any_kind = st.builds(
    llm,
    st.sampled_from("abcd"),
    st.sampled_from(["", "root", "a", "b", "gone"]),
    st.integers(0, 30),
    st.integers(10, 40),
    call_kind=st.sampled_from(["", "llm", "tool"]),
    response_id=st.sampled_from(["", "r"]),
)


@given(st.lists(spans_of_any_kind), st.lists(records_of_any_kind))
@settings(max_examples=150, deadline=None)
def test_every_record_finds_a_place_and_no_span_is_lost(spans: list[Fact], records: list[Fact]) -> None:
    """Whatever they say: each is in one span, each span keeps what it knew, and only records make more."""
    received, _ = distinct([ROOT, *spans])
    joint = joined(received, records)
    assert joint.hosts.keys() == {each.span_id for each in records}
    assert set(joint.hosts.values()) | received.keys() == joint.spans.keys()
    for span_id, span in received.items():
        kept = joint.spans[span_id]
        assert (kept.start_ns, kept.end_ns, kept.failed, kept.call_kind) == (
            span[4],
            span[5],
            span.failed,
            span.call_kind,
        )
        assert span.response_id in ("", kept.response_id)
    assert sum(row.spans for row in fold(list(received.values()), records=records).rows) == len(joint.spans)


@given(histories())
@settings(max_examples=60, deadline=None, suppress_health_check=QUIET)
def test_records_that_say_what_their_spans_say_change_nothing(history: History) -> None:
    """Whatever the spans are: every field of every row is the oracle's, with a record beside each span or without."""
    by_trace: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in history.rows:
        by_trace.setdefault((row["project_id"], row["trace_id"]), []).append(row)
    for facts in map(as_the_database_keeps, by_trace.values()):
        same = [
            each._replace(span_id=f"log-{span_id}", parent_span_id=span_id, kind="call")
            for span_id, each in distinct(facts)[0].items()
        ]
        assert fold(facts, records=same).rows == fold(facts).rows


def test_thousands_of_calls_and_records_are_joined_in_a_moment() -> None:
    """Time is gone through once, not once per call."""
    calls = [llm(f"{number:016x}", start=10 * number, end=10 * number + 8) for number in range(5_000)]
    records = [record(number, "root", 10 * number + 1, 10 * number + 8, "around") for number in range(5_000)]
    joint = joined({span.span_id: span for span in [ROOT, *calls]}, records)
    assert len(joint.spans) == 5_001
    pairs = itertools.islice(joint.hosts.items(), 100)
    assert all(int(name.removeprefix("log-")) == int(span_id, 16) for name, span_id in pairs)
