"""Calls that wait for the results of their tools, by the key that a result will come with."""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import NamedTuple

MAX_ASKED = 8
"""Calls that wait under one key at once: some producers count their tool calls anew in each step or run."""


class Asked(NamedTuple):
    """A call that waits: the key of its lane, its time (s UTC), and the number of its asking."""

    lane: int
    t: float
    number: int


class Awaiting:
    """Of at most `most` keys; beyond, the longest asked leave. What is returned as lanes: those whose calls changed."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._by_key: OrderedDict[int, list[Asked]] = OrderedDict()  # the newest asked last
        self._by_lane: dict[int, set[int]] = {}
        self.asked = 0

    def __len__(self) -> int:
        return len(self._by_key)

    def ask(self, key: int, lane: int, t: float) -> list[int]:
        """A call of `lane` at `t` (s UTC) waits for a result under `key`; lanes of those that wait no more for it."""
        self.asked += 1
        lanes = self._put(key, Asked(lane, t, self.asked))
        return lanes + self._leave() if len(self._by_key) > self._most else lanes

    def _put(self, key: int, one: Asked) -> list[int]:
        asked = self._by_key.setdefault(key, [])
        asked.append(one)
        asked.sort(key=lambda a: a.t)
        over = asked[:-MAX_ASKED]
        del asked[:-MAX_ASKED]
        self._by_key.move_to_end(key)
        self._by_lane.setdefault(one.lane, set()).add(key)
        return self._forget(key, over)

    def times(self, key: int) -> list[float]:
        """When calls that wait under this key were, s UTC, the first of them first."""
        return [one.t for one in self._by_key.get(key, ())]

    def answered(self, key: int, t: float) -> int:
        """The key of the lane that waits for the result under `key` of time `t` (s UTC), 0 where none does."""
        asked = self._by_key.get(key, [])
        for n, one in enumerate(asked):
            if one.t <= t:
                del asked[n]
                self._forget(key, [one])
                if not asked:
                    del self._by_key[key]
                return one.lane
        return 0

    def overdue(self, limit: float, late_s: Callable[[int], float]) -> list[int]:
        """What was asked before `limit` (s UTC) is waited for no more, in the order of asking; the lanes.

        late_s: by the key of a lane, how long after its time a call of it had been asked.
        """
        lanes = []
        while self._by_key:
            last = next(iter(self._by_key.values()))[-1]
            if last.t + late_s(last.lane) > limit:
                break
            lanes += self._leave()
        return lanes

    def _leave(self) -> list[int]:
        """What was asked longest ago is waited for no more."""
        key, asked = self._by_key.popitem(last=False)
        return self._forget(key, asked)

    def _forget(self, key: int, gone: list[Asked]) -> list[int]:
        left = {one.lane for one in self._by_key.get(key, ())}
        for one in gone:
            if one.lane not in left and one.lane in self._by_lane:
                self._by_lane[one.lane].discard(key)
                if not self._by_lane[one.lane]:
                    del self._by_lane[one.lane]
        return [one.lane for one in gone]

    def of(self, lanes: Iterable[int]) -> list[tuple[int, float, int, int]]:
        """All that these lanes wait for: number, time, key and lane, sorted."""
        keys = ((key, lane) for lane in lanes for key in self._by_lane.get(lane, ()))
        return sorted((a.number, a.t, key, lane) for key, lane in keys for a in self._by_key[key] if a.lane == lane)

    def restore(self, asked: Iterable[tuple[int, float, int, int]]) -> None:
        """Takes back, into an empty one, what `of` gave for all lanes."""
        for number, t, key, lane in sorted(asked):
            self._put(key, Asked(lane, t, number))
