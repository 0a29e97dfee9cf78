"""docs/recipes.md, from the recipes themselves and from what was found when they were tried: `python page.py` writes it."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from try_recipes import HERE, TRIED, Recipe, recipes

PAGE = HERE.parents[1] / "docs" / "recipes.md"
_LANGUAGES = {".py": "python", ".mjs": "js", ".go": "go", ".sh": "sh"}
_BEGINNING = """# Recipes

How each SDK sends to genai-sessions, and how it says which session a call belongs to. Every program below was started as it stands
here, with the packages named, against a real `genai-sessions up` and a stand-in for the model; its session had exactly the
turns and tokens that the model had answered. Try them again: `python examples/recipes/try_recipes.py`.

All of them are told where to send by the standard variables:

```sh
export OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf
export OTEL_EXPORTER_OTLP_HEADERS="x-api-key=gs_…"  # where there is a projects file
export OTEL_SERVICE_NAME=shop
```

One span of a trace that says `session.id` is enough: the whole trace belongs to that session. More about it in
[session-id.md](session-id.md).
"""


class About(NamedTuple):
    title: str
    text: str


ABOUT = {
    "openai": About("OpenAI", "OpenTelemetry's own instrumentation, without a change in code but the request's span."),
    "anthropic": About("Anthropic", "The SDK makes its own spans; only an exporter has to be there."),
    "langchain": About("LangChain and LangGraph", "The session goes into the metadata that every call takes anyway."),
    "llamaindex": About("LlamaIndex", "OpenInference's context puts the ids on every span inside."),
    "vercel_ai": About("Vercel AI SDK", "Telemetry is switched on per call, and its metadata carries the session."),
    "pydantic_ai": About(
        "Pydantic AI",
        "With Logfire in front, tell it not to scrub the session: `scrubbing=False`, or a callback that lets `session.id` pass.",
    ),
    "openai_agents": About("OpenAI Agents", "`group_id` of the SDK's own tracing is not exported; the context is."),
    "crewai": About("CrewAI", "CrewAI for its agents and tasks, OpenAI (or another model's) for the calls."),
    "strands": About("Strands Agents", "The agent's own attributes are on all of its spans."),
    "google_adk": About(
        "Google ADK",
        "ADK's session is the session; nothing has to be said twice. (Its user is only in its log records.)",
    ),
    "claude_code": About("Claude Code", "Variables only. What it costs comes in log records, so send those too."),
    "litellm": About(
        "LiteLLM", "Without `USE_OTEL_LITELLM_REQUEST_SPAN` it would write a call's attributes on the request's span."
    ),
    "langfuse": About(
        "Langfuse SDK", "Its address points here; the secret key is the key of a project. (No key needed: any will do.)"
    ),
    "laminar": About("Laminar SDK", "Its address points here; the project's key is the key of a project."),
    "python": About("Python, by hand", "For a model without an instrumentation; and the session as baggage."),
    "node": About("Node, by hand", "The same in JavaScript or TypeScript."),
    "go": About("Go, by hand", "The same in Go."),
}
"""In the order of the page."""


def page() -> str:
    known, tried = {recipe.name: recipe for recipe in recipes()}, json.loads(TRIED.read_text())
    sections = [_section(about, known[name], tried[name]) for name, about in ABOUT.items()]
    return "\n".join([_BEGINNING, *sections])


def _section(about: About, recipe: Recipe, tried: dict[str, Any]) -> str:
    session = tried["session"]
    versions = ", ".join(f"{name} {version}" for name, version in tried["versions"].items())
    found = f"{session['turns']} turns, {session['input_tokens']} + {session['output_tokens']} tokens"
    return (
        f"## {about.title}\n\n{about.text}\n\n"
        f"```{_LANGUAGES[recipe.file.suffix]}\n{recipe.text}```\n\n"
        f"Tried on {tried['date']} with {versions}: {found}.\n"
    )


if __name__ == "__main__":
    Path(PAGE).write_text(page())
