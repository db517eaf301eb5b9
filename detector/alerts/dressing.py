"""Notices as they are sent: those beyond the cap as tickets with a summary, each with what became of its stop."""

from collections.abc import Callable, Collection, Iterable

from detector.alerts.alertmanager import EPISODE, Notice
from detector.alerts.book import Book
from detector.alerts.cap import Cap, Given, Standing, TenantDay
from detector.alerts.held_back import RULE, held_back, lingers, summary
from detector.alerts.onward import onward_of
from detector.clock import Clock
from detector.config import Config
from detector.links import silence_url
from detector.metrics import Metrics


class Dresser:
    """Turns what the book has of records into what Alertmanagers are sent.

    `stop_told`: of an episode, the sentence what became of the request to stop it, else None.
    """

    def __init__(
        self, config: Config, metrics: Metrics, book: Book, clock: Clock, stop_told: Callable[[str], str | None]
    ) -> None:
        self._book, self._metrics, self._clock, self._stop_told = book, metrics, clock, stop_told
        self._cap = Cap(config.notify.pages_a_day)
        self._told_to_any = bool(config.notify.alertmanagers)
        self._version = 0
        self._lingering: dict[TenantDay, Standing] = {}
        self._links = {"runbook_url": f"{config.notify.runbook_base.rstrip('/')}/{RULE}.md"}
        self._silences = onward_of(config).silences
        if config.web.public_url is not None:
            self._links["incident_url"] = f"{config.web.public_url.rstrip('/')}/incidents"

    def see(self, ids: Iterable[str]) -> None:
        """Takes note of what the book has newly of these episodes; nothing is decided yet."""
        for id in ids:
            self._cap.see(self._book.notices[id])

    def dress(self, ids: Collection[str], *, shown: Collection[str] = (), counted: bool = True) -> set[str]:
        """Decides what pages, and brings the book's notices of these and of summaries up to date.

        Returns the ids of all that have to be sent anew. `shown`: see Cap.assign. `counted`: whether what is decided
        goes into the metrics.
        """
        given = self._cap.assign(shown)
        counted = counted and self._told_to_any
        if counted:
            self._count(given)
        changed = {*ids, *(each.id for each in given)} & self._book.notices.keys()
        for id in changed:
            self._dress(self._book.notices[id])
        for day, standing in self._cap.touched().items():
            changed |= self._sum_up(day, standing, counted)
        self._show()
        return changed

    def tick(self) -> set[str]:
        """Ends the summaries that have lingered, whose ids are returned, and forgets days that are long over."""
        now = self._clock()
        over = {day: standing for day, standing in self._lingering.items() if not lingers(standing, now)}
        self._cap.forget_before(now)
        # No record says that it is over, now: what was written an hour ago would be a delivery that took as long.
        return {
            id for day, standing in over.items() for id in self._sum_up(day, standing._replace(written_s=now), False)
        }

    def _dress(self, notice: Notice) -> None:
        dressed = notice
        if notice.critical_s is not None and (day := self._cap.holds(notice.id)) is not None:
            dressed = held_back(dressed, day, self._cap.pages_a_day)
        if (told := self._stop_told(notice.id)) is not None:
            dressed = dressed._replace(annotations=dressed.annotations | {"stop": told})
        if dressed != notice:
            self._book.notices[notice.id] = dressed._replace(revision=notice.revision + 1)

    def _sum_up(self, day: TenantDay, standing: Standing, counted: bool) -> set[str]:
        now = self._clock()
        standing = standing._replace(changed_s=min(standing.changed_s, now))  # a record may tell any time
        if lingers(standing, now):
            self._lingering[day] = standing
        else:
            self._lingering.pop(day, None)
        held = [self._book.notices[id] for id in standing.burning]
        told = self._linked(summary(day, standing, held, self._links, now))
        known = self._book.notices.get(told.id)
        if known is not None and (known.firing, known.annotations) == (told.firing, told.annotations):
            return set()
        # Above that of a summary which ended and was let go, and whose day was forgotten.
        self._version = max(int(now * 1000), self._version + 1)
        taken = self._book.take(told._replace(version=self._version))
        if taken and told.firing and counted and (known is None or not known.firing):
            self._metrics.pages.labels(self._metrics.label("tenant", day.tenant)).inc()
        return {told.id} if taken else set()

    def _linked(self, told: Notice) -> Notice:
        """With a silence of this summary, whose identity depends on its tenant and day."""
        if self._silences is None:
            return told
        silence = silence_url(self._silences, {EPISODE: told.labels[EPISODE]})
        return told._replace(annotations=told.annotations | {"silence_url": silence})

    def _count(self, given: Iterable[Given]) -> None:
        for each in given:
            tenant = self._metrics.label("tenant", each.day.tenant)
            if not each.page:
                self._metrics.pages_held_back.labels(tenant).inc()
            elif each.further:
                self._metrics.pages.labels(tenant).inc()

    def _show(self) -> None:
        shown: dict[str, int] = {}
        for tenant, count in self._cap.held_now().items():
            label = self._metrics.label("tenant", tenant)
            shown[label] = shown.get(label, 0) + count
        self._metrics.show_held_back(shown)
