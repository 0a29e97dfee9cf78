"""Exports: every format, every filter, what they hold, and what happens when they break."""

import csv
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pyarrow.ipc
import pyarrow.parquet
import pytest
from clickhouse_connect.driver import Client

from clickhouse.connect import Database
from query_api.export import HELD_BACK_BYTES, as_csv, held_back, lines
from query_api.times import rfc3339
from tests.histories import NOW_NS, SECOND_NS
from tests.query_api.asking import START_NS, Api, serving, span, turn


def rows_of(content: bytes, form: str) -> list[dict[str, Any]]:
    if form == "jsonl":
        return [orjson.loads(line) for line in content.splitlines()]
    if form == "csv":
        return list(csv.DictReader(io.StringIO(content.decode())))
    if form == "parquet":
        rows: list[dict[str, Any]] = pyarrow.parquet.read_table(io.BytesIO(content)).to_pylist()
        return rows
    streamed: list[dict[str, Any]] = pyarrow.ipc.open_stream(content).read_all().to_pylist()
    return streamed


def exported(api: Api, what: str, **params: Any) -> list[dict[str, Any]]:
    response = api.ask(f"/api/export/{what}", params={"format": "jsonl"} | params)
    assert response.status_code == 200, response.text
    return rows_of(response.content, "jsonl")


def store_two(api: Api) -> tuple[dict[str, Any], dict[str, Any]]:
    a = turn(session_id="a", user_id="ada", cost_usd="0.5", input_tokens=3, tags=["x"], metadata={"plan": "pro"}, at=0)
    b = turn(session_id="b", output_preview="=1+1", at=100)
    api.store(a, b, span(at=200, name="alone"))
    return a, b


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet", "arrow"])
@pytest.mark.parametrize(
    ("what", "key", "expected"),
    [
        ("sessions", "session_id", ["a", "b"]),
        ("turns", "session_id", ["a", "b"]),
        ("spans", "name", ["alone", "ask", "ask"]),
    ],
)
def test_every_format_holds_every_row(api: Api, form: str, what: str, key: str, expected: list[str]) -> None:
    """Read back with the usual libraries."""
    store_two(api)
    response = api.ask(f"/api/export/{what}", params={"format": form})
    assert response.status_code == 200, response.text
    assert sorted(row[key] for row in rows_of(response.content, form)) == expected
    assert response.headers["content-disposition"] == f'attachment; filename="{what}.{form}"'


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet", "arrow"])
def test_an_export_of_nothing_is_whole(api: Api, form: str) -> None:
    """With its names, where the format has them."""
    response = api.ask("/api/export/sessions", params={"format": form})
    assert response.status_code == 200
    assert rows_of(response.content, form) == []
    if form == "csv":
        assert response.text.startswith("session_id,project,user_id,")


def test_sessions_are_exported_as_they_are_listed(api: Api) -> None:
    """Every field but the address: also what has many values, odd letters, or a part that fails."""
    store_two(api)
    odd = turn(
        session_id='"ü\\\n', at=50, first_token_ns=1_500_000, failed=True, metadata={"k": "1", "\u2028": '"'},
        tags=[f"tag {number}" for number in range(103)], input_preview="\x00\u202e", output_preview="ok",
    )  # fmt: skip
    of_it = {"project_id": api.project, "trace_id": odd["trace_id"]}
    api.score(
        *(of_it | {"score_id": f"{number}", "name": "help", "value": number / 3} for number in range(2)),
        of_it | {"score_id": "up", "name": "vote", "label": "up"},
    )
    api.store(odd)
    listed = api.get("/api/sessions", sort="started_at", order="asc")["items"]
    rows = sorted(exported(api, "sessions"), key=lambda row: row["started_at"])
    assert rows == [{k: v for k, v in item.items() if k != "url"} for item in listed]
    assert (rows[1]["more"], list(rows[1]["scores"]), len(rows)) == ({"tags": 3}, ["help", "vote"], 3)


def test_turns_name_their_session_and_spans_are_whole(api: Api) -> None:
    """What people join on, and what was received."""
    a, _ = store_two(api)
    first = exported(api, "turns", session_id="a")[0]
    assert [first[name] for name in ("session_id", "user_id", "model", "cost_usd", "input_tokens", "span_id")] == [
        "a", "ada", "gpt-4o", 0.5, 3, a["span_id"],
    ]  # fmt: skip
    [whole] = exported(api, "spans", session_id="a")
    assert [whole[name] for name in ("trace_id", "session_id", "tags", "metadata", "call_kind")] == [
        a["trace_id"], "a", ["x"], {"plan": "pro"}, "llm",
    ]  # fmt: skip


def test_filters_and_ranges_choose(api: Api) -> None:
    """Sessions by the filter; of their turns and spans, those that started in the range."""
    store_two(api)
    root = span(session_id="c", at=300)
    api.store(root, turn(trace_id=root["trace_id"], parent_span_id=root["span_id"], at=301))
    assert [row["session_id"] for row in exported(api, "sessions", q="user:ada")] == ["a"]
    assert len(exported(api, "spans", q="session:c")) == 2
    since = {"from": rfc3339(START_NS + 50 * SECOND_NS)}
    assert {row["session_id"] for row in exported(api, "turns", **since)} == {"b", "c"}
    assert exported(api, "turns", q="session:a", **since) == []
    assert len(exported(api, "spans", **since)) == 4


