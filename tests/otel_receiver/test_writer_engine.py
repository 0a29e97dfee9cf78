"""The writer on the real engine: what is written can be read, what is acknowledged survives kills, hangs, bad rows."""

import asyncio
import contextlib
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver import Client

from clickhouse.connect import Database, connect
from clickhouse.embedded import Engine, EngineSettings
from clickhouse.migrate import Topology, migrate
from clickhouse.projects import Project
from otel_receiver.batch import Batch
from otel_receiver.call import Call, Content, Ids, Score, Usage
from otel_receiver.span import Event, Link
from otel_receiver.tables import Tables
from otel_receiver.verdicts import NotEver, NotNow
from otel_receiver.writer import WriterSettings
from tests.otel_receiver.spans import NOW_NS, batch_of, rows, span
from tests.otel_receiver.victim import SPANS
from tests.otel_receiver.writing import Receiver, eventually, receiving

SETTINGS = WriterSettings(stop_s=10.0, pause_s=0.2)


@contextlib.asynccontextmanager
async def tables_of(database: Database) -> AsyncIterator[Tables]:
    tables = Tables(database)
    try:
        yield tables
    finally:
        await tables.close()


def insert(database: Database, *batches: Batch) -> None:
    async def play() -> None:
        async with tables_of(database) as tables:
            for batch in batches:
                await tables.insert(batch)

    asyncio.run(play())


def stored(client: Client, columns: str = "count()", project: str = "default") -> list[Any]:
    """Of the spans, each once."""
    query = f"SELECT {columns} FROM spans FINAL WHERE project_id = {{project:String}}"
    return list(client.query(query, parameters={"project": project}).result_rows)


