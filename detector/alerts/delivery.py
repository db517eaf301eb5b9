"""Delivery to one Alertmanager: what is due is chosen, sent in batches, and tried again while it is down."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple

import tenacity

from detector.alerts.alertmanager import EPISODE, Notice
from detector.alerts.book import Book
from detector.alerts.due import Due, Held, Policy, accepted, attempted, compose, decide, presumed
from detector.alerts.endpoint import Endpoint, RefusedError, UnreachableError
from detector.clock import Clock

log = logging.getLogger(__name__)

BATCH_EPISODES = 500
"""Episodes in one request, at most: about 3 MB with the longest evidence."""

FIRST_RETRY_S = 0.5
LONGEST_RETRY_S = 15.0  # an Alertmanager that is up again hears of everything within this
SCANS_PER_RESEND = 4  # so a resend is late by at most a quarter of its interval


class Parcel(NamedTuple):
    """What is due of one episode."""

    notice: Notice
    held: Held | None
    due: Due


async def _nothing_to_see() -> None:
    """For a book that nobody writes to meanwhile."""


class Courier:
    """Keeps one Alertmanager up to date with the book; one that is down holds up no other.

    `seen_all` returns when the book has all there is, and is awaited before anything is sent.

    Every attempt chooses anew what is due, so that nothing stale is sent after an outage, and the memory that
    an outage costs is that of the book.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        book: Book,
        policy: Policy,
        clock: Clock,
        on_delivered: Callable[[Notice], None] = lambda notice: None,
        seen_all: Callable[[], Awaitable[None]] = _nothing_to_see,
    ) -> None:
        self.endpoint = endpoint
        self._book, self._policy, self._clock, self._on_delivered = book, policy, clock, on_delivered
        self._seen_all = seen_all
        self._held: dict[str, Held] = {}
        self._asked = False
        self._owed: set[str] = set()
        self._news = asyncio.Event()
        self._stopping = asyncio.Event()
        self._next_scan = 0.0

    @property
    def owed(self) -> set[str]:
        """Ids of the episodes of which this Alertmanager has not been told the newest."""
        return self._owed

    def owe(self, ids: Iterable[str]) -> None:
        """Tells of episodes that changed in the book."""
        self._owed.update(ids)
        self._news.set()

    def settled(self, id: str) -> bool:
        """Whether this Alertmanager holds nothing of the episode."""
        return self._asked and id not in self._held

    def stop(self) -> None:
        """Ends run() after the request in hand."""
        self._stopping.set()
        self._news.set()

    async def run(self) -> None:
        """Delivers until stop(); what the book holds at the start is owed."""
        self.owe(self._book.notices)
        retrying = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception_type(UnreachableError),
            wait=tenacity.wait_random_exponential(multiplier=FIRST_RETRY_S, max=LONGEST_RETRY_S),
            stop=lambda state: self._stopping.is_set(),
            sleep=self._pause,
            reraise=True,
        )
        while True:
            self._news.clear()
            if self._stopping.is_set():  # after the clear, so that a stop() in between ends the wait below
                return
            with suppress(UnreachableError):  # only when stopping: what is owed is rebuilt by the next start
                await retrying(self.deliver)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), self._policy.resend_s / SCANS_PER_RESEND)

    async def deliver(self) -> None:
        """Sends all that is due now; raises UnreachableError, with what was not taken still due."""
        if self._stopping.is_set():
            return
        if not self._asked:
            await self._ask()
        scan, sent = self._scan_due(), False
        ids = self._book.notices.keys() | self._held.keys() | self._owed if scan else self._owed
        if ids:
            await self._seen_all()
        try:
            for parcels in self._batches(ids):
                await self._send(parcels)
                if self._stopping.is_set():
                    return
                sent = True
            if scan and not sent:
                await self.endpoint.post([])  # health is to know of an outage before an alert does
        except UnreachableError:
            self._next_scan = 0.0  # what this scan found does not wait for the one after
            raise

    async def _ask(self) -> None:
        """Learns what the Alertmanager still holds from before this start."""
        shown = await self.endpoint.firing()
        for id, notice in self._book.notices.items():
            found = tuple(shown.get(notice.labels[EPISODE], ()))
            if (held := presumed(notice, found, self._policy)) is not None:
                self._held[id] = held
        self._asked = True

    def _scan_due(self) -> bool:
        """Whether to look at all episodes, for what is to be sent again; else only at those that changed."""
        present = asyncio.get_running_loop().time()
        if present < self._next_scan:
            return False
        self._next_scan = present + self._policy.resend_s / SCANS_PER_RESEND
        return True

    def _batches(self, ids: Iterable[str]) -> Iterator[list[Parcel]]:
        """What is due of `ids`, decided when the batch before has gone."""
        parcels: list[Parcel] = []
        for id in list(ids):
            notice, held = self._book.notices.get(id), self._held.get(id)
            if notice is None:  # it ended so long ago that Alertmanager has ended it by itself
                self._held.pop(id, None)
                self._owed.discard(id)
                continue
            due = decide(notice, held, self._clock(), self._policy)
            if due is Due.NOTHING:
                self._owed.discard(id)
                continue
            parcels.append(Parcel(notice, held, due))
            if len(parcels) == BATCH_EPISODES:
                yield parcels
                parcels = []
        if parcels:
            yield parcels

    async def _send(self, parcels: Sequence[Parcel]) -> None:
        """One request; one that is refused is halved until the alert at fault stands alone."""
        now = self._clock()
        alerts = [posted for p in parcels for posted in compose(p.notice, p.held, p.due, now, self._policy)]
        try:
            await self.endpoint.post(alerts)
        except RefusedError as refused:
            if len(parcels) > 1:
                middle = len(parcels) // 2
                await self._send(parcels[:middle])
                await self._send(parcels[middle:])
                return
            if parcels[0].due is not Due.RESEND:  # said once, not at each resend
                log.error("the alert of episode %s is refused: %s", parcels[0].notice.id, refused)
        except UnreachableError:
            for p in parcels:
                self._hold(p.notice.id, attempted(p.notice, p.held, p.due))
            raise
        for p in parcels:
            self._taken(p, now)

    def _taken(self, parcel: Parcel, now: float) -> None:
        notice = parcel.notice
        self._hold(notice.id, accepted(notice, parcel.due, now))
        if self._book.notices.get(notice.id) is notice:
            self._owed.discard(notice.id)
        if parcel.held is None or parcel.held.version < notice.version:
            self._on_delivered(notice)

    def _hold(self, id: str, held: Held | None) -> None:
        if held is None:
            self._held.pop(id, None)
        else:
            self._held[id] = held

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)
