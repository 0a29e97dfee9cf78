"""The calls of a session in the order of time, and the conversation that its turns make."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from query_api.conversation import LOOK_BACK, Turn, new_messages
from query_api.db import Reader, Row
from query_api.paging import Page

_PREVIEWS = ("error_message", "input_preview", "output_preview")
_SAID = ("input_messages", "output_messages", "system_instructions", "input_preview", "output_preview")
Key = tuple[str, str]  # trace id, span id


async def read_calls(reader: Reader, page: Page, session_id: str, kinds: Sequence[str] = ()) -> list[Row]:
    """With what each said in short, for those who may read it. A merged call's gaps are filled from its members."""
    calls = await reader.rows("session_calls", session_id=session_id, kinds=list(kinds), **page.parameters())
    return await with_previews(reader, calls)


async def with_previews(reader: Reader, calls: list[Row]) -> list[Row]:
    told = await _of_spans(reader, "span_previews", calls) if reader.content else {}
    return [_without_members(call) | _filled(call, told, _PREVIEWS) for call in calls]


async def read_messages(reader: Reader, page: Page, session_id: str) -> list[Row]:
    """Each turn's new messages. What came before the page is looked at too, or all of it would seem new."""
    turns = await reader.rows("session_calls", session_id=session_id, kinds=["llm"], **page.parameters())
    before = await _turns_before(reader, page, session_id)
    told = await _of_spans(reader, "span_messages", [*before, *turns])
    spoken = [_turn(_filled(turn, told, _SAID)) for turn in [*before, *turns]]
    messages = list(new_messages(spoken))[len(before) :]
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


async def _of_spans(reader: Reader, name: str, calls: Sequence[Row]) -> dict[Key, Row]:
    if len(calls) == 0:
        return {}
    traces = sorted({call["trace_id"] for call in calls})
    spans = sorted({span_id for call in calls for span_id in _members(call)})
    rows = await reader.rows(name, trace_ids=traces, span_ids=spans)
    return {(row["trace_id"], row["span_id"]): row for row in rows}


def _members(call: Row) -> Sequence[str]:
    """The outermost first. A call that is one span names none."""
    members: Sequence[str] = call["members"]
    return members if len(members) > 0 else [call["span_id"]]


def _filled(call: Row, told: dict[Key, Row], names: Sequence[str]) -> dict[str, Any]:
    rows = [told[key] for span_id in _members(call) if (key := (call["trace_id"], span_id)) in told]
    return {name: next((row[name] for row in rows if row[name] != ""), None) for name in names}


def _without_members(call: Row) -> Row:
    return {name: value for name, value in call.items() if name != "members"}


def _turn(said: dict[str, Any]) -> Turn:
    return Turn(
        system=said["system_instructions"] or "",
        asked=said["input_messages"] or "",
        answered=said["output_messages"] or "",
        asked_preview=said["input_preview"] or "",
        answered_preview=said["output_preview"] or "",
    )
