"""What is new in each turn."""

import time
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from query_api.conversation import Turn, _borders, _carried_on, new_messages


def says(role: str, text: str, **more: Any) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": text}]} | more


def turn(asked: list[dict[str, Any]], answered: list[dict[str, Any]], system: str = "") -> Turn:
    parts = orjson.dumps([{"type": "text", "content": system}]).decode() if system else ""
    return Turn(system=parts, asked=orjson.dumps(asked).decode(), answered=orjson.dumps(answered).decode())


def texts(turns: list[Turn]) -> list[list[Any]]:
    return [[message["parts"][0].get("content") for message in new] for new in new_messages(turns)]


HI, HO = says("user", "hi"), says("assistant", "ho")
WHY, THUS = says("user", "why"), says("assistant", "thus")


def test_a_history_that_grows_is_told_once() -> None:
    """Each turn brings its question and its answer, though it was sent everything again."""
    turns = [turn([HI], [HO]), turn([HI, HO, WHY], [THUS]), turn([HI, HO, WHY, THUS, says("user", "bye")], [])]
    assert texts(turns) == [["hi", "ho"], ["why", "thus"], ["bye"]]


def test_an_answer_may_come_back_in_another_form() -> None:
    """Without its reason to stop, its reasoning and its ids; with arguments as text."""
    call = {"type": "tool_call", "id": "1", "name": "f", "arguments": {"x": 1}}
    answer = {
        "role": "assistant",
        "parts": [{"type": "reasoning", "content": "hm"}, call],
        "finish_reason": "tool_call",
    }
    back = {"role": "assistant", "parts": [call | {"id": None, "arguments": '{"x": 1}'}]}
    result = {"role": "tool", "parts": [{"type": "tool_call_response", "id": "1", "response": "rain"}]}
    new = list(new_messages([turn([HI], [answer]), turn([HI, back, result], [THUS])]))
    assert new == [[HI, answer], [result, THUS]]


def test_the_system_prompt_is_told_when_it_changes() -> None:
    """As a message of its own, once."""
    turns = [turn([HI], [HO], "be kind"), turn([HI, HO, WHY], [THUS], "be kind"), turn([HI], [HO], "be brief")]
    assert texts(turns) == [["be kind", "hi", "ho"], ["why", "thus"], ["be brief", "hi", "ho"]]


def test_a_window_that_slides_is_followed() -> None:
    """Clients drop the oldest messages of a long history."""
    history = [says("user", str(n)) for n in range(6)]
    turns = [turn(history[:4], [THUS]), turn([*history[2:4], THUS, history[4]], [HO])]
    assert texts(turns) == [["0", "1", "2", "3", "thus"], ["4", "ho"]]


def test_the_same_question_again_is_new() -> None:
    """Unless nobody had answered it: then only the answer is."""
    assert texts([turn([HI], [HO]), turn([HI], [HO])]) == [["hi", "ho"], ["hi", "ho"]]
    assert texts([turn([HI], []), turn([HI], [HO])]) == [["hi"], ["ho"]]


def test_conversations_side_by_side_are_told_apart() -> None:
    """A session may hold several, turn by turn."""
    one = [turn([HI], [HO]), turn([HI, HO, WHY], [THUS])]
    other = [turn([says("user", "a")], [says("assistant", "b")])]
    assert texts([one[0], other[0], one[1]]) == [["hi", "ho"], ["a", "b"], ["why", "thus"]]


@pytest.mark.parametrize("broken", ["", "{", "[]", "null", '"text"', "[1]", '{"role": "user"}'])
def test_what_cannot_be_read_is_shown_as_it_was_previewed(broken: str) -> None:
    """Never blank where anything is known."""
    spoken = Turn(asked=broken, answered=broken, asked_preview="asked", answered_preview="told")
    assert list(new_messages([spoken])) == [[says("user", "asked"), says("assistant", "told")]]
    assert list(new_messages([Turn(asked=broken)])) == [[]]


def test_a_system_that_is_told_the_time_makes_nothing_else_new() -> None:
    """Its words change with every turn; the history behind them is the same."""
    clock = [says("system", f"it is {hour} o'clock") for hour in (1, 2, 3)]
    turns = [
        turn([clock[0], HI], [HO]),
        turn([clock[1], HI, HO, WHY], [THUS]),
        turn([clock[2], HI, HO, WHY, THUS, HI], []),
    ]
    assert texts(turns) == [
        ["it is 1 o'clock", "hi", "ho"],
        ["it is 2 o'clock", "why", "thus"],
        ["it is 3 o'clock", "hi"],
    ]


@given(st.text("ab", max_size=12), st.text("ab", max_size=12))
def test_what_carries_on_is_the_longest_end_that_the_input_begins_with(history: str, keys: str) -> None:
    """As one would look for it: length by length."""
    lengths = range(2, min(len(history), len(keys)) + 1)
    expected = max((length for length in lengths if history.endswith(keys[:length])), default=0)
    assert _carried_on(history, keys, _borders(keys)) == expected


def test_thousands_of_messages_take_no_minutes() -> None:
    """Two turns of 40,000 that have all but the first in common: a second, where it was fifteen and grew with the
    square of their number."""
    said = [says("user", f"{number} {'x' * 40}") for number in range(40_000)]
    since = time.process_time()
    (_, again) = new_messages([turn(said, []), turn([says("user", "otherwise"), *said[1:]], [])])
    assert len(again) == 40_000
    (_, again) = new_messages([turn(said, []), turn([*said[1:], HI], [])])
    assert again == [HI]
    assert time.process_time() - since < 6
