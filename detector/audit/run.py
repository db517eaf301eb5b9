"""Reads what a replay reads, and tells the figures of a window."""

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from detector.audit.calls import Calls
from detector.audit.figures import Figures
from detector.audit.gather import Gatherer
from detector.audit.window import Window
from detector.config import Config
from detector.errors import DetectorError
from detector.replay.feed import Feed, read_into
from detector.replay.run import Judge

_DAY_S = 86_400.0
_NAMED = 20
"""Teams that a complaint lists."""


def of_month(year: int, month: int) -> Window:
    """A calendar month (UTC)."""
    first = datetime(year, month, 1, tzinfo=UTC)
    after = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    return Window(*(float(np.nextafter(t.timestamp(), 0.0)) for t in (first, after)))


def audit_files(
    config: Config,
    paths: Sequence[str],
    window: Window | None,
    days: float,
    *,
    team: str | None,
    progress: bool,
) -> Figures:
    """The figures of `window`, else of the last `days` before the last event, of what `paths` hold.

    "-" is standard input. Raises DetectorError where a file cannot be read, or no call names the team.
    """
    feed, judge = Feed(config), Judge([config], calls=True)
    with Calls() as calls:
        gatherer = Gatherer(calls)
        for flushed in read_into(feed, list(paths), "audit" if progress else None):
            (judged,) = judge.judge(flushed)
            gatherer.take(flushed, judged)
        ended_t = feed.newest_t
        window = window or Window(ended_t - days * _DAY_S, ended_t)
        if team is not None and team not in gatherer.teams:
            raise DetectorError(
                f"no call names the team {team!r}; there are {', '.join(gatherer.teams[:_NAMED]) or 'none'}"
            )
        figures = gatherer.figures(window, team)
    if not ended_t:  # nothing came whose time could be the window's end
        figures.began_t = figures.ended_t = None
    return figures
