"""What kind of call a span is: the keys of DIALECTS by priority, then names, never usage."""

import pytest

from otel_receiver.call import CallKind
from otel_receiver.span import Attributes
from tests.otel_receiver.dialects.spans import call_of


@pytest.mark.parametrize(
    ("attributes", "kind"),
    [
        ({"gen_ai.operation.name": "chat"}, "llm"),
        ({"gen_ai.operation.name": "text_completion"}, "llm"),
        ({"gen_ai.operation.name": "chat.streaming_completions"}, "llm"),
        ({"gen_ai.operation.name": "embeddings"}, "embedding"),
        ({"gen_ai.operation.name": "execute_tool"}, "tool"),
        ({"gen_ai.operation.name": "invoke_agent"}, "agent"),
        ({"gen_ai.operation.name": "retrieval"}, "retrieval"),
        ({"gen_ai.operation.name": "invoke_workflow"}, ""),
        ({"gen_ai.operation.name": "of_my_own"}, ""),
        ({"openinference.span.kind": "llm"}, "llm"),
        ({"openinference.span.kind": "RERANKER"}, "retrieval"),
        ({"openinference.span.kind": "CHAIN"}, ""),
        ({"langfuse.observation.type": "generation"}, "llm"),
        ({"langfuse.observation.type": "retriever"}, "retrieval"),
        ({"lmnr.span.type": "CACHED"}, "llm"),
        ({"lmnr.span.type": "DEFAULT"}, ""),
        ({"mlflow.spanType": '"CHAT_MODEL"'}, "llm"),
        ({"mlflow.spanType": '"UNKNOWN"'}, ""),
        ({"langsmith.span.kind": "retriever"}, "retrieval"),
        ({"ai.operationId": "ai.streamText.doStream"}, "llm"),
        ({"ai.operationId": "ai.generateObject"}, ""),
        ({"ai.operationId": "ai.embedMany.doEmbed"}, "embedding"),
        ({"ai.operationId": "ai.toolCall"}, "tool"),
        ({"genkit:metadata:subtype": "tool.v2"}, "tool"),
        ({"genkit:type": "util"}, ""),
        ({"span.type": "claude_code.llm_request"}, "llm"),
        ({"span.type": "tool.execution"}, ""),
        ({"span.type": "web"}, ""),  # of others
        ({"traceloop.span.kind": "tool"}, "tool"),
        ({"traceloop.span.kind": "workflow"}, ""),
        ({"llm.request.type": "completion"}, "llm"),
        ({"llm.request.type": "rerank"}, "retrieval"),
        ({"mcp.method.name": "tools/call"}, "tool"),
        ({"mcp.method.name": "initialize", "gen_ai.tool.name": "x"}, ""),
        ({"gen_ai.tool.name": "get_weather"}, "tool"),
        ({"http.request.method": "POST"}, ""),
    ],
)
def test_a_key_says_the_kind(attributes: Attributes, kind: CallKind) -> None:
    """In any case, quoted or not; what is not known decides nothing."""
    assert call_of(attributes).kind == kind


@pytest.mark.parametrize(
    ("attributes", "kind", "dialect"),
    [
        ({"openinference.span.kind": "TOOL", "gen_ai.operation.name": "chat"}, "tool", "openinference"),
        ({"openinference.span.kind": "CHAIN", "gen_ai.operation.name": "chat"}, "", "openinference"),
        ({"openinference.span.kind": "UNKNOWN", "gen_ai.operation.name": "chat"}, "llm", "otel_genai"),
        ({"ai.operationId": "ai.generateText", "gen_ai.operation.name": "chat"}, "", "vercel_ai"),
        ({"gen_ai.operation.name": "execute_tool", "mcp.method.name": "tools/list"}, "tool", "otel_genai"),
        ({"gen_ai.operation.name": "execute_task", "traceloop.span.kind": "tool"}, "", "otel_genai"),
        ({"traceloop.span.kind": "task", "llm.request.type": "chat"}, "", "traceloop"),
        ({"gen_ai.operation.name": "of_my_own", "traceloop.span.kind": "tool"}, "tool", "traceloop"),
    ],
)
def test_the_first_key_that_decides_wins(attributes: Attributes, kind: CallKind, dialect: str) -> None:
    """One span may speak two dialects. A wrapper's kind is a decision too."""
    call = call_of(attributes)
    assert (call.kind, call.dialect) == (kind, dialect)


def test_usage_makes_no_call() -> None:
    """Wrappers repeat the usage and the model of what they wrap."""
    call = call_of({"gen_ai.usage.input_tokens": 5, "gen_ai.request.model": "gpt-4o"})
    assert call.kind == ""
    assert call.usage.input_tokens == 5


def test_a_laminar_embedding_is_known_by_its_name_alone() -> None:
    """It calls itself LLM."""
    assert call_of({"lmnr.span.type": "LLM"}, name="openai.embeddings").kind == "embedding"


@pytest.mark.parametrize(
    ("name", "scope", "kind"),
    [
        ("chat claude-sonnet-4-5", "openlit.instrumentation.anthropic", "llm"),
        ("execute_tool get_weather", "opentelemetry.instrumentation.genai.openai_agents", "tool"),
        ("call_llm", "gcp.vertex.agent", "llm"),
        ("agent run", "pydantic-ai", "agent"),
        ("chat claude-sonnet-4-5", "my-app", ""),
        ("chat", "openlit.instrumentation.anthropic", ""),
    ],
)
def test_a_name_is_believed_from_scopes_known_for_it(name: str, scope: str, kind: CallKind) -> None:
    """Some failed calls have a name and nothing else."""
    assert call_of({}, name=name, scope=scope).kind == kind


def test_the_name_gives_what_no_attribute_says() -> None:
    """The model of a call, the name of a tool or agent."""
    assert call_of({}, name="chat claude-3", scope="openlit.x").request_model == "claude-3"
    assert (
        call_of({"gen_ai.operation.name": "execute_tool"}, name="execute_tool get_weather").tool_name == "get_weather"
    )
    assert call_of({"langfuse.observation.type": "tool"}, name="get_weather").tool_name == "get_weather"
    assert call_of({"gen_ai.operation.name": "invoke_agent"}, name="invoke_agent Weather").agent_name == "Weather"


def test_a_tool_asked_for_is_not_a_tool_called() -> None:
    """OpenLIT puts the tool's name on the LLM call that asks for it."""
    call = call_of({"gen_ai.operation.name": "chat", "gen_ai.tool.name": "get_weather", "gen_ai.tool.call.id": "c"})
    assert (call.kind, call.tool_name, call.tool_call_id) == ("llm", "", "")
