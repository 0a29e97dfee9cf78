"""What a filter's sessions add up to, and how that is spread over the time: the strip above the lists."""

from typing import Any

from query_api.access import Caller
from query_api.db import Reader
from query_api.queries import FilterQuery, allowed_filter
from query_api.routes.aggregates import AggregatesQuery, read_sums
from query_api.times import parse_zone
from query_api.ui.pages import View
from query_api.ui.ranges import Span, series


async def sums_of(view: View, query: FilterQuery, caller: Caller, reader: Reader) -> dict[str, Any]:
    wanted = allowed_filter(query, view.now_ns, reader)
    span = Span(wanted.from_ns, wanted.to_ns, view.now_ns, parse_zone(query.tz))
    grouped = AggregatesQuery.model_validate(said(query) | {"group_by": span.step.group})
    sums = await read_sums(view.request, grouped, caller, reader)
    return {"totals": sums["totals"], "chart": series(span, sums["groups"])}


def said(query: FilterQuery) -> dict[str, Any]:
    """The filter of a list, for another question about the same sessions."""
    fields = FilterQuery.model_fields.items()
    return {field.alias or name: getattr(query, name) for name, field in fields} | (query.model_extra or {})
