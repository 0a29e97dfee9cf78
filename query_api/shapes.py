"""What answers look like, for OpenAPI and for the test that holds them to it. Nothing is built from these: statements
already answer in this shape."""

from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, RootModel

T = TypeVar("T")
Time = str  # RFC 3339 in UTC, with nanoseconds
Status = Literal["ok", "error"]
Kind = Literal["llm", "embedding", "tool", "agent", "retrieval", "wrapper"]


class Shape(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Tokens(Shape):
    input_tokens: int
    output_tokens: int
    total_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    reasoning_tokens: int


class ScoreSummary(Shape):
    count: int
    mean: float | None
    labels: dict[str, int]


class ListedSession(Tokens):
    session_id: str
    project: str
    user_id: str | None
    user_ids: list[str]
    started_at: Time
    last_active_at: Time
    duration_ms: float
    active_ms: float
    traces: int
    spans: int
    turns: int
    tool_calls: int
    embeddings: int
    cost_usd: float | None
    unpriced_turns: int
    errors: int
    error_traces: int
    error_rate: float
    status: Status
    avg_turn_ms: float | None
    p95_turn_ms: float | None
    avg_trace_ms: float | None
    first_token_ms: float | None
    models: list[str]
    services: list[str]
    environments: list[str]
    tags: list[str]
    tools: list[str]
    agents: list[str]
    releases: list[str]
    prompts: list[str]
    metadata: dict[str, list[str]]
    more: dict[str, int] = Field(description="How many values were left out of a list of more than 100.")
    scores: dict[str, ScoreSummary]
    unpriced_usage: bool
    input_preview: str | None
    output_preview: str | None
    url: str

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "session_id": "conv-42", "project": "default", "user_id": "u-7", "user_ids": ["u-7"],
                    "started_at": "2026-11-20T12:00:00.000000000Z", "last_active_at": "2026-11-20T12:03:10.500000000Z",
                    "duration_ms": 190500.0, "active_ms": 14200.0, "traces": 3, "spans": 17, "turns": 4,
                    "tool_calls": 1, "embeddings": 0, "input_tokens": 619, "output_tokens": 69, "total_tokens": 688,
                    "cache_read_tokens": 224, "cache_write_tokens": 0, "reasoning_tokens": 11, "cost_usd": 0.0001342,
                    "unpriced_turns": 0, "errors": 1, "error_traces": 1, "error_rate": 0.3333333333333333,
                    "status": "error", "avg_turn_ms": 830.2, "p95_turn_ms": 1410.0, "avg_trace_ms": 4733.3,
                    "first_token_ms": 212.0, "models": ["gpt-4o-mini", "gpt-4o-mini-2024-07-18"],
                    "services": ["chatbot"], "environments": ["prod"], "tags": [], "tools": ["get_weather"],
                    "agents": [], "releases": ["1.4.2"], "prompts": [], "metadata": {"plan": ["pro"]}, "more": {},
                    "scores": {"helpful": {"count": 1, "mean": 1.0, "labels": {}}}, "unpriced_usage": False,
                    "input_preview": "What is the weather in Paris?", "output_preview": "It is rainy, 14C.",
                    "url": "/sessions/conv-42",
                }
            ]
        }
    )  # fmt: skip


class ListedTrace(Tokens):
    trace_id: str
    session_id: str | None
    name: str | None
    started_at: Time
    ended_at: Time
    duration_ms: float
    spans: int
    turns: int
    cost_usd: float | None
    errors: int
    status: Status
    models: list[str]
    input_preview: str | None
    output_preview: str | None


class WholeTrace(ListedTrace):
    session_ids: list[str]


class Call(Shape):
    span_id: str
    trace_id: str
    kind: Kind
    name: str | None
    model: str | None
    provider: str | None
    started_at: Time
    duration_ms: float
    first_token_ms: float | None
    input_tokens: int | None
    output_tokens: int | None
    total_tokens: int | None
    cache_read_tokens: int | None
    cache_write_tokens: int | None
    reasoning_tokens: int | None
    cost_usd: float | None
    cost_source: str | None
    status: Status
    error_type: str | None
    error_message: str | None
    finish_reasons: list[str]
    tool_name: str | None
    input_preview: str | None
    output_preview: str | None


class Event(Shape):
    at: Time
    name: str


class Link(Shape):
    trace_id: str
    span_id: str


class TracedSpan(Shape):
    span_id: str
    parent_span_id: str | None
    name: str | None
    kind: str
    call: Call | None
    started_at: Time
    ended_at: Time
    duration_ms: float
    status: Status
    status_message: str | None
    service: str | None
    scope: str | None
    depth: int
    merged_into: str | None = Field(description="The span that reports the same call, and counts.")
    attributes: dict[str, str] | None
    events: list[Event] | None
    links: list[Link] | None


class FullEvent(Event):
    attributes: dict[str, str]
    dropped_attributes: int


class FullLink(Link):
    trace_state: str
    attributes: dict[str, str]
    dropped_attributes: int


