"""Every query of every dashboard, as the plugin sends it, as Grafana's user, on what real SDKs have sent."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import pytest
from clickhouse_connect.datatypes.base import ClickHouseType
from clickhouse_connect.driver import Client

from clickhouse.engine_config import VIEWS
from tests.clickhouse.grafana.conftest import Stand, chosen
from tests.clickhouse.grafana.plugin import Dashboard, Value, expanded
from tests.clickhouse.grafana.shipped import Query, queries

QUERIES = list(queries())
BY_ID = {query.id: query for query in QUERIES}
TRACE_FIELDS = {
    "traceID": "String",
    "spanID": "String",
    "parentSpanID": "String",
    "serviceName": "String",
    "operationName": "String",
    "startTime": "Float64",
    "duration": "Float64",
    "tags": "Array(Map(String, String))",
    "serviceTags": "Array(Map(String, String))",
    "statusCode": "UInt8",
    "logs": "Array(Tuple(name String, timestamp String, fields Array(Map(String, String))))",
}
"""What the panel of a trace needs; milliseconds, and 2 for an error (src/data/utils.ts of the plugin)."""


class Answer(NamedTuple):
    names: Sequence[str]
    types: Sequence[ClickHouseType]
    rows: Sequence[Sequence[Any]]

    def column(self, name: str) -> list[Any]:
        return [row[self.names.index(name)] for row in self.rows]


def answer(user: Client, query: Query, dashboard: Dashboard) -> Answer:
    found = user.query(expanded(query.sql, dashboard))
    return Answer(found.column_names, found.column_types, found.result_rows)


def some_session(stand: Stand, project: str = "a") -> Mapping[str, Value]:
    """With the trace in which most happened."""
    [(session, trace)] = stand.owner.query(
        f"SELECT session_id, trace_id FROM v_traces WHERE project_id = '{project}' AND session_id != '' "
        "AND session_id NOT LIKE '%''%' ORDER BY spans DESC, session_id LIMIT 1"
    ).result_rows
    return {"project": project, "session": session, "trace": trace}


def everything(stand: Stand, query: Query) -> Dashboard:
    return chosen(**some_session(stand)) if query.dashboard == "session" else chosen()


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.id)
def test_a_query_answers_in_the_shape_of_its_panel(stand: Stand, query: Query) -> None:
    """With something to show."""
    found = answer(stand.grafana, query, everything(stand, query))
    assert found.rows
    SHAPES[query.kind](found)


def is_over_time(found: Answer) -> None:
    """The plugin turns rows into series: the time first and growing, texts name a series, the rest are its numbers."""
    first, *others = found.types
    assert first.name.startswith("DateTime")
    assert found.names[0] == "time"
    assert found.column("time") == sorted(found.column("time"))
    texts = [is_text(each) for each in others]
    assert any(not text for text in texts)
    assert all(is_number(each) or is_text(each) for each in others)
    keys = [tuple(row[0:1]) + tuple(v for v, t in zip(row[1:], texts, strict=True) if t) for row in found.rows]
    assert len(keys) == len(set(keys))


def is_one_row_of_numbers(found: Answer) -> None:
    assert len(found.rows) == 1
    assert all(is_number(each) for each in found.types)


def is_table(found: Answer) -> None:
    """Of things that a cell can show, under names that differ."""
    assert len(set(found.names)) == len(found.names)
    assert not any("Map" in each.name or "Tuple" in each.name for each in found.types)
    assert not any("Decimal" in each.name for each in found.types)


def is_bars(found: Answer) -> None:
    name, number = found.types
    assert is_text(name)
    assert is_number(number)


def is_along_a_number(found: Answer) -> None:
    """Which grows."""
    assert all(is_number(each) for each in found.types)
    along = [row[0] for row in found.rows]
    assert along == sorted(set(along))


def is_trace(found: Answer) -> None:
    types = {name: each.name for name, each in zip(found.names, found.types, strict=True)}
    assert TRACE_FIELDS.items() <= {name: plain(kind) for name, kind in types.items()}.items()
    assert "" in found.column("parentSpanID")
    assert len(set(found.column("spanID"))) == len(found.rows) > 1


def is_choice(found: Answer) -> None:
    """One column, of values that are there once."""
    [only] = found.types
    assert is_text(only)
    assert len(found.rows) == len(set(found.rows))


SHAPES = {
    "timeseries": is_over_time,
    "stat": is_one_row_of_numbers,
    "table": is_table,
    "barchart": is_bars,
    "trend": is_along_a_number,
    "traces": is_trace,
    "variable": is_choice,
}


def plain(kind: str) -> str:
    kind = kind.replace("`", "")
    for wrapper in ("LowCardinality", "Nullable"):
        kind = kind.replace(f"{wrapper}(String)", "String").replace(f"{wrapper}(", "(")
    return kind.removeprefix("(").removesuffix(")") if kind.startswith("(") else kind


def is_text(each: ClickHouseType) -> bool:
    return "String" in each.name and not each.name.startswith(("Array", "Map"))


def is_number(each: ClickHouseType) -> bool:
    return any(word in each.name for word in ("Int", "Float")) and not each.name.startswith(("Array", "Map"))


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.id)
def test_a_query_reads_documented_views_only(query: Query) -> None:
    """By name; Grafana's user could read nothing else."""
    words = query.sql.replace("(", " ").replace("\n", " ").split()
    read = {after for word, after in pairwise(words) if word == "FROM" and after != "SELECT"}
    assert read
    assert read <= VIEWS.keys()


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.id)
def test_a_query_keeps_to_the_chosen_project(stand: Stand, query: Query) -> None:
    """There is nothing in a project that has nothing."""
    if query.title == "$project":
        return
    found = answer(stand.grafana, query, chosen(**{**some_session(stand), "project": "nobody's"}))
    assert all(not value for row in found.rows for value in row if value is not None)