def test_every_column_arrives_as_it_was_written(shared_database: Database, shared_client: Client, project: str) -> None:
    """Nanoseconds, decimals, maps, lists, scores; zero as zero and null as null."""
    call = Call(
        kind="llm",
        provider="openai",
        request_model="gpt-4o-mini",
        usage=Usage(0, 7, None, 0),
        ids=Ids(session_id="s 😀", user_id="ü"),
        content=Content('["é"]', output_preview="o"),
        finish_reasons=("stop", "length"),
        metadata=(("k", "v"),),
        tags=("b", "a"),
        first_token_ns=0,
        scores=(Score("good", 0.0, "", "c", NOW_NS),),
    )
    one = span(
        1,
        events=(Event(NOW_NS + 3, "e", {"a": [1, None]}, 4),),
        links=(Link("ab" * 16, "cd" * 8, "s=t", {"x": "y"}, 1),),
        sent_start_ns=0,
        flaws=("utf8_repaired",),
        trace_state="a=b",
        flags=2**32 - 1,
    )
    insert(shared_database, rows(one, call=call, project=Project(project, retention_days=9, content_days=1)))
    names = """toUnixTimestamp64Nano(started_at), toUnixTimestamp64Nano(ended_at), sent_start_ns, sent_end_ns,
        input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, first_token_ns, cost_usd, cost_source,
        finish_reasons, tags, metadata, session_id, user_id, input_messages,
        arrayMap(t -> toUnixTimestamp64Nano(t), events.at), events.attributes, links.trace_id,
        links.attributes, flags, flaws, resource_attributes, retention_days,
        toUnixTimestamp(content_until), toUnixTimestamp64Micro(received_at)"""
    assert stored(shared_client, names, project) == [
        (
            *(one.start_ns, one.end_ns, 0, None, 0, 7, None, 0, 0, Decimal("0.0000042"), "computed"),
            *(["stop", "length"], ["b", "a"], {"k": "v"}, "s 😀", "ü", '["é"]', [NOW_NS + 3], [{"a": "[1,null]"}]),
            *(["ab" * 16], [{"x": "y"}], 2**32 - 1, ["utf8_repaired"], {"service.name": "shop", "host.cpus": "8"}),
            *(9, one.end_ns // 10**9 + 86_400, NOW_NS // 1000),
        )
    ]
    scores = "SELECT trace_id, name, value, comment FROM scores FINAL WHERE project_id = {project:String}"
    assert shared_client.query(scores, parameters={"project": project}).result_rows == [
        (one.trace_id, "good", 0.0, "c")
    ]


def test_zero_costs_and_zero_tokens_are_not_lost_for_being_default(
    shared_database: Database, shared_client: Client, project: str
) -> None:
    """A column that says nothing is left out of an insert; one of zeros says something."""
    call = Call(provider="openai", request_model="gpt-4o-mini", usage=Usage(0, 0), first_token_ns=0)
    insert(shared_database, rows(span(1), span(2), call=call, project=Project(project)))
    assert (
        stored(shared_client, "cost_usd, input_tokens, cache_read_tokens, first_token_ns", project)
        == [(Decimal(0), 0, None, 0)] * 2
    )


def test_every_trace_is_queued_once_its_spans_are_there(
    shared_database: Database, shared_client: Client, project: str
) -> None:
    """Once per trace and insert, also for a score that comes alone."""
    batch = batch_of(40, project=project)
    alone = rows(span(400), call=Call(scores=(Score("s", 1.0),)), project=Project(project))._replace(spans={})
    insert(shared_database, batch, alone)
    queue = "SELECT trace_id, count() FROM trace_queue WHERE project_id = {project:String} GROUP BY trace_id"
    queued = shared_client.query(queue, parameters={"project": project}).result_rows
    assert sorted(map(tuple, queued)) == sorted(
        (trace_id, 1) for trace_id in {*batch.spans["trace_id"], span(400).trace_id}
    )


def test_the_same_batch_twice_is_stored_once(shared_database: Database, shared_client: Client, project: str) -> None:
    """So every retry is harmless."""
    batch = batch_of(30, project=project)
    insert(shared_database, batch, batch, batch.part(5, 20))
    assert stored(shared_client, project=project) == [(30,)]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("input_tokens", -1),
        ("input_tokens", 2**64),
        ("started_at", 2**63),
        ("flags", 2**32),
        ("name", "\ud800"),
        ("name", None),
        ("name", 5),
        ("attributes", {"a": "\udfff"}),
        ("attributes", {"a": 5}),
        ("cost_usd", "much"),
        ("cost_usd", "12345678901.5"),
    ],
)
def test_a_value_that_no_column_can_hold_is_for_good(shared_database: Database, column: str, value: Any) -> None:
    """Found while encoding, before the database sees anything."""
    batch = batch_of(3)
    values = [batch.spans[column][0], value, batch.spans[column][2]]
    with pytest.raises(NotEver) as refused:
        insert(shared_database, batch._replace(spans={**batch.spans, column: values}))
    assert refused.value.kind == "encoding"


def test_a_database_that_is_not_there_is_away(tmp_path: Path) -> None:
    """Nobody listens; a wrong password and a missing table say as much about the rows."""
    with pytest.raises(NotNow):
        insert(Database("127.0.0.1", 1, "owner", "x"), batch_of(1))


def test_errors_that_are_not_the_rows_are_not_for_good(database: Database, client: Client) -> None:
    """Refused user, missing table."""
    with pytest.raises(NotNow):
        insert(replace(database, password="wrong"), batch_of(1))
    client.command("RENAME TABLE spans TO elsewhere")
    with pytest.raises(NotNow, match="60"):
        insert(database, batch_of(1))


