"""`genai-sessions reprice`: stored calls cost what today's prices say, to the last digit; nothing else changes."""

import random
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver import Client

from clickhouse.connect import Database
from tests.clickhouse.stored import settle, store
from tests.clickhouse.test_log_calls import store_told
from tests.end_to_end.product import call
from tests.histories import NOW_NS, SECOND_NS

_PRICES = """
[[projects]]
id = "shop"
prices = { "ours-*" = { input = 1.37, output = 9.99, cache_read = 0.11 } }
[[projects]]
id = "lab"
"""
_READ = """
SELECT * EXCEPT (cost_usd, cost_source, price_source, received_at, version, stored_at) FROM spans FINAL ORDER BY ALL
"""
_READ_LOGS = "SELECT * EXCEPT (cost_usd, price_source, received_at, stored_at) FROM log_calls FINAL ORDER BY ALL"
_LOG_COSTS = "SELECT record_id, cost_usd FROM log_calls FINAL"
_COSTS = "SELECT span_id, cost_usd, cost_source FROM spans FINAL ORDER BY span_id"


def turn(number: int, model: str, chance: random.Random, **columns: Any) -> dict[str, Any]:
    given, spoken = chance.randrange(1, 10**6), chance.randrange(10**5)
    start = NOW_NS - (chance.choice((0, 1, 29)) * 3600 + chance.randrange(3600)) * SECOND_NS
    return {
        "project_id": "shop",
        "trace_id": f"{number // 3:032x}",
        "span_id": f"{number:016x}",
        "started_at": start,
        "ended_at": start + SECOND_NS,
        "received_at": NOW_NS // 1000,
        "session_id": f"s-{number % 7}",
        "call_kind": "llm",
        "request_model": model,
        "input_tokens": given,
        "output_tokens": spoken,
        "cache_read_tokens": chance.choice([None, given // 2]),
        "cost_usd": Decimal("0.5"),
        "cost_source": "computed",
        "input_messages": "x" * chance.randrange(3_000),
        **columns,
    }


def owed(row: dict[str, Any]) -> Decimal:
    """By hand: dollars per million tokens, what is read from the cache for less."""
    read = row["cache_read_tokens"] or 0
    fresh = row["input_tokens"] - read
    micro = fresh * Decimal("1.37") + read * Decimal("0.11") + row["output_tokens"] * Decimal("9.99")
    return Decimal(micro / 1_000_000)


@pytest.fixture
def projects(tmp_path: Path) -> Path:
    file = tmp_path / "projects.toml"
    file.write_text(_PRICES)
    return file


def reprice(database: Database, projects: Path, *flags: str) -> str:
    done = call("reprice", "--projects", projects, *flags, CLICKHOUSE_URL=database.url)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def costs(client: Client) -> dict[str, Sequence[Any]]:
    return {span_id: (usd, source) for span_id, usd, source in client.query(_COSTS).result_rows}


def log_costs(client: Client) -> dict[str, Any]:
    return {record_id: usd for record_id, usd in client.query(_LOG_COSTS).result_rows}  # noqa: C416 - rows are not pairs


def test_calls_cost_what_the_prices_of_today_say(database: Database, client: Client, projects: Path) -> None:
    """Of 400 random calls each, and of their sessions; reported costs stay, unknown models lose their price."""
    chance = random.Random(1)
    known = [turn(number, "ours-large", chance) for number in range(400)]
    before = [row | {"received_at": 0, "output_tokens": 1} for row in known[:50]]  # received earlier, and replaced
    own = [turn(500, "ours-large", chance, cost_source="reported"), turn(501, "nobody-knows", chance)]
    missed = [turn(600, "ours-small", chance, cost_usd=None, cost_source="unpriced")]
    silent = [turn(700, "ours-large", chance, input_tokens=None, output_tokens=None, cost_usd=None, cost_source="")]
    store(client, before)
    store(client, known + own + missed + silent)
    rows = client.query(_READ).result_rows
    assert reprice(database, projects) == "402 calls looked at, 402 cost something else now"
    expected = {row["span_id"]: (owed(row), "computed") for row in known + missed}
    expected |= {own[0]["span_id"]: (Decimal("0.5"), "reported"), own[1]["span_id"]: (None, "unpriced")}
    expected |= {silent[0]["span_id"]: (None, "")}
    assert costs(client) == expected
    assert client.query(_READ).result_rows == rows
    total = client.query("SELECT sum(cost_usd) FROM sessions FINAL").result_rows[0][0]
    assert total == sum(usd for usd, _ in expected.values() if usd is not None)
    assert reprice(database, projects) == "402 calls looked at, 0 cost something else now"


def test_only_what_is_asked_for_is_priced_again(database: Database, client: Client, projects: Path) -> None:
    """One project, since an instant."""
    chance = random.Random(2)
    late = turn(1, "ours-large", chance, started_at=NOW_NS - 60 * SECOND_NS)
    early = turn(2, "ours-large", chance, started_at=NOW_NS - 50 * 3600 * SECOND_NS)
    other = turn(3, "ours-large", chance, project_id="lab")
    store(client, [late, early, other])
    since = f"{NOW_NS // SECOND_NS - 3600}"
    assert call("reprice", "--since", since, CLICKHOUSE_URL=database.url).returncode == 1
    instant = client.query(
        "SELECT formatDateTime(toDateTime({s:Int64}), '%FT%TZ', 'UTC')", parameters={"s": int(since)}
    )
    assert reprice(database, projects, "--project", "shop", "--since", instant.result_rows[0][0]).startswith("1 calls")
    assert costs(client)[late["span_id"]] == (owed(late), "computed")
    assert costs(client)[early["span_id"]] == costs(client)[other["span_id"]] == (Decimal("0.5"), "computed")


def test_a_call_received_again_has_the_price_of_then(database: Database, client: Client, projects: Path) -> None:
    """What was priced again does not outlive what is received after it."""
    chance = random.Random(3)
    first = turn(1, "ours-large", chance)
    store(client, [first])
    reprice(database, projects)
    again = first | {"received_at": first["received_at"] + 2, "cost_usd": Decimal(7), "output_tokens": 1}
    store(client, [again])
    settle(client)
    assert costs(client)[first["span_id"]] == (Decimal(7), "computed")
    assert client.query("SELECT cost_usd, output_tokens FROM sessions FINAL").result_rows == [(Decimal(7), 1)]


def test_calls_that_only_log_records_tell_of_are_priced_again_too(
    database: Database, client: Client, projects: Path
) -> None:
    """A stand-in for a span that never came costs what today's prices say, so does its session, and once is enough; a
    record that came again later keeps the price of then."""
    chance = random.Random(4)
    spoken = {"says": "call", "event": "told", "span_id": ""}
    rows = [turn(number, "ours-large", chance) | spoken | {"record_id": f"log-{number}"} for number in range(30)]
    reported = turn(40, "ours-large", chance, cost_source="reported") | spoken | {"record_id": "log-40"}
    store_told(client, [*rows, reported])
    before = client.query(_READ_LOGS).result_rows
    assert reprice(database, projects) == "30 calls looked at, 30 cost something else now"
    expected = {row["record_id"]: owed(row) for row in rows} | {"log-40": Decimal("0.5")}
    assert log_costs(client) == expected
    assert client.query(_READ_LOGS).result_rows == before
    total = client.query("SELECT sum(cost_usd), sum(turns) FROM sessions FINAL").result_rows
    assert total == [(sum(expected.values()), 31)]
    assert reprice(database, projects) == "30 calls looked at, 0 cost something else now"
    store_told(client, [rows[0] | {"received_at": rows[0]["received_at"] + 2, "cost_usd": Decimal(7)}])
    assert log_costs(client)["log-0"] == Decimal(7)
