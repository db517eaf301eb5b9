"""Which partition, subject and lane an event belongs to; the answer is kept for each who-and-where."""

from typing import NamedTuple

import xxhash

from detector.enrich.pseudonyms import Pseudonyms
from detector.model.packed import Ident

Who = tuple[
    str, str | None, str | None, str | None, str | None, str | None,
    str | None, str | None, str | None, str | None, str | None,
]  # fmt: skip
"""tenant, team, user, agent, key, run, parent_run, task, task_type, model, provider: as sent."""


MAX_CHARS = 50_000_000
"""Of the names in answers that are kept: 200,000 answers have 30 million, unless somebody makes names long."""
KEPT_S = 3600.0
"""An answer that nobody has asked for in an hour of event time leaves within another: most runs are over by then."""


class Placed(NamedTuple):
    """An identity and the partition of its subject."""

    ident: Ident
    partition: int


def hash64(*parts: str | None) -> int:
    """XXH3 of the parts; None and "" differ, and no part can run into the next."""
    told = "".join("-" if p is None else f"{len(p)}:{p}" for p in parts)
    return xxhash.xxh3_64_intdigest(told.encode())


def subject_hash(tenant: str, task: str | None, run: str | None) -> int:
    """The task, else the run, within its tenant: what partitions go by."""
    return hash64(tenant, "task", task) if task is not None else hash64(tenant, "run", run)


class Identities:
    """Places who-and-where tuples, and keeps the answers; links give a run its task."""

    def __init__(self, partitions: int, pseudonyms: Pseudonyms, max_links: int, limit: int = 200_000) -> None:
        self._partitions, self._pseudonyms = partitions, pseudonyms
        self._kept: dict[Who, Placed] = {}
        self._before: dict[Who, Placed] = {}  # of the hour before: what is asked for again goes into `_kept`
        self._turns = 0.0
        self._links: dict[tuple[str, str], tuple[str, float]] = {}  # task, and from when on (s UTC)
        self._max_links, self._limit = max_links, limit
        self._chars = 0

    @property
    def links(self) -> int:
        """How many links are held."""
        return len(self._links)

    def link(self, tenant: str, run: str, task: str | None, t: float) -> None:
        """From `t` (s UTC) on the run works on the task; None takes the link back. The oldest leave at the bound."""
        self._links.pop((tenant, run), None)
        if task is not None:
            self._links[tenant, run] = task, t
            if len(self._links) > self._max_links:
                del self._links[next(iter(self._links))]

    def linked(self, tenant: str, run: str, task: str) -> Placed:
        """Where a link goes: to whoever keeps what the run has spent so far, as a run without a task."""
        subject = subject_hash(tenant, None, run)
        none = None
        ident = Ident(subject, 0, 0, tenant, none, none, none, none, run, none, task, none, none, none)
        return Placed(ident, subject % self._partitions)

    def place(self, who: Who, t: float) -> Placed:
        """The identity of a tuple at `t` (s UTC); O(1) where it was seen before.

        What happened before its run was linked stays with the run, whenever it comes: so a repeat meets the first.
        """
        if who[7] is None and who[5] is not None and (link := self._links.get((who[0], who[5]))) and t >= link[1]:
            who = (*who[:7], link[0], *who[8:])
        try:
            return self._kept[who]
        except KeyError:
            return self._keep(who, t)

    def _keep(self, who: Who, t: float) -> Placed:
        """Half of what may be kept is of this hour, half of the one before; where there is more, the hour ends."""
        if t >= self._turns or len(self._kept) >= self._limit // 2 or self._chars > MAX_CHARS // 2:
            self._before, self._kept, self._chars = self._kept, {}, 0
            self._turns = t + KEPT_S
        self._chars += sum([len(name) for name in who if name is not None])
        placed = self._before.pop(who) if who in self._before else self._place(who)
        self._kept[who] = placed
        return placed

    def _place(self, who: Who) -> Placed:
        tenant, team, user, agent, key, run, parent_run, task, task_type, model, provider = who
        subject, user = subject_hash(tenant, task, run), self._pseudonyms.of(tenant, user)
        ident = Ident(
            subject=subject,
            lane=hash64(tenant, task, run, agent),
            # Of the pseudonym: a hash without a key, of the user as sent, would let anybody check a guess.
            cell=hash64(str(subject), tenant, team, user, agent, key, task_type, model),
            tenant=tenant,
            team=team,
            user=user,
            agent=agent,
            key=key,
            run=run,
            parent_run=parent_run,
            task=task,
            task_type=task_type,
            model=model,
            provider=provider,
        )
        return Placed(ident, subject % self._partitions)
