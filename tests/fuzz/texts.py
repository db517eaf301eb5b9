"""Compiled loops over texts, on memory that ends where the last text ends: a byte read beyond it ends the process.

Numba checks no bounds, so only such a fence shows what is read outside.
"""

import ctypes
import mmap
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from detector.enrich.degenerate import degenerate_many
from detector.enrich.packing import warm
from detector.enrich.sketch import WORDS, sketch_many
from detector.enrich.volatile import fingerprint_many

ROOM = 1 << 20
"""Bytes of an input that are looked at."""
_PROT_NONE = 0


class Fence:
    """Memory between two pages that nobody may touch."""

    def __init__(self) -> None:
        page = mmap.PAGESIZE
        self._map = mmap.mmap(-1, ROOM + 2 * page)
        self._all = np.frombuffer(self._map, np.uint8)
        libc, start = ctypes.CDLL(None, use_errno=True), self._all.ctypes.data
        for at in (start, start + page + ROOM):
            if libc.mprotect(ctypes.c_void_p(at), ctypes.c_size_t(page), _PROT_NONE):
                raise OSError(ctypes.get_errno(), "mprotect")
        self._begin, self._end = page, page + ROOM

    def at_end(self, data: bytes) -> npt.NDArray[np.uint8]:
        """The bytes, with nothing readable behind them."""
        return self._put(self._end - len(data), data)

    def at_begin(self, data: bytes) -> npt.NDArray[np.uint8]:
        """The bytes, with nothing readable before them."""
        return self._put(self._begin, data)

    def _put(self, at: int, data: bytes) -> npt.NDArray[np.uint8]:
        place = self._all[at : at + len(data)]
        place[:] = np.frombuffer(data, np.uint8)
        place.flags.writeable = False  # as of bytes: else the loops would be compiled anew
        return place


def texts() -> Callable[[bytes], bool]:
    """Tries an input as one text and cut in three, at both ends of the fence: what is read is the same."""
    fence = Fence()
    warm()

    def once(data: bytes) -> bool:
        data = data[:ROOM]
        for cuts in ([len(data)], sorted((len(data) // 3, len(data) // 2, len(data)))):
            ends = np.array(cuts, np.int64)
            assert _read(fence.at_end(data), ends) == _read(fence.at_begin(data), ends), "bytes beside a text count"
        return True

    return once


def _read(joined: npt.NDArray[np.uint8], ends: npt.NDArray[np.int64]) -> tuple[bytes, ...]:
    n = len(ends)
    words, levels, degenerate = np.zeros((n, WORDS), np.uint64), np.zeros(n, np.uint8), np.zeros(n, np.uint8)
    loose, strict, says = np.zeros(n, np.uint64), np.zeros(n, np.uint64), np.zeros(n, np.uint8)
    digits = np.zeros(n, np.bool_)
    sketch_many(joined, ends, digits, words, levels)
    degenerate_many(joined, ends, ~digits, words, degenerate)
    fingerprint_many(joined, ends, loose, strict, says)
    return tuple(a.tobytes() for a in (words, levels, degenerate, loose, strict, says))
