"""What is past its time goes: traces whole, content before numbers."""

import time
from typing import Any

from clickhouse_connect.driver import Client

from clickhouse.rollup.maintenance import expire, expire_content
from tests.clickhouse.stored import settle, store
from tests.clickhouse.test_rollup_cases import NOW, SECOND, llm, sessions_of, span

DAY = 86_400 * SECOND


def aged(days: int, **columns: Any) -> dict[str, Any]:
    return {"started_at": NOW - days * DAY, "ended_at": NOW - days * DAY + SECOND, **columns}


def test_a_trace_expires_whole_after_its_last_end(client: Client, project: str) -> None:
    """An old span of a trace that is still alive stays; a trace whose last end is too old goes, root and all."""
    alive = [span(project, 1, session_id="alive", **aged(40)), llm(project, 2, 1, **aged(1))]
    dead = [
        span(project, 3, session_id="dead", trace_id=f"{2:032x}", **aged(40)),
        llm(project, 4, 3, trace_id=f"{2:032x}", **aged(31)),
    ]
    store(client, [{**row, "retention_days": 30} for row in [*alive, *dead]])
    settle(client)
    assert expire(client, {}) == 2
    settle(client)
    assert {name: row["spans"] for name, row in sessions_of(client, project).items()} == {"alive": 2}


def test_todays_settings_decide_over_those_of_the_day_it_came(client: Client, project: str) -> None:
    """A project that now keeps less loses what is older; one that keeps for ever loses nothing."""
    store(client, [llm(project, 1, session_id="chat", **aged(40))])
    store(client, [llm(f"{project}-ever", 1, session_id="chat", retention_days=30, **aged(40))])
    settle(client)
    assert expire(client, {project: 30, f"{project}-ever": 0}) == 1
    settle(client)
    assert sessions_of(client, project) == {}
    assert set(sessions_of(client, f"{project}-ever")) == {"chat"}


def test_content_expires_before_the_numbers(client: Client, project: str) -> None:
    """Messages and previews go, tokens and cost stay."""
    past = int(time.time()) - 60
    said: dict[str, Any] = {
        "input_messages": "[1]",
        "output_messages": "[2]",
        "input_preview": "hi",
        "output_preview": "hello",
    }
    store(client, [llm(project, 1, session_id="chat", content_until=past, **said)])
    store(client, [llm(project, 2, session_id="kept", trace_id=f"{2:032x}", **said)])
    settle(client)
    assert expire_content(client) == 1
    settle(client)
    sessions = sessions_of(client, project)
    assert (sessions["chat"]["input_preview"], sessions["chat"]["total_tokens"]) == ("", 15)
    assert sessions["kept"]["input_preview"] == "hi"
    stored = client.query(
        "SELECT session_id, input_messages, output_preview FROM spans ORDER BY session_id"
    ).result_rows
    assert stored == [("chat", "", ""), ("kept", "[1]", "hello")]
    assert expire_content(client) == 0


def test_what_events_and_evaluators_said_expires_too(client: Client, project: str) -> None:
    """Prompts in events go and comments of scores; the events stay, and what an exception was, and the scores."""
    past = int(time.time()) - 60
    events: dict[str, Any] = {
        "events.at": [NOW, NOW],
        "events.name": ["gen_ai.user.message", "exception"],
        "events.attributes": [{"content": "hi", "role": "user"}, {"exception.type": "E", "prompt": "hi"}],
        "events.dropped_attributes": [0, 0],
    }
    old = llm(project, 1, session_id="chat", content_until=past, **events)
    new = llm(project, 2, session_id="kept", trace_id=f"{2:032x}", content_until=past + 10**6, **events)
    store(client, [old, new])
    for row in (old, new):
        score = {"project_id": project, "trace_id": row["trace_id"], "score_id": row["span_id"], "name": "good"}
        columns = {**score, "value": 1.0, "comment": "it said hi"}
        client.insert("scores", [list(columns.values())], list(columns))
    assert expire_content(client) == 1
    read = "SELECT session_id, events.name, events.attributes FROM spans ORDER BY session_id"
    assert [(name, list(names), list(said)) for name, names, said in client.query(read).result_rows] == [
        ("chat", events["events.name"], [{}, {"exception.type": "E"}]),
        ("kept", events["events.name"], events["events.attributes"]),
    ]
    scores = client.query("SELECT value, comment FROM scores FINAL ORDER BY trace_id").result_rows
    assert scores == [(1.0, ""), (1.0, "it said hi")]
