"""What happens in the demo, told without any dialect; and what it adds up to."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Failure:
    type: str
    message: str


@dataclass(frozen=True, slots=True)
class Tool:
    id: str
    name: str
    arguments: str  # JSON
    result: str
    duration_ms: float
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Lookup:
    """A question turned into numbers, and what was found by them."""

    query: str
    documents: tuple[str, ...]
    tokens: int
    embedding_ms: float
    search_ms: float


@dataclass(frozen=True, slots=True)
class Usage:
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0


class Message(NamedTuple):
    role: str
    text: str = ""
    calls: tuple[Tool, ...] = ()
    answers: Tool | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """One call of a model, and the tools it asks for."""

    id: str
    model: str
    history: tuple[Message, ...]
    text: str
    usage: Usage
    duration_ms: float
    first_token_ms: float | None = None
    tools: tuple[Tool, ...] = ()
    failure: Failure | None = None

    @property
    def finish_reason(self) -> str:
        return "tool_calls" if len(self.tools) > 0 else "stop"

    @property
    def tools_ms(self) -> float:
        """They are asked at once."""
        return max((tool.duration_ms for tool in self.tools), default=0.0)


@dataclass(frozen=True, slots=True)
class Score:
    """What a person, or a judge, thought of it."""

    name: str
    value: float | None = None
    label: str = ""
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Exchange:
    """What becomes one trace: from a question to its answer."""

    trace_id: int
    asked: str
    turns: tuple[Turn, ...]
    lookup: Lookup | None
    score: Score | None
    pause_ms: float
    """Before it: somebody reads, thinks and types."""

    @property
    def answered(self) -> str:
        return self.turns[-1].text

    @property
    def failure(self) -> Failure | None:
        return self.turns[-1].failure

    @property
    def failed_somewhere(self) -> bool:
        return any(turn.failure is not None or any(tool.failure for tool in turn.tools) for turn in self.turns)

    @property
    def duration_ms(self) -> float:
        looked_up = 0.0 if self.lookup is None else self.lookup.embedding_ms + self.lookup.search_ms
        return looked_up + sum(turn.duration_ms + turn.tools_ms for turn in self.turns)


@dataclass(frozen=True, slots=True)
class App:
    name: str
    dialect: str
    share: int
    agent: str
    models: tuple[str, ...]
    provider: str
    embedding: str
    releases: tuple[str, ...]
    environments: tuple[str, ...]
    tags: tuple[str, ...]
    plans: tuple[str, ...]
    instructions: str


@dataclass(frozen=True, slots=True)
class Conversation:
    session_id: str | None  # none: whoever wrote that app forgot it
    user_id: str
    app: App
    environment: str
    release: str
    tags: tuple[str, ...]
    metadata: dict[str, str]
    exchanges: tuple[Exchange, ...]
    ended_ago_ms: float


@dataclass(frozen=True, slots=True)
class Sum:
    """What was sent, of one session or of all: what the pages must say too."""

    traces: int = 0
    turns: int = 0
    tool_calls: int = 0
    embeddings: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    reasoning_tokens: int = 0
    errors: int = 0
    error_traces: int = 0

    def __add__(self, other: "Sum") -> "Sum":
        return Sum(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(Sum)))


def sum_of(exchanges: Iterable[Exchange]) -> Sum:
    return sum(map(_of_exchange, exchanges), Sum())


def _of_exchange(exchange: Exchange) -> Sum:
    embedded = 0 if exchange.lookup is None else exchange.lookup.tokens
    return Sum(
        traces=1,
        turns=len(exchange.turns),
        tool_calls=sum(len(turn.tools) for turn in exchange.turns),
        embeddings=0 if exchange.lookup is None else 1,
        input_tokens=embedded + sum(turn.usage.input_tokens for turn in exchange.turns),
        output_tokens=sum(turn.usage.output_tokens for turn in exchange.turns),
        cache_read_tokens=sum(turn.usage.cached_tokens for turn in exchange.turns),
        reasoning_tokens=sum(turn.usage.reasoning_tokens for turn in exchange.turns),
        errors=sum(turn.failure is not None for turn in exchange.turns),
        error_traces=int(exchange.failed_somewhere),
    )
