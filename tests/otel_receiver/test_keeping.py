"""What a project lets us keep: content off, cut, redacted; and nothing at all where a pattern fails."""

import time
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from clickhouse.patterns import Found, compiled
from clickhouse.projects import Content as Policy
from clickhouse.projects import Project
from otel_receiver import keeping
from otel_receiver.call import Call, Content, Ids, Score
from otel_receiver.content import carries_content
from otel_receiver.span import Event
from tests.otel_receiver.spans import NOW_NS, rows, span

SECRET = "4111 1111 1111 1111"
CARD = compiled(r"\b(?:\d ?){16}\b")
ROME = compiled("(?i)rome")
SAID = Content(
    input_messages=orjson.dumps(
        [{"role": "user", "parts": [{"type": "text", "content": f"card {SECRET}\nRome"}]}]
    ).decode(),
    output_messages='[{"role":"assistant","parts":[{"type":"text","content":"\\u0052ome it is"}]}]',
    tool_arguments='{"card":4111111111111111,"rome":1}',
    tool_result="not JSON, " + SECRET,
    input_preview=f"card {SECRET}",
    output_preview="Rome it is",
)
CALL = Call(content=SAID, error_message=f"refused {SECRET}", tags=("rome", "x"), scores=(Score("s", comment="Rome"),))
EVENTS = (Event(1, "gen_ai.user.message", {"content": "in Rome", "role": "user"}),)
ATTRIBUTES = {"gen_ai.prompt": "{broken Rome", "gen_ai.system": "openai", "card": SECRET, "list": [SECRET]}


def row(content: Policy = "on", redact: tuple[Any, ...] = (), call: Call = CALL, **changes: Any) -> dict[str, Any]:
    project = Project("p", content=content, redact=redact)
    batch = rows(span(**{"events": EVENTS, "attributes": ATTRIBUTES, **changes}), call=call, project=project)
    return {name: values[0] for name, values in {**batch.scores, **batch.spans}.items()}


def test_content_off_keeps_numbers_and_names_only() -> None:
    """Messages, previews, what no dialect parsed, what events and evaluators say: all gone."""
    kept = row("off")
    assert "rome" not in repr(kept).lower().replace("'rome', 'x'", "")
    assert (kept["input_messages"], kept["input_preview"], kept["comment"]) == ("", "", "")
    assert kept["content_attributes"] == {}
    assert kept["events.attributes"] == [{"role": "user"}]
    assert kept["attributes"]["gen_ai.system"] == "openai"
    assert kept["flaws"] == ()


def test_truncated_content_stays_json_and_is_flagged() -> None:
    """Each text is cut on its own, with a mark that says how much is gone."""
    messages = orjson.dumps([{"role": "user", "parts": [{"content": "é" * 3_000}, {"content": "short"}]}]).decode()
    call = Call(content=Content(messages, tool_result="x" * 1_500))
    kept = row("truncated", call=call, attributes={"gen_ai.prompt": "y" * 2_000})
    cut, short = (part["content"] for part in orjson.loads(kept["input_messages"])[0]["parts"])
    assert (cut, short) == ("é" * 1_000 + "[cut: 2000 more characters]", "short")
    assert kept["tool_result"] == "x" * 1_000 + "[cut: 500 more characters]"
    assert kept["content_attributes"]["gen_ai.prompt"].endswith("[cut: 1000 more characters]")
    assert kept["flaws"] == ("content_truncated",)
    assert row("truncated")["flaws"] == ()
    assert row("truncated")["input_messages"] == SAID.input_messages


def test_patterns_are_redacted_wherever_they_stand() -> None:
    """In messages behind escapes, in numbers, in keys of JSON, attributes, errors, events, tags."""
    kept = row(redact=(CARD, ROME))
    assert "4111" not in repr(kept)
    assert "rome" not in repr(kept).lower()
    assert orjson.loads(kept["tool_arguments"]) == {"card": "[redacted]", "[redacted]": 1}
    assert orjson.loads(kept["output_messages"])[0]["parts"][0]["content"] == "[redacted] it is"
    assert kept["attributes"] == {"gen_ai.system": "openai", "card": "[redacted]", "list": '["[redacted]"]'}
    assert kept["tags"] == ("[redacted]", "x")
    assert kept["error_message"] == "refused [redacted]"
    assert kept["events.attributes"] == [{"content": "in [redacted]", "role": "user"}]


def test_ids_that_match_are_hashed_so_that_they_stay_apart() -> None:
    """Two people do not become one; and what holds a trace together is never touched."""
    every = (compiled("."),)
    ids = [Ids(session_id="a@x.org", user_id=name) for name in ("ann", "bob", "ann")]
    users = [row(redact=every, call=Call(ids=one))["user_id"] for one in ids]
    assert users[0] == users[2] != users[1]
    assert all(user.startswith("redacted~") and len(user) == 73 for user in users)
    kept = row(redact=every)
    assert (kept["trace_id"], kept["span_id"]) == (span().trace_id, span().span_id)
    assert kept["status"] == "ok"


