"""Projects and keys, from a TOML file. Both services ask here who a caller is and what it may.

[[projects]]
id = "shop"
retention_days = 90          # default: for ever
content_days = 30            # default: as long as the numbers
content = "on"               # on, off, truncated
redact = ['\\b\\d{16}\\b']      # regular expressions as RE2 has them, masked before anything is stored
prices = "prices.toml"       # or a table
limits = { spans_per_second = 5000, bytes_per_second = 20_000_000 }

[[keys]]
name = "shop-backend"
sha256 = "9f86d0…"           # of the key; `genai-sessions keys new` prints both
projects = ["shop"]
scopes = ["ingest"]
"""

import base64
import binascii
import hashlib
import ipaddress
import re
import secrets
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, get_args

from clickhouse.patterns import Pattern, compiled

Scope = Literal["ingest", "read", "content", "admin"]
Content = Literal["on", "off", "truncated"]

DEFAULT_PROJECT = "default"
LONGEST_DAYS = 36_500
"""A hundred years: more is a slip of the keyboard, and would overflow dates."""

_CONTAINED: Mapping[Scope, frozenset[Scope]] = {
    "ingest": frozenset({"ingest"}),
    "read": frozenset({"read"}),
    "content": frozenset({"read", "content"}),
    "admin": frozenset({"read", "content", "admin"}),
}
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def is_project_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None


class BadProjects(ValueError):
    """The file cannot be used; the sentence says where and why."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a project may send, averaged over a few seconds; 0 is no limit."""

    spans_per_second: int = 0
    bytes_per_second: int = 0


@dataclass(frozen=True, slots=True)
class Project:
    id: str
    retention_days: int = 0  # 0 is for ever
    content_days: int = 0  # 0 is as long as the numbers
    content: Content = "on"
    redact: tuple[Pattern, ...] = ()
    prices: Path | Mapping[str, Any] | None = None  # a file, or the table itself; pricing reads either
    limits: Limits = Limits()


@dataclass(frozen=True, slots=True)
class Key:
    name: str
    sha256: str
    projects: tuple[str, ...]
    scopes: frozenset[Scope]  # with the contained ones


_ANYBODY = Key("anybody", "", (DEFAULT_PROJECT,), frozenset(get_args(Scope)))


@dataclass(frozen=True, slots=True)
class Projects:
    by_id: Mapping[str, Project]
    by_digest: Mapping[str, Key]
    open: bool = False  # no file: everybody is welcome, and everybody is local

    def key(self, secret: str | None) -> Key | None:
        """Whose key this is. Found by its digest, so how long that takes tells nothing about the key."""
        if self.open:
            return _ANYBODY
        if secret is None:
            return None
        return self.by_digest.get(digest(secret))


def without_file() -> Projects:
    """One project, keys ignored; whoever binds a server must then bind it to loopback."""
    return Projects(MappingProxyType({DEFAULT_PROJECT: Project(DEFAULT_PROJECT)}), MappingProxyType({}), open=True)


def is_loopback(host: str) -> bool:
    """Whether only this machine is meant: what is open to everybody binds and answers there alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def new_key() -> tuple[str, str]:
    """A key, to be shown once, and the digest to keep. The prefix lets scanners of leaked secrets find it."""
    key = f"gs_{secrets.token_urlsafe(32)}"
    return key, digest(key)


def digest(secret: str) -> str:
    """A plain hash is right here: keys are random, so there is nothing to guess."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def secret_in(headers: Mapping[str, str]) -> str | None:
    """The key in HTTP headers or gRPC metadata (names in lower case): Bearer, Basic's password, or x-api-key."""
    scheme, _, credentials = headers.get("authorization", "").strip().partition(" ")
    credentials = credentials.strip()
    if scheme.lower() == "bearer" and credentials:
        return credentials
    if scheme.lower() == "basic" and credentials:
        return _password(credentials)
    return headers.get("x-api-key", "").strip() or None


