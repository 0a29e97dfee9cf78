"""What kind of call a span is: said by a key of its dialect, else by its name, never guessed from its having usage."""

from otel_receiver.call import CallKind
from otel_receiver.mapping.hits import Hits


def decide(hits: Hits) -> tuple[CallKind, str, str]:
    """The kind, the dialect that decided it, and the operation in that dialect's own word."""
    if "kind" in hits.best:
        for key in hits.keys("kind"):
            kind = hits.value(key)
            if kind is not None:
                return kind, key.dialect, _word(hits.span.attributes[key.name])
    scope = hits.span.scope.name
    if scope.startswith(hits.table.scopes):
        for spans in hits.table.named:
            if scope.startswith(spans.scope) and (kind := spans.kind(hits.span.name)) is not None:
                return kind, spans.dialect, hits.span.name.partition(" ")[0]
    if "tool_name" in hits.best and "kind" not in hits.best:
        return "tool", hits.best["tool_name"].dialect, ""
    undecided = hits.best.get("kind")
    return "", "", "" if undecided is None else _word(hits.span.attributes[undecided.name])


def _word(value: object) -> str:
    return value.strip('"') if isinstance(value, str) else ""
