"""An audit of what portfolio has kept: its newest checkpoints, and the rollups that came after them."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from detector.audit.accounting import Audit
from detector.audit.figures import Corrected, Figures
from detector.audit.joined import Joined
from detector.audit.of_books import BooksSource
from detector.audit.window import DAY_S, Window
from detector.config import Config
from detector.errors import DetectorError
from detector.kafka.admin import partitions_of
from detector.kafka.checkpoint import choose
from detector.kafka.rest import rest_of
from detector.ledger.books import HOUR_S, HOURLY_DAYS, Books
from detector.portfolio import Portfolio


async def read_books(config: Config) -> list[Books]:
    """The books of all partitions as they are now. Raises DeploymentError, or StateError on a damaged checkpoint."""
    topics = config.topics
    partitions = range(await partitions_of(config, topics.accounts))
    rollups = range(await partitions_of(config, topics.rollups))
    kept: dict[int, dict[bytes, bytes]] = defaultdict(dict)
    async for record in rest_of(config, topics.accounts, dict.fromkeys(partitions, 0)):
        if record.value is None:
            kept[record.partition].pop(record.key, None)
        else:
            kept[record.partition][record.key] = record.value
    portfolios = []
    for partition in rollups:
        found = choose(kept.pop(partition, {}))
        portfolios.append(
            Portfolio(config, partition) if found is None else Portfolio.restore(config, partition, *found)
        )
    async for record in rest_of(config, topics.rollups, {p.partition: p.offset + 1 for p in portfolios}):
        portfolios[record.partition].process(record.value, record.offset, (record.timestamp or 0.0) / 1000.0)
    return [portfolio.books for portfolio in portfolios]


def window_of(books: Sequence[Books], days: float) -> Window:
    """The last `days` before the newest event, from the beginning of the hour or, where only days are kept, the day."""
    ended_t = max((b.common.newest_t for b in books), default=0.0)
    began_t = ended_t - days * DAY_S
    today = max((b.common.hour for b in books), default=0) * HOUR_S // DAY_S
    step_s = HOUR_S if began_t // DAY_S >= today - HOURLY_DAYS else DAY_S
    return Window(float(np.nextafter(began_t // step_s * step_s, 0.0)), ended_t)


def audit_books(books: Sequence[Books], window: Window, team: str | None, tenant: str | None = None) -> Figures:
    """The figures of a window of these books, of one tenant where it is told.

    Raises DetectorError where no call names the team.
    """
    sources = [BooksSource(b, tenant) for b in books]
    whos = (who for source in sources for who in source.whos)
    teams = sorted({who.team for who in whos if who.team is not None and tenant in (None, who.tenant)})
    if team is not None and team not in teams:
        raise DetectorError(f"no call names the team {team!r}; there are {', '.join(teams[:20]) or 'none'}")
    figures = Audit(Joined(sources), window, team).figures()
    every = [c for b in books for c in b.common.corrections]
    told = [c for c in every if tenant in (None, c.tenant) and window.began_t < (c.day + 1) * DAY_S]
    figures.corrected = [Corrected(c.day * DAY_S, c.kind, c.count, c.usd) for c in sorted(told, key=lambda c: c.day)]
    return figures


def audit_topics(config: Config, window: Window | None, days: float, team: str | None, tenant: str | None) -> Figures:
    """The figures of `window`, else of the last `days`, of what portfolio has kept (of one tenant)."""
    books = asyncio.run(read_books(config))
    figures = audit_books(books, window or window_of(books, days), team, tenant)
    if not any(b.common.newest_t for b in books):
        figures.began_t = figures.ended_t = None
    return figures
