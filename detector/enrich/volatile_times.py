"""Dates and times of day: where they end, and the mark that is written for them.

Where a function takes `t` (u8, zeros behind its end), `i` is the first digit of a number of `d` digits in it, `e` where
digits end; it returns the offset behind what it recognises, or 0.
"""

import numpy as np
import numpy.typing as npt

from detector.enrich.compiled import compiled
from detector.enrich.volatile_words import (
    BLANK,
    CLASS,
    CLOSE,
    COLON,
    COMMA,
    DASH,
    DAY,
    DIGIT,
    DOT,
    MONTH,
    TIE,
    UPPER,
    WORD,
    among,
    flush,
    run_of,
    short_word,
    word_from,
    word_to,
)

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]

# Where `out` ends goes by `state`, since a pair of results would be read before both halves are written, which stalls.
AT = 0
TIME = 0xFF  # the mark, which no UTF-8 text holds

_Z, _OPEN_SQUARE, _CLOSE_SQUARE = b"Z[]"
_IN_DATE, _BEFORE_TIME, _IN_TIME, _SIGNS = among(b"-./"), among(b"T-_"), among(b":+,-."), among(b"+-")
_AM, _PM, _ERROR, _WARNING = flush(b"am"), flush(b"pm"), flush(b"err"), flush(b"war")


@compiled
def put_time(out: Bytes, n: int, state: Ints) -> None:
    """Writes the mark of a time, once for several in a row: a date and a time, `1 min 30 s`."""
    if out[n - 1] == TIME:
        state[AT] = n
    elif out[n - 1] == BLANK and out[n - 2] == TIME:
        state[AT] = n - 1
    else:
        out[n] = TIME
        state[AT] = n + 1


@compiled
def number_at(t: Bytes, a: int, b: int) -> int:
    """The value of the digits t[a:b], the first nine of them."""
    value = 0
    for k in range(a, min(b, a + 9)):
        value = value * 10 + t[k] - 48
    return value


@compiled
def within(t: Bytes, a: int, b: int, low: int, high: int) -> bool:
    """Whether t[a:b] are one or more digits of a value within bounds."""
    return b > a and low <= number_at(t, a, b) <= high


@compiled
def date_end(t: Bytes, i: int, d: int) -> int:
    """2026-11-22, 22/11/2026, 22.11.2026, 2026-11-22T15:44:08.123+01:00, 20261122T154408Z."""
    e = i + d
    if d == 8:
        if not _BEFORE_TIME[t[e]] or run_of(t, e + 1, DIGIT) != e + 7:
            return 0
        if not (within(t, i, i + 4, 1900, 2199) and within(t, i + 4, i + 6, 1, 12) and within(t, i + 6, e, 1, 31)):
            return 0
        e += 7 + (t[e + 7] == _Z)
        return 0 if CLASS[t[e]] & WORD else e
    c = t[e]
    if not _IN_DATE[c] or (d != 4 and d > 2):
        return 0
    f = run_of(t, e + 1, DIGIT)
    if t[f] != c or f - e > 3:
        return 0
    g = run_of(t, f + 1, DIGIT)
    if d == 4:
        ok = within(t, i, e, 1900, 2199) and within(t, e + 1, f, 1, 12) and g - f <= 3 and within(t, f + 1, g, 1, 31)
    else:
        ok = within(t, i, e, 1, 31) and within(t, e + 1, f, 1, 31) and g - f == 5 and within(t, f + 1, g, 1900, 2199)
    if not ok:
        return 0
    g = _time_glued(t, g)
    return 0 if CLASS[t[g]] & WORD else g


@compiled
def _time_glued(t: Bytes, e: int) -> int:
    """Where the time ends that a T, - or _ ties to a date, with colons, points or hyphens in it."""
    if not _BEFORE_TIME[t[e]] or not CLASS[t[e + 1]] & DIGIT:
        return e
    e += 1
    while CLASS[t[e]] & DIGIT or (_IN_TIME[t[e]] and CLASS[t[e + 1]] & DIGIT):
        e += 1
    return e + 1 if t[e] == _Z else e


