"""The schema: written down as it is, every statement runnable, and hot queries on their indexes."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver import Client
from clickhouse_connect.driver.external import ExternalData

import clickhouse
from clickhouse.connect import connected
from clickhouse.embedded import Engine
from clickhouse.engine_config import VIEWS
from clickhouse.migrate import statements
from clickhouse.rollup import maintenance
from clickhouse.rollup.statements import external, statement
from clickhouse.schema import SCHEMA, schema_text
from tests.conftest import fresh_database

PACKAGE = Path(clickhouse.__file__).parent
ELSEWHERE = ("migrations", "grafana", "backup", "history")  # on databases of their own, in tests of their own
FILES = sorted(
    path for path in PACKAGE.rglob("*.sql") if path != SCHEMA and path.relative_to(PACKAGE).parts[0] not in ELSEWHERE
)
REBUILT = {
    "span_facts": "span_facts",
    "trace_index": "trace_index",
    "trace_sessions": "trace_sessions",
    "log_trace_index": "trace_index",
    "log_trace_sessions": "trace_sessions",
}
PARAMETER = re.compile(r"\{(\w+):\s*((?:\w+)(?:\((?:[^(){}]|\([^()]*\))*\))?)\}")
EXAMPLES: Mapping[str, Any] = {
    "String": "x",
    "UUID": "00000000-0000-0000-0000-000000000001",
    "Date": "2026-01-01",
    "DateTime": "2026-01-01 00:00:00",
    "DateTime64": "2026-01-01 00:00:00",
    "Array": [],
    "Map": {},
}


def test_schema_sql_is_what_the_migrations_add_up_to(client: Client) -> None:
    """Else: `python -m clickhouse.schema > clickhouse/schema.sql`."""
    assert schema_text(client) == SCHEMA.read_text()


def test_schema_sql_makes_the_same_database(engine: Engine) -> None:
    """So it can be trusted as a description."""
    with connected(engine.database().within("default")) as client:
        client.command("CREATE DATABASE from_text")
        client.database = "from_text"
        for text in statements(SCHEMA.read_text()):
            client.command(text)
        assert schema_text(client) == SCHEMA.read_text()
        client.command("DROP DATABASE from_text SYNC")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_sql_file_runs(shared_client: Client, path: Path) -> None:
    """On the real engine, with values of the types that it asks for."""
    for text in statements(path.read_text()):
        values = {name: example(name, kind, shared_client) for name, kind in PARAMETER.findall(text)}
        if re.search(r"^(SELECT|WITH)\b", text, re.MULTILINE) and not re.search(r"^INSERT\b", text, re.MULTILINE):
            shared_client.query(text, parameters=values, external_data=what_travels_beside(text))
        else:
            shared_client.command(text, parameters=values, external_data=what_travels_beside(text))


@pytest.mark.parametrize(("name", "table"), REBUILT.items(), ids=REBUILT)
def test_a_rebuild_says_what_its_view_says(client: Client, name: str, table: str) -> None:
    """Rows made anew from spans are those that came with them, column by column."""
    rebuild = re.sub(r"--[^\n]*\n|INSERT INTO \w+\n", "", statement(f"rebuild_{name}"))
    head, tail = re.split(r"WHERE toDate\(.*started_at\) = \{day:Date\} AND .*stored_at >= .*\n", rebuild)
    query = "SELECT as_select FROM system.tables WHERE database = currentDatabase() AND name = {name:String}"
    [(view,)] = client.query(query, parameters={"name": f"{name}_mv"}).result_rows
    assert formatted(client, head + tail) == formatted(client, view.replace(f"{client.database}.", ""))
    described = [row[0] for row in client.query(f"DESCRIBE ({head + tail})").result_rows]
    assert described == [row[0] for row in client.query(f"DESCRIBE TABLE {table}").result_rows]


def test_there_is_a_rebuild_for_each_view_on_what_is_received(client: Client) -> None:
    """None is forgotten; and healing and rebuilding know all of them."""
    query = (
        "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine = 'MaterializedView' "
        "AND match(as_select, concat(currentDatabase(), '.(spans|log_calls)'))"
    )
    assert {row[0] for row in client.query(query).result_rows} == {f"{name}_mv" for name in REBUILT}
    assert set(maintenance._REBUILT) == set(REBUILT)


def test_outsiders_are_promised_views_only(client: Client) -> None:
    """Each of them is there, and a view that answers with its owner's rights."""
    query = "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine = 'View'"
    assert {row[0] for row in client.query(query).result_rows} == set(VIEWS)


