"""The table that the OpenTelemetry Collector's ClickHouse exporter fills, read hour by hour."""

from collections.abc import Generator, Sequence
from pathlib import Path
from typing import NamedTuple

from clickhouse_connect.driver import Client

_HOUR_NS = 3_600 * 10**9
_SQL = Path(__file__).parent / "sql"


class Hour(NamedTuple):
    number: int  # since 1970
    spans: int


class ExportedSpan(NamedTuple):
    """A row as it lies there. Attributes are JSON objects, as text."""

    trace_id: str
    span_id: str
    parent_span_id: str
    trace_state: str
    name: str
    kind: str
    start_ns: int
    duration_ns: int
    status: str
    status_message: str
    attributes: str
    resource_attributes: str
    service: str
    scope_name: str
    scope_version: str
    events_at_ns: list[int]
    events_name: list[str]
    events_attributes: list[str]
    links_trace_id: list[str]
    links_span_id: list[str]
    links_trace_state: list[str]
    links_attributes: list[str]

    @property
    def hour(self) -> int:
        return self.start_ns // _HOUR_NS

    @property
    def size(self) -> int:
        """In characters, of what may be long. Each row has a copy of its resource, however many share it."""
        said = len(self.attributes) + len(self.resource_attributes) + len(self.status_message) + len(self.name)
        return said + sum(map(len, self.events_attributes)) + sum(map(len, self.links_attributes))


def hours(client: Client, table: str, since_ns: int = 0) -> list[Hour]:
    """The oldest first."""
    parameters = {"table": table, "since_ns": since_ns}
    return [Hour(*row) for row in client.query(_statement("hours"), parameters=parameters).result_rows]


def spans_of(client: Client, table: str, hours: Sequence[int]) -> Generator[list[ExportedSpan]]:
    """Block by block: never more in memory than one of them."""
    parameters = {"table": table, "hours": hours}
    with client.query_row_block_stream(_statement("spans"), parameters=parameters) as blocks:
        for block in blocks:
            yield [ExportedSpan._make(row) for row in block]


def _statement(name: str) -> str:
    return (_SQL / f"{name}.sql").read_text()
