"""Calls within episodes: of whom an alert is about, from when it began until it ended."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from detector.audit.calls import Calls
from detector.ledger.names import Subject
from detector.model.alert import Alert, lasted
from detector.rules import loop, redundant_work, spend_spike

RULES = (loop.NAME, spend_spike.NAME, redundant_work.NAME)
"""Whose episodes count, once they have reached `warning`."""

About = tuple[str | None, ...]
"""The kind of a subject, its tenant and its names."""


class Span(NamedTuple):
    """An episode: whom it is about, and from when until when (s UTC)."""

    about: About
    since: float
    until: float


class Episodes:
    """The last record of each episode that counts; memory: some 300 B each."""

    def __init__(self) -> None:
        self._spans: dict[str, Span] = {}

    def take(self, alerts: Iterable[Alert]) -> None:
        """Takes records in their order; within an episode the severity never falls."""
        for alert in alerts:
            if alert.rule in RULES and alert.severity != "info":
                self._spans[alert.id] = Span(_about(alert), *lasted(alert))

    def spans(self, calls: Calls, subjects: Sequence[Subject]) -> "Spans":
        """Where they lie among calls; `subjects`: of each code of a subject what it stands for once links are known."""
        return Spans(list(self._spans.values()), _codes(calls, subjects))


class Spans:
    """Episodes by the codes of whom they are about."""

    def __init__(self, spans: Iterable[Span], codes: Mapping[About, Sequence[int]]) -> None:
        self._spans = [(s, _COLUMNS[str(s.about[0])], np.array(codes[s.about])) for s in spans if s.about in codes]

    def mask(self, rows: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        """Which of the calls (n of CALL) lie in any of them."""
        inside = np.zeros(len(rows), np.bool_)
        order = np.argsort(rows["t"], kind="stable")
        t = rows["t"][order]
        for span, column, codes in self._spans:
            mine = order[np.searchsorted(t, span.since, "left") : np.searchsorted(t, span.until, "right")]
            inside[mine[np.isin(rows[column][mine], codes)]] = True
        return inside


_COLUMNS = {"run": "run", "task": "subject", "agent": "who", "team": "who", "model": "who"}


def _about(alert: Alert) -> About:
    if alert.level == "run" and alert.run is not None:
        return "run", alert.tenant, alert.run
    if alert.level in ("run", "task"):
        return "task", alert.tenant, alert.task
    if alert.level == "agent":
        return "agent", alert.tenant, alert.team, alert.agent
    return (alert.level, alert.tenant, alert.team if alert.level == "team" else alert.model)


def _codes(calls: Calls, subjects: Sequence[Subject]) -> dict[About, list[int]]:
    found = defaultdict[About, list[int]](list)
    for n, (tenant, run) in enumerate(calls.runs.names):
        found["run", tenant, run].append(n)
    for n, subject in enumerate(subjects):
        if subject.task is not None:
            found["task", subject.tenant, subject.task].append(n)
    for n, who in enumerate(calls.whos.names):
        found["agent", who.tenant, who.team, who.agent].append(n)
        found["team", who.tenant, who.team].append(n)
        found["model", who.tenant, who.model].append(n)
    return found
