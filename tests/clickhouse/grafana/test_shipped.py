"""What is shipped for Grafana is what its source says, in Grafana's own terms."""

import json
import re
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.alerting import Rule
from grafana_foundation_sdk.models.dashboard import Dashboard

from clickhouse.grafana.source.__main__ import text_of
from clickhouse.grafana.source.dashboards import dashboards as made
from clickhouse.grafana.source.queries import SQL
from otel_receiver.metrics import Metrics
from query_api.links import session_url
from tests.clickhouse.grafana.conftest import DAY_S, Stand, chosen
from tests.clickhouse.grafana.plugin import expanded_for_an_alert
from tests.clickhouse.grafana.shipped import FOLDER, alert_rules, dashboards, queries

NAMES = ["costs", "health", "overview", "session", "users"]
FRONTEND_ONLY = ("$__conditionalAll", "$__adHocFilters", "${")


def test_the_dashboards_are_what_their_source_says() -> None:
    """Else: `python -m clickhouse.grafana.source`."""
    assert {name: text_of(dashboard) for name, dashboard in made().items()} == {
        path.stem: path.read_text() for path in (FOLDER / "dashboards").iterdir()
    }
    assert sorted(dashboards()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_grafanas_schema_knows_every_field(name: str) -> None:
    """Read and written by its own library, nothing is lost or changed; it adds what goes without saying."""
    register_default_plugins()
    assert lost(dashboards()[name], read_and_written(Dashboard.from_json(dashboards()[name]))) == []


def test_grafanas_schema_knows_every_field_of_the_alert_rules() -> None:
    """Which provisioning files spell as its API does, but for the panel that a rule leads to."""
    for rule in alert_rules():
        fields = {name: value for name, value in rule.items() if name not in ("dashboardUid", "panelId")}
        assert lost(fields, read_and_written(Rule.from_json(fields))) == []


def read_and_written(known: object) -> Any:
    return json.loads(JSONEncoder().encode(known))


def lost(ours: Any, theirs: Any, where: str = "") -> list[str]:
    """Where something of ours is missing or different."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return [each for key in ours for each in lost(ours[key], theirs.get(key), f"{where}.{key}")]
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        return [
            each
            for number, pair in enumerate(zip(ours, theirs, strict=True))
            for each in lost(*pair, f"{where}[{number}]")
        ]
    return [] if ours == theirs else [where]


def test_every_query_of_the_source_is_shown_somewhere() -> None:
    """None is left over."""
    shown = {query.sql for query in queries()}
    for path in SQL.rglob("*.sql"):
        assert path.read_text().strip() in shown, path.name


@pytest.mark.parametrize("name", NAMES)
def test_a_dashboard_is_one_of_a_family(name: str) -> None:
    """Found by its tags, with an id for each panel, no two in one place, and a way to the others and to our pages."""
    dashboard = dashboards()[name]
    assert dashboard["uid"] == f"genai-sessions-{name}"
    assert {"clickhouse", "otel", "genai-sessions"} == set(dashboard["tags"])
    assert [panel["id"] for panel in dashboard["panels"]] == list(range(1, len(dashboard["panels"]) + 1))
    cells = [cell for panel in dashboard["panels"] for cell in cells_of(panel["gridPos"])]
    assert len(cells) == len(set(cells))
    dropdown, page = dashboard["links"]
    assert (dropdown["type"], dropdown["tags"]) == ("dashboards", ["genai-sessions"])
    assert page["url"].startswith("${pages:raw}/")


def cells_of(place: dict[str, int]) -> set[tuple[int, int]]:
    assert place["x"] + place["w"] <= 24
    rows, columns = range(place["y"], place["y"] + place["h"]), range(place["x"], place["x"] + place["w"])
    return {(row, column) for row in rows for column in columns}


@pytest.mark.parametrize("name", NAMES)
def test_a_link_has_the_column_that_it_needs(name: str) -> None:
    """An id leads to its page only together with its project."""
    linked = 0
    for panel in dashboards()[name]["panels"]:
        for column in panel.get("fieldConfig", {}).get("overrides", []):
            links = [each for each in column["properties"] if each["id"] == "links"]
            linked += len(links)
            assert not links or re.search(r"project_id AS project\b", panel["targets"][0]["rawSql"])
    assert linked > 0 or name == "health"


def test_a_link_to_a_session_is_the_address_of_its_page() -> None:
    """As Grafana fills it in, and as the API spells it where a path would not do."""
    [column] = [each for each in _overrides("overview", "Latest sessions") if each["matcher"]["options"] == "session"]
    [links] = [each["value"] for each in column["properties"] if each["id"] == "links"]
    filled = links[0]["url"].replace("${pages:raw}", "").replace("${__value.raw:percentencode}", "..%2Fa")
    assert filled.replace("${__data.fields.project:percentencode}", "shop") == session_url("../a", "shop")
    assert links[1]["url"].startswith("/d/genai-sessions-session/")


def _overrides(name: str, title: str) -> list[dict[str, Any]]:
    [panel] = [panel for panel in dashboards()[name]["panels"] if panel["title"] == title]
    found: list[dict[str, Any]] = panel["fieldConfig"]["overrides"]
    return found


def test_what_is_scraped_is_what_the_receiver_shows() -> None:
    """By name; ClickHouse knows nothing of refusals and spools."""
    text = Metrics().text()
    expressions = [
        target["expr"]
        for panel in dashboards()["health"]["panels"]
        for target in panel["targets"]
        if panel["datasource"]["type"] == "prometheus"
    ]
    assert len(expressions) == 5
    for expression in expressions:
        [name] = re.findall(r"genai_sessions_receiver_\w+", expression)
        assert f"# TYPE {name.removesuffix('_bucket')} " in text


@pytest.mark.parametrize("rule", alert_rules(), ids=lambda rule: rule["uid"])
def test_an_alert_rule_asks_for_one_number_and_compares_it(stand: Stand, rule: dict[str, Any]) -> None:
    """Without a browser, so without what only a browser resolves; and it leads to a panel that is there."""
    asked, compared = rule["data"]
    sql = asked["model"]["rawSql"]
    assert not any(each in sql for each in FRONTEND_ONLY)
    answer = stand.grafana.query(expanded_for_an_alert(sql, chosen()))
    [[number]] = answer.result_rows
    assert isinstance(number, float | int)
    assert (asked["datasourceUid"], compared["datasourceUid"]) == ("genai-sessions", "__expr__")
    assert compared["model"]["expression"] == asked["refId"]
    assert rule["condition"] == compared["refId"]
    [dashboard] = [each for each in dashboards().values() if each["uid"] == rule["dashboardUid"]]
    assert rule["panelId"] in [panel["id"] for panel in dashboard["panels"]]


def test_costs_of_an_hour_are_those_of_its_calls(stand: Stand) -> None:
    """Neither those before nor those after."""
    [rule] = [rule for rule in alert_rules() if rule["uid"] == "genai-sessions-cost-per-hour"]
    every = chosen()
    [[cost]] = stand.grafana.query(expanded_for_an_alert(rule["data"][0]["model"]["rawSql"], every)).result_rows
    [[told]] = stand.owner.query("SELECT toFloat64(sum(cost_usd)) FROM v_calls").result_rows
    assert cost == pytest.approx(told)
    before = chosen().__class__(every.from_s - DAY_S, every.from_s)
    assert stand.grafana.query(expanded_for_an_alert(rule["data"][0]["model"]["rawSql"], before)).result_rows == [(0,)]
