"""Span + Call -> rows of `spans` and `scores`. Field names are column names; a test holds rows and table together.

What a project does not want kept is gone when a batch leaves here: the spool and the database see the same rows.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

from clickhouse.ids import normal_id
from clickhouse.projects import Project
from otel_receiver.attributes import divided, shared, silent, texts
from otel_receiver.batch import Batch, Columns
from otel_receiver.call import Call, Content, Ids, Usage
from otel_receiver.keeping import kept
from otel_receiver.pricing import Cost, Prices
from otel_receiver.scores import score_rows
from otel_receiver.span import Event, Link, Span

Fields = Mapping[str, tuple[Any, ...]]

_DAY_SECONDS = 86_400
_LAST_SECOND = 2**32 - 1  # of ClickHouse's DateTime
_ROW_BYTES = 1_000
"""What a row costs beside its texts, as Python objects: some 80 references and its maps."""


def write_rows(
    spans: Sequence[Span],
    calls: Sequence[Call],
    project: Project,
    prices: Prices,
    *,
    received_ns: int,
    default_session_id: str | None = None,
    default_user_id: str | None = None,
) -> Batch:
    """The rows of one request. `calls` holds what the dialects read, one per span; the defaults are its headers'."""
    if len(spans) == 0:
        return Batch({}, {}, 0)
    span, call = _transposed(Span, spans), _transposed(Call, calls)
    said, rest = divided(span["attributes"], call["consumed"])
    columns: Columns = {
        "project_id": [project.id] * len(spans),
        "retention_days": [project.retention_days] * len(spans),
        "received_at": [received_ns // 1_000] * len(spans),
        "default_session_id": [_or_nobody(normal_id(default_session_id))] * len(spans),
        "default_user_id": [_or_nobody(normal_id(default_user_id))] * len(spans),
        **_of_spans(span),
        **_of_calls(call),
        **_of_events(span["events"], call["consumed_events"], keep_content=project.content != "off"),
        **_of_links(span["links"]),
        **_costs(calls, span["start_ns"], prices),
        "attributes": rest,
        "content_attributes": said,
        "content_until": _content_until(span["end_ns"], project.content_days),
        "flaws": list(map(_united, span["flaws"], call["flaws"])),
    }
    columns = kept(columns, project)
    return Batch(columns, score_rows(spans, calls, project, received_ns), _size(columns))


def _transposed(kind: type[Any], records: Iterable[tuple[Any, ...]]) -> Fields:
    """Records as columns, by field name: one step in C, where a loop over rows would cost microseconds for each."""
    return dict(zip(kind._fields, zip(*records, strict=True), strict=True))


def _or_nobody(value: str | None) -> str:
    return "" if value is None else value


_SPANS_OTHERS = {"start_ns", "end_ns", "attributes", "events", "links", "resource", "scope", "flaws"}
_OF_SPANS = [name for name in Span._fields if name not in _SPANS_OTHERS]
_CALLS_OTHERS = {"kind", "usage", "reported_cost_usd", "metadata", "ids", "content", "scores", "flaws"}
_OF_CALLS = [name for name in Call._fields if name not in _CALLS_OTHERS and not name.startswith("consumed")]


def _of_spans(span: Fields) -> Columns:
    resource_attributes = shared([resource.attributes for resource in span["resource"]])
    return {
        **{name: span[name] for name in _OF_SPANS},
        "started_at": span["start_ns"],
        "ended_at": span["end_ns"],
        "service": [attributes.get("service.name", "") for attributes in resource_attributes],
        "resource_attributes": resource_attributes,
        "resource_schema_url": [resource.schema_url for resource in span["resource"]],
        "scope_attributes": shared([scope.attributes for scope in span["scope"]]),
        **{f"scope_{name}": [getattr(scope, name) for scope in span["scope"]] for name in _OF_SCOPES},
    }


_OF_SCOPES = ("name", "version", "schema_url")


def _of_calls(call: Fields) -> Columns:
    ids = _transposed(Ids, call["ids"])
    return {
        **{name: call[name] for name in _OF_CALLS},
        "call_kind": call["kind"],
        "metadata": list(map(dict, call["metadata"])),
        **_transposed(Usage, call["usage"]),
        **_transposed(Content, call["content"]),
        **{name: list(map(_or_nobody, values)) for name, values in ids.items()},
    }


def _of_events(
    column: Sequence[tuple[Event, ...]], consumed: Iterable[frozenset[int]], *, keep_content: bool
) -> Columns:
    events = _each(column, Event, {"at_ns": "events.at"}, "events.")
    if any(column):
        events["events.attributes"] = [
            [_event_texts(event, keep_content and index not in gone) for index, event in enumerate(some)]
            for some, gone in zip(column, consumed, strict=True)
        ]
    return events


def _event_texts(event: Event, keep_content: bool) -> dict[str, str]:
    return texts(event.attributes if keep_content else silent(event.attributes))


def _of_links(column: Sequence[tuple[Link, ...]]) -> Columns:
    links = _each(column, Link, {}, "links.")
    if any(column):
        links["links.attributes"] = [[texts(link.attributes) for link in some] for some in column]
    return links


def _each(column: Sequence[tuple[Any, ...]], kind: type[Any], renamed: Mapping[str, str], prefix: str) -> Columns:
    """What a span has several of, as columns of lists. Most requests have none at all."""
    names = {field: renamed.get(field, prefix + field) for field in kind._fields}
    if not any(column):
        return {name: [[]] * len(column) for name in names.values()}
    return {name: [[getattr(one, field) for one in some] for some in column] for field, name in names.items()}


def _content_until(ends: Sequence[int], content_days: int) -> list[int]:
    """When content may go, in seconds. 1970 is never."""
    if content_days == 0:
        return [0] * len(ends)
    kept_seconds = content_days * _DAY_SECONDS
    return [min(end // 1_000_000_000 + kept_seconds, _LAST_SECOND) for end in ends]


def _costs(calls: Sequence[Call], starts: Sequence[int], prices: Prices) -> Columns:
    costs = _transposed(Cost, map(prices.cost, calls, starts))
    return {"cost_usd": costs["usd"], "cost_source": costs["source"], "price_source": costs["price_source"]}


def _united(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(first + second)) if first and second else first or second


def _size(columns: Columns) -> int:
    said = sum(sum(map(len, columns[name])) for name in Content._fields)
    maps = chain(columns["attributes"], columns["content_attributes"])
    return said + sum(map(len, chain.from_iterable(map(dict.values, maps)))) + _ROW_BYTES * len(columns["name"])
