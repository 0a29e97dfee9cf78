"""Batches as bytes, for the disk: JSON by column name, so that an older spool and people can still read them."""

import json
from typing import Any

import orjson

from otel_receiver.batch import Batch


def encoded(batch: Batch, **more: str) -> bytes:
    """Tuples become lists, decimals text; both are written to the database all the same."""
    value = {**more, "spans": batch.spans, "scores": batch.scores, "log_calls": batch.log_calls}
    try:
        return orjson.dumps(value, default=str)
    except TypeError:  # half a character, or an integer beyond 64 bits: not storable, but it can be buried
        return json.dumps(value, default=str).encode()


def decoded(payload: bytes) -> tuple[Batch, dict[str, str]]:
    """Raises ValueError where this is no batch of ours."""
    value = _parsed(payload)
    try:
        logs = dict(value.pop("log_calls", {}))  # an older batch has none
        return Batch(dict(value.pop("spans")), dict(value.pop("scores")), len(payload), logs), value
    except (AttributeError, KeyError, TypeError) as why:
        raise ValueError("not a batch") from why


def _parsed(payload: bytes) -> Any:
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        return json.loads(payload)
