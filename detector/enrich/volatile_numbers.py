"""What becomes of a number: written as it stands, as a mark, or as it stands and noted for the loose fingerprint.

`t` is the text (u8, PAD line breaks before it and zeros behind it); `out` (u8, PAD blanks before it) is what was
written so far, up to `n`.
"""

import numpy as np
import numpy.typing as npt

from detector.enrich.compiled import compiled
from detector.enrich.volatile_durations import comma_end, decimal_end, duration_end
from detector.enrich.volatile_ids import TOKEN_END, copy, ipv4_end, is_port, put_id, put_ipv6, put_random
from detector.enrich.volatile_times import (
    AT,
    date_end,
    month_date,
    number_at,
    put_time,
    time_end,
)
from detector.enrich.volatile_tries import LEADING, PROCESS, begins_line, bracketed, of_end, ordinal_end
from detector.enrich.volatile_words import (
    BLANK,
    CLASS,
    CLOSE,
    COLON,
    COMMA,
    COUNTER,
    DASH,
    DIGIT,
    DOT,
    HEX,
    KEY,
    LETTER,
    LOW_LINE,
    MINUS,
    MONTH,
    NOUN,
    OPEN,
    PROGRESS,
    SLASH,
    SPACE,
    SURE,
    TELLS,
    TIE,
    UNDERSCORE,
    UNIT,
    UPPER,
    WEAK,
    WORD,
    among,
    named_by,
    run_of,
    start_of,
    word_from,
)

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]

PAD = 64
_LF, _ZERO, _X, _OPEN_SQUARE = b"\n0x["
_PAUSE, _CLAUSE, _CURRENCY = among(b",.;"), among(b",.;:!?"), among(b"$\xac\xa3")  # the last bytes of the signs
FEW, MANY = 10, 20  # letters that a text needs before named numbers, and before long and bare ones, are volatile
LONG = 9  # digits of epoch seconds
_ADDRESS = 5  # hex digits behind 0x; shorter ones are constants
SPANS = 8192
# of the state: numbers that are bare and that stay, where a date's mark ended, bare numbers in brackets that lead
BARE, PLAIN, MONTH_END, LED = 2, 3, 4, 5
STATE = 6


@compiled
def put_token(t: Bytes, i: int, out: Bytes, n: int, letters: int, state: Ints, spans: Ints) -> int:
    """Deals with the run of word characters whose first digit is t[i]; returns the new `i`; `n` is in the state.

    `letters` is how many letters the text holds, where they are known; `spans` takes where bare numbers lie in `out`.
    """
    d = run_of(t, i, DIGIT) - i
    a = start_of(out, n, LETTER | UNDERSCORE)
    if a < n or CLASS[t[i + d]] & (WORD | DASH | TIE) or CLASS[out[n - 1]] & (DASH | TIE):
        e = _put_tied(t, i, d, out, n, a, state)
        if e > 0:
            return e
    if a < n:
        return _put_word(t, i, d, out, n, a, letters, state)
    return _put_number(t, i, d, out, n, letters, state, spans)


@compiled
def _put_tied(t: Bytes, i: int, d: int, out: Bytes, n: int, a: int, state: Ints) -> int:
    """Marks what consists of more than digits: dates, times, addresses, ids; returns where it ends, or 0.

    `a` is where the letters before the digits begin in `out`.
    """
    e = i + d
    c, before = t[e], out[n - 1]
    f = 0
    if a == n or before == LOW_LINE:
        if d == 8 or c in (MINUS, DOT, SLASH):
            f = date_end(t, i, d)
        elif c == COLON:
            f = time_end(t, i, d, before, out[n - 2])
        if f > 0:
            put_time(out, n, state)
            return f
    if a == n:
        if c == DOT and before != DOT:
            f = ipv4_end(t, i, d)
        elif c | 32 == _X and d == 1 and t[i] == _ZERO:
            f = run_of(t, e + 1, HEX)
            f = f if f >= e + 1 + _ADDRESS and not CLASS[t[f]] & WORD else 0
        elif before == COLON and is_port(t, i, d, out, n):
            f = e
        if f > 0:
            put_id(out, n, state)
            return f
        if d <= 2 and c in (MINUS, SLASH) and CLASS[t[e + 1]] & UPPER:
            f, m = month_date(t, e, out, n, 0)
            if f > 0:
                put_time(out, m, state)
                return f
    if out[a - 1] == COLON or t[run_of(t, e, HEX)] == COLON:
        f = put_ipv6(t, i, out, n, state)
        if f > 0:
            return f
    return put_random(t, i, e, out, n, state) if i >= state[TOKEN_END] else 0


