"""A reader of one project sees nothing of another, whatever it asks."""

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError as Refusal

from clickhouse.connect import Database
from clickhouse.engine_config import VIEWS
from clickhouse.errors import DatabaseRefused
from clickhouse.migrate import statements
from clickhouse.readers import keep, known_readers, new_reader, statements_for
from tests.clickhouse.grafana.conftest import Stand

ROWS_OF_OTHERS = "SELECT count() FROM {view} WHERE {column} != 'a'"
ATTEMPTS = (
    "SELECT count() FROM v_sessions WHERE project_id = 'b'",
    "SELECT count() FROM v_sessions AS mine JOIN v_traces AS others USING (session_id) WHERE others.project_id = 'b'",
    "SELECT count() FROM v_traces WHERE trace_id IN (SELECT trace_id FROM v_calls WHERE project_id != 'a')",
    "SELECT count() FROM otel_traces_trace_id_ts WHERE ProjectId NOT IN (SELECT project_id FROM v_sessions)",
    "SELECT count() FROM merge('genai_sessions', '^v_') WHERE project_id = 'b'",
    "SELECT countIf(p = 'b') FROM (SELECT project_id AS p FROM v_users UNION ALL SELECT ProjectId FROM otel_traces)",
    "SELECT countIf(throwIf(project_id = 'b') = 1) FROM v_arrivals",
)
REFUSED = (
    "SELECT count() FROM sessions",
    "SELECT count() FROM session_traces",
    "SELECT count() FROM spans",
    "SELECT count() FROM trace_index",
    "SELECT count() FROM remote('127.0.0.1', 'genai_sessions', 'v_sessions', 'owner', '')",
    "SELECT * FROM system.row_policies",
    "SELECT * FROM system.query_log",
    "DROP ROW POLICY of_a ON v_sessions",
    "INSERT INTO v_sessions (project_id) VALUES ('a')",
)


@pytest.mark.parametrize(("view", "column"), VIEWS.items(), ids=VIEWS)
def test_a_view_shows_a_reader_its_own_project_alone(stand: Stand, view: str, column: str) -> None:
    """All of it, while others see everything."""
    others = ROWS_OF_OTHERS.format(view=view, column=column)
    own = f"SELECT count() FROM {view} WHERE {column} = 'a'"
    assert stand.reader.query(others).result_rows == [(0,)]
    assert stand.grafana.query(others).result_rows[0][0] > 0
    assert stand.reader.query(own).result_rows == stand.grafana.query(own).result_rows
    assert stand.reader.query(own).result_rows[0][0] > 0


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_no_question_gets_around_it(stand: Stand, attempt: str) -> None:
    """The rows are gone before anything else looks at them."""
    assert stand.reader.query(attempt).result_rows == [(0,)]


@pytest.mark.parametrize("attempt", REFUSED)
def test_what_lies_behind_the_views_is_refused(stand: Stand, attempt: str) -> None:
    """As to everybody who only reads."""
    with pytest.raises(Refusal):
        stand.reader.command(attempt)


def test_a_readers_project_is_found_by_the_index(stand: Stand) -> None:
    """What it may not see is not even read."""
    plan = "\n".join(row[0] for row in stand.reader.query("EXPLAIN indexes = 1 SELECT * FROM v_sessions").result_rows)
    assert "Condition: (project_id in" in plan


@pytest.mark.parametrize("name", ["owner", "grafana", "default", "Shop", "a-b", "x' OR 1", "", "a" * 33])
def test_a_name_that_is_no_plain_word_or_taken_is_refused(name: str) -> None:
    """It becomes part of statements."""
    with pytest.raises(DatabaseRefused, match="cannot be a reader"):
        new_reader(name, ["a"])


@pytest.mark.parametrize("projects", [[], ["a", "b'"], [""]])
def test_a_reader_of_nothing_or_of_no_project_is_refused(projects: list[str]) -> None:
    """Rather than one who sees everything."""
    with pytest.raises(DatabaseRefused):
        new_reader("shop", projects)


def test_a_reader_made_again_replaces_the_first(tmp_path_factory: pytest.TempPathFactory) -> None:
    """In a file that is ours alone, without the password."""
    data_dir = tmp_path_factory.mktemp("readers")
    for project in ("a", "b"):
        reader, password = new_reader("shop", [project])
        keep(reader, data_dir)
    assert [(known.name, list(known.projects)) for known in known_readers(data_dir)] == [("shop", ["b"])]
    kept = data_dir / "readers.json"
    assert kept.stat().st_mode & 0o077 == 0
    assert password not in kept.read_text()


@pytest.mark.parametrize("cluster", ["", "main"])
def test_a_server_is_told_the_same(stand: Stand, cluster: str) -> None:
    """Statements that it can parse: rights on each view, and a policy on each by the column of its project."""
    reader, _ = new_reader("shop", ["a", "b"])
    told = statements(statements_for(reader, Database("db", 8123, name="prod", cluster=cluster)))
    for text in told:
        stand.owner.query("SELECT formatQuery({text:String})", parameters={"text": text})
        assert ("ON CLUSTER 'main'" in text) is (cluster != "")
    database = "prod_all" if cluster else "prod"
    for view, column in VIEWS.items():
        assert [f"{database}.{view} TO shop" in text for text in told].count(True) == 1
        [policy] = [
            text for text in told if "POLICY" in text and f"{database}.{view}" in text.replace(",", " ").split()
        ]
        assert f"USING {column} IN ('a', 'b') TO shop" in policy
