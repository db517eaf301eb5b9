"""Which critical alerts page: the first ones of a tenant and day; what comes after them is held back."""

from collections.abc import Collection
from typing import NamedTuple

from detector.alerts.alertmanager import Notice
from detector.model.alert import Alert

DAY_S = 86_400
LAST_S = 253_402_300_799.0
"""The last second of the year 9999: no day is beyond it."""
INFINITE_S = float("inf")
KEPT_S = 2 * DAY_S
"""After its midnight a day is forgotten, unless something of it burns: nothing is told as late as that."""


class TenantDay(NamedTuple):
    """A tenant's day: `begins_s` is its midnight (s UTC)."""

    tenant: str
    begins_s: int


class Given(NamedTuple):
    """The decision about an episode, made once: whether it pages, and whether that is a further page of the day."""

    id: str
    day: TenantDay
    page: bool
    further: bool


class _Critical(NamedTuple):
    """An episode from when it became critical until it ended (s UTC), infinite while it burns.

    `part_of`, `stands_for`: what pages it can be a part of, and what its own page stands for.
    """

    since_s: float
    ended_s: float
    part_of: tuple[str, ...]
    stands_for: tuple[str, ...]


class _Page:
    """The paging episodes that one page stands for: those that burn, and when the last of the others ended (s UTC)."""

    def __init__(self) -> None:
        self.burning: set[str] = set()
        self.ended_s = float("-inf")

    def told(self, id: str, ended_s: float) -> None:
        """Takes one, or what is newly known of it."""
        if ended_s == INFINITE_S:
            self.burning.add(id)
            return
        self.burning.discard(id)
        self.ended_s = max(self.ended_s, ended_s)

    def burns_after(self, t: float) -> bool:
        """Whether any of them burns, or did after `t`."""
        return bool(self.burning) or self.ended_s > t


class _Day:
    """What is known of one tenant's day. `taken`: how many pages it has had.

    `paging`: ids with what they stood for as they were decided, whatever their records say later.
    """

    def __init__(self) -> None:
        self.waiting: dict[str, _Critical] = {}
        self.paging: dict[str, tuple[str, ...]] = {}
        self.taken = 0
        self.held: dict[str, float] = {}
        self.burning: set[str] = set()
        self.changed_s = self.written_s = 0.0


class Standing(NamedTuple):
    """What of a day is held back: ids that burn, how many pages it has had, since when, and when it changed last.

    Times in seconds UTC, `written_s` by the broker's clock.
    """

    burning: list[str]
    pages: int
    since_s: float
    changed_s: float
    written_s: float


def critical_since(alert: Alert) -> float | None:
    """The event time (s UTC) at which the episode became critical; None where it has not."""
    if alert.severity != "critical":  # no episode becomes milder
        return None
    since = next((mark.at for mark in alert.history if mark.severity == "critical"), alert.opened_at)
    return min(max(since, 0.0), LAST_S)


