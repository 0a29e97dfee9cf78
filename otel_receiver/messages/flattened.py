"""Messages that an SDK took apart into one attribute per leaf, put together again."""

from collections.abc import Mapping
from typing import Any

from otel_receiver.span import Value

_MAX_DEPTH = 16
"""Steps of a path; the deepest that SDKs write has eight."""

_MAX_DIGITS = 9
"""A longer number is a name: nobody counts that far, and Python refuses to read it."""


class _Step(dict[str, Any]):
    """A step on the way, to tell it from a value that happens to be a dict."""


def nest(leaves: Mapping[str, Value]) -> Any:
    """`{"0.role": "user", "0.content": "hi"}` -> `[{"role": "user", "content": "hi"}]`; None where paths contradict."""
    root = _Step()
    for path, value in leaves.items():
        steps = path.split(".")
        if len(steps) > _MAX_DEPTH or not _put(root, steps, value):
            return None
    return _listed(root)


def _put(step: _Step, names: list[str], value: Value) -> bool:
    for name in names[:-1]:
        inner = step.setdefault(name, _Step())
        if not isinstance(inner, _Step):
            return False
        step = inner
    return step.setdefault(names[-1], value) is value


def _listed(step: Any) -> Any:
    """Numbered children are a list, in the order of their numbers, however high those are."""
    if not isinstance(step, _Step):
        return step
    if all(name.isdecimal() and len(name) <= _MAX_DIGITS for name in step):
        return [_listed(step[name]) for name in sorted(step, key=int)]
    return {name: _listed(child) for name, child in step.items()}
