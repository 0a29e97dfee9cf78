"""Who may come in, and how answers go out."""

import gzip
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

import orjson
import pytest
from backports import zstd
from clickhouse_connect.driver import Client
from fastapi.routing import APIRoute
from starlette.testclient import TestClient

from clickhouse.connect import Database, connected
from clickhouse.embedded import Engine
from clickhouse.migrate import Topology, migrate
from clickhouse.projects import Projects
from clickhouse.rollup import traces
from query_api import access
from query_api.app import create_app
from query_api.compression import accepted
from query_api.settings import ApiSettings
from tests.query_api.asking import Api, routes_of, serving, span, turn

OPEN = {"/healthz", "/readyz", "/metrics", "/login", "/logout", "/static/{name}"}
"""Without a key, or with one from elsewhere."""


def scopes_of(route: APIRoute) -> set[str]:
    found: set[str] = set()
    left = [route.dependant]
    while left:
        dependant = left.pop()
        left += dependant.dependencies
        scope = getattr(dependant.call, "scope", None)
        if isinstance(scope, str):
            found.add(scope)
    return found


def test_every_route_names_the_scope_it_needs(api: Api) -> None:
    """Changes need admin; what is not open needs at least read."""
    for route in routes_of(api):
        path, scopes = route.path_format, scopes_of(route)
        assert (scopes == set()) == (path in OPEN), path
        if route.methods != {"GET"} and path not in OPEN:
            assert scopes == {"admin"}, path


BAD_KEYS: list[dict[str, str]] = [
    {},
    {"authorization": "Bearer nobody"},
    {"authorization": "Bearer x' OR sleep(8)--"},
    {"authorization": "Bearer " + "k" * 10_000},
    {"authorization": "Bearer \xe9\xff"},
    {"authorization": "Basic bm9ib2R5"},
    {"x-api-key": "nobody"},
    {"cookie": "genai_sessions=x.y.z"},
    {"cookie": "genai_sessions=" + "0" * 64 + ".9999999999." + "0" * 64},
    {"cookie": "genai_sessions="},
]


def paths_of(api: Api) -> Iterator[tuple[str, str]]:
    for route in routes_of(api):
        if route.path_format not in OPEN:
            [method] = sorted(route.methods or ())
            yield method, route.path_format.replace("{", "").replace("}", "")


@pytest.mark.parametrize("headers", BAD_KEYS, ids=str)
def test_without_a_key_nothing_is_answered(api: Api, headers: dict[str, str]) -> None:
    """401 on every route, and how to ask."""
    api.client.headers.clear()
    for method, path in paths_of(api):
        response = api.client.request(
            method, path, headers={k.encode(): v.encode("latin-1") for k, v in headers.items()}
        )
        assert (response.status_code, response.headers["content-type"]) == (401, "application/problem+json"), path
        assert "www-authenticate" in response.headers


def test_a_key_that_may_not_read_reads_nothing(api: Api) -> None:
    """403 on every route for a key that only brings spans."""
    for method, path in paths_of(api):
        assert api.ask(path, "ingest", method=method).status_code == 403, path


def test_keys_come_as_bearer_as_header_or_as_password(api: Api) -> None:
    """Whichever a client can send."""
    for headers in ({"x-api-key": f"read of {api.project}"}, {"authorization": f"bearer read of {api.project}"}):
        assert api.client.get("/api/projects", headers=headers).status_code == 200
    assert api.client.get("/api/projects", auth=("anybody", f"read of {api.project}")).status_code == 200


