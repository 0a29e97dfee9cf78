"""Stored calls that are priced by us, read page by page; and written again with another price. Spans tell of them, or
log records."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

from clickhouse_connect.driver import Client

from clickhouse.rollup.statements import external, statement

CALLS_PER_PAGE = 20_000
CALLS_PER_WRITE = 2_000
"""Their rows are copied inside the database, prompts and all."""


class Told(NamedTuple):
    """Where calls stand, and the statements that read and write them there."""

    read: str
    write: str


BY_SPANS = Told("priced_spans", "reprice_spans")
BY_LOGS = Told("priced_log_calls", "reprice_log_calls")


class Hour(NamedTuple):
    project_id: str
    start: int  # in seconds


class PricedCall(NamedTuple):
    trace_id: str
    id: str  # of the span, or of the log record
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


def priced_calls(client: Client, everywhere: str, told: Told, hour: Hour, since_ns: int) -> Iterator[list[PricedCall]]:
    after: tuple[str, str, int] = ("", "", 0)
    while True:
        parameters = {
            "everywhere": everywhere,
            "project": hour.project_id,
            "hour": hour.start,
            "since_ns": since_ns,
            "most": CALLS_PER_PAGE,
            **dict(zip(("after_trace", "after_id", "after_ns"), after, strict=True)),
        }
        page = [PricedCall(*row) for row in client.query(statement(told.read), parameters=parameters).result_rows]
        if len(page) == 0:
            return
        yield page
        after = page[-1][:3]


def write_prices(client: Client, everywhere: str, told: Told, hour: Hour, prices: Sequence[NewPrice]) -> None:
    """The rows, then what they change. A call that has been received again meanwhile is left alone."""
    for start in range(0, len(prices), CALLS_PER_WRITE):
        part = prices[start : start + CALLS_PER_WRITE]
        client.command(
            statement(told.write),
            parameters={"everywhere": everywhere, "project": hour.project_id, "hour": hour.start},
            external_data=external("priced", _COLUMNS, map(_row, part)),
        )
        traces = sorted({(hour.project_id, price.call.trace_id) for price in part})
        client.insert("trace_changes", traces, ["project_id", "trace_id"], database=everywhere)


_COLUMNS = ("trace_id", "id", "started_ns", "version", "cost_usd", "cost_source", "price_source")


def _row(price: NewPrice) -> tuple[str, ...]:
    call = price.call
    usd = "" if price.cost_usd is None else f"{price.cost_usd:f}"
    return (call.trace_id, call.id, str(call.started_ns), call.version, usd, price.cost_source, price.price_source)
