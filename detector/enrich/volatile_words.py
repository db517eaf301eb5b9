"""Words that tell what a number near them is: a counter, a unit of time, a step of progress, a month.

A word is a run of ASCII letters, folded to lower case; up to twelve letters fit into one integer of five bits each, so
that a look-up compares a word exactly.
"""

import numpy as np
import numpy.typing as npt

from detector.enrich.compiled import compiled
from detector.enrich.pointers import eight, packed

Bytes = npt.NDArray[np.uint8]

SURE, COUNTER, WEAK, KEY, KEY_END, PROGRESS, NOUN, TELLS, UNIT, MONTH, DAY, NUMERAL = (1 << k for k in range(12))

DIGIT, UPPER, LOWER, HEX, UNDERSCORE, DASH, TIE, SPACE = (1 << k for k in range(8))  # TIE: . : and /
LETTER = UPPER | LOWER
WORD = LETTER | DIGIT | UNDERSCORE
JOINT = WORD | DASH

BLANK, BACKSLASH, MINUS, DOT, SLASH, COLON, COMMA, LOW_LINE, EQUALS, OPEN, CLOSE = b" \\-./:,_=()"

_WORDS = {
    SURE: "attempt try retry retries iteration iter",
    COUNTER: "request req process pid thread session sess trace span worker round job seq id cycle tick poll heartbeat"
    " sequence nonce execution invocation transaction txn trial",
    # these are also common in other senses, so that they have to be a whole key or stand after a blank
    WEAK: "run pass build batch no count counter take attempts tries iterations",
    # a value that is assigned to one of these, or to a key that ends in one after an underscore
    KEY: "ts time timestamp duration elapsed latency took uptime",
    KEY_END: "id at ms us ns s sec secs seconds millis time",
    # what stands after these is content, whatever else it looks like
    PROGRESS: "page step part chapter section item line lines row rows column col level version stage phase epoch"
    " offset of task question issue total score progress status code exit errno error errors signal http returned rc"
    " test case day week chunk passed failed failures warnings skipped remaining left usd eur gbp"
    " is was are be equals found result candidate amount price paid cost costs ending card position index char",
    NOUN: "attempts tries retries times iterations requests",
    TELLS: "of out passed failed failures failure errors error tests test warnings problems percent remaining left"
    " complete completed done passing failing skipped usd eur gbp dollars euros cents points files file lines rows row"
    " results result matches match occurrences items records insertions deletions am pm",
    UNIT: "ns us ms s sec secs second seconds m min mins minute minutes h hr hrs hour hours msec msecs millisecond"
    " milliseconds microsecond microseconds nanosecond nanoseconds"
    " d day days week weeks sek sekunde sekunden minuten std stunde stunden tage tagen",
    MONTH: "jan feb mar apr may jun jul aug sep sept oct nov dec january february march april june july august"
    " september october november december",
    DAY: "mon tue wed thu fri sat sun",
    NUMERAL: "one two three four five six seven eight nine ten eleven twelve first second third fourth fifth sixth"
    " seventh eighth ninth tenth eleventh twelfth",
}
_LONGEST = 12
_SLOTS = 1024
_MUL = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(54)


def _classes() -> Bytes:
    """The class bits of each byte."""
    table = np.zeros(256, np.uint8)
    table[48:58] = DIGIT | HEX
    table[65:91] = UPPER
    table[97:123] = LOWER
    table[65:71] |= HEX
    table[97:103] |= HEX
    table[ord("_")] = UNDERSCORE
    table[ord("-")] = DASH
    table[list(b".:/")] = TIE
    table[list(b" \t\n\r\v\f")] = SPACE
    return table


def _packed(word: str) -> int:
    """A word of at most twelve letters as an integer."""
    key = 0
    for c in word.encode():
        key = key << 5 | c & 31
    return key


def _table() -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint16]]:
    """Keys and flags of the words, in a table with open addressing."""
    keys, flags = np.zeros(_SLOTS, np.uint64), np.zeros(_SLOTS, np.uint16)
    for flag, words in _WORDS.items():
        for word in words.split():
            key = _packed(word)
            slot = (key * int(_MUL) & (1 << 64) - 1) >> int(_SHIFT)
            while keys[slot] not in (0, key):
                slot = (slot + 1) % _SLOTS
            keys[slot] = key
            flags[slot] |= flag
    return keys, flags


def among(characters: bytes) -> Bytes:
    """A table with 1 for each of these bytes."""
    table = np.zeros(256, np.uint8)
    table[list(characters)] = 1
    return table


