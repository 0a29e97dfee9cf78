"""Sums: totals and groups, who stands out, and the values that filters may take."""

import asyncio
import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import ConfigDict, Field
from starlette.responses import Response

from clickhouse.rollup.sums import STEP_NS
from query_api.access import Caller, Reading, ReadsNumbers
from query_api.answers import answer
from query_api.db import Chosen, Reader, Row
from query_api.filters import Filter
from query_api.links import session_url, user_url
from query_api.openapi import answers
from query_api.paging import begin_page
from query_api.problems import bad_input
from query_api.queries import FilterQuery, PageQuery, Text, allowed_filter
from query_api.shapes import Aggregates, Facets, Outliers
from query_api.times import LAST_NS, begins_on_half_hours, parse_zone, rfc3339

router = APIRouter(prefix="/api", tags=["aggregates"])

MAX_GROUPS = 1_000
"""Of one answer: three years of days, or six weeks of hours."""
_TIMES = frozenset({"minute", "hour", "day", "week"})
_GROUPS = ("minute", "hour", "day", "week", "model", "user", "service", "environment", "tag", "status")
_OF_CALLS = ("model", "service", "user")
"""In these calls of one trace may differ: it counts once in each group."""
_NAMED = re.compile(r"(metadata|score)\.(.{1,1024})", re.DOTALL)
_CUT = ("session_id String", "duration_ns UInt64", "before Bool", "after Bool")
_FIRST = {"after_id": None, "after_null": False, "after_value": 0}

GroupSort = Literal[
    "key", "sessions", "traces", "turns", "users", "input_tokens", "output_tokens", "total_tokens", "cache_read_tokens",
    "cache_write_tokens", "reasoning_tokens", "cost_usd", "unpriced_turns", "errors", "error_rate",
]  # fmt: skip


class AggregatesQuery(FilterQuery, PageQuery):
    model_config = ConfigDict(extra="allow")

    group_by: Text = Field(
        "",
        description="Up to two of day, hour, minute, week, model, user, service, environment, tag, status, "
        "metadata.<key> and score.<name>.",
        examples=["day,model"],
    )
    limit: int = Field(MAX_GROUPS, ge=1, le=MAX_GROUPS)
    sort: GroupSort | None = Field(None, description="Default: the key where time comes first, else cost_usd.")
    order: Literal["asc", "desc"] = Field("desc", description="Of numbers; keys ascend.")


class OutliersQuery(FilterQuery):
    kind: Literal["session", "user"] = "session"
    measure: Literal["tokens", "cost", "turns", "duration"] = "tokens"
    limit: int = Field(50, ge=1, le=200)


class FacetsQuery(FilterQuery):
    metadata_key: Text = Field("", description="Whose values are listed as `metadata_values`.")


@router.get("/aggregates", responses=answers(Aggregates, "Sums."))
async def aggregate(
    request: Request, query: Annotated[AggregatesQuery, Query()], caller: Reading, reader: ReadsNumbers
) -> Response:
    """Calls that started in the range, in groups; and per session, how they are spread."""
    body = await read_sums(request, query, caller, reader)
    return answer(request, body, content=False, same_while=[body["totals"], body["groups"]])


async def read_sums(request: Request, query: AggregatesQuery, caller: Caller, reader: Reader) -> dict[str, Any]:
    page = begin_page(request, caller, query.limit, query.cursor)
    keys = _group_keys(query.group_by)
    wanted = allowed_filter(query, page.now_ns, reader)
    # A range needs no choice of sessions: whoever has a call in it was active in it.
    chosen = await reader.choose_sessions(wanted, everything=wanted.only_times)
    sort = query.sort if query.sort is not None else "key" if keys[:1] and keys[0] in _TIMES else "cost_usd"
    order: dict[str, Any] = {"sort": "no_value" if sort == "key" else sort, "descending": query.order == "desc"}
    rows = await _sums_and_groups(reader, wanted, chosen, keys, tz=query.tz, **order, **page.parameters())
    totals = next((_sums(row) for row in rows if row["is_total"]), _NOTHING)
    groups = [row for row in rows if not row["is_total"]]
    return {
        "totals": totals,
        "groups": [{"key": _key(keys, row)} | _sums(row) for row in groups[: page.limit]],
        "next_cursor": page.next_cursor(groups, None),
        "as_of": rfc3339(page.now_ns),
    }


