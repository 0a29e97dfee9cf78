"""Histories that try to break a rollup: what SDKs send on bad days, in any order, any number of times.

A row is a dict by the columns of `spans`; what is left out has the column's default. Ids come from small pools, so that
they collide; times from small grids around the boundaries of hours, days and months, so that they tie.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any, TypeAlias

from hypothesis import strategies as st

from tests.oracle import Tombstone

Row: TypeAlias = dict[str, Any]
Menu: TypeAlias = Mapping[str, Sequence[Any]]
"""Columns, and the values each may have; the plainest first."""

SECOND_NS = 1_000_000_000
NOW_NS = time.time_ns() // SECOND_NS * SECOND_NS
"""Nothing lies after it."""

PROJECTS = ("one", "two")
TRACES = tuple(f"{number:032x}" for number in range(1, 5))
SPANS = tuple(f"{number:016x}" for number in range(1, 100))
NEVER_SENT = "f" * 16
SESSIONS = ("chat", "chat/2 ?#%&", "späte Nacht 🌙")
USERS = ("ada", "bob")

# How a trace says whose it is: which columns its root, and which its other spans, may carry.
SESSION_HABITS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "nowhere": ((), ()),
    "everywhere": (("session_id",), ("session_id",)),
    "on the root": (("session_id",), ()),
    "on a child": ((), ("session_id",)),
    "conversation": (("conversation_id",), ("conversation_id",)),
    "conversation inside a session": (("session_id",), ("conversation_id",)),
    "resource": (("resource_session_id",), ("resource_session_id",)),
    "header": (("default_session_id",), ("default_session_id",)),
    "resource and header": (("default_session_id",), ("resource_session_id", "default_session_id")),
    "anyhow": (
        ("session_id", "conversation_id", "resource_session_id", "default_session_id"),
        ("session_id", "conversation_id", "resource_session_id", "default_session_id"),
    ),
}
SESSION_KEYS = ("session.id", "gen_ai.conversation.id", "langfuse.session.id")

# Known traps as small trees: (number of the parent within the shape, or None; what is fixed). The rest is drawn.
Shape: TypeAlias = tuple[tuple[int | None, Row], ...]
ANY: Row = {}
LLM: Row = {"call_kind": "llm"}
EMBEDDING: Row = {"call_kind": "embedding"}
AGENT: Row = {"call_kind": "agent"}
TOOL: Row = {"call_kind": "tool", "tool_name": "search"}
PLAIN: Row = {"call_kind": ""}
NO_USAGE: Row = dict.fromkeys(
    ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens")
)
SPENT: Row = {"input_tokens": 7, "output_tokens": 3}
SHAPES: Mapping[str, Shape] = {
    "one span": ((None, ANY),),
    "one turn": ((None, LLM),),
    "framework around provider": ((None, LLM), (0, LLM)),
    "framework around two answers": ((None, LLM), (0, LLM | {"response_id": "r1"}), (0, LLM | {"response_id": "r2"})),
    "three deep": ((None, LLM), (0, LLM), (1, LLM)),
    "transparent between": ((None, LLM), (0, PLAIN), (1, LLM)),
    "tool between": ((None, LLM), (0, TOOL), (1, LLM)),
    "agent between": ((None, LLM), (0, AGENT), (1, LLM)),
    "retrieval between": ((None, LLM), (0, {"call_kind": "retrieval"}), (1, LLM)),
    "wrapper inside a call": (
        (None, LLM),
        (0, LLM),
        (1, LLM | {"response_id": "r1"}),
        (1, LLM | {"response_id": "r2"}),
    ),
    "two libraries": (
        (None, PLAIN),
        (0, LLM | {"scope_name": "x", "response_id": "r1"}),
        (0, LLM | {"scope_name": "y", "response_id": ""}),
    ),
    "two libraries without ids": (
        (None, PLAIN),
        (0, LLM | {"scope_name": "x", "response_id": ""}),
        (0, LLM | {"scope_name": "y", "response_id": ""}),
    ),
    "three libraries": (
        (None, PLAIN),
        (0, LLM | {"scope_name": "x"}),
        (0, LLM | {"scope_name": "y", "response_id": ""}),
        (0, LLM | {"scope_name": "z", "response_id": ""}),
    ),
    "two calls, two libraries": (
        (None, PLAIN),
        (0, LLM | {"scope_name": "x", "response_id": "r1"}),
        (0, LLM | {"scope_name": "x", "response_id": "r2"}),
        (0, LLM | {"scope_name": "y", "response_id": ""}),
        (0, LLM | {"scope_name": "y", "response_id": ""}),
    ),
    "one response id again": (
        (None, AGENT),
        (0, LLM | {"response_id": "r1"}),
        (0, TOOL),
        (2, LLM | {"response_id": "r1"}),
    ),
    "gateway": ((None, LLM | {"kind": "server"}), (0, PLAIN), (1, LLM | {"kind": "client"})),
    "gateway alone": ((None, LLM | {"kind": "server"}),),
    "agent that knows the usage": ((None, AGENT | SPENT), (0, LLM | NO_USAGE), (0, AGENT | SPENT)),
    "agent that repeats the usage": ((None, AGENT | SPENT), (0, LLM | SPENT)),
    "workflow that knows the usage": ((None, PLAIN | SPENT), (0, PLAIN | SPENT), (1, LLM | NO_USAGE)),
    "agent in a tool of an agent": ((None, AGENT | SPENT), (0, TOOL), (1, AGENT | SPENT), (2, LLM | NO_USAGE)),
    "call that knows the usage of two": (
        (None, LLM | SPENT | {"response_id": "r1"}),
        (0, LLM | NO_USAGE | {"response_id": "r2"}),
        (0, LLM | NO_USAGE),
    ),
    "tool in a tool": ((None, TOOL), (0, PLAIN), (1, TOOL)),
    "tool in another tool": ((None, TOOL), (0, {"call_kind": "tool", "tool_name": "fetch"}), (1, TOOL)),
    "tools without a name": (
        (None, {"call_kind": "tool", "tool_name": ""}),
        (0, {"call_kind": "tool", "tool_name": ""}),
    ),
    "embeddings": ((None, EMBEDDING), (0, EMBEDDING), (0, EMBEDDING | {"scope_name": "y"})),
    "embedding in a call": ((None, LLM), (0, EMBEDDING), (1, LLM)),
    "retrieval": ((None, {"call_kind": "retrieval"}), (0, EMBEDDING)),
}


@dataclass(frozen=True)
class History:
    """What was received, what was deleted and what was scored. The order of the rows says nothing."""

    rows: list[Row]
    tombstones: list[Tombstone] = field(default_factory=list)
    scores: list[Row] = field(default_factory=list)


def histories(*, deletions: bool = False, scored: bool = False) -> st.SearchStrategy[History]:
    """Up to four traces of up to two projects. Session ids are shared between all of them."""
    return st.builds(
        History,
        rows=received_rows(),
        tombstones=st.lists(tombstones(), max_size=3) if deletions else st.just([]),
        scores=received_scores() if scored else st.just([]),
    )


@st.composite
def batches(draw: st.DrawFn, history: History) -> list[list[Row]]:
    """One way the rows may arrive: in any order or the roots last, some of them again, split anywhere."""
    again = draw(st.lists(st.sampled_from(history.rows), max_size=3)) if history.rows else []
    arriving = draw(st.permutations([*history.rows, *again]))
    if draw(st.booleans()):
        arriving = sorted(arriving, key=lambda row: row.get("parent_span_id", "") == "")
    cuts = sorted(draw(st.sets(st.integers(1, max(1, len(arriving) - 1)), max_size=4)))
    edges = zip([0, *cuts], [*cuts, len(arriving)], strict=True)
    return [batch for start, end in edges if (batch := arriving[start:end])]


def received_rows() -> st.SearchStrategy[list[Row]]:
    traces = st.lists(trace_rows(), min_size=1, max_size=4, unique_by=home)
    return traces.map(lambda each: [row for rows in each for row in rows])


def home(rows: list[Row]) -> tuple[str, str]:
    return rows[0]["project_id"], rows[0]["trace_id"]


def anchors(now_ns: int) -> list[int]:
    """Instants of the last two days that times gather around: a minute ago, and what hours, days and months turn on."""
    now = datetime.fromtimestamp(now_ns // SECOND_NS, tz=UTC)
    hour = now.replace(minute=0, second=0)
    midnight = hour.replace(hour=0)
    first_of_month = midnight.replace(day=1)
    turns = [hour, midnight, midnight - timedelta(days=1), first_of_month]
    instants = [now - timedelta(minutes=1), now - timedelta(hours=1)]
    instants += [turn for turn in turns if timedelta(minutes=1) <= now - turn <= timedelta(days=2)]
    return [int(instant.timestamp()) * SECOND_NS for instant in instants]


@st.composite
def trace_rows(draw: st.DrawFn) -> list[Row]:
    """What is received of one trace: a few shapes, hung up anywhere, drawn out around one instant."""
    ids = {"project_id": draw(st.sampled_from(PROJECTS)), "trace_id": draw(st.sampled_from(TRACES))}
    habit, anchor = draw(st.sampled_from(list(SESSION_HABITS))), draw(st.sampled_from(anchors(NOW_NS)))
    hung = [span for shape in draw(st.lists(hung_shapes(habit, anchor), min_size=1, max_size=3)) for span in shape]
    rows = []
    for number, (back, copies) in enumerate(hung):
        own = {"span_id": SPANS[number], "parent_span_id": parent_id(number, back, len(hung))}
        rows += [{**ids, **own, **copy} for copy in copies]
    return rows


def parent_id(number: int, back: int | None, spans: int) -> str:
    if back is None:
        return ""
    return SPANS[number - back] if 0 <= number - back < spans else NEVER_SENT


Hung: TypeAlias = tuple[int | None, list[Row]]
"""How far back the parent stands (None: a root), and the copies of the span."""


@cache
@st.composite
def hung_shapes(draw: st.DrawFn, habit: str, anchor: int) -> list[Hung]:
    """A shape whose top hangs from nothing, an earlier span, itself, one that follows, or one that never arrives."""
    on_root, elsewhere = SESSION_HABITS[habit]
    step = draw(st.sampled_from((SECOND_NS, 1_000_000, 1)))
    top = draw(st.sampled_from((None, 1, None, 2, 1, 3, 0, -1, -2, 99)))
    spans: list[Hung] = []
    for number, (parent, fixed) in enumerate(SHAPES[draw(st.sampled_from(list(SHAPES)))]):
        back = top if parent is None else number - parent
        span = draw(details(on_root if back is None else elsewhere)) | draw(times(anchor, step)) | fixed
        spans.append((back, draw(received_copies(span))))
    return spans


@cache
def times(anchor: int, step: int) -> st.SearchStrategy[Row]:
    """Start and end. Zero length and ties are common; an hour is rare."""

    def row(start: int, length: int) -> Row:
        return {"started_at": anchor + step * start, "ended_at": min(anchor + step * (start + length), NOW_NS)}

    hour = 3600 * SECOND_NS // step
    return st.builds(row, st.sampled_from((0, 1, 2, 3, -1, -2, -3, 4)), st.sampled_from((0, 2, 5, 1, 3, 8, 4, hour)))


@cache
@st.composite
def details(draw: st.DrawFn, session_columns: tuple[str, ...]) -> Row:
    """What a span says, beside its place in the tree and in time. Whole aspects are often absent."""
    row: Row = draw(ids(session_columns))
    for aspect in ASPECTS:
        row |= draw(aspect)
    return {column: value for column, value in row.items() if value is not False and value not in ("", [], {})}


@cache
def ids(session_columns: tuple[str, ...]) -> st.SearchStrategy[Row]:
    sessions: Menu = dict.fromkeys(session_columns, ("", *SESSIONS))
    keys: Menu = {"session_key": ("", *SESSION_KEYS)} if session_columns else {}
    users: Menu = {"user_id": ("", "", *USERS), "resource_user_id": ("", *USERS), "default_user_id": ("", *USERS)}
    with_user = st.sampled_from(list(users)).flatmap(lambda column: rows_of({column: users[column]}))
    return st.builds(merge, rows_of({**sessions, **keys}), st.one_of(st.just({}), with_user))


def merge(*rows: Row) -> Row:
    return {column: value for row in rows for column, value in row.items()}


def rows_of(menu: Menu) -> st.SearchStrategy[Row]:
    return st.fixed_dictionaries({column: st.sampled_from(pool) for column, pool in menu.items()})


COSTS: Sequence[Row] = (
    {},
    {"cost_source": "unpriced"},
    {"cost_source": "unpriced", "cost_usd": None},
    {"cost_source": "computed", "cost_usd": Decimal(2)},
    {"cost_source": "reported", "cost_usd": Decimal(3)},
    {"cost_source": "reported", "cost_usd": Decimal(0)},
    {"cost_source": "computed", "cost_usd": Decimal("0.000000000001")},
    {"cost_source": "computed", "cost_usd": Decimal("999999.999999999999")},
)
FEW_TAGS: Sequence[list[str]] = ([], [], ["blue"], ["red", "blue"], ["Zoë"], [""]) * 10
MANY_TAGS = [f"tag {number}" for number in range(120)]
ASPECTS: Sequence[st.SearchStrategy[Row]] = (
    rows_of(
        {
            "call_kind": ("", "llm", "llm", "tool", "agent", "embedding", "retrieval"),
            "kind": ("internal", "client", "internal", "server"),
            "scope_name": ("", "x", "y"),
            "response_id": ("", "r1", "r2"),
            "request_model": ("", "m1", "m2"),
            "failed": (False, False, True),
        }
    ),
    st.one_of(
        st.just({}),
        st.builds(merge, rows_of(dict.fromkeys(NO_USAGE, (None, 1, 0, 20, None, 2**53))), st.sampled_from(COSTS)),
    ),
    st.one_of(
        st.just({}),
        rows_of(
            {
                "provider": ("", "openai", "anthropic"),
                "response_model": ("", "m1-2026", "m2-2026"),
                "tool_name": ("", "search", "fetch"),
                "error_type": ("", "", "Timeout"),
                "finish_reasons": ([], ["stop"], ["length", "stop"]),
                "first_token_ns": (None, 0, 1, 5),
            }
        ),
    ),
    st.one_of(
        st.just({}),
        rows_of(
            {
                "name": ("", "chat", "ask"),
                "service": ("", "web", "api"),
                "environment": ("", "prod", "dev"),
                "release": ("", "1.0", "1.1"),
                "agent_name": ("", "planner", "writer"),
                "prompt_name": ("", "greet", "sum up"),
                "tags": (*FEW_TAGS, MANY_TAGS),
                "metadata": ({}, {"k": "v"}, {"k": "w", "team": "v"}),
            }
        ),
    ),
    st.one_of(st.just({}), rows_of({"input_preview": ("", "hi", "ho"), "output_preview": ("", "hi", "ho")})),
)


@st.composite
def received_copies(draw: st.DrawFn, span: Row) -> list[Row]:
    """The span, and sometimes again: as it was, received later, or told otherwise. No two tie unless they are equal."""
    received_at = NOW_NS // 1000 - 1_000_000
    rows = [span | {"received_at": received_at}]
    for _ in range(draw(st.sampled_from((0, 0, 0, 1, 2)))):
        change = draw(st.one_of(st.just({}), changes(span)))
        copy = span | change | {"received_at": received_at + draw(st.integers(-1, 1))}
        while any(tie(copy, other) for other in rows):
            copy["received_at"] += 1
        rows.append(copy)
    return rows


def tie(copy: Row, other: Row) -> bool:
    """Whether only a row hash could tell which of two different rows is the later one."""
    times = ("received_at", "ended_at")
    return copy != other and all(copy[column] == other[column] for column in times)


def changes(span: Row) -> st.SearchStrategy[Row]:
    """What a later export of a span may say otherwise."""
    start, end = span["started_at"], span["ended_at"]
    moved = st.integers(1, 2 * SECOND_NS)
    return st.one_of(
        st.fixed_dictionaries({"ended_at": moved.map(lambda by: min(end + by, NOW_NS))}),
        st.fixed_dictionaries({"started_at": moved.map(lambda by: start - by)}),
        st.fixed_dictionaries({"started_at": st.just(start - 3600 * SECOND_NS)}),
        st.fixed_dictionaries({"parent_span_id": st.sampled_from(("", SPANS[0], NEVER_SENT))}),
        st.fixed_dictionaries({"session_id": st.sampled_from((*SESSIONS, ""))}),
        st.fixed_dictionaries({"conversation_id": st.sampled_from((*SESSIONS, ""))}),
        details(("session_id", "conversation_id")),
    )


@st.composite
def tombstones(draw: st.DrawFn) -> Tombstone:
    project = draw(st.sampled_from(PROJECTS))
    subjects = {"session": SESSIONS, "user": USERS, "trace": TRACES, "trace_user": TRACES, "project": (project,)}
    kind = draw(st.sampled_from(list(subjects)))
    anchor = draw(st.sampled_from(anchors(NOW_NS)))
    deleted_at = anchor + SECOND_NS * draw(st.integers(-4, 4))
    return Tombstone(project, kind, draw(st.sampled_from(subjects[kind])), deleted_at)


@st.composite
def received_scores(draw: st.DrawFn) -> list[Row]:
    """One received after the other: the later of two with one id of one subject counts."""
    received_at = NOW_NS // 1000 - 1_000_000
    return [score | {"received_at": received_at + number} for number, score in enumerate(draw(st.lists(scores())))]


@st.composite
def scores(draw: st.DrawFn) -> Row:
    """A number or a label, of a span, a trace or a session; some of them of what was never sent."""
    subject = draw(
        st.one_of(
            st.fixed_dictionaries({"trace_id": st.sampled_from(TRACES), "span_id": st.sampled_from(SPANS[:4])}),
            st.fixed_dictionaries({"trace_id": st.sampled_from(TRACES)}),
            st.fixed_dictionaries({"session_id": st.sampled_from(SESSIONS)}),
        )
    )
    verdict = draw(
        st.one_of(
            st.fixed_dictionaries({"value": st.integers(-4, 4).map(lambda quarters: quarters / 4)}),
            st.fixed_dictionaries({"label": st.sampled_from(("good", "bad"))}),
            st.fixed_dictionaries({"value": st.sampled_from((0.5, 1.0)), "label": st.just("good")}),
        )
    )
    names: Row = {"project_id": draw(st.sampled_from(PROJECTS)), "name": draw(st.sampled_from(("help", "truth")))}
    return names | subject | verdict | {"score_id": draw(st.sampled_from(("a", "b", "c")))}
