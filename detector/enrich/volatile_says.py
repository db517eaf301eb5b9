"""Whether a text says that something failed or that a rate limit was hit.

Phrases are looked for by a hash of two of their three-byte pieces, at neighbouring offsets, so that only every second
position of a text need be looked at (after Wu, Manber: A Fast Algorithm for Multi-Pattern Searching, 1994).
"""

import numpy as np
import numpy.typing as npt

from detector.enrich.compiled import compiled
from detector.enrich.pointers import eight, pointer
from detector.enrich.volatile_words import (
    BACKSLASH,
    BLANK,
    CLASS,
    COLON,
    COMMA,
    DIGIT,
    DOT,
    EQUALS,
    LETTER,
    LOWER,
    MINUS,
    UPPER,
    WORD,
    among,
    flush,
    run_of,
    short_word,
    start_of,
)

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]

FAILED, RATE_LIMITED = 1, 2
ENDS = 8192  # bytes at each end that are looked at
_SHORT = 600  # bytes of texts that may say RATE_LIMITED
_STATUS = 16
_AMONG = 32  # the phrase may lie within longer words
_CODE = 128  # a number other than 0 has to follow
_PLAIN = 64  # the phrase says it whatever stands around: it is a negation itself

# the piece that is looked for begins at the first capital: rare ones were chosen
_FAILED = (
    "eRROR|eRRORs|FAIL|FAILed|FAILing|FAILure|FAILures|eXCEPtion|eXCEPtions|traCEBAck|FATAl|PANIc|dENIEd|rEFUSed|INVAlid"
    "|UNABle|tiMEOUt|timeD OUt|foRBIDden|UNAUthorized|aBORTed|CRAShed|sEGMEntation fault"
)
_FAILED_PLAIN = "cANNOt|cAN'T|couLDN'T|COULd not|DID Not|dIDN't|noT OK"  # "not found" is an answer, not a failure
_RATE = (
    "rate LIMIt|rate-LIMIt|rate_LIMIt|rateLIMIt|tOO Many requests|QUOTa exceeded|thrOTTL|ovERLOaded|resource EXHAusted"
    "|resource_EXHAusted|resourceEXHAusted|tOOManyRequests|too_MANy_requests"
    '|(SLOWdown)|>SLOWdown<|"SLOWdown"|SLOWdown:'
    "|reduce your REQUest rate"
    "|pROVisionedThroughputExceeded|requESTS per minute|usAGE Limit reached|exCEEDed your current quota|reTRY-After"
    "|zu VIEle anfragen"
)
_CODES = "exit CODE|exit sTATUs|with CODE|with sTATUs"
_STATUSES = " 429|:429|=429|(429|/429|\"429|'429"

_KINDS = (
    (_FAILED, FAILED),
    (_FAILED_PLAIN, FAILED | _PLAIN),
    (_CODES, FAILED | _CODE),
    (_RATE, RATE_LIMITED | _AMONG | _PLAIN),
    (_STATUSES, _STATUS),
)
_ZERO, _OPEN_SQUARE, _OPEN_BRACE = b"0[{"
_QUOTES, _BEFORE_CODE = among(b"\"'\\"), among(b' :="-')
_STA, _ERR, _HTT, _COD = flush(b"sta"), flush(b"err"), flush(b"htt"), flush(b"cod")
_NO, _NOT, _WITHOUT, _NOUGHT, _ZERO_WORD = flush(b"no"), flush(b"not"), flush(b"without"), flush(b"0"), flush(b"zero")
_NULL, _NONE, _NIL, _FALSE = flush(b"null"), flush(b"none"), flush(b"nil"), flush(b"false")
_WIDTH = 32
_SLOTS = 16384
_MUL = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(50)
_FOLD, _THREE = np.uint64(0x2020202020202020), np.uint64(0xFFFFFF)


def _offset(phrase: str) -> int:
    """Where the first capital of a phrase is."""
    return next((k for k, c in enumerate(phrase) if c.isupper()), 0)


def _slot(piece: str) -> int:
    """Where three bytes, folded, are in the table."""
    folded = (int.from_bytes(piece.encode(), "little") | int(_FOLD)) & int(_THREE)
    return (folded * int(_MUL) & (1 << 64) - 1) >> int(_SHIFT)


def _phrases(kinds: tuple[tuple[str, int], ...]) -> tuple[Bytes, Ints, Bytes]:
    """By slot the first row and one; rows of slot, offset of the piece in its phrase, length and kind; the phrases."""
    rows = []
    for joined, kind in kinds:
        for marked in joined.split("|"):
            first, phrase = _offset(marked), marked.lower()
            rows += [(_slot(phrase[k : k + 3]), k, len(phrase), kind, phrase) for k in (first, first + 1)]
    rows.sort()
    table, text = np.zeros(_SLOTS, np.uint8), np.zeros((len(rows) + 1, _WIDTH), np.uint8)
    for r, row in reversed(list(enumerate(rows))):
        table[row[0]] = r + 1
        text[r, : row[2]] = list(row[4].encode())
    return table, np.array([row[:4] for row in rows] + [(-1, 0, 0, 0)]), text


_LONG_TABLE, _LONG_ROWS, _LONG_TEXT = _phrases(_KINDS[:3])
_SHORT_TABLE, _SHORT_ROWS, _SHORT_TEXT = _phrases(_KINDS)


