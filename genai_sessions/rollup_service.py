"""`genai-sessions rollup`: rounds of the worker, and between them what has to be done now and then."""

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from clickhouse_connect.driver import Client
from clickhouse_connect.driver.exceptions import ClickHouseError
from urllib3.exceptions import HTTPError

from clickhouse.connect import WRITE_SETTINGS, Database, connect
from clickhouse.errors import DatabaseAway
from clickhouse.projects import Projects
from clickhouse.rollup.maintenance import expire, expire_content, forget, heal, heal_half_hours
from clickhouse.rollup.removal import remove_scores_of_deleted
from clickhouse.rollup.words import WordIndex
from clickhouse.rollup.worker import Worker
from genai_sessions.service import collect_rarely

log = logging.getLogger(__name__)

IDLE_SECONDS = 0.25
"""Between looks at an empty queue: a session is right within 2 s, and a look costs 5 ms."""
MAX_REST_SECONDS = 0.5
"""After work: ingest and readers get their part of the engine, and what changes again meanwhile is recomputed once."""
MAX_BACK_OFF_SECONDS = 5.0
NICE = 10
"""Whoever sends or reads comes first, here and in the engine; what is behind is caught up with."""
_PATIENTLY = {**WRITE_SETTINGS, "os_threads_nice_value_query": NICE}


@dataclass
class Chore:
    every_seconds: float
    do: Callable[[], object]
    next_at: float = 0.0


def roll_up(database: Database, projects: Projects, stop: threading.Event) -> None:
    """Until told to stop. Chores may take minutes, and what was just received does not wait for them."""
    collect_rarely()
    os.nice(NICE)

    def chores() -> None:
        _persist(database, stop, lambda client: _do_chores(client, database.everywhere, projects, stop))

    threading.Thread(target=chores, name="chores", daemon=True).start()  # each may be left half done
    _persist(database, stop, lambda client: _go_round(Worker(client, database.everywhere), stop))


def _persist(database: Database, stop: threading.Event, work: Callable[[Client], None]) -> None:
    """A database that is away is waited for; whatever was half done is done again."""
    back_off = IDLE_SECONDS
    while not stop.is_set():
        try:
            with contextlib.closing(connect(database, connections=2, settings=_PATIENTLY)) as client:
                work(client)
            back_off = IDLE_SECONDS
        except (ClickHouseError, DatabaseAway, HTTPError, OSError) as error:
            log.warning("The rollup waits for the database: %s", str(error).splitlines()[0][:300])
            stop.wait(back_off)
            back_off = min(2 * back_off, MAX_BACK_OFF_SECONDS)


def _go_round(worker: Worker, stop: threading.Event) -> None:
    while not stop.is_set():
        since = time.monotonic()
        done = worker.round()
        if not done.more:
            stop.wait(min(max(time.monotonic() - since, IDLE_SECONDS), MAX_REST_SECONDS))


def _do_chores(client: Client, everywhere: str, projects: Projects, stop: threading.Event) -> None:
    retention = {project.id: project.retention_days for project in projects.by_id.values()} if not projects.open else {}
    chores = [
        Chore(60, lambda: heal(client)),
        Chore(60, lambda: expire(client, retention)),
        Chore(60, lambda: remove_scores_of_deleted(client, everywhere)),
        Chore(60, WordIndex(client).build),
        Chore(600, lambda: expire_content(client)),
        Chore(600, lambda: forget(client)),
        Chore(3_600, lambda: heal_half_hours(client)),
    ]
    # Whoever stored before may have died a moment ago, with us; to queue what somebody is about to queue costs little.
    heal(client, everything=True, grace_seconds=0)
    while not stop.is_set():
        _do_due(chores)
        stop.wait(1)


def _do_due(chores: list[Chore]) -> None:
    for chore in chores:
        if time.monotonic() >= chore.next_at:
            try:
                chore.do()
            except ClickHouseError as error:  # the rounds go on; it is tried again when it is due
                log.warning("A chore failed: %s", str(error).splitlines()[0][:300])
            chore.next_at = time.monotonic() + chore.every_seconds
