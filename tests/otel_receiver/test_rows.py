"""Span and call to row: every column of the table is written, and says what it should."""

from decimal import Decimal
from typing import Any

import pytest
from clickhouse_connect.driver import Client

from clickhouse.projects import Project
from otel_receiver.batch import merged
from otel_receiver.call import Call, Content, Ids, Score, Usage
from otel_receiver.pricing import Prices
from otel_receiver.rows import write_rows
from otel_receiver.span import Event, Link, Resource, Scope
from tests.otel_receiver.spans import CALL, NOW_NS, SHOP, rows, span

SCORE = Score("helpful", 0.5, "good", "because", NOW_NS)


def columns_of(client: Client, table: str) -> dict[str, tuple[str, str, str]]:
    described = client.query(
        "SELECT name, type, default_kind, default_expression FROM system.columns"
        " WHERE database = currentDatabase() AND table = {table:String}",
        parameters={"table": table},
    )
    return {name: (kind, default, expression) for name, kind, default, expression in described.result_rows}


def test_rows_and_tables_have_the_same_columns(shared_client: Client) -> None:
    """What the database fills in itself apart; and a column left out of an insert for being empty stays empty."""
    batch = rows(span(), call=CALL._replace(scores=(SCORE,)))
    for table, written in (("spans", batch.spans), ("scores", batch.scores)):
        known = columns_of(shared_client, table)
        assert {name for name, (_, default, _) in known.items() if default == ""} == set(written)


def one(**changes: Any) -> dict[str, Any]:
    """The row of one span, changed so."""
    known = {"call": changes.pop("call", CALL), "project": changes.pop("project", None)}
    extra = {name: changes.pop(name) for name in ("default_session_id", "default_user_id") if name in changes}
    return {name: values[0] for name, values in rows(span(**changes), **known, **extra).spans.items()}


def test_a_row_says_what_span_and_call_say() -> None:
    """Names, times in nanoseconds, numbers, ids, cost."""
    row = one(
        parent_span_id="ab" * 8, status="error", status_message="no", sent_start_ns=7, trace_state="a=b", flags=257
    )
    assert (row["project_id"], row["name"], row["kind"], row["service"]) == ("default", "chat 1", "client", "shop")
    assert (row["started_at"], row["ended_at"]) == (NOW_NS + 1, NOW_NS + 1_000_000_001)
    assert (row["sent_start_ns"], row["sent_end_ns"], row["received_at"]) == (7, None, NOW_NS // 1000)
    assert (row["parent_span_id"], row["status"], row["status_message"]) == ("ab" * 8, "error", "no")
    assert (row["trace_state"], row["flags"]) == ("a=b", 257)
    assert (row["scope_name"], row["scope_version"]) == ("opentelemetry.instrumentation.openai", "2.4")
    assert (row["call_kind"], row["session_id"], row["conversation_id"]) == ("llm", "conv-1", "")
    assert (row["input_tokens"], row["cache_read_tokens"]) == (100, None)
    assert (row["cost_usd"], row["cost_source"]) == (Decimal("0.000027"), "computed")
    assert row["resource_attributes"] == {"service.name": "shop", "host.cpus": "8"}


def test_the_numbers_of_a_call_keep_absent_apart_from_zero() -> None:
    """Absent is null; zero is zero."""
    row = one(call=Call(usage=Usage(0, None), first_token_ns=0))
    assert (row["input_tokens"], row["output_tokens"], row["first_token_ns"]) == (0, None, 0)
    assert one(call=Call())["first_token_ns"] is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("as it is", "as it is"),
        ("", ""),
        (7, "7"),
        (2**63, "9223372036854775808"),
        (True, "true"),
        (0.5, "0.5"),
        (1e300, "1e+300"),
        (float("nan"), "nan"),
        (b"\x00\xff", "00ff"),
        (None, "null"),
        ([1, "a", None, [True]], '[1,"a",null,[true]]'),
        ({"a": b"\x01", "b": {}}, '{"a":"01","b":{}}'),
        ([2**70], "[1180591620717411303424]"),
    ],
)
def test_attributes_are_stored_as_text(value: Any, text: str) -> None:
    """Strings as they are, bytes as hex, everything else as JSON."""
    assert one(attributes={"k": value})["attributes"] == {"k": text}


def test_what_a_dialect_took_whole_is_not_stored_twice() -> None:
    """And what it could not parse goes where content goes; the rest stays with the attributes."""
    call = Call(consumed=frozenset({"gen_ai.input.messages", "odd"}), content=Content("[]"))
    attributes = {"gen_ai.input.messages": "[]", "odd": 1, "gen_ai.output.messages": "{broken", "gen_ai.system": "x"}
    row = one(attributes=attributes, call=call)
    assert row["attributes"] == {"gen_ai.system": "x"}
    assert row["content_attributes"] == {"gen_ai.output.messages": "{broken"}
    assert row["input_messages"] == "[]"


