"""Whom a span belongs to: three kinds of session id apart, placeholders are nobody, the first key by rank wins."""

from typing import Any

import pytest

from otel_receiver.call import Ids
from otel_receiver.dialects import read
from otel_receiver.span import Attributes, Resource
from tests.otel_receiver.dialects.spans import call_of, span_of


@pytest.mark.parametrize(
    "key",
    [
        "session.id",
        "langfuse.session.id",
        "traceloop.association.properties.session_id",
        "lmnr.association.properties.session_id",
        "ai.telemetry.metadata.sessionId",
        "ai.settings.context.sessionId",
        "langsmith.metadata.session_id",
        "mlflow.trace.session",
        "mlflow.traceTag.mlflow.trace.session",
        "genkit:sessionId",
        "gcp.vertex.agent.session_id",
        "langfuse.observation.metadata.langfuse_session_id",
    ],
)
def test_an_explicit_id_by_any_name(key: str) -> None:
    """The dialects' words for session.id."""
    ids = call_of({key: "conv/42 ?#"}).ids
    assert ids == Ids(session_id="conv/42 ?#", session_key=key)


@pytest.mark.parametrize(
    "key",
    [
        "gen_ai.conversation.id",
        "traceloop.association.properties.thread_id",
        "ai.telemetry.metadata.chatId",
        "langsmith.metadata.thread_id",
        "genkit:threadName",
    ],
)
def test_a_conversation_id_stays_one(key: str) -> None:
    """It never splits a trace off from an explicit session, so it must not pass for one."""
    assert call_of({key: "c-1"}).ids == Ids(conversation_id="c-1", session_key=key)


def test_a_resource_s_id_is_kept_apart() -> None:
    """One process, one session, as Gemini CLI has it; the span's own ids go first."""
    resource = {"session.id": "of the process", "user.id": "u"}
    ids = call_of({}, resource=resource).ids
    assert ids == Ids(
        resource_session_id="of the process",
        session_key="resource.session.id",
        resource_user_id="u",
        user_key="resource.user.id",
    )
    both = call_of({"gen_ai.conversation.id": "c"}, resource=resource).ids
    assert (both.conversation_id, both.resource_session_id, both.session_key) == (
        "c",
        "of the process",
        "gen_ai.conversation.id",
    )


@pytest.mark.parametrize(
    "nobody", ["", "  ", "null", "None", "undefined", "nan", "[Scrubbed due to 'session']", None, float("nan")]
)
def test_a_placeholder_is_nobody_and_the_next_key_is_asked(nobody: Any) -> None:
    """Logfire scrubs session.id by default, and JavaScript prints what it does not have."""
    attributes: Attributes = {"session.id": nobody, "lmnr.association.properties.session_id": "s-1", "user.id": nobody}
    ids = call_of(attributes).ids
    assert (ids.session_id, ids.session_key) == ("s-1", "lmnr.association.properties.session_id")
    assert (ids.user_id, ids.user_key) == (None, "")


def test_ids_that_are_no_text_are_written_as_their_json() -> None:
    """Numbers as sessions exist."""
    assert call_of({"session.id": 42}).ids.session_id == "42"
    assert call_of({"session.id": {"b": 1, "a": [True]}}).ids.session_id == '{"a":[true],"b":1}'


@pytest.mark.parametrize(
    "decoy",
    [
        "mcp.session.id",
        "langsmith.trace.session_name",
        "langsmith.trace.session_id",
        "gen_ai.browser.session.id",
        "gen_ai.crawl.session_id",
        "service.instance.id",
    ],
)
def test_what_only_looks_like_a_session_is_none(decoy: str) -> None:
    """A transport, a project, a browser."""
    assert call_of({decoy: "x"}).ids == Ids()


@pytest.mark.parametrize(
    "key",
    [
        "user.id",
        "langfuse.user.id",
        "traceloop.association.properties.user_id",
        "lmnr.association.properties.user_id",
        "ai.telemetry.metadata.userId",
        "ai.settings.context.userId",
        "langsmith.metadata.user_id",
        "mlflow.trace.user",
        "enduser.id",
        "llm.user",
        "litellm.end_user.id",
        "gen_ai.user",
        "gen_ai.request.user",
    ],
)
def test_a_user_by_any_name(key: str) -> None:
    """One normaliser for all of them."""
    assert call_of({key: " u-7 "}).ids == Ids(user_id="u-7", user_key=key)


def test_a_user_inside_metadata_counts_where_no_key_says_one() -> None:
    """OpenInference's LangChain instrumentor has it nowhere else."""
    metadata = '{"user_id": "u-7", "tenant": "acme"}'
    assert call_of({"metadata": metadata}).ids.user_id == "u-7"
    assert call_of({"metadata": metadata, "gen_ai.request.user": "u-8"}).ids.user_id == "u-8"


def test_two_resources_are_never_mixed_up() -> None:
    """Facts are remembered by the object itself, also after thousands of others."""
    first = Resource({"session.id": "first", "deployment.environment.name": "prod", "service.version": "1.2.3"})
    span = span_of({})._replace(resource=first)
    for number in range(1_000):
        other = read(span_of({})._replace(resource=Resource({"session.id": f"{number}"})))
        assert other.ids.resource_session_id == f"{number}"
    call = read(span)
    assert (call.ids.resource_session_id, call.environment, call.release) == ("first", "prod", "1.2.3")


def test_the_span_s_own_environment_goes_before_its_resource_s() -> None:
    """OpenLIT and Claude Code write it on every span."""
    call = call_of({"deployment.environment": "staging"}, resource={"deployment.environment.name": "prod"})
    assert call.environment == "staging"
