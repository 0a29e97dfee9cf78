"""`genai-sessions grafana`: the data source, the dashboards, the alert rules, and readers of single projects."""

import json
import sys
from argparse import Namespace
from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from clickhouse.connect import Database
from clickhouse.embedded import running_passwords
from clickhouse.private_files import write_private
from clickhouse.readers import keep, new_reader, statements_for
from genai_sessions.database import required_database
from genai_sessions.settings import Settings, SettingsRefused

USER = "grafana"
"""The engine knows this user; a server's administrator may call it so too."""
_DATASOURCE = "datasources/genai-sessions.yaml"
_PROVIDER = "dashboards/genai-sessions.yaml"
_ALERTS = "alerting/genai-sessions.yaml"


def grafana(settings: Settings, flags: Namespace) -> int:
    if flags.dashboards is not None:
        written = write_dashboards(_folder(flags.dashboards), flags.pages)
        print("\n".join(map(str, written)))
    elif flags.sql:
        print(_sql(settings, flags))
    elif flags.provisioning is not None:
        print("\n".join(map(str, _provision(_folder(flags.provisioning), settings, flags))))
    else:
        print(_datasource(settings, flags), end="")
    return 0


def write_dashboards(folder: Path, pages: str) -> list[Path]:
    """Their links to pages of ours lead to `pages`."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for file in sorted(_shipped("dashboards").iterdir(), key=lambda file: file.name):
        dashboard = json.loads(file.read_text(encoding="utf-8"))
        for variable in dashboard["templating"]["list"]:
            if variable["name"] == "pages":
                variable["query"] = pages.rstrip("/")
                variable["current"] |= {"text": variable["query"], "value": variable["query"]}
        written.append(folder / file.name)
        written[-1].write_text(json.dumps(dashboard, indent=2, sort_keys=True, ensure_ascii=False) + "\n")
    return written


def _provision(folder: Path, settings: Settings, flags: Namespace) -> list[Path]:
    """A folder that Grafana takes as it is: GF_PATHS_PROVISIONING."""
    datasource, provider, alerts = (folder / name for name in (_DATASOURCE, _PROVIDER, _ALERTS))
    for path in (datasource, provider, alerts):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_private(datasource, _datasource(settings, flags))
    dashboards = write_dashboards(folder / "dashboards", flags.pages)
    known = {"GENAI_SESSIONS_GRAFANA_DASHBOARDS": str(folder / "dashboards")}
    provider.write_text(_filled(_provided(_PROVIDER), known))
    alerts.write_text(_provided(_ALERTS))
    return [datasource, provider, alerts, *dashboards]


def _datasource(settings: Settings, flags: Namespace) -> str:
    database, user = required_database(settings), flags.user or USER
    known = {
        "GENAI_SESSIONS_GRAFANA_HOST": database.host,
        "GENAI_SESSIONS_GRAFANA_PORT": database.port,
        "GENAI_SESSIONS_GRAFANA_SECURE": database.secure,
        "GENAI_SESSIONS_GRAFANA_USER": user,
        "GENAI_SESSIONS_GRAFANA_DATABASE": database.everywhere,
    }
    password = _password(settings, flags, user)
    if password is not None:
        known["GENAI_SESSIONS_GRAFANA_PASSWORD"] = password
    return _filled(_provided(_DATASOURCE), known)


def _password(settings: Settings, flags: Namespace, user: str) -> str | None:
    """None where only a server's administrator knows it: then Grafana reads it from its environment."""
    if settings.clickhouse_url is not None:
        if flags.project:
            raise SettingsRefused(
                "On a ClickHouse server its administrator makes readers: --sql prints the statements for it."
            )
        return None
    if flags.project:
        reader, password = new_reader(user, flags.project)
        keep(reader, settings.data_dir)
        print(f"genai-sessions: {user} may read from the next start of `genai-sessions up` on.", file=sys.stderr)
        return password
    if user != USER:
        raise SettingsRefused(f"Say with --project what {user} may read.")
    return running_passwords(settings.data_dir).grafana


def _sql(settings: Settings, flags: Namespace) -> str:
    if settings.clickhouse_url is None:
        raise SettingsRefused(
            "--sql is for a ClickHouse server: say which one with CLICKHOUSE_URL or --clickhouse-url."
        )
    database = Database.from_url(settings.clickhouse_url, settings.clickhouse_cluster)
    reader, password = new_reader(flags.user or "", flags.project or [])
    return f"-- The password of {reader.name}, shown this once: {password}\n{statements_for(reader, database)}"


def _filled(text: str, known: Mapping[str, object]) -> str:
    """As JSON, which is YAML too; a dollar sign doubled, or Grafana would look for a variable."""
    for name, value in known.items():
        text = text.replace(f"${name}", json.dumps(value).replace("$", "$$"))
    return text


def _provided(name: str) -> str:
    return _shipped("provisioning").joinpath(name).read_text(encoding="utf-8")


def _shipped(name: str) -> Traversable:
    return files("clickhouse").joinpath("grafana", name)


def _folder(text: str) -> Path:
    return Path(text).expanduser().absolute()
