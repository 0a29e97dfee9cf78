"""One session: its traces, its calls, what was said, who its neighbours are, how it came about; and its end."""

from typing import Any

import orjson
import pytest

from tests.clickhouse.stored import settle
from tests.query_api.asking import Api, path_of, span, turn


def said(*texts: tuple[str, str]) -> str:
    return orjson.dumps([{"role": role, "parts": [{"type": "text", "content": text}]} for role, text in texts]).decode()


def test_a_session_comes_with_a_page_of_its_traces(api: Api) -> None:
    """In the order of time, each with its numbers; and the next page behind the cursor."""
    api.store(*(turn(session_id="s", at=n, name=f"n{n}", input_tokens=n, cost_usd=n, failed=n == 1) for n in range(5)))
    pages = []
    cursor: dict[str, Any] = {}
    while True:
        page = api.get("/api/sessions/s", limit=2, **cursor)["traces"]
        pages.append(page)
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    traces = [trace for page in pages for trace in page["items"]]
    assert [trace["name"] for trace in traces] == ["n0", "n1", "n2", "n3", "n4"]
    assert [page["total"] for page in pages] == [5, 5, 5]
    assert traces[1] == {
        "trace_id": traces[1]["trace_id"],
        "session_id": "s",
        "name": "n1",
        "started_at": traces[1]["started_at"],
        "ended_at": traces[1]["ended_at"],
        "duration_ms": 1000,
        "spans": 1,
        "turns": 1,
        "input_tokens": 1,
        "output_tokens": 0,
        "total_tokens": 1,
        "cache_read_tokens": 0,
        "cache_write_tokens": 0,
        "reasoning_tokens": 0,
        "cost_usd": 1,
        "errors": 1,
        "status": "error",
        "models": ["gpt-4o"],
        "input_preview": None,
        "output_preview": None,
    }


def test_a_session_knows_its_neighbours(api: Api) -> None:
    """The sessions of its user before and after it; null at the ends, and for nobody's."""
    api.store(*(span(session_id=name, user_id="u", at=at) for at, name in enumerate(["a", "b/..", "c"])))
    api.store(span(session_id="x", user_id="v"), span(session_id="y"))
    url = "/session?id=b%2F.."
    assert api.get("/api/sessions/a")["neighbours"] == {"previous": None, "next": {"session_id": "b/..", "url": url}}
    assert api.get("/api/session", id="b/..")["neighbours"] == {
        "previous": {"session_id": "a", "url": "/sessions/a"},
        "next": {"session_id": "c", "url": "/sessions/c"},
    }
    for alone in ("x", "y"):
        assert api.get(path_of(alone))["neighbours"] == {"previous": None, "next": None}


def test_a_session_says_how_its_numbers_came_about(api: Api) -> None:
    """Which key named it, who inherited it, what was left out, what has no price."""
    root = turn(session_id="s", session_key="session.id", cost_usd=1)
    child = turn(trace_id=root["trace_id"], parent_span_id=root["span_id"], response_model="new-model", response_id="r")
    api.store(root | {"call_kind": "agent"}, child, child | {"started_at": child["started_at"] - 1})
    assert api.get("/api/sessions/s")["diagnostics"] == {
        "session_keys": ["session.id"],
        "inherited_spans": 1,
        "duplicate_spans": 1,
        "unpriced_turns": 1,
        "unpriced_usage": False,
        "unpriced_models": ["new-model"],
    }


def test_the_timeline_holds_every_call(api: Api) -> None:
    """In the order of time, all kinds, with the gaps of a merged call filled from the spans inside."""
    outer = turn(session_id="s", at=0, seconds=4, input_preview="hi", provider="openai")
    inner = turn(
        trace_id=outer["trace_id"], parent_span_id=outer["span_id"], at=1, input_tokens=3, first_token_ns=2_500_000,
        output_preview="ho", failed=True, error_type="Timeout", error_message="took too long", cost_usd="0.25",
        cost_source="computed", finish_reasons=["stop"],
    )  # fmt: skip
    tool = span(session_id="s", call_kind="tool", tool_name="search", name="search", at=9, input_preview="{}")
    api.store(outer, inner, tool)
    first, second = api.get("/api/sessions/s/calls")["items"]
    assert first == {
        "span_id": outer["span_id"],
        "trace_id": outer["trace_id"],
        "kind": "llm",
        "name": "ask",
        "model": "gpt-4o",
        "provider": "openai",
        "started_at": first["started_at"],
        "duration_ms": 4000,
        "first_token_ms": 2.5,
        "input_tokens": 3,
        "output_tokens": None,
        "total_tokens": 3,
        "cache_read_tokens": None,
        "cache_write_tokens": None,
        "reasoning_tokens": None,
        "cost_usd": 0.25,
        "cost_source": "computed",
        "status": "error",
        "error_type": "Timeout",
        "error_message": "took too long",
        "finish_reasons": ["stop"],
        "tool_name": None,
        "input_preview": "hi",
        "output_preview": "ho",
    }
    assert (second["kind"], second["tool_name"], second["input_preview"]) == ("tool", "search", "{}")
    shown = api.get("/api/sessions/s/calls", "read")["items"][0]
    assert [shown[name] for name in ("error_message", "input_preview", "output_preview")] == [None, None, None]


