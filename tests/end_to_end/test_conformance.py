"""Every recording of a real SDK, through real doors into the real database: its session says what really happened."""

import contextlib
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import pytest
from clickhouse_connect.driver import Client

from clickhouse.connect import Database
from clickhouse.projects import digest
from tests.clickhouse.stored import comparable, settle, stored_sessions
from tests.end_to_end.payloads import DOORS, ORDERS, Door, Sender, recorded
from tests.end_to_end.product import Product, await_ready, eventually, started
from tests.end_to_end.truth import WITHOUT_SESSION, session_of
from tests.oracle import expected_sessions
from tests.otel_receiver.dialects.recordings import NAMES, row, told, told_in_logs

CLIENTS = 8
SLOW = pytest.mark.slow
_ORDER_NAMES = sorted(ORDERS)


class Variant(NamedTuple):
    """A recording on one way through one door. It has a project of its own."""

    name: str
    door: Door
    order: str

    @property
    def project(self) -> str:
        return f"{self.name}.{DOORS.index(self.door)}.{_ORDER_NAMES.index(self.order)}"


EVERYTHING = [Variant(name, door, order) for name in NAMES for door in DOORS for order in ORDERS]


@pytest.fixture(scope="session")
def receiver(shared_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A receiver that knows a project for every variant; the key of each is its name."""
    folder = tmp_path_factory.mktemp("conformance")
    projects = folder / "projects.toml"
    projects.write_text("".join(_project(variant.project) for variant in EVERYTHING))
    flags = ("--data-dir", folder / "data", "--projects", projects)
    with started("receiver", folder / "log", *flags, CLICKHOUSE_URL=shared_database.url) as receiver:
        await_ready(receiver, receiver.ports.http)
        yield receiver


def _project(name: str) -> str:
    key = f'[[keys]]\nname = "{name}"\nsha256 = "{digest(name)}"\nprojects = ["{name}"]\nscopes = ["ingest"]\n'
    return f'[[projects]]\nid = "{name}"\n{key}'


def _send(receiver: Product, variants: Iterable[Variant]) -> None:
    """Until all of it is in the tables: on a busy machine some of it is acknowledged from the spool."""
    now_ns = time.time_ns()

    def play(variant: Variant) -> None:
        recording = recorded(variant.name, now_ns)
        for request in (*ORDERS[variant.order](recording.traces), *recording.others):
            sender.send(variant.door, request, variant.project)

    with (
        contextlib.closing(Sender(receiver.ports.grpc, receiver.ports.http)) as sender,
        ThreadPoolExecutor(CLIENTS) as clients,
    ):
        list(clients.map(play, variants))
    eventually(lambda: receiver.metric("spans_spooled") == 0)
    assert receiver.metric("spans_stored_total") == receiver.metric("spans_received_total")


def _wrong(variants: list[Variant], client: Client) -> dict[str, Any]:
    """By project, what its sessions say against what they should."""
    rows = stored_sessions(client, [variant.project for variant in variants])
    found: dict[str, list[dict[str, Any]]] = {variant.project: [] for variant in variants}
    for (project, _), session in sorted(rows.items()):
        found[project].append(session)
    return {variant.project: wrong for variant in variants if (wrong := _differences(variant, found[variant.project]))}


def _differences(variant: Variant, sessions: list[dict[str, Any]]) -> Any:
    if variant.name in WITHOUT_SESSION:
        return [session["session_id"] for session in sessions]
    if len(sessions) != 1:
        return f"{len(sessions)} sessions"
    said, stored = session_of(variant.name), sessions[0]
    return {column: (stored[column], said[column]) for column in said if stored[column] != said[column]}


_OF_THIS_VARIANT = {"project_id", "duplicate_spans", "started_at", "last_active_at", "cost_usd", "unpriced_turns"}
_NOT_SHIFTED = {"langfuse_v3": "first_token_ns"}  # an attribute has the time of the first token


def _other_rows(variants: list[Variant], client: Client) -> list[str]:
    """Those whose rows are not, column by column, what the oracle makes of the recording's spans, or cost otherwise.
    Where there are log records too, spans alone do not tell."""
    rows = stored_sessions(client, [variant.project for variant in variants])
    costs: dict[str, set[Any]] = {}
    other = []
    for variant in variants:
        if told_in_logs(variant.name):
            continue
        for (_, session_id), expected_row in expected_sessions(map(row, told(variant.name))).items():
            stored = rows[variant.project, session_id]
            costs.setdefault(variant.name, set()).add((stored["cost_usd"], stored["unpriced_turns"]))
            same = expected_row.keys() - _OF_THIS_VARIANT - {_NOT_SHIFTED.get(variant.name, "")}
            other += [f"{variant.project}: {c}" for c in same if stored[c] != comparable(expected_row[c])]
    return other + [name for name, seen in costs.items() if len(seen) > 1]


WAYS = {
    "as it came": pytest.param("as it came", DOORS),
    "reversed": pytest.param("reversed", DOORS[:1]),
    "reversed, through the other doors": pytest.param("reversed", DOORS[1:], marks=SLOW),
    **{order: pytest.param(order, DOORS, marks=SLOW) for order in ("one span per request", "everything twice")},
}
"""Behind the doors nobody knows any more through which of them a span came: the order is the same to all."""


@pytest.mark.parametrize(("order", "doors"), WAYS.values(), ids=WAYS)
def test_every_recording_becomes_the_session_that_happened(
    receiver: Product, shared_client: Client, order: str, doors: tuple[Door, ...]
) -> None:
    """Through every door; nor does anything else in its row depend on how its spans came."""
    variants = [variant for variant in EVERYTHING if variant.order == order and variant.door in doors]
    _send(receiver, variants)
    settle(shared_client)
    assert _wrong(variants, shared_client) == {}
    assert _other_rows(variants, shared_client) == []
