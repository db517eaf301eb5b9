"""Notices partitions that have something to process and do not move: pure, the time is given."""

from typing import NamedTuple

from detector.reasons import Failed

LIMIT_S = 60.0
"""A partition with work before it that has not moved for this long does not recover by itself."""


class _Seen(NamedTuple):
    progress: int
    since_s: float
    behind: int


class Standstill:
    """What was last seen of each partition; times are monotonic, in s."""

    def __init__(self, limit_s: float = LIMIT_S) -> None:
        self._limit_s = limit_s
        self._seen: dict[int, _Seen] = {}
        self._stuck: dict[int, float] = {}

    def see(self, partition: int, progress: int, behind: int, now_s: float) -> None:
        """`progress` is any number that changes when the partition moves; `behind` records wait for it."""
        before = self._seen.get(partition)
        moved = before is None or before.progress != progress or behind == 0
        since_s = now_s if moved or before is None else before.since_s
        self._seen[partition] = _Seen(progress, since_s, behind)
        if now_s - since_s >= self._limit_s:
            self._stuck[partition] = now_s - since_s
        else:
            self._stuck.pop(partition, None)

    def forget(self) -> None:
        """The partitions are given back."""
        self._seen.clear()
        self._stuck.clear()

    def reasons(self) -> list[str]:
        """A sentence for each partition that stands still."""
        return [
            Failed.STANDSTILL.format(partition=p, waited=stuck_s, records=self._seen[p].behind)
            for p, stuck_s in sorted(self._stuck.items())
        ]
