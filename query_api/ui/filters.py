"""The filter of a page, as its controls show it: menus for what is asked most, a chip for whatever else is set."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from query_api.queries import FilterQuery
from query_api.ui.pages import View
from query_api.ui.ranges import EVERYTHING, RANGES

_NO_FILTER = frozenset({"cursor", "limit", "project", "sort", "order", "columns", "part", "tz", "q", "from", "to"})


class Menu(NamedTuple):
    """One parameter that people set by choosing. `facet` names where the API lists its values."""

    name: str
    label: str
    facet: str = ""
    number: bool = False


MENUS = (
    Menu("user_id", "User"),
    Menu("status", "Status", "statuses"),
    Menu("model", "Model", "models"),
    Menu("tag", "Tag", "tags"),
    Menu("min_turns", "Turns", number=True),
)
_MENU_NAMES = frozenset(menu.name for menu in MENUS)


class Chip(NamedTuple):
    name: str
    value: str
    without: str  # the address of this view without it


@dataclass(frozen=True, slots=True)
class Filters:
    view: View
    query: FilterQuery
    menus: tuple[Menu, ...]
    chips: tuple[Chip, ...]

    @property
    def range_label(self) -> str:
        if self.query.to is None:
            return dict(RANGES).get(self.query.from_ or "", self._since())
        return f"{_short(self.query.from_ or '…')} to {_short(self.query.to)}"

    def _since(self) -> str:
        return "any time" if self.query.from_ is None else f"since {_short(self.query.from_)}"

    @property
    def is_set(self) -> bool:
        """Anything but the range of time."""
        return self.query.q is not None or any(self.view.values(name) for name in self._names())

    def ranges(self) -> Iterator[tuple[str, str]]:
        for value, label in (*RANGES, (EVERYTHING, "any time")):
            yield self.view.address({"from": value, "to": None}), label

    @property
    def cleared(self) -> str:
        return self.view.address(dict.fromkeys((*self._names(), "q")))

    def api(self, path: str, **more: str) -> str:
        """The same filter for a route of the API."""
        dropped = dict.fromkeys(("sort", "order", "columns", "part", "limit", "cursor"))
        zone = self.query.tz if self.query.tz != "UTC" else None
        named = {"from": self.query.from_, "project": self.view.project, "tz": zone}
        return self.view.address(dropped | named | more, path)

    def _names(self) -> list[str]:
        return [name for name in self.view.request.query_params if name not in _NO_FILTER]


def filters_of(view: View, query: FilterQuery) -> Filters:
    return Filters(view, query, MENUS, tuple(_chips(view)))


def _chips(view: View) -> Iterator[Chip]:
    """What is set and has no menu of its own, value by value."""
    for name in dict.fromkeys(view.request.query_params):
        if name in _NO_FILTER or name in _MENU_NAMES:
            continue
        values = view.values(name)
        for value in values:
            yield Chip(name, value, view.address({name: [other for other in values if other != value]}))


def _short(instant: str) -> str:
    """`2026-11-20T12:00:00.000Z` as `2026-11-20 12:00`; `24h` as it is."""
    day, letter, clock = instant.partition("T")
    return f"{day} {clock[:5]}" if letter else instant
