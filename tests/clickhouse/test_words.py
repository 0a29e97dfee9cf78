"""The index over words: built once, where spans have come to rest; whatever has none is searched all the same."""

import time

from clickhouse_connect.driver import Client

from clickhouse.rollup.statements import single_row, statement
from clickhouse.rollup.words import QUIET_SECONDS, REST_SECONDS, WORTHWHILE_ROWS, Part, WordIndex, due
from tests.clickhouse.stored import store
from tests.clickhouse.test_rollup_cases import NOW, llm

FOUND = "SELECT count() FROM spans WHERE hasAllTokens(said, {word:String})"
INDEXED = "SELECT count() FROM mergeTreeTextIndex(currentDatabase(), spans, by_words) WHERE token = {word:String}"
MUTATIONS = "SELECT count() FROM system.mutations WHERE database = currentDatabase() AND table = 'spans'"


def said(client: Client, project: str, number: int, text: str) -> None:
    content = f'[{{"role":"user","parts":[{{"type":"text","content":"{text}"}}]}}]'
    store(client, [llm(project, number, trace_id=f"{number:032x}", input_messages=content)])


def build(index: WordIndex, client: Client) -> None:
    """As if nothing had arrived for an hour; and until it is there."""
    index.build(quiet_seconds=0)
    until = time.monotonic() + 30
    while single_row(client, "words_in_progress")[0] > 0 and time.monotonic() < until:
        time.sleep(0.02)


def count(client: Client, query: str, word: str = "") -> int:
    rows: int = client.query(query, parameters={"word": word}).result_rows[0][0]
    return rows


def test_words_are_found_before_there_is_an_index_and_after(client: Client, project: str) -> None:
    """In what an insert left, in what a merge left, by the index, and in a mixture."""
    said(client, project, 1, "the weather in Lisbon, which is a town by the sea")
    assert count(client, FOUND, "lisbon") == 1
    said(client, project, 2, "the weather in Porto, which is a town by a river")
    client.command("OPTIMIZE TABLE spans FINAL")
    assert (count(client, INDEXED, "weather"), count(client, FOUND, "weather")) == (0, 2)
    build(WordIndex(client), client)
    assert (count(client, INDEXED, "weather"), count(client, FOUND, "weather")) == (1, 2)
    said(client, project, 3, "the weather in Braga, which is a town in the hills")
    assert (count(client, INDEXED, "weather"), count(client, FOUND, "weather")) == (1, 3)


def test_what_has_it_is_known_to(client: Client, project: str) -> None:
    """By the weight of its indexes, also after a restart."""
    said = {"started_at": NOW, "ended_at": NOW}  # on one day: of few rows nobody can tell
    rows = [
        llm(project, number, trace_id=f"{number:032x}", input_messages=f"[{number}, {number**9}]", **said)
        for number in range(3_000)
    ]
    store(client, rows)
    assert len(client.query(statement("parts_without_words")).result_rows) == 1
    build(WordIndex(client), client)
    assert len(client.query(statement("parts_without_words")).result_rows) == 0


def test_it_is_built_once(client: Client, project: str) -> None:
    """Also where nothing was said, so that nothing is there afterwards either."""
    store(client, [llm(project, 1, input_messages="", output_messages="")])
    index = WordIndex(client)
    for _ in range(3):
        build(index, client)
    assert count(client, MUTATIONS) == 1


def test_what_was_just_written_waits() -> None:
    """It will be merged soon; once it is at rest enough of it pays, and after an hour anything does."""
    fresh = Part("today", "1_1_0", 10 * WORTHWHILE_ROWS, REST_SECONDS - 1)
    few = Part("today", "2_2_0", WORTHWHILE_ROWS - 1, REST_SECONDS)
    enough = few._replace(rows=WORTHWHILE_ROWS)
    assert due([fresh]) == due([few]) == due([fresh, enough]) == []
    assert due([enough]) == ["today"]
    assert due([fresh._replace(rows=WORTHWHILE_ROWS), enough]) == ["today"]
    assert due([Part("yesterday", "1_1_0", 1, QUIET_SECONDS), fresh]) == ["yesterday"]
