"""Sums by name, of a bounded number of names."""

from collections.abc import Hashable, Iterable

from detector.report.bins import Bins
from detector.report.facts import Sums

MOST_NAMES = 2_000
"""Names of a kind that are told apart; of twice as many the cheaper half is summed up as one."""
MOST_BINS = 192
"""Of the spend over time: eight days by hours."""
_MINUTE_S = 60


class Entry(Sums, kw_only=True):
    """What one name spent, and when."""

    bins: Bins


class Ledger:
    """What each name of a kind spent, and when."""

    def __init__(self, most: int = MOST_NAMES) -> None:
        self._most = most
        self.entries: dict[Hashable, Entry] = {}
        self.folded = 0
        self.rest = nothing()

    def add(self, name: Hashable, t: float, sums: Sums) -> None:
        """Adds what was spent at `t` (s UTC)."""
        entry = self.entries.get(name)
        if entry is None:
            entry = self.entries[name] = nothing()
            if len(self.entries) > 2 * self._most:
                self._fold(name)
        entry.add(sums)
        entry.bins.add(t, sums.usd, sums.calls)

    def _fold(self, newest: Hashable) -> None:
        """Sums up the cheaper half as one."""
        for name in ranked(self.entries)[self._most :]:
            if name != newest:
                join([self.entries.pop(name)], self.rest)
                self.folded += 1


def ranked(entries: dict[Hashable, Entry]) -> list[Hashable]:
    """Names, the dearest first; of equals the one with more calls, then by name."""
    return sorted(entries, key=lambda name: (-entries[name].usd, -entries[name].calls, repr(name)))


def join(entries: Iterable[Entry], into: Entry) -> Entry:
    """Adds all of them to one."""
    for entry in entries:
        into.add(entry)
        bins = entry.bins
        for n, (usd, calls) in enumerate(zip(bins.usd, bins.calls, strict=True)):
            if calls:
                into.bins.add((bins.first + n) * bins.width_s, usd, int(calls))
    return into


def nothing() -> Entry:
    """Of a name that has spent nothing so far."""
    return Entry(bins=Bins(MOST_BINS, _MINUTE_S))
