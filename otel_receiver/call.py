"""A call: what a dialect read from one span. Every number means what SEMANTICS says; absent is None, never 0."""

from decimal import Decimal
from typing import Literal, NamedTuple

CallKind = Literal["", "llm", "embedding", "tool", "agent", "retrieval"]
"""Empty is a span that is no call: a workflow, an HTTP request, a wrapper."""


class Usage(NamedTuple):
    """Tokens of one call. `input_tokens` includes cached ones; the rest are parts of it or of the output."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None


class Ids(NamedTuple):
    """Whom a span belongs to, as it says itself. The normaliser has been applied; None is absent."""

    session_id: str | None = None  # explicit: session.id and its dialect equivalents
    conversation_id: str | None = None  # gen_ai.conversation.id and its like
    resource_session_id: str | None = None  # session.id on the resource
    session_key: str = ""  # the attribute key that won (of the three, in this order)
    user_id: str | None = None  # explicit: user.id and its dialect equivalents
    resource_user_id: str | None = None  # user.id on the resource
    user_key: str = ""


class Content(NamedTuple):
    """Messages in the OTel GenAI JSON form, as JSON text; empty where the span carries none."""

    input_messages: str = ""
    output_messages: str = ""
    system_instructions: str = ""
    tool_definitions: str = ""
    tool_arguments: str = ""
    tool_result: str = ""
    input_preview: str = ""  # an LLM call: its last user message; else the span's input. Cut when kept
    output_preview: str = ""  # an LLM call: the assistant's text; else the span's output. Cut when kept


class Score(NamedTuple):
    """An evaluation of a call, from `gen_ai.evaluation.result`: a number or a label."""

    name: str
    value: float | None = None
    label: str = ""
    comment: str = ""
    at_ns: int = 0


class Call(NamedTuple):
    kind: CallKind = ""
    dialect: str = ""  # the dialect file that decided the kind; empty when none did
    operation: str = ""  # as the SDK names it (chat, execute_tool, ai.generateText.doGenerate)
    provider: str = ""
    request_model: str = ""
    response_model: str = ""
    response_id: str = ""
    usage: Usage = Usage()
    reported_cost_usd: Decimal | None = None  # 0 beside tokens counts as absent
    first_token_ns: int | None = None  # time to first token, a duration
    finish_reasons: tuple[str, ...] = ()
    failed: bool = False  # status ERROR that is not a pause (GraphInterrupt, NodeInterrupt); any span, not calls only
    error_type: str = ""
    error_message: str = ""
    tool_name: str = ""
    tool_call_id: str = ""
    agent_name: str = ""
    prompt_name: str = ""
    prompt_version: str = ""
    release: str = ""
    environment: str = ""
    tags: tuple[str, ...] = ()
    metadata: tuple[tuple[str, str], ...] = ()  # distinct pairs
    ids: Ids = Ids()
    content: Content = Content()
    consumed: frozenset[str] = frozenset()  # attribute keys whose content stands, whole, in `content`: not stored twice
    consumed_events: frozenset[int] = frozenset()  # indices of span events, likewise
    scores: tuple[Score, ...] = ()
    flaws: tuple[str, ...] = ()  # what was rejected or could not be parsed (usage_negative, messages_unparsed, ...)