@pytest.mark.parametrize("variable", ["service", "model", "environment"])
def test_a_choice_leaves_out_what_was_not_chosen(stand: Stand, variable: str) -> None:
    """In each panel that knows the variable: nothing is left of a value that nobody has."""
    for query in QUERIES:
        if f"${variable})" not in query.sql:
            continue
        found = answer(stand.grafana, query, chosen(**{variable: ["it's none", "nor this"]}))
        assert all(not value for row in found.rows for value in row if value is not None), query.id


def test_choosing_everything_by_name_is_choosing_all(stand: Stand) -> None:
    """Of services and models: each call of the recordings has both, or it would be left out."""
    sessions = BY_ID["overview: Latest sessions"]
    services = [row[0] for row in answer(stand.grafana, BY_ID["overview: $service"], chosen()).rows]
    named = answer(stand.grafana, sessions, chosen(project=["a", "b"], service=services))
    assert named.rows == answer(stand.grafana, sessions, chosen()).rows


def test_the_numbers_are_those_of_the_sessions(stand: Stand) -> None:
    """The same ones that the API tells, by whatever they are grouped."""
    sums = "sum(turns), sum(total_tokens), toFloat64(sum(cost_usd)), count(), sum(traces), sum(errors)"
    told = stand.owner.query(f"SELECT {sums} FROM v_sessions")
    [(turns, tokens, cost, *others)] = told.result_rows
    totals = answer(stand.grafana, BY_ID["overview: Active sessions"], chosen())
    names = ("sessions", "traces in them", "failed turns")
    assert [totals.column(name) for name in names] == [[number] for number in others]
    for title in ("Cost", "By model", "By service", "By user", "By conversation", "Where costs come from"):
        found = answer(stand.grafana, BY_ID[f"costs: {title}"], chosen())
        assert sum(found.column("turns")) == turns
        assert sum(each or 0 for each in found.column("cost")) == pytest.approx(cost)
    over_time = answer(stand.grafana, BY_ID["overview: Tokens"], chosen())
    assert sum(sum(row[1:]) for row in over_time.rows) == tokens
    by_model = answer(stand.grafana, BY_ID["overview: Cost by model"], chosen())
    assert sum(by_model.column("cost")) == pytest.approx(cost)


def test_traces_have_the_columns_of_opentelemetry(stand: Stand) -> None:
    """Those that the plugin's own search and trace view ask for (src/otel.ts), in types that its SQL computes with."""
    described = stand.grafana.query("DESCRIBE TABLE otel_traces").result_rows
    types: dict[str, str] = {row[0]: row[1] for row in described}
    texts = ("TraceId", "SpanId", "ParentSpanId", "ServiceName", "SpanName", "StatusCode", "SpanKind", "StatusMessage")
    assert all("String" in types[name] for name in (*texts, "TraceState"))
    assert types["Timestamp"].startswith("DateTime64(9")
    assert types["Duration"] == "UInt64"
    for name in ("SpanAttributes", "ResourceAttributes"):
        assert types[name].startswith("Map(")
    for name in ("Events.Attributes", "Links.Attributes"):
        assert types[name].startswith("Array(Map(")
    bounds = (
        "SELECT min(Start), max(End) FROM otel_traces_trace_id_ts WHERE TraceId IN (SELECT TraceId FROM otel_traces)"
    )
    [(first, last)] = stand.grafana.query(bounds).result_rows
    assert first <= last


def test_health_says_what_waits_and_what_was_set_aside(stand: Stand) -> None:
    """Of each project, and since when."""
    now = answer(stand.grafana, BY_ID["health: Now"], chosen())
    names = ("queued traces", "queued sessions", "quarantined traces", "suppressed spans")
    assert [now.column(name) for name in names] == [[2], [2], [2], [6]]
    [lag] = now.column("lag")
    assert 0 < lag < 600
    of_one = answer(stand.grafana, BY_ID["health: Now"], chosen(project=["a"]))
    assert of_one.column("suppressed spans") == [3]


def test_cost_so_far_ends_at_what_the_session_cost(stand: Stand) -> None:
    """Call by call."""
    dearest = "SELECT project_id, session_id FROM v_sessions ORDER BY cost_usd DESC NULLS LAST LIMIT 1"
    [(project, session)] = stand.owner.query(dearest).result_rows
    one = chosen(project=project, session=session, trace="")
    so_far = answer(stand.grafana, BY_ID["session: Cost so far"], one).column("cost so far")
    assert so_far == sorted(so_far)
    assert so_far[-1] > 0
    assert answer(stand.grafana, BY_ID["session: In all"], one).column("cost") == pytest.approx([so_far[-1]])


@pytest.mark.parametrize("session", ["it's", 'a"b\\', "späte Nacht 🌙", "../?#%&+ ;", "$project ${session}"])
def test_any_session_id_can_be_looked_up(stand: Stand, session: str) -> None:
    """Whatever is in it stays a value."""
    query = BY_ID["session: Session"]._replace(sql=f"SELECT {ID_OF_THE_PANEL} AS session")
    assert ID_OF_THE_PANEL in BY_ID["session: Session"].sql
    assert answer(stand.grafana, query, chosen(session=session)).rows == [(session,)]


ID_OF_THE_PANEL = "decodeURLComponent('${session:percentencode}')"