@pytest.mark.parametrize(
    ("broken", "mended"),
    [
        ("RENAME TABLE spans TO elsewhere", "RENAME TABLE elsewhere TO spans"),
        ("ALTER TABLE spans DROP COLUMN trace_state", "ALTER TABLE spans ADD COLUMN trace_state String"),
        (
            "ALTER TABLE spans MODIFY SETTING parts_to_throw_insert = 1, parts_to_delay_insert = 1",
            "ALTER TABLE spans RESET SETTING parts_to_throw_insert, parts_to_delay_insert",
        ),
        (
            "ALTER TABLE spans MODIFY SETTING min_free_disk_bytes_to_perform_insert = 1000000000000000",
            "ALTER TABLE spans RESET SETTING min_free_disk_bytes_to_perform_insert",
        ),
    ],
    ids=["no table", "no column", "too many parts", "a full disk"],
)
def test_a_database_that_takes_nothing_is_waited_for(
    database: Database, client: Client, tmp_path: Path, broken: str, mended: str
) -> None:
    """Line 45: acknowledged from the disk, not ready meanwhile, and all there once when somebody has mended it."""

    async def play() -> None:
        async with tables_of(database) as tables, receiving(tmp_path, tables, SETTINGS) as receiver:
            assert await receiver.write(batch_of(10))
            await eventually(lambda: receiver.counts()["stored"] == 10)
            await asyncio.to_thread(client.command, broken)
            for first in (100, 200, 300):
                assert await receiver.write(batch_of(10, first, trace_state="a=b"))
            await eventually(lambda: receiver.writer.away)
            assert receiver.counts() == {"received": 40, "stored": 10, "spooled": 30, "dead": 0}
            await asyncio.to_thread(client.command, mended)
            await eventually(lambda: receiver.counts()["spooled"] == 0, within_s=30)
            assert receiver.counts() == {"received": 40, "stored": 40, "spooled": 0, "dead": 0}

    asyncio.run(play())
    assert stored(client) == [(40,)]


RULES = {
    "read only": (r"<profile>default</profile>(?=\s+<access)", "<profile>reading</profile>", 164),
    "no memory": (r"<default/>", "<default><max_memory_usage>1000</max_memory_usage></default>", 241),
    "another password": (r"<password_sha256_hex>.{8}", "<password_sha256_hex>00000000", 516),
}


@pytest.mark.slow
@pytest.mark.parametrize(("usual", "broken", "code"), RULES.values(), ids=RULES)
def test_a_database_that_lets_nobody_write_is_waited_for(
    own_engine: Engine, tmp_path: Path, usual: str, broken: str, code: int
) -> None:
    """Line 45: rules that came with a restart of the database, and go with the next; the receiver just goes on."""
    [users] = (tmp_path / "engine").rglob("users.xml")
    rules = users.read_text()

    async def play() -> None:
        async with tables_of(own_engine.database()) as tables, receiving(tmp_path, tables, SETTINGS) as receiver:
            assert await receiver.write(batch_of(10))
            await eventually(lambda: receiver.counts()["stored"] == 10)
            restart_with(re.sub(usual, broken, rules, count=1))
            await refused(tables, code)
            assert await receiver.write(batch_of(10, 100))
            await eventually(lambda: receiver.writer.away)  # at once, or when its turn to be stored comes
            assert receiver.counts()["spooled"] == 10
            restart_with(rules)
            await eventually(lambda: receiver.counts()["spooled"] == 0, within_s=30)
            all_there_once(receiver, own_engine)

    def restart_with(text: str) -> None:
        users.write_text(text)
        os.kill(own_engine.pid, signal.SIGKILL)

    asyncio.run(play())


async def refused(tables: Tables, code: int) -> None:
    """Waits until inserts are, for this reason."""
    async with asyncio.timeout(30):
        while True:
            try:
                await tables.insert(batch_of(1, 9_999))
            except NotNow as why:
                if why.code == code:
                    return
            await asyncio.sleep(0.1)


def test_an_answer_is_one_of_our_own_database(shared_database: Database) -> None:
    """A server without our tables, or none at all, is not ready."""

    async def answers(database: Database) -> bool:
        async with tables_of(database) as tables:
            return await tables.answers()

    assert asyncio.run(answers(shared_database))
    assert not asyncio.run(answers(shared_database.within("default")))
    assert not asyncio.run(answers(Database("127.0.0.1", 1)))


def test_a_row_that_the_database_refuses_is_buried(database: Database, client: Client, tmp_path: Path) -> None:
    """By a constraint of the table: the neighbours are stored, the letter says why, and can be replayed."""
    client.command("ALTER TABLE spans ADD CONSTRAINT no_poison CHECK name != 'poison'")

    async def play() -> None:
        async with tables_of(database) as tables, receiving(tmp_path, tables, SETTINGS) as receiver:
            bad = [batch_of(1, number, name="poison") for number in (200, 300)]
            half = batch_of(1, 400, name="half \ud800")
            batches = [batch_of(100), *bad, half, batch_of(100, 100)]
            assert all(await asyncio.gather(*map(receiver.write, batches)))
            await eventually(lambda: receiver.counts()["spooled"] == 0)
            assert receiver.counts() == {"received": 203, "stored": 200, "spooled": 0, "dead": 3}
            reasons = [letter.reason for letter in receiver.letters.letters()]
            assert sum("no_poison" in reason for reason in reasons) == 2

    asyncio.run(play())
    assert stored(client) == [(200,)]


