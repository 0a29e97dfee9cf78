"""Whose session it is, where those who say so contradict each other (line 35): through real doors into real rollups."""

import asyncio
import itertools
import time
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from clickhouse_connect.driver import Client

from clickhouse.connect import Database
from clickhouse.projects import without_file
from otel_receiver.batch import Batch, merged
from otel_receiver.mapper import DialectMapper
from otel_receiver.tables import Tables
from tests.clickhouse.stored import settle
from tests.otel_receiver.doors import Doors, open_doors
from tests.otel_receiver.requests import SECOND, span, traces

NOW = time.time_ns() - 60 * SECOND


class Said(NamedTuple):
    """One span, in a request of its own. Its number is when it starts, too; without a parent it is the root."""

    number: int
    parent: int | None
    own: str = ""
    conversation: str = ""
    resource: str = ""
    header: str = ""


CONFLICTS: Mapping[str, tuple[list[Said], dict[str, int]]] = {
    "an explicit id beats all others, wherever they are": (
        [
            Said(1, None, conversation="a", resource="b", header="c"),
            Said(2, 1, conversation="d"),
            Said(3, 2, own="e", conversation="f", resource="g", header="h"),
            Said(4, 3, resource="i"),
        ],
        {"e": 4},
    ),
    "the root's explicit id before one that starts earlier": (
        [Said(1, 2, own="child"), Said(2, None, own="root"), Said(3, 1, resource="process")],
        {"root": 2, "child": 1},
    ),
    "the earliest explicit id, where the root has none": (
        [Said(1, None), Said(2, 1, own="first", header="x"), Said(3, 1, own="second", conversation="y")],
        {"first": 2, "second": 1},
    ),
    "a conversation before resource and header": (
        [Said(1, None, resource="process", header="x"), Said(2, 1, header="y"), Said(3, 1, conversation="talk")],
        {"talk": 3},
    ),
    "the root's conversation before one that starts earlier": (
        [Said(1, 2, conversation="child"), Said(2, None, conversation="root"), Said(3, 1, header="x")],
        {"root": 3},
    ),
    "a resource before a header": (
        [Said(1, None, header="x"), Said(2, 1, header="y"), Said(3, 2, resource="process")],
        {"process": 3},
    ),
    "the root's resource before another process's": (
        [Said(1, 2, resource="service"), Said(2, None, resource="gateway"), Said(3, 1)],
        {"gateway": 3},
    ),
    "the root's header before another one": ([Said(1, 2, header="x"), Said(2, None, header="y")], {"y": 2}),
}


class Trace(NamedTuple):
    """A conflict whose spans arrive in one of all orders. Its sessions are called by its name."""

    name: str
    number: int
    order: tuple[Said, ...]
    expected: dict[str, int]

    def send(self, doors: Doors, step: int) -> None:
        said = self.order[step]
        values = {**self._named("session.id", said.own), **self._named("gen_ai.conversation.id", said.conversation)}
        body = traces(self._span(said, values), resource=self._named("session.id", said.resource))
        header = self._named("x-session-id", said.header)
        if self.number % 2 == 0:
            doors.post(body.SerializeToString(), **header).raise_for_status()
        else:
            doors.call(body.SerializeToString(), metadata=header)

    def _named(self, key: str, id_: str) -> dict[str, str]:
        return {key: f"{self.name}: {id_}"} if id_ else {}

    def _span(self, said: Said, values: Mapping[str, Any]) -> Any:
        start = NOW + said.number * SECOND
        return span(
            said.number,
            values,
            trace_id=(self.number + 1).to_bytes(16, "big"),
            parent_span_id=b"" if said.parent is None else said.parent.to_bytes(8, "big"),
            start_time_unix_nano=start,
            end_time_unix_nano=start + SECOND,
        )


def in_all_orders() -> Iterator[Trace]:
    numbers = itertools.count()
    for name, (said, expected) in CONFLICTS.items():
        for order in itertools.permutations(said):
            number = next(numbers)
            yield Trace(f"{name} ({number})", number, order, expected)


def store(database: Database, batches: list[Batch]) -> None:
    async def play() -> None:
        tables = Tables(database)
        try:
            await tables.insert(merged(batches))
        finally:
            await tables.close()

    asyncio.run(play())


def test_ids_that_contradict_each_other_are_settled_as_documented(client: Client, database: Database) -> None:
    """However their spans arrive, and with a rollup after each of them."""
    everything = list(in_all_orders())
    with open_doors(mapper=DialectMapper(without_file())) as doors:
        for step in range(max(len(trace.order) for trace in everything)):
            for trace in everything:
                if step < len(trace.order):
                    trace.send(doors, step)
            store(database, doors.writer.batches)
            doors.writer.batches.clear()
            settle(client)
    found = client.query("SELECT session_id, spans FROM v_sessions").result_rows
    expected = {f"{trace.name}: {id_}": spans for trace in everything for id_, spans in trace.expected.items()}
    assert dict(map(tuple, found)) == expected