def test_other_projects_are_as_if_they_were_not_there(api: Api) -> None:
    """Route by route: by id, by filter, by name of the project; the same answer as for what does not exist."""
    other = f"{api.project}-other"
    secret = turn(session_id="secret", user_id="mallory", input_messages='["secret"]', tags=["hidden"])
    api.store_in(other, secret)
    api.store(turn(session_id="mine"))
    trace, one = secret["trace_id"], secret["span_id"]
    for path in (
        "/api/sessions/secret", "/api/sessions/secret/calls", "/api/sessions/secret/messages", "/api/session?id=secret",
        f"/api/traces/{trace}", f"/api/spans/{trace}/{one}", "/api/users/mallory", "/api/user?id=mallory",
    ):  # fmt: skip
        assert api.ask(path, "admin").status_code == 404, path
    for path in (
        "/api/sessions", "/api/traces", "/api/users", "/api/aggregates?group_by=user,tag", "/api/facets",
        "/api/export/sessions", "/api/export/turns", "/api/export/spans", "/api/users/mallory/export",
        "/api/user/export?id=mallory", "/api/outliers?kind=user", "/api/diagnostics", "/api/projects",
        "/api/sessions?session_id=secret", "/api/sessions?q=secret", "/api/traces?text=secret", "/api/metrics",
    ):  # fmt: skip
        text = api.ask(path, "admin").text
        assert "mallory" not in text, path
        assert "hidden" not in text, path
    for method, path in paths_of(api):
        divider = "&" if "?" in path else "?"
        response = api.ask(f"{path}{divider}project={other}", "admin", method=method)
        assert response.status_code == 404, path
    for path in ("/api/sessions/secret", f"/api/projects/{other}", "/api/users/mallory"):
        api.ask(path, "admin", method="DELETE")
    theirs = {"authorization": f"Bearer content of {other}"}
    assert api.ask("/api/sessions/secret", headers=theirs).json()["session"]["spans"] == 1


@contextmanager
def opened(
    database: Database, data_dir: Path, peer: str = "127.0.0.1", host: str = "localhost"
) -> Iterator[TestClient]:
    app = create_app(ApiSettings(database, data_dir))
    with TestClient(app, base_url=f"http://{host}", client=(peer, 1)) as client:
        yield client


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "localhost:8080", "[::1]:8080", "LOCALHOST", "127.0.0.2"])
def test_without_a_projects_file_this_machine_may_do_everything(
    shared_database: Database, data_dir: Path, host: str
) -> None:
    """No key is asked for."""
    with opened(shared_database, data_dir, host=host) as client:
        assert client.get("/api/projects").json()["items"][0]["project"] == "default"
        feedback = {"session_id": "s", "name": "n", "value": 1}
        assert client.post("/api/feedback", json=feedback).status_code == 201


@pytest.mark.parametrize(
    ("peer", "host"),
    [("10.0.0.1", "localhost"), ("127.0.0.1", "evil.com"), ("127.0.0.1", "127.0.0.1.evil.com"), ("::2", "[::1]"),
     ("127.0.0.1", "localhost.evil.com"), ("127.0.0.1", "192.168.0.1")],
)  # fmt: skip
def test_without_a_projects_file_others_may_nothing(
    shared_database: Database, data_dir: Path, peer: str, host: str
) -> None:
    """Nor pages whose name was bent to this machine."""
    with opened(shared_database, data_dir, peer, host) as client:
        for path in ("/api/sessions", "/healthz", "/metrics", "/", "/api/nowhere"):
            assert client.get(path).status_code == 403


def test_an_odd_host_header_is_refused(shared_database: Database, data_dir: Path) -> None:
    """Missing, twice, or made to look like part of an address."""
    with opened(shared_database, data_dir) as client:
        for host in (b"", b"a/?x=", b"localhost@evil.com", b"evil.com:localhost", b"localhost evil"):
            assert client.get("/healthz", headers={b"host": host}).status_code == 403
        assert client.get("/healthz", headers=[(b"host", b"localhost"), (b"host", b"evil.com")]).status_code == 403


def test_binding_wide_without_keys_is_refused(shared_database: Database, data_dir: Path) -> None:
    """At start, with a sentence."""
    with pytest.raises(ValueError, match="--projects"):
        ApiSettings(shared_database, data_dir, host="0.0.0.0")


