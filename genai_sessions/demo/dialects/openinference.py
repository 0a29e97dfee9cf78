"""OpenInference, as LangGraph's agents come through it: messages taken apart, a chain around each model call."""

from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from genai_sessions.demo.dialects import Said, provider_of
from genai_sessions.demo.story import Conversation, Exchange, Lookup, Message, Tool, Turn

SCOPE = "openinference.instrumentation.langchain"


def root(conversation: Conversation, exchange: Exchange) -> Said:
    return Said(
        conversation.app.agent,
        {
            "openinference.span.kind": "AGENT",
            "agent.name": conversation.app.agent,
            **_whose(conversation),
            "input.value": exchange.asked,
            "output.value": exchange.answered,
        },
    )


def turn(conversation: Conversation, turn: Turn) -> Said:
    answered = turn.failure is None
    usage = turn.usage
    system = Message("system", conversation.app.instructions)
    return Said(
        "ChatAnthropic",
        {
            "openinference.span.kind": "LLM",
            "llm.provider": provider_of(conversation, turn.model),
            "llm.model_name": turn.model,
            "session.id": conversation.session_id,
            **dict(_messages("llm.input_messages", [system, *turn.history])),
            **dict(_messages("llm.output_messages", [Message("assistant", turn.text, turn.tools)] if answered else [])),
            "llm.token_count.prompt": usage.input_tokens if answered else None,
            "llm.token_count.completion": usage.output_tokens if answered else None,
            "llm.token_count.prompt_details.cache_read": usage.cached_tokens if answered else None,
            "llm.finish_reason": turn.finish_reason if answered else None,
        },
        around=Said("model", {"openinference.span.kind": "CHAIN", "session.id": conversation.session_id}),
        first_token=("First Token Stream Event", {}),
    )


def tool(conversation: Conversation, tool: Tool) -> Said:
    return Said(
        tool.name,
        {
            "openinference.span.kind": "TOOL",
            "tool.name": tool.name,
            "tool_call.id": tool.id,
            "input.value": tool.arguments,
            "output.value": tool.result,
            "session.id": conversation.session_id,
        },
        around=Said("tools", {"openinference.span.kind": "CHAIN", "session.id": conversation.session_id}),
    )


def embedding(conversation: Conversation, lookup: Lookup) -> Said:
    return Said(
        "OpenAIEmbeddings",
        {
            "openinference.span.kind": "EMBEDDING",
            "embedding.model_name": conversation.app.embedding,
            "llm.provider": "openai",
            "llm.token_count.prompt": lookup.tokens,
            "input.value": lookup.query,
            "session.id": conversation.session_id,
        },
    )


def search(conversation: Conversation, lookup: Lookup) -> Said:
    documents = {f"retrieval.documents.{number}.document.content": text for number, text in enumerate(lookup.documents)}
    return Said(
        "VectorStoreRetriever",
        {
            "openinference.span.kind": "RETRIEVER",
            "input.value": lookup.query,
            "output.value": orjson.dumps(lookup.documents).decode(),
            "session.id": conversation.session_id,
            **documents,
        },
    )


def _whose(conversation: Conversation) -> dict[str, Any]:
    return {
        "session.id": conversation.session_id,
        "user.id": conversation.user_id,
        "tag.tags": list(conversation.tags),
        "metadata": orjson.dumps(conversation.metadata).decode(),
    }


def _messages(key: str, messages: Sequence[Message]) -> Iterator[tuple[str, Any]]:
    for number, message in enumerate(messages):
        head = f"{key}.{number}.message"
        yield f"{head}.role", message.role
        if message.text:
            yield f"{head}.content", message.text
        if message.answers is not None:
            yield f"{head}.tool_call_id", message.answers.id
        for place, tool in enumerate(message.calls):
            call = f"{head}.tool_calls.{place}.tool_call"
            yield f"{call}.id", tool.id
            yield f"{call}.function.name", tool.name
            yield f"{call}.function.arguments", tool.arguments
