"""The calls of a session in the order of time, and the conversation that its turns make."""

import asyncio
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from anyio.to_thread import run_sync

from query_api.conversation import LOOK_BACK, Turn, new_messages
from query_api.db import Reader, Row
from query_api.logged import Key, told_by_logs
from query_api.paging import Page

_PREVIEWS = ("error_message", "input_preview", "output_preview")
_ASKED = ("input_messages", "system_instructions", "input_preview")
_ANSWERED = ("output_messages", "output_preview")
_SAID = (*_ASKED, *_ANSWERED)

Told = dict[Key, Row]
Said = dict[str, Any]


async def read_calls(reader: Reader, page: Page, session_id: str) -> list[Row]:
    """With what each said in short, for those who may read it. A merged call's gaps are filled from its members."""
    calls = await reader.rows("session_calls", session_id=session_id, **page.parameters())
    told = await _of_spans(reader, "span_previews", map(_keys, calls)) if reader.content else {}
    return [_without_members(call) | _filled(_keys(call), told, _PREVIEWS) for call in calls]


async def read_messages(reader: Reader, page: Page, session_id: str) -> list[Row]:
    """Each turn's new messages. What came before the page is looked at too, or all of it would seem new."""
    turns, before = await asyncio.gather(
        reader.rows("session_turns", session_id=session_id, **page.parameters()),
        _turns_before(reader, page, session_id),
    )
    told = await _of_spans(reader, "span_messages", map(_keys, [*before, *turns]))
    said = _with_agents(
        turns, [_filled(_keys(turn), told, _SAID) for turn in turns], await _agents(reader, turns, told)
    )
    spoken = [_turn(each) for each in [*(_filled(_keys(turn), told, _SAID) for turn in before), *said]]
    # Beside the loop: a page may have tens of thousands of messages, and others want answers meanwhile.
    messages = (await run_sync(lambda: list(new_messages(spoken))))[len(before) :]
    kept = ("trace_id", "span_id", "started_at", "sort_value", "sort_id")
    return [{name: turn[name] for name in kept} | {"messages": new} for turn, new in zip(turns, messages, strict=True)]


async def _turns_before(reader: Reader, page: Page, session_id: str) -> list[Row]:
    if page.after is None:
        return []
    last, last_id = Decimal(page.after.value or 0), page.after.id
    turns = await reader.rows(
        "turns_before", session_id=session_id, after_value=last, after_id=last_id, limit=LOOK_BACK
    )
    return turns[::-1]


async def _agents(reader: Reader, turns: Sequence[Row], told: Told) -> Told:
    """What was said in the agents of traces whose turns say nothing themselves."""
    spoken = {trace_id for (trace_id, _), said in told.items() if any(said[name] != "" for name in _SAID)}
    silent = [turn for turn in turns if turn["trace_id"] not in spoken]
    return await _of_spans(reader, "span_messages", map(_agent_keys, silent))


def _with_agents(turns: Sequence[Row], said: Sequence[Said], agents: Told) -> list[Said]:
    """Its trace's first turn was asked what the agent was asked; the last answered what it answered."""
    result = []
    for turn, own in zip(turns, said, strict=True):
        agent = _filled(_agent_keys(turn), agents, _SAID)
        of_agent = [*(_ASKED if turn["is_first"] else ()), *(_ANSWERED if turn["is_last"] else ())]
        result.append(own | {name: agent[name] for name in of_agent if agent[name] is not None})
    return result


async def _of_spans(reader: Reader, name: str, keys: Iterable[Sequence[Key]]) -> Told:
    """What a span says itself goes before what logs say of it."""
    spans = sorted({key for each in keys for key in each})
    if len(spans) == 0:
        return {}
    ids: dict[str, Any] = {"trace_ids": sorted({key[0] for key in spans}), "span_ids": [key[1] for key in spans]}
    rows, logged = await asyncio.gather(reader.rows(name, **ids), told_by_logs(reader, spans))
    told = {(row["trace_id"], row["span_id"]): row for row in rows}
    for key, said in logged.items():
        own = told.get(key, {})
        told[key] = said | {field: value for field, value in own.items() if value != ""}
    return told


def _keys(call: Row) -> Sequence[Key]:
    """Of its spans, the outermost first. A call that is one span names none."""
    members: Sequence[str] = call["members"]
    return [(call["trace_id"], span_id) for span_id in members or [call["span_id"]]]


def _agent_keys(turn: Row) -> Sequence[Key]:
    return [(turn["trace_id"], span_id) for span_id in turn["agents"]]


def _filled(keys: Sequence[Key], told: Told, names: Sequence[str]) -> Said:
    rows = [told[key] for key in keys if key in told]
    return {name: next((row[name] for row in rows if row[name] != ""), None) for name in names}


def _without_members(call: Row) -> Row:
    return {name: value for name, value in call.items() if name != "members"}


def _turn(said: Said) -> Turn:
    return Turn(
        system=said["system_instructions"] or "",
        asked=said["input_messages"] or "",
        answered=said["output_messages"] or "",
        asked_preview=said["input_preview"] or "",
        answered_preview=said["output_preview"] or "",
    )