def test_events_and_links_become_lists() -> None:
    """One list per field, in order; the content of an event that a dialect took is not stored twice."""
    events = (
        Event(5, "gen_ai.choice", {"message": "said", "index": 0}),
        Event(6, "exception", {"exception.type": "E", "exception.message": "m"}, 2),
    )
    row = one(
        events=events,
        links=(Link("t", "s", "x=y", {"a": [1]}, flags=3),),
        call=Call(consumed_events=frozenset({0})),
    )
    assert (row["events.at"], row["events.name"]) == ([5, 6], ["gen_ai.choice", "exception"])
    assert row["events.attributes"] == [{"index": "0"}, {"exception.type": "E", "exception.message": "m"}]
    assert row["events.dropped_attributes"] == [0, 2]
    assert (row["links.trace_id"], row["links.attributes"], row["links.flags"]) == (["t"], [{"a": "[1]"}], [3])


def test_the_request_says_whose_spans_are_nobodys() -> None:
    """Normalised like any other id."""
    row = one(default_session_id=" s-1 ", default_user_id="null")
    assert (row["default_session_id"], row["default_user_id"]) == ("s-1", "")
    ids = Ids(conversation_id="c", resource_session_id="r", user_id="u", resource_user_id="ru", user_key="user.id")
    row = one(call=Call(ids=ids))
    assert (row["session_id"], row["conversation_id"], row["resource_session_id"]) == ("", "c", "r")
    assert (row["user_id"], row["resource_user_id"], row["user_key"]) == ("u", "ru", "user.id")


def test_flaws_of_span_and_call_are_united() -> None:
    """Each once."""
    assert one(flaws=("a", "b"), call=Call(flaws=("b", "c")))["flaws"] == ("a", "b", "c")
    assert one(flaws=("a",), call=Call())["flaws"] == ("a",)
    assert one(call=Call(flaws=("c",)))["flaws"] == ("c",)


def test_lifetimes_come_from_the_project() -> None:
    """Content goes its own days after the end of its span; 1970 is never; nothing overflows."""
    row = one(project=Project("p", retention_days=90, content_days=30))
    assert (row["project_id"], row["retention_days"]) == ("p", 90)
    assert row["content_until"] == (NOW_NS + 1_000_000_001) // 10**9 + 30 * 86_400
    assert one()["content_until"] == 0
    assert one(end_ns=9 * 10**18, project=Project("p", content_days=36_500))["content_until"] == 2**32 - 1


def test_spans_of_several_resources_keep_their_own() -> None:
    """Shared maps are shared by identity, not by accident."""
    other = Resource({"service.name": 5})
    batch = rows(span(1), span(2, resource=other), span(3, scope=Scope(attributes={"a": 1})))
    assert batch.spans["service"] == ["shop", "5", "shop"]
    assert batch.spans["resource_attributes"][0] is batch.spans["resource_attributes"][2]
    assert list(batch.spans["scope_attributes"]) == [{}, {}, {"a": "1"}]


def test_scores_are_rows_of_their_own() -> None:
    """Sent twice is the same row; a number that is none is null; without a time it is the span's end."""
    calls = [Call(scores=(SCORE, Score("odd", float("nan")))), Call()]
    spans = [span(1), span(2)]
    scores = write_rows(spans, calls, Project("p"), Prices(), received_ns=NOW_NS).scores
    again = write_rows(spans, calls, Project("p"), Prices(), received_ns=NOW_NS + 5000).scores
    assert scores["score_id"] == again["score_id"]
    assert len(set(scores["score_id"])) == 2
    assert scores["value"] == [0.5, None]
    assert scores["scored_at"] == [NOW_NS, spans[0].end_ns]
    assert scores["span_id"] == [spans[0].span_id] * 2


def test_no_spans_are_no_rows() -> None:
    """An empty request is a request."""
    batch = rows()
    assert (batch.row_count, batch.trace_ids()) == (0, set())


def test_batches_are_joined_and_parted_without_losing_a_row() -> None:
    """Spans first, then scores; halves joined are the whole."""
    scored = CALL._replace(scores=(SCORE,))
    whole = merged([rows(span(1), span(2), call=scored), rows(span(3)), rows(), rows(span(9), call=scored)])
    assert (whole.span_count, whole.row_count) == (4, 7)
    for cut in range(whole.row_count + 1):
        halves = [whole.part(0, cut), whole.part(cut, whole.row_count)]
        assert [half.row_count for half in halves] == [cut, whole.row_count - cut]
        joined = merged(halves)
        for ours, theirs in ((joined.spans, whole.spans), (joined.scores, whole.scores)):
            assert {name: list(values) for name, values in ours.items()} == theirs
    assert whole.trace_ids() == {("default", span(number).trace_id) for number in (1, 3, 9)}


def test_a_batch_knows_roughly_what_it_costs_to_hold() -> None:
    """Texts count, wherever they are."""
    small = rows(span())
    assert rows(span(attributes={"x": "y" * 10_000})).size >= small.size + 9_900
    assert rows(span(), call=Call(content=Content("y" * 10_000))).size >= 10_000
    assert SHOP.attributes["host.cpus"] == 8