@compiled
def time_end(t: Bytes, i: int, d: int, before: int, before2: int) -> int:
    """15:44, 15:44:08.123, 3:05 PM, 00:01:22; not file.py:12:34, nor the slice of x[10:20], nor a linter's 12:34.

    `before` and `before2` are the last and the last but one byte before it.
    """
    e = i + d
    if d > 2 or t[e] != COLON or run_of(t, e + 1, DIGIT) != e + 3 or not within(t, e + 1, e + 3, 0, 59):
        return 0
    e += 3
    full = t[e] == COLON and run_of(t, e + 1, DIGIT) == e + 3 and within(t, e + 1, e + 3, 0, 59)
    if full:
        e += 3
        if (t[e] == DOT or t[e] == COMMA) and CLASS[t[e + 1]] & DIGIT:
            e = run_of(t, e + 1, DIGIT)
    half = _half_of_day(t, e)
    if not full and half == e:
        place = before == COLON and before2 != BLANK  # a line and a column
        slice_ = before == _OPEN_SQUARE and (before2 in (CLOSE, _CLOSE_SQUARE) or CLASS[before2] & WORD)
        if d < 2 or place or slice_ or number_at(t, i, i + d) > 59 or _lint(t, e):
            return 0
    e = _zone_end(t, half)
    return 0 if CLASS[t[e]] & WORD or (t[e] == COLON and CLASS[t[e + 1]] & DIGIT) else e


@compiled
def _half_of_day(t: Bytes, e: int) -> int:
    """Where AM or PM behind a time ends; `e` if there is none."""
    f = e + int(t[e] == BLANK)
    g = run_of(t, f, WORD)
    word = short_word(t, f, g)
    return g if word in (_AM, _PM) else e


@compiled
def _zone_end(t: Bytes, e: int) -> int:
    """Where Z, +01:00 or ` +0100` behind a time ends; `e` if there is none."""
    if t[e] == _Z:
        return e + 1
    f = e + (t[e] == BLANK)
    if _SIGNS[t[f]]:
        g = run_of(t, f + 1, DIGIT)
        if g == f + 5:
            return g
        if g == f + 3 and t[g] == COLON and run_of(t, g + 1, DIGIT) == g + 3:
            return g + 3
    return e


@compiled
def _lint(t: Bytes, e: int) -> bool:
    """Whether two blanks and `error` or `warning` follow: then it is a line and a column."""
    if t[e] != BLANK or t[e + 1] != BLANK:
        return False
    while t[e] == BLANK:
        e += 1
    word = short_word(t, e, e + 3)
    return bool(word in (_ERROR, _WARNING))


@compiled
def month_date(t: Bytes, e: int, out: Bytes, n: int, named: int) -> tuple[int, int]:
    """Where 22 Nov 2026, 22/Nov/2026, Nov 22, 2026 or Nov 22 15:44 ends, the time left to be read, and where it began
    in `out`, with the day of the week. Without a year or a time it is content: somebody's May 20.

    The digits of the day end at `e`; `named` is what the word before says of them. (0, n) if it is none.
    """
    between = t[e]
    f, after = word_from(t, e + 1)
    m, before = word_to(out, n - 1)
    if after & MONTH and CLASS[t[e + 1]] & UPPER and not _is_day(t, f):
        e = f
        m = n
    elif named & before & MONTH and out[n - 1] == BLANK and CLASS[out[m]] & UPPER and not CLASS[t[e]] & WORD:
        between = BLANK
    else:
        return 0, n
    f = e + (t[e] == COMMA)
    f += t[f] == BLANK and t[f + 1] == BLANK
    if t[f] == between and _is_year(t, f + 1):
        e = f + 5
    elif not _is_hour(t, f):
        return 0, n
    p = m - (out[m - 1] == BLANK)
    p -= out[p - 1] == COMMA
    a, flags = word_to(out, p)
    return e, a if p < m and flags & DAY else m


@compiled
def _is_year(t: Bytes, f: int) -> bool:
    """Whether four digits stand at t[f], and no date or time begins with them."""
    g = run_of(t, f, DIGIT)
    joined = CLASS[t[g]] & (WORD | DASH) or (CLASS[t[g]] & TIE and CLASS[t[g + 1]] & DIGIT and t[g] != COLON)
    return bool(g == f + 4 and not joined)


@compiled
def _is_day(t: Bytes, f: int) -> bool:
    """Whether a day follows behind the month that ends at `f`, as in the listing `8 Oct 31 20:18`."""
    f += t[f] == BLANK
    f += t[f] == BLANK
    g = run_of(t, f, DIGIT)
    return f < g < f + 3 and t[g] == BLANK


@compiled
def _is_hour(t: Bytes, f: int) -> bool:
    """Whether an hour, its minutes behind, begins at t[f] or behind a blank there."""
    f += t[f] == BLANK
    g = run_of(t, f, DIGIT)
    return f < g < f + 3 and t[g] == COLON
