"""A Python client of the API: typed answers, lists as iterators over all their pages, whole results as data frames.

    from query_api.client import Client

    client = Client("http://127.0.0.1:8080")
    for session in client.sessions(from_="24h", status="error", sort="cost_usd"):
        print(session.session_id, session.turns, session.cost_usd)

Filters are those of the API. A name that Python keeps for itself takes an underscore behind it (`from_`), one with a
dot goes in a dict (`**{"metadata.plan": "pro"}`), a list means any of its values.
"""

import json
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Literal, Self, TypeVar
from urllib.parse import urlencode

import urllib3
from pydantic import BaseModel

from query_api.shapes import (
    Aggregates,
    Call,
    Counted,
    Deleted,
    Diagnostics,
    FullSpan,
    Given,
    ListedProject,
    ListedProjects,
    ListedSession,
    ListedTrace,
    ListedUser,
    MessageEntry,
    Page,
    TraceWithSpans,
    UserWithSessions,
    WholeSession,
)

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

Shape = TypeVar("Shape", bound=BaseModel)
Value = str | int | float | Sequence[str]
Exported = Literal["sessions", "turns", "spans"]

RETRIED = (
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
)
FIRST_BACK_OFF_SECONDS = 0.2
MOST_BACK_OFF_SECONDS = 30
"""Also where the server asks for more patience."""


class ApiError(Exception):
    """The service answered, and not with what was asked for. The message is its sentence."""

    def __init__(self, status: int, detail: str, errors: Sequence[Mapping[str, Any]] = ()) -> None:
        super().__init__(f"{status}: {detail}")
        self.status, self.detail, self.errors = status, detail, errors


@dataclass(frozen=True)
class Pages(Generic[Shape]):
    """A list of any length: iterate over it, or over its `pages()`. Each is asked for when it is reached."""

    ask: Callable[[Mapping[str, Value]], Any]
    shape: type[Shape]

    def __iter__(self) -> Iterator[Shape]:
        for page in self.pages():
            yield from page.items

    def pages(self) -> Iterator[Page[Shape]]:
        cursor: dict[str, Value] = {}
        while True:
            page = _read(Page[self.shape], self.ask(cursor))  # type: ignore[name-defined]
            yield page
            if page.next_cursor is None:
                return
            cursor = {"cursor": page.next_cursor}


