"""`python -m clickhouse.grafana.source`: the dashboards, from their source to the files that Grafana reads."""

import json
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from clickhouse.grafana.source.dashboards import dashboards

FOLDER = Path(__file__).parents[1] / "dashboards"


def text_of(dashboard: Dashboard) -> str:
    return json.dumps(dashboard, cls=JSONEncoder, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def main() -> None:
    for name, dashboard in dashboards().items():
        (FOLDER / f"{name}.json").write_text(text_of(dashboard))


if __name__ == "__main__":
    main()
