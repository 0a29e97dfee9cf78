"""What a span's attributes mean, and the one rule of choice: per field the first present key by rank."""

from collections.abc import Callable, Iterator
from typing import Any

from otel_receiver.call import CallKind  # noqa: TC001 - mypy and readers, not the machine
from otel_receiver.mapping.keys import Document, Field, Key
from otel_receiver.mapping.shapes import shape_of
from otel_receiver.mapping.table import Shape, Table
from otel_receiver.span import Span
from otel_receiver.values import as_dict, opened, text_or_none

_NOWHERE = (None, "")


class Hits:
    """The keys of one span that mean something. Nothing is read before it is asked for."""

    __slots__ = ("best", "documents", "flaws", "kind", "members", "others", "span", "table", "unfolded")

    def __init__(self, table: Table, span: Span, shape: Shape) -> None:
        self.table = table
        self.span = span
        self.best, self.others, self.documents, self.members = shape
        self.unfolded: dict[str, Any] = {}
        self.flaws: list[str] = []
        self.kind: CallKind = ""

    def value(self, key: Key) -> Any:
        value = self.span.attributes[key.name]
        return value if key.read is None else key.read(value, self.span)

    def keys(self, field: Field) -> Iterator[Key]:
        """The present keys of a field, best rank first."""
        best = self.best.get(field)
        if best is None:
            return
        yield best
        if self.others:
            yield from self._beaten(field)

    def first(self, field: Field, read: Callable[[Any], Any]) -> tuple[Any, str]:
        """The first value by rank that `read` does not find empty, and the key that says it."""
        best = self.best.get(field)
        if best is not None:
            value = self._read(best, read)
            if value is not None:
                return value, best.name
            for key in self.others and self._beaten(field):
                value = self._read(key, read)
                if value is not None:
                    return value, key.name
        return self._from_documents(field, read) if self.documents else _NOWHERE

    def text(self, field: Field) -> str:
        key = self.best.get(field)
        if key is None:
            if not self.documents:
                return ""
        elif key.read is None:  # nearly always, and nearly always a text
            value = self.span.attributes[key.name]
            if type(value) is str:
                return value
        text: str | None = self.first(field, text_or_none)[0]
        return "" if text is None else text

    def _read(self, key: Key, read: Callable[[Any], Any]) -> Any:
        value = self.span.attributes[key.name]
        if key.read is not None:
            value = key.read(value, self.span)
            if value is None:
                return None
        return read(value)

    def _beaten(self, field: Field) -> list[Key]:
        return sorted((key for key in self.others if key.field == field), key=_rank)

    def _from_documents(self, field: Field, read: Callable[[Any], Any]) -> tuple[Any, str]:
        for document in self.documents:
            if field in document.gives and self.kind in document.kinds:
                value = self._unfold(document).get(field)
                if value is not None and (value := read(value)) is not None:
                    return value, document.name
        return _NOWHERE

    def _unfold(self, document: Document) -> dict[str, Any]:
        facts = self.unfolded.get(document.name)
        if facts is None:
            content = as_dict(opened(self.span.attributes[document.name]))
            facts = self.unfolded[document.name] = dict(document.unfold(content))
        return as_dict(facts)


def collect(table: Table, span: Span) -> Hits:
    return Hits(table, span, shape_of(table, span.attributes))


def _rank(key: Key) -> int:
    return key.rank
