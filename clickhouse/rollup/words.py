"""The index over words, built once where spans have come to rest: neither inserts nor merges build it.

Measured, CPU per span of 1.5 kB: each merge that builds it 12 to 16 us, and a span that arrives in a small insert goes
through six or seven of them; building it afterwards 10 us. A part without it is searched as well, only by reading it.
"""

from collections.abc import Iterable
from typing import NamedTuple

from clickhouse_connect.driver import Client

from clickhouse.rollup.statements import single_row, statement

WORTHWHILE_ROWS = 50_000
"""Read whole, so many spans take a search some tenths of a second."""
REST_SECONDS = 60
"""What was written just now will soon be merged, and be without the index again."""
QUIET_SECONDS = 3_600
"""After this even a single span is worthwhile."""
MOST_PARTITIONS = 10
"""At a time: merges and what else changes parts wait in the same line."""


class Part(NamedTuple):
    partition: str
    name: str  # stays the same when it is indexed
    rows: int
    at_rest_seconds: int

    @property
    def at_rest(self) -> bool:
        return self.at_rest_seconds >= REST_SECONDS


class WordIndex:
    def __init__(self, client: Client) -> None:
        self._client = client
        self._asked: set[tuple[str, str]] = set()

    def build(self, *, quiet_seconds: int = QUIET_SECONDS) -> None:
        """The database does so in the background; those that it is asked for are not asked for again, even where
        nothing was said in them, so that they look as before."""
        if single_row(self._client, "words_in_progress")[0] > 0:
            return
        parts = [Part(*row) for row in self._client.query(statement("parts_without_words")).result_rows]
        self._asked &= {(part.partition, part.name) for part in parts}
        waiting = [part for part in parts if (part.partition, part.name) not in self._asked]
        for partition in due(waiting, quiet_seconds)[:MOST_PARTITIONS]:
            self._client.command(statement("index_words"), parameters={"partition": partition})
            self._asked |= {(part.partition, part.name) for part in waiting if part.partition == partition}


def due(waiting: Iterable[Part], quiet_seconds: int = QUIET_SECONDS) -> list[str]:
    """The partitions where it pays by now. While much arrives most of it is not at rest, and waits."""
    by_partition: dict[str, list[Part]] = {}
    for part in waiting:
        by_partition.setdefault(part.partition, []).append(part)
    return sorted(partition for partition, parts in by_partition.items() if _pays(parts, quiet_seconds))


def _pays(parts: list[Part], quiet_seconds: int) -> bool:
    at_rest = sum(part.rows for part in parts if part.at_rest)
    most = 2 * at_rest >= sum(part.rows for part in parts)
    return (at_rest >= WORTHWHILE_ROWS and most) or all(part.at_rest_seconds >= quiet_seconds for part in parts)
