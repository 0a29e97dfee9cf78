"""Vercel's AI SDK 6: one outer span that repeats everything, and one for each step inside."""

from typing import Any

import orjson

from genai_sessions.demo.dialects import Said
from genai_sessions.demo.story import Conversation, Exchange, Lookup, Message, Tool, Turn

SCOPE = "ai"


def root(conversation: Conversation, exchange: Exchange) -> Said:
    asked = {"system": conversation.app.instructions, "messages": [{"role": "user", "content": exchange.asked}]}
    answered = exchange.failure is None
    return Said(
        "ai.streamText",
        {
            **_every("ai.streamText", conversation),
            "ai.model.id": exchange.turns[-1].model,
            "ai.prompt": _json(asked),
            "ai.response.text": exchange.answered if answered else None,
            "ai.response.finishReason": "stop" if answered else None,
            "ai.usage.inputTokens": sum(turn.usage.input_tokens for turn in exchange.turns) if answered else None,
            "ai.usage.outputTokens": sum(turn.usage.output_tokens for turn in exchange.turns) if answered else None,
        },
    )


def turn(conversation: Conversation, turn: Turn) -> Said:
    usage = turn.usage
    answered: dict[str, Any] = {
        "ai.response.model": turn.model,
        "ai.response.id": turn.id,
        "ai.response.finishReason": turn.finish_reason.replace("_", "-"),
        "ai.response.text": turn.text,
        "ai.response.toolCalls": _json([_call(tool) | {"type": None} for tool in turn.tools]) if turn.tools else None,
        "ai.response.msToFirstChunk": turn.first_token_ms,
        "ai.response.msToFinish": turn.duration_ms,
        "ai.usage.inputTokens": usage.input_tokens,
        "ai.usage.outputTokens": usage.output_tokens,
        "ai.usage.totalTokens": usage.input_tokens + usage.output_tokens,
        "ai.usage.inputTokenDetails.noCacheTokens": usage.input_tokens - usage.cached_tokens,
        "ai.usage.inputTokenDetails.cacheReadTokens": usage.cached_tokens,
    }
    system = {"role": "system", "content": conversation.app.instructions}
    return Said(
        "ai.streamText.doStream",
        {
            **_every("ai.streamText.doStream", conversation),
            "ai.model.id": turn.model,
            "ai.prompt.messages": _json([system, *map(_message, turn.history)]),
            **(answered if turn.failure is None else {}),
        },
        first_token=("ai.stream.firstChunk", {"ai.response.msToFirstChunk": turn.first_token_ms}),
    )


def tool(conversation: Conversation, tool: Tool) -> Said:
    return Said(
        "ai.toolCall",
        {
            **_every("ai.toolCall", conversation),
            "ai.toolCall.name": tool.name,
            "ai.toolCall.id": tool.id,
            "ai.toolCall.args": tool.arguments,
            "ai.toolCall.result": _json(tool.result),
        },
    )


def embedding(conversation: Conversation, lookup: Lookup) -> Said:
    values = {"ai.model.id": conversation.app.embedding, "ai.usage.tokens": lookup.tokens}
    return Said(
        "ai.embed.doEmbed",
        {**_every("ai.embed.doEmbed", conversation), **values, "ai.values": [_json(lookup.query)]},
        around=Said("ai.embed", {**_every("ai.embed", conversation), **values, "ai.value": _json(lookup.query)}),
    )


def search(_: Conversation, lookup: Lookup) -> Said:
    """The SDK knows none; this is what an app would add by hand."""
    asked, found = {"openinference.span.kind": "RETRIEVER", "input.value": lookup.query}, _json(lookup.documents)
    return Said("search", {**asked, "output.value": found})


def _every(operation: str, conversation: Conversation) -> dict[str, Any]:
    about = {f"ai.telemetry.metadata.{name}": value for name, value in conversation.metadata.items()}
    return {
        "operation.name": f"{operation} {conversation.app.agent}",
        "ai.operationId": operation,
        "ai.model.provider": f"{conversation.app.provider}.responses",
        "ai.telemetry.functionId": conversation.app.agent,
        "ai.telemetry.metadata.sessionId": conversation.session_id,
        "ai.telemetry.metadata.userId": conversation.user_id,
        "ai.telemetry.metadata.tags": list(conversation.tags),
        **about,
    }


def _message(message: Message) -> dict[str, Any]:
    if message.answers is not None:
        output = {"type": "text", "value": message.text}
        answer = {"type": "tool-result", "toolCallId": message.answers.id, "toolName": message.answers.name}
        return {"role": "tool", "content": [{**answer, "output": output}]}
    text = [{"type": "text", "text": message.text}] if message.text else []
    return {"role": message.role, "content": [*text, *map(_call, message.calls)]}


def _call(tool: Tool) -> dict[str, Any]:
    arguments = orjson.loads(tool.arguments)
    return {"type": "tool-call", "toolCallId": tool.id, "toolName": tool.name, "input": arguments}


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