def test_other_sites_may_not_change_anything(api: Api) -> None:
    """A browser tells where it comes from."""
    feedback = {"session_id": "s", "name": "n", "value": 1}
    for headers in (
        {"origin": "https://evil.com"}, {"origin": "null"}, {"origin": "http://localhost.evil.com"},
        {"origin": "http://localhost:81"}, {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"},
        {"origin": "http://["}, {"origin": "http://[::1"}, {"origin": "http://x]"},
    ):  # fmt: skip
        response = api.ask("/api/feedback", "admin", method="POST", json=feedback, headers=headers)
        assert response.status_code == 403, headers
    ours = {"origin": "http://localhost", "sec-fetch-site": "same-origin"}
    assert api.ask("/api/feedback", "admin", method="POST", json=feedback, headers=ours).status_code == 201


def test_bodies_are_small_and_of_known_length(api: Api) -> None:
    """413 beyond, 411 without."""
    large = api.ask("/api/feedback", "admin", method="POST", content=b"x" * 65_537)
    assert large.status_code == 413
    endless = api.ask("/api/feedback", "admin", method="POST", content=iter([b"x"]))
    assert endless.status_code == 411
    assert api.ask("/api/sessions", params={"session_id": "x" * 61_000}).status_code == 414


def test_a_login_gives_a_cookie_that_ends_with_its_key(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Http-only, for this site alone; with it, changes need the page's token too."""
    key = f"admin of {api.project}"
    response = api.client.post("/login", data={"key": key, "next": "/sessions?q=x"}, follow_redirects=False)
    assert (response.status_code, response.headers["location"]) == (303, "/sessions?q=x")
    assert {"HttpOnly", "SameSite=strict"} <= set(response.headers["set-cookie"].split("; "))
    cookie = response.cookies[access.COOKIE]
    assert key not in cookie
    api.client.headers.clear()
    assert api.client.get("/api/sessions").status_code == 200
    feedback = {"session_id": "s", "name": "n", "value": 1}
    assert api.client.post("/api/feedback", json=feedback).status_code == 403
    token = access.csrf_token(cookie, api.client.app.state.service.secret)  # type: ignore[attr-defined]
    for wrong in ("", "x", token[:-1] + ("1" if token.endswith("0") else "0"), "é"):
        sent = {b"x-csrf-token": wrong.encode()}
        assert api.client.post("/api/feedback", json=feedback, headers=sent).status_code == 403
    assert api.client.post("/api/feedback", json=feedback, headers={"x-csrf-token": token}).status_code == 201
    monkeypatch.setattr(time, "time", lambda: 4e9)
    assert api.client.get("/api/sessions").status_code == 401


def test_a_cookie_of_a_key_that_is_gone_opens_nothing(api: Api) -> None:
    """Nor one that was changed."""
    service = api.client.app.state.service  # type: ignore[attr-defined]
    gone = access.make_cookie("a key that nobody has", service.secret)
    good = access.make_cookie(f"read of {api.project}", service.secret)
    nobody = Projects(MappingProxyType({}), MappingProxyType({}))
    assert access.open_cookie(good, service.secret, service.settings.projects) is not None
    assert access.open_cookie(good, service.secret, nobody) is None
    for cookie in (gone, good[:-1], good.replace(".", ".9", 1), f"x{good}", "", "..", "a.b.c"):
        assert access.open_cookie(cookie, service.secret, service.settings.projects) is None


def test_a_wrong_key_does_not_log_in(api: Api) -> None:
    """Nor one that may not read; and nobody is sent elsewhere."""
    for key in ("nobody", "", f"ingest of {api.project}"):
        assert api.client.post("/login", data={"key": key}).status_code == 401
    for elsewhere in ("//evil.com", "https://evil.com", "/\\evil.com", "javascript:alert(1)", "/\r\nx: y", ""):
        form = {"key": f"read of {api.project}", "next": elsewhere}
        assert api.client.post("/login", data=form, follow_redirects=False).headers["location"] == "/"
    assert api.client.post("/logout", follow_redirects=False).status_code == 303


def test_every_answer_says_what_browsers_may_do_with_it(api: Api) -> None:
    """Also refusals."""
    for path in ("/healthz", "/api/sessions", "/api/nowhere", "/api/sessions?limit=x"):
        headers = api.ask(path).headers
        assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"


def test_content_is_not_kept_by_anybody(api: Api) -> None:
    """Numbers may be kept, but asked for again."""
    api.store(turn(session_id="s"))
    for path in ("/api/sessions", "/api/sessions/s", "/api/sessions/s/calls"):
        assert api.ask(path, "content").headers["cache-control"] == "no-store"
        assert api.ask(path, "read").headers["cache-control"] == "private, no-cache"


@pytest.mark.parametrize(
    ("accept", "encoding"), [("gzip", "gzip"), ("gzip, zstd, br", "zstd"), ("br", None), ("", None)]
)
def test_answers_are_compressed_as_accepted(api: Api, accept: str, encoding: str | None) -> None:
    """zstd before gzip; small ones and events never."""
    api.store(*(span(session_id=f"s{n}") for n in range(20)))
    for path in ("/api/sessions", "/api/export/sessions", "/api/export/sessions?format=csv"):
        with api.client.stream(
            "GET", path, headers={"accept-encoding": accept, "authorization": f"Bearer content of {api.project}"}
        ) as response:
            assert response.headers.get("content-encoding") == encoding, path
            raw = b"".join(response.iter_raw())
        plain = {"gzip": gzip.decompress, "zstd": zstd.decompress}.get(encoding or "", bytes)(raw)
        assert plain.count(b"s19") > 0
        assert "accept-encoding" in response.headers["vary"].lower()
    small = api.ask("/healthz", headers={"accept-encoding": accept})
    assert "content-encoding" not in small.headers


@pytest.mark.parametrize(
    ("header", "encoding"),
    [
        ("gzip;q=0, zstd;q=0", None),
        ("GZIP ; q=0.5", "gzip"),
        ("identity", None),
        ("zstd;q=0,gzip", "gzip"),
        (";;,,", None),
    ],
)
def test_a_refused_encoding_is_not_used(header: str, encoding: str | None) -> None:
    """`q=0` says so."""
    assert accepted(header) == encoding


def test_metrics_count_requests_by_route(api: Api) -> None:
    """Never by path: paths are what callers make up."""
    api.get("/api/sessions")
    api.ask("/api/sessions/made%20up")
    api.ask("/nowhere/made%20up", method="MADEUP")
    text = api.client.get("/metrics").text
    assert 'api_requests_total{method="GET",route="/api/sessions",status="200"} 1' in text
    assert 'api_requests_total{method="GET",route="/api/sessions/{session_id}",status="404"} 1' in text
    assert 'api_request_seconds_count{route="/api/sessions"} 1' in text
    assert "made" not in text.lower()


def test_a_service_without_its_database_answers_503(data_dir: Path) -> None:
    """It lives, is not ready, and says when to ask again."""
    nowhere = Database("127.0.0.1", 1)
    with TestClient(create_app(ApiSettings(nowhere, data_dir)), "http://localhost", client=("127.0.0.1", 1)) as client:
        assert client.get("/healthz").status_code == 200
        for path in ("/readyz", "/api/sessions", "/api/export/sessions", "/api/live", "/api/aggregates?group_by=day"):
            response = client.get(path)
            assert (response.status_code, response.headers["retry-after"]) == (503, "2"), path
        assert client.delete("/api/sessions/s").status_code == 503


def test_a_deletion_that_leaves_something_says_what(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asked may ask again, or knows which trace to look at."""
    api.store(span(session_id="s", trace_id="e" * 32))
    monkeypatch.setitem(traces._WHOLE, "max_memory_usage", 1)
    refused = api.ask("/api/sessions/s", "admin", method="DELETE")
    assert refused.status_code == 503
    assert f"All is deleted except what is in trace {'e' * 32}" in refused.json()["detail"]


def test_secrets_are_made_once_and_shared(shared_database: Database, shared_client: Client, data_dir: Path) -> None:
    """A cursor of one replica is read by another with the same data folder, by no other."""
    with serving(shared_database, shared_client, "replicas", data_dir) as one:
        one.store(span(session_id="a"), span(session_id="b"))
        cursor = one.get("/api/sessions", limit=1)["next_cursor"]
    with serving(shared_database, shared_client, "replicas", data_dir) as two:
        assert two.ask("/api/sessions", params={"limit": 1, "cursor": cursor}).status_code == 200
    assert (data_dir / "api.secret").stat().st_mode & 0o777 == 0o600
    with serving(shared_database, shared_client, "replicas", data_dir / "other") as three:
        assert three.ask("/api/sessions", params={"limit": 1, "cursor": cursor}).status_code == 422


def test_what_does_not_exist_is_a_problem_too(api: Api) -> None:
    """Unknown paths and methods, in the same form."""
    for method, path, status in (
        ("GET", "/nowhere", 404),
        ("PUT", "/api/sessions", 405),
        ("GET", "/api/sessions/", 404),
    ):
        response = api.ask(path, method=method)
        assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")
        assert orjson.loads(response.content)["status"] == status


INJECTIONS = (
    "' OR 1=1 --",
    '" OR ""="',
    "`",
    "\\",
    "\\'",
    "{x:String}",
    "{project:String}",
    "%(project)s",
    "%s",
    "; DROP TABLE spans",
    "') UNION SELECT * FROM system.users --",
    "/*",
    "\x00",
    "\u2019 OR \u20191\u2019=\u20191",
    "🌙" * 50,
    "NULL",
    "[]",
    "('a','b')",
)
TEXTS = (
    *("session_id", "session_id_prefix", "user_id", "model", "service", "environment", "tag", "tool", "agent"),
    *("release", "prompt", "text", "q", "metadata.k", "score.k", "metadata.' OR 1=1 --", "from", "to", "tz", "sort"),
    *("order", "cursor", "min_cost", "min_duration", "project", "limit"),
)
ELSEWHERE = (
    ("/api/aggregates", "group_by"),
    ("/api/facets", "metadata_key"),
    ("/api/outliers", "measure"),
    ("/api/session", "id"),
    ("/api/user", "id"),
    ("/api/export/sessions", "format"),
    ("/api/diagnostics", "from"),
    ("/api/traces", "q"),
)


@pytest.mark.parametrize("text", INJECTIONS)
def test_nothing_that_is_sent_becomes_part_of_a_statement(api: Api, text: str) -> None:
    """It is looked for as it is, or refused; and everything is still there."""
    api.store(turn(session_id="s", user_id="u"))
    for name in TEXTS:
        response = api.ask("/api/sessions", params={name: text})
        assert response.status_code in (200, 404, 422), name
        assert response.json().get("items", []) == [], name
    for path, name in ELSEWHERE:
        assert api.ask(path, params={name: text}).status_code in (200, 404, 422), path
    grouped = api.ask("/api/aggregates", params={"group_by": f"metadata.{text}"})
    assert grouped.status_code == (422 if "," in text else 200)
    assert api.get("/api/sessions")["total"] == 1


def test_a_user_who_may_only_read_is_enough(engine: Engine, project: str, data_dir: Path) -> None:
    """For every question; nothing of it needs more in the database than the embedded engine's reader has."""
    owner = engine.database()
    with connected(owner.within("default")) as client:
        migrate(client, Topology(owner.name))
    with (
        connected(owner) as client,
        serving(owner, client, project, data_dir, read_database=engine.database("reader")) as api,
    ):
        stored = turn(session_id="session_id", user_id="user_id", input_messages='["hi"]')
        api.store(stored)
        for method, path in paths_of(api):
            if method == "GET" and path != "/api/live":
                asked = path.replace("trace_id", stored["trace_id"]).replace("span_id", stored["span_id"])
                response = api.ask(asked, params=PARAMETERS.get(path, {}))
                assert response.status_code == 200, (asked, response.text)


PARAMETERS = {
    "/api/session": {"id": "session_id"},
    "/api/user": {"id": "user_id"},
    "/api/user/export": {"id": "user_id"},
    "/session": {"id": "session_id"},
    "/user": {"id": "user_id"},
    "/api/sessions": {"q": "hi -nothing user:user_id"},
    "/api/traces": {"q": "hi"},
    "/api/export/spans": {"q": "user:user_id"},
}