class Failing:
    """A pattern that fails on some texts."""

    def __init__(self, on: str) -> None:
        self.on = on

    def finditer(self, text: str, /) -> Iterator[Found]:
        if self.on in text:
            raise RuntimeError("the pattern failed")
        return iter(())


def test_a_pattern_that_fails_costs_the_content_never_the_span() -> None:
    """Fail closed: that row keeps its numbers and a flag, its neighbours keep everything."""
    project = Project("p", redact=(Failing("poison"),))
    calls = Call(content=Content("[]", input_preview="fine"))
    batch = rows(span(1), span(2, attributes={"x": "poison"}), span(3), call=calls, project=project)
    assert batch.spans["flaws"] == [(), ("redaction_failed",), ()]
    assert batch.spans["input_preview"] == ["fine", "", "fine"]
    assert batch.spans["attributes"] == [{"gen_ai.operation.name": "chat"}, {}, {"gen_ai.operation.name": "chat"}]
    assert list(batch.spans["started_at"]) == [NOW_NS + 1, NOW_NS + 2, NOW_NS + 3]
    scored = Call(scores=(Score("s", comment="poison"), Score("s", 1.0, comment="fine")))
    assert rows(span(), call=scored, project=project).scores["comment"] == ["", "fine"]


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)+$", "(a|a)*b", r"(.*)*$x", "(?:a?){100}a{100}b"])
def test_no_pattern_takes_long_over_one_text(pattern: str) -> None:
    """What back-tracking never ends on, over 50,000 characters: a moment."""
    text = "a" * 50_000 + "!"
    before = time.thread_time()
    kept = row(redact=(compiled(pattern),), attributes={"x": text})
    assert time.thread_time() - before < 1
    assert (kept["attributes"], kept["flaws"]) == ({"x": text}, ())


def test_patterns_that_use_up_their_time_cost_the_content_never_the_span(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each search is linear, but this one looks at all the rest at each of its matches: its row is emptied, the others
    keep what they have."""
    monkeypatch.setattr(keeping, "REDACTION_SECONDS", 0.3)
    project = Project("p", redact=(compiled("(?s)a(?:.*b)?"),))
    before = time.thread_time()
    batch = rows(span(1), span(2, attributes={"x": "a" * 400_000}), span(3, attributes={"x": "cab"}), project=project)
    assert time.thread_time() - before < 2
    assert [kept.get("x") for kept in batch.spans["attributes"]] == [None, None, "c[redacted]"], batch.spans["flaws"]
    assert batch.spans["flaws"] == [(), ("redaction_failed",), ()]


def test_deep_or_odd_json_is_redacted_as_text() -> None:
    """What cannot be walked is still searched."""
    deep = "[" * 5_000 + '"Rome"' + "]" * 5_000
    assert "Rome" not in row(redact=(ROME,), call=Call(content=Content(deep)))["input_messages"]


@pytest.mark.parametrize(
    "key",
    """gen_ai.input.messages gen_ai.prompt gen_ai.prompt.0.content gen_ai.completion.3.content input.value ai.prompt
    ai.response.text ai.response.toolCalls ai.toolCall.args llm.input_messages.0.message.content mlflow.spanInputs
    gcp.vertex.agent.llm_request gcp.vertex.agent.tool_response genkit:output lmnr.span.input traceloop.entity.output
    langfuse.observation.input pydantic_ai.all_messages final_result user_prompt file_path full_command tool_input
    gen_ai.tool.call.arguments gen_ai.system_instructions retrieval.documents.0.document.content new_context
    response.model_output logfire.msg my.own.prompt embedding.embeddings.0.embedding.vector""".split(),  # noqa: SIM905
)
def test_keys_of_content_are_known_by_their_words(key: str) -> None:
    """In any dialect, also one we have never seen; numbers never carry content."""
    assert carries_content(key, "text")
    assert not carries_content(key, 1.5)


@pytest.mark.parametrize(
    "key",
    """gen_ai.usage.input_tokens llm.usage.prompt_tokens gen_ai.prompt.name gen_ai.prompt.0.role input.mime_type
    gen_ai.output.type gen_ai.response.id gen_ai.request.model gen_ai.completion.0.finish_reason session.id user.id
    http.request.method url.query db.query.text exception.message error.message llm.prompt_template.version
    ai.telemetry.metadata.tenant gen_ai.operation.name server.address langfuse.observation.status_message 0 . name
    gen_ai.input.messages.ref llm.input_messages.0.message.tool_calls.0.tool_call.id process.command""".split(),  # noqa: SIM905
)
def test_keys_that_name_or_measure_are_no_content(key: str) -> None:
    """Content off must leave what numbers are filtered by."""
    assert not carries_content(key, "text")
