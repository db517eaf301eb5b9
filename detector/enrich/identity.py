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
        self._taskless: dict[tuple[str, str], list[Who]] = {}
        self._links: dict[tuple[str, str], str] = {}
        self._max_links, self._limit = max_links, limit
        self._chars = 0

    @property
    def links(self) -> int:
        """How many links are held."""
        return len(self._links)

    def link(self, tenant: str, run: str, task: str | None) -> None:
        """From now on the run works on the task; None takes the link back. The oldest leave at the bound."""
        self._links.pop((tenant, run), None)
        if task is not None:
            self._links[tenant, run] = task
            if len(self._links) > self._max_links:
                del self._links[next(iter(self._links))]
        for who in self._taskless.pop((tenant, run), ()):
            self._kept.pop(who, None)

    def linked(self, tenant: str, run: str, task: str) -> Placed:
        """Where a link goes: to whoever keeps what the run has spent so far, as a run without a task."""
        subject = subject_hash(tenant, None, run)
        none = None
        ident = Ident(subject, 0, 0, tenant, none, none, none, none, run, none, task, none, none, none)
        return Placed(ident, subject % self._partitions)

    def place(self, who: Who) -> Placed:
        """The identity of a tuple; O(1) where it was seen before."""
        try:
            return self._kept[who]
        except KeyError:
            self._chars += sum([len(name) for name in who if name is not None])
            if len(self._kept) >= self._limit or self._chars > MAX_CHARS:
                self._kept.clear()
                self._taskless.clear()
                self._chars = 0
            placed = self._kept[who] = self._place(who)
            if who[7] is None and who[5] is not None:
                self._taskless.setdefault((who[0], who[5]), []).append(who)
            return placed

    def _place(self, who: Who) -> Placed:
        tenant, team, user, agent, key, run, parent_run, task, task_type, model, provider = who
        if task is None and run is not None:
            task = self._links.get((tenant, run))
        subject = subject_hash(tenant, task, run)
        ident = Ident(
            subject=subject,
            lane=hash64(tenant, task, run, agent),
            cell=hash64(str(subject), tenant, team, user, agent, key, task_type, model),
            tenant=tenant,
            team=team,
            user=self._pseudonyms.of(tenant, user),
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
