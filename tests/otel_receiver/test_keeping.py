"""What a project lets us keep: content off, cut, redacted; and nothing at all where a pattern fails."""

import json
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
from otel_receiver.span import Event, Link
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
EVENTS = (
    Event(1, "gen_ai.user.message", {"content": "in Rome", "role": "user"}),
    Event(2, "gen_ai.evaluation.result", {"gen_ai.evaluation.explanation": "Rome", "gen_ai.evaluation.name": "s"}),
)
ATTRIBUTES = {"gen_ai.prompt": "{broken Rome", "gen_ai.system": "openai", "card": SECRET, "list": [SECRET]}
UNREAD = {"gen_ai.tool.definitions": "[Rome", "mlflow.chat.tools": "Rome", "gen_ai.evaluation.explanation": "Rome"}


def row(content: Policy = "on", redact: tuple[Any, ...] = (), call: Call = CALL, **changes: Any) -> dict[str, Any]:
    project = Project("p", content=content, redact=redact)
    batch = rows(span(**{"events": EVENTS, "attributes": ATTRIBUTES, **changes}), call=call, project=project)
    return {name: values[0] for name, values in {**batch.scores, **batch.spans}.items()}


def test_content_off_keeps_numbers_and_names_only() -> None:
    """Messages, previews, what no dialect parsed, what events and evaluators say: all gone."""
    kept = row("off", attributes=ATTRIBUTES | UNREAD)
    assert "rome" not in repr(kept).lower().replace("'rome', 'x'", "")
    assert (kept["input_messages"], kept["input_preview"], kept["comment"]) == ("", "", "")
    assert kept["content_attributes"] == {}
    assert kept["events.attributes"] == [{"role": "user"}, {"gen_ai.evaluation.name": "s"}]
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
    assert kept["events.attributes"][0] == {"content": "in [redacted]", "role": "user"}


@pytest.mark.parametrize("preview", ["input_preview", "output_preview"])
def test_previews_are_redacted_before_they_are_cut(preview: str) -> None:
    """No digit of a number at the edge stays, however long the text, and whatever escapes its end would close."""
    for text in ("x" * 489 + " 4111111111111111" + " y" * 5_000, f'["{"x" * 480} \\u0052ome", "{"y" * 5_000}"]'):
        call = Call(content=Content(**{preview: text}))
        assert row(call=call)[preview] == text[:500]
        kept = row(redact=(CARD, ROME), call=call)[preview]
        assert ("411" in kept, "0052" in kept, len(kept)) == (False, False, 500)


def test_keys_that_match_are_redacted_and_keep_their_values() -> None:
    """Names of attributes, of metadata, of what events and links say, and in JSON. Two that become one are numbered."""
    named: dict[str, Any] = {"user.ann@x.org": "1", "plain": "2", "user.bob@x.org": "3"}
    wanted = {"user.[redacted]": "1", "plain": "2", "user.[redacted] 2": "3"}
    said = {f"gen_ai.prompt.{key}": value for key, value in named.items()}
    call = Call(metadata=tuple(named.items()), content=Content(tool_result=json.dumps(named)))
    links = (Link("0" * 32, "1" * 16, "", named),)
    emails = (compiled(r"[a-z]+@[a-z.]+"),)
    kept = row(redact=emails, call=call, attributes=named | said, events=(Event(1, "e", named),), links=links)
    assert kept["attributes"] == kept["metadata"] == orjson.loads(kept["tool_result"]) == wanted
    assert kept["events.attributes"] == kept["links.attributes"] == [wanted]
    assert kept["content_attributes"] == {f"gen_ai.prompt.{key}": value for key, value in wanted.items()}


def test_keys_that_all_match_are_numbered_in_time() -> None:
    """Also where there are many, and where a key is what another becomes."""
    taken = {f"[redacted] {number}": f"taken {number}" for number in range(20_000)}
    many: dict[str, Any] = taken | {f"{number}@x": str(number) for number in range(20_000)}
    before = time.thread_time()
    kept = row(redact=(compiled(r"\d+@x"),), attributes=many)["attributes"]
    assert time.thread_time() - before < 2
    assert sorted(kept.values()) == sorted(many.values())
    assert "@x" not in repr(kept)


@pytest.mark.parametrize("space", [" ", "\n", "\t\r\n  "])
def test_json_behind_a_space_is_redacted_as_json(space: str) -> None:
    """An escape hides nothing there either."""
    call = Call(content=Content(tool_result=space + '{"\\u0052ome": "\\u0052ome", "x": 1}'))
    assert row(call=call)["tool_result"] == call.content.tool_result
    assert row(redact=(ROME,), call=call)["tool_result"] == '{"[redacted]":"[redacted]","x":1}'


def nested(value: Any, levels: int) -> str:
    """JSON in JSON, with escapes as Python writes them."""
    for _ in range(levels):
        value = json.dumps({"is": value})
    return str(value)


@pytest.mark.parametrize("levels", [2, 3, 8])
def test_json_in_json_is_redacted_as_json(levels: int) -> None:
    """What a tool returned as JSON is a text in messages: its escapes hide nothing either, nor its quotes."""
    for pattern in ("Müller", '"Jo": 7'):
        call = Call(content=Content(tool_result=nested({"name": "Müller", "Jo": 7}, levels)))
        kept = row(redact=(compiled(pattern),), call=call)["tool_result"]
        for _ in range(levels - 1):
            kept = orjson.loads(kept)["is"]
        assert ("ller" in kept, "7" in kept) == (pattern != "Müller", pattern == "Müller"), kept


def test_json_in_json_is_redacted_in_time() -> None:
    """Megabytes of it, many and deep, and deeper than is looked: each level is read once."""
    deep = nested([nested("Rome é" * 1_000, 3)] * 20, 6) + " " * 1_000
    texts = (json.dumps([nested("é" * 20, 3)] * 5_000), deep, nested("x" * 1_000_000, 12), nested(1, 16))
    before = time.thread_time()
    for text in texts:
        assert "Rome" not in row(redact=(CARD, ROME), call=Call(content=Content(tool_result=text)))["tool_result"]
    assert time.thread_time() - before < 3


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
    response.model_output logfire.msg my.own.prompt embedding.embeddings.0.embedding.vector
    gen_ai.evaluation.explanation gen_ai.tool.definitions mlflow.chat.tools llm.tools.0.tool.json_schema
    llm.request.functions.0.description""".split(),  # noqa: SIM905
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
    gen_ai.input.messages.ref llm.input_messages.0.message.tool_calls.0.tool_call.id process.command
    llm.tools.0.tool.name llm.request.functions.0.name agent.tools.count code.function gen_ai.evaluation.score.label
    gen_ai.evaluation.name gen_ai.tool.name gen_ai.tool.type""".split(),  # noqa: SIM905
)
def test_keys_that_name_or_measure_are_no_content(key: str) -> None:
    """Content off must leave what numbers are filtered by."""
    assert not carries_content(key, "text")