# Hot queries: on 200,000 spans of 40,000 traces in 8,000 sessions over 30 days, how much of a table is read.


@pytest.fixture(scope="module")
def loaded(engine: Engine) -> Iterator[Client]:
    for database in fresh_database(engine):
        with connected(database) as client:
            for text in LOAD:
                client.command(text)
            yield client


_TRACE = "leftPad(hex(cityHash64({0})), 32, '0')"
LOAD = (
    f"""
    INSERT INTO spans (project_id, trace_id, span_id, started_at, ended_at, session_id, call_kind, received_at)
    SELECT concat('p', toString(trace % 4)), {_TRACE.format("trace")}, leftPad(toString(number), 16, '0'),
           at, at + toIntervalSecond(2), concat('s', toString(trace % 8000)), 'llm', at
    FROM
    (
        SELECT number, intDiv(number, 5) AS trace,
               toDateTime64(toStartOfDay(now(), 'UTC'), 9, 'UTC') - toIntervalSecond(trace * 60) AS at
        FROM numbers(200000)
    )
    """,
    f"""
    INSERT INTO session_traces (project_id, session_id, trace_id, version, spans)
    SELECT concat('p', toString(number % 4)), concat('s', toString(number % 8000)), {_TRACE.format("number")},
           now64(6), 5
    FROM numbers(40000)
    """,
    """
    INSERT INTO sessions (project_id, session_id, version, spans)
    SELECT concat('p', toString(number % 4)), concat('s', toString(number)), now64(6), 25 FROM numbers(8000)
    """,
)


def test_reading_the_facts_of_traces_reads_few_granules(loaded: Client) -> None:
    """Of three traces among 40,000; their hours lead to them."""
    keys = [(f"p{number % 4}", trace_id(loaded, number)) for number in (1, 20_000, 39_999)]
    read_facts = statement("read_facts")
    assert_few(granules(loaded, read_facts, slice_of("trace_id", keys))["span_facts"], at_most=12, of=150)
    hours = read_facts[read_facts.index("SELECT project_id, arrayJoin(hours)") : read_facts.rindex(")")]
    assert_few(granules(loaded, hours, slice_of("trace_id", keys))["trace_index"], at_most=6, of=100)


