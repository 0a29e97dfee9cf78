"""What only log records say: some programs tell in logs what was said in their calls, or that there was a call at all.

Which span a record belongs to is decided by the rollup's own rules, on the same rows: what is shown here is what was
counted there. Most projects have no such records, and pay for one look at an empty table.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import orjson

from clickhouse.rollup.accounts import joined
from clickhouse.rollup.belonging import belonging
from clickhouse.rollup.calls import TooLarge
from clickhouse.rollup.facts import Fact, distinct, unpacked
from query_api.db import Reader, Row
from query_api.opened import opened

Key = tuple[str, str]  # trace id, span id

_LISTS = ("input_messages", "output_messages", "system_instructions", "tool_definitions")
_TEXTS = ("tool_arguments", "tool_result", "output_preview", "error_message")


class Owned(NamedTuple):
    """What is one user's: spans, and log records."""

    spans: list[Key]
    records: list[Key]


class _Users(NamedTuple):
    """Whose each span and each log record is; absent or empty where nobody's."""

    spans: dict[str, str]
    records: dict[str, str]


async def told_by_logs(reader: Reader, spans: Iterable[Key]) -> dict[Key, Row]:
    """What log records say of these spans, as one row for each that has any."""
    wanted = set(spans)
    hosts = await _hosts(reader, {trace_id for trace_id, _ in wanted})
    records = {record: host for record, host in hosts.items() if host in wanted}
    if len(records) == 0:
        return {}
    rows = await reader.rows("log_words", reader.these("records", ("trace_id", "record_id"), records))
    by_host: dict[Key, list[Row]] = defaultdict(list)
    for row in rows:
        by_host[records[row["trace_id"], row["record_id"]]].append(row)
    return {host: _united(told) for host, told in by_host.items()}


async def stand_in(reader: Reader, key: Key) -> Row | None:
    """The record that stands for a call of which no span ever came, shaped like a span."""
    hosts = await _hosts(reader, {key[0]})
    records = [record for record, host in hosts.items() if host == key]
    if len(records) == 0:
        return None
    row = await reader.row("log_span", reader.these("records", ("trace_id", "record_id"), records))
    return row | {"span_id": key[1]} if row is not None else None


async def owned_by(reader: Reader, trace_ids: Sequence[str], user_id: str) -> Owned:
    """What of these traces is in effect this user's; deletions go by the same rule."""
    owned = Owned([], [])
    facts, records = await _known(reader, trace_ids)
    for trace_id in trace_ids:
        received, _ = distinct(facts[trace_id])
        users = _users(received, records[trace_id])
        owned.spans.extend((trace_id, span_id) for span_id in received if users.spans.get(span_id) == user_id)
        owned.records.extend((trace_id, record) for record, user in users.records.items() if user == user_id)
    return owned


def _users(received: dict[str, Fact], records: list[Fact]) -> _Users:
    """Where too much would have to be joined, an export does not break off: spans and records speak for themselves, and
    a record that names nobody is whose all of the trace is, or stays out, as it may be another's."""
    try:
        spans, hosts = joined(received, records)
    except TooLarge:
        users = belonging(received).users
        everybody = {*users.values(), *(record.user_id for record in records)} - {""}
        only = everybody.pop() if len(everybody) == 1 else ""
        return _Users(users, {each.span_id: each.user_id or only for each in distinct(records)[0].values()})
    users = belonging(spans).users
    return _Users(users, {record: users.get(host, "") for record, host in hosts.items()})


async def _hosts(reader: Reader, trace_ids: Iterable[str]) -> dict[Key, Key]:
    """Of each log record of these traces the span that it fills, or that it stands for."""
    rows = await reader.rows("logged_traces", trace_ids=sorted(trace_ids))
    facts, records = await _known(reader, [row["trace_id"] for row in rows])
    hosts: dict[Key, Key] = {}
    for trace_id, told in records.items():
        for record, host in _joined(facts[trace_id], told).items():
            hosts[trace_id, record] = (trace_id, host)
    return hosts


def _joined(facts: list[Fact], records: list[Fact]) -> dict[str, str]:
    try:
        return joined(distinct(facts)[0], records).hosts
    except TooLarge:  # nor was it counted: the trace is quarantined
        return {}


async def _known(reader: Reader, trace_ids: Sequence[str]) -> tuple[dict[str, list[Fact]], dict[str, list[Fact]]]:
    facts: dict[str, list[Fact]] = defaultdict(list)
    records: dict[str, list[Fact]] = defaultdict(list)
    if len(trace_ids) > 0:
        spans, told = await asyncio.gather(
            reader.known("read_facts", trace_ids), reader.known("read_log_calls", trace_ids)
        )
        for fact in map(unpacked, spans):
            facts[fact.trace_id].append(fact)
        for record in map(Fact._make, told):
            records[record.trace_id].append(record)
    return facts, records


def _united(told: list[Row]) -> Row:
    """In the order of the log. Whole accounts speak first; of parts, the user's last words are the preview."""
    wholes = [row for row in told if row["says"] != "part"]
    parts = [row for row in told if row["says"] == "part"]
    asked = [row["input_preview"] for row in parts if row["input_preview"] != ""]
    united = {name: _concatenated([row[name] for row in told if row[name] != ""]) for name in _LISTS}
    united |= {name: _first([*wholes, *parts], name) for name in _TEXTS}
    return united | {"input_preview": _first(wholes, "input_preview") or (asked[-1] if asked else "")}


def _first(rows: Iterable[Row], name: str) -> str:
    return next((row[name] for row in rows if row[name] != ""), "")


def _concatenated(texts: list[str]) -> str:
    """Lists become one; what is no list, or cannot be read, stands alone."""
    if len(texts) < 2:  # noqa: PLR2004 - nothing to put together
        return texts[0] if texts else ""
    lists = [opened(text) for text in texts]
    if not all(isinstance(each, list) for each in lists):
        return texts[0]
    return orjson.dumps([item for each in lists for item in each]).decode()
