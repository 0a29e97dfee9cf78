"""A seed -> conversations. The same seed writes the same ones, whatever the day: only their ends count from now."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from random import Random

from genai_sessions.demo.story import App, Conversation
from genai_sessions.demo.talking import Talk
from genai_sessions.demo.topics import Topic, topics

TAG = "demo-data"
"""On every session of the demo; the pages know it."""

DAY_MS = 86_400_000.0
PEOPLE = 40
EVERY = 40
"""Of so many conversations each of the two who burn tokens has one."""
_FORGOTTEN = (31, 60)
"""One of sixty has no session id."""


@dataclass(frozen=True, slots=True)
class _Burner:
    user_id: str
    app: str
    turn_of: int  # in every EVERY
    exchanges: tuple[int, int]
    context_tokens: int


_BURNERS = (
    _Burner("hank@acme.example", "code-copilot", 7, (14, 32), 52_000),
    _Burner("lab-notebook-bot", "research-assistant", 23, (8, 20), 88_000),
)


def conversations(seed: int, count: int, days: float) -> Iterator[Conversation]:
    for number in range(count):
        yield conversation(Random(f"{seed}/{number}"), number, days)  # noqa: S311 - a story, not a secret


def conversation(chance: Random, number: int, days: float) -> Conversation:
    burner = next((each for each in _BURNERS if number % EVERY == each.turn_of), None)
    topic = _topic(chance, None if burner is None else burner.app)
    app = topic.app
    user_id = _person(chance) if burner is None else burner.user_id
    talk = Talk(chance, app, chance.choice(app.models), 0 if burner is None else burner.context_tokens)
    words = {name: chance.choice(options) for name, options in topic.fill.items()}
    planned = topic.exchanges[: chance.randint(1, len(topic.exchanges))]
    if burner is not None:
        planned = tuple(islice(cycle(topic.exchanges), chance.randint(*burner.exchanges)))
    return Conversation(
        session_id=None if number % _FORGOTTEN[1] == _FORGOTTEN[0] else _session_id(chance, app, user_id),
        user_id=user_id,
        app=app,
        environment=chance.choice(app.environments),
        release=chance.choice(app.releases),
        tags=(TAG, chance.choice(app.tags)),
        metadata={"plan": chance.choice(app.plans), "region": chance.choice(("eu-central", "us-east", "ap-south"))},
        exchanges=tuple(talk.exchanges(planned, words)),
        ended_ago_ms=_ago_ms(chance, days),
    )


def _topic(chance: Random, app: str | None) -> Topic:
    """First the app, by its share; then what it is asked."""
    apps = {topic.app.name: topic.app for topic in topics()}
    chosen = app or chance.choices(list(apps), [each.share for each in apps.values()])[0]
    return chance.choice([topic for topic in topics() if topic.app.name == chosen])


_NAMES: Sequence[str] = (
    "ada", "björn", "chen", "dora", "elif", "femi", "gustav", "hiro", "ines", "jamal", "kim", "lena", "marek", "nadia",
    "olu", "priya", "quentin", "rosa", "sven", "tariq",
)  # fmt: skip


def _person(chance: Random) -> str:
    """A few come often."""
    number = min(int(chance.expovariate(4 / PEOPLE)), PEOPLE - 1)
    name = _NAMES[number % len(_NAMES)]
    return f"{name}@example.com" if number < len(_NAMES) else f"u-{1000 + number}"


def _session_id(chance: Random, app: App, user_id: str) -> str:
    """As these apps would make them up."""
    noise = f"{chance.getrandbits(96):024x}"
    return {
        "support-bot": f"conv_{noise[:12]}",
        "research-assistant": f"{noise[:8]}-{noise[8:12]}-4{noise[12:15]}-9{noise[15:18]}-{noise[:12]}",
        "travel-planner": noise[:21],
        "code-copilot": f"{user_id.partition('@')[0]}:ide/{noise[:6]}",
        "docs-chat": f"docs chat {int(noise[:3], 16)}",
    }[app.name]


def _ago_ms(chance: Random, days: float) -> float:
    """More of late than before, and busier at this time of day than half a day away."""
    while True:
        ago: float = days * chance.random() ** 1.5
        if chance.random() < 0.55 + 0.45 * math.cos(2 * math.pi * ago):
            return ago * DAY_MS