async def _sums_and_groups(
    reader: Reader, wanted: Filter, chosen: Chosen, keys: Sequence[str], limit: int, **parameters: Any
) -> list[Row]:
    """Both in one reading, where the range may cut sessions in parts. Where it does not, their rows say what all is."""
    if wanted.is_bounded:
        totals = [True, False] if keys else [True]
        asked = [_asked(wanted, keys, **parameters) | {"totals": totals, "limit": limit + 1}]
    else:
        asked = [_asked(wanted, [], **parameters) | {"source": "whole_sessions", "totals": [], "limit": 1}]
        if keys:
            asked.append(_asked(wanted, keys, **parameters) | {"totals": [False], "limit": limit})
    answers = await asyncio.gather(*(_read_groups(reader, chosen, each) for each in asked))
    return [row for rows in answers for row in rows]


async def _read_groups(reader: Reader, chosen: Chosen, asked: dict[str, Any]) -> list[Row]:
    """Where the range cuts a half hour, the sessions that go on across the cut are looked up first, for often there are
    none. Measured on 100,000 sessions: within the statement, which then read all of them twice more and was planned for
    calls in any case, a day took 20 ms more of CPU where there were some, and 140 where there were none."""
    if asked["parts"] == "whole_half_hours_and_calls":
        cut = await reader.look_up(chosen, "cut_sessions", _CUT, **asked)
        chosen, parts = cut.chosen, "whole_half_hours_and_calls" if len(cut.rows) > 0 else "whole_half_hours"
        asked = asked | {"parts": parts}
    in_time = asked["is_bounded"] and not chosen.few  # all of it is read as fast by session, in fewer rows
    held = {"held": "half_hours", "since": "since"} if in_time else {"held": "sessions", "since": "sums.since"}
    return await reader.rows("aggregates", chosen, **asked, **held)


async def read_greatest(reader: Reader, wanted: Filter, chosen: Chosen, key: str, limit: int) -> list[Row]:
    """The groups of one key that cost most."""
    order = {"sort": "cost_usd", "descending": True}
    asked = _asked(wanted, [key], tz="UTC", **order, **_FIRST) | {"totals": [False], "limit": limit}
    groups = await _read_groups(reader, chosen, asked)
    return [{"key": row["key_1"] or None} | _sums(row) for row in groups]


@router.get("/outliers", responses=answers(Outliers, "Who stands out."))
async def find_outliers(
    request: Request, query: Annotated[OutliersQuery, Query()], caller: Reading, reader: ReadsNumbers
) -> Response:
    """Sessions or users that lie beyond Tukey's outer fence: the upper quartile, and three times the quartiles'
    distance above it."""
    body = await read_outliers(request, query, caller, reader)
    return answer(request, body, content=False, same_while=[body["peers"], body["items"]])


async def read_outliers(request: Request, query: OutliersQuery, caller: Caller, reader: Reader) -> dict[str, Any]:
    page = begin_page(request, caller, query.limit, None)
    wanted = allowed_filter(query, page.now_ns, reader)
    chosen = await reader.choose_sessions(wanted, everything=wanted.is_empty)
    peers, *rows = await reader.rows(f"outlying_{query.kind}s", chosen, measure=query.measure, limit=query.limit + 1)
    url = session_url if query.kind == "session" else user_url
    return {
        "kind": query.kind,
        "measure": query.measure,
        "peers": {name: peers[name] for name in ("peers", "p25", "p50", "p75", "fence")},
        "items": [
            {f"{query.kind}_id": row["id"], "value": row["value"], "url": url(row["id"], reader.named)} for row in rows
        ],
        "as_of": rfc3339(page.now_ns),
    }


@router.get("/facets", responses=answers(Facets, "Values, by how many sessions have them."))
async def list_facets(
    request: Request, query: Annotated[FacetsQuery, Query()], caller: Reading, reader: ReadsNumbers
) -> Response:
    """The values that filters may take among the chosen sessions, the most frequent first."""
    page = begin_page(request, caller, MAX_GROUPS, None)
    wanted = allowed_filter(query, page.now_ns, reader)
    chosen = await reader.choose_sessions(wanted, everything=wanted.is_empty)
    rows = await reader.rows("facets", chosen, metadata_key=query.metadata_key)
    facets: dict[str, list[Row]] = {name: [] for name in _FACETS}
    for row in rows:
        facets[row["facet"]].append({"value": row["value"], "sessions": row["sessions"]})
    return answer(request, facets, content=False)