@compiled
def says(x: Bytes, begin: int, end: int, size: int) -> int:
    """FAILED and RATE_LIMITED bits of a text of `size` bytes whose normalised form is x[begin:end].

    Eight bytes and more lie before and behind it. Only ENDS bytes at either end are looked at.
    """
    if size <= _SHORT:
        found = _scan(x, begin, end, pointer(_SHORT_TABLE), pointer(_SHORT_ROWS), pointer(_SHORT_TEXT), -1)
    else:
        table, rows, text = pointer(_LONG_TABLE), pointer(_LONG_ROWS), pointer(_LONG_TEXT)
        found = _scan(x, begin, min(end, begin + ENDS), table, rows, text, FAILED)
        if found == 0 and end - begin > ENDS:
            found = _scan(x, max(begin + ENDS, end - ENDS), end, table, rows, text, FAILED)
    return found & (FAILED | RATE_LIMITED)


@compiled
def _scan(x: Bytes, begin: int, end: int, table: Bytes, rows: Ints, text: Bytes, enough: int) -> int:
    """Which kinds of phrases x[begin:end] holds; once these are `enough`, no more are looked for."""
    found = 0
    for p in range(begin, end, 6):
        w = eight(x, p) | _FOLD
        a, b, c = table[_slot_of(w)], table[_slot_of(w >> np.uint64(16))], table[_slot_of(w >> np.uint64(32))]
        if a | b | c:
            found |= _confirm(x, p, end, a, rows, text)
            found |= _confirm(x, p + 2, end, b, rows, text) | _confirm(x, p + 4, end, c, rows, text)
            if found == enough:
                break
    return found


@compiled
def _slot_of(w: np.uint64) -> int:
    """Where the lowest three bytes are in the table."""
    return int(((w & _THREE) * _MUL) >> _SHIFT)


@compiled
def _confirm(x: Bytes, p: int, end: int, first: int, rows: Ints, text: Bytes) -> int:
    """Which kinds of phrases have the piece at x[p]; `first` is one and the first row of its slot, 0 for none."""
    if first == 0:
        return 0
    found = 0
    row = int(first) - 1
    slot = rows[4 * row]
    while rows[4 * row] == slot:
        a = p - rows[4 * row + 1]
        b = a + rows[4 * row + 2]
        if b <= end and _equal(x, a, b, text, _WIDTH * row):
            found |= _judged(x, a, b, rows[4 * row + 3])
        row += 1
    return found


@compiled
def _equal(x: Bytes, a: int, b: int, text: Bytes, at: int) -> bool:
    """Whether x[a:b] is the phrase at text[at], in any case."""
    for k in range(b - a):
        c, want = x[a + k], text[at + k]
        if c != want and not (CLASS[c] & UPPER and c + 32 == want):
            return False
    return True


@compiled
def _judged(x: Bytes, a: int, b: int, kind: int) -> int:
    """What a phrase at x[a:b] says there: nothing within longer words, and nothing where it is denied."""
    if kind & _AMONG:
        return RATE_LIMITED
    if kind & _STATUS:
        return RATE_LIMITED if _is_status(x, a + 1, b) else 0
    camel = CLASS[x[a]] & UPPER and CLASS[x[a + 1]] & LOWER  # ValueError, OSError
    if CLASS[x[a - 1]] & LETTER and not camel and start_of(x, a + 1, LETTER) != a:
        return 0
    if CLASS[x[b - 1]] & LETTER and (
        CLASS[x[b]] & WORD or ((x[b] == MINUS or x[b] == DOT) and CLASS[x[b + 1]] & LETTER)
    ):
        return 0
    if kind & _CODE:
        return FAILED if _is_code(x, b) else 0
    if kind & _PLAIN:
        return FAILED
    return 0 if _denied_before(x, a) or _denied_after(x, b) else kind


@compiled
def _is_code(x: Bytes, b: int) -> bool:
    """Whether a number other than 0 is at x[b], or behind a blank, a sign or a quote there."""
    while _BEFORE_CODE[x[b]]:
        b += 1
    return bool(CLASS[x[b]] & DIGIT and x[b] != _ZERO)


@compiled
def _is_status(x: Bytes, a: int, b: int) -> bool:
    """Whether the 429 at x[a:b] stands near status, error, http or code."""
    if CLASS[x[a - 1]] & WORD or CLASS[x[b]] & WORD:
        return False
    for k in range(max(0, a - 14), b + 3):
        word = short_word(x, k, k + 3)
        if word in (_STA, _ERR, _HTT, _COD):
            return True
    return False


@compiled
def _denied_before(x: Bytes, a: int) -> bool:
    """Whether 0, no, not, none, zero or without stands before x[a], with at most one word between."""
    for _ in range(2):
        if x[a - 1] != BLANK:
            return False
        b = a - 1
        a = start_of(x, b, WORD)
        word = short_word(x, a, b)
        if word in (_NO, _NOT, _ZERO_WORD, _NONE, _WITHOUT):
            return True
        if word == _NOUGHT:
            return bool(x[a - 1] != DOT and x[a - 1] != COMMA)
        if a == b or CLASS[x[a]] & DIGIT:
            return False
    return False


@compiled
def _denied_after(x: Bytes, b: int) -> bool:
    """Whether null, none, nil, false, 0, [], {} or an empty string is assigned to the key that ends at x[b]."""
    while _QUOTES[x[b]] or x[b] == BLANK:
        b += 1
    if x[b] != COLON and x[b] != EQUALS:
        return False
    b += 1
    while x[b] == BLANK or x[b] == BACKSLASH:
        b += 1
    c = x[b]
    if c in (_OPEN_SQUARE, _OPEN_BRACE):
        return bool(x[b + 1] == c + 2)
    if _QUOTES[c]:
        return bool(x[b + 1] == c or (x[b + 1] == BACKSLASH and x[b + 2] == c))
    e = run_of(x, b, WORD)
    word = short_word(x, b, e)
    if word == _NOUGHT:
        return not (x[e] == DOT and CLASS[x[e + 1]] & DIGIT)
    return bool(word in (_NULL, _NONE, _NIL, _FALSE))
