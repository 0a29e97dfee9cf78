"""`genai-sessions keys new`: the key is shown once; the projects file gets its digest."""

from argparse import Namespace
from pathlib import Path

from clickhouse.projects import DEFAULT_PROJECT, new_key, parse
from genai_sessions.settings import Settings


def new(_: Settings, flags: Namespace) -> int:
    secret, sha256 = new_key()
    key = {
        "name": flags.name,
        "sha256": sha256,
        "projects": flags.project or [DEFAULT_PROJECT],
        "scopes": flags.scope or ["ingest"],
    }
    # What the file would refuse is refused here: before anybody has copied the key.
    parse({"projects": [{"id": project} for project in key["projects"]], "keys": [key]}, Path("keys new"))
    print(f"{secret}\n\n# The key stands above, and is shown this once. The projects file gets:\n")
    print("\n".join(["[[keys]]", *(f"{name} = {_toml(value)}" for name, value in key.items())]))
    return 0


def _toml(value: str | list[str]) -> str:
    """Names, digests and scopes have no character that TOML would want escaped: they have been parsed."""
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    return f'"{value}"'
