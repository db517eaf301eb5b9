"""An estimate of what stopping saved: tasks that burnt dollars within episodes, and then stood still."""

import numpy as np

from detector.audit.window import Window
from detector.boards.events import Events
from detector.boards.table import WITHIN_S, Floats, Table, sums_by
from detector.ledger.books import HOUR_S

MOST_HOURS = 24.0
"""Of standing still that count: later on nobody knows that it would have gone on."""
HOURLY = ("24h", "7d")
"""Windows of which each hour is known."""


def saved_usd(table: Table, events: Events, window: Window, newest_t: float) -> Floats:
    """By team: what each of its tasks burnt within episodes in the hour before it stood still (of the last two the one
    that burnt more), for the time that it did. One that moved meanwhile was done, and not stopped.
    """
    flagged = np.unique(table.purse[window.holds(table.t) & (table.cells["flagged_usd"] > 0.0)])
    mine = np.isin(table.purse, flagged) & (table.t > window.began_t - HOUR_S)
    # Sums by task and hour, in the order of both.
    at = table.purse[mine] << 32 | table.cells["hour"][mine].astype(np.int64)
    at, place = np.unique(at, return_inverse=True)
    usd = sums_by(place, table.cells["flagged_usd"][mine], len(at))
    purse, hour = at >> 32, (at & 0xFFFFFFFF).astype(np.float64)
    same = np.flatnonzero((np.diff(purse) == 0) & (np.diff(hour) == 1)) + 1
    burnt = usd.copy()
    burnt[same] = np.where(usd[same] > 0.0, np.maximum(usd[same], usd[same - 1]), 0.0)
    ends_t = (hour + 1) * HOUR_S
    again_t = np.full(len(at), newest_t)
    goes_on = np.flatnonzero(np.diff(purse) == 0)
    again_t[goes_on] = hour[goes_on + 1] * HOUR_S
    moved_t = events.moved_t[purse]
    done = (moved_t >= ends_t - HOUR_S) & (moved_t <= again_t)
    still_h = np.clip((again_t - ends_t) / HOUR_S, 0.0, MOST_HOURS)
    began_t = hour * HOUR_S + WITHIN_S
    counts = window.holds(began_t) & ~done & ~events.is_folded[purse] & (table.owner[purse] >= 0)
    return sums_by(table.owner[purse[counts]], (burnt * still_h)[counts], len(table.names))
