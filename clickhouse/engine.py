"""The child process that is a ClickHouse server: `python -m clickhouse.engine`, with its folder as working directory.

All of it rests on one private function of the chdb wheel, so it stays this small, the wheel is pinned to the minor
version, and the parent names CLICKHOUSE_URL as the way out where this does not work.

Listening is a feature of clickhouse-local (ClickHouse pull request 101143). The server lives as long as the query that
starts it, which sleeps: `count()` instead of `max(sleepEachRow(1))` would let the optimiser drop the sleep.
"""

import os
import signal
import sys
import threading

SERVE_UNTIL_KILLED = (
    "SYSTEM START LISTEN HTTP; SYSTEM START LISTEN TCP; "
    "SELECT max(sleepEachRow(1)) FROM (SELECT number FROM system.numbers LIMIT 1000000000) "
    "SETTINGS max_block_size = 1, max_threads = 1, function_sleep_max_microseconds_per_block = 0"
)


def _end_with_parent() -> None:
    """The parent holds our standard input: at its end, however the parent ended, we stop."""
    # Not through sys.stdin: its lock, held by this daemon thread, would keep a failed engine from ending by itself.
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    # Ctrl-C goes to the whole foreground group; the parent decides when the database stops.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from chdb import _chdb  # noqa: PLC0415 - 300 MB, and only this process needs it

    threading.Thread(target=_end_with_parent, daemon=True).start()
    # TabSeparated becomes the server's default format, and clients rely on it.
    _chdb.query(  # type: ignore[attr-defined]
        SERVE_UNTIL_KILLED, "TabSeparated", path="data"
    )


if __name__ == "__main__":
    main()