def test_a_span_received_twice_is_exported_once(api: Api) -> None:
    """Also where its start was told otherwise: then as it was told last."""
    early = turn(session_id="s", name="early")
    late = early | {"name": "late", "started_at": START_NS - 7200 * SECOND_NS, "received_at": NOW_NS // 1000 + 1}
    api.store(early, late, turn(session_id="s", name="other"))
    assert sorted(row["name"] for row in exported(api, "spans")) == ["late", "other"]
    assert sorted(row["name"] for row in exported(api, "spans", q="session:s")) == ["late", "other"]


def test_a_cell_is_never_a_formula(api: Api) -> None:
    """What people send may be written to be one."""
    store_two(api)
    rows = rows_of(api.ask("/api/export/sessions", params={"format": "csv"}).content, "csv")
    assert [row["output_preview"] for row in rows] == ["", "'=1+1"]
    assert rows[0]["tags"] == '["x"]'


def test_content_needs_its_scope(api: Api) -> None:
    """Sessions without previews, turns, but no spans."""
    store_two(api)
    response = api.ask("/api/export/sessions", "read")
    assert [row["output_preview"] for row in rows_of(response.content, "jsonl")] == [None, None]
    assert api.ask("/api/export/turns", "read").status_code == 200
    assert api.ask("/api/export/spans", "read").status_code == 403
    assert api.ask("/api/users/ada/export", "read").status_code == 403


def test_everything_about_a_user_is_exported(api: Api) -> None:
    """Their sessions, the spans that are theirs by name or by their trace, their scores; nobody else's."""
    shared = turn(session_id="s", user_id="ada", at=0, response_id="1")
    api.score({"project_id": api.project, "trace_id": "f" * 32, "score_id": "1", "name": "help", "value": 1.0})
    api.store(
        shared,
        turn(session_id="s", trace_id=shared["trace_id"], parent_span_id=shared["span_id"], at=1, name="inherited"),
        turn(session_id="s", trace_id=shared["trace_id"], user_id="bob", at=5, response_id="2", name="bob's"),
        turn(trace_id="f" * 32, resource_user_id="ada", at=9, name="resource"),
        turn(session_id="t", user_id="bob", name="bob's too"),
    )
    response = api.ask("/api/users/ada/export")
    rows = rows_of(response.content, "jsonl")
    assert [row["type"] for row in rows] == ["session", "span", "span", "span", "score"]
    assert sorted(row["name"] for row in rows if row["type"] == "span") == ["ask", "inherited", "resource"]
    assert rows[0]["session_id"] == "s"
    assert api.ask("/api/user/export", params={"id": "ada"}).content == response.content
    assert api.ask("/api/users/nobody/export").content == b""


def test_limits_are_answered_as_problems(
    shared_database: Database, shared_client: Client, project: str, data_dir: Path
) -> None:
    """413 beyond the memory of a query, 503 beyond its time; both say what to do."""
    with serving(shared_database, shared_client, project, data_dir, query_memory_bytes=1) as api:
        # A thread counts what it takes by 4 MB.
        api.store(*(turn(session_id=f"s{n}", input_preview="word " * 100) for n in range(4_000)))
        for path in ("/api/sessions", "/api/export/sessions?format=parquet"):
            response = api.ask(path)
            assert (response.status_code, response.json()["title"]) == (413, "Request Entity Too Large")
    with serving(shared_database, shared_client, project, data_dir, query_seconds=0.001) as api:
        response = api.ask("/api/aggregates")
        assert (response.status_code, response.headers["retry-after"]) == (503, "2")


async def pieces(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


@pytest.mark.anyio
async def test_the_end_of_a_stream_that_fails_reaches_nobody() -> None:
    """What the database writes about its failure is dropped; all before it was sent."""

    async def failing() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield b"x" * HELD_BACK_BYTES
        yield b"__exception__ secret"
        raise OSError("broken")

    sent = bytearray()

    async def send() -> None:
        async for chunk in held_back(failing()):
            sent.extend(chunk)

    with pytest.raises(OSError, match="broken"):
        await send()
    assert len(sent) >= 8 * HELD_BACK_BYTES
    assert set(sent) == {ord("x")}


@pytest.mark.anyio
async def test_lines_and_cells_survive_any_cut() -> None:
    """Wherever the chunks are cut."""
    text = b'["a","b"]\n["1, \\"2\\"",null]\n["=x",{"k":[1]}]'
    for size in range(1, len(text)):
        cut = [text[start : start + size] for start in range(0, len(text), size)]
        written = b"".join([chunk async for chunk in as_csv(lines(pieces(*cut)))])
        assert written == b'a,b\r\n"1, ""2""",\r\n\'=x,"{""k"":[1]}"\r\n'
