"""How a column looks, wherever it is shown: its unit, its width, and where a click on it leads."""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

_PROJECT = "${__data.fields.project:percentencode}"
_SESSION = "var-session=${session:percentencode}"
_VALUE = "${__value.raw:percentencode}"
_SAME = "var-datasource=${datasource}&${__url_time_range}"
SESSION_DASHBOARD = "/d/genai-sessions-session/session"


class Look(NamedTuple):
    unit: str = ""
    width: int = 0
    links: tuple[tuple[str, str], ...] = ()  # title, address

    def properties(self) -> Iterator[DynamicConfigValue]:
        if self.unit:
            yield DynamicConfigValue("unit", self.unit)
        if self.width:
            yield DynamicConfigValue("custom.width", self.width)
        if self.links:
            links = [{"title": title, "url": url} for title, url in self.links]
            yield DynamicConfigValue("links", links)


_MONEY, _SHARE, _MS, _COUNT = Look("currencyUSD"), Look("percentunit"), Look("ms"), Look("short")

_LOOKS: Mapping[str, Look] = {
    "session": Look(
        width=260,
        links=(
            ("Open in genai-sessions", f"${{pages:raw}}/session?id={_VALUE}&project={_PROJECT}"),
            ("Session dashboard", f"{SESSION_DASHBOARD}?var-project={_PROJECT}&var-session={_VALUE}&{_SAME}"),
        ),
    ),
    "user": Look(width=180, links=(("Open in genai-sessions", f"${{pages:raw}}/user?id={_VALUE}&project={_PROJECT}"),)),
    "trace": Look(
        width=280,
        links=(
            ("Open in genai-sessions", f"${{pages:raw}}/traces/{_VALUE}?project={_PROJECT}"),
            ("Show below", f"{SESSION_DASHBOARD}?var-project={_PROJECT}&{_SESSION}&var-trace={_VALUE}&{_SAME}"),
        ),
    ),
    **dict.fromkeys(("cost", "cost so far", "cost per user", "per turn", "per trace"), _MONEY),
    **dict.fromkeys(("cost, p50", "cost, p95"), _MONEY),
    **dict.fromkeys(("failing traces",), _SHARE),
    **dict.fromkeys(("duration", "active", "first token"), _MS),
    **dict.fromkeys(("tokens", "input", "from cache", "output", "input from cache"), _COUNT),
    "lag": Look("s"),
    "silent": Look("s"),
}


def looks(sql: str) -> Iterator[tuple[str, list[DynamicConfigValue]]]:
    """Of the columns that the query names."""
    for name, look in _LOOKS.items():
        if re.search(rf"(?:AS|,|SELECT)\s+`?{re.escape(name)}`?(?=,|\s)", sql):
            yield name, list(look.properties())
