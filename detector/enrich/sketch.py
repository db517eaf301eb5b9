"""Sketches and fingerprints that stand for a text; schemas/sketch.md is their public description.

A sketch is a bitmap of 1024 bits over the hashed 8-byte shingles of the normalised text. The number of shingles
behind a bitmap is estimated by linear counting (Whang, Vander-Zanden, Taylor: A Linear-Time Probabilistic Counting
Algorithm for Database Applications, 1990), and the Jaccard similarity of two texts from the counts of both and of
their union. Long texts are thinned by powers of two (the *level*), so that the bitmap does not fill up.
"""

import base64
import binascii
from math import log

import numpy as np
import numpy.typing as npt
import xxhash

from detector.enrich.compiled import INTERPRETED, compiled

VERSION = 1
WORDS = 16
BITS = 1024
SKETCH_BYTES = 130
MAX_TEXT_BYTES = 262_144

Bytes = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint64]

_FULL = 2048  # shingles a bitmap takes before it is thinned: at a load of 2 its estimate errs by 3 %
_MUL1 = np.uint64(0x9E3779B97F4A7C15)
_MUL2 = np.uint64(0xD6E8FEB86659FD93)
_STRIP = b" \t\n\r\v\f"
_LN = np.array([BITS * log(BITS / max(1, BITS - k)) for k in range(BITS + 1)])
_LN[BITS] = _LN[BITS - 1]


def _byte_map(keep_digits: bool) -> Bytes:
    """What each byte becomes in normalised text: 0 where it is left out, 32 for all white space."""
    table = np.arange(256, dtype=np.uint8)
    table[0] = 0
    table[65:91] += 32
    table[list(_STRIP)] = 32
    if not keep_digits:
        table[48:58] = 0
    return table


_MAPS = np.stack([_byte_map(False), _byte_map(True)])


@compiled
def _normalise(text: Bytes, table: Bytes, out: Bytes) -> int:
    """Writes the normalised bytes into `out` (longer than `text` by one) and returns how many there are.

    Without branches, since where words end cannot be foretold: a byte that is left out is overwritten by the next.
    """
    n = 0
    last = np.uint8(32)
    for c in text:
        m = table[c]
        out[n] = m
        keep = (m != 0) & ((m != 32) | (last != 32))
        n += keep
        last = m if keep else last
    return n - 1 if n > 0 and last == 32 else n


