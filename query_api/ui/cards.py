"""A conversation as numbered cards, one for each trace: what was asked, what was done for it, what was answered."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from query_api.ui.said import Part, Text, Typist, answer_words, as_text, parts_of, words_of

Row = Mapping[str, Any]

MAX_ENTRIES = 60
"""Of one card; the trace's own page shows the rest."""
LONG_PAUSE_MS = 60_000
_ASIDE = frozenset({"system", "developer"})
_THOUGHTS = frozenset({"reasoning", "thinking"})


@dataclass(slots=True)
class Entry:
    """Something said or done. `kind`: said, aside (folded), call (of a tool, a search), failed."""

    kind: str
    role: str = ""
    text: Text | None = None
    name: str = ""
    call: Row | None = None
    arguments: str = ""
    result: str | None = None
    id: str | None = None

    @property
    def failed(self) -> bool:
        return self.call is not None and self.call["status"] == "error"


@dataclass(frozen=True, slots=True)
class Card:
    number: int
    trace: Row
    pause_ms: float | None  # since everything before it was over; None where that was not long
    entries: list[Entry]
    left_out: int


@dataclass(slots=True)
class _Writing:
    """One card in the making: answers and spans of tools find the call that asked for them."""

    typist: Typist
    entries: list[Entry] = field(default_factory=list)

    def message(self, message: Any) -> None:
        role = as_text(message.get("role", "")) if isinstance(message, dict) else ""
        words: list[str] = []
        for part in parts_of(message):
            if part.get("type") == "tool_call":
                self._say(role, words)
                self._asked(part)
            elif part.get("type") == "tool_call_response":
                self._answered(part)
            elif part.get("type") in _THOUGHTS:
                self.entries.append(Entry("aside", "reasoning", self.typist.text(words_of(part))))
            else:
                words.append(words_of(part))
        self._say(role, words)

    def tool(self, call: Row) -> None:
        """A span of one: of the first call by this name that has none yet."""
        name = call["tool_name"] or call["name"] or ""
        entry = next(
            (each for each in self.entries if each.kind == "call" and each.name == name and not each.call), None
        )
        if entry is None:
            entry = Entry("call", name=name, arguments=call["input_preview"] or "")
            self.entries.append(entry)
        entry.call = call
        if entry.result is None:
            entry.result = call["output_preview"]

    def _say(self, role: str, words: list[str]) -> None:
        text = "\n\n".join(words)
        if text.strip() != "":
            kind = "aside" if role in _ASIDE else "said"
            self.entries.append(Entry(kind, role, self.typist.text(text, role)))
        words.clear()

    def _asked(self, part: Part) -> None:
        arguments = as_text(part["arguments"]) if part.get("arguments") is not None else ""
        self.entries.append(Entry("call", name=as_text(part.get("name", "")), arguments=arguments, id=_id(part)))

    def _answered(self, part: Part) -> None:
        result, call_id = answer_words(part.get("response", "")), _id(part)
        waiting = (each for each in self.entries if each.kind == "call" and each.id is not None and each.id == call_id)
        entry = next(waiting, None)
        if entry is None:
            entry = Entry("call", name=as_text(part.get("name", "")), id=call_id)
            self.entries.append(entry)
        entry.result = result


def _id(part: Part) -> str | None:
    return as_text(part["id"]) if part.get("id") is not None else None


def cards(
    traces: Iterable[tuple[int, Row, float | None]],
    calls: Sequence[Row],
    messages: Mapping[tuple[str, str], Sequence[Any]],
    typist: Typist,
) -> Iterator[Card]:
    """`traces`: number, trace, pause before it. `messages`: what was new in each turn."""
    of_trace: dict[str, list[Row]] = defaultdict(list)
    for call in calls:
        of_trace[call["trace_id"]].append(call)
    for number, trace, pause_ms in traces:
        entries = _entries(trace, of_trace[trace["trace_id"]], messages, typist)
        left_out = max(0, len(entries) - MAX_ENTRIES)
        yield Card(number, trace, pause_ms, entries[:MAX_ENTRIES], left_out)


def _entries(
    trace: Row, calls: Sequence[Row], messages: Mapping[tuple[str, str], Sequence[Any]], typist: Typist
) -> list[Entry]:
    writing = _Writing(typist)
    for call in calls:
        if call["kind"] == "llm":
            for message in messages.get((call["trace_id"], call["span_id"]), ()):
                writing.message(message)
            if call["status"] == "error":
                writing.entries.append(Entry("failed", call=call))
        elif call["kind"] in ("tool", "retrieval"):
            writing.tool(call)
        elif call["status"] == "error" and call["kind"] == "embedding":
            writing.entries.append(Entry("failed", call=call))
    return _with_previews(trace, writing)


def _with_previews(trace: Row, writing: _Writing) -> list[Entry]:
    """Where no turn says what was asked or answered, the trace may."""
    said = {entry.role for entry in writing.entries if entry.kind == "said"}
    typist, entries = writing.typist, writing.entries
    if "user" not in said and trace["input_preview"]:
        entries.insert(0, Entry("said", "user", typist.text(trace["input_preview"], "user")))
    if "assistant" not in said and trace["output_preview"]:
        entries.append(Entry("said", "assistant", typist.text(trace["output_preview"], "assistant")))
    return entries
