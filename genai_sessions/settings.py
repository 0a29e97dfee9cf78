"""Everything that can be set, read once: flag over environment over default. Each refusal is a sentence."""

import os
import re
from argparse import Namespace
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from clickhouse.projects import Projects, load, without_file

T = TypeVar("T")


class SettingsRefused(Exception):
    """The message is a sentence for whoever wrote the setting."""


@dataclass(frozen=True)
class Settings:
    data_dir: Path
    host: str
    otlp_grpc_port: int
    otlp_http_port: int
    api_port: int
    clickhouse_url: str | None
    clickhouse_password_file: Path | None
    clickhouse_read_url: str | None
    clickhouse_read_password_file: Path | None
    clickhouse_cluster: str
    clickhouse_port: int | None
    clickhouse_memory: int | None
    workers: int
    projects: Path | None
    key: str | None
    grafana_url: str | None


ENVIRONMENT = {
    "data_dir": "GENAI_SESSIONS_DATA_DIR",
    "host": "GENAI_SESSIONS_HOST",
    "otlp_grpc_port": "GENAI_SESSIONS_OTLP_GRPC_PORT",
    "otlp_http_port": "GENAI_SESSIONS_OTLP_HTTP_PORT",
    "api_port": "GENAI_SESSIONS_API_PORT",
    "clickhouse_url": "CLICKHOUSE_URL",
    "clickhouse_password_file": "CLICKHOUSE_PASSWORD_FILE",
    "clickhouse_read_url": "CLICKHOUSE_READ_URL",
    "clickhouse_read_password_file": "CLICKHOUSE_READ_PASSWORD_FILE",
    "clickhouse_cluster": "CLICKHOUSE_CLUSTER",
    "clickhouse_port": "GENAI_SESSIONS_CLICKHOUSE_PORT",
    "clickhouse_memory": "GENAI_SESSIONS_CLICKHOUSE_MEMORY",
    "workers": "GENAI_SESSIONS_WORKERS",
    "projects": "GENAI_SESSIONS_PROJECTS",
    "key": "GENAI_SESSIONS_KEY",
    "grafana_url": "GENAI_SESSIONS_GRAFANA_URL",
}
"""The one table of names; the README's is tested against it."""

MAX_WORKERS = 64


def read_settings(flags: Namespace, environment: Mapping[str, str] | None = None) -> Settings:
    source = _Source(vars(flags), os.environ if environment is None else environment)
    return Settings(
        data_dir=source.read("data_dir", _path, _default_data_dir(source.environment)),
        host=source.read("host", str, "127.0.0.1"),
        otlp_grpc_port=source.read("otlp_grpc_port", _port, 4317),
        otlp_http_port=source.read("otlp_http_port", _port, 4318),
        api_port=source.read("api_port", _port, 8080),
        clickhouse_url=source.read("clickhouse_url", str, None),
        clickhouse_password_file=source.read("clickhouse_password_file", _path, None),
        clickhouse_read_url=source.read("clickhouse_read_url", str, None),
        clickhouse_read_password_file=source.read("clickhouse_read_password_file", _path, None),
        clickhouse_cluster=source.read("clickhouse_cluster", str, ""),
        clickhouse_port=source.read("clickhouse_port", _port, None),
        clickhouse_memory=source.read("clickhouse_memory", _bytes, None),
        workers=source.read("workers", _workers, 1),
        projects=source.read("projects", _path, None),
        key=source.read("key", str, None),
        grafana_url=source.read("grafana_url", _web_address, None),
    )


def known_projects(settings: Settings) -> Projects:
    return without_file() if settings.projects is None else load(settings.projects)


@dataclass(frozen=True)
class _Source:
    flags: Mapping[str, Any]
    environment: Mapping[str, str]

    def read(self, name: str, read: Callable[[str], Any], default: T) -> T:
        """An empty variable counts as not set: that is how compose files pass nothing on."""
        flag = self.flags.get(name)
        text = flag if flag is not None else self.environment.get(ENVIRONMENT[name], "")
        if text == "":
            return default
        try:
            value: T = read(str(text))
        except ValueError as error:
            where = f"--{name.replace('_', '-')}" if flag is not None else ENVIRONMENT[name]
            raise SettingsRefused(f"{where} is {text}, but {error}.") from error
        return value


def _path(text: str) -> Path:
    return Path(text).expanduser().absolute()


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 1 << 16:
        raise ValueError("a port is a number from 1 to 65535")
    return int(text)


def _web_address(text: str) -> str:
    if re.fullmatch(r"https?://[^\s/?#]+[^\s?#]*", text) is None:
        raise ValueError("it must be an address like http://localhost:3000")
    return text.rstrip("/")


def _workers(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MAX_WORKERS:
        raise ValueError(f"there may be 1 to {MAX_WORKERS} workers")
    return int(text)


def _bytes(text: str) -> int:
    units = {"k": 10, "m": 20, "g": 30}
    shift = units.get(text[-1].lower(), 0)
    digits = text[:-1] if shift else text
    if not digits.isdecimal() or int(digits) << shift < 512 << 20:
        raise ValueError("it must be at least 512m (a number of bytes, or one with k, m or g)")
    return int(digits) << shift


def _default_data_dir(environment: Mapping[str, str]) -> Path:
    home = environment.get("XDG_DATA_HOME", "")
    return (Path(home) if home else Path.home() / ".local" / "share") / "genai-sessions"
