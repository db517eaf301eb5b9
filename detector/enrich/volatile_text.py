"""The text as it is fingerprinted: without escape sequences, white space collapsed, a mark for each volatile part."""

from typing import Any

import numpy as np
import numpy.typing as npt

from detector.enrich.compiled import INTERPRETED, compiled
from detector.enrich.pointers import eight, packed, put_eight, zeros_below
from detector.enrich.volatile_ids import put_id
from detector.enrich.volatile_numbers import PAD, STATE, put_token
from detector.enrich.volatile_times import AT
from detector.enrich.volatile_tries import put_try
from detector.enrich.volatile_words import BACKSLASH, BLANK, CLASS, DIGIT, LETTER, SLASH, SPACE, among

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]

_ESCAPE = 27
_BELL = 7
_P, _P_SMALL, _S, _T, _E, _M, _R, _Y, _OPEN_SQUARE, _CLOSE_SQUARE = b"Ppstemry[]"
_LONGEST = 512  # bytes of an escape sequence that carries text

_FOLDERS, _TMP, _TEMP = packed(b"/folders"), packed(b"/tmp"), packed(b"temp")
_TMP_NAME, _PYTEST_NAME = packed(b"tmp"), packed(b"pytest-")
_THREE, _SEVEN = packed(b"\xff" * 3), packed(b"\xff" * 7)
_FOLD = packed(b" " * 4)
_FOUR = np.uint64(32)


def _path_ends() -> Bytes:
    """1 for bytes that end a segment of a path, 2 for the two separators."""
    table = among(bytes(range(33)) + b"\"'`<>:,;()|*?=&[]{}\x7f")
    table[list(b"/\\")] = 2
    return table


_PATH = _path_ends()


@compiled
def _stops_at(c: Any, d: Any, e: Any, f: Any) -> Any:
    """Whether something may begin at `c` that is not copied as it stands; `d`, `e` and `f` come after it."""
    number = (c >= 48) & (c <= 57)
    white = (c >= 9) & (c <= 13)
    double = (c == BLANK) & ((d == BLANK) | ((d >= 9) & (d <= 13)))
    temp = ((c == _P_SMALL) | (c == _P)) & ((d == SLASH) | (d == BACKSLASH))
    folders = (c == _S) & (d == SLASH)
    tries = (c == _T) & (((d == _T) & (e == _E) & (f == _M)) | ((d == _R) & (e == _Y)))  # attempt, retry
    return number | white | double | temp | folders | tries | (c == _ESCAPE)


@compiled
def _mark_each_stop(t: Bytes, end: int, stops: Bytes) -> None:
    """Sets stops[k] where something may begin at t[k] that is not copied as it stands, and at the end."""
    for k in range(PAD, end):
        stops[k] = _stops_at(t[k], t[k + 1], t[k + 2], t[k + 3])
    stops[end] = 1


def _mark_all_stops(t: Bytes, end: int, stops: Bytes) -> None:
    """The same, of all bytes at once."""
    c, d, e, f = (np.frombuffer(t[PAD + k : end + k], np.uint8) for k in range(4))
    np.frombuffer(stops, np.uint8)[PAD:end] = _stops_at(c, d, e, f)
    stops[end] = 1


_mark_stops = _mark_all_stops if INTERPRETED else _mark_each_stop


@compiled
def write(t: Bytes, end: int, stops: Bytes, out: Bytes, letters: int, state: Ints, spans: Ints) -> tuple[int, int]:
    """Writes t[PAD:end] with its volatile parts masked into `out` from PAD on; returns where both end.

    Escape sequences are taken out of `t` too. See `put_token` for `letters`, `state` and `spans`.
    """
    _mark_stops(t, end, stops)
    n = _write(t, end, stops, out, letters, state, spans)
    if n == 0:
        end = _without_escapes(t, end)
        _mark_stops(t, end, stops)
        n = _write(t, end, stops, out, letters, state, spans)
    return end, n


