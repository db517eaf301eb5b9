"""Rows as bytes, compiled: words of zeros are left out, and of a ring only the places that were written since are told.

What was stored may be damaged: everything is checked before a compiled loop, which looks at no bounds, runs over it.
"""

from typing import Any, NamedTuple, Self

import msgspec
import numpy as np
import numpy.typing as npt

from detector.enrich.compiled import compiled

Index = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]
_WORD = 8


class Words(msgspec.Struct, array_like=True):
    """Rows without their words of zeros: a bit for each word of 8 bytes, and the words that are not zero."""

    rows: int
    there: bytes
    words: bytes


class Ring(NamedTuple):
    """Where a ring lies in a row: its first byte, the bytes of a place, and how many places it has."""

    at: int
    size: int
    places: int

    @classmethod
    def of(cls, dtype: np.dtype[Any], name: str) -> Self:
        """The ring of that name."""
        fields = dtype.fields
        assert fields is not None
        ring, at = fields[name][:2]
        return cls(at, ring.base.itemsize, ring.shape[0])


def raw(rows: npt.NDArray[Any]) -> Bytes:
    """Rows (n) as their bytes (n × size of a row), not copied."""
    return rows.view(np.uint8).reshape(len(rows), rows.dtype.itemsize)


def squeeze(rows: npt.NDArray[Any], slots: Index | None = None, size: int | None = None) -> Words:
    """The rows at `slots` (all of them by default), of each the first `size` bytes (all of it by default)."""
    slots = np.arange(len(rows)) if slots is None else slots
    size = rows.dtype.itemsize if size is None else size
    width = -(-size // _WORD)
    there = np.zeros((len(slots), -(-width // 8)), np.uint8)
    words = np.empty(len(slots) * width, np.uint64)
    n = _squeeze(raw(rows), slots, size, there, words)
    return Words(len(slots), there.tobytes(), words[:n].tobytes())


def spread(kept: Words, rows: npt.NDArray[Any], slots: Index, size: int) -> None:
    """Puts what was squeezed (`size` bytes a row) at `slots` of the rows. Raises ValueError where it is damaged."""
    there, words = _opened(kept, size)
    _spread(there, words, size, raw(rows), slots)


def rows_of(kept: Words, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Whole rows (n of dtype) again. Raises ValueError where they are damaged."""
    there, words = _opened(kept, dtype.itemsize)
    rows = np.zeros(kept.rows, dtype)
    _spread(there, words, dtype.itemsize, raw(rows), np.arange(kept.rows))
    return rows


def keys_of(kept: Words, size: int) -> list[int]:
    """The first words of rows of `size` bytes, which are their keys and never zero. Raises ValueError."""
    there, words = _opened(kept, size)
    if not (there[:, 0] & 128).all():
        raise ValueError("a row without its key")
    many = _count(there)
    keys: list[int] = words[np.cumsum(many) - many].tolist()
    return keys


def _opened(kept: Words, size: int) -> tuple[Bytes, npt.NDArray[np.uint64]]:
    """Bits by row (n × bytes) and as many words as there are bits, if that is what is kept; raises ValueError."""
    width = -(-size // _WORD)
    there, words = np.frombuffer(kept.there, np.uint8), np.frombuffer(kept.words, np.uint64)
    if kept.rows < 0 or len(there) != kept.rows * -(-width // 8):
        raise ValueError("rows are missing")
    there = there.reshape(kept.rows, -(-width // 8))
    if (there[:, -1] & (0xFF >> (width - 1) % 8 + 1)).any() or _count(there).sum() != len(words):
        raise ValueError("words are missing")
    return there, words


def since(begin: Index, end: Index, ring: Ring) -> Index:
    """The first of the places numbered from `begin` (n) up to `end` (n) that the ring still has."""
    return np.maximum(np.maximum(begin, end - ring.places), 0)


def gather(rows: npt.NDArray[Any], slots: Index, begin: Index, end: Index, ring: Ring) -> bytes:
    """Of the rows at `slots` (n) the places of a ring that are numbered from `begin` up to `end`, one by one."""
    begin = since(begin, end, ring)
    out = np.empty(int(np.maximum(end - begin, 0).sum()) * ring.size, np.uint8)
    _gather(raw(rows), slots, begin, end, *ring, out)
    return out.tobytes()


def scatter(told: bytes, rows: npt.NDArray[Any], slots: Index, begin: Index, end: Index, ring: Ring) -> None:
    """Puts back what `gather` gave. Raises ValueError where it is damaged."""
    begin = since(begin, end, ring)
    if len(begin) != len(slots) or len(told) != int(np.maximum(end - begin, 0).sum()) * ring.size:
        raise ValueError("places of a ring are missing")
    _scatter(np.frombuffer(told, np.uint8), raw(rows), slots, begin, end, *ring)


@compiled
def _count(there: Bytes) -> Index:
    """Bits by row."""
    many = np.zeros(len(there), np.int64)
    for i in range(len(there)):
        for bits in there[i]:
            while bits:
                bits &= np.uint8(bits - np.uint8(1))
                many[i] += 1
    return many


@compiled
def _squeeze(rows: Bytes, slots: Index, size: int, there: Bytes, words: npt.NDArray[np.uint64]) -> int:
    n, full = 0, size // 8
    for i in range(len(slots)):
        row = rows[slots[i]]
        for w in range((size + 7) // 8):
            x = np.uint64(0)
            if w < full:  # eight bytes, as the compiler sees: one word is read
                for b in range(8):
                    x |= np.uint64(row[8 * w + b]) << np.uint64(8 * b)
            else:
                for b in range(size - 8 * w):
                    x |= np.uint64(row[8 * w + b]) << np.uint64(8 * b)
            if x != 0:
                there[i, w >> 3] |= np.uint8(128 >> (w & 7))
                words[n] = x
                n += 1
    return n


@compiled
def _spread(there: Bytes, words: npt.NDArray[np.uint64], size: int, rows: Bytes, slots: Index) -> None:
    n, full = 0, size // 8
    for i in range(len(slots)):
        row = rows[slots[i]]
        row[:size] = 0
        for k in range(there.shape[1]):
            bits = there[i, k]
            for w in range(8 * k, 8 * k + 8):
                if bits == 0:
                    break
                if bits & np.uint8(128):
                    x = words[n]
                    n += 1
                    if w < full:  # one word is written
                        for b in range(8):
                            row[8 * w + b] = np.uint8((x >> np.uint64(8 * b)) & np.uint64(255))
                    else:
                        for b in range(size - 8 * w):
                            row[8 * w + b] = np.uint8((x >> np.uint64(8 * b)) & np.uint64(255))
                bits = np.uint8(bits << np.uint8(1))


@compiled
def _gather(rows: Bytes, slots: Index, begin: Index, end: Index, at: int, size: int, places: int, out: Bytes) -> None:
    n = 0
    for i in range(len(slots)):
        row = rows[slots[i]]
        for number in range(begin[i], end[i]):
            place = at + number % places * size
            out[n : n + size] = row[place : place + size]
            n += size


@compiled
def _scatter(told: Bytes, rows: Bytes, slots: Index, begin: Index, end: Index, at: int, size: int, places: int) -> None:
    n = 0
    for i in range(len(slots)):
        row = rows[slots[i]]
        for number in range(begin[i], end[i]):
            place = at + number % places * size
            row[place : place + size] = told[n : n + size]
            n += size
