"""Numbers and times as pages write them."""

from zoneinfo import ZoneInfo

import pytest

from query_api.ui import formats
from query_api.ui.ranges import Span, series

UTC = ZoneInfo("UTC")
NOW_NS = 1_790_000_000_000_000_000
DAY_NS = 86_400 * 10**9


@pytest.mark.parametrize(
    ("usd", "text"),
    [
        (None, "\N{EN DASH}"), (0, "$0"), (0.0001342, "$0.0001342"), (0.00000364, "$0.00000364"), (0.5, "$0.50"),
        (0.0200, "$0.02"), (0.12345678, "$0.1235"), (1, "$1.00"),
        (41.2, "$41.20"), (123.456, "$123.46"), (1234.56, "$1,235"), (0.99999, "$1.00"), (1e-9, "$0.000000001"),
    ],
)  # fmt: skip
def test_money_has_four_digits_that_count(usd: float | None, text: str) -> None:
    """And never fewer than cents; what is not known is no zero."""
    assert formats.money(usd) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(None, "\N{EN DASH}"), (0, "0"), (688, "688"), (999, "999"), (1000, "1k"), (12_345, "12.3k"), (999_960, "1M"),
     (9_100_000, "9.1M"), (2_000_000_000, "2B")],
)  # fmt: skip
def test_tokens_are_short(number: int | None, text: str) -> None:
    """Three digits and a unit; never a thousand of one."""
    assert formats.tokens(number) == text


@pytest.mark.parametrize(
    ("ms", "text"),
    [(None, "\N{EN DASH}"), (0, "0 ms"), (0.42, "0.4 ms"), (830.2, "830 ms"), (999.6, "1.0 s"), (2_100, "2.1 s"),
     (59_960, "1m 00s"), (190_400, "3m 10s"), (7_500_000, "2h 05m"), (273_600_000, "3d 4h")],
)  # fmt: skip
def test_durations_have_two_units_at_most(ms: float | None, text: str) -> None:
    """None of them full: 60.0 s is a minute."""
    assert formats.duration(ms) == text


@pytest.mark.parametrize(
    ("rate", "text"), [(None, "\N{EN DASH}"), (0, "0%"), (0.0001, "<0.1%"), (0.031, "3.1%"), (1, "100%")]
)
def test_a_share_that_is_not_nothing_is_not_zero(rate: float | None, text: str) -> None:
    """Nor is an unknown one."""
    assert formats.share(rate) == text


def test_what_is_long_ago_is_a_day() -> None:
    """Before that: seconds, minutes, hours, days. What lies ahead is told by the clock."""
    now_ns = 1_795_176_000 * 10**9  # 2026-11-20T12:00:00Z
    at = {"11:59:58": "now", "11:59:30": "30 s", "11:57:00": "3 min", "09:00:00": "3 h"}
    for clock, text in at.items():
        assert formats.ago(f"2026-11-20T{clock}.000000000Z", now_ns, UTC) == text
    assert formats.ago("2026-11-18T11:00:00.000000000Z", now_ns, UTC) == "2 d"
    assert formats.ago("2026-11-01T23:30:00.000000000Z", now_ns, ZoneInfo("Europe/Berlin")) == "2026-11-02"
    assert formats.ago("2026-11-20T12:00:01.000000000Z", now_ns, UTC) == "2026-11-20 12:00:01"


def test_hover_tells_the_viewers_time_and_utc() -> None:
    """Once, where they are the same."""
    at = "2026-11-20T23:30:00.123456789Z"
    assert formats.both_clocks(at, UTC) == "2026-11-20 23:30:00.123 UTC"
    tokyo = formats.both_clocks(at, ZoneInfo("Asia/Tokyo"))
    assert tokyo == "2026-11-21 08:30:00 Asia/Tokyo · 2026-11-20 23:30:00.123 UTC"


def test_ids_keep_both_ends_and_control_characters_are_seen() -> None:
    """An escape sequence is shown, not obeyed."""
    assert formats.shortened("conv-42") == "conv-42"
    assert formats.shortened("a" * 30 + "b" * 30) == "aaaaaaaaa…bbbbbbbbb"
    assert formats.shown("\x1b[31m\x00\x7f\ttab\n") == "␛[31m␀␡\ttab\n"


def groups(group: str, *keys: str) -> list[dict[str, object]]:
    return [{"key": {group: key}, "sessions": 1, "cost_usd": None} for key in keys]


def test_a_chart_has_a_bar_for_every_step_of_its_range() -> None:
    """Empty ones too; and no more of them than can be told apart."""
    for length_ns, step, bars in ((DAY_NS // 24, "minute", 61), (DAY_NS, "hour", 25), (30 * DAY_NS, "day", 31)):
        span = Span(NOW_NS - length_ns, (1 << 63) - 1, NOW_NS, UTC)
        assert span.step.group == step
        key = {"minute": "2026-09-21T13:50:00Z", "hour": "2026-09-21T13:00:00Z", "day": "2026-09-21"}[step]
        drawn = series(span, groups(step, key))
        assert bars - 1 <= len(drawn["times"]) <= bars
        assert sum(drawn["values"]["sessions"]) == 1
        assert drawn["values"]["cost_usd"] == [0] * len(drawn["times"])


def test_days_are_days_of_the_viewers_clock() -> None:
    """Also where one has 25 hours."""
    berlin = ZoneInfo("Europe/Berlin")
    span = Span(1_792_600_000 * 10**9, 1_793_600_000 * 10**9, NOW_NS + 60 * DAY_NS, berlin)
    drawn = series(span, groups("day", "2026-10-25", "2026-10-26"))
    lengths = {later - earlier for earlier, later in zip(drawn["times"], drawn["times"][1:], strict=False)}
    assert lengths == {86_400, 90_000}
    assert sum(drawn["values"]["sessions"]) == 2


def test_a_chart_of_nothing_is_empty() -> None:
    """No axis without a single value."""
    assert series(Span(0, (1 << 63) - 1, NOW_NS, UTC), [])["times"] == []
