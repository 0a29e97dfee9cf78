"""The statements: static, each of one project, each used, and one filter in all that have it."""

import re
from pathlib import Path

import pytest

import query_api
from query_api.filters import LISTS, NUMBERS, Filter, OneOf, Term, Within
from query_api.statements import asked

SOURCE = Path(query_api.__file__).parent
STATEMENTS = sorted((SOURCE / "sql").glob("*.sql"))
OF_NO_PROJECT = {"ready", "lag", "live_position"}
"""They tell of the service, not of anybody's data."""
TABLES = (
    "sessions|session_traces|spans|span_facts|trace_index|trace_sessions|scores|quarantined_traces|suppressed_spans|"
    "log_calls|half_hours"
)
FILTERED = {"sessions_page", "chosen_sessions"}
FILTERED_TRACES = {"traces", "count_traces"}


def text_of(name: str) -> str:
    return (SOURCE / "sql" / f"{name}.sql").read_text()


def part(text: str, name: str) -> str:
    found = re.search(rf" *-- {name}\n(.*?) *-- end of {name}\n", text, re.DOTALL)
    return found.group(1) if found is not None else ""


@pytest.mark.parametrize("path", STATEMENTS, ids=lambda path: path.stem)
def test_every_table_is_read_for_one_project(path: Path) -> None:
    """Each time one is named, its project is too."""
    text = re.sub(r"--.*", "", path.read_text())
    tables = len(re.findall(rf"\b(?:FROM|JOIN)\s+(?:{TABLES})\b", text))
    projects = len(re.findall(r"project_id = \{project:String\}", text))
    keyed = len(re.findall(r"\((?:\w\.)?project_id, toStartOf", text))  # by those of trace_index
    assert path.stem in OF_NO_PROJECT or (tables > 0 and projects + keyed >= tables)


@pytest.mark.parametrize("path", STATEMENTS, ids=lambda path: path.stem)
def test_every_statement_says_what_it_is_for_and_is_asked(path: Path) -> None:
    """In its first line; and its name stands in the code."""
    assert path.read_text().startswith("-- ")
    sources = "".join(file.read_text() for file in SOURCE.rglob("*.py"))
    name = re.sub(r"^(outlying|export)_(sessions|users|turns|spans)$", r"\1_{", path.stem)
    assert f'"{path.stem}"' in sources or f'f"{name}' in sources


@pytest.mark.parametrize("path", STATEMENTS, ids=lambda path: path.stem)
def test_statements_are_readable(path: Path) -> None:
    """No line beyond 120, no file beyond 200."""
    lines = path.read_text().splitlines()
    assert max(map(len, lines)) <= 120
    assert len(lines) <= 200


def test_one_filter_stands_in_all_that_have_it() -> None:
    """Word by word: what is listed is what is counted and chosen."""
    for names, title in ((FILTERED, "the filter"), (FILTERED_TRACES, "the filter of traces")):
        having = {path.stem for path in STATEMENTS if part(path.read_text(), title)}
        assert having == names
        assert len({part(text_of(name), title) for name in names}) == 1


def test_of_a_filter_is_asked_what_is_wanted_of_it() -> None:
    """Conditions of which nothing is asked are left out, those of which something is stand."""
    nothing = Filter().parameters() | {"searched": False}
    terms: list[Term] = [OneOf(key, ("x",)) for key in LISTS]
    terms += [Within(key, ((1, 2),)) for key in NUMBERS]
    for name in FILTERED | FILTERED_TRACES:
        text, parameters = asked(name, nothing)
        conditions = part(text, "the filter") or part(text, "the filter of traces")
        assert len(conditions.splitlines()) == 3, name
        assert set(parameters) == {"from_ns", "to_ns", "session_none"}
        for term in terms:
            text, parameters = asked(name, Filter((term,)).parameters() | {"searched": False})
            conditions = part(text, "the filter") or part(text, "the filter of traces")
            assert conditions.count("  AND ") - conditions.count("      AND ") == 4, (name, term)
            assert all(f"{{{each}:" in text for each in parameters)


def test_no_statement_is_put_together_from_strings() -> None:
    """SQL lies in files; the code names them."""
    for path in SOURCE.rglob("*.py"):
        code = path.read_text()
        assert re.search(r"\b(SELECT|INSERT INTO|ALTER TABLE|WHERE) ", code) is None, path


def test_the_service_imports_neither_the_receiver_nor_the_command_line() -> None:
    """It knows rows; and only one of its modules knows the client that fetches them."""
    for path in SOURCE.rglob("*.py"):
        code = path.read_text()
        assert re.search(r"^\s*(from|import) (otel_receiver|genai_sessions)", code, re.MULTILINE) is None, path
        if path.stem not in ("db", "owner"):
            assert "clickhouse_connect" not in code, path
        assert "os.environ" not in code, path
