"""Links from our pages to our dashboards in Grafana. Their names: clickhouse/grafana/dashboards/."""

from urllib.parse import urlencode

from query_api.settings import ApiSettings

_DASHBOARDS = {
    "overview": "sessions-overview",
    "session": "session",
    "costs": "costs",
    "users": "users",
    "health": "health",
}


def grafana_url(
    settings: ApiSettings, dashboard: str, project: str, *, session: str = "", trace: str = ""
) -> str | None:
    """None where no Grafana is known: then there is nothing to show. `dashboard` is the name of its file."""
    if settings.grafana_url is None:
        return None
    variables = {"var-project": project, "var-session": session, "var-trace": trace}
    chosen = urlencode({name: value for name, value in variables.items() if value != ""})
    return f"{settings.grafana_url}/d/genai-sessions-{dashboard}/{_DASHBOARDS[dashboard]}?{chosen}"
