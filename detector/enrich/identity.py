"""Which partition, subject and lane an event belongs to; the answer is kept for each who-and-where."""

from collections.abc import Sequence
from typing import NamedTuple

import xxhash

from detector.enrich.pseudonyms import Pseudonyms
from detector.model.packed import Ident

Who = tuple[
    str, str | None, str | None, str | None, str | None, str | None,
    str | None, str | None, str | None, str | None, str | None, str | None,
]  # fmt: skip
"""tenant, team, user, agent, key, run, parent_run, task, task_type, model, provider: as sent; the source, or None."""


MAX_CHARS = 50_000_000
"""Of the names in answers that are kept: 200,000 answers have 30 million, unless somebody makes names long."""
MOST_PARENTS = 8
"""Runs above a run that are asked for its task."""
MAX_IDS = 100_000
"""Ids of calls whose runs are remembered, of sources that may tell a call several times; some 150 B each."""
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
    """Places who-and-where tuples, and keeps the answers; links give a run its task, and the run that started it.

    meters: sources that may tell of one run together, by clocks that differ by up to `clocks_s`.
    """

    def __init__(
        self,
        partitions: int,
        pseudonyms: Pseudonyms,
        max_links: int,
        limit: int = 200_000,
        meters: Sequence[str] = (),
        clocks_s: float = 0.0,
    ) -> None:
        self._partitions, self._pseudonyms = partitions, pseudonyms
        self._kept: dict[Who, Placed] = {}
        self._before: dict[Who, Placed] = {}  # of the hour before: what is asked for again goes into `_kept`
        self._turns = 0.0
        self._links: dict[tuple[str, str], tuple[str, float]] = {}  # task, and from when on (s UTC)
        self._parents: dict[tuple[str, str], tuple[str, float]] = {}  # the run that started it, and from when on
        self._max_links, self._limit = max_links, limit
        self._chars = 0
        self.meters = frozenset(meters)
        self._clocks_s = clocks_s
        self._ids: dict[int, int] = {}
        self._ids_before: dict[int, int] = {}

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

    def learn(self, tenant: str, run: str, task: str, t: float) -> float | None:
        """A call at `t` (s UTC) names run and task, so others of the run that name none are of that task too.

        Returns from when on (s UTC), where that is new: the first task that is learned of a run stays, and a link wins.
        """
        if (tenant, run) in self._links:
            return None
        self.link(tenant, run, task, t - self._clocks_s)
        return t - self._clocks_s

    def knows(self, tenant: str, run: str) -> bool:
        """Whether the run's own task is known."""
        return (tenant, run) in self._links

    def start(self, tenant: str, run: str, parent: str, t: float) -> None:
        """The run was started by another one; from `t` (s UTC) on it works on that one's task, if it has no other."""
        self._parents.pop((tenant, run), None)
        if parent == run:
            return
        self._parents[tenant, run] = parent, t
        if len(self._parents) > self._max_links:
            del self._parents[next(iter(self._parents))]

    def task_of(self, tenant: str, run: str, t: float, parent: str | None = None) -> str | None:
        """The task that the run, else the run that started it (told as `parent`, or linked), works on at `t`."""
        for _ in range(MOST_PARENTS):
            link = self._links.get((tenant, run))
            if link is not None and t >= link[1]:
                return link[0]
            above = self._parents.get((tenant, run))
            if above is not None and t >= above[1]:
                run = above[0]
            elif parent is not None:
                run = parent
            else:
                return None
            parent = None
        return None

    def told_elsewhere(self, id: int, tenant: str, run: str | None, task: str | None) -> bool:
        """Whether a call of this id (hashed) has been told of another run before. The oldest ids leave at the bound."""
        where = hash64(tenant, run, task)
        known = self._ids.get(id) or self._ids_before.get(id)
        if known is None:
            if len(self._ids) >= MAX_IDS // 2:
                self._ids_before, self._ids = self._ids, {}
            self._ids[id] = where
        return known is not None and known != where

    def personal(self, tenant: str, agent: str | None) -> str | None:
        """What stands for an agent that its source may have named after a person."""
        return self._pseudonyms.of_agent(tenant, agent)

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
        run = who[5]
        if run is not None and (who[7] is None or self._parents):
            who = self._by_links(who, who[0], run, t)
        try:
            return self._kept[who]
        except KeyError:
            return self._keep(who, t)

    def _by_links(self, who: Who, tenant: str, run: str, t: float) -> Who:
        """With the task and the parent run that links tell, where it tells none itself."""
        parent, task = who[6], who[7]
        if task is None:
            # A result of a tool names no parent: those of other sources would not meet their calls.
            task = self.task_of(tenant, run, t, parent if who[11] is not None else None)
        if parent is None and (above := self._parents.get((tenant, run))):
            parent = above[0]
        return who if parent is who[6] and task is who[7] else (*who[:6], parent, task, *who[8:])

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
        tenant, team, user, agent, key, run, parent_run, task, task_type, model, provider, source = who
        subject, user = subject_hash(tenant, task, run), self._pseudonyms.of(tenant, user)
        ident = Ident(
            subject=subject,
            # Each source's telling of a run is a lane of its own: the same steps told twice would be twice as many.
            lane=hash64(tenant, task, run, agent) if source is None else hash64(tenant, task, run, agent, source),
            # Of the pseudonym: a hash without a key, of the user as sent, would let anybody check a guess.
            cell=hash64(str(subject), tenant, team, user, agent, key, task_type, model, provider),
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
            source=source,
        )
        return Placed(ident, subject % self._partitions)
