"""Stored JSON of any depth: more levels can be read than can be written again."""

from typing import Any

import orjson
import pytest

from query_api.conversation import Turn, new_messages
from query_api.opened import opened
from query_api.ui.said import answer_words, pretty
from tests.query_api.asking import Api, turn

DEPTHS = (100, 222, 223, 254, 300, 1000, 2000)
"""What opens and is written; the last that does, and the first that does not; beyond what is written, and read."""


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


def message(part: str) -> str:
    return f'[{{"role":"assistant","parts":[{part}]}}]'


def test_what_is_too_deep_stays_text() -> None:
    """As does what is no JSON; many brackets side by side are not deep."""
    for depth in DEPTHS:
        assert isinstance(opened(nested(depth)), list) == (depth < 223), depth
    assert opened(nested(300)) == nested(300)
    assert opened("{") == "{"
    assert opened(f"[{'[],' * 1000}1]")[-2:] == [[], 1]


@pytest.mark.parametrize("depth", DEPTHS)
def test_messages_of_any_depth_are_shown_on_every_route(api: Api, depth: int) -> None:
    """As parts, as arguments, and as arguments that are a text; what cannot be opened, as the text it is."""
    deep = nested(depth)
    as_part = message(f'{{"type":"json","content":{deep}}}')
    as_arguments = message(f'{{"type":"tool_call","id":"1","name":"f","arguments":{deep}}}')
    as_text = message(f'{{"type":"tool_call","id":"1","name":"f","arguments":"{deep}"}}')
    stored = [
        turn(session_id="s", output_messages=as_part),
        turn(session_id="s", output_messages=as_arguments),
        turn(session_id="s", output_messages=as_text, tool_arguments=f'{{"a":{deep}}}', tool_result=deep),
    ]
    api.store(*stored)
    paths = ["/api/sessions/s", "/api/sessions/s/messages", "/api/sessions/s/calls", "/sessions/s"]
    for each in stored:
        trace, span = each["trace_id"], each["span_id"]
        paths += [f"/api/traces/{trace}", f"/api/spans/{trace}/{span}", f"/traces/{trace}?span={span}"]
    for path in paths:
        assert api.ask(path).status_code == 200, path
    entries = api.get("/api/sessions/s/messages")["items"]
    assert all(len(entry["messages"]) == 1 and "[" * 100 in orjson.dumps(entry).decode() for entry in entries)


@pytest.mark.parametrize("depth", DEPTHS)
def test_pages_lay_out_what_is_not_too_deep(depth: int) -> None:
    """Never an error."""
    assert ("\n" in pretty(nested(depth))) == (depth < 223)
    assert pretty(nested(depth)).replace("\n", "").replace(" ", "") == nested(depth)
    assert answer_words(f"[{{}},{nested(depth)}]").replace(" ", "") == f"[{{}},{nested(depth)}]"


def test_a_preview_goes_before_a_text_that_is_too_deep() -> None:
    """It is what people read."""
    deep = message(nested(300))

    def words(**said: str) -> list[Any]:
        [new] = new_messages([Turn(**said)])
        return [part["content"] for each in new for part in each["parts"]]

    assert words(answered=deep, answered_preview="told") == ["told"]
    assert words(answered=deep) == [deep]
