"""Which provider was asked for which model, under one name for each provider."""

from functools import lru_cache
from typing import NamedTuple

from otel_receiver.mapping.hits import Hits
from otel_receiver.mapping.keys import Field
from otel_receiver.values import text_or_none

_FIELDS: tuple[Field, ...] = ("provider", "request_model", "response_model")

_PROVIDERS = {
    # The names of OpenTelemetry (gen_ai.provider.name) for everyone else's.
    "az.ai.openai": "azure.ai.openai",
    "azure": "azure.ai.openai",
    "azure-openai": "azure.ai.openai",
    "azure_openai": "azure.ai.openai",
    "az.ai.inference": "azure.ai.inference",
    "azure_ai": "azure.ai.inference",
    "bedrock": "aws.bedrock",
    "amazon-bedrock": "aws.bedrock",
    "amazon_bedrock": "aws.bedrock",
    "gemini": "gcp.gemini",
    "google": "gcp.gemini",
    "googleai": "gcp.gemini",
    "google_genai": "gcp.gemini",
    "google.generative-ai": "gcp.gemini",
    "vertex_ai": "gcp.vertex_ai",
    "vertexai": "gcp.vertex_ai",
    "google_vertexai": "gcp.vertex_ai",
    "google.vertex.chat": "gcp.vertex_ai",
    "xai": "x_ai",
    "mistral": "mistral_ai",
    "mistralai": "mistral_ai",
    "watsonx": "ibm.watsonx.ai",
}
_SURFACES = ("chat", "responses", "messages", "completion", "completions", "embedding", "embeddings", "image", "speech")
"""What AI SDKs put behind a provider's name: `openai.responses`."""

_FRAMEWORKS = frozenset(
    {
        "strands-agents",
        "langchain",
        "langgraph",
        "llamaindex",
        "crewai",
        "spring_ai",
        "microsoft.agent_framework",
        "gcp.vertex.agent",
    }
)
"""Who calls, not who answers."""

_ROUTES = frozenset({"openai", "anthropic", "gemini", "vertex_ai", "bedrock", "azure"})
"""Providers that LiteLLM and ADK put before a model's name where nothing else says them."""


class Models(NamedTuple):
    provider: str = ""
    request_model: str = ""
    response_model: str = ""


_NONE = Models()


def read_models(hits: Hits) -> Models:
    if not hits.documents and hits.best.keys().isdisjoint(_FIELDS):
        return _NONE
    provider = hits.first("provider", normal_provider)[0] or ""
    request, response = hits.text("request_model"), hits.text("response_model")
    if "/" not in request and "/" not in response:
        return Models(provider, request, response)
    if not provider and request.partition("/")[0] in _ROUTES:
        provider = normal_provider(request.partition("/")[0]) or ""
    return Models(provider, _without_route(request, provider), _without_route(response, provider))


def _without_route(model: str, provider: str) -> str:
    """`openai/gpt-4o` of OpenAI is `gpt-4o`; `meta-llama/Llama-3` of somebody else keeps its maker."""
    route, _, name = model.partition("/")
    return name if name and provider and normal_provider(route) == provider else model


@lru_cache(maxsize=1024)
def _normal(name: str) -> str | None:
    name = name.strip().lower()
    head, _, surface = name.rpartition(".")
    if head and surface in _SURFACES and name not in _PROVIDERS:
        name = head
    return None if name in _FRAMEWORKS or not name else _PROVIDERS.get(name, name)


def normal_provider(value: object) -> str | None:
    """None for a framework: the next key may know who answered."""
    text = text_or_none(value)
    return None if text is None else _normal(text)
