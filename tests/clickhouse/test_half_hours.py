"""What sessions come to in each half hour lies in the order of time, and is what they say themselves.

`stored_sessions` compares the two wherever a test asks it; here is what could part them.
"""

import time
from typing import Any

import pytest
from clickhouse_connect.driver import Client

from clickhouse.deletion import delete_session
from clickhouse.errors import DatabaseAway
from clickhouse.rollup.maintenance import forget, heal_half_hours, lag
from clickhouse.rollup.statements import statement
from tests.clickhouse.stored import settle, store
from tests.clickhouse.test_rollup_cases import NOW, SECOND, llm, sessions_of

HALF_HOUR = 1_800 * SECOND
_HELD = """
SELECT toUnixTimestamp(since), arraySum(`sums.turns`) AS turns FROM half_hours FINAL
WHERE project_id = {project:String} AND turns > 0 ORDER BY since
"""


def turn(project: str, half_hour: int, **columns: Any) -> dict[str, Any]:
    """One and the same, at another time whenever it is sent again."""
    start = NOW // HALF_HOUR * HALF_HOUR + half_hour * HALF_HOUR
    sent = {"received_at": (NOW + half_hour) // 1_000 + half_hour}
    return llm(project, 1, session_id="chat", started_at=start, ended_at=start + SECOND, **sent | columns)


def held(client: Client, project: str) -> list[tuple[int, int]]:
    """The half hours in which there is anything, counted from the first, and their turns."""
    sessions_of(client, project)  # compares
    first = NOW // HALF_HOUR * HALF_HOUR // SECOND
    rows = client.query(_HELD, parameters={"project": project}).result_rows
    return [((since - first) // 1_800, turns) for since, turns in rows]


def test_a_session_of_an_hour_and_a_half_lies_in_three(shared_client: Client, project: str) -> None:
    """Each with what was done in it."""
    spans = [turn(project, 0), turn(project, 1, span_id="2"), turn(project, 2, span_id="3", trace_id="2")]
    store(shared_client, [*spans, turn(project, 2, span_id="4", trace_id="2")])
    settle(shared_client)
    assert held(shared_client, project) == [(0, 1), (1, 1), (2, 2)]


def test_what_leaves_a_half_hour_is_not_counted_there(shared_client: Client, project: str) -> None:
    """A span is sent again, with another start; and then as it was."""
    for half_hour, received in ((0, 1), (3, 2), (0, 3)):
        store(shared_client, [turn(project, half_hour, received_at=received)])
        settle(shared_client)
        assert held(shared_client, project) == [(half_hour, 1)]


def test_of_a_deleted_session_no_half_hour_is_left(client: Client, project: str) -> None:
    """At once; and when it is forgotten, no row and no note. Opened anew it lies where it is."""
    store(client, [turn(project, 0)])
    settle(client)
    delete_session(client, client.database or "", project, "chat")
    settle(client)
    assert held(client, project) == []
    forget(client, after_seconds=0, settled_seconds=0)
    for table in ("half_hours", "session_half_hours"):
        assert client.query(f"SELECT count() FROM {table}").result_rows == [(0,)]
    store(client, [turn(project, 4, trace_id="2")])
    settle(client)
    assert held(client, project) == [(4, 1)]


def die_at(name: str, client: Client) -> None:
    """A worker that does all before this statement."""
    command = client.command

    def dying(text: str, *told: Any, **more: Any) -> Any:
        if text == statement(name):
            raise DatabaseAway("It was killed.")
        return command(text, *told, **more)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(client, "command", dying)
        with pytest.raises(DatabaseAway):
            settle(client)


def test_what_is_noted_of_a_session_that_opens_anew_is_kept(client: Client, project: str) -> None:
    """It had nothing for an hour, and is about to have something: that must be found when it leaves again."""
    store(client, [turn(project, 0)])
    settle(client)
    delete_session(client, client.database or "", project, "chat")
    settle(client)
    for half_hour in (4, 5):
        store(client, [turn(project, half_hour, trace_id="2", received_at=half_hour)])
        die_at("recompute_sessions", client)
        forget(client, after_seconds=0, settled_seconds=0)
        settle(client)
        assert held(client, project) == [(half_hour, 1)]


def test_who_dies_before_a_half_hour_is_left_is_followed(client: Client, project: str) -> None:
    """The session is written, and queued until all of it is done."""
    store(client, [turn(project, 0, received_at=1)])
    settle(client)
    store(client, [turn(project, 3, received_at=2)])
    die_at("leave_half_hours", client)
    settle(client)
    assert held(client, project) == [(3, 1)]


def test_what_nobody_noted_is_found_at_the_next_start(client: Client, project: str) -> None:
    """A worker of an older version ran on while the database was brought up to date."""
    store(client, [turn(project, 0, received_at=1)])
    settle(client)
    client.command("TRUNCATE TABLE session_half_hours")
    store(client, [turn(project, 3, received_at=2)])
    settle(client)
    assert client.query(_HELD, parameters={"project": project}).row_count == 2
    heal_half_hours(client)
    settle(client)
    assert held(client, project) == [(3, 1)]


def test_a_session_without_its_half_hours_is_found_at_the_next_start(client: Client, project: str) -> None:
    """The database died between the two."""
    client.command("DETACH TABLE half_hours_mv")
    store(client, [turn(project, 0)])
    settle(client)
    client.command("ATTACH TABLE half_hours_mv")
    heal_half_hours(client)
    settle(client)
    assert held(client, project) == [(0, 1)]
    heal_half_hours(client)
    assert lag(client).queued_session_changes == 0


def test_what_was_left_for_good_is_noted_no_longer(client: Client, project: str) -> None:
    """Else a session that lives for years would leave thousands of half hours with each recompute."""
    for half_hour, received in ((0, 1), (3, 2)):
        store(client, [turn(project, half_hour, received_at=received)])
        settle(client)
    heal_half_hours(client, settled_seconds=0)
    assert client.query("SELECT count() FROM session_half_hours").result_rows == [(1,)]
    store(client, [turn(project, 0, received_at=3)])
    settle(client)
    assert held(client, project) == [(0, 1)]


def test_a_session_that_comes_of_age_meanwhile_is_forgotten_the_next_time(
    client: Client, project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whole: what it had must not stay behind when what says that it is over goes."""
    store(client, [turn(project, 0)])
    settle(client)
    delete_session(client, client.database or "", project, "chat")
    settle(client)
    command, asked = client.command, []

    def slowly(text: str, *told: Any, **more: Any) -> Any:
        asked.append(text)
        if text == statement("forget_half_hours") and asked.count(text) == 2:
            time.sleep(5)
        return command(text, *told, **more)

    with monkeypatch.context() as patched:
        patched.setattr(client, "command", slowly)
        forget(client, after_seconds=5, settled_seconds=0)
    assert client.query("SELECT count() FROM half_hours FINAL WHERE notEmpty(`sums.of`)").result_rows == [(0,)]
    forget(client, after_seconds=0, settled_seconds=0)
    assert client.query("SELECT count() FROM half_hours").result_rows == [(0,)]
