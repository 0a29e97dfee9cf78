"""The rows a fold makes: field names are columns of `session_traces`, times in nanoseconds, money in 1e-12 USD."""

from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeVar

from clickhouse.rollup.calls import Merged
from clickhouse.rollup.facts import NO_USAGE, Fact

V = TypeVar("V")


class CallRow(NamedTuple):
    """One element of the Nested column `calls`."""

    span_id: str
    kind: str
    name: str
    provider: str
    request_model: str
    response_model: str
    service: str
    user_id: str
    start_ns: int
    duration_ns: int
    first_token_ns: int | None
    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    cache_write_tokens: int | None
    reasoning_tokens: int | None
    cost_pico: int | None
    cost_source: str
    failed: bool
    error_type: str
    finish_reasons: list[str]
    tool_name: str
    members: list[str]  # span ids, outermost first; empty where it is one span

    @property
    def model(self) -> str:
        return self.response_model or self.request_model

    @property
    def usage(self) -> tuple[int | None, ...]:
        return self[11:16]

    @property
    def has_usage(self) -> bool:
        return self[11:16] != NO_USAGE


class SessionTrace(NamedTuple):
    session_id: str
    fingerprint: int
    name: str
    start_ns: int
    end_ns: int
    spans: int
    inherited_spans: int
    duplicate_spans: int
    turns: int
    tool_calls: int
    embeddings: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    reasoning_tokens: int
    cost_pico: int | None
    unpriced_turns: int
    unpriced_usage: bool
    errors: int
    failed: bool
    user_id: str
    user_since_ns: int
    user_ids: list[str]
    session_keys: list[str]
    models: list[str]
    requested_models: list[str]
    services: list[str]
    environments: list[str]
    tags: list[str]
    tools: list[str]
    agents: list[str]
    releases: list[str]
    prompts: list[str]
    metadata: list[tuple[str, str]]
    input_preview: str
    output_preview: str
    calls: list[CallRow]
    scores: list[tuple[str, float | None, str]]


_ZERO = SessionTrace(
    session_id="",
    fingerprint=0,
    name="",
    start_ns=0,
    end_ns=0,
    spans=0,
    inherited_spans=0,
    duplicate_spans=0,
    turns=0,
    tool_calls=0,
    embeddings=0,
    input_tokens=0,
    output_tokens=0,
    cache_read_tokens=0,
    cache_write_tokens=0,
    reasoning_tokens=0,
    cost_pico=None,
    unpriced_turns=0,
    unpriced_usage=False,
    errors=0,
    failed=False,
    user_id="",
    user_since_ns=0,
    user_ids=[],
    session_keys=[],
    models=[],
    requested_models=[],
    services=[],
    environments=[],
    tags=[],
    tools=[],
    agents=[],
    releases=[],
    prompts=[],
    metadata=[],
    input_preview="",
    output_preview="",
    calls=[],
    scores=[],
)


def zero_row(session_id: str) -> SessionTrace:
    """Nothing of the trace belongs here (any more)."""
    return _ZERO._replace(session_id=session_id)


def call_row(kind: str, call: Merged, users: dict[str, str], *, counts: bool) -> CallRow:
    """Usage and cost stand only on calls that count, so that a sum over calls is a sum over the session."""
    first, members = call.outermost, call.members
    usage = _usage(members) if counts else NO_USAGE
    cost_pico, cost_source = _cost(call) if counts else (None, "")
    return CallRow(
        span_id=first.span_id,
        kind=kind,
        name=first.name,
        provider=_filled(members, lambda span: span.provider),
        request_model=_filled(members, lambda span: span.request_model),
        response_model=_filled(members, lambda span: span.response_model),
        service=first.service,
        user_id=users.get(first.span_id, ""),
        start_ns=first.start_ns,
        duration_ns=max(0, first.end_ns - first.start_ns),
        first_token_ns=_known(span.first_token_ns for span in members),
        input_tokens=usage[0],
        output_tokens=usage[1],
        cache_read_tokens=usage[2],
        cache_write_tokens=usage[3],
        reasoning_tokens=usage[4],
        cost_pico=cost_pico,
        cost_source=cost_source,
        failed=call.failed,
        error_type=_filled(members, lambda span: span.error_type),
        finish_reasons=_filled(members, lambda span: span.finish_reasons),
        tool_name=_filled(members, lambda span: span.tool_name),
        members=[span.span_id for span in members] if len(members) > 1 else [],
    )


def _filled(members: tuple[Fact, ...], field: Callable[[Fact], V]) -> V:
    """The outermost's, else the next one's that is not empty."""
    first = field(members[0])
    if first or len(members) == 1:
        return first
    return next((value for value in map(field, members) if value), first)


def _known(numbers: Iterable[int | None]) -> int | None:
    """Likewise for numbers, where 0 is known."""
    return next((number for number in numbers if number is not None), None)