@compiled
def _fill(text: Bytes, words: Words) -> int:
    """Sets the bits of the normalised `text` in `words` (16, zeroed) and returns the level."""
    n = len(text)
    if n == 0:
        return 0
    level = 0
    while level < 15 and n - 7 > _FULL << level:
        level += 1
    keep = np.uint64((1 << level) - 1)
    marks = np.zeros(BITS, np.uint8)  # a byte a bit: stores alone, where bits would have to be read first
    if n < 8:
        x = np.uint64(0)
        for i in range(n):
            x |= np.uint64(text[i]) << np.uint64(8 * i)
        _mark(marks, x, keep)
    for offset in range(min(8, n - 7)):
        for x in text[offset : offset + (n - offset) // 8 * 8].view(np.uint64):
            _mark(marks, x, keep)
    eights = marks.view(np.uint64)
    for i in range(BITS // 8):  # eight bytes of 0 or 1 become eight bits by one multiplication
        bits = (eights[i] * np.uint64(0x0102040810204080)) >> np.uint64(56)
        words[i >> 3] |= bits << np.uint64(8 * (i & 7))
    return level


@compiled
def _mark(marks: Bytes, x: np.uint64, keep: np.uint64) -> None:
    """Marks the place of one shingle, unless it is thinned out."""
    h = x * _MUL1
    h ^= h >> np.uint64(32)
    h *= _MUL2
    h ^= h >> np.uint64(32)
    marks[h & np.uint64(1023)] |= np.uint8((h >> np.uint64(10)) & keep == np.uint64(0))


def _sketch(text: Bytes, table: Bytes, words: Words) -> int:
    """Sets the bits of a text in `words` (16, zeroed) and returns the level: all bytes of it at once, by numpy."""
    text = table[text]
    text = text[text != 0]
    text = text[(text != 32) | (np.roll(text, 1) != 32)]
    text = np.frombuffer(text.tobytes().strip(b" "), np.uint8)
    n = len(text)
    if n == 0:
        return 0
    level = 0
    while level < 15 and n - 7 > _FULL << level:
        level += 1
    text = np.pad(text, (0, max(0, 8 - n)))
    offsets = range(min(8, len(text) - 7))
    h = np.concatenate([text[k : k + (len(text) - k) // 8 * 8].view("<u8") for k in offsets]) * _MUL1
    h ^= h >> np.uint64(32)
    h *= _MUL2
    h ^= h >> np.uint64(32)
    marks = np.zeros(BITS, np.uint8)
    marks[h[(h >> np.uint64(10)) & np.uint64((1 << level) - 1) == 0] & np.uint64(BITS - 1)] = 1
    words[:] = np.packbits(marks, bitorder="little").view("<u8")
    return level


def _sketch_many(
    texts: Bytes, ends: npt.NDArray[np.int64], keep_digits: npt.NDArray[np.bool_], words: Words, levels: Bytes
) -> None:
    """As `sketch_many`, which is compiled."""
    start = 0
    for i in range(len(ends)):
        text = texts[start : min(ends[i], start + MAX_TEXT_BYTES)]
        start = ends[i]
        levels[i] = _sketch(text, _MAPS[int(keep_digits[i])], words[i])


@compiled
def sketch_many(
    texts: Bytes, ends: npt.NDArray[np.int64], keep_digits: npt.NDArray[np.bool_], words: Words, levels: Bytes
) -> None:
    """Sketches texts that lie one after the other in `texts`, each up to its offset in `ends`.

    Fills `words` (n × 16, zeroed) and `levels` (n).
    """
    scratch = np.empty(MAX_TEXT_BYTES + 1, np.uint8)
    start = 0
    for i in range(len(ends)):
        text = texts[start : min(ends[i], start + MAX_TEXT_BYTES)]
        start = ends[i]
        n = _normalise(text, _MAPS[np.int64(keep_digits[i])], scratch)
        levels[i] = _fill(scratch[:n], words[i])


if INTERPRETED:
    sketch_many = _sketch_many


@compiled
def popcount(x: np.uint64) -> int:
    """Bits set in a 64-bit word (Warren: Hacker's Delight, 2nd edition, section 5-1)."""
    x = x - ((x >> np.uint64(1)) & np.uint64(0x5555555555555555))
    x = (x & np.uint64(0x3333333333333333)) + ((x >> np.uint64(2)) & np.uint64(0x3333333333333333))
    x = (x + (x >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return int((x * np.uint64(0x0101010101010101)) >> np.uint64(56))


@compiled
def jaccard(a: Words, level_a: int, ones_a: int, b: Words, level_b: int, ones_b: int) -> float:
    """Estimated Jaccard similarity, 0 to 1, of the shingles behind two bitmaps of 16 words, with their bits counted."""
    if ones_a == 0 or ones_b == 0:
        return 0.0
    both = 0
    for i in range(WORDS):
        both += popcount(a[i] & b[i])
    if level_a == level_b:
        union = _LN[ones_a + ones_b - both]
        return float(min(1.0, max(0.0, (_LN[ones_a] + _LN[ones_b] - union) / union)))
    # The bitmap of the higher level is a subsample of its text; what both texts hold of it sets the same bits in
    # both, so that the union counts it once.
    coarse, fine = (ones_a, ones_b) if level_a > level_b else (ones_b, ones_a)
    if fine == BITS:
        return 0.0
    shared = min(_LN[coarse], max(0.0, _LN[ones_a] + _LN[ones_b] - _LN[ones_a + ones_b - both]))
    total_a = _LN[ones_a] * (1 << level_a)
    total_b = _LN[ones_b] * (1 << level_b)
    inter = min(shared * (1 << max(level_a, level_b)), total_a, total_b)
    return float(inter / (total_a + total_b - inter))


def sketch_text(text: str) -> bytes:
    """The 130 bytes of a text's sketch: version, level, bitmap."""
    raw = np.frombuffer(text.encode(), np.uint8)
    words, levels = np.zeros((1, WORDS), np.uint64), np.zeros(1, np.uint8)
    sketch_many(raw, np.array([len(raw)]), np.zeros(1, np.bool_), words, levels)
    return bytes((VERSION, int(levels[0]))) + words.astype("<u8").tobytes()


def parse_sketch(encoded: str) -> tuple[int, bytes]:
    """Level and bitmap (128 bytes) of a base64 sketch; raises ValueError with what is wrong with it."""
    try:
        raw = base64.b64decode(encoded, validate=True)
    except binascii.Error as e:
        raise ValueError("is not base64") from e
    if len(raw) != SKETCH_BYTES:
        raise ValueError(f"has {len(raw)} bytes, not {SKETCH_BYTES}")
    if raw[0] != VERSION:
        raise ValueError(f"is of version {raw[0]}; version {VERSION} is known")
    if raw[1] > 15:
        raise ValueError(f"has level {raw[1]}; 15 is the highest")
    return raw[1], raw[2:]


def similarity(a: bytes, b: bytes) -> float:
    """Estimated Jaccard similarity, 0 to 1, of two sketches of 130 bytes."""
    x, y = np.frombuffer(a[2:], "<u8"), np.frombuffer(b[2:], "<u8")
    return float(jaccard(x, a[1], int(np.bitwise_count(x).sum()), y, b[1], int(np.bitwise_count(y).sum())))


def fingerprint64(raw: bytes) -> int:
    """XXH3 of the bytes without white space at the ends."""
    return xxhash.xxh3_64_intdigest(raw.strip(_STRIP))


def fingerprint(text: str) -> str:
    """The 16 hex digits that stand for exactly this text."""
    return f"{fingerprint64(text.encode()):016x}"
