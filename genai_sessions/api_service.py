"""`genai-sessions api`: the query service on a server of its own."""

import uvicorn

from clickhouse.projects import Projects
from genai_sessions.database import reading_database, required_database
from genai_sessions.ports import refuse_busy_ports
from genai_sessions.service import stop_on_signal
from genai_sessions.settings import Settings, SettingsRefused
from query_api.app import create_app
from query_api.settings import ApiSettings

DRAIN_SECONDS = 1  # of requests in flight when told to stop; a reader asks again


def serve_api(settings: Settings, projects: Projects) -> int:
    chosen = api_settings(settings, projects)
    refuse_busy_ports(settings, "api_port")
    stop_on_signal()  # uvicorn raises a signal again when it has ended; to us it then means nothing more
    uvicorn.run(
        create_app(chosen),
        host=settings.host,
        port=settings.api_port,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        log_level="warning",
        server_header=False,
        proxy_headers=False,  # whoever stands in front may say anything in them
    )
    return 0


def api_settings(settings: Settings, projects: Projects) -> ApiSettings:
    try:
        return ApiSettings(
            database=required_database(settings),
            read_database=reading_database(settings),
            data_dir=settings.data_dir,
            projects=projects,
            host=settings.host,
            port=settings.api_port,
            otlp_http_port=settings.otlp_http_port,
            grafana_url=settings.grafana_url,
        )
    except ValueError as error:
        raise SettingsRefused(f"{error}.") from error
