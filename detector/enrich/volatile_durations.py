"""Numbers with fractions, and durations: where they end.

`t` is the text (u8, zeros behind its end), `e` where the digits of a number in it end.
"""

import numpy as np
import numpy.typing as npt

from detector.enrich.compiled import compiled
from detector.enrich.pointers import eight, packed
from detector.enrich.volatile_words import (
    BLANK,
    CLASS,
    CLOSE,
    COMMA,
    DIGIT,
    DOT,
    HEX,
    LOWER,
    OPEN,
    SPACE,
    UNIT,
    WORD,
    among,
    flush,
    run_of,
    short_word,
    word_from,
)

Bytes = npt.NDArray[np.uint8]

_D, _E = b"de"
_SIGNS, _AGO = among(b"+-"), flush(b"ago")
_THREE, _MICRO, _MU = packed(b"\xff" * 3), packed("µs".encode()), packed("μs".encode())


@compiled
def decimal_end(t: Bytes, e: int) -> int:
    """Where a number goes on to, with thousands' commas, a fraction and an exponent, whose first digits end at `e`."""
    while t[e] == COMMA and run_of(t, e + 1, DIGIT) == e + 4:
        e += 4
    if t[e] == DOT and CLASS[t[e + 1]] & DIGIT:
        e = run_of(t, e + 1, DIGIT)
    if t[e] | 32 == _E:
        f = e + 1 + int(_SIGNS[t[e + 1]])
        if CLASS[t[f]] & DIGIT:
            f = run_of(t, f, DIGIT)
            return e if CLASS[t[f]] & HEX else f
    return e


@compiled
def duration_end(t: Bytes, e: int) -> int:
    """17 ms, 0.42s, 3 minutes, 1m30s, where its first number ends at `e`."""
    while True:
        f = e + (t[e] == BLANK)
        c = t[f]
        if c >= 0xC2:  # the two signs for micro
            sign = eight(t, f) & _THREE
            g = f + 3 if sign in (_MICRO, _MU) else 0
        else:
            g, flags = word_from(t, f)
            if not flags & UNIT or (g - f <= 2 and CLASS[c] & CLASS[t[g - 1]] & LOWER == 0):
                g = 0
            g = 0 if g == f + 1 and c == _D and not _ends_age(t, e, g) else g
        if g == 0:
            return 0
        if not CLASS[t[g]] & DIGIT:
            return 0 if CLASS[t[g]] & WORD or t[g] == OPEN else g
        e = decimal_end(t, run_of(t, g, DIGIT))


@compiled
def _ends_age(t: Bytes, e: int, g: int) -> bool:
    """Whether the d between `e` and `g` is of days: 5d at the end of a line or column, 5d3h, 5d ago; not 3d models."""
    if g != e + 1:
        return False
    c = t[g]
    if c == BLANK:
        return bool(t[g + 1] == BLANK or short_word(t, g + 1, run_of(t, g + 1, WORD)) == _AGO)
    return bool(c == 0 or c == CLOSE or CLASS[c] & (DIGIT | SPACE))


@compiled
def comma_end(t: Bytes, e: int) -> int:
    """Where a duration with a decimal comma ends, 1,23 Sek., whose digits before the comma end at `e`."""
    g = run_of(t, e + 1, DIGIT)
    _, after = word_from(t, g + (t[g] == BLANK))
    return duration_end(t, g) if after & UNIT else 0
