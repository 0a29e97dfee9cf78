"""The demo: conversations that never happened come out as those that do, and add up to what it says it sent."""

import contextlib
import re
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from genai_sessions.demo.command import timed
from genai_sessions.demo.sending import Door, NotTaken
from genai_sessions.demo.spans import traced
from genai_sessions.demo.story import Conversation, Sum, sum_of
from genai_sessions.demo.topics import topics
from genai_sessions.demo.writing import TAG, conversations
from otel_receiver.batch import Batch
from otel_receiver.errors import Unavailable
from tests.end_to_end.product import COMMAND, Product, call, environment, eventually, free_ports, running_up
from tests.histories import NOW_NS
from tests.otel_receiver.doors import ListWriter, open_doors
from tests.otel_receiver.test_both_doors import shop_and_lab

COUNT, SEED = 90, 5


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with running_up(tmp_path_factory.mktemp("demo") / "data") as running:
        yield running


@pytest.fixture(scope="module")
def told(product: Product) -> str:
    """What the demo said when it had sent everything."""
    return send_demo(product)


def send_demo(product: Product) -> str:
    sent = call("demo", "--conversations", COUNT, "--seed", SEED, *product.ports.flags)
    assert sent.returncode == 0, sent.stderr
    return sent.stdout


def written() -> list[Conversation]:
    return list(conversations(SEED, COUNT, 7.0))


def expected() -> dict[str, Sum]:
    sums: dict[str, Sum] = {}
    for each in written():
        if each.session_id is not None:
            sums[each.session_id] = sums.get(each.session_id, Sum()) + sum_of(each.exchanges)
    return sums


def stored(product: Product) -> dict[str, dict[str, Any]]:
    """The numbers that the demo knows too."""
    names = asdict(Sum()).keys()
    return {session_id: {name: session[name] for name in names} for session_id, session in product.sessions().items()}


def test_sessions_add_up_to_what_the_demo_has_sent(product: Product, told: str) -> None:
    """Turn by turn and token by token, in five dialects; those without a session are none."""
    wanted = {session_id: asdict(total) for session_id, total in expected().items()}
    eventually(lambda: stored(product).keys() == wanted.keys() and settled(product))
    assert stored(product) == wanted
    assert len({session["services"][0] for session in product.sessions().values()}) == 5
    nameless = sum(len(each.exchanges) for each in written() if each.session_id is None)
    assert nameless > 0
    assert product.api.get("/api/diagnostics").json()["traces_without_session"] == nameless


def settled(product: Product) -> bool:
    return bool(product.api.get("/api/diagnostics").json()["queued_changes"] == 0)


def test_the_demo_says_what_it_has_sent(product: Product, told: str) -> None:
    """In one sentence, whose numbers are those of the database."""
    eventually(lambda: len(product.sessions()) == len(expected()) and settled(product))
    totals = product.api.get("/api/aggregates", params={"from": "9d"}).json()["totals"]
    spans = product.api.get("/api/diagnostics").json()["spans"]
    counted = re.match(r"(\d+) conversations of (\d+) users: (\d+) traces, (\d+) spans, (\d+) turns, (\d+) tool", told)
    assert counted is not None, told
    assert [totals[name] for name in ("sessions", "traces", "turns")] == [
        len(expected()),
        sum(total.traces for total in expected().values()),
        sum(total.turns for total in expected().values()),
    ]
    assert [int(number) for number in counted.groups()] == [
        totals["sessions"],
        len({each.user_id for each in written()}),
        sum(len(each.exchanges) for each in written()),
        spans,
        sum(sum_of(each.exchanges).turns for each in written()),
        sum(sum_of(each.exchanges).tool_calls for each in written()),
    ]


def test_every_demo_session_says_that_it_is_one(product: Product, told: str) -> None:
    """By a tag that can be searched for, and that the pages know."""
    eventually(lambda: len(product.sessions()) == len(expected()))
    found = product.api.get("/api/sessions", params={"tag": TAG}).json()
    assert found["total"] == len(expected())


def test_two_users_burn_tokens(product: Product, told: str) -> None:
    """More than all others together, so that outliers and top lists have something to show."""
    eventually(lambda: len(product.sessions()) == len(expected()) and settled(product))
    users = product.api.get("/api/users", params={"sort": "total_tokens", "limit": 200}).json()["items"]
    assert {user["user_id"] for user in users[:2]} == {"hank@acme.example", "lab-notebook-bot"}
    tokens = [user["total_tokens"] for user in users]
    assert sum(tokens[:2]) > 3 * sum(tokens[2:])


