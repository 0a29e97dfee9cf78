"""What only log records say: from recorded OTLP requests, through the receiver's code, to every route of content."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import orjson
import pytest
from clickhouse_connect.driver import Client

from clickhouse.connect import Database
from clickhouse.projects import Project
from clickhouse.rollup import accounts
from otel_receiver.dialects.log_events import read_log
from otel_receiver.export import Received
from otel_receiver.log_rows import write_log_rows
from otel_receiver.otlp import decode_logs
from otel_receiver.pricing import Prices
from tests.clickhouse.stored import settle
from tests.histories import SECOND_NS
from tests.otel_receiver.dialects.recordings import PAYLOADS, RECORDED_NS
from tests.otel_receiver.test_log_calls import batches, insert, record_of, the_session, without_trace
from tests.query_api.asking import Api, path_of, serving, turn, unique
from tests.query_api.test_session import said

HELLO = ["Hello, who are you?"]
PARIS = ["What is the weather in Paris?"]


@pytest.fixture(scope="module")
def openai(shared_database: Database, shared_client: Client, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """Spans without a word, and their messages one by one in logs."""
    with serving(shared_database, shared_client, unique("openai"), tmp_path_factory.mktemp("data")) as api:
        insert(shared_database, batches("otel_openai_v2_legacy", api.project, "[0-9]*.binpb"))
        insert(shared_database, batches("otel_openai_v2_legacy", api.project, "logs-*.binpb"))
        settle(shared_client)
        yield api


@pytest.fixture(scope="module")
def claude(shared_database: Database, shared_client: Client, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """Claude Code as it comes: no spans, and records that name none, nor a trace."""
    bodies = [path.read_bytes() for path in sorted((PAYLOADS / "claude_code").glob("logs-*.binpb"))]
    records = [record for body in bodies for record in decode_logs(body, "protobuf", RECORDED_NS).records]
    told = [log for log in (read_log(without_trace(record)) for record in records) if log is not None]
    with serving(shared_database, shared_client, unique("claude"), tmp_path_factory.mktemp("data")) as api:
        insert(shared_database, [write_log_rows(told, Project(api.project), Prices(), Received(RECORDED_NS))])
        settle(shared_client)
        yield api


def session_of(api: Api) -> str:
    session_id: str = the_session(api.database, api.project)["session_id"]
    return session_id


def told(api: Api, session_id: str, **paging: Any) -> list[list[Any]]:
    """What each turn tells: texts, or the kind of what is no text."""
    pages = api.pages("/api/session", id=session_id, view="messages", **paging)
    entries = [entry for page in pages for entry in page["items"]]
    return [
        [part.get("content", part["type"]) for message in entry["messages"] for part in message["parts"]]
        for entry in entries
    ]


@pytest.mark.parametrize("limit", [1, 50])
def test_messages_of_logs_are_the_conversation(openai: Api, limit: int) -> None:
    """In the order of their log, each once, on whichever page."""
    assert told(openai, session_of(openai), limit=limit) == [
        ["You are a terse assistant.", *HELLO, "Hello, I am a fake assistant."],
        [*PARIS, "tool_call"],
        ["tool_call_response", "It is rainy and 14C in Paris."],
        ["Please FAIL500 now"],
    ]


def test_what_was_said_of_an_agent_is_said_in_its_turns(claude: Api) -> None:
    """Claude Code tells the words of a prompt, not those of its requests: first asked, last answered."""
    assert told(claude, session_of(claude)) == [
        [*HELLO, "Hello, I am a fake Claude."],
        PARIS,
        ["It is rainy and 14C in Paris."],
        ["Please FAIL500 now"],
    ]


def test_the_timeline_shows_what_logs_say(openai: Api) -> None:
    """For those who may read it."""
    path = f"{path_of(session_of(openai))}/calls"
    calls = [call for call in openai.get(path)["items"] if call["kind"] == "llm"]
    assert [(call["input_preview"], call["output_preview"]) for call in calls[:2]] == [
        (*HELLO, "Hello, I am a fake assistant."),
        (*PARIS, None),
    ]
    assert {call["input_preview"] for call in openai.get(path, "read")["items"]} == {None}


def test_a_trace_shows_calls_that_only_logs_tell_of(claude: Api) -> None:
    """As spans of the kind log, with their numbers; and each in full."""
    traces = claude.get("/api/traces", order="asc")["items"]
    found = claude.get(f"/api/traces/{traces[1]['trace_id']}")
    assert [each["kind"] for each in found["spans"]] == ["log"] * 4
    calls = [each["call"] for each in found["spans"]]
    assert [call["kind"] for call in calls] == ["agent", "llm", "tool", "llm"]
    assert sum(call["total_tokens"] or 0 for call in calls) == found["trace"]["total_tokens"] > 0
    assert (calls[0]["input_preview"], calls[2]["input_preview"]) == (
        PARIS[0],
        '{"file_path":"/home/user/appdir/cc_home/srvs/hello.txt"}',
    )
    agent = claude.get(f"/api/spans/{traces[1]['trace_id']}/{calls[0]['span_id']}")
    assert (agent["name"], agent["call"]["input_preview"]) == ("user_prompt", *PARIS)
    assert agent["call"]["output_preview"] == "It is rainy and 14C in Paris."
    hidden = claude.get(f"/api/traces/{traces[1]['trace_id']}", "read")["spans"][0]["call"]
    assert (hidden["input_preview"], hidden["output_preview"]) == (None, None)


def test_a_span_shows_what_logs_say_of_it(openai: Api) -> None:
    """Its messages come from several records; the tree is of spans alone."""
    trace = openai.get("/api/traces", q='"who are you"', order="asc")["items"][0]
    spans = openai.get(f"/api/traces/{trace['trace_id']}")["spans"]
    assert {each["kind"] for each in spans} == {"server", "client"}
    [turn_id] = [each["span_id"] for each in spans if each["call"] is not None and each["call"]["kind"] == "llm"]
    whole = openai.get(f"/api/spans/{trace['trace_id']}/{turn_id}")
    assert [message["role"] for message in whole["input_messages"]] == ["system", "user"]
    assert whole["output_messages"][0]["role"] == "assistant"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('"rainy, 14C"', 1), ("RAINY fake", 1), ("rain", 0), ("-rainy", 0), ("-sunny", 1), ("assistant sunny", 0),
    ],
)  # fmt: skip
def test_words_of_logs_are_found(openai: Api, text: str, found: int) -> None:
    """As those of spans: whole words, any case of letters, negated too."""
    assert openai.get("/api/sessions", q=text)["total"] == found


def test_words_are_found_where_there_is_no_span(claude: Api) -> None:
    """In sessions and in traces."""
    assert claude.get("/api/sessions", q='"weather in Paris"')["total"] == 1
    assert claude.get("/api/traces", text="FAIL500")["total"] == 1


def test_a_record_counts_for_the_session_of_its_call(api: Api, shared_database: Database) -> None:
    """Of a trace that serves two, only in one were its words said; and what expired is not found, nor shown."""
    one = turn(session_id="one", span_id="b" * 16, trace_id="a" * 32)
    other = turn(session_id="other", trace_id="a" * 32)
    store_words(api, shared_database, "lighthouse")
    api.store(one, other)
    assert [each["session_id"] for each in api.get("/api/sessions", q="lighthouse")["items"]] == ["one"]
    assert told(api, "one") == [["lighthouse"]]
    api.database.command(
        "ALTER TABLE log_calls UPDATE content_until = toDateTime(1000000000) WHERE project_id = {project:String}",
        parameters={"project": api.project},
        settings={"mutations_sync": 2},
    )
    assert api.get("/api/sessions", q="lighthouse")["items"] == []
    assert told(api, "one") == [[]]


def store_words(
    api: Api, database: Database, words: str, attributes: Mapping[str, Any] = MappingProxyType({}), **record: Any
) -> None:
    asked = [{"role": "user", "parts": [{"type": "text", "content": words}]}]
    log = read_log(
        record_of(attributes={"gen_ai.operation.name": "chat", "gen_ai.input.messages": asked, **attributes}, **record)
    )
    assert log is not None
    insert(database, [write_log_rows([log], Project(api.project), Prices(), Received(RECORDED_NS))])


def test_a_user_takes_their_records_along(alone: Api, database: Database) -> None:
    """Exported with their spans, also where only the record names them; gone when they are deleted."""
    mine = turn(session_id="one", span_id="b" * 16, trace_id="a" * 32, input_messages=said(("user", "hi")))
    store_words(alone, database, "lighthouse", {"user.id": "ada"})
    alone.store(mine, turn(session_id="two", user_id="bob"))
    lines = [orjson.loads(line) for line in alone.ask("/api/users/ada/export").text.splitlines()]
    assert [line["type"] for line in lines] == ["session", "span", "log_call"]
    assert (lines[1]["span_id"], "lighthouse" in lines[2]["input_messages"]) == ("b" * 16, True)
    bobs = [orjson.loads(line)["type"] for line in alone.ask("/api/users/bob/export").text.splitlines()]
    assert bobs == ["session", "span"]
    deleted = alone.ask("/api/users/ada", "admin", method="DELETE").json()["deleted"]
    settle(alone.database)
    assert deleted["traces"] == 1
    assert alone.ask("/api/users/ada").status_code == 404
    assert alone.get("/api/sessions", q="lighthouse")["items"] == []
    left = alone.database.query(
        "SELECT count() FROM log_calls WHERE project_id = {project:String}", parameters={"project": alone.project}
    )
    assert left.result_rows == [(0,)]


def test_a_trace_that_is_too_large_to_be_joined_is_exported_too(
    api: Api, shared_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it that says whose it is; a record that names nobody, only where nobody else is."""
    both, hers = "a" * 32, "c" * 32
    users: dict[str, dict[str, str]] = {"lighthouse": {"user.id": "ada"}, "harbour": {"user.id": "bob"}, "nobody's": {}}
    for trace_id in (both, hers):
        for words, user in users.items():
            if (trace_id, words) != (hers, "harbour"):
                store_words(api, shared_database, words, user, trace_id=trace_id, span_id="")
    mine = {"user_id": "ada", "at": 0, "started_at": RECORDED_NS, "ended_at": RECORDED_NS + SECOND_NS}
    api.store(
        turn(session_id="s", trace_id=both, **mine),
        turn(session_id="s", trace_id=both, **mine | {"user_id": "bob"}),
        turn(session_id="s", trace_id=hers, **mine),
    )
    monkeypatch.setattr(accounts, "MAX_PAIRS", 0)
    _, *lines = api.ask("/api/users/ada/export").text.splitlines()
    assert sorted((line["type"], line["trace_id"]) for line in map(orjson.loads, lines)) == [
        ("log_call", both), ("log_call", hers), ("log_call", hers), ("span", both), ("span", hers),
    ]  # fmt: skip
    assert [sum(words in line for line in lines) for words in users] == [2, 0, 1]


def test_logs_of_other_projects_are_not_theirs(openai: Api, data_dir: Path) -> None:
    """By id, by word, by trace."""
    trace = openai.get("/api/traces", q='"who are you"', order="asc")["items"][0]
    key = {"authorization": f"Bearer content of {openai.project}-other"}
    assert openai.ask(f"/api/traces/{trace['trace_id']}", headers=key).status_code == 404
    assert openai.ask("/api/sessions?q=rainy", headers=key).json()["total"] == 0
