"""compose.yaml as Docker would read it, and its services as commands of this machine."""

import copy
import re
import shlex
import sys
from pathlib import Path
from typing import Any

import yaml

from tests.end_to_end.product import SOURCE, Ports

Service = dict[str, Any]
OURS = ("migrate", "receiver", "rollup", "api")


def read(name: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((SOURCE / name).read_text())
    return document


def together(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Both files as one, by the rules that ours need: mappings merge, lists add up, extensions come first."""
    merged: dict[str, Any] = _merged(base, over)
    for name, service in merged["services"].items():
        if "extends" in service:
            extended = copy.deepcopy(base["services"][service["extends"]["service"]])
            own = {key: value for key, value in service.items() if key != "extends"}
            merged["services"][name] = _by_target(_merged(extended, own))
    return merged


def _merged(base: Any, over: Any) -> Any:
    if isinstance(base, dict) and isinstance(over, dict):
        return {key: _merged(base.get(key), over.get(key)) for key in [*base, *(over.keys() - base.keys())]}
    if isinstance(base, list) and isinstance(over, list):
        return base + [item for item in over if item not in base]
    return copy.deepcopy(base if over is None else over)


def _by_target(service: Service) -> Service:
    """Of two volumes on one folder, the last counts."""
    targets = {volume.split(":")[1]: volume for volume in service.get("volumes", [])}
    return {**service, "volumes": list(targets.values())} if targets else service


def environment(service: Service) -> dict[str, str]:
    return {name: str(value) for name, value in service.get("environment", {}).items()}


def outside(service: Service, database: str, secrets: Path, data: Path, ports: Ports) -> dict[str, str]:
    """The environment of a service, with container names and paths replaced by those of this machine."""
    replaced = {
        "clickhouse:8123": database,
        "/run/secrets/projects": str(secrets / "projects.toml"),
        "/run/secrets": str(secrets),
        "/var/lib/genai-sessions": str(data),
    }
    told = environment(service)
    for old, new in replaced.items():
        told = {name: value.replace(old, new) for name, value in told.items()}
    numbers = zip(("OTLP_GRPC_PORT", "OTLP_HTTP_PORT", "API_PORT"), ports, strict=True)
    return told | {f"GENAI_SESSIONS_{name}": str(port) for name, port in numbers}


def arguments(service: Service) -> list[str]:
    command = service["command"]
    return shlex.split(command) if isinstance(command, str) else list(command)


def health_check(service: Service, ports: Ports) -> list[str]:
    """What Docker would execute in the container."""
    kind, program, *rest = service["healthcheck"]["test"]
    assert (kind, program) == ("CMD", "python")
    moved = {"4318": ports.http, "8080": ports.api}
    return [sys.executable, *(re.sub(r":(4318|8080)/", lambda found: f":{moved[found[1]]}/", text) for text in rest)]
