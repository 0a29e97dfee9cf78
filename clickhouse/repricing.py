"""Stored calls that are priced by us, read page by page; and written again with another price."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

from clickhouse_connect.driver import Client

from clickhouse.rollup.statements import external, statement

CALLS_PER_PAGE = 20_000
CALLS_PER_WRITE = 2_000
"""Their spans are copied inside the database, prompts and all."""


class Hour(NamedTuple):
    project_id: str
    start: int  # in seconds


class PricedCall(NamedTuple):
    trace_id: str
    span_id: str
    started_ns: int
    version: str
    provider: str
    request_model: str
    response_model: str
    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    cache_write_tokens: int | None
    reasoning_tokens: int | None
    cost_usd: Decimal | None
    cost_source: str


class NewPrice(NamedTuple):
    call: PricedCall
    cost_usd: Decimal | None
    cost_source: str
    price_source: str


def priced_hours(client: Client, everywhere: str, project: str, since_ns: int) -> list[Hour]:
    """`project` is empty for all."""
    parameters = {"everywhere": everywhere, "project": project, "since_ns": since_ns}
    return [Hour(*row) for row in client.query(statement("priced_hours"), parameters=parameters).result_rows]


def priced_calls(client: Client, everywhere: str, hour: Hour, since_ns: int) -> Iterator[list[PricedCall]]:
    after: tuple[str, str, int] = ("", "", 0)
    while True:
        parameters = {
            "everywhere": everywhere,
            "project": hour.project_id,
            "hour": hour.start,
            "since_ns": since_ns,
            "most": CALLS_PER_PAGE,
            **dict(zip(("after_trace", "after_span", "after_ns"), after, strict=True)),
        }
        page = [PricedCall(*row) for row in client.query(statement("priced_calls"), parameters=parameters).result_rows]
        if len(page) == 0:
            return
        yield page
        after = page[-1][:3]


def write_prices(client: Client, everywhere: str, hour: Hour, prices: Sequence[NewPrice]) -> None:
    """The spans, then what they change. A call that has been received again meanwhile is left alone."""
    for start in range(0, len(prices), CALLS_PER_WRITE):
        part = prices[start : start + CALLS_PER_WRITE]
        client.command(
            statement("reprice"),
            parameters={"everywhere": everywhere, "project": hour.project_id, "hour": hour.start},
            external_data=external("priced", _COLUMNS, map(_row, part)),
        )
        traces = sorted({(hour.project_id, price.call.trace_id) for price in part})
        client.insert("trace_changes", traces, ["project_id", "trace_id"], database=everywhere)


_COLUMNS = ("trace_id", "span_id", "version", "cost_usd", "cost_source", "price_source")


def _row(price: NewPrice) -> tuple[str, ...]:
    call = price.call
    usd = "" if price.cost_usd is None else f"{price.cost_usd:f}"
    return (call.trace_id, call.span_id, call.version, usd, price.cost_source, price.price_source)
