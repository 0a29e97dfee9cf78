"""OpenLLMetry before it knew OpenTelemetry's messages: workflows, tasks, and prompts taken apart."""

from collections.abc import Iterator
from itertools import chain, starmap
from typing import Any

import orjson

from genai_sessions.demo.dialects import Said, provider_of
from genai_sessions.demo.story import Conversation, Exchange, Lookup, Message, Tool, Turn

SCOPE = "opentelemetry.instrumentation.google_generativeai"


def root(conversation: Conversation, exchange: Exchange) -> Said:
    return Said(
        f"{conversation.app.agent}.workflow",
        {
            **_every(conversation),
            "traceloop.span.kind": "workflow",
            "traceloop.entity.name": conversation.app.agent,
            "traceloop.entity.input": _json({"args": [exchange.asked], "kwargs": {}}),
            "traceloop.entity.output": _json(exchange.answered),
        },
    )


def turn(conversation: Conversation, turn: Turn) -> Said:
    usage, answered = turn.usage, turn.failure is None
    system = Message("system", conversation.app.instructions)
    said = [Message("assistant", turn.text, turn.tools)] if answered else []
    return Said(
        "gemini.chat",
        {
            **_every(conversation),
            "llm.request.type": "chat",
            "gen_ai.system": provider_of(conversation, turn.model),
            "gen_ai.request.model": turn.model,
            "gen_ai.response.model": turn.model if answered else None,
            "gen_ai.usage.prompt_tokens": usage.input_tokens if answered else None,
            "gen_ai.usage.completion_tokens": usage.output_tokens if answered else None,
            "gen_ai.usage.cache_read_input_tokens": usage.cached_tokens if answered else None,
            "llm.usage.total_tokens": usage.input_tokens + usage.output_tokens if answered else None,
            **dict(chain.from_iterable(starmap(_prompt, enumerate([system, *turn.history])))),
            **{f"gen_ai.completion.{number}.content": one.text for number, one in enumerate(said)},
            **{f"gen_ai.completion.{number}.role": one.role for number, one in enumerate(said)},
        },
        client=True,
        around=_task("answer", conversation),
        first_token=("llm.content.completion.chunk", {}),
    )


def tool(conversation: Conversation, tool: Tool) -> Said:
    return Said(
        f"{tool.name}.tool",
        {
            **_every(conversation),
            "traceloop.span.kind": "tool",
            "traceloop.entity.name": tool.name,
            "traceloop.entity.input": tool.arguments,
            "traceloop.entity.output": _json(tool.result),
        },
    )


def embedding(conversation: Conversation, lookup: Lookup) -> Said:
    return Said(
        "openai.embeddings",
        {
            **_every(conversation),
            "llm.request.type": "embedding",
            "gen_ai.system": "openai",
            "gen_ai.request.model": conversation.app.embedding,
            "gen_ai.usage.prompt_tokens": lookup.tokens,
            "gen_ai.prompt.0.content": lookup.query,
        },
        client=True,
        around=_task("embed", conversation),
    )


def search(conversation: Conversation, lookup: Lookup) -> Said:
    """The rows of a vector store are no call of their own here."""
    said = {
        "traceloop.entity.input": _json({"query": lookup.query}),
        "traceloop.entity.output": _json(lookup.documents),
    }
    task = _task("search", conversation)
    return Said(task.name, {**task.attributes, **said})


def _task(name: str, conversation: Conversation) -> Said:
    return Said(
        f"{name}.task",
        {**_every(conversation), "traceloop.span.kind": "task", "traceloop.entity.name": name},
    )


def _every(conversation: Conversation) -> dict[str, Any]:
    head = "traceloop.association.properties"
    about = {f"{head}.{name}": value for name, value in conversation.metadata.items()}
    return {
        "traceloop.workflow.name": conversation.app.agent,
        f"{head}.session_id": conversation.session_id,
        f"{head}.user_id": conversation.user_id,
        f"{head}.tags": list(conversation.tags),
        **about,
    }


def _prompt(number: int, message: Message) -> Iterator[tuple[str, Any]]:
    head = f"gen_ai.prompt.{number}"
    yield f"{head}.role", message.role
    if message.text:
        yield f"{head}.content", message.text
    if message.answers is not None:
        yield f"{head}.tool_call_id", message.answers.id
    for place, tool in enumerate(message.calls):
        yield f"{head}.tool_calls.{place}.id", tool.id
        yield f"{head}.tool_calls.{place}.name", tool.name
        yield f"{head}.tool_calls.{place}.arguments", tool.arguments


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