def test_prices_errors_streams_caches_and_scores_are_all_to_be_seen(product: Product, told: str) -> None:
    """Whatever a page can show, the demo has."""
    eventually(lambda: len(product.sessions()) == len(expected()) and settled(product))
    sessions = list(product.sessions().values())
    for name in ("cost_usd", "errors", "first_token_ms", "cache_read_tokens", "reasoning_tokens", "embeddings"):
        assert any(session[name] for session in sessions), name
    for name in ("metadata", "releases", "environments", "tools", "agents", "scores"):
        assert any(session[name] for session in sessions), name
    assert any(session["unpriced_turns"] for session in sessions)


def test_sent_again_it_is_the_same(product: Product, told: str) -> None:
    """The same seed moves the same sessions to now; nothing is counted twice."""
    eventually(lambda: len(product.sessions()) == len(expected()) and settled(product))
    before = stored(product)
    send_demo(product)
    eventually(lambda: settled(product))
    assert stored(product) == before


@pytest.mark.slow
def test_live_goes_on_until_it_is_told_to_stop(tmp_path: Path) -> None:
    """Exchanges that end as they are sent; Ctrl-C is a good end."""
    with running_up(tmp_path / "data") as product:
        command = [*COMMAND, "demo", "--live", "--conversations", "1", *product.ports.flags]
        with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, text=True) as child:
            try:
                eventually(lambda: len(product.sessions()) >= 3)
            finally:
                child.send_signal(signal.SIGINT)
            assert child.wait(10) == 0


def test_a_seed_tells_one_story_and_another_seed_another() -> None:
    """Down to the bytes that are sent."""

    def body(seed: int) -> list[bytes]:
        return [
            traced(each, exchange, start_ns).SerializeToString(deterministic=True)
            for each in conversations(seed, 12, 7.0)
            for exchange, start_ns in timed(each, NOW_NS)
        ]

    assert body(3) == body(3)
    assert not set(body(3)) & set(body(4))


def test_every_conversation_is_over() -> None:
    """Nothing is sent from the future, and no exchange begins before the one before it ends."""
    for each in written():
        ends = 0
        for exchange, start_ns in timed(each, NOW_NS):
            assert start_ns >= ends
            spans = traced(each, exchange, start_ns).scope_spans[0].spans
            ends = max(span.end_time_unix_nano for span in spans)
            assert min(span.start_time_unix_nano for span in spans) == start_ns
        assert ends <= NOW_NS


def test_every_topic_can_be_told() -> None:
    """All words that a text wants are there, whatever is chosen for them."""
    for topic in topics():
        words = {name: options[-1] for name, options in topic.fill.items()}
        for asked in topic.exchanges:
            texts = [asked.question(words), asked.answer(words), str(asked.tools(words)), str(asked.lookup(words))]
            assert not any(f"${name}" in text for name in words for text in texts)


def one_trace() -> Any:
    each = next(conversations(SEED, 1, 7.0))
    return [traced(each, *next(timed(each, NOW_NS)))]


def test_a_receiver_that_is_not_there_is_a_sentence() -> None:
    """Which says what to start."""
    sent = call("demo", *free_ports().flags)
    assert (sent.returncode, sent.stdout, len(sent.stderr.splitlines())) == (1, "", 1)
    assert "genai-sessions up" in sent.stderr


@pytest.mark.parametrize("flags", [("--conversations", "0"), ("--days", "0"), ("--days", "nan")], ids=" ".join)
def test_what_cannot_be_told_is_refused(flags: tuple[str, ...]) -> None:
    """Before anything is sent."""
    sent = call("demo", *flags, *free_ports().flags)
    assert (sent.returncode, len(sent.stderr.splitlines())) == (1, 1)
    assert flags[0] in sent.stderr


def test_a_receiver_with_keys_wants_one() -> None:
    """And takes it."""
    with open_doors(projects=shop_and_lab()) as doors:
        with pytest.raises(NotTaken, match="--key"):
            Door("127.0.0.1", doors.http_port, None).send(one_trace())
        Door("127.0.0.1", doors.http_port, "shop-key").send(one_trace())
        assert set(doors.writer.batches[0].spans["project_id"]) == {"shop"}


def test_a_busy_receiver_is_asked_again() -> None:
    """After as long as it says."""
    refusals = iter([Unavailable("full"), Unavailable("full")])
    waited: list[float] = []

    async def refuse_twice(_: Batch) -> None:
        with contextlib.suppress(StopIteration):
            raise next(refusals)

    with open_doors(writer=ListWriter(before=refuse_twice)) as doors:
        Door("127.0.0.1", doors.http_port, None, waited.append).send(one_trace())
        assert len(doors.writer.batches) == 1
    assert len(waited) == 2
    assert min(waited) > 0
