"""What browser tests look at: a shop's conversations over the last days, and spans of somebody who means harm."""

from collections.abc import Iterator
from typing import Any

import orjson

from tests.histories import NOW_NS, SECOND_NS

SHOP, HOSTILE, EMPTY, LIVE = "shop", "hostile", "empty", "live"
Row = dict[str, Any]

SESSIONS = 60
"""More than a page has."""
_MODELS = ("gpt-4o", "claude-sonnet-4-5", "gpt-4o-mini")
_QUESTIONS = (
    "Where is my order?",
    "Can I return these shoes?",
    "Which jacket is warm enough for Oslo?",
    "Do you ship to Brazil?",
)
_USERS = ("ada", "bob", "cleo", "dora", "emil")
FAILING_EVERY = 6
_HOUR_NS = 3_600 * SECOND_NS
_numbers = iter(range(1, 1 << 30))


def shop() -> list[Row]:
    """Sessions `order-00` (the latest) to `order-59`, every 2.5 hours; users in turn; every sixth one fails."""
    return [row for number in range(SESSIONS) for row in _conversation(number)]


def _conversation(number: int) -> Iterator[Row]:
    start_ns = NOW_NS - 600 * SECOND_NS - number * 5 * _HOUR_NS // 2
    for turn in range(1 + number % 4):
        failed = number % FAILING_EVERY == 0 and turn == 0
        at_ns = start_ns + turn * 30 * SECOND_NS
        yield call(
            f"order-{number:02}",
            at_ns,
            user_id=_USERS[number % len(_USERS)],
            request_model=_MODELS[number % len(_MODELS)],
            input_preview=f"{_QUESTIONS[number % len(_QUESTIONS)]} ({number}.{turn})",
            output_preview="" if failed else "Let me look that up for you.",
            failed=failed,
            cost_usd=None if failed else f"0.{number + 1:03}",
            input_tokens=None if failed else 100 * (number + 1),
            output_tokens=None if failed else 10 * (turn + 1),
            tags=["vip"] if number % 10 == 3 else ["demo-data"] if number == 1 else [],
        )


def call(session_id: str, at_ns: int, **columns: Any) -> Row:
    """A trace of one span: a call that took two seconds."""
    number = next(_numbers)
    return {
        "trace_id": f"{number:032x}",
        "span_id": f"{number:016x}",
        "name": "answer",
        "session_id": session_id,
        "session_key": "session.id",
        "call_kind": "llm",
        "dialect": "otel_genai",
        "service": "shop-bot",
        "environment": "prod",
        "started_at": at_ns,
        "ended_at": at_ns + 2 * SECOND_NS,
        "received_at": NOW_NS // 1000,
        "input_messages": said("user", str(columns.get("input_preview", ""))),
        "output_messages": said("assistant", str(columns.get("output_preview", ""))),
    } | columns


def said(role: str, text: str) -> str:
    return orjson.dumps([{"role": role, "parts": [{"type": "text", "content": text}]}]).decode()


SCRIPT = "<script>window.harmed = 1; alert(1)</script>"
IMAGE = '"><img src=x onerror="window.harmed = 1">'
LINK = "javascript:window.harmed=1"
TEMPLATE = "{{ 7 * 7 }}{% raw %}${7*7}"
RIGHT_TO_LEFT = "\u202eevil\u202c txt.exe \u05e9\u05dc\u05d5\u05dd"
ANSI = "\x1b[31mred\x1b[0m\x07\x00"
PATH = "../../etc/passwd?a=b#c%2F"
HARM = (SCRIPT, IMAGE, LINK, TEMPLATE, RIGHT_TO_LEFT, ANSI.replace("\x00", ""), PATH, "' onmouseover='window.harmed=1")


def hostile() -> list[Row]:
    """Each way to do harm, in each place that pages show."""
    rows = []
    for number, harm in enumerate(HARM):
        rows.append(
            call(
                f"{harm} session",
                NOW_NS - (number + 1) * 60 * SECOND_NS,
                user_id=f"{harm} user",
                request_model=f"{harm} model",
                service=f"{harm} service",
                environment=f"{harm} environment",
                name=f"{harm} name",
                tags=[f"{harm} tag"],
                input_preview=f"{harm} [a link]({LINK}) input",
                output_preview=f"{harm} output",
                metadata={f"{harm} key": f"{harm} value"},
                release=harm,
                session_key=harm,
                flaws=[harm],
                cost_usd="0.01",
                input_tokens=10,
                output_tokens=1,
            )
        )
    return rows
