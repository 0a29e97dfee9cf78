"""A conversation out of turns: each call is sent the whole history again; a reader wants what is new.

What is new in a turn is what stands behind the longest part of an earlier turn's history that its input begins with.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import orjson

from query_api.opened import opened

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
    told: tuple[str, ...]  # the system's words before all others
    keys: tuple[str, ...]
    answered: bool


def new_messages(turns: Iterable[Turn]) -> Iterator[list[Message]]:
    """Of each turn in the order of time. What a system is told may change with every turn, as when it is told the time:
    it is new by itself, and makes nothing else so."""
    histories: deque[_History] = deque(maxlen=LOOK_BACK)
    for turn in turns:
        asked = [*_system(turn.system), *_messages(turn.asked, "user", turn.asked_preview)]
        answer = _messages(turn.answered, "assistant", turn.answered_preview)
        keys = [_key(message) for message in asked]
        spoken = next((at for at, message in enumerate(asked) if message.get("role") != "system"), len(asked))
        told, keys = tuple(keys[:spoken]), keys[spoken:]
        repeated = any(told == history.told for history in histories)
        yield asked[spoken if repeated else 0 : spoken] + asked[spoken + _known(keys, histories) :] + answer
        histories.appendleft(_History(told, (*keys, *map(_key, answer)), bool(answer)))


def _known(keys: list[str], histories: Iterable[_History]) -> int:
    """How many of the first messages were already there. A question that was answered and is put again is new."""
    best, borders = 0, _borders(keys)
    for history in histories:
        known = max(_shared_start(history.keys, keys), _carried_on(history.keys, keys, borders))
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


def _carried_on(history: Sequence[str], keys: Sequence[str], borders: Sequence[int]) -> int:
    """How much of the end of a history the input begins with: clients drop what is oldest. One message alone may be
    the same by chance."""
    length = 0
    for key in history[-len(keys) :]:
        length = _longer(keys, borders, length, key)
    return length if length > 1 else 0


def _borders(keys: Sequence[str]) -> list[int]:
    """Of each beginning of the input, how much of its end the input begins with (Knuth, Morris and Pratt): a history is
    then gone through once, where trying every length would take minutes for some ten thousand messages."""
    borders = [0] * len(keys)
    for at in range(1, len(keys)):
        borders[at] = _longer(keys, borders, borders[at - 1], keys[at])
    return borders


def _longer(keys: Sequence[str], borders: Sequence[int], length: int, key: str) -> int:
    """How much the input begins with of what ends with this key, where it was so much before it."""
    while length > 0 and (length == len(keys) or keys[length] != key):
        length = borders[length - 1]
    return length + 1 if length < len(keys) and keys[length] == key else 0


def _system(text: str) -> list[Message]:
    parts = opened(text)
    return [{"role": "system", "parts": parts}] if isinstance(parts, list) and len(parts) > 0 else []


def _messages(text: str, role: str, preview: str) -> list[Message]:
    messages = opened(text)
    if isinstance(messages, list) and all(isinstance(message, dict) for message in messages) and len(messages) > 0:
        return messages
    words = preview or (text if messages is text and text.startswith("[{") else "")  # what was too deep has no preview
    return [{"role": role, "parts": [{"type": "text", "content": words}]}] if words else []


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
    return opened(text) if text[:1] in ("{", "[") else text
