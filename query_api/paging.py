"""Lists in pages: where a page begins, and how it is answered."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from fastapi import Request
from starlette.responses import Response

from query_api.access import Caller
from query_api.answers import answer
from query_api.cursors import After, BadCursor, Cursor, Signer, list_key
from query_api.db import Chosen, Reader, Row
from query_api.problems import bad_input
from query_api.service import service_of
from query_api.times import now_ns, rfc3339

MAX_LIMIT = 200
"""Of one page: the next is one request away."""
_NOT_OF_THE_LIST = frozenset({"cursor", "limit", "project"})


@dataclass(frozen=True, slots=True)
class Page:
    """One page of one list. Relative times mean what they meant on the first page."""

    list_key: str
    limit: int
    now_ns: int
    after: After | None
    total: int | None
    signer: Signer

    @property
    def is_first(self) -> bool:
        return self.after is None

    def parameters(self) -> dict[str, Any]:
        """One row more than asked for tells whether there is a next page."""
        after = self.after
        value = after.value if after is not None else None
        return {
            "after_id": after.id if after is not None else None,
            "after_null": after is not None and value is None,
            "after_value": Decimal(value) if value is not None else Decimal(0),
            "limit": self.limit + 1,
        }

    def next_cursor(self, rows: Sequence[Row], total: int | None) -> str | None:
        if len(rows) <= self.limit:
            return None
        last = rows[self.limit - 1]
        after = After(last["sort_value"], last["sort_id"])
        return self.signer.write(Cursor(self.list_key, after, total, self.now_ns))


async def count(reader: Reader, page: Page, name: str, chosen: Chosen) -> int | None:
    """Counted once for a list, so that its pages agree."""
    if not page.is_first:
        return page.total
    row = await reader.row(name, chosen)
    return row["total"] if row is not None else 0


def begin_page(request: Request, caller: Caller, limit: int, cursor: str | None) -> Page:
    service = service_of(request)
    named = sorted((name, value) for name, value in request.query_params.multi_items() if name not in _NOT_OF_THE_LIST)
    key = list_key([request.url.path, caller.project, *named])
    if cursor is None:
        return Page(key, limit, now_ns(), None, None, service.signer)
    read = _read(service.signer, cursor)
    if read.list_key != key:
        raise bad_input("cursor", "it belongs to a list with another filter, sort or project; begin without it")
    return Page(key, limit, read.now_ns, read.after, read.total, service.signer)


def _read(signer: Signer, text: str) -> Cursor:
    try:
        return signer.read(text)
    except BadCursor:
        raise bad_input("cursor", "this is not a cursor of ours; begin without it") from None


def answer_page(request: Request, page: Page, rows: list[Row], total: int | None, *, content: bool) -> Response:
    return answer_list(request, page_body(page, rows, total), content=content)


def answer_list(request: Request, body: dict[str, Any], *, content: bool) -> Response:
    same_while = [body["items"], body["total"], body["next_cursor"] is None]
    return answer(request, body, content=content, same_while=same_while)


def page_body(page: Page, rows: list[Row], total: int | None) -> dict[str, Any]:
    """Takes what only served the order out of the rows."""
    next_cursor = page.next_cursor(rows, total)
    items = rows[: page.limit]
    for item in items:
        del item["sort_value"], item["sort_id"]
    return {"items": items, "next_cursor": next_cursor, "total": total, "as_of": rfc3339(page.now_ns)}
