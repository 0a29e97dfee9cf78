"""`genai-sessions demo`: conversations that never happened, sent as if they had, through the real receiver."""

import time
from argparse import Namespace
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from random import Random

from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans

from genai_sessions.demo.sending import Door
from genai_sessions.demo.spans import MS, traced
from genai_sessions.demo.story import Conversation, Exchange, sum_of
from genai_sessions.demo.writing import TAG, conversation, conversations
from genai_sessions.ports import reachable
from genai_sessions.service import stop_on_signal
from genai_sessions.settings import Settings, SettingsRefused

SPANS_AT_ONCE = 512
"""As the SDKs' batches."""
MOST_CONVERSATIONS = 100_000
MOST_DAYS = 365
LIVE_AT_ONCE = 6
LIVE_SECONDS = (0.4, 3.0)


def demo(settings: Settings, flags: Namespace) -> int:
    count, days = _wanted(flags.conversations, flags.days)
    stop = stop_on_signal()
    door = Door(reachable(settings.host), settings.otlp_http_port, settings.key, stop.wait)
    written = list(conversations(flags.seed, count, days))
    started = time.monotonic()
    spans = _send_all(door, written, time.time_ns())
    print(_told(written, spans))
    print(f"Sent to {door.address} in {time.monotonic() - started:.1f} s. They carry the tag {TAG}.", flush=True)
    if flags.live:
        print("More is sent as it happens, until Ctrl-C.", flush=True)
        for talked in _live(flags.seed):
            if stop.is_set():
                break
            door.send([talked.trace])
            stop.wait(talked.pause_s)
    return 0


def _wanted(count: int, days: float) -> tuple[int, float]:
    if not 1 <= count <= MOST_CONVERSATIONS:
        raise SettingsRefused(f"--conversations is {count}, but there may be 1 to {MOST_CONVERSATIONS}.")
    if not 0 < days <= MOST_DAYS:
        raise SettingsRefused(f"--days is {days:g}, but it must be above 0 and at most {MOST_DAYS}.")
    return count, days


def _send_all(door: Door, written: Iterable[Conversation], now_ns: int) -> int:
    """How many spans there were."""
    waiting: list[ResourceSpans] = []
    sent = held = 0
    for each in written:
        for exchange, start_ns in timed(each, now_ns):
            waiting.append(traced(each, exchange, start_ns))
            held += len(waiting[-1].scope_spans[0].spans)
        if held >= SPANS_AT_ONCE:
            door.send(waiting)
            sent, held, waiting = sent + held, 0, []
    if len(waiting) > 0:
        door.send(waiting)
    return sent + held


def timed(conversation: Conversation, now_ns: int) -> Iterator[tuple[Exchange, int]]:
    """Each exchange and its start: the last ends when the conversation did."""
    lasts_ms = sum(exchange.pause_ms + exchange.duration_ms for exchange in conversation.exchanges)
    at_ms = -conversation.ended_ago_ms - lasts_ms
    for exchange in conversation.exchanges:
        at_ms += exchange.pause_ms
        yield exchange, now_ns + int(at_ms * MS)
        at_ms += exchange.duration_ms


def _told(written: list[Conversation], spans: int) -> str:
    named = [each for each in written if each.session_id is not None]
    sessions, users = {each.session_id for each in named}, {each.user_id for each in named}
    total = sum_of(exchange for each in written for exchange in each.exchanges)
    tokens = total.input_tokens + total.output_tokens
    nameless = sum(len(each.exchanges) for each in written if each.session_id is None)
    return (
        f"{len(sessions)} conversations of {len(users)} users: "
        f"{total.traces} traces, {spans} spans, {total.turns} turns, {total.tool_calls} tool calls, "
        f"{tokens / 1e6:.1f} M tokens, {total.errors} failed turns; {nameless} traces without a session"
    )


@dataclass(frozen=True, slots=True)
class _Talked:
    trace: ResourceSpans
    pause_s: float


def _live(seed: int) -> Iterator[_Talked]:
    """A few conversations at once, each exchange ending as it is sent; new ones for those that are over."""
    chance = Random(f"{seed}/live/{time.time_ns()}")  # noqa: S311 - a story, not a secret
    going: list[tuple[Conversation, Iterator[Exchange]]] = []
    while True:
        while len(going) < LIVE_AT_ONCE:
            new = conversation(chance, chance.randrange(1 << 20), 1.0)
            going.append((new, iter(new.exchanges)))
        place = chance.randrange(len(going))
        talking, left = going[place]
        exchange = next(left, None)
        if exchange is None:
            del going[place]
            continue
        start_ns = time.time_ns() - int(exchange.duration_ms * MS)
        yield _Talked(traced(talking, exchange, start_ns), chance.uniform(*LIVE_SECONDS))
