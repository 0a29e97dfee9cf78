"""Numbers of several workers as one: a scrape reaches any of them, and is answered for all.

Each worker keeps a file of its own numbers, written anew every second, before every answer, and at its end; an answer
adds up the files of all. Who takes the place of a worker that died goes on counting where that one's file ends, so
counters never go back. Gauges end with whom they measured: what a dead worker had left in the spool is handed over, and
received anew by the worker that takes it from there. So with several workers

    received = stored + rejected + spooled + dead-lettered + handed over
"""

import asyncio
import contextlib
import logging
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from clickhouse.private_files import write_private

log = logging.getLogger(__name__)

WRITE_SECONDS = 1.0
"""What a worker counts after its last file is lost when it is killed, unless somebody was shown it."""

_SPOOLED = "genai_sessions_receiver_spans_spooled"
_HANDED_OVER = "genai_sessions_receiver_spans_handed_over_total"
_SUFFIX = ".prom"


def forget_shared(folder: Path) -> None:
    """For a fresh start of all workers: they count from nothing."""
    shutil.rmtree(folder, ignore_errors=True)


class SharedMetrics:
    """`own` tells the numbers of this worker; the folder belongs to the workers of one receiver, `slot` to one of them
    at a time."""

    def __init__(self, own: Callable[[], str], folder: Path, slot: str) -> None:
        self._own, self._file = own, folder / f"{slot}{_SUFFIX}"
        self._before = _left_by(_read(self._file))
        self._complained = False

    def text(self) -> str:
        """Of all workers. Written first: nobody is shown what the next answer may not know any more."""
        mine = self.write()
        others = sorted(path for path in self._file.parent.glob(f"*{_SUFFIX}") if path != self._file)
        return _text(_added([mine, *map(_read, others)]))

    def write(self) -> str:
        """What this slot has counted, into its file: whole, or not at all."""
        mine = _text(_added([self._before, self._own()]))
        try:
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_private(self._file, mine)
        except OSError as why:
            if not self._complained:
                log.warning("Other workers cannot be told our metrics: %s.", why.strerror)
            self._complained = True
        return mine

    async def write_forever(self) -> None:
        """Until it is cancelled, and then once more."""
        try:
            while True:
                self.write()
                await asyncio.sleep(WRITE_SECONDS)
        finally:
            self.write()


@dataclass
class _Family:
    """A metric: its help and type, and its numbers by name and labels."""

    about: list[str] = field(default_factory=list)
    samples: dict[str, float] = field(default_factory=dict)

    @property
    def is_gauge(self) -> bool:
        return any(line.startswith("# TYPE ") and line.endswith(" gauge") for line in self.about)


def _families(text: str) -> dict[str, _Family]:
    """Of what we wrote ourselves: every metric begins with its help."""
    families: dict[str, _Family] = {}
    family = _Family()
    for line in filter(None, text.split("\n")):
        if line.startswith("# "):
            family = families.setdefault(line.split(" ")[2], _Family())
            family.about.append(line)
        else:
            key, _, value = line.rpartition(" ")
            family.samples[key] = float(value)
    return families


def _added(texts: Iterable[str]) -> dict[str, _Family]:
    total: dict[str, _Family] = {}
    for text in texts:
        for name, family in _families(text).items():
            sums = total.setdefault(name, _Family(family.about)).samples
            for key, value in family.samples.items():
                sums[key] = sums.get(key, 0.0) + value
    return total


def _left_by(text: str) -> str:
    """What a worker's successor begins with."""
    families = _families(text)
    if _SPOOLED in families:
        families[_HANDED_OVER].samples[_HANDED_OVER] += families[_SPOOLED].samples[_SPOOLED]
    return _text({name: family for name, family in families.items() if not family.is_gauge})


def _text(families: dict[str, _Family]) -> str:
    return "".join(f"{line}\n" for family in families.values() for line in _lines(family))


def _lines(family: _Family) -> Iterator[str]:
    yield from family.about
    for key, value in family.samples.items():
        yield f"{key} {value:.17g}"


def _read(file: Path) -> str:
    with contextlib.suppress(OSError):
        return file.read_text(encoding="utf-8")
    return ""