class FullSpan(TracedSpan):
    trace_id: str
    scope_version: str | None
    attributes: dict[str, str]
    resource_attributes: dict[str, str]
    scope_attributes: dict[str, str]
    events: list[FullEvent]  # type: ignore[assignment]
    links: list[FullLink]  # type: ignore[assignment]
    trace_state: str | None
    flags: int
    dropped_attributes: int
    dropped_events: int
    dropped_links: int
    flaws: list[str]
    session_id: str | None
    conversation_id: str | None
    resource_session_id: str | None
    session_key: str | None
    user_id: str | None
    user_key: str | None
    dialect: str | None
    operation: str | None
    price_source: str | None
    response_id: str | None
    tool_call_id: str | None
    agent_name: str | None
    prompt_name: str | None
    prompt_version: str | None
    release: str | None
    environment: str | None
    tags: list[str]
    metadata: dict[str, str]
    received_at: Time
    input_messages: Any
    output_messages: Any
    system_instructions: Any
    tool_definitions: Any
    tool_arguments: Any
    tool_result: Any


class MessageEntry(Shape):
    trace_id: str
    span_id: str
    started_at: Time
    messages: list[dict[str, Any]] = Field(description="What is new in this turn, in OpenTelemetry's GenAI form.")


class ListedUser(Tokens):
    user_id: str
    sessions: int
    traces: int
    turns: int
    cost_usd: float | None
    errors: int
    started_at: Time
    last_active_at: Time
    url: str


class Page(Shape, Generic[T]):
    items: list[T]
    next_cursor: str | None
    total: int | None
    as_of: Time


class Neighbour(Shape):
    session_id: str
    url: str


class Neighbours(Shape):
    previous: Neighbour | None
    next: Neighbour | None


class SessionDiagnostics(Shape):
    session_keys: list[str]
    inherited_spans: int
    duplicate_spans: int
    unpriced_turns: int
    unpriced_usage: bool
    unpriced_models: list[str]


class GivenScore(Shape):
    score_id: str
    name: str
    value: float | None
    label: str | None
    comment: str | None
    trace_id: str | None
    span_id: str | None
    scored_at: Time


class WholeSession(Shape):
    session: ListedSession
    traces: Page[ListedTrace]
    neighbours: Neighbours
    diagnostics: SessionDiagnostics
    scores: list[GivenScore]


class SessionView(RootModel[WholeSession | Page[Call] | Page[MessageEntry]]):
    """What `view` names."""


class TraceWithSpans(Shape):
    trace: WholeTrace
    spans: list[TracedSpan]
    next_cursor: str | None


class UserWithSessions(Shape):
    user: ListedUser
    sessions: Page[ListedSession]


class Spread(Shape):
    mean: float | None
    p50: float | None
    p90: float | None
    p95: float | None
    p99: float | None
    max: float | None


class Sums(Tokens):
    sessions: int
    traces: int
    turns: int
    users: int
    cost_usd: float | None
    unpriced_turns: int
    errors: int
    error_traces: int
    error_rate: float | None
    cost_per_session: Spread
    tokens_per_session: Spread
    turns_per_session: Spread
    duration_per_session: Spread = Field(description="Milliseconds, of whole sessions.")


class Group(Sums):
    key: dict[str, str | None]


class Aggregates(Shape):
    totals: Sums
    groups: list[Group]
    next_cursor: str | None
    as_of: Time


class Peers(Shape):
    peers: int
    p25: float | None
    p50: float | None
    p75: float | None
    fence: float | None


class Outlier(Shape):
    session_id: str | None = None
    user_id: str | None = None
    value: float
    url: str


class Outliers(Shape):
    kind: Literal["session", "user"]
    measure: Literal["tokens", "cost", "turns", "duration"]
    peers: Peers
    items: list[Outlier]
    as_of: Time


class FacetValue(Shape):
    value: str
    sessions: int


class Facets(Shape):
    models: list[FacetValue]
    services: list[FacetValue]
    environments: list[FacetValue]
    tags: list[FacetValue]
    tools: list[FacetValue]
    agents: list[FacetValue]
    releases: list[FacetValue]
    prompts: list[FacetValue]
    statuses: list[FacetValue]
    scores: list[FacetValue]
    metadata: list[FacetValue]
    metadata_values: list[FacetValue]


class ListedProject(Shape):
    project: str
    retention_days: int | None
    content_days: int | None
    content: Literal["on", "off", "truncated"]
    scopes: list[str]


class ListedProjects(Shape):
    items: list[ListedProject]
    next_cursor: None
    total: int


class SharedTrace(Shape):
    trace_id: str
    session_ids: list[str]


class UnpricedModel(Shape):
    model: str
    provider: str
    unpriced_turns: int
    turns: int


class Flaw(Shape):
    flaw: str
    spans: int


class SessionKey(Shape):
    session_key: str
    sessions: int


class SeenDialect(Shape):
    dialect: str
    spans: int


class QuarantinedTrace(Shape):
    trace_id: str
    reason: str
    since: Time


class Diagnostics(Shape):
    queued_changes: int
    lag_seconds: float
    traces: int
    spans: int
    turns: int
    traces_without_session: int
    spans_without_session: int
    traces_in_several_sessions: int
    traces_with_inherited_spans: int
    inherited_spans: int
    duplicate_spans: int
    suppressed_spans: int
    unpriced_turns: int
    traces_with_unpriced_usage: int
    shared_traces: list[SharedTrace]
    unpriced_models: list[UnpricedModel]
    flaws: list[Flaw]
    session_keys: list[SessionKey]
    dialects: list[SeenDialect]
    quarantined_traces: list[QuarantinedTrace]


class Counted(Shape):
    spans: int
    traces: int


class Deleted(Shape):
    deleted: Counted


class Given(Shape):
    id: str


class ProblemFault(Shape):
    field: str
    message: str
    position: int | None


class ProblemBody(Shape):
    type: str
    title: str
    status: int
    detail: str
    errors: list[ProblemFault]
