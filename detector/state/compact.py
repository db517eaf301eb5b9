"""Rows as bytes: words of zeros are left out, and of a ring only the places that were written since are told."""

from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

Index = npt.NDArray[np.int64]
_WORD = 8


class Words(msgspec.Struct, array_like=True):
    """Rows without their words of zeros: a bit for each word of 8 bytes, and the words that are not zero."""

    rows: int
    there: bytes
    words: bytes


def raw(rows: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Rows (n) as their bytes (n × size of a row), not copied."""
    return rows.view(np.uint8).reshape(len(rows), rows.dtype.itemsize)


def squeeze(of: npt.NDArray[np.uint8]) -> Words:
    """Rows that are given as their bytes (n × size)."""
    whole = np.zeros((len(of), -(-of.shape[1] // _WORD) * _WORD), np.uint8)
    whole[:, : of.shape[1]] = of
    words = whole.view(np.uint64)
    there = words != 0
    return Words(len(of), np.packbits(there, axis=1).tobytes(), words[there].tobytes())


def spread(kept: Words, size: int) -> npt.NDArray[np.uint8]:
    """The bytes (n × size) again. Raises ValueError or IndexError where they are damaged."""
    width = -(-size // _WORD)
    there = np.unpackbits(np.frombuffer(kept.there, np.uint8).reshape(kept.rows, -(-width // 8)), axis=1, count=width)
    words = np.zeros((kept.rows, width), np.uint64)
    words[there.astype(np.bool_)] = np.frombuffer(kept.words, np.uint64)
    return words.view(np.uint8)[:, :size]


def rows_of(kept: Words, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Whole rows (n of dtype) again."""
    return np.ascontiguousarray(spread(kept, dtype.itemsize)).view(dtype).reshape(kept.rows)


def places(begin: Index, end: Index, size: int) -> tuple[Index, Index]:
    """Of rings of `size` places the ones numbered from `begin` (n) up to `end` (n): row and place of each, in order."""
    begin = np.maximum(begin, end - size)
    many = np.maximum(end - begin, 0)
    before = np.cumsum(many) - many
    row = np.repeat(np.arange(len(many)), many)
    number = np.arange(int(many.sum())) - before[row] + begin[row]
    return row, number % size
