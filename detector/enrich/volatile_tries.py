"""Which try it is, told in words or by an ordinal; and numbers in brackets: of a process, or before a line's text.

`t` is the text (u8, line breaks before it and zeros behind it), `out` what was written so far, up to `n`.
"""

import numpy as np
import numpy.typing as npt

from detector.enrich.compiled import compiled
from detector.enrich.pointers import eight, packed
from detector.enrich.volatile_ids import ID, copy, put_id
from detector.enrich.volatile_times import AT
from detector.enrich.volatile_words import (
    BLANK,
    CLASS,
    COLON,
    DASH,
    DIGIT,
    LETTER,
    NOUN,
    NUMERAL,
    SLASH,
    SURE,
    TELLS,
    WORD,
    among,
    flush,
    run_of,
    short_word,
    start_of,
    word_from,
    word_to,
)

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]

PROCESS, LEADING = 1, 2
_PROCESS = 3  # digits and more: fewer are an index
_ROMAN = among(b"IVX")
_TAB, _LF, _CR, _CLOSE_SQUARE = b"\t\n\r]"
_ST, _ND, _RD, _TH = flush(b"st"), flush(b"nd"), flush(b"rd"), flush(b"th")
_THREE, _SEVEN, _OF, _OUT_OF = packed(b"\xff" * 3), packed(b"\xff" * 7), packed(b"of "), packed(b"out of ")


@compiled
def put_try(t: Bytes, i: int, out: Bytes, n: int, state: Ints) -> int:
    """Writes t[i], or, if the word around it is attempt, try or retry, that word with marks for the numerals around.

    `second attempt`, `Attempt one of twelve`, `retry IV`. Returns up to where `t` was read; `n` is in the state.
    """
    out[n] = t[i]
    state[AT] = n + 1
    a = start_of(out, n, LETTER)
    begin = i - (n - a)
    e, flags = word_from(t, begin)
    if not flags & (SURE | NOUN) or (CLASS[t[e]] | CLASS[out[a - 1]]) & (WORD | DASH):
        return i + 1
    if out[a - 1] == BLANK:
        p, before = word_to(out, a - 1)
        if before & NUMERAL and not CLASS[out[p - 1]] & WORD:
            out[p] = ID
            out[p + 1] = BLANK
            a = p + 2
    copy(t, begin, e, out, a, state)
    f = _numeral_end(t, e + 1) if t[e] == BLANK and e - begin > 3 else 0  # `try one` is advice
    if f == 0:
        return e
    out[state[AT]] = BLANK
    put_id(out, state[AT] + 1, state)
    if t[f] == BLANK and eight(t, f + 1) & _THREE == _OF:
        g = run_of(t, f + 4, DIGIT)
        g = _numeral_end(t, f + 4) if g == f + 4 else g
        f = g if g > 0 and not CLASS[t[g]] & WORD else f
    return f


@compiled
def _numeral_end(t: Bytes, a: int) -> int:
    """Where the numeral that begins at `a` ends: one to twelve, first to twelfth, I to XXXIX; 0 if there is none."""
    b, flags = word_from(t, a)
    if b == a or CLASS[t[b]] & (WORD | DASH):
        return 0
    if flags & NUMERAL:
        return b
    for k in range(a, b):
        if not _ROMAN[t[k]]:
            return 0
    return b


@compiled
def of_end(t: Bytes, e: int) -> int:
    """Where the ` of 10`, ` out of 10` or `/10` behind a counter ends; `e` if there is none."""
    f = e + (t[e] == BLANK)
    if t[f] == SLASH:
        f += 1
    elif f > e and eight(t, f) & _SEVEN == _OUT_OF:
        f += 6
    elif f > e and eight(t, f) & _THREE == _OF:
        f += 2
    else:
        return e
    f += t[f] == BLANK
    g = run_of(t, f, DIGIT)
    return g if g > f and not CLASS[t[g]] & WORD else e


@compiled
def ordinal_end(t: Bytes, f: int) -> int:
    """Where the st, nd, rd or th at t[f] ends that a word such as attempt follows; 0 if there is none."""
    e = run_of(t, f, WORD)
    if e != f + 2 or t[e] != BLANK:
        return 0
    _, after = word_from(t, e + 1)
    return e if after & SURE and short_word(t, f, e) in (_ST, _ND, _RD, _TH) else 0


@compiled
def begins_line(t: Bytes, i: int) -> bool:
    """Whether t[i] is the first on its line: in lists, tables, numbered lines."""
    while t[i - 1] == BLANK or t[i - 1] == _TAB:
        i -= 1
    return bool(t[i - 1] == _LF or t[i - 1] == _CR)


@compiled
def bracketed(t: Bytes, i: int, e: int, out: Bytes, n: int) -> tuple[int, int]:
    """What the number t[i:e] behind a [ is, and where it ends, with its `/10`; (0, e) for content.

    PROCESS: sshd[1037]: and a blank. LEADING: `[4711] text` and `[3/10] text`, where a line or what follows a time
    begins, and `cron[1037] text`, which may be an index. Behind it a letter has to follow, and no word that counts.
    """
    far = out[n - 2]
    glued = CLASS[far] & LETTER
    if glued and e - i < _PROCESS:
        return 0, e
    if not glued and t[e] == SLASH:
        g = run_of(t, e + 1, DIGIT)
        e = g if g > e + 1 else e
    if t[e] != _CLOSE_SQUARE:
        return 0, e
    if glued and t[e + 1] == COLON and t[e + 2] == BLANK:
        return PROCESS, e
    begins = glued or begins_line(t, i - 1) or (far == BLANK and out[n - 3] >= ID)
    _, after = word_from(t, e + 2)
    if begins and t[e + 1] == BLANK and CLASS[t[e + 2]] & LETTER and not after & TELLS:
        return LEADING, e
    return 0, e
