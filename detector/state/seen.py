"""The ids that were seen: what a producer sends again is known, within a bound of time and number."""

import secrets
from collections import deque
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from detector.enrich.compiled import compiled

Ids = npt.NDArray[np.uint64]
CHUNK = 8192


@compiled
def _insert(table: Ids, ids: Ids, fresh: npt.NDArray[np.bool_], secret: np.uint64) -> int:
    """Open addressing with linear probing; marks in `fresh` the ids that were not there and counts them.

    Where an id is put depends on the secret too: whoever chooses ids cannot choose places.
    """
    mask = np.uint64(len(table) - 1)
    added = 0
    for i in range(len(ids)):
        key = ids[i] if ids[i] != np.uint64(0) else np.uint64(1)
        h = (key ^ secret) * np.uint64(0x9E3779B97F4A7C15)
        h = (h ^ (h >> np.uint64(32)) ^ secret) * np.uint64(0xD6E8FEB86659FD93)
        place = (h ^ (h >> np.uint64(32))) & mask
        while table[place] != np.uint64(0) and table[place] != key:
            place = (place + np.uint64(1)) & mask
        fresh[i] = table[place] == np.uint64(0)
        if fresh[i]:
            table[place] = key
            added += 1
    return added


class _Growing(NamedTuple):
    """Ids in the order of their coming; only the newest chunk still grows."""

    number: int
    newest_s: float
    ids: list[Ids]


class Chunk(NamedTuple):
    """The same as a checkpoint holds it."""

    number: int
    newest_s: float
    ids: bytes


class Seen:
    """Set of 64-bit ids. Memory: 8 B an id in chunks and at most 32 B an id in the table."""

    def __init__(self, max_ids: int, keep_s: float) -> None:
        self._max, self._keep_s = max_ids, keep_s
        self._secret = np.uint64(secrets.randbits(64))  # of this process: the table is not stored
        self._table: Ids = np.zeros(1024, np.uint64)
        self._chunks: deque[_Growing] = deque()
        self._count = 0
        self._next = 0
        self.evicted = 0
        self.dirty: set[int] = set()

    def __len__(self) -> int:
        return self._count

    def add(self, ids: Ids, now_s: float) -> npt.NDArray[np.bool_]:
        """Remembers `ids` (n) and tells which of them are new. An id twice among them is new once."""
        fresh = np.zeros(len(ids), np.bool_)
        if not len(ids):
            return fresh
        self._reserve(len(ids))
        self._count += _insert(self._table, ids, fresh, self._secret)
        new = ids[fresh]
        if len(new):
            self._append(new, now_s)
            self._expire(now_s)
        return fresh

    def _reserve(self, n: int) -> None:
        need = 2 * (self._count + n)
        if need > len(self._table):
            self._rebuild(1 << need.bit_length())

    def _rebuild(self, size: int) -> None:
        self._table = np.zeros(max(1024, size), np.uint64)
        for chunk in self._chunks:
            for ids in chunk.ids:
                _insert(self._table, ids, np.zeros(len(ids), np.bool_), self._secret)

    def _append(self, ids: Ids, now_s: float) -> None:
        last = self._chunks[-1] if self._chunks else None
        if last is None or sum(map(len, last.ids)) >= CHUNK:
            last = _Growing(self._next, now_s, [])
            self._next += 1
        else:
            self._chunks.pop()
        self._chunks.append(_Growing(last.number, max(now_s, last.newest_s), [*last.ids, ids.copy()]))
        self.dirty.add(last.number)

    def _expire(self, now_s: float) -> None:
        gone = 0
        while len(self._chunks) > 1:
            oldest = self._chunks[0]
            size = sum(map(len, oldest.ids))
            old = oldest.newest_s < now_s - self._keep_s
            if not old and self._count - gone <= self._max:
                break
            if not old:
                self.evicted += size
            gone += size
            self.dirty.discard(oldest.number)
            self._chunks.popleft()
        if gone:
            self._count -= gone
            self._rebuild(1 << (2 * self._count).bit_length())

    def numbers(self) -> list[int]:
        """Numbers of the chunks that are held."""
        return [c.number for c in self._chunks]

    def encode(self, number: int) -> Chunk:
        """A chunk as it is now."""
        chunk = next(c for c in self._chunks if c.number == number)
        return Chunk(number, chunk.newest_s, np.concatenate(chunk.ids).tobytes())

    def restore(self, chunks: list[Chunk]) -> None:
        """Takes chunks back as they were encoded, into an empty set."""
        for number, newest_s, raw in sorted(chunks):
            ids = np.frombuffer(raw, np.uint64)
            self._chunks.append(_Growing(number, newest_s, [ids]))
            self._count += len(ids)
            self._next = number + 1
        self._rebuild(1 << (2 * max(1, self._count)).bit_length())
