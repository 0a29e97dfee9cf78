"""What the API changes, with the owner's connection. Seldom, and in a thread: the contract's functions for it speak
with the synchronous client."""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from anyio.to_thread import run_sync
from clickhouse_connect.driver import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from clickhouse.connect import Database, connected
from clickhouse.deletion import Undeleted
from clickhouse.errors import DatabaseError
from clickhouse.rollup.removal import Removed
from query_api.problems import away

V = TypeVar("V")
Change = Callable[[Client, str], V]


@dataclass(frozen=True, slots=True)
class Score:
    """Of a session, of a trace, or of a span of it: the ids that do not apply are empty."""

    name: str
    value: float | None
    label: str
    comment: str
    session_id: str = ""
    trace_id: str = ""
    span_id: str = ""
    score_id: str = ""  # sent twice is once; empty: a new one


async def change(database: Database, work: Change[V]) -> V:
    """`work` is called with a client and the name of the database that reaches all shards."""

    def changed() -> V:
        with connected(database, connections=1) as client:
            return work(client, database.everywhere)

    try:
        return await run_sync(changed)
    except Undeleted as error:
        raise away(str(error)) from error
    except (ClickHouseError, DatabaseError, OSError) as error:
        raise away("The database did not finish this. Ask again: doing it twice does no harm.") from error


async def delete(database: Database, work: Change[Removed]) -> dict[str, dict[str, int]]:
    removed = await change(database, work)
    return {"deleted": {"spans": removed.spans, "traces": removed.traces}}


async def write_score(database: Database, project: str, score: Score) -> str:
    """The score, then what it changes: the trace that it is of, or the session."""
    score_id = score.score_id or str(uuid.uuid4())
    now_ns = time.time_ns()
    row = {
        "project_id": project,
        "trace_id": score.trace_id,
        "span_id": score.span_id,
        "session_id": score.session_id,
        "score_id": score_id,
        "name": score.name,
        "value": score.value,
        "label": score.label,
        "comment": score.comment,
        "scored_at": now_ns,
        "received_at": now_ns // 1_000,
    }

    def work(client: Client, everywhere: str) -> None:
        client.insert("scores", [list(row.values())], list(row), database=everywhere)
        if score.trace_id:
            client.insert("trace_changes", [[project, score.trace_id]], ["project_id", "trace_id"], database=everywhere)
        else:
            of = [[project, score.session_id]]
            client.insert("session_changes", of, ["project_id", "session_id"], database=everywhere)

    await change(database, work)
    return score_id