def test_spans_of_many_days_in_one_request_are_all_stored(database: Database, client: Client) -> None:
    """More than the hundred partitions that the server allows by default."""
    day = 86_400 * 10**9
    insert(database, rows(*(span(n, start_ns=NOW_NS - n * day, end_ns=NOW_NS) for n in range(150))))
    assert stored(client) == [(150,)]


@pytest.fixture
def own_engine(tmp_path: Path) -> Iterator[Engine]:
    """To be killed and stopped: nobody else's."""
    with Engine(EngineSettings(tmp_path / "engine", memory_bytes=2 << 30)) as engine:
        with contextlib.closing(connect(replace(engine.database(), name="default"))) as client:
            migrate(client, Topology(engine.database().name))
        yield engine


def names_stored(engine: Engine) -> list[str]:
    with contextlib.closing(connect(engine.database())) as client:
        return [name for (name,) in client.query("SELECT name FROM spans FINAL").result_rows]


async def keep_writing(receiver: Receiver, client: int, until: asyncio.Event) -> None:
    number = 1_000_000 * client
    while not until.is_set():
        await receiver.write(batch_of(20, number))
        number += 20


async def under_load(receiver: Receiver, *faults: Any, between_s: float = 0.3) -> None:
    """Eight clients that write without a pause, while the faults happen one after the other."""
    over = asyncio.Event()
    clients = [asyncio.create_task(keep_writing(receiver, number, over)) for number in range(8)]
    for fault in faults:
        await asyncio.sleep(between_s)
        fault()
    await asyncio.sleep(between_s)
    over.set()
    await asyncio.gather(*clients)


def all_there_once(receiver: Receiver, engine: Engine) -> None:
    names = names_stored(engine)
    assert receiver.acked <= set(names)
    assert len(names) == len(set(names))
    assert receiver.balanced()


def test_an_engine_killed_in_the_middle_of_inserts_costs_nothing(own_engine: Engine, tmp_path: Path) -> None:
    """kill -9 twice under load: the supervisor starts it again, the spool is drained, the books balance."""

    async def play() -> None:
        async with tables_of(own_engine.database()) as tables, receiving(tmp_path, tables, SETTINGS) as receiver:
            kill = lambda: os.kill(own_engine.pid, signal.SIGKILL)  # noqa: E731
            await under_load(receiver, kill, kill, between_s=1.0)
            await eventually(lambda: receiver.counts()["spooled"] == 0, within_s=30)
            all_there_once(receiver, own_engine)
            assert receiver.counts()["dead"] == 0

    asyncio.run(play())
    assert own_engine.restarts >= 1


def test_a_hung_engine_is_answered_for_by_the_disk(own_engine: Engine, tmp_path: Path) -> None:
    """SIGSTOP under load: acknowledgements come in time; SIGCONT: all is stored once."""

    async def play() -> None:
        async with tables_of(own_engine.database()) as tables, receiving(tmp_path, tables, SETTINGS) as receiver:
            assert await receiver.write(batch_of(1, 77))
            await eventually(lambda: receiver.counts()["stored"] == 1)
            os.kill(own_engine.pid, signal.SIGSTOP)
            waits = []
            try:
                for number in range(5):
                    started = time.monotonic()
                    assert await receiver.write(batch_of(10, 100 + 10 * number))
                    waits.append(time.monotonic() - started)
                assert receiver.balanced()
                assert receiver.counts()["spooled"] == 50
            finally:
                os.kill(own_engine.pid, signal.SIGCONT)
            assert max(waits) < SETTINGS.ack_s + 0.5
            await eventually(lambda: receiver.counts()["spooled"] == 0, within_s=30)
            all_there_once(receiver, own_engine)

    asyncio.run(play())


