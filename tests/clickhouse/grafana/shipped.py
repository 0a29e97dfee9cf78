"""The dashboards and alert rules as they are shipped, and every query in them."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

import clickhouse.grafana

FOLDER = Path(clickhouse.grafana.__file__).parent
ALERTS = FOLDER / "provisioning" / "alerting" / "genai-sessions.yaml"
CLICKHOUSE = "grafana-clickhouse-datasource"


class Query(NamedTuple):
    dashboard: str
    title: str
    kind: str  # of the panel, or "variable"
    format: str
    sql: str

    @property
    def id(self) -> str:
        return f"{self.dashboard}: {self.title}"


@cache
def dashboards() -> dict[str, dict[str, Any]]:
    return {path.stem: json.loads(path.read_text()) for path in sorted((FOLDER / "dashboards").glob("*.json"))}


def queries() -> Iterator[Query]:
    for name, dashboard in dashboards().items():
        for variable in dashboard["templating"]["list"]:
            if variable["type"] == "query":
                yield Query(name, f"${variable['name']}", "variable", "table", variable["query"]["rawSql"])
        for panel in dashboard["panels"]:
            for target in panel["targets"]:
                if panel["datasource"]["type"] == CLICKHOUSE:
                    yield Query(name, panel["title"], panel["type"], target["queryType"], target["rawSql"])


def alert_rules() -> list[dict[str, Any]]:
    groups: list[dict[str, Any]] = yaml.safe_load(ALERTS.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]
