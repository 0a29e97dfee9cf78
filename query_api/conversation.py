"""A conversation out of turns: each call is sent the whole history again; a reader wants what is new.

What is new in a turn is what stands behind the longest part of an earlier turn's history that its input begins with.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import orjson

Message = dict[str, Any]

LOOK_BACK = 50
"""Turns whose histories are compared: conversations that run side by side in one session are fewer."""

_UNSAID = frozenset({"reasoning", "thinking"})
"""Parts of an answer that clients do not send back."""


class Turn(NamedTuple):
    """What was said in one call, as JSON text; and what is left of it where that could not be read."""

    system: str = ""
    asked: str = ""
    answered: str = ""
    asked_preview: str = ""
    answered_preview: str = ""


class _History(NamedTuple):
    keys: tuple[str, ...]
    answered: bool


def new_messages(turns: Iterable[Turn]) -> Iterator[list[Message]]:
    """Of each turn in the order of time."""
    histories: list[_History] = []
    for turn in turns:
        asked = [*_system(turn.system), *_messages(turn.asked, "user", turn.asked_preview)]
        answer = _messages(turn.answered, "assistant", turn.answered_preview)
        keys = [_key(message) for message in asked]
        yield asked[_known(keys, histories) :] + answer
        history = _History((*keys, *map(_key, answer)), bool(answer))
        histories = [history, *histories[: LOOK_BACK - 1]]


def _known(keys: list[str], histories: list[_History]) -> int:
    """How many of the first messages were already there. A question that was answered and is put again is new."""
    best = 0
    for history in histories:
        known = max(_shared_start(history.keys, keys), _carried_on(history.keys, keys))
        if known == len(keys) and history.answered:
            known = max(0, known - 1)
        best = max(best, known)
    return best


def _shared_start(history: Sequence[str], keys: Sequence[str]) -> int:
    shared = 0
    for one, other in zip(history, keys, strict=False):
        if one != other:
            break
        shared += 1
    return shared


def _carried_on(history: tuple[str, ...], keys: list[str]) -> int:
    """How much of the end of a history the input begins with: clients drop what is oldest. One message alone may be
    the same by chance."""
    for length in range(min(len(history), len(keys)), 1, -1):
        if history[-length:] == tuple(keys[:length]):
            return length
    return 0


def _system(text: str) -> list[Message]:
    parts = _parsed(text)
    return [{"role": "system", "parts": parts}] if isinstance(parts, list) and len(parts) > 0 else []


def _messages(text: str, role: str, preview: str) -> list[Message]:
    messages = _parsed(text)
    if isinstance(messages, list) and all(isinstance(message, dict) for message in messages) and len(messages) > 0:
        return messages
    return [{"role": role, "parts": [{"type": "text", "content": preview}]}] if preview else []


def _parsed(text: str) -> Any:
    try:
        return orjson.loads(text) if text else None
    except orjson.JSONDecodeError:
        return None


def _key(message: Message) -> str:
    """The same for an answer and for the message by which it is sent back: ids and reasons to stop may differ."""
    parts = message.get("parts")
    said = [_part(part) for part in parts if not _is_unsaid(part)] if isinstance(parts, list) else parts
    return orjson.dumps([message.get("role"), said], option=orjson.OPT_SORT_KEYS).decode()


def _is_unsaid(part: Any) -> bool:
    return isinstance(part, dict) and part.get("type") in _UNSAID


def _part(part: Any) -> Any:
    if not isinstance(part, dict):
        return part
    return {name: _plain(value) for name, value in part.items() if name != "id" and value not in (None, "", [], {})}


def _plain(value: Any) -> Any:
    """Arguments come as text in one place and as an object in another."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    parsed = _parsed(text) if text[:1] in ("{", "[") else None
    return text if parsed is None else parsed
