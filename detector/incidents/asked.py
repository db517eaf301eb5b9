"""Incidents as commands ask for them: the topic of alerts is read once, up to where it ends now."""

import asyncio
import logging

import msgspec

from detector.config import Config
from detector.errors import DetectorError
from detector.incidents.book import IncidentBook
from detector.incidents.live import seen
from detector.incidents.view import Incident, Wanted
from detector.kafka.admin import partitions_of
from detector.kafka.rest import rest_of
from detector.policy.scope import Scope

log = logging.getLogger(__name__)


def read_book(config: Config) -> IncidentBook:
    """All that the topic holds. Raises DeploymentError where it is missing, or the brokers do not answer."""
    return asyncio.run(_read(config))


async def _read(config: Config) -> IncidentBook:
    book, topic = IncidentBook(), config.topics.alerts
    async for record in rest_of(config, topic, dict.fromkeys(range(await partitions_of(config, topic)), 0)):
        if record.value is None:
            book.bury((record.key or b"").decode("utf-8", "replace"))
            continue
        try:
            book.take(record.value, max(0, record.timestamp) / 1000)
        except msgspec.MsgspecError as error:
            log.warning("skipped a record of %s that cannot be read: %s", topic, error)
    await _read_stops(config, book)
    return book


async def _read_stops(config: Config, book: IncidentBook) -> None:
    topic = config.topics.stops
    async for record in rest_of(config, topic, dict.fromkeys(range(await partitions_of(config, topic)), 0)):
        try:
            if record.value is not None:
                book.take_stop(record.value)
        except msgspec.MsgspecError as error:
            log.warning("skipped a record of %s that cannot be read: %s", topic, error)


def choose(book: IncidentBook, scope: Scope, wanted: Wanted) -> list[Incident]:
    """Those that the scope may see and that are wanted: open ones first, then what has ended, the newest first."""
    return seen(book, [*book.open(), *(() if wanted.open else book.ended())], scope, wanted)


def find(book: IncidentBook, scope: Scope, prefix: str) -> Incident:
    """The one whose id begins so; raises DetectorError where there is none that the scope may see, or several."""
    exact = book.get(prefix)
    found = seen(book, [exact] if exact is not None else book.beginning_with(prefix), scope)
    if not found:
        raise DetectorError(
            f"there is no incident whose id begins with {prefix!r}, or the scope (by {scope.grant}) may not see it; "
            "detector incidents lists them"
        )
    if len(found) > 1:
        ids = ", ".join(sorted(incident.alert.id for incident in found)[:5])
        raise DetectorError(f"{len(found)} incidents have an id that begins with {prefix!r}: {ids}; give more of it")
    return found[0]
