"""The columns that a list of sessions can have, and which of them somebody wants to see."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Column(NamedTuple):
    key: str
    label: str
    sort: str = ""  # by which the API sorts; empty: it does not
    number: bool = True
    at_first: bool = True  # shown until somebody chooses
    title: str = ""


COLUMNS = (
    Column("session", "Session", number=False),
    Column("user", "User", number=False),
    Column("started", "Started", "started_at"),
    Column("active", "Last active", "last_active_at"),
    Column("duration", "Duration", "duration_ms", title="from the first start to the last end"),
    Column("working", "Active", "active_ms", at_first=False, title="without the pauses between its traces"),
    Column("turns", "Turns", "turns", title="model calls that count"),
    Column("traces", "Traces", "traces"),
    Column("spans", "Spans", "spans"),
    Column("tools_called", "Tool calls", "tool_calls", at_first=False),
    Column("input", "In", "input_tokens", title="input tokens, cached ones included"),
    Column("output", "Out", "output_tokens", title="output tokens"),
    Column("tokens", "Tokens", "total_tokens"),
    Column("cached", "Cached", "cache_read_tokens", at_first=False, title="input tokens read from a cache"),
    Column("cost", "Cost", "cost_usd"),
    Column("errors", "Errors", "errors", title="failed turns"),
    Column("status", "Status", number=False),
    Column("turn", "Per turn", "avg_turn_ms", at_first=False, title="mean time of a turn"),
    Column("first_token", "First token", "first_token_ms", at_first=False, title="mean time to the first token"),
    Column("models", "Models", number=False),
    Column("services", "Services", number=False, at_first=False),
    Column("environments", "Environments", number=False, at_first=False),
    Column("tags", "Tags", number=False, at_first=False),
    Column("tools", "Tools", number=False, at_first=False),
    Column("said", "First input → last output", number=False),
)
COOKIE = "columns"
_FIXED = "session"
"""Always there: it is the link."""


def chosen(named: Sequence[str], remembered: str) -> list[Column]:
    """In their own order: by the address, else as last time, else as at first."""
    wanted = _known(named) or _known(remembered.split("."))
    return [each for each in COLUMNS if (each.key in wanted if wanted else each.at_first) or each.key == _FIXED]


def remembered(columns: Iterable[Column]) -> str:
    return ".".join(each.key for each in columns)


def _known(keys: Iterable[str]) -> frozenset[str]:
    return frozenset(keys) & {each.key for each in COLUMNS}
