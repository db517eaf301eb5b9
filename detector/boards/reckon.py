"""Reckons what boards show, in steps between which the event loop does other work.

An audit of each window walks over every task in Python, which takes seconds where portfolio holds many. Here the same
is done for all windows in columns; which outcomes there are is asked of `ledger.outcomes`, as an audit does, and tests
hold the two together.
"""

from collections.abc import Generator

from detector.boards.by_agent import tell_agents
from detector.boards.dear import costs_of_types
from detector.boards.events import Events
from detector.boards.forecasts import forecasts
from detector.boards.of_window import OfWindow
from detector.boards.open_tasks import open_tasks
from detector.boards.stopped import HOURLY, saved_usd
from detector.boards.sums import Figures, TenantSums
from detector.boards.table import Table
from detector.boards.windows import WEEK_BEFORE, windows_of
from detector.ledger.books import Books

_TYPES = "30d"
"""The window of what a type of tasks costs."""


def reckon(books: Books) -> Generator[None, None, Figures]:
    """The figures of all windows, at the last step; each step takes a fraction of a second."""
    windows = windows_of(books.common.newest_t)
    table = Table(books, min(w.began_t for w in windows.values()))
    yield
    events = Events(books, table.purses, table.relevant, windows.values())
    yield from events.gather()
    table.find_owners()
    yield
    figures = Figures()
    for name, window in windows.items():
        told = OfWindow(table, events, window)
        told.tell(name, figures)
        if name in HOURLY:
            saved = saved_usd(table, events, window, books.common.newest_t).tolist()
            named = zip(table.names, saved, strict=True)
            figures.saved |= {(name, tenant, team): usd for (tenant, team), usd in named if usd > 0.0}
        yield
        if name != WEEK_BEFORE:
            tell_agents(table, told, name, figures)
            for tenant, without_ai in events.without_ai(window, told.achieved).items():
                figures.tenants.setdefault((name, tenant), TenantSums()).without_ai += without_ai
        yield
        if name == _TYPES:
            figures.types = costs_of_types(table, told)
            yield
    figures.open_tasks = open_tasks(table, events, books.common.newest_t)
    yield
    figures.forecasts = forecasts(books)
    return figures
