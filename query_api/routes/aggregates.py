"""Sums: totals and groups, who stands out, and the values that filters may take."""

import asyncio
import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import ConfigDict, Field
from starlette.responses import Response

from query_api.access import Caller, Reading, ReadsNumbers
from query_api.answers import answer
from query_api.db import Chosen, Reader, Row
from query_api.links import session_url, user_url
from query_api.openapi import answers
from query_api.paging import begin_page
from query_api.problems import bad_input
from query_api.queries import FilterQuery, PageQuery, Text, allowed_filter
from query_api.shapes import Aggregates, Facets, Outliers
from query_api.times import rfc3339

router = APIRouter(prefix="/api", tags=["aggregates"])

MAX_GROUPS = 1_000
"""Of one answer: three years of days, or six weeks of hours."""
_TIMES = ("minute", "hour", "day", "week")
_GROUPS = (*_TIMES, "model", "user", "service", "environment", "tag", "status")
_OF_CALLS = frozenset({"model", "service"})
"""Calls of one trace may differ in these; in all else they are alike, or are looked at where they are not."""
_NAMED = re.compile(r"(metadata|score)\.(.{1,1024})", re.DOTALL)
_FIRST = {"after_id": None, "after_null": False, "after_value": 0, "limit": 1}

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
    totals, groups = await _sums_and_groups(reader, chosen, keys, tz=query.tz, **order, **page.parameters())
    return {
        "totals": totals,
        "groups": [{"key": _key(keys, row)} | _sums(row) for row in groups[: page.limit]],
        "next_cursor": page.next_cursor(groups, None),
        "as_of": rfc3339(page.now_ns),
    }


async def read_totals(reader: Reader, chosen: Chosen) -> Row:
    order = {"sort": "no_value", "descending": True}
    totals = await reader.row("aggregates", chosen, tz="UTC", **_by([]), **order, **_FIRST)
    return _sums(totals) if totals is not None else _NOTHING


async def _sums_and_groups(
    reader: Reader, chosen: Chosen, keys: Sequence[str], limit: int, **parameters: Any
) -> tuple[Row, list[Row]]:
    """In one statement, unless groups take more reading than their sum."""
    if len(keys) == 0:
        return await read_totals(reader, chosen), []
    if not _OF_CALLS.isdisjoint(keys):
        return await asyncio.gather(
            read_totals(reader, chosen), _groups(reader, chosen, keys, limit=limit, **parameters)
        )
    total = _by(keys) | {"total": True, "limit": limit + 1}
    rows = await reader.rows("aggregates", chosen, **parameters, **total)
    return _sums(rows[0]) if rows else _NOTHING, rows[1:]


async def read_greatest(reader: Reader, chosen: Chosen, key: str, limit: int) -> list[Row]:
    """The groups of one key that cost most."""
    order = {"sort": "cost_usd", "descending": True}
    groups = await _groups(reader, chosen, [key], tz="UTC", **order, **(_FIRST | {"limit": limit}))
    return [{"key": row["key_1"] or None} | _sums(row) for row in groups]


async def _groups(reader: Reader, chosen: Chosen, keys: Sequence[str], **parameters: Any) -> list[Row]:
    return await reader.rows("aggregates", chosen, **_by(keys), **parameters)


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
_SPREADS = ("cost_per_session", "tokens_per_session", "turns_per_session", "duration_per_session")
_NOTHING = dict.fromkeys(_COUNTS, 0) | {"cost_usd": None, "error_rate": None} | dict.fromkeys(_SPREADS, _SPREAD)
"""What no sessions add up to."""


def _sums(row: Row) -> Row:
    return {name: row[name] for name in (*_COUNTS, *_SPREADS)}


def _key(keys: Sequence[str], row: Row) -> dict[str, str | None]:
    return {name: row[f"key_{number}"] or None for number, name in enumerate(keys, start=1)}


def _group_keys(text: str) -> list[str]:
    keys = text.split(",") if text else []
    for key in keys:
        if key not in _GROUPS and _NAMED.fullmatch(key) is None:
            known = f"{', '.join(_GROUPS)}, metadata.<key> and score.<name>"
            raise bad_input("group_by", f'"{key}" is no group; there are {known}')
    if len(keys) > len(set(keys)) or len(keys) > 2:  # noqa: PLR2004 - two, as the statement has it
        raise bad_input("group_by", "one key, or two different ones")
    return keys


def _by(keys: Sequence[str]) -> dict[str, str | bool]:
    """What the statement asks of its groups; without keys there is one of all."""
    first, second = [*keys, "nothing", "nothing"][:2] if keys else ("none", "nothing")
    kinds: dict[str, str | bool] = {
        "by_call": not _OF_CALLS.isdisjoint(keys),
        "by_time": not frozenset(_TIMES).isdisjoint(keys),
        "unit": next((unit for unit in _TIMES if unit in keys), _TIMES[-1]),
        "total": len(keys) == 0,
    }
    return _key_of(1, first) | _key_of(2, second) | kinds


def _key_of(number: int, key: str) -> dict[str, str | bool]:
    found = _NAMED.fullmatch(key)
    if found is None:
        return {f"by_{number}": f"by_{key}", f"name_{number}": ""}
    return {f"by_{number}": f"by_{found.group(1)}_{number}", f"name_{number}": found.group(2)}
