"""What a recording's session must say: what really happened, less what its SDK lost on the way."""

from typing import Any

from tests.otel_receiver.dialects.recordings import expected
from tests.otel_receiver.dialects.test_recordings import (
    CONVERSATIONS,
    MODELS,
    SESSIONLESS,
    TOOLS,
    truth,
)

WITHOUT_SESSION = SESSIONLESS - {"genkit"}
"""Genkit's session has the spans of the application, in traces of their own."""

_NUMBERS = ("turns", "errors", "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
_OTHERS = ("reasoning_tokens", "embeddings")
_OUTSIDE = {"langchain_traceloop": 1, "litellm_otel": 1, "genkit": 3}
"""Traces without any session."""

_SAYS_NOTHING = {"anthropic_native", "genkit"}
"""Neither in the spans of its session nor in log records, which say it for two others."""

_SAID_FIRST = {
    "vercel_ai_v6": "x",  # what was embedded, in a trace before all others
    "vercel_ai_v6chat": "x",
    "litellm_otel": "What is the weather in Paris?",
    "crewai_oi": (
        "Current Task: Hello, who are you?\n\n"
        "This is the expected criteria for your final answer: an answer\n"
        "you MUST return the actual complete content as the final answer, not a summary.\n\n"
        "Provide your complete response:"
    ),
}


def session_of(name: str) -> dict[str, Any]:
    """The columns of `sessions` that the truth decides; for a sessionless recording there is no row."""
    said = expected(name)
    tool = said["tool_calls"][0]
    row = {
        "session_id": CONVERSATIONS.get(name, said["session_id"]),
        "user_id": said["user_id"],
        "traces": said["traces"] - _OUTSIDE.get(name, 0),
        **truth(name),
        "models": MODELS.get(
            name, sorted({*said["response_models"], *said["request_models"], *said["embedding_models"]})
        ),
        "tools": [TOOLS.get(name, tool["name"])] if tool["own_span"] else [],
        "tool_calls": int(tool["own_span"]),
        **_previews(name),
    } | _lost(name)
    row["total_tokens"] = row["input_tokens"] + row["output_tokens"]
    return row


def _lost(name: str) -> dict[str, Any]:
    """What is in traces of its own, without a session."""
    if name == "genkit":
        numbers = dict.fromkeys((*_NUMBERS, *_OTHERS, "tool_calls"), 0)
        return {**numbers, "models": [], "tools": []}
    if name == "litellm_otel":
        attributable = expected(name)["deviations_in_telemetry"]["attributable"]
        embedded = expected(name)["embedding_input_tokens"]
        return {
            "turns": attributable["llm_calls"],
            "input_tokens": attributable["input_tokens"] + embedded,
            "output_tokens": attributable["output_tokens"],
        }
    return {}


def _previews(name: str) -> dict[str, str]:
    if name in _SAYS_NOTHING:
        return {"input_preview": "", "output_preview": ""}
    return {
        "input_preview": _SAID_FIRST.get(name, "Hello, who are you?"),
        "output_preview": "It is rainy and 14C in Paris.",
    }
