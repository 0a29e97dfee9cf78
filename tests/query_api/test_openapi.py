"""The service is what its OpenAPI document says, and survives whatever the document allows to be sent."""

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
import schemathesis
import uvicorn
from clickhouse_connect.driver import Client
from hypothesis import HealthCheck, assume, given, settings
from pydantic import BaseModel
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

from clickhouse.connect import Database
from clickhouse.projects import digest
from query_api.app import create_app
from query_api.openapi import examples
from query_api.settings import ApiSettings
from query_api.shapes import ProblemBody
from tests.clickhouse.stored import settle, store
from tests.histories import NOW_NS
from tests.query_api.asking import Api, keys_of, routes_of, span, turn


def store_everything(api: Api) -> dict[str, str]:
    """Something in every field that there is; and the ids to ask for it."""
    first = turn(
        session_id="s",
        user_id="u",
        session_key="session.id",
        input_messages='[{"role": "user", "parts": []}]',
        input_preview="hi",
        cost_usd="0.5",
        first_token_ns=5,
        metadata={"plan": "pro"},
        flaws=["x"],
        response_id="1",
    )
    first |= {
        "events.at": [NOW_NS],
        "events.name": ["e"],
        "events.attributes": [{"k": "v"}],
        "events.dropped_attributes": [0],
        "links.trace_id": ["t"],
        "links.span_id": ["s"],
        "links.trace_state": [""],
        "links.flags": [0],
        "links.attributes": [{}],
        "links.dropped_attributes": [0],
    }
    score = {"project_id": api.project, "trace_id": first["trace_id"], "score_id": "1", "name": "help", "value": 0.5}
    api.score(score)
    api.store(
        first,
        turn(trace_id=first["trace_id"], session_id="t", response_id="2", at=5, failed=True),
        span(flaws=["end_before_start"]),
        *(turn(session_id=f"p{n}", user_id=f"p{n}", input_tokens=10**n) for n in range(9)),
    )
    quarantined = [[api.project, "q", NOW_NS // 1000, "too large"]]
    api.database.insert("quarantined_traces", quarantined, ["project_id", "trace_id", "version", "reason"])
    return {"session_id": "s", "user_id": "u", "trace_id": first["trace_id"], "span_id": first["span_id"]}


ASKED: dict[str, list[dict[str, str]]] = {
    "/api/session": [{"id": "s"}, {"id": "s", "view": "calls"}, {"id": "s", "view": "messages"}],
    "/api/user": [{"id": "u"}],
    "/api/aggregates": [{}, {"group_by": "day,model"}],
    "/api/outliers": [{}, {"kind": "user"}],
    "/api/facets": [{"metadata_key": "plan"}],
}


def test_answers_have_the_shape_that_is_described(api: Api) -> None:
    """Every field and no other, of the type that is said; with content and without."""
    ids = store_everything(api)
    checked = 0
    for route in routes_of(api):
        shape = route.responses.get(200, {}).get("model")
        if shape is None:
            continue
        for params in ASKED.get(route.path_format, [{}]):
            for scope in ("content", "read"):
                response = api.ask(route.path_format.format(**ids), scope, params=params)
                if response.status_code != 403:
                    assert response.status_code == 200, (route.path_format, response.text)
                    assert issubclass(shape, BaseModel)
                    shape.model_validate_json(response.content, strict=True)
                    checked += 1
    assert checked == 37


def test_problems_have_the_shape_that_is_described(api: Api) -> None:
    """Whatever is wrong."""
    for path in ("/api/sessions?limit=x", "/api/sessions/none", "/api/sessions?q=cost:x", "/nowhere"):
        ProblemBody.model_validate_json(api.ask(path).content, strict=True)


def test_every_route_and_parameter_is_described(api: Api) -> None:
    """With what it answers, what may be wrong, and which keys it takes."""
    document = api.get("/api/openapi.json", "read")
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation["description"], (path, method)
            assert {"401", "403", "422", "503"} <= set(operation["responses"]), path
            success = operation["responses"][min(operation["responses"])]
            assert success["description"] != "Successful Response", path
            assert operation["security"] == [{"bearer": []}, {"header": []}]
            assert operation["tags"]
    listed = {parameter["name"] for parameter in document["paths"]["/api/sessions"]["get"]["parameters"]}
    assert {"from", "to", "tz", "q", "text", "sort", "order", "limit", "cursor", "project", "min_cost"} <= listed
    assert api.ask("/api/openapi.json", "ingest").status_code == 403
    assert document["components"]["schemas"]["ListedSession"]["examples"][0]["session_id"] == "conv-42"


def test_every_answer_has_an_example_of_its_shape(api: Api) -> None:
    """But files and streams. It stands in the document."""
    document = api.get("/api/openapi.json", "read")
    shapes = {
        f"{method.lower()} {route.path_format}": next(iter(route.responses.values()))["model"]
        for route in routes_of(api)
        for method in route.methods or ()
        if "model" in next(iter(route.responses.values()), {})
    }
    assert shapes.keys() == examples().keys()
    for name, shape in shapes.items():
        shape.model_validate_json(orjson.dumps(examples()[name]), strict=True)
        method, path = name.split(" ")
        responses = document["paths"][path][method]["responses"]
        assert responses[min(responses)]["content"]["application/json"]["example"] == examples()[name]


@pytest.fixture(scope="module")
def document(
    shared_database: Database, shared_client: Client, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Any]:
    """The document of a service on a port of its own: its requests need one event loop for all."""
    projects = keys_of("described")
    app = create_app(ApiSettings(shared_database, tmp_path_factory.mktemp("data"), projects=projects))
    store(shared_client, [turn(session_id="s", user_id="u", project_id="described")])
    settle(shared_client)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1))
        serving = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        serving.start()
        while not server.started:
            time.sleep(0.01)
        assert digest("admin of described") in projects.by_digest
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/api/openapi.json"
        yield schemathesis.openapi.from_url(url, headers={"authorization": "Bearer admin of described"})
        server.should_exit = True
        serving.join()


LONGEST_QUERY = 5_000
"""Percent-encoded it is up to nine times as long, and servers cut off what is beyond 64 KB."""
CHECKS = [not_a_server_error, status_code_conformance, response_schema_conformance]


@pytest.mark.slow
@pytest.mark.parametrize("mode", list(GenerationMode))
def test_whatever_may_be_sent_is_answered(document: Any, mode: GenerationMode) -> None:
    """Valid or not: never a 500, never a status or a shape that is not described. Not the live feed: it never ends."""
    for found in document.exclude(path="/api/live").get_all_operations():
        ask_anything(found.ok(), mode)


def ask_anything(operation: Any, mode: GenerationMode) -> None:
    @given(operation.as_strategy(generation_mode=mode))
    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    def ask(case: Any) -> None:
        assume(len(str(case.query)) < LONGEST_QUERY)
        case.call_and_validate(headers={"authorization": "Bearer admin of described"}, checks=CHECKS)

    ask()
