"""The query parameters of the lists, as OpenAPI shows them, and the filter that they come to."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from http import HTTPStatus
from typing import Annotated, Literal, ParamSpec, TypeVar

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from clickhouse.ids import normal_id
from query_api.db import Reader
from query_api.filters import MAX_TEXTS, Active, Filter, OneOf, Term, Within
from query_api.numbers import at_least, at_most
from query_api.paging import MAX_LIMIT
from query_api.problems import Problem, bad_input
from query_api.scanning import SearchMistake
from query_api.search import MAX_SEARCH_CHARACTERS, parse_search, score_term
from query_api.times import NotATime, parse_instant_ns, parse_length_ns, parse_zone

P = ParamSpec("P")
V = TypeVar("V")

MAX_VALUES = 100
"""Of one parameter: what a person ticks in a list, or a script looks up at once."""
MAX_CHARACTERS = 8_192
"""Of one value; ids are cut by their normaliser, nothing else that is stored and filtered is longer."""

Text = Annotated[str, Field(max_length=MAX_CHARACTERS)]
Texts = Annotated[list[Text], Field(max_length=MAX_VALUES)]
Count = Annotated[int, Field(ge=0, le=1 << 53)]
Money = Annotated[Decimal, Field(ge=0, le=10**12, max_digits=30, decimal_places=12)]

SessionSort = Literal[
    "last_active_at", "started_at", "duration_ms", "active_ms", "traces", "spans", "turns", "tool_calls", "embeddings",
    "input_tokens", "output_tokens", "total_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens",
    "cost_usd", "unpriced_turns", "errors", "error_traces", "error_rate", "avg_turn_ms", "p95_turn_ms", "avg_trace_ms",
    "first_token_ms",
]  # fmt: skip

TraceSort = Literal[
    "started_at", "ended_at", "duration_ms", "spans", "turns", "input_tokens", "output_tokens", "total_tokens",
    "cache_read_tokens", "cache_write_tokens", "reasoning_tokens", "cost_usd", "errors",
]  # fmt: skip

UserSort = Literal[
    "last_active_at", "started_at", "sessions", "traces", "turns", "input_tokens", "output_tokens", "total_tokens",
    "cache_read_tokens", "cache_write_tokens", "reasoning_tokens", "cost_usd", "errors",
]  # fmt: skip


class ProjectQuery(BaseModel):
    """Unknown parameters are refused by name, so that a typo never silently widens a query."""

    model_config = ConfigDict(extra="forbid")

    project: Text | None = Field(None, description="One of the key's projects; default: its first.")


class SubjectQuery(ProjectQuery):
    """For ids that do not survive in a path."""

    id: Text


class PageQuery(ProjectQuery):
    limit: int = Field(50, ge=1, le=MAX_LIMIT)
    cursor: str | None = Field(None, description="`next_cursor` of the page before.")


class FilterQuery(ProjectQuery):
    model_config = ConfigDict(extra="allow")  # metadata.<key> and score.<name>; anything else is refused below

    from_: Text | None = Field(
        None, alias="from", description="Active at or after: RFC 3339, or how long ago.", examples=["24h"]
    )
    to: Text | None = Field(None, description="Started before.", examples=["2026-11-21T00:00:00Z"])
    tz: Text = Field("UTC", description="Where days begin.", examples=["Europe/Berlin"])
    session_id: Texts = []
    session_id_prefix: Texts = []
    user_id: Texts = []
    status: Annotated[list[Literal["ok", "error"]], Field(max_length=2)] = []
    min_turns: Count | None = None
    max_turns: Count | None = None
    min_cost: Money | None = Field(None, description="US dollars.", examples=["0.50"])
    max_cost: Money | None = None
    min_tokens: Count | None = None
    max_tokens: Count | None = None
    min_duration: Text | None = Field(None, description="`5m`, `1.5s`, or milliseconds.", examples=["5m"])
    max_duration: Text | None = None
    model: Texts = Field([], description="As requested or as answered.")
    service: Texts = []
    environment: Texts = []
    tag: Texts = []
    tool: Texts = []
    agent: Texts = []
    release: Texts = []
    prompt: Texts = []
    text: Texts = Field([], description="Said in inputs or outputs, in any case of letters. Needs the scope content.")
    q: str | None = Field(
        None,
        max_length=MAX_SEARCH_CHARACTERS,
        description="Words and key:value pairs, all of which must hold.",
        examples=['status:error cost:>0.50 -model:gpt-4o since:24h "free words"'],
    )

    def filter(self, now_ns: int) -> Filter:
        return Filter(tuple(self._terms(now_ns)))

    def _terms(self, now_ns: int) -> Iterator[Term]:
        yield from self._times(now_ns)
        yield from self._lists()
        yield from self._ranges()
        yield from self._named()
        yield from self._searched(now_ns)

    def _times(self, now_ns: int) -> Iterator[Term]:
        zone = parse("tz", parse_zone, self.tz)
        if self.from_ is not None:
            yield Active(from_ns=parse("from", parse_instant_ns, self.from_, now_ns, zone))
        if self.to is not None:
            yield Active(to_ns=parse("to", parse_instant_ns, self.to, now_ns, zone))

    def _lists(self) -> Iterator[Term]:
        for key, values in (("session", self.session_id), ("user", self.user_id)):
            if len(values) > 0:
                yield OneOf(key, tuple(normal_id(value) or "" for value in values))
        if len(self.session_id_prefix) > 0:
            yield OneOf("prefix", tuple(self.session_id_prefix))
        for key in ("status", "model", "service", "environment", "tag", "tool", "agent", "release", "prompt", "text"):
            if len(values := getattr(self, key)) > 0:
                yield OneOf(key, tuple(values))

    def _ranges(self) -> Iterator[Term]:
        for key in ("turns", "tokens", "cost", "duration"):
            low, high = (self._bound(f"{end}_{key}") for end in ("min", "max"))
            if low is not None:
                yield Within(key, at_least(low))
            if high is not None:
                yield Within(key, at_most(high))

    def _bound(self, name: str) -> int | None:
        """In the smallest unit."""
        value: int | Decimal | str | None = getattr(self, name)
        if isinstance(value, Decimal):
            return int(value.scaleb(12))
        return parse(name, parse_length_ns, value) if isinstance(value, str) else value

    def _named(self) -> Iterator[Term]:
        for name, sent in (self.model_extra or {}).items():
            kind, _, key = name.partition(".")
            values = sent if isinstance(sent, list) else [sent]
            if kind not in ("metadata", "score") or key == "":
                raise bad_input(name, "there is no such parameter")
            if len(values) > MAX_VALUES:
                raise bad_input(name, f"at most {MAX_VALUES} values may be named")
            yield _scores(name, key, values) if kind == "score" else OneOf("metadata", tuple((key, v) for v in values))

    def _searched(self, now_ns: int) -> Iterator[Term]:
        if self.q is None:
            return
        try:
            yield from parse_search(self.q, now_ns, parse("tz", parse_zone, self.tz))
        except SearchMistake as error:
            raise bad_input("q", f"{error} (at character {error.position})", error.position) from None


class UsersQuery(FilterQuery, PageQuery):
    model_config = ConfigDict(extra="allow")

    sort: UserSort = "last_active_at"
    order: Literal["asc", "desc"] = "desc"


class TracesQuery(FilterQuery, PageQuery):
    model_config = ConfigDict(extra="allow")

    sort: TraceSort = "started_at"
    order: Literal["asc", "desc"] = "desc"


class SessionsQuery(FilterQuery, PageQuery):
    model_config = ConfigDict(extra="allow")

    sort: SessionSort = "last_active_at"
    order: Literal["asc", "desc"] = "desc"


def allowed_filter(query: FilterQuery, now_ns: int, reader: Reader) -> Filter:
    """Who may not read content may not search it: what was said could be guessed from what is found."""
    chosen = query.filter(now_ns)
    if chosen.needs_content and not reader.content:
        raise Problem(HTTPStatus.FORBIDDEN, 'Searching what was said needs a key with the scope "content".')
    if len(chosen.texts) > MAX_TEXTS:
        raise bad_input("text", f"at most {MAX_TEXTS} different texts are searched for at once")
    for text in chosen.texts:
        if not any(character.isalnum() or not character.isascii() for character in text):
            raise bad_input("text", "a text to search for has a letter or a digit")
    return chosen


def _scores(name: str, key: str, values: list[str]) -> Term:
    """A comparison stands alone; labels may be several."""
    terms = [score_term(key, value) for value in values]
    if len(terms) == 1:
        return terms[0]
    if not all(isinstance(term, OneOf) for term in terms):
        raise bad_input(name, "a comparison stands alone")
    return OneOf("label", tuple((key, value) for value in values))


def only_project(_: Annotated[ProjectQuery, Query()]) -> None:
    """For routes that take no other parameter."""


def parse(field: str, parser: Callable[P, V], *arguments: P.args, **named: P.kwargs) -> V:
    try:
        return parser(*arguments, **named)
    except NotATime as error:
        raise bad_input(field, str(error)) from None
