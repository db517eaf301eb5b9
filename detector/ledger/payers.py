"""Who of one kind spent on which purse: teams, their agents, keys and people, types of tasks."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from detector.ledger.names import Who

Name = tuple[str, str | None, str | None]
"""Tenant, team (of types of tasks: None), and the name within it."""
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def totals(places: Ints, values: npt.NDArray[Any], count: int) -> Floats:
    """Sums of the values (n) by the places (n, below `count`) that they go to."""
    return np.bincount(places, values, count).astype(np.float64)


class Payers:
    """Payers of a kind by code, in the order of their names, and what each spent on a purse: n pairs, in order.

    `names` (codes). `code`, `purse`, `usd` (n): of pairs. `starts` (codes + 1): where the pairs of a code begin.
    `pair` (m): of each payment its pair, -1 where it is of nobody of this kind.
    """

    def __init__(
        self, whos: dict[int, Who], name: Callable[[Who], Name | None], purse: Ints, who: Ints, usd: Floats
    ) -> None:
        named = {code: told for code, of in whos.items() if (told := name(of)) is not None}
        self.names: Sequence[Name] = sorted(set(named.values()), key=_in_order)
        place = {told: n for n, told in enumerate(self.names)}
        self.of_who = np.full(1 + max(whos, default=-1), -1, np.int64)
        for code, told in named.items():
            self.of_who[code] = place[told]
        of_payment = self.of_who[who]
        mine = of_payment >= 0
        pairs, inverse = np.unique(of_payment[mine] << 32 | purse[mine], return_inverse=True)
        self.code, self.purse = pairs >> 32, pairs & 0xFFFF_FFFF
        self.pair = np.full(len(who), -1, np.int64)
        self.pair[mine] = inverse
        self.usd = self.by_pair(usd)
        self.starts = np.searchsorted(self.code, np.arange(len(self.names) + 1))

    def by_pair(self, values: npt.NDArray[Any]) -> Floats:
        """Sums of the values (m) of payments by pair (n)."""
        mine = self.pair >= 0
        return totals(self.pair[mine], values[mine], len(self.code))

    def by_code(self, values: npt.NDArray[Any]) -> Floats:
        """The same by code, to a millionth: in another order they are the same."""
        return totals(self.code, self.by_pair(values), len(self.names)).round(6)

    def pairs_of(self, code: int) -> slice:
        """The pairs of one of them."""
        return slice(int(self.starts[code]), int(self.starts[code + 1]))

    def most(self, purses: int, asked: npt.NDArray[np.bool_] | None = None) -> Ints:
        """By slot of a purse (of so many) who spent most on it, of equals the first by name; -1: nobody.

        `asked` (n): the pairs that are looked at.
        """
        pairs = np.arange(len(self.code)) if asked is None else np.flatnonzero(asked)
        order = pairs[np.lexsort((-self.code[pairs], self.usd[pairs]))]
        owners = np.full(purses, -1, np.int64)
        owners[self.purse[order]] = self.code[order]  # the last one stays
        return owners


def _in_order(name: Name) -> tuple[str, bool, str, bool, str]:
    tenant, team, own = name
    return tenant, team is None, team or "", own is None, own or ""


def team_of(who: Who) -> Name:
    """A team."""
    return who.tenant, who.team, None


def agent_of(who: Who) -> Name | None:
    """An agent of a team."""
    return (who.tenant, who.team, who.agent) if who.agent is not None else None


def key_of(who: Who) -> Name | None:
    """A key of a team."""
    return (who.tenant, who.team, who.key) if who.key is not None else None


def user_of(who: Who) -> Name | None:
    """A person, as a pseudonym, within a team."""
    return (who.tenant, who.team, who.user) if who.user is not None else None


def type_of(who: Who) -> Name:
    """A type of tasks of a tenant."""
    return who.tenant, None, who.task_type
