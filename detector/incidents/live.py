"""What pages show, of what was read: cut down to the scope that asks."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

import msgspec
import numpy as np

from detector.accounts.tables import OTHER
from detector.clock import Clock
from detector.incidents.book import Entry, IncidentBook
from detector.incidents.flagging import spike_of
from detector.incidents.spend import SLICE_MIN, Spend, Window
from detector.incidents.view import EVERY, MOST_ENDED, Choices, Incident, Overview, TeamSpend, Wanted
from detector.model.alert import Alert, Severity, decode_alert
from detector.policy.incidents import restrict_incident, restrict_record
from detector.policy.scope import Kind, Scope, may_see, may_sum, shown_agent
from detector.rules import spend_spike
from detector.stopping.record import Stop, told

MOST_TEAMS = 100
"""Teams of an overview, the dearest; all others are one, 'other'."""

_OF_STOP = ("mode", "outcome", "target", "asked_at", "attempts", "status", "error", "finished_at", "cost_usd")


class Head(msgspec.Struct, frozen=True, gc=False):
    """An episode of a list, its record read when it is asked for: of thousands that are open some dozens are shown."""

    entry: Entry
    scope: Scope

    @property
    def alert(self) -> Alert:
        """Its record for a list, as the scope may see it."""
        alert = restrict_record(self.entry.head, self.scope)
        assert alert is not None, "heads are of what may be seen"
        return alert

    @property
    def firing(self) -> bool:
        """Whether it goes on."""
        return self.entry.firing

    @property
    def severity(self) -> Severity:
        """How loud it is."""
        return self.entry.severity

    @property
    def cost_usd(self) -> float:
        """What it has burnt."""
        return self.entry.cost_usd

    @property
    def opened_at(self) -> float:
        """When it opened (s UTC)."""
        return self.entry.opened_at

    @property
    def task_key(self) -> tuple[str, str | None]:
        """Its tenant and its task."""
        return self.entry.tenant, self.entry.task


class Live:
    """A Source. `reading`: records that are still to be read before figures are whole."""

    def __init__(self, book: IncidentBook, spend: Spend, clock: Clock, reading: Callable[[], int]) -> None:
        self._book, self._spend, self._clock, self._reading = book, spend, clock, reading
        self._window: Window | None = None

    def settle(self) -> None:
        """Flags anew what is recent, once something was read."""
        begins_s, known = self._spend.begins_s, self._book.of(spend_spike.NAME)
        told = (entry for entry in known if entry.severity != "info" and (entry.firing or entry.t > begins_s))
        self._spend.settle([spike_of(decode_alert(entry.head)) for entry in told])
        self._window = None

    def overview(self, scope: Scope) -> Overview:
        """What burns now."""
        if self._window is None:
            self._window = self._spend.window()
        w, until_s = self._window, self._spend.until_s
        seen = [n for n, (tenant, team) in enumerate(w.teams) if may_sum(scope, tenant, team)]
        return Overview(
            now_s=self._clock(),
            until_s=until_s,
            reading=self._reading(),
            begins_s=w.begins_s,
            slice_s=SLICE_MIN * 60.0,
            teams=_teams(w, seen, scope),
            hour_usd=float(w.hour_usd[seen].sum()),
            flagged_hour_usd=float(w.flagged_hour_usd[seen].sum()),
            open=self.incidents(scope, Wanted(open=True)),
        )

    def incidents(self, scope: Scope, wanted: Wanted = EVERY) -> list[Head]:
        """Those that are wanted: open ones, the loudest and dearest first; then MOST_ENDED that ended, newest first."""
        told = heads(self._book.open(), scope, wanted)
        return told if wanted.open else told + heads(self._book.ended(), scope, wanted, MOST_ENDED)

    def choices(self, scope: Scope) -> Choices:
        """What can be asked for; of people of their own alone, by what is listed."""
        if scope.kind is Kind.SELF:
            told = {(one.alert.rule, one.alert.team, one.alert.tenant) for one in self.incidents(scope)}
        else:
            of = {(e.rule, e.team, e.tenant) for e in self._book}
            told = {(rule, shown_agent(scope, team), tenant) for rule, team, tenant in of
                    if may_see(scope, tenant, team)}  # fmt: skip
        return Choices(*map(frozenset, zip(*told, strict=True))) if told else Choices(*[frozenset()] * 3)

    def related(self, scope: Scope, id: str) -> list[Head]:
        """The other episodes with its group or its task, MOST_ENDED at most."""
        return heads(self._book.related(id), scope, most=MOST_ENDED)

    def incident(self, scope: Scope, id: str) -> Incident | None:
        """One episode; None where there is none, or the scope may not see it."""
        entry = self._book.get(id)
        return None if entry is None else incident_of(self._book, entry, scope)


def incident_of(book: IncidentBook, entry: Entry, scope: Scope) -> Incident | None:
    """An episode as the scope may see it, None where it may not."""
    alert, stop = restrict_incident(entry.alert, scope), book.stop_of(entry.id)
    return None if alert is None else Incident(alert, entry.written_s, None if stop is None else shown_stop(stop))


def shown_stop(stop: Stop) -> dict[str, Any]:
    """A stop without whom it was about: that is the alert's to say, as far as the scope may see it."""
    return {"said": told(stop), **{name: getattr(stop, name) for name in _OF_STOP}}


def seen(book: IncidentBook, entries: Iterable[Entry], scope: Scope, wanted: Wanted = EVERY) -> list[Incident]:
    """Those that are wanted and that the scope may see, in their order."""
    told = (incident_of(book, entry, scope) for entry in _of_scope(entries, scope, wanted))
    return [incident for incident in told if incident is not None]


def heads(entries: Iterable[Entry], scope: Scope, wanted: Wanted = EVERY, most: int | None = None) -> list[Head]:
    """The same for a list; `most`: no more than so many."""
    mine = _of_scope(entries, scope, wanted)
    if scope.kind is Kind.SELF:  # whose they are stands in the records alone
        mine = (entry for entry in mine if restrict_record(entry.head, scope) is not None)
    return [Head(entry, scope) for entry in islice(mine, most)]


def _of_scope(entries: Iterable[Entry], scope: Scope, wanted: Wanted) -> Iterator[Entry]:
    """Those that are wanted, of teams that the scope may see: known before a record is read."""
    known = dict[tuple[str, str | None], bool]()
    for entry in entries if scope.kind is not Kind.NOTHING else ():
        team = entry.tenant, entry.team
        if team not in known:
            mine = scope.kind is Kind.SELF or may_see(scope, *team)
            known[team] = mine and wanted.is_of(entry.tenant, shown_agent(scope, entry.team))
        if known[team] and wanted.is_such(entry.firing, entry.rule, entry.severity):
            yield entry


def _teams(w: Window, seen: list[int], scope: Scope) -> list[TeamSpend]:
    order = sorted(seen, key=lambda n: (-w.hour_usd[n], -float(w.usd[n].sum()), w.teams[n][0], w.teams[n][1] or ""))
    shown, rest = order[:MOST_TEAMS], order[MOST_TEAMS:]
    told = [
        TeamSpend(tenant, shown_agent(scope, team), w.usd[n].tolist(), w.flagged_usd[n].tolist())
        for n, (tenant, team) in ((n, w.teams[n]) for n in shown)
    ]
    if rest:
        usd, flagged_usd = (np.sum(of[rest], axis=0).tolist() for of in (w.usd, w.flagged_usd))
        told.append(TeamSpend(OTHER, OTHER, usd, flagged_usd))
    return told
