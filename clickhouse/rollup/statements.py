"""The `.sql` files of the rollup, and the temporary tables that carry keys to them."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from clickhouse_connect.driver import Client
from clickhouse_connect.driver.external import ExternalData

KEYS_FIRST = {"optimize_move_to_prewhere_if_final": 1, "preferred_block_size_bytes": 16 << 20}
"""Of what was stored lately each part may hold a key that is looked for, and few do: read the keys of a granule, and
the rest of it only where one of them is there. Measured with four parts, the facts of 1,000 traces: half the CPU. What
is left of a granule is a row or two, and all that is done by block is done for them: so many granules are a block. The
same facts 470 -> 395 ms, recomputing 1,000 sessions at random 934 -> 630, for 45 MB more of memory."""
_FOLDER = Path(__file__).parent / "sql"
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\0": "\\0"})


@cache
def statement(name: str) -> str:
    return (_FOLDER / f"{name}.sql").read_text()


def single_row(client: Client, name: str, parameters: Mapping[str, Any] | None = None) -> Sequence[Any]:
    """The answer of a statement that always answers with one row."""
    row: Sequence[Any] = client.query(statement(name), parameters=dict(parameters or {})).result_rows[0]
    return row


def external(table: str, columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> ExternalData:
    """Keys travel beside the statement, not in it: there may be thousands, and they are anybody's text."""
    lines = ("\t".join(field.translate(_ESCAPES) for field in row) + "\n" for row in rows)
    return ExternalData(
        file_name=f"{table}.tsv",
        data="".join(lines).encode("utf-8", "surrogatepass"),
        fmt="TSV",
        structure=[f"{column} String" for column in columns],
    )
