"""What the doors can tell about the receiver; whoever puts it together knows."""

from collections.abc import Callable
from typing import NamedTuple


class Readiness(NamedTuple):
    ready: bool
    detail: str = ""  # a word on why not, or on what is degraded; never an address or a name


class Probes(NamedTuple):
    readiness: Callable[[], Readiness]
    metrics: Callable[[], str]