def _password(credentials: str) -> str | None:
    try:
        plain = base64.b64decode(credentials, validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    _, colon, password = plain.partition(":")
    return password if colon and password else None


def load(path: Path) -> Projects:
    """The file as it stands, or BadProjects."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as why:
        raise BadProjects(f"cannot read the projects file {path}: {why.strerror}") from None
    except ValueError as why:  # TOML and UTF-8 alike
        raise BadProjects(f"{path} is not TOML: {why}") from None
    return parse(document, path)


def parse(document: Mapping[str, Any], path: Path) -> Projects:
    _known(document, {"projects", "keys"}, str(path))
    projects: dict[str, Project] = {}
    for raw, place in _tables(document, "projects", path):
        project = _project(raw, place, path.parent)
        _refuse_if(project.id in projects, place, f'the id "{project.id}" is taken')
        projects[project.id] = project
    _refuse_if(not projects, str(path), "there is no [[projects]]")
    return Projects(MappingProxyType(projects), MappingProxyType(_keys(document, path, projects)))


def _keys(document: Mapping[str, Any], path: Path, projects: Mapping[str, Project]) -> dict[str, Key]:
    keys: dict[str, Key] = {}
    for raw, place in _tables(document, "keys", path):
        key = _key(raw, place, projects)
        _refuse_if(key.sha256 in keys, place, "another key has the same sha256")
        _refuse_if(any(key.name == other.name for other in keys.values()), place, f'the name "{key.name}" is taken')
        keys[key.sha256] = key
    return keys


def _project(raw: Mapping[str, Any], place: str, folder: Path) -> Project:
    _known(raw, {"id", "retention_days", "content_days", "content", "redact", "prices", "limits"}, place)
    return Project(
        id=_matching(raw, "id", _ID, "up to 64 letters, digits, dots, dashes and underscores", place),
        retention_days=_number(raw, "retention_days", LONGEST_DAYS, place),
        content_days=_number(raw, "content_days", LONGEST_DAYS, place),
        content=_content(raw, place),
        redact=tuple(_pattern(text, place) for text in _texts(raw, "redact", place)),
        prices=_prices(raw, place, folder),
        limits=_limits(raw, place),
    )


def _content(raw: Mapping[str, Any], place: str) -> Content:
    value = raw.get("content", "on")
    for known in get_args(Content):
        if value == known:
            content: Content = known
            return content
    raise BadProjects(f"{place}: content is on, off or truncated, not {value!r}")


def _pattern(text: str, place: str) -> Pattern:
    try:
        return compiled(text)
    except ValueError as why:
        raise BadProjects(f"{place}: redact has {text!r}, {why}") from None


def _prices(raw: Mapping[str, Any], place: str, folder: Path) -> Path | Mapping[str, Any] | None:
    prices = raw.get("prices")
    if isinstance(prices, str):
        return folder / prices
    _refuse_if(prices is not None and not isinstance(prices, dict), place, "prices is the name of a file or a table")
    return prices


def _limits(raw: Mapping[str, Any], place: str) -> Limits:
    limits = raw.get("limits", {})
    _refuse_if(not isinstance(limits, dict), place, "limits is a table")
    place = f"{place}, limits"
    _known(limits, {"spans_per_second", "bytes_per_second"}, place)
    most = 1 << 53
    return Limits(_number(limits, "spans_per_second", most, place), _number(limits, "bytes_per_second", most, place))


def _key(raw: Mapping[str, Any], place: str, projects: Mapping[str, Project]) -> Key:
    _known(raw, {"name", "sha256", "projects", "scopes"}, place)
    name = _matching(raw, "name", _ID, "up to 64 letters, digits, dots, dashes and underscores", place)
    sha256 = _matching(raw, "sha256", _SHA256, "64 lower-case hex digits, never the key itself", place)
    owned = tuple(_texts(raw, "projects", place))
    _refuse_if(not owned, place, "projects is empty: the key would open nothing")
    for project in owned:
        _refuse_if(project not in projects, place, f'there is no project "{project}"')
    scopes = frozenset(_scope(text, place) for text in _texts(raw, "scopes", place))
    _refuse_if(not scopes, place, "scopes is empty: the key would open nothing")
    _refuse_if("ingest" in scopes and len(owned) != 1, place, "a key with the scope ingest names exactly one project")
    return Key(name, sha256, owned, frozenset[Scope]().union(*(_CONTAINED[scope] for scope in scopes)))


def _scope(text: str, place: str) -> Scope:
    for known in _CONTAINED:
        if text == known:
            return known
    raise BadProjects(f"{place}: {text!r} is no scope; there are ingest, read, content and admin")


def _tables(document: Mapping[str, Any], name: str, path: Path) -> list[tuple[Mapping[str, Any], str]]:
    """Each table of a list, with the place to name in a refusal."""
    tables = document.get(name, [])
    right = isinstance(tables, list) and all(isinstance(table, dict) for table in tables)
    _refuse_if(not right, str(path), f"{name} is written as [[{name}]]")
    return [(table, f"{path}, [[{name}]] number {number}") for number, table in enumerate(tables, start=1)]


def _known(table: Mapping[str, Any], known: set[str], place: str) -> None:
    unknown = sorted(set(table) - known)
    _refuse_if(bool(unknown), place, f"unknown: {', '.join(unknown)}; known: {', '.join(sorted(known))}")


def _matching(table: Mapping[str, Any], name: str, pattern: re.Pattern[str], wanted: str, place: str) -> str:
    value = table.get(name)
    if isinstance(value, str) and pattern.fullmatch(value) is not None:
        return value
    raise BadProjects(f"{place}: {name} is missing" if value is None else f"{place}: {name} is {wanted}")


def _number(table: Mapping[str, Any], name: str, most: int, place: str) -> int:
    value = table.get(name, 0)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most:
        return value
    raise BadProjects(f"{place}: {name} is a whole number from 0 to {most}, not {value!r}")


def _texts(table: Mapping[str, Any], name: str, place: str) -> list[str]:
    value = table.get(name, [])
    if isinstance(value, list) and all(isinstance(text, str) for text in value):
        return value
    raise BadProjects(f"{place}: {name} is a list of texts")


def _refuse_if(wrong: bool, place: str, why: str) -> None:
    if wrong:
        raise BadProjects(f"{place}: {why}")