def flush(word: bytes) -> np.uint64:
    """What `short_word` returns for this word in lower case."""
    return packed(word.rjust(8, b"\0"))


CLASS = _classes()
_SEPARATES = among(b" #:=-_(\"'\\")  # a counter's name from its value
_ESCAPED = among(b"nrt")
_FOLD = packed(b" " * 8)
_KEYS, _FLAGS = _table()


@compiled
def _flags(key: np.uint64) -> int:
    """What a packed word says of a number near it; 0 for a word that is not known."""
    slot = np.int64((key * _MUL) >> _SHIFT)
    while _KEYS[slot] != key:
        if _KEYS[slot] == 0:
            return 0
        slot = (slot + 1) & (_SLOTS - 1)
    return int(_FLAGS[slot])


@compiled
def word_from(x: Bytes, a: int) -> tuple[int, int]:
    """Where the word that begins at `a` ends, and what it says of a number near it."""
    b = a
    key = np.uint64(0)
    while CLASS[x[b]] & LETTER:
        key = (key << np.uint64(5)) | np.uint64(x[b] & 31)
        b += 1
    return b, _flags(key) if b - a <= _LONGEST else 0


@compiled
def word_to(x: Bytes, b: int) -> tuple[int, int]:
    """Where the word that ends before `b` begins (at most 64 back, past an escaped \\n), and what it says."""
    a = b
    key = place = np.uint64(0)
    while CLASS[x[a - 1]] & LETTER and b - a < 64:
        a -= 1
        key |= np.uint64(x[a] & 31) << (place & np.uint64(63))
        place += np.uint64(5)
    if a < b and x[a - 1] == BACKSLASH and _ESCAPED[x[a]]:
        a += 1
        place -= np.uint64(5)
        key &= (np.uint64(1) << (place & np.uint64(63))) - np.uint64(1)
    return a, _flags(key) if b - a <= _LONGEST else 0


@compiled
def run_of(x: Bytes, a: int, classes: int) -> int:
    """Where the run of bytes of these classes that begins at `a` ends."""
    while CLASS[x[a]] & classes:
        a += 1
    return a


@compiled
def start_of(x: Bytes, b: int, classes: int) -> int:
    """Where the run of bytes of these classes that ends before `b` begins: at most 64 back, past an escaped \\n."""
    a = b
    while CLASS[x[a - 1]] & classes and b - a < 64:
        a -= 1
    if a < b and x[a - 1] == BACKSLASH and _ESCAPED[x[a]]:
        a += 1
    return a


@compiled
def short_word(x: Bytes, a: int, b: int) -> np.uint64:
    """The one to eight letters x[a:b] in lower case, for a comparison with `flush`; 0 for more or none."""
    n = b - a
    return (eight(x, a) | _FOLD) << np.uint64(64 - 8 * n) if 1 <= n <= 8 else np.uint64(0)


@compiled
def named_by(out: Bytes, n: int) -> int:
    """What the word before out[n] says of the number there: SURE, COUNTER, WEAK, KEY, PROGRESS, MONTH; 0: nothing."""
    p = n
    assigned = False
    while n - p < 6 and _SEPARATES[out[p - 1]]:
        p -= 1
        assigned |= out[p] == COLON or out[p] == EQUALS
    if p == n:
        return 0
    a, flags = word_to(out, p)
    if a == p or CLASS[out[a - 1]] & DIGIT or out[a - 1] >= 128:
        return 0
    before = out[a - 1]
    joined = before in (LOW_LINE, MINUS)
    if flags == 0:
        return _camel(out, a, p) if assigned else 0
    if flags & SURE:
        return SURE
    if (flags & KEY and assigned) or (flags & KEY_END and assigned and joined):
        return KEY
    if flags & COUNTER:
        return COUNTER
    if flags & WEAK:
        return _weak(out, a, assigned, joined)
    return flags & (PROGRESS if joined else PROGRESS | MONTH)


@compiled
def _camel(out: Bytes, a: int, b: int) -> int:
    """KEY for a key such as requestId or createdAt."""
    k = b - 1
    while k > a and CLASS[out[k]] & LOWER:
        k -= 1
    _, flags = word_from(out, k)
    return KEY if k > a and flags & (KEY_END | KEY) else 0


@compiled
def _weak(out: Bytes, a: int, assigned: bool, joined: bool) -> int:
    """WEAK where the weak word at `a` is a key of its own, or qualified by a counter as in retry_count; else 0."""
    before, flags = word_to(out, a - 1)
    if joined:
        return WEAK if flags & (SURE | COUNTER) else 0
    return 0 if assigned and out[a - 1] == BLANK and before < a - 1 else WEAK
