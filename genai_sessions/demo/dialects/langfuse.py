"""Langfuse's SDK around OpenAI's: messages as OpenAI has them, usage as JSON."""

from typing import Any

import orjson

from genai_sessions.demo.dialects import Said
from genai_sessions.demo.story import Conversation, Exchange, Lookup, Message, Tool, Turn, Usage

SCOPE = "langfuse-sdk"


def root(conversation: Conversation, exchange: Exchange) -> Said:
    about = {f"langfuse.trace.metadata.{name}": value for name, value in conversation.metadata.items()}
    return Said(
        conversation.app.agent,
        {
            "langfuse.observation.type": "agent",
            "langfuse.trace.name": "coding task",
            "langfuse.trace.tags": list(conversation.tags),
            **about,
            "session.id": conversation.session_id,
            "user.id": conversation.user_id,
            "langfuse.observation.input": exchange.asked,
            "langfuse.observation.output": exchange.answered,
        },
    )


def turn(conversation: Conversation, turn: Turn) -> Said:
    system = {"role": "system", "content": conversation.app.instructions}
    values: dict[str, Any] = {
        "langfuse.observation.type": "generation",
        "langfuse.observation.model.name": turn.model,
        "langfuse.observation.input": _json([system, *map(_message, turn.history)]),
    }
    if turn.failure is None:
        values |= {
            "langfuse.observation.output": _json(_message(Message("assistant", turn.text, turn.tools))),
            "langfuse.observation.metadata.finish_reason": turn.finish_reason,
            "langfuse.observation.usage_details": _json(_usage(turn.usage)),
        }
    else:
        values |= {"langfuse.observation.level": "ERROR", "langfuse.observation.status_message": turn.failure.message}
    return Said("OpenAI-generation", values)


def tool(_: Conversation, tool: Tool) -> Said:
    about = {"langfuse.observation.type": "tool", "gen_ai.tool.call.id": tool.id}
    said = {"langfuse.observation.input": tool.arguments, "langfuse.observation.output": tool.result}
    return Said(tool.name, about | said)


def embedding(conversation: Conversation, lookup: Lookup) -> Said:
    return Said(
        "OpenAI-embedding",
        {
            "langfuse.observation.type": "embedding",
            "langfuse.observation.model.name": conversation.app.embedding,
            "langfuse.observation.input": lookup.query,
            "langfuse.observation.usage_details": _json({"input": lookup.tokens}),
        },
    )


def search(_: Conversation, lookup: Lookup) -> Said:
    said = {"langfuse.observation.input": lookup.query, "langfuse.observation.output": _json(lookup.documents)}
    return Said("search", {"langfuse.observation.type": "retriever", **said})


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }


def _message(message: Message) -> dict[str, Any]:
    if message.answers is not None:
        return {"role": "tool", "tool_call_id": message.answers.id, "content": message.text}
    calls = [
        {"id": tool.id, "type": "function", "function": {"name": tool.name, "arguments": tool.arguments}}
        for tool in message.calls
    ]
    said = {"role": message.role, "content": message.text}
    return {**said, "tool_calls": calls} if calls else said


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
