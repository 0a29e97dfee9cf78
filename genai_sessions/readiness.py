"""Whether the database is there and has our schema: looked at now and then, for probes that must answer at once."""

import logging
import threading

from clickhouse.connect import Database, connected
from clickhouse.errors import DatabaseAway, DatabaseError
from clickhouse.migrate import known_migrations, pending_migrations
from genai_sessions.database import topology

log = logging.getLogger(__name__)

FIRST_LOOK_SECONDS = 3.0
UNREADY_SECONDS = 0.5
READY_SECONDS = 5.0


class DatabaseWatch:
    """In a thread that nobody waits for: a database that hangs must not hold up the end."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known = known_migrations()
        self._looked = threading.Event()
        self._refusal: DatabaseError | None = None
        self.complaint = "the database has not answered yet"

    def start(self) -> None:
        """Raises where waiting does not help: a wrong password, a newer schema."""
        threading.Thread(target=self._watch, name="database-watch", daemon=True).start()
        self._looked.wait(FIRST_LOOK_SECONDS)
        if self._refusal is not None:
            raise self._refusal

    def _watch(self) -> None:
        while True:
            self._refusal = self._look()
            self._looked.set()
            threading.Event().wait(READY_SECONDS if self.complaint == "" else UNREADY_SECONDS)

    def _look(self) -> DatabaseError | None:
        try:
            with connected(self._database.within("default"), connections=1) as client:
                pending = pending_migrations(client, topology(self._database), self._known)
        except DatabaseAway:
            self.complaint = "the database is away"
        except DatabaseError as refusal:
            self.complaint = "the database refuses us"
            return refusal
        except Exception:
            log.exception("The database could not be looked at.")  # the thread's edge: it must live on
        else:
            self.complaint = "" if len(pending) == 0 else "the database lacks its schema; run `genai-sessions migrate`"
        return None