@compiled
def _write(t: Bytes, end: int, stops: Bytes, out: Bytes, letters: int, state: Ints, spans: Ints) -> int:
    """Writes t[PAD:end] into `out` and returns where that ends, or 0 at an escape sequence."""
    for k in range(STATE):
        state[k] = 0
    i = n = PAD
    while CLASS[t[i]] & SPACE:
        i += 1
    while True:
        put_eight(out, n, eight(t, i))
        stop = eight(stops, i)
        if stop == 0:
            i += 8
            n += 8
            continue
        plain = zeros_below(stop) >> 3
        i += plain
        n += plain
        if i >= end:
            break
        c = t[i]
        if CLASS[c] & DIGIT:
            i = put_token(t, i, out, n, letters, state, spans)
            n = state[AT]
        elif CLASS[c] & SPACE:
            while CLASS[t[i]] & SPACE:
                i += 1
            out[n] = BLANK
            n += out[n - 1] != BLANK
        elif c == _ESCAPE:
            return 0
        elif c == _T:
            i = put_try(t, i, out, n, state)
            n = state[AT]
        else:
            out[n] = c
            i = _put_path(t, i + 1, end, out, n + 1, state)
            n = state[AT]
    return int(n - 1 if n > PAD and out[n - 1] == BLANK else n)


@compiled
def _put_path(t: Bytes, i: int, end: int, out: Bytes, n: int, state: Ints) -> int:
    """Writes the path that goes on at the separator t[i]; masks segments, if what came was a temporary directory."""
    state[AT] = n
    last = eight(out, n - 8)
    folders = last == _FOLDERS
    temp = (last >> _FOUR | _FOLD) == _TEMP and _PATH[out[n - 5]] == 2
    if not (folders or temp or last >> _FOUR == _TMP):
        return i
    separator = t[i]
    depth = 0
    while t[i] == separator and i < end:
        out[n] = separator
        n += 1
        while t[i] == separator and i < end:
            i += 1
        e = i
        while _PATH[t[e]] == 0 and e < end:
            e += 1
        if e > i and (looks_temporary(t, i, e) or (folders and depth < 2)):
            put_id(out, n, state)
            n += 1
            i = e
        while i < e:
            out[n] = t[i]
            n += 1
            i += 1
        depth += 1
    state[AT] = n
    return i


@compiled
def looks_temporary(t: Bytes, a: int, b: int) -> bool:
    """Whether the segment t[a:b] of a path in a temporary directory is made up anew each time."""
    first = eight(t, a)
    if first & _THREE == _TMP_NAME or first & _SEVEN == _PYTEST_NAME:
        return True
    turns = letters = 0
    for k in range(a, b + 1):
        if k < b and CLASS[t[k]] & DIGIT:
            return True
        if k < b and CLASS[t[k]] & LETTER:
            turns += letters > 0 and CLASS[t[k]] & LETTER != CLASS[t[k - 1]] & LETTER
            letters += 1
            continue
        if letters >= 6 and 2 * turns >= letters:
            return True
        turns = letters = 0
    return False


@compiled
def _without_escapes(t: Bytes, end: int) -> int:
    """Takes ANSI escape sequences out of t[PAD:end] in place; returns the new end."""
    i = n = PAD
    while i < end:
        if t[i] != _ESCAPE:
            t[n] = t[i]
            n += 1
            i += 1
            continue
        i = _escape_end(t, i + 1, end)
    for k in range(n, end):
        t[k] = 0
    return n


@compiled
def _escape_end(t: Bytes, i: int, end: int) -> int:
    """Where an escape sequence ends whose second byte is t[i] (ECMA-48, sections 5.4 and 5.6)."""
    if t[i] == _OPEN_SQUARE:  # [ parameters and a final byte
        i += 1
        while 32 <= t[i] < 64:
            i += 1
        return i + 1
    if t[i] == _CLOSE_SQUARE:  # ] text up to BEL or ESC \\
        for k in range(i, min(end, i + _LONGEST)):
            if t[k] == _BELL or (t[k] == _ESCAPE and t[k + 1] == BACKSLASH):
                return k + 1 + int(t[k] == _ESCAPE)
    return i + 1
