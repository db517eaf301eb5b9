"""Fingerprints of texts with their volatile parts taken out, in one pass over a batch.

A text is rewritten once: white space collapses, escape sequences go, and what changes from one time to the next
although nothing new is said (times, ids, counters, durations, addresses, temporary paths) becomes one byte that no
UTF-8 text holds. What is left is hashed eight bytes at a time. In doubt a number is content: two texts that are
wrongly called the same may wake a person at night.
"""

import numpy as np
import numpy.typing as npt

from detector.enrich.compiled import compiled
from detector.enrich.pointers import eight, pointer, put_eight
from detector.enrich.volatile_ids import ID
from detector.enrich.volatile_numbers import BARE, FEW, LED, MANY, PAD, PLAIN, SPANS, STATE
from detector.enrich.volatile_says import says as says_of
from detector.enrich.volatile_text import write
from detector.enrich.volatile_words import BLANK

Bytes = npt.NDArray[np.uint8]
Hashes = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]

WHOLE = 65_536  # of texts up to here every byte is masked; of longer ones this many, half from each end
LETTERS_A_NUMBER = 8  # for bare numbers to be volatile

_MUL1 = np.uint64(0x9E3779B97F4A7C15)
_MUL2 = np.uint64(0xD6E8FEB86659FD93)
_SHIFT = np.uint64(32)


@compiled
def _mix(h: np.uint64, x: np.uint64) -> np.uint64:
    """One step of the hash."""
    h = (h ^ x) * _MUL1
    return h ^ (h >> _SHIFT)


@compiled
def _hash(x: Bytes, seed: np.uint64) -> np.uint64:
    """64 bits of the bytes, four lanes of eight at a time; never zero."""
    whole = len(x) // 8
    words = x[: 8 * whole].view(np.uint64)
    a, b, c, d = seed, seed ^ _MUL1, seed ^ _MUL2, ~seed
    for i in range(0, whole - 3, 4):
        a, b, c, d = _mix(a, words[i]), _mix(b, words[i + 1]), _mix(c, words[i + 2]), _mix(d, words[i + 3])
    for i in range(whole // 4 * 4, whole):
        a = _mix(a, words[i])
    rest = np.uint64(0)
    for i in range(8 * whole, len(x)):
        rest = (rest << np.uint64(8)) | np.uint64(x[i])
    h = _mix(_mix(_mix(_mix(a, b) * _MUL2, c) * _MUL2, d) * _MUL2, rest) * _MUL2
    h = _mix(h, np.uint64(len(x))) * _MUL2
    h ^= h >> _SHIFT
    return h if h != 0 else _MUL1


@compiled
def _letters(x: Bytes, begin: int, end: int, enough: int) -> int:
    """How many letters x[begin:end] holds, of other scripts characters, counted until there are `enough`."""
    total = 0
    while begin < end and total < enough:
        upto = min(end, begin + 255)  # as many as a byte can count
        count = np.uint8(0)
        for k in range(begin, upto):
            c = x[k]
            latin = ((c >= 65) & (c <= 90)) | ((c >= 97) & (c <= 122))
            count = np.uint8(count + (latin | ((c >= 0xC2) & (c < 0xF8))))
        total += int(count)
        begin = upto
    return total


@compiled
def _leave_out(out: Bytes, n: int, spans: Ints, count: int, short: Bytes) -> int:
    """Writes out[PAD:n] with a mark for each of the spans into `short`; returns how long that is."""
    m = 0
    p = PAD
    for k in range(count + 1):
        upto = spans[2 * k] if k < count else n
        for q in range(0, upto - p, 8):  # the last eight may be more than wanted
            put_eight(short, m + q, eight(out, p + q))
        short[m + upto - p] = ID
        m += upto - p + 1
        p = spans[2 * k + 1]
    return m - 1


@compiled
def _copy(source: Bytes, a: int, target: Bytes, b: int, size: int) -> None:
    """Copies bytes, with vector instructions as slices are not."""
    for k in range(size):
        target[b + k] = source[a + k]


@compiled
def _load(texts: Bytes, start: int, end: int, t: Bytes) -> int:
    """Copies texts[start:end], or the two ends of a long text, to t[PAD] with zeros behind; returns where it ends."""
    size = end - start
    if size > WHOLE:
        _copy(texts, start, t, PAD, WHOLE // 2)
        _copy(texts, end - WHOLE // 2, t, PAD + WHOLE // 2, WHOLE // 2)
        size = WHOLE
    else:
        _copy(texts, start, t, PAD, size)
    for k in range(PAD + size, 2 * PAD + size):
        t[k] = 0
    return PAD + size


@compiled
def _fingerprint(
    texts: Bytes, start: int, stop: int, scratch: Bytes, numbers: Ints
) -> tuple[np.uint64, np.uint64, int]:
    """Loose and strict fingerprint of texts[start:stop], and what it says."""
    t, stops = pointer(scratch[0]), pointer(scratch[1])
    out, short = pointer(scratch[2]), pointer(scratch[3])
    state, spans = pointer(numbers), pointer(numbers[STATE:])
    size = stop - start
    seed = np.uint64(0)
    if size > WHOLE:
        seed = _hash(texts[start + WHOLE // 2 : stop - WHOLE // 2], np.uint64(size))
    end = _load(pointer(texts), start, stop, t)
    end, n = write(t, end, stops, out, size + MANY, state, spans)
    letters = _letters(out, PAD, n, max(MANY, LETTERS_A_NUMBER * state[PLAIN]) if state[BARE] > 0 else MANY)
    if letters < MANY:  # then numbers that were taken for volatile are not
        end, n = write(t, end, stops, out, letters, state, spans)
    for k in range(n, n + PAD):
        out[k] = 0
    strict = loose = _hash(scratch[2, PAD:n], seed)
    bare = state[BARE]
    if bare > 0 and letters >= max(FEW if bare == state[LED] else MANY, LETTERS_A_NUMBER * state[PLAIN]):
        loose = _hash(scratch[3, : _leave_out(out, n, spans, min(bare, SPANS), short)], seed)
    return loose, strict, says_of(out, PAD, n, size)


@compiled
def fingerprint_many(texts: Bytes, ends: Ints, loose: Hashes, strict: Hashes, says: Bytes) -> None:
    """Fingerprints texts that lie one after the other in `texts`, each up to its offset in `ends`.

    Fills `strict` (n): the hash without what is volatile by its form or its name; `loose` (n): without bare numbers in
    prose either; `says` (n): what the text says, as bits of `volatile_says`.
    """
    scratch = np.empty((4, WHOLE + 4 * PAD), np.uint8)
    scratch[0, :PAD] = 10
    scratch[2, :PAD] = BLANK
    numbers = np.empty(STATE + 2 * SPANS + 2, np.int64)
    start = 0
    for k in range(len(ends)):
        loose[k], strict[k], says[k] = _fingerprint(texts, start, ends[k], scratch, numbers)
        start = ends[k]


def fingerprints(text: bytes) -> tuple[int, int, int]:
    """Loose and strict fingerprint of one text, and what it says."""
    loose, strict, says = np.zeros(1, np.uint64), np.zeros(1, np.uint64), np.zeros(1, np.uint8)
    fingerprint_many(np.frombuffer(text, np.uint8), np.array([len(text)]), loose, strict, says)
    return int(loose[0]), int(strict[0]), int(says[0])
