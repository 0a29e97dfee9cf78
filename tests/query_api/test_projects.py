"""Projects: which a key opens, what is uncertain in one, and its end."""

from tests.clickhouse.stored import settle
from tests.query_api.asking import KEY_OF_ALL, Api, ids, span, turn


def test_a_key_sees_its_projects(api: Api) -> None:
    """And nothing of others."""
    [project] = api.get("/api/projects")["items"]
    assert project == {
        "project": api.project,
        "retention_days": None,
        "content_days": None,
        "content": "on",
        "scopes": ["content", "read"],
    }
    both = api.ask("/api/projects", headers=KEY_OF_ALL).json()
    assert ids(both, "project") == [api.project, f"{api.project}-other"]


def test_diagnostics_tell_what_is_uncertain(api: Api) -> None:
    """Who has no session, who has several, what was rejected, what has no price, which key decided."""
    shared = turn(session_id="a", session_key="session.id", response_id="1", cost_usd=1)
    api.store(
        shared,
        turn(session_id="b", trace_id=shared["trace_id"], response_model="new", response_id="2", at=9),
        span(flaws=["end_before_start"]),
        span(flaws=["end_before_start", "usage_negative"], at=-30 * 86_400),
    )
    found = api.get("/api/diagnostics")
    assert found["lag_seconds"] == 0
    assert (found["traces_without_session"], found["spans_without_session"]) == (1, 1)
    assert found["flaws"] == [{"flaw": "end_before_start", "spans": 1}]
    assert found["unpriced_models"] == [{"model": "new", "provider": "", "unpriced_turns": 1, "turns": 1}]
    assert found["session_keys"] == [{"session_key": "session.id", "sessions": 1}]
    assert found["traces_in_several_sessions"] == 1
    assert found["shared_traces"] == [{"trace_id": shared["trace_id"], "session_ids": ["a", "b"]}]
    assert (found["quarantined_traces"], found["suppressed_spans"]) == ([], 0)
    assert api.get("/api/diagnostics", from_="90d")["flaws"][0]["spans"] == 2


def test_a_deleted_project_is_empty(alone: Api) -> None:
    """Only an admin's key that opens it may; others stay as they were."""
    other = f"{alone.project}-other"
    alone.store(span(session_id="s"))
    alone.store_in(other, span(session_id="s"))
    path = f"/api/projects/{alone.project}"
    assert alone.ask(path, "content", method="DELETE").status_code == 403
    assert alone.ask(f"/api/projects/{other}", "admin", method="DELETE").status_code == 404
    assert alone.ask(path, "admin", method="DELETE").json() == {"deleted": {"spans": 1, "traces": 1}}
    settle(alone.database)
    assert ids(alone.get("/api/sessions")) == []
    assert alone.ask("/api/sessions", headers=KEY_OF_ALL, params={"project": other}).json()["total"] == 1
