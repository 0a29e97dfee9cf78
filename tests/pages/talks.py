"""Conversations for the pages of a session and of a trace: one to read, a wild one, and giants."""

from collections.abc import Iterator
from typing import Any

import orjson

from genai_sessions.demo.writing import TAG
from tests.histories import NOW_NS, SECOND_NS
from tests.pages.stories import ANSI, IMAGE, LINK, RIGHT_TO_LEFT, SCRIPT, Row, call, said

TALKS, GIANTS = "talks", "giants"
TRIP, BEFORE, AFTER, WILD = "trip/1 ☕", "trip/0", "../trip/2", f"wild {SCRIPT}"
START_NS = NOW_NS - 7_200 * SECOND_NS
WEATHER, ANSWERED, FAILED = (f"{number:032x}" for number in (0xA1, 0xA2, 0xA3))
QUESTION = "What is the *weather* in Paris?"
ANSWER = """It is **rainy**, 14 °C.

| day | °C |
|---|---:|
| Saturday | 14 |

- take a [coat](https://example.com/coat?a=1&b=2)
- or `stay`
"""
LONG = "A line of a very long answer.\n\n" * 300
ATTEMPTS = """<b>bold?</b> [a](javascript:window.harmed=1) [b](data:text/html,x) [c](/logout)
<javascript:window.harmed=1>
![picture](https://pictures.example/x.png) ![own](/api/sessions) <img src=x onerror="window.harmed=1">

| broken | table
|---
```js" onmouseover="window.harmed=1
unclosed <script>window.harmed=1</script>
"""
MILLION = 1_000_000


def talks() -> list[Row]:
    others = (call(BEFORE, START_NS - 900 * SECOND_NS, user_id="ada", tags=[TAG]), call(AFTER, NOW_NS, user_id="ada"))
    return [_NOTHING | row for row in [*_weather(), *_long(), *_failed(), *others, *wild()]]


_OF_EVENTS = ("at", "name", "attributes", "dropped_attributes")
_OF_LINKS = ("trace_id", "span_id", "trace_state", "attributes", "dropped_attributes")
_NOTHING: Row = {
    "attributes": {},
    "resource_attributes": {},
    "flaws": [],
    **{f"events.{name}": [] for name in _OF_EVENTS},
    **{f"links.{name}": [] for name in _OF_LINKS},
}


def span(trace_id: str, number: int, parent: int, start_s: float, seconds: float, **columns: Any) -> Row:
    """Of the trip. `parent` 0: none."""
    made = call(
        TRIP,
        int(START_NS + start_s * SECOND_NS),
        trace_id=trace_id,
        span_id=_id(trace_id, number),
        parent_span_id="" if parent == 0 else _id(trace_id, parent),
        user_id="ada",
    )
    ended = {"ended_at": made["started_at"] + int(seconds * SECOND_NS)}
    return made | {"input_messages": "", "output_messages": "", "call_kind": ""} | ended | columns


def _id(trace_id: str, number: int) -> str:
    return f"{trace_id[-2:]}{number:014x}"


def text(role: str, words: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": words}]}


def dumped(*messages: dict[str, Any]) -> str:
    return orjson.dumps(messages).decode()


def turn(trace_id: str, number: int, start_s: float, seconds: float, **columns: Any) -> Row:
    about = {
        "name": "chat gpt-4o",
        "call_kind": "llm",
        "request_model": "gpt-4o",
        "response_model": "gpt-4o-2024-08-06",
    }
    return span(trace_id, number, 1, start_s, seconds, **about | {"provider": "openai"} | columns)


def _weather() -> Iterator[Row]:
    asked, wanted = (
        text("user", QUESTION),
        {"type": "tool_call", "id": "c1", "name": "get_weather", "arguments": {"city": "Paris"}},
    )
    calls = {"role": "assistant", "parts": [wanted]}
    result = {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "rainy, 14C"}]}
    yield span(WEATHER, 1, 0, 0, 4, name="handle_message", call_kind="agent", agent_name="guide", tags=["vip"])
    yield turn(
        WEATHER, 2, 0.1, 1.2, input_messages=dumped(asked), output_messages=dumped(calls), response_id="r1",
        system_instructions=orjson.dumps([{"type": "text", "content": "Be brief."}]).decode(),
        input_tokens=400, output_tokens=20, cache_read_tokens=128, cost_usd="0.0012", cost_source="computed",
        first_token_ns=300_000_000, finish_reasons=["tool_calls"],
    )  # fmt: skip
    yield span(
        WEATHER, 3, 1, 1.4, 0.5, name="execute_tool get_weather", call_kind="tool", tool_name="get_weather",
        tool_arguments='{"city":"Paris"}', tool_result='"rainy, 14C"', input_preview='{"city":"Paris"}',
        output_preview="rainy, 14C",
    )  # fmt: skip
    yield turn(
        WEATHER, 4, 2, 1.9, input_messages=dumped(asked, calls, result),
        output_messages=dumped(text("assistant", ANSWER)),
        input_tokens=460, output_tokens=40, reasoning_tokens=11, cost_usd="0.002", cost_source="reported",
        response_id="r2", input_preview=QUESTION, output_preview=ANSWER, attributes={"gen_ai.request.top_k": "40"},
        resource_attributes={"host.name": "laptop"},
        **{
            "events.at": [START_NS + 3 * SECOND_NS], "events.name": ["first token"], "events.attributes": [{"n": "1"}],
            "events.dropped_attributes": [0], "links.trace_id": [ANSWERED], "links.span_id": [_id(ANSWERED, 1)],
            "links.trace_state": [""], "links.attributes": [{"why": "follows"}], "links.dropped_attributes": [0],
        },
    )  # fmt: skip


