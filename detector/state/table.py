"""A table of rows by 64-bit key: grows by doubling, hands out the slots of rows that left."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt


class Table:
    """Rows of one dtype with the fields `key`, `used` and `segment`; slots stay valid until the row is removed."""

    def __init__(self, dtype: np.dtype[Any], capacity: int = 64) -> None:
        self.rows: npt.NDArray[Any] = np.zeros(capacity, dtype)
        self._slots: dict[int, int] = {}
        self._free: list[int] = []

    def __len__(self) -> int:
        return len(self._slots)

    def __contains__(self, key: int) -> bool:
        return key in self._slots

    def __iter__(self) -> Iterator[int]:
        """The keys, oldest first."""
        return iter(self._slots)

    def get(self, key: int) -> int:
        """The slot of a key, -1 where there is none."""
        return self._slots.get(key, -1)

    def slots(self, keys: list[int]) -> list[int]:
        """The slots of many keys, -1 where there is none."""
        get = self._slots.get
        return [get(key, -1) for key in keys]

    def heard(self, slots: npt.NDArray[np.int64], t: npt.NDArray[np.float64]) -> None:
        """Notes when rows were heard of (s UTC); slots below 0 are passed over."""
        there = slots >= 0
        np.maximum.at(self.rows["heard"], slots[there], t[there])

    def add(self, key: int, segment: int) -> int:
        """Makes an empty row and returns its slot."""
        if self._free:
            slot = self._free.pop()
        else:
            slot = len(self._slots)
            if slot == len(self.rows):
                self.rows = doubled(self.rows)
        row = self.rows[slot]
        row["key"], row["used"], row["segment"] = key, 1, segment
        self._slots[key] = slot
        return slot

    def remove(self, key: int) -> int:
        """Takes a row out and returns the slot that it had."""
        slot = self._slots.pop(key)
        self.rows[slot] = np.zeros((), self.rows.dtype)
        self._free.append(slot)
        return slot

    def idle_since(self, t: float) -> list[int]:
        """Keys of the rows not heard after `t` (s UTC), sorted: slots are not the same after a restart."""
        rows = self.rows
        found = np.flatnonzero((rows["used"] == 1) & (rows["heard"] <= t))
        keys: list[int] = np.sort(rows["key"][found]).tolist()
        return keys

    def longest_unheard(self, n: int) -> list[int]:
        """Keys of the `n` rows that were unheard for the longest."""
        used = np.flatnonzero(self.rows["used"] == 1)
        order = np.lexsort((self.rows["key"][used], self.rows["heard"][used]))[:n]
        keys: list[int] = self.rows["key"][used[order]].tolist()
        return keys

    def slots_of_segment(self, segment: int) -> npt.NDArray[np.int64]:
        """Slots of the rows of a segment, by key, so that equal states give equal bytes."""
        rows = self.rows
        slots = np.flatnonzero((rows["used"] == 1) & (rows["segment"] == segment))
        return self._by_key(slots)

    def _by_key(self, slots: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        return slots[np.argsort(self.rows["key"][slots], kind="stable")]

    def place(self, keys: list[int]) -> list[int]:
        """Slots of these keys (each once), made where they are new; the caller puts whole rows there."""
        slots = self.slots(keys)
        new = [n for n, slot in enumerate(slots) if slot < 0]
        most = len(self._slots) + len(self._free)  # slots that were ever handed out
        made = [self._free.pop() for _ in range(min(len(new), len(self._free)))]
        made += range(most, most + len(new) - len(made))
        while made and made[-1] >= len(self.rows):
            self.rows = doubled(self.rows)
        for n, slot in zip(new, made, strict=True):
            slots[n] = self._slots[keys[n]] = slot
        return slots

    def reserve(self, many: int) -> None:
        """There is place for so many rows before the table has to grow."""
        if many > len(self.rows):
            self.rows = grown(self.rows, many)

    def put(self, rows: npt.NDArray[Any]) -> list[int]:
        """Puts whole rows (each key once) as they were encoded; returns their slots."""
        slots = self.place(rows["key"].tolist())
        self.rows[slots] = rows
        return slots


def doubled(rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The rows, with as many empty ones behind them."""
    return grown(rows, 2 * len(rows))


def grown(rows: npt.NDArray[Any], to: int) -> npt.NDArray[Any]:
    """The rows, with empty ones behind them. What is not used yet takes no memory: it was never touched."""
    more = np.zeros((to, *rows.shape[1:]), rows.dtype)
    more[: len(rows)] = rows
    return more