def test_stopping_while_the_engine_hangs_keeps_to_its_time(own_engine: Engine, tmp_path: Path) -> None:
    """What is not stored by then is on disk, and stored by the next start."""

    async def stop(first: Receiver) -> None:
        assert await first.write(batch_of(5))
        os.kill(own_engine.pid, signal.SIGSTOP)
        try:
            writes = [asyncio.create_task(first.write(batch_of(5, 5 * number))) for number in range(1, 5)]
            await asyncio.sleep(0.05)
            started = time.monotonic()
            await first.writer.stop()
            assert time.monotonic() - started < 4
            assert all(await asyncio.gather(*writes))
        finally:
            os.kill(own_engine.pid, signal.SIGCONT)

    async def play() -> None:
        async with tables_of(own_engine.database()) as tables:
            first = Receiver(tmp_path, tables, replace(SETTINGS, stop_s=2.0))
            await first.writer.start()
            await stop(first)
        async with tables_of(own_engine.database()) as tables, receiving(tmp_path, tables, SETTINGS) as receiver:
            await eventually(lambda: receiver.counts()["spooled"] == 0, within_s=30)
        assert first.acked <= set(names_stored(own_engine))
        assert len(names_stored(own_engine)) == 25

    asyncio.run(play())


def test_several_writers_share_a_database_and_a_folder(own_engine: Engine, tmp_path: Path) -> None:
    """Four receivers with spools side by side; the engine is killed once; each keeps its own books."""

    async def play() -> None:
        async with contextlib.AsyncExitStack() as stack:
            tables = [await stack.enter_async_context(tables_of(own_engine.database())) for _ in range(4)]
            receivers = [await stack.enter_async_context(receiving(tmp_path, one, SETTINGS)) for one in tables]

            async def client(receiver: Receiver, first: int) -> None:
                for number in range(first, first + 400, 20):
                    assert await receiver.write(batch_of(20, number))
                    if number == 200:
                        os.kill(own_engine.pid, signal.SIGKILL)

            await asyncio.gather(*(client(receiver, 10_000 * n) for n, receiver in enumerate(receivers)))
            for receiver in receivers:
                await eventually(lambda receiver=receiver: receiver.counts()["spooled"] == 0, within_s=30)  # type: ignore[misc]
                all_there_once(receiver, own_engine)
            assert sum(receiver.counts()["stored"] for receiver in receivers) == 1_600

    asyncio.run(play())
    assert len(names_stored(own_engine)) == 1_600


def acknowledged_until_killed(
    folder: Path, engine: Engine, first: int, fault: signal.Signals | None, after_s: float
) -> set[str]:
    """The names of the spans that a receiver had acknowledged when it was killed, some time after a fault."""
    command = [sys.executable, "-m", "tests.otel_receiver.victim", str(folder), engine.database().url, str(first)]
    pid = engine.pid
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as victim:
        assert victim.stdout is not None
        numbers = [victim.stdout.readline()]  # it has begun
        if fault is not None:
            os.kill(pid, fault)
        time.sleep(after_s)
        victim.kill()
        numbers += victim.stdout.readlines()
    if fault is signal.SIGSTOP:
        os.kill(pid, signal.SIGCONT)
    whole = [int(number) for number in numbers if number.endswith("\n")]
    return {f"chat {number}" for start in whole for number in range(start, start + SPANS)}


@pytest.mark.slow
def test_a_receiver_killed_at_any_moment_loses_nothing(own_engine: Engine, tmp_path: Path) -> None:
    """kill -9 under load, with the engine well, hung and killed too: what was acknowledged is stored, once."""
    chance, acked = random.Random(5), set[str]()
    for life in range(9):
        fault = (None, signal.SIGSTOP, signal.SIGKILL)[life % 3]
        acked |= acknowledged_until_killed(tmp_path, own_engine, 1_000_000 * life, fault, chance.random() * 2)

    async def drain() -> None:
        async with tables_of(own_engine.database()) as tables, receiving(tmp_path, tables, SETTINGS) as receiver:
            await eventually(lambda: receiver.counts()["spooled"] == 0, within_s=60)
            assert receiver.balanced()

    asyncio.run(drain())
    names = names_stored(own_engine)
    assert len(acked) > 100
    assert acked <= set(names)
    assert len(names) == len(set(names))
