"""Finds outputs in which a model got stuck: one phrase again and again, with nothing between."""

from math import log

import numpy as np
import numpy.typing as npt

from detector.enrich.compiled import compiled
from detector.enrich.sketch import BITS, WORDS, popcount

TIMES = 10
"""Times that the phrase must come in a row."""
SHORTEST, LONGEST = 20, 400
"""Bytes of a phrase: shorter ones are dividers and columns, and a longer one is seldom given ten times."""
LETTERS = 6
"""Different letters of a phrase; one with fewer, as a word said over and over, must fill LONG bytes."""
LONG = 500

_STEP = SHORTEST * (TIMES - 2)
"""Bytes from one place where a repetition is looked for to the next: none is shorter than this and a phrase."""
_TRIES = 4
"""Likes of a place that are looked at: the nearest may be there by chance."""
_DISTINCT = 0.95
_FEW_BITS = 900
"""Bits of a sketch up to which its count of shingles is good."""

Bytes = npt.NDArray[np.uint8]


@compiled
def _needed(phrase: Bytes) -> int:
    """Bytes that a phrase has to fill; 0 where it is none: a divider, a row of a table, markup."""
    seen = np.uint32(0)
    letters = 0
    for c in phrase:
        lower = c | np.uint8(32)
        if np.uint8(97) <= lower <= np.uint8(122):
            letters += 1
            seen |= np.uint32(1) << np.uint32(lower - 97)
        elif c >= np.uint8(128):
            letters += 1
            seen |= np.uint32(1) << np.uint32(26 + (c & 3))
        elif c in (60, 62, 124):  # < > |
            return 0
    various = popcount(np.uint64(seen))
    if 2 * letters < len(phrase) or various < 2:
        return 0
    return TIMES * len(phrase) if various >= LETTERS else max(LONG, TIMES * len(phrase))


@compiled
def _run(text: Bytes, a: int, p: int) -> int:
    """How many bytes around `a` are each the same as the one `p` before or after it."""
    begin, end = a, a + p
    while begin > 0 and text[begin - 1] == text[begin - 1 + p]:
        begin -= 1
    while end < len(text) and text[end] == text[end - p]:
        end += 1
    return end - begin


@compiled
def repeats_itself(text: Bytes) -> bool:
    """Whether a phrase comes TIMES in a row and more. Looks from a place in each such stretch for its next like."""
    n = len(text)
    furthest = min(LONGEST, (n + 2) // TIMES)
    for a in range(0, n - SHORTEST * (TIMES - 1), _STEP):
        tried = 0
        for p in range(SHORTEST, min(furthest, n - a - 8) + 1):
            k = 0
            while k < 8 and text[a + k] == text[a + p + k]:
                k += 1
            if k < 8:
                continue
            tried += 1
            needed = _needed(text[a : a + p])
            if tried > _TRIES or needed == 0:
                break
            if _run(text, a, p) + 2 >= needed:  # the last one may lack what divides them
                return True
    return False


@compiled
def degenerate_many(
    texts: Bytes, ends: npt.NDArray[np.int64], wanted: npt.NDArray[np.bool_], words: npt.NDArray[np.uint64], out: Bytes
) -> None:
    """For each text that is wanted whether it repeats itself: fills `out` (n).

    They lie one after the other in `texts`, each up to its offset in `ends`. `words` (n × 16) are their sketches: a
    text of which nearly all shingles differ needs no closer look.
    """
    start = 0
    for i in range(len(ends)):
        text = texts[start : ends[i]]
        start = ends[i]
        if not wanted[i] or len(text) < SHORTEST * TIMES:
            continue
        ones = 0
        for w in range(WORDS):
            ones += popcount(words[i, w])
        if ones <= _FEW_BITS and BITS * log(BITS / (BITS - ones)) >= _DISTINCT * len(text):
            continue
        out[i] = repeats_itself(text)
