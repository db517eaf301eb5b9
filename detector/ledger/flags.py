"""Dollars of episodes, which bought nothing: loops and redundant work as watch tells them, spikes by the minute."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from detector.enrich.identity import subject_hash
from detector.ledger.books import HOUR_S, Books, Spike
from detector.ledger.names import Who
from detector.model.alert import Alert, lasted
from detector.model.rollup import Party
from detector.rules import spend_spike

KEPT_HOURS = 6
"""Hours of which it is known what was billed in each minute: a spike becomes a warning later than it began."""
MAX_MINUTES = 1_000_000
"""Sums of a cell and minute that are kept, the newest; 25 B each."""


def flag(books: Books, parties: Sequence[Party], rows: npt.NDArray[Any]) -> None:
    """Flags what rows of ROLL say of their purses: of the newest cells, and of each dollar once."""
    sums: dict[int, float] = {}
    for p, usd in zip(rows["party"].tolist(), rows["flagged_usd"].tolist(), strict=True):
        purse = books.purse_of(parties[p])
        sums[purse] = sums.get(purse, 0.0) + usd
    live, cells = books.cells.slots(), books.cells.rows
    live = live[np.isin(cells["purse"][live], list(sums))]
    for purse, usd in sums.items():
        mine = live[cells["purse"][live] == purse]
        for slot in mine[np.argsort(cells["hour"][mine], kind="stable")[::-1]].tolist():
            if usd <= 0.0:
                break
            if not books.whos.beside[int(cells["who"][slot])].notional:
                part = min(usd, float(cells["usd"][slot] - cells["flagged_usd"][slot]))
                cells["flagged_usd"][slot] += part
                usd -= part
        books.cells.touch(mine)


def hear_alerts(books: Books, minute: int, alerts: Iterable[Alert]) -> None:
    """What lies within a spike is flagged, after `minute` (since 1970) was booked and these records followed."""
    spikes, changed = books.common.spikes, list[Spike]()
    for alert in alerts:
        if alert.rule != spend_spike.NAME or alert.severity == "info":
            continue
        spike = spikes.get(alert.id)
        if spike is None:
            spike = spikes[alert.id] = _spike(alert)
            _flag_old(books, spike)
        if alert.resolved_at is not None:
            spike.until = alert.resolved_at
            if int(spike.until // 60.0) == minute and spike.until % 60.0:
                spike.last_usd = books.minute_usd.get(books.places.get(books.key_of(spike.subject), -1), -1.0)
        changed.append(spike)
    going_on = [spike for spike in spikes.values() if spike.until == math.inf and spike not in changed]
    if changed or going_on:
        _reflag(books, changed, going_on, minute)


def forget_minutes(books: Books) -> None:
    """Minutes of hours that are over for long leave, and the oldest beyond the bound; and spikes of before them."""
    first = (books.common.hour - KEPT_HOURS) * 60
    slots = books.minutes.slots()
    minutes = books.minutes.rows["minute"][slots]
    gone = minutes < first
    excess = len(slots) - int(gone.sum()) - MAX_MINUTES
    if excess > 0:
        gone |= minutes <= np.sort(minutes[~gone])[excess - 1]
    books.minutes.remove(slots[gone].tolist())
    books.common.spikes = {k: s for k, s in books.common.spikes.items() if s.until >= first * 60.0}


def _reflag(books: Books, changed: Sequence[Spike], going_on: Sequence[Spike], minute: int) -> None:
    """Of the minutes that these spikes are about each is flagged that lies within any; of those that go on the newest.

    Dollars of a cell are flagged once, whatever else has flagged them.
    """
    slots, rows, cells = books.minutes.slots(), books.minutes.rows, books.cells.rows
    scope = np.zeros(len(slots), np.bool_)
    cell, newest = rows["cell"][slots], rows["minute"][slots] >= minute
    about = [(spike, _about(books, spike, cell)) for spike in books.common.spikes.values()]
    for spike, mine in about:
        if spike in changed:
            scope |= mine
        elif spike in going_on:
            scope |= newest & mine
    slots, cell = slots[scope], cell[scope]
    usd, t = rows["usd"][slots], rows["minute"][slots] * 60.0
    flagged_usd = np.zeros(len(slots))
    for spike, of_spike in about:
        mine = of_spike[scope] & (t >= spike.since) & (t < spike.until)
        share = np.ones(len(slots))
        if spike.last_usd >= 0.0:
            last = mine & (t + 60.0 > spike.until)
            share[last] = min(1.0, spike.last_usd / max(float(usd[last].sum()), 1e-12))
        flagged_usd = np.maximum(flagged_usd, np.where(mine, usd * share, 0.0))
    more_usd = flagged_usd - rows["flagged_usd"][slots]
    differs = more_usd != 0.0
    slots, cell = slots[differs], cell[differs]
    rows["flagged_usd"][slots] = flagged_usd[differs]
    books.minutes.touch(slots)
    np.add.at(cells["flagged_usd"], cell, more_usd[differs])
    cells["flagged_usd"][cell] = np.clip(cells["flagged_usd"][cell], 0.0, cells["usd"][cell])
    books.cells.touch(cell.astype(np.int64))


def _flag_old(books: Books, spike: Spike) -> None:
    """Of hours whose minutes are not known any more all is flagged."""
    known = books.common.hour - KEPT_HOURS
    live, cells = books.cells.slots(), books.cells.rows
    live = live[(cells["hour"][live] >= spike.since // HOUR_S) & (cells["hour"][live] < known)]
    notional = [code for code, who in books.whos.beside.items() if who.notional]
    live = live[_about(books, spike, live) & ~np.isin(cells["who"][live], notional)]
    cells["flagged_usd"][live] = cells["usd"][live]
    books.cells.touch(live)


def _spike(alert: Alert) -> Spike:
    subject = subject_hash(alert.tenant, alert.task, alert.run) if alert.level in ("task", "run") else 0
    since, _ = lasted(alert)
    return Spike(alert.level, alert.tenant, alert.team, alert.agent, alert.model, subject, since, math.inf)


def _about(books: Books, spike: Spike, cell: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Which of the cells (n slots) are of whom a spike is about."""
    cells = books.cells.rows
    if spike.level in ("task", "run"):
        purse = books.places.get(books.key_of(spike.subject), -1)
        mine: npt.NDArray[np.bool_] = cells["purse"][cell] == purse
        return mine
    codes = [code for code, who in books.whos.beside.items() if _means(spike, who)]
    return np.isin(cells["who"][cell], codes)


def _means(spike: Spike, who: Who) -> bool:
    if who.tenant != spike.tenant:
        return False
    if spike.level == "model":
        return who.model == spike.model
    return who.team == spike.team and (spike.level == "team" or who.agent == spike.agent)