class Client:
    """`key` where the service wants one; `project` where the key opens several. May be shared by threads."""

    def __init__(
        self,
        url: str = "http://127.0.0.1:8080",
        key: str | None = None,
        *,
        project: str | None = None,
        timeout_s: float = 60.0,
        attempts: int = 6,
    ) -> None:
        self._url, self._project = url.rstrip("/"), project
        self._http = urllib3.PoolManager(
            headers={} if key is None else {"authorization": f"Bearer {key}"},
            timeout=timeout_s,
            retries=urllib3.Retry(
                attempts - 1,
                status_forcelist=RETRIED,
                allowed_methods=None,  # whatever we send may be sent again: feedback carries an id
                backoff_factor=FIRST_BACK_OFF_SECONDS,
                backoff_max=MOST_BACK_OFF_SECONDS,
                backoff_jitter=FIRST_BACK_OFF_SECONDS,
                retry_after_max=MOST_BACK_OFF_SECONDS,
                raise_on_status=False,
                redirect=0,
            ),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.clear()

    def sessions(self, **filters: Value) -> Pages[ListedSession]:
        return self._pages("/api/sessions", ListedSession, filters)

    def session(self, session_id: str) -> WholeSession:
        """With a page of its traces; `traces(session_id=…)` has all of them."""
        return _read(WholeSession, self._get("/api/session", {"id": session_id}))

    def calls(self, session_id: str) -> Pages[Call]:
        return self._pages("/api/session", Call, {"id": session_id, "view": "calls"})

    def messages(self, session_id: str) -> Pages[MessageEntry]:
        """The conversation: what is new in each turn."""
        return self._pages("/api/session", MessageEntry, {"id": session_id, "view": "messages"})

    def traces(self, **filters: Value) -> Pages[ListedTrace]:
        return self._pages("/api/traces", ListedTrace, filters)

    def trace(self, trace_id: str) -> TraceWithSpans:
        """With all of its spans."""
        path = f"/api/traces/{trace_id}"
        whole = _read(TraceWithSpans, self._get(path, {}))
        while whole.next_cursor is not None:
            more = _read(TraceWithSpans, self._get(path, {"cursor": whole.next_cursor}))
            whole = more.model_copy(update={"spans": [*whole.spans, *more.spans]})
        return whole

    def span(self, trace_id: str, span_id: str) -> FullSpan:
        return _read(FullSpan, self._get(f"/api/spans/{trace_id}/{span_id}", {}))

    def users(self, **filters: Value) -> Pages[ListedUser]:
        return self._pages("/api/users", ListedUser, filters)

    def user(self, user_id: str) -> UserWithSessions:
        return _read(UserWithSessions, self._get("/api/user", {"id": user_id}))

    def aggregates(self, group_by: Sequence[str] = (), **filters: Value) -> Aggregates:
        """Up to 1,000 groups by one or two of day, hour, week, model, user, service, environment, tag, status."""
        grouped = {"group_by": group_by if isinstance(group_by, str) else ",".join(group_by)} if group_by else {}
        return _read(Aggregates, self._get("/api/aggregates", {**grouped, **filters}))

    def projects(self) -> list[ListedProject]:
        return _read(ListedProjects, self._get("/api/projects", {})).items

    def diagnostics(self, **range_: Value) -> Diagnostics:
        """What the numbers do not tell: spans without a session, unknown prices, how far behind the sums are."""
        return _read(Diagnostics, self._get("/api/diagnostics", range_))

    def feedback(self, name: str, value: float | str, *, comment: str = "", id: str = "", **of: str) -> str:  # noqa: A002
        """A score of `session_id=…`, or `trace_id=…` and perhaps `span_id=…`. Returns its id: the same one again
        replaces what it said."""
        sent = {"name": name, "value": value, "comment": comment, "id": id or uuid.uuid4().hex, **of}
        return _read(Given, self._ask("POST", "/api/feedback", {}, json.dumps(sent).encode())).id

    def delete_session(self, session_id: str) -> Counted:
        return _read(Deleted, self._ask("DELETE", "/api/session", {"id": session_id})).deleted

    def delete_user(self, user_id: str) -> Counted:
        return _read(Deleted, self._ask("DELETE", "/api/user", {"id": user_id})).deleted

    def to_arrow(self, what: Exported = "sessions", **filters: Value) -> "pa.Table":
        """Everything a filter chooses, as one table. Needs pyarrow."""
        from pyarrow.ipc import open_stream  # noqa: PLC0415 - for those who want tables; nobody else needs it

        with self._answer("GET", f"/api/export/{what}", {**filters, "format": "arrow"}) as stream:
            return open_stream(stream).read_all()

    def to_pandas(self, what: Exported = "sessions", **filters: Value) -> "pd.DataFrame":
        return self.to_arrow(what, **filters).to_pandas()

    def to_polars(self, what: Exported = "sessions", **filters: Value) -> "pl.DataFrame":
        from polars import DataFrame  # noqa: PLC0415 - likewise

        return DataFrame(self.to_arrow(what, **filters))

    def _pages(self, path: str, shape: type[Shape], parameters: Mapping[str, Value]) -> Pages[Shape]:
        return Pages(lambda cursor: self._get(path, {**parameters, **cursor}), shape)

    def _get(self, path: str, parameters: Mapping[str, Value]) -> Any:
        return self._ask("GET", path, parameters)

    def _ask(self, method: str, path: str, parameters: Mapping[str, Value], body: bytes | None = None) -> Any:
        with self._answer(method, path, parameters, body) as answer:
            return answer.json()

    def _answer(
        self, method: str, path: str, parameters: Mapping[str, Value], body: bytes | None = None
    ) -> urllib3.BaseHTTPResponse:
        chosen = {name.removesuffix("_"): value for name, value in parameters.items()}
        if self._project is not None:
            chosen.setdefault("project", self._project)
        headers = {**self._http.headers, **({} if body is None else {"content-type": "application/json"})}
        url = f"{self._url}{path}?{urlencode(chosen, doseq=True)}"
        answer = self._http.request(method, url, body=body, headers=headers, preload_content=False)
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise _error(answer)
        return answer


def _read(shape: type[Shape], answer: Any) -> Shape:
    """What a newer service says beside it is passed over."""
    return shape.model_validate(answer, extra="ignore")


def _error(answer: urllib3.BaseHTTPResponse) -> ApiError:
    said = answer.data
    try:
        problem = json.loads(said)
        return ApiError(answer.status, problem["detail"], problem["errors"])
    except (ValueError, KeyError, TypeError):
        return ApiError(answer.status, said[:300].decode(errors="replace") or HTTPStatus(answer.status).phrase)