_FACETS = (
    "models", "services", "environments", "tags", "tools", "agents", "releases", "prompts", "statuses", "scores",
    "metadata", "metadata_values",
)  # fmt: skip
_SPREAD = dict.fromkeys(("mean", "p50", "p90", "p95", "p99", "max"))
_COUNTS = (
    "sessions", "traces", "turns", "users", "input_tokens", "output_tokens", "total_tokens", "cache_read_tokens",
    "cache_write_tokens", "reasoning_tokens", "cost_usd", "unpriced_turns", "errors", "error_traces", "error_rate",
)  # fmt: skip
_SPREADS = {
    "cost_per_session": "costs",
    "tokens_per_session": "tokens",
    "turns_per_session": "turns_each",
    "duration_per_session": "durations",
}
_NOTHING = dict.fromkeys(_COUNTS, 0) | {"cost_usd": None, "error_rate": None} | dict.fromkeys(_SPREADS, _SPREAD)
"""What no sessions add up to."""


def _sums(row: Row) -> Row:
    spreads = {name: dict(zip(_SPREAD, row[spread], strict=True)) for name, spread in _SPREADS.items()}
    return {name: row[name] for name in _COUNTS} | spreads


def _key(keys: Sequence[str], row: Row) -> dict[str, str | None]:
    return {name: _shown(name, row[f"key_{number}"]) for number, name in enumerate(keys, start=1)}


def _shown(name: str, key: str) -> str | None:
    """The database writes instants with a space."""
    return f"{key.replace(' ', 'T')}Z" if name in ("minute", "hour") else key or None


def _group_keys(text: str) -> list[str]:
    keys = text.split(",") if text else []
    for key in keys:
        if key not in _GROUPS and _NAMED.fullmatch(key) is None:
            known = f"{', '.join(_GROUPS)}, metadata.<key> and score.<name>"
            raise bad_input("group_by", f'"{key}" is no group; there are {known}')
    if len(keys) > len(set(keys)) or len(keys) > 2:  # noqa: PLR2004 - two, as the statement has it
        raise bad_input("group_by", "one key, or two different ones")
    return keys


def _asked(wanted: Filter, keys: Sequence[str], *, tz: str, **parameters: Any) -> dict[str, Any]:
    """Which groups the statement makes, and of what: of half hours, unless some are finer; and where the range begins
    or ends within one, of single calls as well."""
    first, second = [*keys, "nothing", "nothing"][:2]
    counted = "_".join([*(key for key in _OF_CALLS if key in keys), "traces"])
    fine = "minute" in keys or not (_TIMES.isdisjoint(keys) or begins_on_half_hours(parse_zone(tz)))
    cut_from_ns, whole_to_ns = wanted.from_ns // STEP_NS * STEP_NS, wanted.to_ns // STEP_NS * STEP_NS
    whole_from_ns = wanted.from_ns if wanted.from_ns == cut_from_ns else min(cut_from_ns + STEP_NS, LAST_NS)
    is_cut = wanted.from_ns > cut_from_ns or whole_to_ns < wanted.to_ns < LAST_NS
    whole = {"cut_from_ns": cut_from_ns, "whole_from_ns": whole_from_ns, "whole_to_ns": whole_to_ns}
    ranged = whole | {"is_bounded": wanted.is_bounded}
    parts = "single_calls" if fine else "whole_half_hours_and_calls" if is_cut else "whole_half_hours"
    looked_at = "in_range" if fine else "cut_sessions"
    made = {"source": "groups", "parts": parts, "looked_at": looked_at, "counted": f"sums.{counted}"}
    return parameters | _key_of(1, first) | _key_of(2, second) | ranged | made | {"fine": fine, "tz": tz}


def _key_of(number: int, key: str) -> dict[str, str]:
    found = _NAMED.fullmatch(key)
    if found is None:
        return {f"by_{number}": f"by_{key}", f"name_{number}": ""}
    return {f"by_{number}": f"by_{found.group(1)}_{number}", f"name_{number}": found.group(2)}
