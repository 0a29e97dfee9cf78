"""`--since`, as several commands understand it."""

import time
from zoneinfo import ZoneInfo

from genai_sessions.settings import SettingsRefused
from query_api.times import NotATime, parse_instant_ns


def since_ns(text: str | None) -> int:
    """Everything, where nothing is said."""
    try:
        return 0 if text is None else parse_instant_ns(text, time.time_ns(), ZoneInfo("UTC"))
    except NotATime as error:
        raise SettingsRefused(f"--since is {text}, but {error}.") from error
