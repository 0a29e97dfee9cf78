"""Feedback: of a session, a trace or a span; counted once, and where it belongs."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver import Client

from clickhouse.connect import Database
from clickhouse.patterns import compiled
from clickhouse.projects import Project, Projects
from tests.clickhouse.stored import settle
from tests.query_api.asking import Api, keys_of, serving, turn

JSON = {"content-type": "application/json"}


def give(api: Api, **feedback: Any) -> Any:
    response = api.ask("/api/feedback", "admin", method="POST", json=feedback)
    assert response.status_code == 201, response.text
    settle(api.database)
    return response.json()["id"]


def test_feedback_counts_in_its_session(api: Api) -> None:
    """Of the session itself, of its traces and of their spans; numbers by mean, labels by count."""
    first = turn(session_id="s")
    api.store(first)
    give(api, session_id=" s ", name="help", value=1)
    give(api, trace_id=first["trace_id"], name="help", value=0.5)
    give(api, span_id=first["span_id"], name="vote", value="up", comment="right")
    give(api, trace_id=first["trace_id"], span_id=first["span_id"], name="vote", value="down")
    found = api.get("/api/sessions/s")
    assert found["session"]["scores"] == {
        "help": {"count": 2, "mean": 0.75, "labels": {}},
        "vote": {"count": 2, "mean": None, "labels": {"down": 1, "up": 1}},
    }
    assert [score["name"] for score in found["scores"]] == ["vote", "vote", "help", "help"]
    assert (found["scores"][1]["comment"], found["scores"][1]["span_id"]) == ("right", first["span_id"])
    assert api.get("/api/sessions/s", "read")["scores"][1]["comment"] is None


def test_the_same_feedback_again_counts_once(api: Api) -> None:
    """Under its id the later replaces the earlier."""
    api.store(turn(session_id="s"))
    given = give(api, session_id="s", name="help", value=0)
    assert give(api, session_id="s", name="help", value=1, id=given) == given
    assert api.get("/api/sessions/s")["session"]["scores"]["help"] == {"count": 1, "mean": 1, "labels": {}}


CARD = "1234567812345678"


@pytest.fixture
def under(
    shared_database: Database, shared_client: Client, project: str, data_dir: Path
) -> Callable[..., AbstractContextManager[Api]]:
    """The API of a project with such policies."""

    def served(**policy: Any) -> AbstractContextManager[Api]:
        projects = Projects({project: Project(project, **policy)}, keys_of(project).by_digest)
        return serving(shared_database, shared_client, project, data_dir, projects=projects)

    return served


@pytest.mark.parametrize(
    ("policy", "comment", "expected"),
    [
        ({"content": "off"}, "wrong", None),
        ({"content": "truncated"}, "x" * 1_001, f"{'x' * 1_000}[cut: 1 more characters]"),
        ({"redact": (compiled(r"\d{16}"),)}, f"paid with {CARD}", "paid with [redacted]"),
    ],
)
def test_feedback_keeps_what_its_project_lets_us_keep(
    under: Callable[..., AbstractContextManager[Api]], policy: dict[str, Any], comment: str, expected: str | None
) -> None:
    """As of evaluations that come with spans."""
    with under(**policy) as api:
        api.store(turn(session_id="s"))
        give(api, session_id="s", name="help", value="up", comment=comment)
        assert [score["comment"] for score in api.get("/api/sessions/s")["scores"]] == [expected]


def test_feedback_finds_a_session_whose_id_is_redacted(under: Callable[..., AbstractContextManager[Api]]) -> None:
    """Who sends it knows the id as it was sent; it is not kept."""
    redacted = f"redacted~{sha256(CARD.encode()).hexdigest()}"
    with under(redact=(compiled(r"\d{16}"),)) as api:
        api.store(turn(session_id=redacted))
        give(api, session_id=CARD, name="help", value=1)
        assert list(api.get(f"/api/sessions/{redacted}")["session"]["scores"]) == ["help"]


def test_feedback_may_come_before_the_spans(api: Api) -> None:
    """It waits for them."""
    given = turn(session_id="s")
    give(api, session_id="s", name="help", value=1)
    give(api, trace_id=given["trace_id"], name="vote", value="up")
    api.store(given)
    assert sorted(api.get("/api/sessions/s")["session"]["scores"]) == ["help", "vote"]


@pytest.mark.parametrize(
    "feedback",
    [
        {"name": "n", "value": 1},
        {"session_id": "s", "trace_id": "t", "name": "n", "value": 1},
        {"session_id": "s", "value": 1},
        {"session_id": "s", "name": "n"},
        {"session_id": "s", "name": "n", "value": None},
        {"session_id": "s", "name": "n", "value": True},
        {"session_id": "s", "name": "", "value": 1},
        {"session_id": "s", "name": "n", "value": ""},
        {"session_id": "null", "name": "n", "value": 1},
        {"session_id": "s", "name": "n", "value": 1, "colour": "red"},
        [],
        "text",
    ],
    ids=str,
)
def test_bad_feedback_is_refused(api: Api, feedback: Any) -> None:
    """422, with what is wrong."""
    response = api.ask("/api/feedback", "admin", method="POST", json=feedback)
    assert response.status_code == 422
    assert len(response.json()["errors"]) > 0


def test_feedback_needs_an_admin_and_json(api: Api) -> None:
    """Not another scope, not a form, not broken text; and a span that exists, where it stands alone."""
    feedback = {"session_id": "s", "name": "n", "value": 1}
    assert api.ask("/api/feedback", "content", method="POST", json=feedback).status_code == 403
    for content in (b"{", b"\xff", b'{"name": NaN}', b"[" * 60_000, b'{"a":' * 10_000):
        response = api.ask("/api/feedback", "admin", method="POST", content=content, headers=JSON)
        assert response.status_code == 422
    assert api.ask("/api/feedback", "admin", method="POST", data=feedback).status_code == 422
    alone = {"span_id": "0" * 16, "name": "n", "value": 1}
    assert api.ask("/api/feedback", "admin", method="POST", json=alone).status_code == 404
