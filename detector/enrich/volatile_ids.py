"""Addresses, ports and random ids: where they begin and end, and the mark that is written for them.

`t` is the text (u8, zeros behind its end), `i` the first digit of a number of `d` digits in it, `e` where digits end;
`out` is what was written so far, up to `n`.
"""

import numpy as np
import numpy.typing as npt

from detector.enrich.compiled import compiled
from detector.enrich.pointers import eight, packed, put_eight
from detector.enrich.volatile_times import AT, number_at, within
from detector.enrich.volatile_words import (
    CLASS,
    COLON,
    DIGIT,
    DOT,
    HEX,
    JOINT,
    LETTER,
    LOWER,
    MINUS,
    SLASH,
    WORD,
    among,
    flush,
    run_of,
    short_word,
    start_of,
)

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]

TOKEN_END = 1  # of the state: up to where tokens were looked at
_CLOSE_SQUARE = ord("]")
_VOWEL = among(b"aeiouy")
_REQ, _SESS = flush(b"req"), flush(b"sess")
_FOLD, _LOCALHOST = packed(b" " * 8), packed(b"localhos")
ID = 0xFE  # the mark, which no UTF-8 text holds


@compiled
def put_id(out: Bytes, n: int, state: Ints) -> None:
    """Writes the mark of anything else that is volatile."""
    out[n] = ID
    state[AT] = n + 1


@compiled
def copy(t: Bytes, i: int, e: int, out: Bytes, n: int, state: Ints) -> int:
    """Writes t[i:e] as it stands and returns `e`."""
    for k in range(0, e - i, 8):  # the last eight may be more than wanted
        put_eight(out, n + k, eight(t, i + k))
    state[AT] = n + e - i
    return e


@compiled
def put_random(t: Bytes, i: int, e: int, out: Bytes, n: int, state: Ints) -> int:
    """Marks a random id and returns where it ends; 0 if there is none."""
    first = start_of(out, n, JOINT)
    last = e
    while CLASS[t[last]] & JOINT and last - e < 512:  # a long token may be looked at for each of its parts
        last += 1
    state[TOKEN_END] = last
    if last - i + n - first < 8:
        return 0
    begin = i - (n - first)
    f, g = id_in(t, begin, last)
    if g == 0:
        return 0
    g = run_of(t, g, JOINT) if g == last else g
    state[TOKEN_END] = g
    copy(t, begin, f, out, first, state)
    put_id(out, state[AT], state)
    return g


@compiled
def id_in(t: Bytes, a: int, b: int) -> tuple[int, int]:
    """From where to where the token t[a:b] of letters, digits, _ and - is random; (0, 0) if it is not.

    Random is a uuid; a part between joiners of eight hex digits and more, letters and digits among them; and from such
    a part of a token of 16 and more on in which letters and digits alternate as they do not in names: test_case_12 and
    sha256-sum stay. Fewer turns are enough behind req_ and sess-; and behind a random part the
    last one goes too, of the names that Kubernetes gives pods.
    """
    p = a
    while p < b:
        e = run_of(t, p, DIGIT | LETTER)
        if _uuid(t, p, b):
            return p, p + 36
        if e - p >= 8:
            hexes = turns = 0
            for k in range(p, e):
                c = CLASS[t[k]]
                hexes += (c & HEX) != 0
                turns += k > p and (c ^ CLASS[t[k - 1]]) & DIGIT != 0
            if hexes == e - p and turns > 0:
                return p, _pod_end(t, e, b)
            if turns > 0 and e - p <= 10 and _unspoken(t, p, e) and _pod_end(t, e, b) == b > e:
                return p, b
            if (turns > 1 and e - p >= 12) or (turns > 0 and e - p >= 20):
                word = short_word(t, start_of(t, p - 1, LETTER), p - 1) if p > a + 2 else np.uint64(0)
                if word in (_REQ, _SESS):
                    return p, e
            if b - a >= 16 and turns >= 3:
                return p, b
        p = e + 1
    return 0, 0


@compiled
def _pod_end(t: Bytes, e: int, b: int) -> int:
    """Where the -x2k4p behind a part that ends at `e` ends, if it ends the token too; else `e`."""
    return b if b == e + 6 and t[e] == MINUS and _unspoken(t, e + 1, b) else e


