"""Where the rows of keys are: an index of 64-bit keys that takes 12 B each, not the hundred of a dict."""

from collections.abc import Iterator, MutableMapping

import numpy as np
import numpy.typing as npt

Keys = npt.NDArray[np.uint64]
Slots = npt.NDArray[np.int64]

_NONE = 2**32 - 1
_LEAST = 1024


class Places(MutableMapping[int, int]):
    """Slots by key: the newest in a dict, the others sorted; a dict that has grown is sorted in."""

    def __init__(self) -> None:
        self._keys, self._slots = np.zeros(0, np.uint64), np.zeros(0, np.uint32)
        self._new: dict[int, int] = {}
        self._gone = 0

    def find(self, keys: Keys) -> Slots:
        """Slots (n) of these keys, -1 where there is none."""
        found = np.full(len(keys), -1, np.int64)
        if len(self._keys):
            at = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
            slots = self._slots[at].astype(np.int64)
            known = (self._keys[at] == keys) & (slots != _NONE)
            found[known] = slots[known]
        if self._new:
            get = self._new.get
            for n in np.flatnonzero(found < 0).tolist():
                found[n] = get(int(keys[n]), -1)
        return found

    def __getitem__(self, key: int) -> int:
        slot = self._new.get(key, -1)
        if slot < 0 and (at := self._at(key)) >= 0:
            slot = int(self._slots[at])
        if slot < 0:
            raise KeyError(key)
        return slot

    def get(self, key: int, default: int = -1) -> int:  # type: ignore[override]
        """The slot of a key, or `default`."""
        slot = self._new.get(key, -1)
        if slot >= 0:
            return slot
        at = self._at(key)
        return int(self._slots[at]) if at >= 0 else default

    def _at(self, key: int) -> int:
        if not len(self._keys):
            return -1
        at = int(np.searchsorted(self._keys, np.uint64(key)))
        there = at < len(self._keys) and int(self._keys[at]) == key and self._slots[at] != _NONE
        return at if there else -1

    def __setitem__(self, key: int, slot: int) -> None:
        at = self._at(key)
        if at >= 0:
            self._slots[at] = slot
            return
        self._new[key] = slot
        if len(self._new) > max(_LEAST, len(self._keys) // 16):
            self._sort_in()

    def __delitem__(self, key: int) -> None:
        if self._new.pop(key, None) is not None:
            return
        at = self._at(key)
        if at < 0:
            raise KeyError(key)
        self._slots[at] = _NONE
        self._gone += 1
        if self._gone > max(_LEAST, len(self._keys) // 4):
            self._sort_in()

    def _sort_in(self) -> None:
        there = self._slots != _NONE
        keys = np.concatenate([self._keys[there], np.array(list(self._new), np.uint64)])
        slots = np.concatenate([self._slots[there], np.array(list(self._new.values()), np.uint32)])
        order = np.argsort(keys, kind="stable")
        self._keys, self._slots, self._new, self._gone = keys[order], slots[order], {}, 0

    def fill(self, keys: Keys, slots: Slots) -> None:
        """Takes all of them at once, in place of what was there."""
        order = np.argsort(keys, kind="stable")
        self._keys, self._slots = keys[order].copy(), slots[order].astype(np.uint32)
        self._new, self._gone = {}, 0

    def __iter__(self) -> Iterator[int]:
        yield from self._keys[self._slots != _NONE].tolist()
        yield from self._new

    def __len__(self) -> int:
        return len(self._keys) - self._gone + len(self._new)
