"""The names of OpenTelemetry itself."""

from typing import Any

import orjson

from genai_sessions.demo.dialects import Said, provider_of
from genai_sessions.demo.story import Conversation, Exchange, Lookup, Message, Tool, Turn

SCOPE = "opentelemetry.instrumentation.genai.openai"


def root(conversation: Conversation, exchange: Exchange) -> Said:
    metadata = {f"langfuse.trace.metadata.{name}": value for name, value in conversation.metadata.items()}
    return Said(
        f"invoke_agent {conversation.app.agent}",
        {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.name": conversation.app.agent,
            "session.id": conversation.session_id,
            "gen_ai.conversation.id": conversation.session_id,
            "user.id": conversation.user_id,
            "tag.tags": list(conversation.tags),
            **metadata,
            "gen_ai.input.messages": _json([_message(Message("user", exchange.asked))]),
            "gen_ai.output.messages": _json([_message(Message("assistant", exchange.answered))]),
        },
    )


def turn(conversation: Conversation, turn: Turn) -> Said:
    answered = turn.failure is None
    usage = turn.usage
    return Said(
        f"chat {turn.model}",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": provider_of(conversation, turn.model),
            "gen_ai.request.model": turn.model,
            "gen_ai.response.model": turn.model if answered else None,
            "gen_ai.response.id": turn.id if answered else None,
            "gen_ai.response.finish_reasons": [turn.finish_reason] if answered else None,
            "gen_ai.response.time_to_first_chunk": None if turn.first_token_ms is None else turn.first_token_ms / 1000,
            "gen_ai.usage.input_tokens": usage.input_tokens if answered else None,
            "gen_ai.usage.output_tokens": usage.output_tokens if answered else None,
            "gen_ai.usage.cache_read.input_tokens": usage.cached_tokens if answered else None,
            "gen_ai.system_instructions": _json([{"type": "text", "content": conversation.app.instructions}]),
            "gen_ai.input.messages": _json([_message(message) for message in turn.history]),
            "gen_ai.output.messages": _json([_message(Message("assistant", turn.text, turn.tools))])
            if answered
            else None,
        },
        client=True,
    )


def tool(_: Conversation, tool: Tool) -> Said:
    return Said(
        f"execute_tool {tool.name}",
        {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": tool.name,
            "gen_ai.tool.call.id": tool.id,
            "gen_ai.tool.call.arguments": tool.arguments,
            "gen_ai.tool.call.result": tool.result,
        },
    )


def embedding(conversation: Conversation, lookup: Lookup) -> Said:
    model = conversation.app.embedding
    values = {"gen_ai.operation.name": "embeddings", "gen_ai.provider.name": "openai", "gen_ai.request.model": model}
    return Said(f"embeddings {model}", values | {"gen_ai.usage.input_tokens": lookup.tokens}, client=True)


def search(_: Conversation, lookup: Lookup) -> Said:
    return Said(
        "retrieval knowledge-base",
        {
            "gen_ai.operation.name": "retrieval",
            "gen_ai.retrieval.query.text": lookup.query,
            "gen_ai.retrieval.documents": _json(
                [{"id": str(number), "content": text} for number, text in enumerate(lookup.documents)]
            ),
        },
        client=True,
    )


def _message(message: Message) -> dict[str, Any]:
    parts: list[dict[str, Any]] = []
    if message.answers is not None:
        return {"role": "tool", "parts": [_answer(message.answers)]}
    if message.text:
        parts.append({"type": "text", "content": message.text})
    parts += [
        {"type": "tool_call", "id": tool.id, "name": tool.name, "arguments": orjson.loads(tool.arguments)}
        for tool in message.calls
    ]
    return {"role": message.role, "parts": parts}


def _answer(tool: Tool) -> dict[str, Any]:
    return {"type": "tool_call_response", "id": tool.id, "response": tool.result}


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
