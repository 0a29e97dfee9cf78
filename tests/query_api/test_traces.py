"""Traces: the list, one with its spans, and a span in full."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from query_api.trees import depths
from tests.histories import SECOND_NS
from tests.query_api.asking import START_NS, Api, ids, span, turn


def test_traces_are_listed_with_and_without_a_session(api: Api) -> None:
    """By start, descending, unless asked otherwise; an empty session id finds those that have none."""
    api.store(turn(session_id="s", at=1, name="b"), turn(at=0, name="a"), turn(session_id="s", at=2, name="c"))
    page = api.get("/api/traces")
    assert ids(page, "name") == ["c", "b", "a"]
    assert page["total"] == 3
    assert page["items"][2]["session_id"] is None
    assert ids(api.get("/api/traces", session_id=""), "name") == ["a"]
    assert ids(api.get("/api/traces", session_id="s", order="asc"), "name") == ["b", "c"]
    assert ids(api.get("/api/traces", q="session:s session:t"), "name") == []


@pytest.mark.parametrize("sort", ["started_at", "ended_at", "duration_ms", "cost_usd", "total_tokens", "errors"])
def test_pages_hold_every_trace_once(api: Api, sort: str) -> None:
    """By any key, with ties and nulls."""
    api.store(*(turn(at=n // 3, cost_usd=[None, 1, 2][n % 3], input_tokens=n % 2) for n in range(7)))
    pages = list(api.pages("/api/traces", sort=sort, limit=3))
    listed = [item["trace_id"] for page in pages for item in page["items"]]
    assert listed == ids(api.get("/api/traces", sort=sort), "trace_id")
    assert len(set(listed)) == 7


FILTERS: list[tuple[dict[str, Any], str]] = [
    ({"user_id": "ada"}, "a"),
    ({"status": "error"}, "b"),
    ({"min_cost": "0.5"}, "b"),
    ({"q": "-cost:>0.6"}, "abc"),
    ({"max_tokens": 9}, "ac"),
    ({"min_duration": "2s"}, "c"),
    ({"q": "duration:1s spans:1 traces:1 turns:1"}, "ab"),
    ({"model": "gpt-4o-2024"}, "b"),
    ({"q": "name:a -service:x"}, "a"),
    ({"q": "-name:a"}, "bc"),
    ({"tag": ["blue", "red"], "service": "web"}, "b"),
    ({"metadata.plan": "pro"}, "a"),
    ({"text": "paris"}, "ab"),
    ({"q": "paris -london"}, "a"),
    ({"score.help": ">0.5"}, "b"),
    ({"score.vote": "up"}, "c"),
]


def test_every_filter_chooses_traces(api: Api) -> None:
    """With the same meaning as for sessions, of the trace alone."""
    store_filtered(api)
    for asked, expected in FILTERS:
        found = api.get("/api/traces", order="asc", **asked)
        assert "".join(ids(found, "name")) == expected, asked
        assert found["total"] == len(expected)


def store_filtered(api: Api) -> None:
    a = turn(session_id="s", at=0, name="a", user_id="ada", metadata={"plan": "pro"}, input_messages='["Paris"]')
    b = turn(
        session_id="s", at=5, name="b", failed=True, cost_usd="0.5", input_tokens=10, response_model="gpt-4o-2024",
        tags=["blue"], service="web", output_messages='["Paris, London"]',
    )  # fmt: skip
    c = span(at=9, name="c", seconds=3)
    score = {"project_id": api.project, "score_id": "1"}
    api.score(
        score | {"trace_id": b["trace_id"], "name": "help", "value": 1.0},
        score | {"trace_id": c["trace_id"], "name": "vote", "label": "up"},
    )
    api.store(a, b, c)


def test_a_trace_comes_with_its_spans_as_a_tree(api: Api) -> None:
    """In the order of time, each with parent and depth; a span whose parent never came is a root."""
    root = span(session_id="s", at=0, seconds=9)
    child = span(trace_id=root["trace_id"], parent_span_id=root["span_id"], at=1)
    leaf = turn(trace_id=root["trace_id"], parent_span_id=child["span_id"], at=2)
    orphan = span(trace_id=root["trace_id"], parent_span_id="f" * 16, at=3)
    api.store(leaf, orphan, child, root)
    found = api.get(f"/api/traces/{root['trace_id']}")
    assert [each["span_id"] for each in found["spans"]] == [each["span_id"] for each in (root, child, leaf, orphan)]
    assert [each["depth"] for each in found["spans"]] == [0, 1, 2, 0]
    assert [each["call"] is None for each in found["spans"]] == [True, True, False, True]
    assert (found["trace"]["spans"], found["trace"]["session_id"], found["next_cursor"]) == (4, "s", None)


def test_a_span_shows_its_own_call_and_whose_part_it_is(api: Api) -> None:
    """Two spans of one call: each says what it read, and the inner names the outer."""
    outer = turn(session_id="s", at=0, seconds=5, provider="x")
    inner = turn(trace_id=outer["trace_id"], parent_span_id=outer["span_id"], at=1, input_tokens=5, output_tokens=2)
    api.store(outer, inner)
    first, second = api.get(f"/api/traces/{outer['trace_id']}")["spans"]
    assert (first["merged_into"], second["merged_into"]) == (None, outer["span_id"])
    assert (first["call"]["provider"], first["call"]["total_tokens"]) == ("x", None)
    assert (second["call"]["kind"], second["call"]["total_tokens"]) == ("llm", 7)


def test_a_large_trace_comes_in_pages(api: Api) -> None:
    """Depths are those of the whole tree."""
    root = span(at=0, session_id="s")
    api.store(root, *(span(trace_id=root["trace_id"], parent_span_id=root["span_id"], at=n) for n in range(1, 6)))
    path = f"/api/traces/{root['trace_id']}"
    first = api.get(path, limit=4)
    second = api.get(path, limit=4, cursor=first["next_cursor"])
    assert [len(first["spans"]), len(second["spans"])] == [4, 2]
    assert [each["depth"] for each in second["spans"]] == [1, 1]


def test_a_trace_may_serve_several_sessions(api: Api) -> None:
    """One trace, put together, that names them all."""
    a = turn(session_id="a", at=0, cost_usd=1)
    api.store(a, turn(trace_id=a["trace_id"], session_id="b", at=5, cost_usd=2))
    trace = api.get(f"/api/traces/{a['trace_id']}")["trace"]
    assert (trace["session_id"], trace["session_ids"], trace["cost_usd"], trace["spans"]) == ("a", ["a", "b"], 3, 2)
    assert len(api.get("/api/traces")["items"]) == 2


def test_of_a_span_received_twice_the_later_is_shown(api: Api) -> None:
    """Also where its start was told otherwise, hours apart."""
    early = span(session_id="s", name="early")
    late = early | {"name": "late", "started_at": START_NS - 7200 * SECOND_NS, "received_at": early["received_at"] + 1}
    api.store(late, early)
    found = api.get(f"/api/traces/{early['trace_id']}")
    assert [each["name"] for each in found["spans"]] == ["late"]
    assert api.get(f"/api/spans/{early['trace_id']}/{early['span_id']}")["name"] == "late"


def test_a_span_is_shown_in_full(api: Api) -> None:
    """Messages, attributes, events and links, parsed where they are JSON."""
    stored = turn(
        session_id="s",
        attributes={"a": "1"},
        content_attributes={"gen_ai.prompt": "hi"},
        input_messages='[{"role":"user"}]',
        tool_arguments="not {json",
        system_instructions="[]",
        status_message="m",
        flaws=["x"],
        tags=["t"],
    )
    stored |= {
        "events.at": [START_NS],
        "events.name": ["e"],
        "events.attributes": [{"k": "v"}],
        "events.dropped_attributes": [2],
        "links.trace_id": ["t"],
        "links.span_id": ["s"],
        "links.trace_state": [""],
        "links.flags": [0],
        "links.attributes": [{}],
        "links.dropped_attributes": [0],
    }
    api.store(stored)
    path = f"/api/spans/{stored['trace_id']}/{stored['span_id']}"
    found = api.get(path)
    assert found["attributes"] == {"a": "1", "gen_ai.prompt": "hi"}
    assert found["input_messages"] == [{"role": "user"}]
    assert (found["tool_arguments"], found["system_instructions"], found["tool_result"]) == ("not {json", [], None)
    [event] = found["events"]
    assert (event["name"], event["attributes"], event["dropped_attributes"]) == ("e", {"k": "v"}, 2)
    assert found["links"][0]["trace_id"] == "t"
    assert (found["depth"], found["call"]["model"], found["flaws"]) == (0, "gpt-4o", ["x"])
    assert api.ask(path, "read").status_code == 403
    hidden = api.get(f"/api/traces/{stored['trace_id']}", "read")["spans"][0]
    assert [hidden[name] for name in ("attributes", "events", "status_message")] == [None, None, None]


def test_content_past_its_time_is_hidden_in_a_span(api: Api) -> None:
    """Messages, content attributes and what events carry; the rest stays, and so does what an exception was."""
    stored = turn(
        session_id="s",
        attributes={"a": "1"},
        content_attributes={"p": "hi"},
        input_messages="[1]",
        input_preview="hi",
        content_until=1_000_000_000,
    )
    stored |= {
        "events.at": [START_NS],
        "events.name": ["e"],
        "events.attributes": [{"k": "v", "exception.type": "E"}],
        "events.dropped_attributes": [0],
    }
    api.store(stored)
    found = api.get(f"/api/spans/{stored['trace_id']}/{stored['span_id']}")
    assert (found["attributes"], found["input_messages"]) == ({"a": "1"}, None)
    assert found["events"][0]["attributes"] == {"exception.type": "E"}
    assert found["call"]["input_preview"] is None


def test_unknown_traces_and_spans_are_404(api: Api) -> None:
    """As problems."""
    stored = span(session_id="s")
    api.store(stored)
    for path in ("/api/traces/x", "/api/spans/x/y", f"/api/spans/{stored['trace_id']}/y"):
        assert api.ask(path).status_code == 404


@pytest.mark.parametrize("newest", [0, 1, 2])
def test_a_cycle_is_cut_at_its_first_span(api: Api, newest: int) -> None:
    """As the numbers have it, whichever of its spans came last; so a trace and its spans agree."""
    cycle = [span(trace_id="7" * 32, span_id=f"{number:016x}", at=number) for number in (1, 2, 3)]
    for each, parent in zip(cycle, [cycle[2], *cycle], strict=False):
        each["parent_span_id"] = parent["span_id"]
    cycle[newest]["received_at"] += 1
    api.store(*cycle)
    shown = api.get(f"/api/traces/{'7' * 32}")["spans"]
    assert [each["depth"] for each in shown] == [0, 1, 2]
    alone = [api.get(f"/api/spans/{each['trace_id']}/{each['span_id']}") for each in cycle]
    assert [each["depth"] for each in alone] == [0, 1, 2]


@given(st.dictionaries(st.sampled_from("abcdef"), st.sampled_from("abcdefgh") | st.just("")))
def test_depths_are_found_whatever_the_parents_say(parents: dict[str, str]) -> None:
    """Every span has one; a child lies one deeper than its parent, but for the place where a cycle is cut."""
    found = depths(parents)
    assert found.keys() == parents.keys()
    cut = [span_id for span_id, up in parents.items() if up in found and found[span_id] != found[up] + 1]
    assert all(found[span_id] == 0 for span_id in cut)
    assert all(found[span_id] == 0 for span_id, up in parents.items() if up not in parents)