@compiled
def _unspoken(t: Bytes, a: int, b: int) -> bool:
    """Whether t[a:b] are small letters and digits, and a digit among them or no vowel: no word."""
    digits = vowels = 0
    for k in range(a, b):
        if not CLASS[t[k]] & (LOWER | DIGIT):
            return False
        digits += CLASS[t[k]] & DIGIT != 0
        vowels += _VOWEL[t[k]] != 0
    return digits > 0 or vowels == 0


@compiled
def _uuid(t: Bytes, a: int, b: int) -> bool:
    """Whether t[a:b] begins with a uuid."""
    if b - a < 36 or t[a + 8] != MINUS or t[a + 13] != MINUS or t[a + 18] != MINUS or t[a + 23] != MINUS:
        return False
    if run_of(t, a, HEX) != a + 8 or run_of(t, a + 9, HEX) != a + 13 or run_of(t, a + 14, HEX) != a + 18:
        return False
    return run_of(t, a + 19, HEX) == a + 23 and run_of(t, a + 24, HEX) == a + 36 and not CLASS[t[a + 36]] & LETTER


@compiled
def put_ipv6(t: Bytes, i: int, out: Bytes, n: int, state: Ints) -> int:
    """Marks an address whose first digit is t[i], and returns where it ends; 0 if it is none."""
    m = n
    while (CLASS[out[m - 1]] & HEX or out[m - 1] == COLON) and n - m < 40:
        m -= 1
    if CLASS[out[m - 1]] & WORD:
        return 0
    f = ipv6_end(t, i - (n - m))
    if f > 0:
        put_id(out, m, state)
    return f


@compiled
def ipv6_end(t: Bytes, a: int) -> int:
    """2001:db8::1, ::1, [::1]:8080 (from inside the brackets), fe80::1%eth0 up to the %; `a` is its first byte."""
    e = a
    colons = doubles = size = 0
    digits = False
    while (CLASS[t[e]] & HEX or t[e] == COLON) and e - a < 48:
        if t[e] == COLON:
            colons += 1
            doubles += t[e + 1] == COLON
            size = 0
        else:
            size += 1
            digits |= colons == 0 and t[e] < 58
            if size > 4:
                return 0
        e += 1
    if t[e - 1] == COLON and t[e - 2] != COLON:
        e -= 1
        colons -= 1
    # two names of C++ or Perl that look hexadecimal have a :: between them too
    if doubles > 1 or CLASS[t[e]] & WORD or (doubles == 0 and colons != 7):
        return 0
    if not (digits or t[a] == COLON or colons > 3):
        return 0
    return _port_end(t, e + 1) if t[e] == _CLOSE_SQUARE and t[e + 1] == COLON else e


@compiled
def ipv4_end(t: Bytes, i: int, d: int) -> int:
    """10.0.0.5, 10.0.0.5:8080."""
    e = i
    for k in range(4):
        f = run_of(t, e, DIGIT)
        if f - e > 3 or not within(t, e, f, 0, 255) or (k < 3 and t[f] != DOT):
            return 0
        e = f + 1
    e -= 1
    if CLASS[t[e]] & WORD or (t[e] == DOT and CLASS[t[e + 1]] & DIGIT):
        return 0
    return _port_end(t, e)


@compiled
def _port_end(t: Bytes, e: int) -> int:
    """Where the port behind an address ends; `e` if there is none."""
    f = run_of(t, e + 1, DIGIT)
    return f if t[e] == COLON and e + 1 < f < e + 7 else e


@compiled
def is_port(t: Bytes, i: int, d: int, out: Bytes, n: int) -> bool:
    """Whether the number behind a colon is a port: of localhost, in a URL, or an ephemeral one of a name with dots."""
    if d < 2 or d > 5 or CLASS[t[i + d]] & WORD or t[i + d] == COLON:
        return False
    q = n - 1
    dots = 0
    while (CLASS[out[q - 1]] & (LETTER | DIGIT) or out[q - 1] == MINUS or out[q - 1] == DOT) and n - q < 64:
        q -= 1
        dots += out[q] == DOT
    if q == n - 1:
        return False
    if n - q == 10 and eight(out, q) | _FOLD == _LOCALHOST:
        return True
    return (out[q - 1] == SLASH and out[q - 2] == SLASH) or (dots > 0 and number_at(t, i, i + d) >= 32768)
