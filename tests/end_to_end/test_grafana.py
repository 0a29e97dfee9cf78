"""`genai-sessions grafana`: what it prints lets Grafana in, and no further than it may look."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from clickhouse.connect import Database, connected
from clickhouse.embedded import Engine, EngineSettings
from clickhouse.engine_config import VIEWS
from clickhouse.migrate import Topology, migrate
from genai_sessions.arguments import parser
from query_api.grafana import grafana_url
from query_api.settings import ApiSettings
from tests.clickhouse.engines import ask, tell
from tests.end_to_end.product import SOURCE, call


def database_of(datasource: dict[str, Any]) -> Database:
    """As the plugin reads it."""
    told, secret = datasource["jsonData"], datasource["secureJsonData"]
    assert told["protocol"] == "http"
    return Database(told["host"], told["port"], told["username"], secret["password"], told["defaultDatabase"])


def datasource_of(text: str) -> dict[str, Any]:
    [datasource] = yaml.safe_load(text)["datasources"]
    assert (datasource["type"], datasource["uid"]) == ("grafana-clickhouse-datasource", "genai-sessions")
    return dict(datasource)


def test_the_data_source_lets_grafana_in(tmp_path: Path) -> None:
    """As a user of its own on the engine that runs; with a reader of one project, from the next start on."""
    with Engine(EngineSettings(tmp_path)) as engine:
        with connected(engine.database()) as client:
            migrate(client, Topology(engine.database().name))
        tell(engine.database(), *(f"INSERT INTO trace_changes VALUES ('{project}', 't')" for project in "ab"))
        printed = call("grafana", "--data-dir", tmp_path)
        assert (printed.returncode, printed.stderr) == (0, "")
        grafana = database_of(datasource_of(printed.stdout))
        assert ask(grafana, "SELECT project_id FROM v_health ORDER BY 1") == [("a",), ("b",)]
        made = call("grafana", "--data-dir", tmp_path, "--user", "shop", "--project", "b")
        assert made.returncode == 0
        assert "next start" in made.stderr
    with Engine(EngineSettings(tmp_path)) as again:
        reader = database_of(datasource_of(made.stdout))
        here = Database("127.0.0.1", again.database().port, reader.user, reader.password)
        assert ask(here, "SELECT project_id FROM v_health") == [("b",)]


def test_the_data_source_reads_traces_as_opentelemetry_has_them(tmp_path: Path) -> None:
    """From the views that the plugin looks for; the password of a server is Grafana's to know."""
    printed = call("grafana", "--data-dir", tmp_path, CLICKHOUSE_URL="https://o:p$w@db.example:8443/prod")
    datasource = datasource_of(printed.stdout)
    traces = datasource["jsonData"]["traces"]
    assert (traces["otelEnabled"], traces["defaultDatabase"], traces["defaultTable"]) == (True, "prod", "otel_traces")
    assert {traces["defaultTable"], traces["defaultTable"] + traces["traceTimestampTableSuffix"]} <= VIEWS.keys()
    told = datasource["jsonData"]
    assert (told["host"], told["port"], told["secure"], told["username"]) == ("db.example", 8443, True, "grafana")
    assert datasource["secureJsonData"]["password"] == "$GENAI_SESSIONS_GRAFANA_PASSWORD"
    assert "p$w" not in printed.stdout


def test_a_folder_for_provisioning_is_whole(tmp_path: Path) -> None:
    """Data source, dashboards whose links lead to our pages, where they lie, and alert rules."""
    url = "http://o:p@127.0.0.1:1/prod"
    folder = tmp_path / "provisioning"
    done = call("grafana", "--provisioning", folder, "--pages", "https://sessions.example/", CLICKHOUSE_URL=url)
    assert done.returncode == 0, done.stderr
    written = {Path(line) for line in done.stdout.splitlines()}
    assert written == {path for path in folder.rglob("*") if path.is_file()}
    source = folder / "datasources" / "genai-sessions.yaml"
    assert source.stat().st_mode & 0o077 == 0
    assert datasource_of(source.read_text())["jsonData"]["host"] == "127.0.0.1"
    [provider] = yaml.safe_load((folder / "dashboards" / "genai-sessions.yaml").read_text())["providers"]
    dashboards = sorted(Path(provider["options"]["path"]).glob("*.json"))
    assert [path.stem for path in dashboards] == ["costs", "health", "overview", "session", "users"]
    for path in dashboards:
        [pages] = [each for each in json.loads(path.read_text())["templating"]["list"] if each["name"] == "pages"]
        assert pages["query"] == pages["current"]["value"] == "https://sessions.example"
    assert yaml.safe_load((folder / "alerting" / "genai-sessions.yaml").read_text())["groups"]


@pytest.mark.parametrize(
    ("flags", "url"),
    [
        (("--user", "shop"), ""),
        (("--user", "shop", "--project", "a"), "http://o:p@127.0.0.1:1/x"),
        (("--sql", "--user", "shop", "--project", "a"), ""),
        (("--sql", "--user", "shop"), "http://o:p@127.0.0.1:1/x"),
        (("--sql", "--user", "o'o", "--project", "a"), "http://o:p@127.0.0.1:1/x"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else value or "embedded",
)
def test_what_cannot_be_is_refused_with_one_sentence(engine: Engine, tmp_path: Path, flags: Any, url: str) -> None:
    """And nothing is printed that somebody could take for a data source."""
    done = call("grafana", "--data-dir", tmp_path, *flags, CLICKHOUSE_URL=url)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)


def test_a_server_is_told_in_sql(tmp_path: Path) -> None:
    """The password stands above, once; the statements have its digest."""
    done = call("grafana", "--sql", "--user", "shop", "--project", "a", CLICKHOUSE_URL="http://o:p@127.0.0.1:1/prod")
    first, _, statements = done.stdout.partition("\n")
    assert first.rpartition(" ")[2] not in statements
    assert "USING project_id IN ('a') TO shop" in statements


def test_our_pages_lead_to_grafana_where_there_is_one(tmp_path: Path) -> None:
    """Whatever is in an id."""
    database = Database("127.0.0.1", 1)
    there = ApiSettings(database, tmp_path, grafana_url="https://grafana.example/g")
    assert grafana_url(there, "session", "shop", session="a/b?c&d") == (
        "https://grafana.example/g/d/genai-sessions-session/session?var-project=shop&var-session=a%2Fb%3Fc%26d"
    )
    assert grafana_url(ApiSettings(database, tmp_path), "session", "shop", session="x") is None


def test_the_commands_of_the_guide_can_be_typed() -> None:
    """Each line that calls us."""
    lines = (SOURCE / "docs" / "grafana.md").read_text().splitlines()
    typed = [line.partition("#")[0].split("genai-sessions ", 1)[1].split() for line in lines if _CALLS_US.match(line)]
    assert len(typed) > 2
    for words in typed:
        assert parser().parse_args(words).command == "grafana:grafana"


_CALLS_US = re.compile(r"(\w+=\S+ )*genai-sessions grafana")
