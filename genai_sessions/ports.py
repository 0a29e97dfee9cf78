"""Where we listen and are reached. Whether we may listen there is asked before anything is made."""

import socket

from clickhouse.projects import Projects
from genai_sessions.settings import Settings, SettingsRefused
from otel_receiver import settings as settings_of_doors


def refuse_open_bind(settings: Settings, projects: Projects) -> None:
    try:
        settings_of_doors.refuse_open_bind(settings.host, projects)
    except ValueError as error:
        raise SettingsRefused(f"{error}.") from error


def refuse_busy_ports(settings: Settings, *names: str) -> None:
    for name in names:
        port: int = getattr(settings, name)
        complaint = why_not(settings.host, port)
        if complaint is not None:
            raise SettingsRefused(
                f"Port {port} on {settings.host} cannot be used ({complaint}); "
                f"choose another with --{name.replace('_', '-')}."
            )


def why_not(host: str, port: int) -> str | None:
    """What the system says against listening there; None where it is free."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error.strerror or str(error)
    return None


def reachable(host: str) -> str:
    """Where those who listen everywhere answer on this machine."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
