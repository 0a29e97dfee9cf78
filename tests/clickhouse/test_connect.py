"""The connection: what a URL means, what is sent with every query, and what a failure is called."""

import asyncio
import contextlib
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import clickhouse_connect
import pytest
import urllib3.exceptions
from clickhouse_connect.driver.exceptions import ClickHouseError, OperationalError

from clickhouse.connect import (
    WRITE_SETTINGS,
    Database,
    _client_options,
    connect,
    connect_async,
    connected,
    error_code,
    explained,
)
from clickhouse.embedded import Engine
from clickhouse.errors import DatabaseAway, DatabaseError, DatabaseRefused
from tests.clickhouse.engines import ask

HOST = "db.example"
AWAY = (
    r"^No database answers at default@127\.0\.0\.1:\d+/genai_sessions\. Is it started, and is CLICKHOUSE_URL right\?$"
)


@pytest.mark.parametrize(
    ("url", "meant"),
    [
        ("http://db.example", Database(HOST, 8123)),
        ("https://db.example", Database(HOST, 8443, secure=True)),
        ("http://db.example:9", Database(HOST, 9)),
        ("http://db.example/other", Database(HOST, 8123, name="other")),
        ("http://db.example/other/", Database(HOST, 8123, name="other")),
        ("http://me@db.example", Database(HOST, 8123, "me")),
        ("https://me:secret@db.example:9/other", Database(HOST, 9, "me", "secret", "other", secure=True)),
        ("http://me:a%2Fb%40c%3A%25@db.example", Database(HOST, 8123, "me", "a/b@c:%")),
        ("http://[::1]:9", Database("::1", 9)),
    ],
)
def test_a_url_says_where_who_and_what(url: str, meant: Database) -> None:
    """Ports as ClickHouse has them, the user `default` without a password, the database `genai_sessions`."""
    assert Database.from_url(url) == meant


@pytest.mark.parametrize("odd", ["a/b@c:%", "", " spaces ", "pässwört", "?#&="])
def test_a_url_made_from_a_database_means_that_database(odd: str) -> None:
    """Passwords may hold anything; services hand URLs to each other."""
    for database in (Database(HOST, 9, "me", odd), Database("::1", 9, "me", odd, secure=True)):
        assert Database.from_url(database.url) == database


@pytest.mark.parametrize(
    "url",
    ["", "db.example", "db.example:8123", "clickhouse://me:secret@db.example", "http://", "http:///x", "tcp://h:9000"],
)
def test_what_is_no_url_is_refused_with_the_form_it_needs(url: str) -> None:
    """In one sentence."""
    with pytest.raises(DatabaseRefused, match=r"CLICKHOUSE_URL must look like http://user:password@host:8123/database"):
        Database.from_url(url)


@pytest.mark.parametrize("url", ["http://me:secret@db.example:port", "http://me:secret@db.example:99999"])
def test_a_port_that_is_none_is_refused(url: str) -> None:
    """Likewise, not with a traceback."""
    with pytest.raises(DatabaseRefused, match="CLICKHOUSE_URL must look like"):
        Database.from_url(url)


@pytest.mark.parametrize("url", ["tcp://me:secret@db.example", "me:secret@db.example:x", "http://me:secret@:x"])
def test_a_refusal_never_shows_the_password(url: str) -> None:
    """It may stand in a log."""
    with pytest.raises(DatabaseRefused) as refused:
        Database.from_url(url)
    assert "secret" not in str(refused.value)


def test_an_address_for_people_leaves_the_password_out() -> None:
    """Where, who, which database."""
    assert Database(HOST, 9, "me", "secret", "other").address == "me@db.example:9/other"


def test_the_database_over_all_shards_is_the_same_one_without_a_cluster() -> None:
    """With one, it stands beside the local one."""
    assert Database(HOST, 9).everywhere == "genai_sessions"
    assert Database(HOST, 9, cluster="main").everywhere == "genai_sessions_all"


def test_every_query_is_sent_with_our_settings(engine: Engine) -> None:
    """Whatever the server's defaults are: nothing is inserted later, nor dropped because it was seen before."""
    wanted = {name: str(value) for name, value in WRITE_SETTINGS.items()}
    query = "SELECT name, value FROM system.settings WHERE name IN {names:Array(String)}"
    with contextlib.closing(connect(engine.database().within("default"))) as client:
        rows = client.query(query, parameters={"names": list(wanted)}).result_rows
    assert {row[0]: row[1] for row in rows} == wanted


def test_the_asynchronous_client_sends_them_too(engine: Engine) -> None:
    """The API deletes with it."""

    async def sent() -> str:
        client = await connect_async(engine.database().within("default"))
        answer = await client.query("SELECT value FROM system.settings WHERE name = 'async_insert'")
        await client.close()
        value: str = answer.result_rows[0][0]
        return value

    assert asyncio.run(sent()) == "0"


