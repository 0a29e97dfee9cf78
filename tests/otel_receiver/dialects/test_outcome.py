"""How a span ended: failed or paused, its error, its finish reasons, and when its first token came."""

from typing import Any

import pytest

from otel_receiver.span import Attributes
from tests.otel_receiver.dialects.spans import CHAT, SECOND_NS, START_NS, call_of, event


def _exception(kind: str, message: str = "") -> Any:
    return event("exception", {"exception.type": kind, "exception.message": message})


def test_an_error_is_a_failure() -> None:
    """On any span; with its type from the attribute, else from the exception."""
    call = call_of({}, status="error", status_message="it broke", events=[_exception("a.B", "because")])
    assert (call.failed, call.error_type, call.error_message) == (True, "a.B", "it broke")
    call = call_of({"error.type": "RateLimitError"}, status="error", events=[_exception("a.B", "because")])
    assert (call.failed, call.error_type, call.error_message) == (True, "RateLimitError", "because")


def test_a_caught_exception_is_none() -> None:
    """The status decides."""
    call = call_of({}, status="ok", events=[_exception("a.B")])
    assert (call.failed, call.error_type, call.error_message) == (False, "", "")


@pytest.mark.parametrize(
    "exception",
    [
        _exception("langgraph.errors.GraphInterrupt"),
        _exception("NodeInterrupt"),
        _exception("Exception", "GraphInterrupt((Interrupt(value='ok?'),))Traceback ..."),  # LangSmith
    ],
)
def test_an_interrupt_for_a_person_is_a_pause(exception: Any) -> None:
    """LangGraph raises to ask; nothing has failed."""
    assert call_of({}, status="error", events=[exception]).failed is False
    assert call_of({"error.type": "GraphInterrupt"}, status="error").failed is False


def test_an_error_about_an_interrupt_is_an_error() -> None:
    """Only the type says that it is one."""
    assert call_of({}, status="error", events=[_exception("ValueError", "no GraphInterrupt here")]).failed is True


@pytest.mark.parametrize(
    "value", [["tool_calls"], '["tool_calls"]', "tool-calls", "tool_use", "FinishReason.TOOL_CALLS", ["tool_call"]]
)
def test_one_reason_has_one_name(value: Any) -> None:
    """Lists, JSON texts, enums as Python prints them."""
    assert call_of({**CHAT, "gen_ai.response.finish_reasons": value}).finish_reasons == ("tool_call",)


def test_semantic_kernel_lists_reasons_with_commas() -> None:
    """In the singular key."""
    call = call_of({**CHAT, "gen_ai.response.finish_reason": "FinishReason.STOP,FinishReason.LENGTH"})
    assert call.finish_reasons == ("stop", "length")


@pytest.mark.parametrize(
    ("attributes", "own", "nanoseconds"),
    [
        ({"gen_ai.response.time_to_first_chunk": 0.078}, {}, 78_000_000),
        ({"gen_ai.client.operation.time_to_first_chunk": 1}, {}, 1_000_000_000),
        ({"ai.response.msToFirstChunk": 113.5}, {}, 113_500_000),
        ({"ttft_ms": "43"}, {}, 43_000_000),
        ({"gen_ai.server.time_to_first_token": 151}, {"scope": "strands.telemetry.tracer"}, 151_000_000),
        ({"gen_ai.server.time_to_first_token": 0.042}, {"scope": "openlit.instrumentation.openai"}, 42_000_000),
        ({"gen_ai.server.time_to_first_token": 0.9, "gen_ai.request.stream": False}, {"scope": "openlit.x"}, None),
        ({"langfuse.observation.completion_start_time": '"2026-11-20T12:16:40.250Z"'}, {}, 250_000_000),
        ({"langfuse.observation.completion_start_time": "2026-11-20T12:16:40.25"}, {}, None),  # of which zone?
        ({}, {"events": [event("ai.stream.firstChunk", after_ns=7)]}, 7),
        ({}, {"events": [event("mlflow.chunk.item.0", after_ns=7)]}, 7),
        (
            {},
            {
                "events": [
                    event("llm.content.completion.chunk", after_ns=9),
                    event("llm.content.completion.chunk", after_ns=5),
                ]
            },
            5,
        ),
        (
            {"gen_ai.response.time_to_first_chunk": 0.5},
            {"events": [event("First Token Stream Event", after_ns=7)]},
            5 * 10**8,
        ),
    ],
)
def test_the_first_token_in_whatever_unit(attributes: Attributes, own: Any, nanoseconds: int | None) -> None:
    """Seconds, milliseconds, a point in time, an event; and the same key in two units."""
    assert START_NS // SECOND_NS == 1_795_177_000
    assert call_of({**CHAT, **attributes}, **own).first_token_ns == nanoseconds


@pytest.mark.parametrize("value", [-1.0, 1e9, float("nan"), "soon", True])
def test_a_time_that_cannot_be_is_not_kept(value: Any) -> None:
    """Flagged where it is a number."""
    call = call_of({**CHAT, "gen_ai.response.time_to_first_chunk": value})
    assert call.first_token_ns is None
    assert call.flaws == (("first_token_invalid",) if value in (-1.0, 1e9) else ())