@compiled
def _put_word(t: Bytes, i: int, d: int, out: Bytes, n: int, a: int, letters: int, state: Ints) -> int:
    """Deals with digits that are glued to letters, from out[a] on: worker_17, or a short hex id after a counter."""
    e = run_of(t, i, WORD)
    f = ordinal_end(t, i + d) if a == n else 0
    if f > 0:
        put_id(out, n, state)
        return f
    begin = i - (n - a)
    if letters >= FEW:
        tail = out[n - 1] == LOW_LINE and e == i + d  # report_1763826248, worker_17
        if tail and ((d >= LONG and letters >= MANY) or named_by(out, n) & (SURE | COUNTER | WEAK)):
            put_id(out, n, state)
            return e
        hexes = 0
        for k in range(begin, e):
            hexes += CLASS[t[k]] & HEX != 0 and not CLASS[t[k]] & UPPER
        short = hexes == e - begin and hexes <= 16 and not begins_line(t, begin)
        if short and named_by(out, a) & (SURE | COUNTER | WEAK):
            put_id(out, a, state)
            return e
    state[PLAIN] += 1
    return copy(t, i, e, out, n, state)


@compiled
def _put_number(t: Bytes, i: int, d: int, out: Bytes, n: int, letters: int, state: Ints, spans: Ints) -> int:
    """Deals with a number that no letters are glued to on its left."""
    e = decimal_end(t, i + d)
    if t[e] == COMMA and CLASS[t[e + 1]] & DIGIT and out[n - 1] != COMMA:
        f = comma_end(t, e)
        if f > 0:
            put_time(out, n, state)
            return f
    if out[n - 1] == DOT or _CURRENCY[out[n - 1]] or (t[e] == DOT and CLASS[t[e + 1]] & DIGIT):
        while CLASS[t[e]] & WORD or (t[e] == DOT and CLASS[t[e + 1]] & DIGIT):
            e += 1
        state[PLAIN] += 1
        return copy(t, i, e, out, n, state)
    f = e + (CLASS[t[e]] & SPACE != 0)
    _, after = word_from(t, f)
    if (after & UNIT or t[f] >= 128) and t[e] != _LF:
        f = duration_end(t, e)
        if f > 0:
            put_time(out, n, state)
            return f
    if CLASS[t[e]] & WORD:
        return _put_word(t, i, d, out, n, n, letters, state)
    if d >= LONG and letters >= MANY:
        put_id(out, n, state)
        return e
    return _put_plain(t, i, d, e, out, n, after, letters, state, spans)


@compiled
def _put_plain(
    t: Bytes, i: int, d: int, e: int, out: Bytes, n: int, after: int, letters: int, state: Ints, spans: Ints
) -> int:
    """Deals with the number t[i:e] by the words around it; `after` is what the one behind it says."""
    first = begins_line(t, i)
    named = 0 if first else named_by(out, n)
    if (named | after) & MONTH and d <= 2 and number_at(t, i, e) <= 31:
        f, m = month_date(t, e, out, n, named)
        if f > 0:
            put_time(out, m, state)
            state[MONTH_END] = state[AT]
            return f
    if d == 4 and state[MONTH_END] == n - 1 and 1900 <= number_at(t, i, e) < 2200:
        state[AT] = n - 1  # the year at the end of Sun Nov 22 15:44:08 2026
        return e
    whole = e == i + d or (t[i + d] == COMMA and t[e - 1] != DOT)
    if named == SURE or (named & (COUNTER | WEAK | KEY) and letters >= FEW):
        f = of_end(t, e)
        told = named == WEAK and after & TELLS and f == e  # run 5 tests
        if (whole and not told) or named == KEY:
            put_id(out, n, state)
            return f
    elif whole and letters >= FEW and after & NOUN:
        put_id(out, n, state)
        return e
    if out[n - 1] == _OPEN_SQUARE:
        kind, f = bracketed(t, i, e, out, n)
        if kind == PROCESS:
            put_id(out, n, state)
            return f
        if kind == LEADING:
            state[LED] += 1
            _note(n, n + f - i, state, spans)
            return copy(t, i, f, out, n, state)
    state[PLAIN] += 1
    content = first or named & (PROGRESS | MONTH) or after & (TELLS | MONTH)
    if whole and not content and _is_bare(t, e, out, n):
        _note(n, n + e - i, state, spans)
    return copy(t, i, e, out, n, state)


@compiled
def _note(a: int, b: int, state: Ints, spans: Ints) -> None:
    """Notes that a bare number will be written to out[a:b]."""
    if state[BARE] < SPANS:
        spans[2 * state[BARE]] = a
        spans[2 * state[BARE] + 1] = b
    state[BARE] += 1


@compiled
def _is_bare(t: Bytes, e: int, out: Bytes, n: int) -> bool:
    """Whether the number that ends at t[e] stands by itself in prose, and tells no progress, price, place or sum."""
    left, far, c, following = out[n - 1], out[n - 2], t[e], t[e + 1]
    if left == BLANK:
        far = out[n - 3] if _PAUSE[far] else far
        if not CLASS[far] & LETTER or c == CLOSE:
            return False
    elif left != OPEN or CLASS[far] & WORD or c == COMMA:
        return False
    if c == CLOSE:
        return True
    if _CLAUSE[c]:
        return bool(following == 0 or CLASS[following] & SPACE)
    if c != 0 and not CLASS[c] & SPACE:
        return False
    return bool(c != BLANK or following == 0 or following == OPEN or CLASS[following] & LETTER)