def _usage(members: tuple[Fact, ...]) -> tuple[int | None, ...]:
    if len(members) == 1:
        return members[0].usage
    return tuple(_known(numbers) for numbers in zip(*(span.usage for span in members), strict=True))


def _cost(call: Merged) -> tuple[int | None, str]:
    """What an SDK reports goes before what we computed."""
    priced = [span for span in call.members if span.cost_pico is not None]
    best = next((span for span in priced if span.cost_source == "reported"), priced[0] if priced else call.outermost)
    return best.cost_pico, best.cost_source


def trace_row(
    *,
    session_id: str,
    name: str,
    spans: list[Fact],
    outermost: list[Fact],
    calls: list[CallRow],
    turns: list[Merged],
    unpriced_usage: bool,
    users: dict[str, str],
    inherited: int,
    duplicates: int,
    scores: list[tuple[str, float | None, str]],
) -> SessionTrace:
    llm = [call for call in calls if call.kind == "llm"]
    modelled = [call for call in calls if call.kind in ("llm", "embedding") or call.has_usage]
    costs = [call.cost_pico for call in calls if call.cost_pico is not None]
    usage = used(calls)
    user = next((span for span in spans if span.span_id in users), None)
    return SessionTrace(
        session_id=session_id,
        fingerprint=0,
        name=name,
        start_ns=spans[0].start_ns,
        end_ns=max(span.end_ns for span in spans),
        spans=len(spans),
        inherited_spans=inherited,
        duplicate_spans=duplicates,
        turns=len(llm),
        tool_calls=sum(call.kind == "tool" for call in calls),
        embeddings=sum(call.kind == "embedding" for call in calls),
        input_tokens=usage[0],
        output_tokens=usage[1],
        cache_read_tokens=usage[2],
        cache_write_tokens=usage[3],
        reasoning_tokens=usage[4],
        cost_pico=sum(costs) if costs else None,
        unpriced_turns=unpriced(llm),
        unpriced_usage=unpriced_usage,
        errors=sum(call.failed for call in llm),
        failed=any(span.failed for span in spans),
        user_id=users[user.span_id] if user is not None else "",
        user_since_ns=user.start_ns if user is not None else 0,
        user_ids=_distinct(users.get(span.span_id, "") for span in spans),
        session_keys=_distinct(span.session_key for span in spans),
        models=_distinct(call.model for call in modelled),
        requested_models=_distinct(call.request_model for call in modelled),
        services=_distinct(span.service for span in spans),
        environments=_distinct(span.environment for span in spans),
        tags=_distinct(tag for span in spans for tag in span.tags),
        tools=_distinct(call.tool_name for call in calls if call.kind == "tool"),
        agents=_distinct(span.agent_name for span in spans),
        releases=_distinct(span.release for span in spans),
        prompts=_distinct(span.prompt_name for span in spans),
        metadata=sorted({pair for span in spans if span.metadata for pair in span.metadata.items()}, key=_pair_bytes),
        input_preview=_input_preview(turns, outermost),
        output_preview=_output_preview(turns, outermost),
        calls=calls,
        scores=scores,
    )


def used(calls: Iterable[CallRow]) -> list[int]:
    """What they used in all: the five numbers, unknown ones left out."""
    return [sum(filter(None, numbers)) for numbers in zip(NO_USAGE, *(call.usage for call in calls), strict=True)]


def unpriced(turns: Iterable[CallRow]) -> int:
    """Those whose cost nobody knows, but for failed ones without usage: they cost nothing."""
    return sum(call.cost_pico is None and (call.has_usage or not call.failed) for call in turns)


def _distinct(values: Iterable[str]) -> list[str]:
    """Sorted by bytes, as the database sorts."""
    found = set(values)
    found.discard("")
    return sorted(found, key=str.encode) if len(found) > 1 else list(found)


def _pair_bytes(pair: tuple[str, str]) -> tuple[bytes, bytes]:
    return pair[0].encode(), pair[1].encode()


def _input_preview(turns: list[Merged], outermost: list[Fact]) -> str:
    """What the user said first: of the earliest turn, else what the outermost spans were given."""
    if turns:
        earliest = min(turns, key=lambda turn: turn.outermost.order)
        if said := _filled(earliest.members, lambda span: span.input_preview):
            return said
    return next((span.input_preview for span in outermost if span.input_preview), "")


def _output_preview(turns: list[Merged], outermost: list[Fact]) -> str:
    """What was answered last: of the latest turn that has text, else what the outermost spans returned."""
    for turn in sorted(turns, key=lambda turn: turn.outermost.order, reverse=True):
        if said := _filled(turn.members, lambda span: span.output_preview):
            return said
    return next((span.output_preview for span in outermost if span.output_preview), "")