def _long() -> Iterator[Row]:
    yield span(ANSWERED, 1, 0, 164, 3, name="handle_message", call_kind="agent", agent_name="guide")
    yield turn(
        ANSWERED, 2, 164.1, 2.8, input_messages=dumped(text("user", "Tell me everything")), cost_usd="0.004",
        output_messages=dumped(text("assistant", LONG)), input_tokens=500, output_tokens=900, response_id="r3",
    )  # fmt: skip


def _failed() -> Iterator[Row]:
    yield span(FAILED, 1, 0, 200, 1, name="handle_message", call_kind="agent", agent_name="guide", failed=True)
    yield turn(
        FAILED, 2, 200.1, 0.8, input_messages=dumped(text("user", "And tomorrow?")), failed=True,
        error_type="RateLimitError", error_message="429: slow down", response_model="",
    )  # fmt: skip


def wild() -> list[Row]:
    """One trace in which everything that can be named is meant to do harm."""
    trace_id = f"{0xBAD:032x}"
    start = {"started_at": NOW_NS - 600 * SECOND_NS, "ended_at": NOW_NS - 590 * SECOND_NS}
    harm = f"{SCRIPT}{IMAGE}"
    common = start | {"session_id": WILD, "user_id": harm, "service": harm, "scope_name": harm}
    calling = {"role": harm, "parts": [{"type": "tool_call", "id": harm, "name": harm, "arguments": {harm: ANSI}}]}
    odd = {"role": "user", "parts": [{"type": harm, harm: harm}, {"type": "uri", "uri": LINK, "modality": "image"}, 7]}
    messages = dumped(text("user", ATTEMPTS), calling, text("assistant", RIGHT_TO_LEFT), odd, text("user", ANSI))
    return [
        call(
            WILD, 0, trace_id=trace_id, span_id=f"{1:016x}", name=harm, request_model=harm, response_id="h",
            input_messages=messages, output_messages=dumped(text("assistant", ATTEMPTS)),
            attributes={harm: harm, "long": "x" * MILLION},
            resource_attributes={harm: LINK}, error_type=harm, error_message=harm, failed=True, tags=[harm],
            flaws=[harm], metadata={harm: harm}, release=harm,
            **{"events.at": [START_NS], "events.name": [harm], "events.attributes": [{harm: harm}],
               "events.dropped_attributes": [0]},
        ) | common,
        call(
            WILD, 0, trace_id=trace_id, span_id=f"{2:016x}", parent_span_id=f"{1:016x}", call_kind="tool", name=harm,
            tool_name=harm, tool_arguments=harm, tool_result=ATTEMPTS, input_preview=harm, output_preview=ATTEMPTS,
            input_messages="", output_messages="",
        ) | common,
        call(
            WILD, 0, trace_id=trace_id, span_id=f"{3:016x}", name="a million", response_id="m",
            input_messages=said("user", "m" * MILLION), output_messages="not JSON {" + "y" * MILLION,
            input_preview="m" * 500, output_preview="y" * 500,
        ) | common,
    ]  # fmt: skip


def many_traces(session_id: str, count: int) -> list[Row]:
    """A turn every ten seconds."""
    return [
        call(
            session_id, START_NS - (count - number) * 10 * SECOND_NS, input_preview=f"question {number}",
            output_preview=f"answer {number}", input_tokens=100, output_tokens=10, cost_usd="0.001",
        )
        for number in range(1, count + 1)
    ]  # fmt: skip


def many_spans(trace_id: str, count: int) -> list[Row]:
    """A root, hundreds of agents beneath it, and tools beneath these; one of them, deep down, fails."""
    start = NOW_NS - 3_600 * SECOND_NS
    whole = {"started_at": start, "ended_at": start + 100 * SECOND_NS, "call_kind": "agent", "name": "root"}
    rows = [_small(trace_id, 1, 0, whole)]
    each_ns = 100 * SECOND_NS // count
    for number in range(2, count + 1):
        parent = 1 if number % 10 == 2 else number - (number - 2) % 10
        ends = start + number * each_ns + (9 * each_ns if number % 10 == 2 else each_ns)
        kind = {
            "started_at": start + number * each_ns,
            "ended_at": ends,
            "call_kind": "agent" if parent == 1 else "tool",
        }
        failing = {"failed": number == count - 3, "name": f"step {number}"}
        rows.append(_small(trace_id, number, parent, kind | failing))
    return rows


def _small(trace_id: str, number: int, parent: int, columns: Row) -> Row:
    ids = {"trace_id": trace_id, "span_id": f"{number:016x}", "parent_span_id": f"{parent:016x}" if parent else ""}
    return call("many spans", 0, input_messages="", output_messages="") | ids | columns
