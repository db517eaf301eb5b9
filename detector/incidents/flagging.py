"""Which of the last hour's dollars are flagged: by what watch says of a subject, and by the spikes that are known.

As the ledger does it, by the minute: each dollar is flagged once, whatever says so.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from math import inf
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from detector.enrich.identity import subject_hash
from detector.model.alert import Alert, lasted

ROW = np.dtype(
    [
        ("subject", "u8"),
        ("agent", "i8"),  # tags of these, see tag()
        ("model", "i8"),
        ("team", "u4"),  # its row in the sums
        ("minute", "u4"),  # since 1970
        ("told", "u4"),  # the minute of its sheet, which is later where it is old
        ("usd", "f8"),  # billed
        ("more_usd", "f8"),  # of its subject's dollars so far, what is flagged from now on
        ("flagged_usd", "f8"),  # of usd
    ]
)
Rows = npt.NDArray[Any]


class Spike(NamedTuple):
    """A spike of spend that is a ticket at least, from `since` to `until` (s UTC); `key` is found in `column`."""

    column: str
    key: int | tuple[str, str | None]
    since: float
    until: float


def tag(*names: str | None) -> int:
    """What stands for an agent or model in memory: another one in each process."""
    return hash(names)


def spike_of(alert: Alert) -> Spike:
    """What an alert of spend_spike says is flagged."""
    since, ended = lasted(alert)
    until = ended if alert.resolved_at is not None else inf
    match alert.level:
        case "team":
            return Spike("team", (alert.tenant, alert.team), since, until)
        case "model":
            return Spike("model", tag(alert.tenant, alert.model), since, until)
        case "task" | "run":
            return Spike("subject", subject_hash(alert.tenant, alert.task, alert.run), since, until)
    return Spike("agent", tag(alert.tenant, alert.team, alert.agent), since, until)


def flagged_usd(rows: Rows, spikes: Iterable[Spike]) -> npt.NDArray[np.float64]:
    """Of each row's dollars what is flagged; teams of spikes are told as their rows in the sums."""
    out = _by_watch(rows)
    t = rows["minute"] * 60.0
    by_column: dict[str, list[Spike]] = {}
    for spike in spikes:
        by_column.setdefault(spike.column, []).append(spike)
    for column, of_column in by_column.items():
        for spike, mine in _of_each(rows[column], of_column):
            within = mine[(t[mine] >= spike.since) & (t[mine] < spike.until)]
            out[within] = rows["usd"][within]
    return out


def _of_each(values: npt.NDArray[Any], spikes: Sequence[Spike]) -> Iterator[tuple[Spike, npt.NDArray[np.int64]]]:
    """Each spike with the places of its rows: all are sorted once, as thousands of spikes may be open."""
    wanted = np.array([spike.key for spike in spikes], values.dtype)
    places = np.flatnonzero(np.isin(values, wanted))
    places = places[np.argsort(values[places], kind="stable")]
    keys = values[places]
    firsts, lasts = np.searchsorted(keys, wanted), np.searchsorted(keys, wanted, "right")
    for spike, first, last in zip(spikes, firsts.tolist(), lasts.tolist(), strict=True):
        yield spike, places[first:last]


def _by_watch(rows: Rows) -> npt.NDArray[np.float64]:
    """Each sum that watch flags goes to its subject's dollars up to then, the newest first, of these its own row."""
    out = np.zeros(len(rows))
    subjects = np.unique(rows["subject"][rows["more_usd"] > 0.0])
    mine = np.flatnonzero(np.isin(rows["subject"], subjects))
    mine = mine[np.lexsort([rows[name][mine] for name in ("more_usd", "minute", "told", "subject")])]
    names = ("subject", "told", "usd", "more_usd")
    told = zip(mine.tolist(), *(rows[name][mine].tolist() for name in names), strict=True)
    for _, of_subject in groupby(told, itemgetter(1)):
        left: list[tuple[int, float]] = []  # places, and their dollars that nothing has flagged
        for _, of_minute in groupby(of_subject, itemgetter(2)):
            due = 0.0
            for place, _, _, usd, more_usd in of_minute:
                left.append((place, usd))
                due += more_usd
            _spread(out, left, due)
    return out


def _spread(out: npt.NDArray[np.float64], left: list[tuple[int, float]], due: float) -> None:
    while due > 0.0 and left:
        place, usd = left.pop()
        part = min(usd, due)
        out[place] += part
        due -= part
        if part < usd:
            left.append((place, usd - part))


def joined(parts: Sequence[Rows]) -> Rows:
    """All of them as one."""
    return np.concatenate(parts) if parts else np.zeros(0, ROW)
