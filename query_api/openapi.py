"""The service described: what OpenAPI says beside what FastAPI finds out by itself."""

from functools import cache
from pathlib import Path
from typing import Any

import orjson
from fastapi import FastAPI
from pydantic import BaseModel

from query_api.shapes import ProblemBody

Responses = dict[int | str, dict[str, Any]]

PROBLEMS = {
    401: "No key, or one that nobody has.",
    403: "The key may not do this.",
    404: "There is no such thing in this project.",
    411: "A body of unknown length.",
    413: "The result, or the body sent, is too large.",
    414: "The address is longer than 60,000 bytes.",
    422: "Something in the request is wrong: `errors` says where.",
    503: "The database is away, or the query took too long; `Retry-After` says when to ask again.",
}


def answers(shape: type[BaseModel], description: str, status: int = 200) -> Responses:
    return {status: {"model": shape, "description": description}}


def files(*media_types: str) -> Responses:
    content: dict[str, Any] = {media_type: {} for media_type in media_types}
    return {200: {"description": "A file, streamed.", "content": content}}


def describe(app: FastAPI) -> dict[str, Any]:
    document = app.openapi()
    components = document["components"]
    components["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer"},
        "header": {"type": "apiKey", "in": "header", "name": "x-api-key"},
    }
    components["schemas"]["ProblemBody"] = ProblemBody.model_json_schema(ref_template="#/components/schemas/{model}")
    components["schemas"].update(components["schemas"]["ProblemBody"].pop("$defs", {}))
    for path, methods in document["paths"].items():
        if path.startswith("/api/"):
            for method, operation in methods.items():
                _show_example(operation, f"{method} {path}")
                operation["security"] = [{"bearer": []}, {"header": []}]
                operation["responses"] |= {str(status): _problem(text) for status, text in PROBLEMS.items()}
    return document


@cache
def examples() -> dict[str, Any]:
    """An answer of each operation: the same little session everywhere."""
    read: dict[str, Any] = orjson.loads((Path(__file__).parent / "examples.json").read_bytes())
    return read


def _show_example(operation: dict[str, Any], name: str) -> None:
    """Files and streams have none."""
    success = operation["responses"][min(operation["responses"])]
    if name in examples():
        success["content"]["application/json"]["example"] = examples()[name]


def _problem(description: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/ProblemBody"}
    return {"description": description, "content": {"application/problem+json": {"schema": schema}}}