@pytest.mark.parametrize("name", ["read_trace_sessions", "read_scores", "quarantined"])
def test_what_else_a_slice_reads_is_found_by_key(loaded: Client, name: str) -> None:
    """Tables ordered by trace."""
    keys = [("p1", trace_id(loaded, 1)), ("p2", trace_id(loaded, 39_998))]
    for selected, initial in granules(loaded, statement(name), slice_of("trace_id", keys)).values():
        assert selected <= max(4, initial // 20)


def test_recomputing_sessions_reads_their_traces_only(loaded: Client) -> None:
    """Of three sessions among 8,000."""
    select = statement("recompute_sessions")
    select = select[select.index("WITH\n") :]
    keys = [(f"p{number % 4}", f"s{number}") for number in (1, 4_000, 7_999)]
    read = granules(loaded, select, slice_of("session_id", keys))
    assert_few(read["session_traces"], at_most=9, of=100)


def test_a_trace_by_id_reads_one_part_of_a_table(loaded: Client) -> None:
    """Its hours come from the index; without them a trace id alone would read every hour of the project."""
    here = "project_id = 'p0' AND trace_id = {id:String}"
    hours = f"SELECT project_id, arrayJoin(hours), trace_id FROM trace_index WHERE {here}"
    spans = f"SELECT * FROM spans FINAL WHERE (project_id, toStartOfHour(started_at), trace_id) IN ({hours})"
    wanted = {"id": trace_id(loaded, 20_000)}
    assert_few(granules(loaded, spans, parameters=wanted)["spans"], at_most=2, of=25)
    assert_few(granules(loaded, hours, parameters=wanted)["trace_index"], at_most=2, of=100)


def test_the_detail_of_a_session_reads_its_rows_only(loaded: Client) -> None:
    """The session, and its traces."""
    where = "WHERE project_id = 'p3' AND session_id = 's4003'"
    for table, of in (("sessions", 7), ("session_traces", 100)):
        read = granules(loaded, f"SELECT * FROM {table} FINAL {where}")
        assert_few(read[table], at_most=2, of=of)


@pytest.mark.parametrize(
    ("view", "table"), [("v_sessions", "sessions"), ("v_traces", "session_traces"), ("v_calls", "session_traces")]
)
def test_a_filter_on_a_documented_view_reaches_the_index(loaded: Client, view: str, table: str) -> None:
    """Grafana asks by session too."""
    read = granules(loaded, f"SELECT * FROM {view} WHERE project_id = 'p3' AND session_id = 's4003'")
    assert_few(read[table], at_most=2, of=7)


def test_healing_looks_at_what_was_stored_lately_only(loaded: Client) -> None:
    """Every minute: an index on the time of storing keeps it from reading all facts."""
    loaded.command("OPTIMIZE TABLE span_facts FINAL")
    heal = statement("heal")
    assert "stored_at >= fromUnixTimestamp64Micro({since_us:Int64}, 'UTC')" in heal
    read = granules(
        loaded,
        "SELECT DISTINCT project_id, trace_id FROM span_facts "
        "WHERE stored_at >= fromUnixTimestamp64Micro({since_us:Int64}, 'UTC')",
        parameters={"since_us": 4_000_000_000_000_000},
    )
    assert_few(read["span_facts"], at_most=0, of=150)


def example(name: str, kind: str, client: Client) -> Any:
    if kind == "Identifier":
        return client.database
    return EXAMPLES.get(kind.partition("(")[0], 1)


def what_travels_beside(text: str) -> ExternalData:
    """Keys, or prices."""
    if "priced AS p" in text:
        columns = ("trace_id", "id", "started_ns", "version", "cost_usd", "cost_source", "price_source")
        return external("priced", columns, [("t", "s", "1", "1", "0.5", "computed", "list")])
    return external("slice", ("project_id", "trace_id", "session_id"), [("p", "t", "s")])


def slice_of(member: str, keys: list[tuple[str, str]]) -> ExternalData:
    return external("slice", ("project_id", member), keys)


def trace_id(client: Client, number: int) -> str:
    found: str = client.query(f"SELECT {_TRACE.format(f'toUInt64({number})')}").result_rows[0][0]
    return found


def formatted(client: Client, select: str) -> str:
    text: str = client.query("SELECT formatQuery({q:String})", parameters={"q": select}).result_rows[0][0]
    return text


def granules(
    client: Client, select: str, keys: ExternalData | None = None, parameters: dict[str, Any] | None = None
) -> dict[str, tuple[int, int]]:
    """Of each table that the query reads: granules left after its indexes, and granules that there are."""
    values = {"everywhere": client.database, "home": client.database, "version": 1, **(parameters or {})}
    explained = client.query(f"EXPLAIN json = 1, indexes = 1 {select}", parameters=values, external_data=keys)
    [plan] = json.loads(explained.result_rows[0][0])
    found: dict[str, tuple[int, int]] = {}
    for step in steps(plan["Plan"]):
        for index in step.get("Indexes", []):
            table = step["Description"].rpartition(".")[2]
            initial = found.get(table, (0, index["Initial Granules"]))[1]
            found[table] = (index["Selected Granules"], initial)
    return found


def steps(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", []):
        yield from steps(below)


def assert_few(read: tuple[int, int], *, at_most: int, of: int) -> None:
    selected, initial = read
    assert initial >= of
    assert selected <= at_most