@pytest.mark.parametrize(("host", "compressed"), [("127.0.0.1", False), ("localhost", False), (HOST, True)])
def test_only_what_goes_over_a_network_is_compressed(engine: Engine, host: str, compressed: bool) -> None:
    """On this machine that costs more than it saves."""
    options = _client_options(replace(engine.database(), host=host), None)
    with contextlib.closing(clickhouse_connect.get_client(**{**options, "host": "127.0.0.1"})) as client:
        assert client.query("SELECT 1").result_rows == [(1,)]
        assert (client.compression is not None, client.write_compression is not None) == (compressed, compressed)


def test_a_reader_may_bring_settings_of_its_own(engine: Engine) -> None:
    """Those of writing are not for it."""
    where = "WHERE name IN ('max_execution_time', 'async_insert') ORDER BY name"
    rows = ask(
        engine.database().within("default"), f"SELECT changed, value FROM system.settings {where}", max_execution_time=7
    )
    assert list(rows) == [(0, "1"), (1, "7")]


def test_the_same_block_twice_is_stored_twice(database: Database) -> None:
    """Deduplication would swallow rows that come again after a deletion."""
    with connected(database) as client:
        client.command(
            "CREATE TABLE plain (n UInt64) ENGINE = MergeTree ORDER BY n "
            "SETTINGS non_replicated_deduplication_window = 100"
        )
        for _ in range(2):
            client.insert("plain", [[1]], ["n"])
        assert client.query("SELECT count() FROM plain").result_rows == [(2,)]


def test_queries_of_one_client_do_not_wait_for_each_other(engine: Engine) -> None:
    """A ClickHouse session would serialise them; none is opened."""
    with (
        contextlib.closing(connect(engine.database().within("default"))) as client,
        ThreadPoolExecutor(6) as pool,
    ):
        before = time.monotonic()
        list(pool.map(client.query, ["SELECT sleep(0.5)"] * 6))
        assert time.monotonic() - before < 2


@pytest.fixture
def nobody_listens() -> Iterator[int]:
    """A port that is bound, so that nobody else takes it, but not listened on."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


def test_an_unreachable_database_is_away(nobody_listens: int) -> None:
    """It may come back."""
    with pytest.raises(DatabaseAway, match=AWAY):
        connect(Database("127.0.0.1", nobody_listens))
    with pytest.raises(DatabaseAway, match=AWAY):
        asyncio.run(connect_async(Database("127.0.0.1", nobody_listens)))


def test_a_wrong_password_is_refused(engine: Engine) -> None:
    """It does not help to wait."""
    wrong = replace(engine.database(), password="wrong")
    with pytest.raises(DatabaseRefused, match=r"refuses the user or the password\. Check CLICKHOUSE_URL") as refused:
        connect(wrong)
    assert "wrong" not in str(refused.value)
    with pytest.raises(DatabaseRefused, match="refuses the user or the password"):
        asyncio.run(connect_async(wrong))


def test_a_database_that_is_not_there_names_the_command_that_makes_it(engine: Engine) -> None:
    """`genai-sessions migrate`."""
    with pytest.raises(DatabaseRefused, match=r"no database nowhere at .* Run `genai-sessions migrate`"):
        connect(engine.database().within("nowhere"))


def test_what_the_database_says_is_told_in_its_words(engine: Engine) -> None:
    """Without wire formats, versions or numbers around it."""
    with pytest.raises(DatabaseError, match=r"answered: Unknown table expression identifier 'missing'") as raised:
        ask(engine.database().within("default"), "SELECT * FROM missing")
    assert not isinstance(raised.value, DatabaseAway | DatabaseRefused)
    assert "version" not in str(raised.value)


def test_a_full_disk_is_called_so(engine: Engine) -> None:
    """By either of its names."""
    for text in (
        "Received ClickHouse exception, code: 243, server response: Code: 243. DB::Exception: Cannot reserve 1.00 MiB",
        "Received ClickHouse exception, code: 75, server response: Code: 75. DB::Exception: No space left on device",
    ):
        assert str(explained(ClickHouseError(text), engine.database())).endswith("is full.")


def test_only_the_databases_own_code_is_its_code() -> None:
    """A port, a query id or a row count that holds the same digits is none."""
    assert error_code(ClickHouseError("Received ClickHouse exception, code: 241, server response: Code: 241.")) == 241
    assert error_code(OperationalError("Error with query_id=23e82410-396f, 127.0.0.1:24159: refused")) == 0
    assert error_code(urllib3.exceptions.HTTPError("code: 241")) == 0
    assert isinstance(explained(OperationalError("127.0.0.1:51600: refused"), Database(HOST, 9)), DatabaseAway)


def test_what_fails_while_connected_is_explained(engine: Engine) -> None:
    """Commands let it through to whoever typed them."""
    with pytest.raises(DatabaseError, match="answered: Syntax error"), connected(engine.database()) as client:
        client.command("SELEC 1")
