"""Deleting, with the owner's connection: tombstones first, then spans; what they added up to follows within seconds."""

from collections.abc import Callable

from anyio.to_thread import run_sync
from clickhouse_connect.driver import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from clickhouse.connect import Database, connected
from clickhouse.errors import DatabaseError
from clickhouse.rollup.removal import Removed
from query_api.problems import away

Delete = Callable[[Client, str], Removed]


async def delete(database: Database, delete_from: Delete) -> dict[str, dict[str, int]]:
    """Seldom, and in a thread: deletions speak with the synchronous client."""

    def work() -> Removed:
        with connected(database, connections=1) as client:
            return delete_from(client, database.everywhere)

    try:
        removed = await run_sync(work)
    except (ClickHouseError, DatabaseError, OSError) as error:
        raise away("The deletion was not finished. Ask for it again; what is gone stays gone.") from error
    return {"deleted": {"spans": removed.spans, "traces": removed.traces}}
