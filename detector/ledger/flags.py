"""Dollars of episodes, which bought nothing: of loops and redundant work as watch tells them, of spikes by the hour."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from detector.enrich.identity import subject_hash
from detector.ledger.books import HOUR_S, Books
from detector.ledger.names import Who
from detector.model.alert import Alert, lasted
from detector.model.rollup import Party
from detector.rules import spend_spike

About = tuple[str, int | tuple[str | None, ...]]
"""A level, and whom an episode is about: the key of a subject, or tenant, team, agent and model."""


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


def hear_alerts(books: Books, alerts: Iterable[Alert]) -> None:
    """Spikes of spend: from the hour in which one began all that it is about is flagged, until it ends."""
    spikes, changed = books.common.spikes, False
    for alert in alerts:
        if alert.rule != spend_spike.NAME or alert.severity == "info":
            continue
        if alert.state == "resolved":
            changed = spikes.pop(alert.id, None) is not None or changed
        elif alert.id not in spikes:
            changed, about = True, _about(alert)
            spikes[alert.id] = about
            _flag_since(books, about, int(lasted(alert)[0] // HOUR_S))
    if changed:
        mark_spiked(books)


def mark_spiked(books: Books) -> None:
    """Notes which purses and codes the open spikes are about."""
    purses = books.purses.rows
    was = np.flatnonzero(purses["spiked"] == 1)
    purses["spiked"][was] = 0
    books.purses.touch(was)
    books.spiked = set()
    for about in books.common.spikes.values():
        slots, codes = _of(books, about)
        purses["spiked"][slots] = 1
        books.purses.touch(slots)
        books.spiked.update(codes)


def _flag_since(books: Books, about: About, hour: int) -> None:
    slots, codes = _of(books, about)
    live, cells = books.cells.slots(), books.cells.rows
    live = live[(cells["hour"][live] >= hour)]
    live = live[np.isin(cells["purse"][live], slots) if slots else np.isin(cells["who"][live], codes)]
    notional = [code for code, who in books.whos.beside.items() if who.notional]
    live = live[~np.isin(cells["who"][live], notional)]
    cells["flagged_usd"][live] = cells["usd"][live]
    books.cells.touch(live)


def _about(alert: Alert) -> About:
    if alert.level in ("task", "run"):
        return alert.level, subject_hash(alert.tenant, alert.task, alert.run)
    return alert.level, (alert.tenant, alert.team, alert.agent, alert.model)


def _of(books: Books, about: About) -> tuple[list[int], list[int]]:
    """Slots of purses, or codes of whom, that an episode is about."""
    level, name = about
    if isinstance(name, int):
        slot = books.places.get(books.key_of(name), -1)
        return ([slot] if slot >= 0 else []), []
    tenant, team, agent, model = name

    def meant(who: Who) -> bool:
        if who.tenant != tenant or who.notional:
            return False
        if level == "model":
            return who.model == model
        return who.team == team and (level == "team" or who.agent == agent)

    return [], [code for code, who in books.whos.beside.items() if meant(who)]
