"""Figures by person, cut down to what a scope may see."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import NamedTuple

from detector.policy.scope import Kind, Scope

FEWEST = 5
"""People who have to contribute before any of them is shown, and of whom at least as many stay unshown, or none."""

Sums = tuple[float, ...]


class Row(NamedTuple):
    """What a person (None: what names nobody) has of a team's figures, over the whole window that is shown.

    person: the user; where none is told, an agent that is a pseudonym.
    """

    tenant: str
    team: str | None
    person: str | None
    sums: Sums


def restrict(rows: Iterable[Row], scope: Scope, named: Collection[str] | None = None) -> list[Row]:
    """What the scope may see of `rows`, in the order of names; sums of one key are added up.

    A row without a person is then the sum of its team, people included. named: the people to show, where not all that
    may be shown are wanted.
    """
    rows = [row for row in rows if scope.tenant in (None, row.tenant)]
    match scope.kind:
        case Kind.SELF:
            return _summed(row for row in rows if row.person in scope.people)
        case Kind.TEAM:
            rows = [row for row in rows if row.team == scope.team]
            may = nameable(rows, named)
            return _teams(rows) + _summed(row for row in rows if row.person in may)
        case Kind.TENANT:
            return _teams(rows)
    return []


def nameable(rows: Collection[Row], named: Collection[str] | None = None) -> frozenset[str]:
    """Which people of one team may be shown beside its sum: all that are wanted, or nobody.

    The sum less those that are shown is what the others have: so these too have to be FEWEST, or none.
    """
    people = {row.person for row in rows if row.person is not None and any(row.sums)}
    wanted = people if named is None else people & set(named)
    hidden = len(people) - len(wanted)
    return frozenset(wanted) if len(people) >= FEWEST and (not hidden or hidden >= FEWEST) else frozenset()


def _teams(rows: Iterable[Row]) -> list[Row]:
    return _summed(row._replace(person=None) for row in rows)


def _summed(rows: Iterable[Row]) -> list[Row]:
    found: dict[tuple[str, str | None, str | None], list[Sums]] = defaultdict(list)
    for row in rows:
        found[row.tenant, row.team, row.person].append(row.sums)
    order = sorted(found, key=lambda key: [(name is not None, name or "") for name in key])
    return [Row(*key, tuple(map(sum, zip(*found[key], strict=True)))) for key in order]
