"""Models, providers, tags, metadata, prompts: what calls are found by."""

from typing import Any

import pytest

from otel_receiver.call import Score
from otel_receiver.span import Attributes
from tests.otel_receiver.dialects.spans import CHAT, SECOND_NS, START_NS, call_of, event


@pytest.mark.parametrize(
    ("said", "provider"),
    [
        ("openai", "openai"),
        ("OpenAI", "openai"),
        ("openai.responses", "openai"),
        ("anthropic.messages", "anthropic"),
        ("azure-openai.chat", "azure.ai.openai"),
        ("azure.ai.openai", "azure.ai.openai"),
        ("google.generative-ai", "gcp.gemini"),
        ("vertex_ai", "gcp.vertex_ai"),
        ("xai", "x_ai"),
        ("aws.bedrock", "aws.bedrock"),
        ("somebody.new", "somebody.new"),
        ("langchain", ""),
        ("strands-agents", ""),
    ],
)
def test_a_provider_has_one_name(said: str, provider: str) -> None:
    """OpenTelemetry's; a framework answers nothing itself."""
    assert call_of({**CHAT, "gen_ai.system": said}).provider == provider


def test_a_framework_leaves_the_answer_to_the_next_key() -> None:
    """Empty values do too: LiteLLM sends them by the dozen."""
    assert (
        call_of({**CHAT, "gen_ai.system": "langchain", "langsmith.metadata.ls_provider": "openai"}).provider == "openai"
    )
    assert call_of({**CHAT, "gen_ai.provider.name": "", "gen_ai.system": "openai"}).provider == "openai"


@pytest.mark.parametrize(
    ("provider", "said", "model"),
    [
        ("openai", "openai/gpt-4o", "gpt-4o"),
        ("", "anthropic/claude-sonnet-4-5", "claude-sonnet-4-5"),
        ("together_ai", "meta-llama/Llama-3-70b", "meta-llama/Llama-3-70b"),
        ("", "meta-llama/Llama-3-70b", "meta-llama/Llama-3-70b"),
        ("openai", "openai/", "openai/"),
    ],
)
def test_a_route_before_a_model_is_not_its_name(provider: str, said: str, model: str) -> None:
    """LiteLLM and ADK write who is asked before what is asked for; a maker's name is part of a model's."""
    assert call_of({**CHAT, "gen_ai.provider.name": provider, "gen_ai.request.model": said}).request_model == model


def test_the_model_asked_for_is_found_in_the_parameters() -> None:
    """A failed OpenInference call says it nowhere else."""
    attributes: Attributes = {"openinference.span.kind": "LLM", "llm.invocation_parameters": '{"model": "gpt-4o"}'}
    assert call_of(attributes).request_model == "gpt-4o"


def test_langchain_s_answer_names_model_and_id() -> None:
    """In the metadata of the message, which LangSmith's export repeats in no attribute."""
    answer = (
        '{"generations": [[{"message": {"kwargs": {"response_metadata": {"model_name": "gpt-4o", "id": "c-1"}}}}]]}'
    )
    call = call_of({"langsmith.span.kind": "llm", "gen_ai.completion": answer})
    assert (call.response_model, call.response_id) == ("gpt-4o", "c-1")


@pytest.mark.parametrize(
    ("attributes", "tags"),
    [
        ({"tag.tags": ["beta", "eu", "beta"]}, ("beta", "eu")),
        ({"ai.telemetry.metadata.tags": '["beta"]'}, ("beta",)),
        ({"langsmith.span.tags": "eu, seq:step:1, graph:step:2, beta"}, ("eu", "beta")),
        ({"metadata": '{"tags": ["beta"]}'}, ("beta",)),
        ({"tags": "beta"}, ("beta",)),
    ],
)
def test_tags_are_texts_without_a_framework_s_own(attributes: Attributes, tags: tuple[str, ...]) -> None:
    """LangGraph counts its steps among them."""
    assert call_of(attributes).tags == tags


def test_metadata_is_the_user_s() -> None:
    """Of every dialect's family, without what frameworks file there."""
    call = call_of(
        {
            "metadata": '{"tenant": "acme", "plan": 3, "session_id": "s", "ls_provider": "openai"}',
            "langfuse.trace.metadata.quoted": '"v"',
            "langfuse.trace.metadata.list": "[1, 2]",
            "langsmith.metadata.LANGSMITH_PROJECT": "x",
            "langsmith.metadata.langgraph_step": 1,
            "traceloop.association.properties.tenant": "acme",
            "ai.telemetry.metadata.flag": True,
            "mlflow.traceTag.mlflow.source": "x",
            "mlflow.traceTag.color": "red",
            "lmnr.association.properties.metadata.empty": "",
            "lmnr.association.properties.metadata.long": "x" * 1_001,
        }
    )
    assert sorted(call.metadata) == [
        ("color", "red"),
        ("flag", "true"),
        ("list", "[1,2]"),
        ("plan", "3"),
        ("quoted", "v"),
        ("tenant", "acme"),
    ]


def test_prompts_have_a_name_and_a_version() -> None:
    """Numbers as versions exist."""
    call = call_of({"langfuse.observation.prompt.name": "greet", "langfuse.observation.prompt.version": 7})
    assert (call.prompt_name, call.prompt_version) == ("greet", "7")


@pytest.mark.parametrize(
    ("value", "number"), [(0.9, 0.9), (1, 1.0), ("0.5", 0.5), (0, 0.0), (float("nan"), None), ("good", None)]
)
def test_an_evaluation_is_a_score(value: Any, number: float | None) -> None:
    """On an event of the span or on the span itself; a number, a label, or both."""
    said: Attributes = {
        "gen_ai.evaluation.name": "Relevance",
        "gen_ai.evaluation.score.value": value,
        "gen_ai.evaluation.score.label": "pass",
        "gen_ai.evaluation.explanation": "why",
    }
    score = Score("Relevance", number, "pass", "why", START_NS + 5)
    assert call_of({}, events=[event("gen_ai.evaluation.result", said, after_ns=5)]).scores == (score,)
    assert call_of(said).scores == (score._replace(at_ns=START_NS + SECOND_NS),)


def test_an_evaluation_without_a_result_is_none() -> None:
    """Nor is one without a name."""
    assert call_of({"gen_ai.evaluation.name": "Relevance"}).scores == ()
    assert call_of({"gen_ai.evaluation.score.value": 1}).scores == ()
