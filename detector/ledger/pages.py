"""Rows, and what belongs to each, at places that stay: a checkpoint writes them page by page, or those that changed."""

from collections.abc import Iterator
from typing import Any, Generic, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

from detector.state.table import grown

T = TypeVar("T")
Slots = npt.NDArray[np.int64]

PAGE = 4096
"""Places of a page."""
_FEW = 64
"""Rows that leave at once and are sorted in among the free places; of more these are looked for anew."""


class Beside(Generic[T]):
    """What slots have beside their rows, as a dict by slot that takes 8 B each."""

    def __init__(self) -> None:
        self._values: list[T | None] = []

    def __getitem__(self, slot: int) -> T:
        value = self._values[slot]
        if value is None:
            raise KeyError(slot)
        return value

    def __setitem__(self, slot: int, value: T) -> None:
        if slot >= len(self._values):
            self._values += [None] * (slot + 1 - len(self._values))
        self._values[slot] = value

    def __contains__(self, slot: int) -> bool:
        return slot < len(self._values) and self._values[slot] is not None

    def __iter__(self) -> Iterator[int]:
        return (slot for slot, value in enumerate(self._values) if value is not None)

    def items(self) -> Iterator[tuple[int, T]]:
        """Slots, and what they have."""
        return ((slot, value) for slot, value in enumerate(self._values) if value is not None)

    def discard(self, slots: Slots | list[int]) -> None:
        """These have nothing."""
        for slot in np.asarray(slots).tolist() if self._values else ():
            if slot < len(self._values):
                self._values[slot] = None


class Pages(Generic[T]):
    """Rows of one dtype; slots stay valid until the row is removed, also over a restart.

    `beside`: what a slot has beside its row. What is removed leaves its place to the next that is added, lowest first.
    """

    def __init__(self, dtype: np.dtype[Any], kind: type[T]) -> None:
        self.rows: npt.NDArray[Any] = np.zeros(PAGE, dtype)
        self.used = np.zeros(PAGE, np.bool_)
        self.beside = Beside[T]()
        self._kind = list[tuple[int, kind]]  # type: ignore[valid-type]
        self._changed = np.zeros(PAGE, np.bool_)
        self._free: list[int] | None = []  # the lowest last; None: some have left
        self._end = 0  # slots that were ever handed out
        self.count = 0

    def __len__(self) -> int:
        return self.count

    def slots(self) -> Slots:
        """Those in use."""
        return np.flatnonzero(self.used[: self._end])

    def live(self) -> npt.NDArray[Any]:
        """The rows in use: a copy."""
        return self.rows[self.slots()]

    def add(self, count: int = 1) -> list[int]:
        """Makes empty rows and returns their slots."""
        if self._free is None:
            self._free = np.flatnonzero(~self.used[: self._end])[::-1].tolist()
        taken = [self._free.pop() for _ in range(min(count, len(self._free)))]
        more = count - len(taken)
        taken += range(self._end, self._end + more)
        self._reach(self._end + more)
        self.used[taken], self._changed[taken] = True, True
        self.count += count
        return taken

    def remove(self, slots: Slots | list[int]) -> None:
        """Takes rows out."""
        if not len(slots):
            return
        self.rows[slots] = np.zeros((), self.rows.dtype)
        self.used[slots], self._changed[slots] = False, True
        self.beside.discard(slots)
        if self._free is not None and len(slots) < _FEW:
            self._free = sorted([*self._free, *map(int, slots)], reverse=True)
        else:
            self._free = None
        self.count -= len(slots)

    def touch(self, slots: Slots | list[int]) -> None:
        """These rows change, or what they have beside them."""
        self._changed[slots] = True

    def _reach(self, end: int) -> None:
        self._end = max(self._end, end)
        if end > len(self.rows):
            to = max(end, 2 * len(self.rows))
            self.rows, self.used, self._changed = (grown(a, to) for a in (self.rows, self.used, self._changed))

    def pages(self) -> range:
        """Numbers of all pages."""
        return range(-(-max(1, self._end) // PAGE))

    def changed(self) -> list[int]:
        """Numbers of the pages that changed since `clean`."""
        pages: list[int] = np.unique(np.flatnonzero(self._changed) // PAGE).tolist()
        return pages

    def clean(self) -> None:
        """A checkpoint holds everything."""
        self._changed[:] = False

    def encode(self, page: int, changes: bool) -> list[Any]:
        """A page as plain values: all that is used of it, or what changed since `clean`."""
        first, last = page * PAGE, min(page * PAGE + PAGE, len(self.rows))
        used = self.used[first:last]
        chosen = first + np.flatnonzero(self._changed[first:last] & used if changes else used)
        gone = first + np.flatnonzero(self._changed[first:last] & ~used) if changes else ()
        beside = [(s, msgspec.to_builtins(self.beside[s])) for s in chosen.tolist() if s in self.beside]
        return [chosen.astype("<u4").tobytes(), self.rows[chosen].tobytes(), [int(s) for s in gone], beside]

    def restore(self, kept: list[Any]) -> None:
        """Takes back what `encode` gave, in the order of its writing; `finish` comes after the last."""
        chosen, rows, gone, beside = kept
        slots = np.frombuffer(chosen, "<u4").astype(np.int64)
        if len(slots):
            self._reach(int(slots.max()) + 1)
        self.rows[slots] = np.frombuffer(rows, self.rows.dtype)
        self.used[slots] = True
        self.beside.discard(slots)
        for slot, value in msgspec.convert(beside, self._kind, strict=False):
            self.beside[slot] = value
        for slot in gone:
            self.rows[slot] = np.zeros((), self.rows.dtype)
            self.used[slot] = False
            self.beside.discard([slot])

    def finish(self) -> None:
        """All has been taken back."""
        self.count = int(self.used.sum())
        self._free = None
        self.clean()
