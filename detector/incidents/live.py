"""What pages show, of what was read: cut down to the scope that asks."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from detector.accounts.tables import OTHER
from detector.clock import Clock
from detector.incidents.book import Entry, IncidentBook
from detector.incidents.flagging import spike_of
from detector.incidents.spend import SLICE_MIN, Spend, Window
from detector.incidents.view import EVERY, MOST_ENDED, Choices, Incident, Overview, TeamSpend, Wanted
from detector.model.alert import decode_alert
from detector.policy.incidents import restrict_incident, restrict_record
from detector.policy.scope import Kind, Scope, may_see, shown_agent
from detector.rules import spend_spike
from detector.stopping.record import Stop, told

MOST_TEAMS = 100
"""Teams of an overview, the dearest; all others are one, 'other'."""

_OF_STOP = ("mode", "outcome", "target", "asked_at", "attempts", "status", "error", "finished_at", "cost_usd")


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
        seen = [n for n, (tenant, team) in enumerate(w.teams) if _may_sum(scope, tenant, team)]
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

    def incidents(self, scope: Scope, wanted: Wanted = EVERY) -> list[Incident]:
        """Those that are wanted: open ones, the loudest and dearest first; then MOST_ENDED that ended, newest first."""
        told = seen(self._book, self._book.open(), scope, wanted, listed=True)
        if wanted.open:
            return told
        return told + seen(self._book, self._book.ended(), scope, wanted, most=MOST_ENDED, listed=True)

    def choices(self, scope: Scope) -> Choices:
        """What can be asked for; of people of their own alone, by what is listed."""
        if scope.kind is Kind.SELF:
            told = {(i.alert.rule, i.alert.team, i.alert.tenant) for i in self.incidents(scope)}
        else:
            of = {(e.rule, e.team, e.tenant) for e in self._book}
            told = {(rule, shown_agent(scope, team), tenant) for rule, team, tenant in of
                    if may_see(scope, tenant, team)}  # fmt: skip
        return Choices(*map(frozenset, zip(*told, strict=True))) if told else Choices(*[frozenset()] * 3)

    def related(self, scope: Scope, id: str) -> list[Incident]:
        """The other episodes with its group or its task, MOST_ENDED at most."""
        return seen(self._book, self._book.related(id), scope, most=MOST_ENDED, listed=True)

    def incident(self, scope: Scope, id: str) -> Incident | None:
        """One episode; None where there is none, or the scope may not see it."""
        entry = self._book.get(id)
        return None if entry is None else incident_of(self._book, entry, scope)


def incident_of(book: IncidentBook, entry: Entry, scope: Scope, *, listed: bool = False) -> Incident | None:
    """An episode as the scope may see it, None where it may not; `listed`: by its head alone."""
    if listed:
        told = restrict_record(entry.head, scope)
        return None if told is None else Incident(told, entry.written_s)
    alert, stop = restrict_incident(entry.alert, scope), book.stop_of(entry.id)
    return None if alert is None else Incident(alert, entry.written_s, None if stop is None else shown_stop(stop))


def shown_stop(stop: Stop) -> dict[str, Any]:
    """A stop without whom it was about: that is the alert's to say, as far as the scope may see it."""
    return {"said": told(stop), **{name: getattr(stop, name) for name in _OF_STOP}}


def seen(
    book: IncidentBook,
    entries: Iterable[Entry],
    scope: Scope,
    wanted: Wanted = EVERY,
    *,
    most: int | None = None,
    listed: bool = False,
) -> list[Incident]:
    """Those that are wanted and that the scope may see, in their order; `most`: no more than so many.

    `listed`: by their heads alone.
    """
    out: list[Incident] = []
    for entry in _of_scope(entries, scope, wanted):
        if most is not None and len(out) >= most:
            break
        incident = incident_of(book, entry, scope, listed=listed)
        if incident is not None and wanted.fits(incident.alert):
            out.append(incident)
    return out


def _of_scope(entries: Iterable[Entry], scope: Scope, wanted: Wanted) -> Iterator[Entry]:
    """Without those of which it is known before their record is read, as most of a list may be other teams'."""
    known = dict[tuple[str, str | None], bool]()
    for entry in entries if scope.kind is not Kind.NOTHING else ():
        team = entry.tenant, entry.team
        if team not in known:
            mine = scope.kind is Kind.SELF or may_see(scope, *team)
            known[team] = mine and wanted.team in (None, shown_agent(scope, entry.team))
        if known[team] and wanted.rule in (None, entry.rule) and wanted.severity in (None, entry.severity):
            yield entry


def _may_sum(scope: Scope, tenant: str, team: str | None) -> bool:
    """Whether a team's sums may be seen: by people of one's own alone they are not."""
    return scope.kind is not Kind.SELF and may_see(scope, tenant, team)


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
