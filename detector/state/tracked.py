"""A table that knows which of its rows a checkpoint does not hold yet."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from detector.state.table import Table, grown

Slots = npt.NDArray[np.int64]


class Tracked(Table):
    """Whoever changes rows says so by `touch`. `gone`: keys that left since `clean`, with their segments."""

    def __init__(self, dtype: np.dtype[Any], capacity: int = 64) -> None:
        super().__init__(dtype, capacity)
        self._changed = np.zeros(capacity, np.bool_)
        self.gone: dict[int, int] = {}

    def touch(self, slots: Slots | Iterable[int]) -> None:
        """These rows change; slots below 0 are passed over."""
        which = np.fromiter(slots, np.int64) if not isinstance(slots, np.ndarray) else slots
        self._changed[which[which >= 0]] = True

    def add(self, key: int, segment: int) -> int:
        """As of every table."""
        slot = super().add(key, segment)
        self._reach()
        self._changed[slot] = True
        return slot

    def remove(self, key: int) -> int:
        """As of every table."""
        slot = self.get(key)
        self.gone[key] = int(self.rows["segment"][slot])
        self._changed[slot] = False
        return super().remove(key)

    def place(self, keys: list[int]) -> list[int]:
        """As of every table; what is placed is taken as changed."""
        slots = super().place(keys)
        self._reach()
        self.touch(slots)
        return slots

    def reserve(self, many: int) -> None:
        """As of every table."""
        super().reserve(many)
        self._reach()

    def _reach(self) -> None:
        if len(self._changed) < len(self.rows):
            self._changed = grown(self._changed, len(self.rows))

    def changed(self) -> Slots:
        """Slots of the rows that changed since `clean`."""
        return np.flatnonzero(self._changed)

    def changed_of_segment(self, segment: int) -> Slots:
        """Those of a segment, by key."""
        slots = self.changed()
        return self._by_key(slots[self.rows["segment"][slots] == segment])

    def segments_changed(self) -> set[int]:
        """Numbers of the segments in which rows changed or left."""
        return {*np.unique(self.rows["segment"][self.changed()]).tolist(), *self.gone.values()}

    def gone_of_segment(self, segment: int) -> list[int]:
        """Keys of a segment that left since `clean`, sorted; one that came again is among them."""
        return sorted(key for key, of in self.gone.items() if of == segment)

    def clean(self) -> None:
        """A checkpoint holds everything."""
        self._changed[:] = False
        self.gone = {}
