"""The dialects as tables: every key has a source, a rank of its own in its field, and a recording or a reason."""

from collections import Counter, defaultdict
from itertools import chain
from pathlib import Path

import pytest

import otel_receiver.dialects
from otel_receiver.content import carries_content
from otel_receiver.dialects import DIALECTS
from otel_receiver.mapping.content import CONTENT_FIELDS
from otel_receiver.mapping.keys import Dialect
from otel_receiver.mapping.table import HEAD, merge
from tests.otel_receiver.dialects.recordings import NAMES, told

FOLDER = Path(otel_receiver.dialects.__file__).parent
NO_DIALECTS = {"__init__", "langchain", "log_events"}

every_dialect = pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)


def test_the_list_holds_every_file() -> None:
    """A dialect is a file beside the list and a line in it, under the same name."""
    files = {path.stem for path in FOLDER.glob("*.py")} - NO_DIALECTS
    assert sorted(dialect.name for dialect in DIALECTS) == sorted(files)


@every_dialect
def test_everything_has_a_source(dialect: Dialect) -> None:
    """A page, a package with its version, or the admission that it is how people spell it."""
    sources = [
        *(key.source for key in dialect.keys),
        *(document.source for document in dialect.documents),
        *(family.source for family in dialect.families),
        *(event.source for event in dialect.events),
        *(spans.source for spans in dialect.named),
    ]
    assert [source for source in sources if not _names_somebody(source)] == []


def _names_somebody(source: str) -> bool:
    versioned = any(character.isdigit() for character in source)
    return versioned or source.startswith(("https://", "free-form"))


@every_dialect
def test_it_was_recorded_or_says_why_not(dialect: Dialect) -> None:
    """Adding one takes a recording."""
    assert set(dialect.recordings) <= set(NAMES)
    assert bool(dialect.recordings) != bool(dialect.unrecorded)


def test_every_recording_belongs_to_a_dialect() -> None:
    """None lies about unused."""
    assert set(chain.from_iterable(dialect.recordings for dialect in DIALECTS)) == set(NAMES)


def test_a_key_means_one_thing() -> None:
    """In one dialect: where two use the same key, it is in the file of the one whose idea it was."""
    names = Counter(key.name for dialect in DIALECTS for key in dialect.keys)
    assert [name for name, count in names.items() if count > 1] == []


def test_ranks_leave_no_ties() -> None:
    """First present key by rank: so no two keys of a field may share one. Pairs of the user's own have none."""
    keys = [(key.field, key.rank, key.name) for dialect in DIALECTS for key in dialect.keys]
    families = [(family.field, family.rank, family.prefix) for dialect in DIALECTS for family in dialect.families]
    ranked: defaultdict[tuple[str, int], list[str]] = defaultdict(list)
    for field, rank, name in keys + families:
        if field != "metadata":
            ranked[field, rank].append(name)
    assert {place: names for place, names in ranked.items() if len(names) > 1} == {}


def test_families_are_told_apart_by_their_head() -> None:
    """A shorter prefix would never be found."""
    assert all(len(family.prefix) >= HEAD for dialect in DIALECTS for family in dialect.families)


def test_keys_of_content_are_known_for_it() -> None:
    """What no reader makes sense of goes where content goes, or nowhere, by the words of its key alone."""
    fields = {*CONTENT_FIELDS, "score_comment"}
    keys = [key.name for dialect in DIALECTS for key in dialect.keys if key.field in fields]
    families = [family.prefix for dialect in DIALECTS for family in dialect.families if family.field in fields]
    names = [*keys, *(f"{prefix.removesuffix('.')}.0.any" for prefix in families)]
    assert [name for name in names if not carries_content(name, "text")] == []


def test_events_mean_one_thing() -> None:
    """Likewise span events."""
    names = Counter(event.name for dialect in DIALECTS for event in dialect.events)
    assert [name for name, count in names.items() if count > 1] == []


def test_most_keys_were_seen_in_a_recording() -> None:
    """The table is no wish list."""
    seen = {name for recording in NAMES for span, _ in told(recording) for name in span.attributes}
    known = merge(DIALECTS).meanings.keys()
    assert len(known & seen) > len(known) / 2
