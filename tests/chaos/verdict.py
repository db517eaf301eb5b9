"""Whether the alerts are those of an undisturbed run: none lost, none doubled, the same figures."""

from collections import Counter
from collections.abc import Iterable, Mapping
from math import isclose
from typing import Any, NamedTuple

import msgspec

from detector.model.alert import Alert

SAME = 1e-9
"""Sums of dollars may differ by so much, relatively: they are added up in another order."""
NOT_COMPARED = {"version", "config_digest"}
"""How often an episode was told depends on how observations came; the digest on where things run."""

Subject = tuple[str, str, str | None, str | None, str | None, str | None, str | None]


class Difference(NamedTuple):
    """An alert that is not as expected, and in which fields: (field, expected, got)."""

    id: str
    rule: str
    fields: list[tuple[str, Any, Any]]


class Verdict(NamedTuple):
    """`lost` and `doubled` are ids."""

    expected: int
    got: int
    lost: list[str]
    doubled: list[str]
    wrong: list[Difference]

    @property
    def passed(self) -> bool:
        """Nothing is lost, doubled or wrong."""
        return not (self.lost or self.doubled or self.wrong)


def final(alerts: Iterable[Alert]) -> dict[str, Alert]:
    """Of each id the record that holds."""
    held: dict[str, Alert] = {}
    for alert in alerts:
        if alert.id not in held or alert.version > held[alert.id].version:
            held[alert.id] = alert
    return held


def judge(expected: Mapping[str, Alert], got: Mapping[str, Alert]) -> Verdict:
    """An id too many is doubled where its subject has an episode at that time under another id, else wrong."""
    extra = [got[id] for id in got.keys() - expected.keys()]
    doubled = [alert.id for alert in extra if any(_overlap(alert, other) for other in got.values())]
    wrong = [Difference(a.id, a.rule, [("id", None, a.id)]) for a in extra if a.id not in set(doubled)]
    for id in expected.keys() & got.keys():
        if fields := differing(expected[id], got[id]):
            wrong.append(Difference(id, got[id].rule, fields))
    return Verdict(len(expected), len(got), sorted(expected.keys() - got.keys()), sorted(doubled), sorted(wrong))


def differing(expected: Alert, got: Alert) -> list[tuple[str, Any, Any]]:
    """The fields, those of the evidence too, that are not the same."""
    one, other = (msgspec.to_builtins(alert) for alert in (expected, got))
    return [
        (field, one[field], other[field])
        for field in one
        if field not in NOT_COMPARED and not _same(one[field], other[field])
    ]


def told_twice(told: Iterable[tuple[str, str, str]]) -> dict[tuple[str, str, str], int]:
    """Of (episode, severity, status) as a pager was told them in order, those that came about more than once.

    A notification names all alerts of its group, also those that are as they were.
    """
    now: dict[tuple[str, str], str] = {}
    came: Counter[tuple[str, str, str]] = Counter()
    for episode, severity, status in told:
        if now.get((episode, severity)) != status:
            now[episode, severity] = status
            came[episode, severity, status] += 1
    return {what: n for what, n in came.items() if n > 1}


def _overlap(one: Alert, other: Alert) -> bool:
    if one.id == other.id or _subject(one) != _subject(other):
        return False
    ends = [alert.resolved_at or float("inf") for alert in (one, other)]
    return one.opened_at <= ends[1] and other.opened_at <= ends[0]


def _subject(alert: Alert) -> Subject:
    return alert.rule, alert.level, alert.tenant, alert.team, alert.agent, alert.run, alert.task


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, int | float):
        return isclose(one, other, rel_tol=SAME, abs_tol=SAME)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)
