"""Bytes in flight and rates: who waits, who passes, who is refused, and that nothing leaks."""

import asyncio
import random
import sys
import time
from typing import Any

import pytest

from clickhouse.projects import Limits, Project
from otel_receiver.budget import Budget
from otel_receiver.errors import Unavailable
from otel_receiver.http_body import Incoming, read_body
from otel_receiver.quota import BURST_S, Quotas


def test_who_finds_no_room_waits_for_it() -> None:
    """A short burst is held rather than refused."""

    async def play() -> None:
        budget = Budget(100, 100, hold_s=5)
        first, second = budget.hold("a"), budget.hold("b")
        await first.grow(80)
        waiting = asyncio.create_task(second.grow(50))
        await asyncio.sleep(0)
        assert not waiting.done()
        first.release()
        await waiting
        assert budget.used == 50

    asyncio.run(play())


def test_who_waits_too_long_may_come_again() -> None:
    """Refused as retryable, and out of the queue."""

    async def play() -> None:
        budget = Budget(100, 100, hold_s=0.01)
        await budget.take("a", 80)
        with pytest.raises(Unavailable, match="in flight"):
            await budget.take("a", 50)
        budget.give("a", 80)
        assert budget.used == 0
        await budget.take("a", 100)

    asyncio.run(play())


def test_one_project_cannot_starve_the_others() -> None:
    """Line 54: over its share it waits, while others pass."""

    async def play() -> None:
        budget = Budget(100, 50, hold_s=0.05)
        await budget.take("noisy", 50)
        noisy = asyncio.create_task(budget.take("noisy", 10))
        await asyncio.sleep(0)
        await asyncio.wait_for(budget.take("quiet", 40), 0.01)
        with pytest.raises(Unavailable):
            await noisy

    asyncio.run(play())


def test_the_first_in_line_is_served_first() -> None:
    """Small requests do not overtake a large one for ever."""

    async def play() -> None:
        budget = Budget(100, 100, hold_s=5)
        await budget.take("a", 90)
        order: list[str] = []

        async def take(name: str, size: int) -> None:
            await budget.take("a", size)
            order.append(name)

        tasks = [asyncio.create_task(take("large", 60)), asyncio.create_task(take("small", 5))]
        await asyncio.sleep(0.01)
        assert order == []
        budget.give("a", 90)
        await asyncio.gather(*tasks)
        assert order == ["large", "small"]

    asyncio.run(play())


def test_nothing_leaks_whoever_gives_up_when() -> None:
    """Cancelled while waiting, while being granted, after; the bytes all come back."""

    async def play() -> None:
        chance = random.Random(7)
        budget = Budget(100, 60, hold_s=0.02)

        async def request(project: str) -> None:
            async with budget.hold(project) as hold:
                for _ in range(3):
                    await hold.grow(chance.randrange(1, 30))
                    await asyncio.sleep(chance.random() / 200)
            hold.release()

        tasks = [asyncio.create_task(request(chance.choice("abc"))) for _ in range(300)]
        for task in tasks:
            if chance.random() < 0.5:
                task.cancel()
            await asyncio.sleep(chance.random() / 1000)
            assert 0 <= budget.used <= 100
        await asyncio.gather(*tasks, return_exceptions=True)
        assert budget.used == 0
        await budget.take("a", 60)
        await budget.take("b", 40)

    asyncio.run(play())


def test_a_rate_is_an_average_over_a_few_seconds() -> None:
    """A burst passes, the excess is told when to come again, and time heals."""
    now = [0.0]
    quotas = Quotas(lambda: now[0])
    project = Project("shop", limits=Limits(spans_per_second=100))
    quotas.take_spans(project, int(100 * BURST_S))
    with pytest.raises(Unavailable) as refused:
        quotas.take_spans(project, 1)
    assert refused.value.reason == "over_quota"
    now[0] += 1
    quotas.take_spans(project, 1)


def test_one_request_may_overdraw() -> None:
    """Any size can pass; the next one waits for it."""
    now = [0.0]
    quotas = Quotas(lambda: now[0])
    project = Project("shop", limits=Limits(bytes_per_second=10))
    quotas.take_bytes(project, 1000)
    now[0] += 90
    with pytest.raises(Unavailable):
        quotas.take_bytes(project, 1)
    now[0] += 6
    quotas.take_bytes(project, 1)


def test_no_limit_is_no_limit() -> None:
    """0, the default."""
    quotas = Quotas(lambda: 0.0)
    for _ in range(100):
        quotas.take_bytes(Project("shop"), 1 << 40)


def test_those_whose_time_ends_at_once_do_not_stumble_over_each_other() -> None:
    """The first to leave makes way for the second, which has just given up too."""

    async def scenario() -> None:
        budget = Budget(10, 10, hold_s=0.01)
        await budget.take("p", 8)
        waiting = [asyncio.create_task(budget.take("p", size)) for size in (6, 2)]
        await asyncio.sleep(0)
        time.sleep(0.05)  # noqa: ASYNC251 - both are due by the time the loop looks again
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(result) for result in results] == [Unavailable, Unavailable]
        assert budget.used == 8

    asyncio.run(scenario())


def test_a_refused_body_is_let_go_of_with_its_place() -> None:
    """While the refusal is being answered nothing keeps what was read: its place is somebody else's by then."""
    pieces = [bytes([number]) * 6 for number in (1, 2)]
    before = sys.getrefcount(pieces[0])

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": left.pop(0), "more_body": True}

    async def scenario() -> None:
        hold = Budget(10, 10, hold_s=0.01).hold("p")
        with pytest.raises(Unavailable) as refusal:
            await read_body(Incoming(receive), hold, None, most=100, deadline_s=5)
        assert refusal.value.__traceback__ is not None
        assert (left, sys.getrefcount(pieces[0])) == ([], before)

    left = list(pieces)
    asyncio.run(scenario())


def test_a_huge_body_counts_twice() -> None:
    """While it is put together or read there are two of it; one that turns out to be small counts as it is."""

    async def scenario() -> None:
        budget = Budget(64 << 20, 64 << 20, hold_s=0.01)
        hold = budget.hold("p")
        await hold.grow_for(20 << 20)
        assert budget.used == 40 << 20
        await hold.grow_for(50 << 20)
        assert budget.used == 64 << 20  # all there is: else it would never fit
        hold.shrink_for(1 << 20)
        assert budget.used == 1 << 20
        hold.release()
        assert budget.used == 0

    asyncio.run(scenario())


def test_of_several_large_bodies_one_is_read_to_its_end() -> None:
    """Had each taken some of the room as it came, none would ever have been whole."""

    def receive_of(left: int) -> Any:
        async def receive() -> dict[str, Any]:
            nonlocal left
            left -= 1
            await asyncio.sleep(0)
            return {"type": "http.request", "body": bytes(1 << 19), "more_body": left > 0}

        return receive

    async def scenario() -> None:
        budget = Budget(8 << 20, 8 << 20, hold_s=5)

        async def one() -> int:
            async with budget.hold("p") as hold:
                incoming = Incoming(receive_of(12))
                body = await read_body(incoming, hold, None, most=8 << 20, length=6 << 20, deadline_s=5)
            hold.release()
            return len(body)

        assert list(await asyncio.gather(one(), one())) == [6 << 20, 6 << 20]
        assert budget.used == 0

    asyncio.run(scenario())
