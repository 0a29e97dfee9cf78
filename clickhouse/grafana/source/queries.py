"""Queries as Grafana's ClickHouse and Prometheus plugins store them. The SQL lies in `sql/`, one file for each."""

from pathlib import Path

from grafana_foundation_sdk.builders import prometheus
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.dashboard import DataSourceRef

SQL = Path(__file__).parent / "sql"
CLICKHOUSE = DataSourceRef("grafana-clickhouse-datasource", "${datasource}")
PROMETHEUS = DataSourceRef("prometheus", "${prometheus}")

# The plugin's own numbers for what becomes of an answer (`QueryType` and `format` in its src/types/sql.ts).
FORMATS = {"timeseries": 0, "table": 1, "traces": 3}


def sql(name: str) -> str:
    return (SQL / f"{name}.sql").read_text().strip()


class Sql(Builder[Dataquery], Dataquery):
    """`name` is that of the file; `kind` says what the panel makes of the answer."""

    def __init__(self, name: str, kind: str) -> None:
        self._name, self._kind = name, kind

    def build(self) -> Dataquery:
        return self

    def to_json(self) -> dict[str, object]:
        return {
            "datasource": CLICKHOUSE,
            "editorType": "sql",
            "format": FORMATS[self._kind],
            "queryType": self._kind,
            "rawSql": sql(self._name),
            "refId": "A",
        }


def promql(expression: str, legend: str) -> Builder[Dataquery]:
    return prometheus.Dataquery().expr(expression).legend_format(legend).range()