def _page_names(notice: Notice) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What pages an episode can be a part of, and what its own page stands for.

    Both are its group. And a loop says why its task is dear: the deployed Alertmanager silences the task's spikes.
    """
    group, task = notice.labels.get("group", notice.id), notice.labels.get("task")
    loop_of_task = (f"\0loop of {task}",) if task else ()  # no label holds a \0, so it is no group
    rule = notice.labels.get("rule")
    part_of = (group, *loop_of_task) if rule == "spend_spike" else (group,)
    return part_of, (group, *loop_of_task) if rule == "loop" else (group,)


class Cap:
    """Gives each critical episode its place among those of its tenant and day, by when it became critical.

    The day is that of UTC in which it became critical, and the decision holds as long as the episode does. A place
    is taken whether or not an Alertmanager could be told, and is not free again when the episode ends. What becomes
    critical while another one of its group, or the loop of its task, pages and burns is part of that page, and takes
    no place. Of what is known at once the earlier ones come first: a start that reads the topic whole decides as those
    before it did. `pages_a_day` 0: all page.
    """

    def __init__(self, pages_a_day: int) -> None:
        self.pages_a_day = pages_a_day
        self._days: dict[TenantDay, _Day] = {}
        self._pages: dict[tuple[str, str], _Page] = {}  # by tenant and what they stand for: midnight ends no page
        self._day_of: dict[str, TenantDay] = {}
        self._undecided: dict[TenantDay, None] = {}
        self._touched: set[TenantDay] = set()

    def see(self, notice: Notice) -> None:
        """Takes what is newly known of an episode; of one that never was critical nothing.

        One that was may be told as a milder one, by a worker that has read again under other thresholds.
        """
        key = self._day_of.get(notice.id)
        if key is None:
            if notice.critical_s is None:
                return
            begins_s = int(notice.critical_s // DAY_S) * DAY_S
            key = self._day_of[notice.id] = TenantDay(notice.labels.get("tenant", ""), begins_s)
            self._days.setdefault(key, _Day())
            self._undecided[key] = None
        day = self._days[key]
        burns = notice.firing and notice.critical_s is not None
        ended_s = INFINITE_S if burns else notice.changed_s
        if (names := day.paging.get(notice.id)) is not None:
            for name in names:
                self._pages[key.tenant, name].told(notice.id, ended_s)
        elif notice.id not in day.held:
            since_s = day.waiting[notice.id].since_s if notice.critical_s is None else notice.critical_s
            day.waiting[notice.id] = _Critical(since_s, ended_s, *_page_names(notice))
        if burns:
            day.burning.add(notice.id)
        else:
            day.burning.discard(notice.id)
        if notice.id not in day.paging:
            day.changed_s = max(day.changed_s, notice.changed_s)
            day.written_s = max(day.written_s, notice.written_s)
            self._touched.add(key)

    def assign(self, shown: Collection[str] = ()) -> list[Given]:
        """Decides about all that were seen since the last time.

        `shown`: ids that an Alertmanager shows as paging from before a start; they go on to page.
        """
        given = []
        for key in sorted(self._undecided, key=lambda key: (key.begins_s, key.tenant)):
            day = self._days[key]
            for id in sorted(day.waiting, key=lambda id: (id not in shown, day.waiting[id].since_s, id)):
                told = day.waiting[id]
                known = [self._pages[key.tenant, name] for name in told.part_of if (key.tenant, name) in self._pages]
                further = not any(page.burns_after(told.since_s) for page in known)
                page = not further or not self.pages_a_day or id in shown or day.taken < self.pages_a_day
                if page:
                    for name in told.stands_for:
                        self._pages.setdefault((key.tenant, name), _Page()).told(id, told.ended_s)
                    day.paging[id] = told.stands_for
                    day.taken += further
                else:
                    day.held[id] = told.since_s
                given.append(Given(id, key, page, further))
            day.waiting.clear()
        self._undecided.clear()
        return given

    def holds(self, id: str) -> TenantDay | None:
        """The day that an episode is held back in; None where it pages, or is not critical."""
        key = self._day_of.get(id)
        return key if key is not None and id in self._days[key].held else None

    def touched(self) -> dict[TenantDay, Standing]:
        """The days with something held back of which something is newly known since the last time."""
        keys, self._touched = sorted(key for key in self._touched if self._days[key].held), set()
        return {key: self._standing(self._days[key]) for key in keys}

    @staticmethod
    def _standing(day: _Day) -> Standing:
        burning = sorted(day.burning & day.held.keys())
        return Standing(burning, day.taken, min(day.held.values()), day.changed_s, day.written_s)

    def held_now(self) -> dict[str, int]:
        """By tenant how many episodes are held back and burn; 0 for those that have had some."""
        counts: dict[str, int] = {}
        for (tenant, _), day in self._days.items():
            if day.held:
                counts[tenant] = counts.get(tenant, 0) + len(day.burning & day.held.keys())
        return counts

    def forget_before(self, now: float) -> None:
        """Forgets the days that are over for long at `now` (s UTC) and of which nothing burns."""
        old = [key for key, day in self._days.items() if key.begins_s + KEPT_S < now and not day.burning]
        for key in old:
            day = self._days.pop(key)
            for id in (*day.waiting, *day.paging, *day.held):
                del self._day_of[id]
            self._undecided.pop(key, None)
            self._touched.discard(key)
        if old:
            kept = {
                (key.tenant, name) for key, day in self._days.items() for names in day.paging.values() for name in names
            }
            self._pages = {name: known for name, known in self._pages.items() if name in kept}
