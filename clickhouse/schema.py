"""What the migrations add up to, as text: `python -m clickhouse.schema > clickhouse/schema.sql`.

For people to read and for a test to hold; migrations stay the only way a database is made.
"""

import re
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from clickhouse_connect.driver import Client

from clickhouse.connect import connected
from clickhouse.embedded import Engine, EngineSettings
from clickhouse.migrate import Topology, migrate

SCHEMA = Path(__file__).parent / "schema.sql"

_HEADER = "-- What the migrations add up to. Written by `python -m clickhouse.schema`; a test keeps it true.\n"
_OBJECTS = """
SELECT formatQuery(create_table_query)
FROM system.tables
WHERE database = currentDatabase()
ORDER BY indexOf(['MaterializedView', 'View'], engine), name
"""


def schema_text(client: Client) -> str:
    """The statements that would make this database anew: tables, what feeds them, what is read from them."""
    created = [row[0] for row in client.query(_OBJECTS).result_rows]
    return "\n".join([_HEADER, *(f"{_anywhere(text, client.database or '')};\n" for text in created)])


def _anywhere(statement: str, database: str) -> str:
    """Without the names of this database and of whoever made it."""
    unqualified = re.sub(rf"`?\b{re.escape(database)}`?\.", "", statement)
    return re.sub(r"DEFINER = \S+", "DEFINER = CURRENT_USER", unqualified)


def main() -> None:
    with TemporaryDirectory() as folder, Engine(EngineSettings(Path(folder))) as engine:
        database = engine.database()
        with connected(database) as client:
            migrate(client, Topology(database.name))
            sys.stdout.write(schema_text(client))


if __name__ == "__main__":
    main()