def test_the_timeline_comes_in_pages(api: Api) -> None:
    """Nothing repeated or skipped where calls start at the same time."""
    api.store(*(turn(session_id="s", at=n // 3) for n in range(7)))
    pages = list(api.pages("/api/sessions/s/calls", limit=2))
    spans = [call["span_id"] for page in pages for call in page["items"]]
    assert len(spans) == len(set(spans)) == 7
    assert [page["total"] for page in pages] == [7, 7, 7, 7]


def test_the_conversation_tells_each_turn_once(api: Api) -> None:
    """Also across pages."""
    api.store(
        turn(session_id="s", at=0, input_messages=said(("user", "hi")), output_messages=said(("assistant", "ho"))),
        turn(
            session_id="s", at=1, output_messages=said(("assistant", "thus")),
            input_messages=said(("user", "hi"), ("assistant", "ho"), ("user", "why")),
        ),
        span(session_id="s", at=2, call_kind="tool"),
    )  # fmt: skip
    for limit in (1, 2):
        entries = [entry for page in api.pages("/api/sessions/s/messages", limit=limit) for entry in page["items"]]
        told = [[message["parts"][0]["content"] for message in entry["messages"]] for entry in entries]
        assert told == [["hi", "ho"], ["why", "thus"]]
        assert [sorted(entry) for entry in entries] == [["messages", "span_id", "started_at", "trace_id"]] * 2


def test_content_past_its_time_is_not_shown(api: Api) -> None:
    """Though the spans still hold it."""
    past = {"content_until": 1_000_000_000, "input_preview": "hi", "error_message": "m"}
    api.store(turn(session_id="s", input_messages=said(("user", "secret")), **past))
    assert api.get("/api/sessions/s/messages")["items"][0]["messages"] == []
    [call] = api.get("/api/sessions/s/calls")["items"]
    assert (call["input_preview"], call["error_message"]) == (None, "m")


def test_what_was_said_needs_the_content_scope(api: Api) -> None:
    """In both forms of the address."""
    api.store(turn(session_id="s"))
    for path in ("/api/sessions/s/messages", "/api/session?id=s&view=messages"):
        assert api.ask(path, "read").status_code == 403
        assert api.ask(path).status_code == 200


def test_every_id_can_be_asked_for_as_a_parameter(api: Api) -> None:
    """And `url` uses that form where a path would not survive."""
    forms = dict.fromkeys(("..", "a/../b", "."), "/session?id=") | dict.fromkeys(
        ("/", "a/calls", "a%2Fcalls"), "/sessions/"
    )
    api.store(*(turn(session_id=session_id) for session_id in forms))
    for session_id, form in forms.items():
        session = api.get("/api/session", id=session_id)["session"]
        assert session["session_id"] == session_id
        assert session["url"].startswith(form)
        for view in ("calls", "messages"):
            assert len(api.get("/api/session", id=session_id, view=view)["items"]) == 1


@pytest.mark.parametrize("path", ["/api/sessions/x", "/api/sessions/x/calls", "/api/sessions/x/messages"])
def test_what_is_not_there_is_404(api: Api, path: str) -> None:
    """Whichever part of it was asked for."""
    assert api.ask(path).status_code == 404
    assert api.ask(path.replace("/x", "/null")).status_code == 404


def test_a_deleted_session_is_gone(alone: Api) -> None:
    """202 with what was removed; its late spans stay away; others remain. Only admins may."""
    alone.store(turn(session_id="a/b"), turn(session_id="a/b"), turn(session_id="c"))
    assert alone.ask(path_of("a/b"), "content", method="DELETE").status_code == 403
    response = alone.ask(path_of("a/b"), "admin", method="DELETE")
    assert (response.status_code, response.json()) == (202, {"deleted": {"spans": 2, "traces": 2}})
    alone.store(turn(session_id="a/b"))
    settle(alone.database)
    assert alone.ask(path_of("a/b")).status_code == 404
    assert alone.ask(path_of("c")).status_code == 200
    response = alone.ask("/api/session", "admin", method="DELETE", params={"id": "c"})
    assert response.json() == {"deleted": {"spans": 1, "traces": 1}}


def test_reads_of_content_and_deletions_are_written_down(alone: Api) -> None:
    """With key, project and what was asked; reads of numbers alone are not."""
    alone.store(turn(session_id="s"))
    alone.get("/api/sessions/s", "read")
    alone.get("/api/sessions/s/messages", limit=3)
    alone.ask("/api/sessions/s", "admin", method="DELETE")
    lines = [orjson.loads(line) for line in (alone.data_dir / "audit.jsonl").read_text().splitlines()]
    assert [(line["action"], line["key"].split(" of ")[0], line["subject"]) for line in lines] == [
        ("read", "content", "/api/sessions/s/messages?limit=3"),
        ("delete", "admin", "/api/sessions/s"),
    ]
    assert {line["project"] for line in lines} == {alone.project}
