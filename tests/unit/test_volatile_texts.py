"""What holds of the fingerprints of any text: times and ids do not count, every letter does, no bytes are trouble."""

import random
from datetime import datetime

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from detector.enrich.volatile import WHOLE, fingerprint_many, fingerprints


def both(text: str) -> tuple[int, int]:
    return fingerprints(text.encode())[:2]


@pytest.fixture(autouse=True, scope="module")
def _compiled() -> None:
    """No example takes as long as compiling does."""
    fingerprints(b"warm")


letters = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=1, max_size=9)
words = st.lists(letters, min_size=1, max_size=40)
moments = st.datetimes(datetime(1900, 1, 1), datetime(2199, 12, 31))
hexadecimal = st.integers(16**11, 16**12 - 1).map("{:x}".format)
FORMS: list[st.SearchStrategy[str]] = [
    moments.map(lambda d: d.isoformat(" ", "milliseconds")),
    moments.map(lambda d: d.strftime("%Y-%m-%dT%H:%M:%SZ")),
    moments.map(lambda d: d.strftime("%d/%m/%Y %H:%M")),
    moments.map(lambda d: d.strftime("%H:%M:%S")),
    *[st.floats(0, 10**5).map(f"{{:.2f}}{unit}".format) for unit in ("ms", " ms", "s", " seconds", "m", " min", "h")],
    st.uuids().map(str),
    hexadecimal.map("a{}7".format),
    hexadecimal.map("0x{}".format),
    st.tuples(*[st.integers(0, 255)] * 4).map(lambda p: ".".join(map(str, p))),
]
FRAGMENTS = (
    "attempt retry id: 3 42 of /tmp/ab1 Nov 22 2026 ms min at - + : = ( ) 12:30 2026-11-22 error PM Z , . s m 5% $ page"
    ' x=1 foo.py:12 \\n 3fa85f64 took version [ ] 0x7f01aa 1.5 7,000 try: count "id": { } times requests / | Sat, 429'
)
fragments = st.sampled_from(FRAGMENTS.split())
anything = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_characters="\x1b"), max_size=100),
    st.lists(fragments, max_size=8).map(" ".join),
    st.lists(fragments, max_size=5).map("".join),
)


@given(anything, anything, st.sampled_from(FORMS).flatmap(lambda form: st.tuples(form, form)))
def test_the_value_of_a_time_or_an_id_in_any_text_does_not_matter(
    before: str, after: str, values: tuple[str, str]
) -> None:
    assert both(f"{before} {values[0]} {after}") == both(f"{before} {values[1]} {after}")


@given(words, st.data())
def test_every_letter_counts(text: list[str], data: st.DataObject) -> None:
    joined = " ".join(text)
    at = data.draw(st.sampled_from([k for k, c in enumerate(joined) if c != " "]))
    other = data.draw(letters)[0]
    assume(other != joined[at])
    changed = joined[:at] + other + joined[at + 1 :]
    assert both(joined)[0] != both(changed)[0]
    assert both(joined)[1] != both(changed)[1]


spaces = st.text(" \t\r\n\v\f", min_size=1, max_size=4)


@given(words, st.data())
def test_the_kind_of_white_space_does_not_count(text: list[str], data: st.DataObject) -> None:
    joined = "".join(word + data.draw(spaces) for word in text)
    assert both(data.draw(spaces) + joined) == both(" ".join(text))


@given(words, st.randoms())
def test_the_order_of_words_counts(text: list[str], rng: random.Random) -> None:
    shuffled = rng.sample(text, len(text))
    assert (both(" ".join(text)) == both(" ".join(shuffled))) == (text == shuffled)


@given(st.integers(0, 10**18), st.integers(0, 10**18), st.text("xyzXYZ ", max_size=9), st.text("xyzXYZ ", max_size=9))
def test_a_number_with_few_letters_around_always_counts(a: int, b: int, before: str, after: str) -> None:
    assume(a != b)
    one, other = f"{before} {a} {after}", f"{before} {b} {after}"
    assert both(one)[0] != both(other)[0]
    assert both(one)[1] != both(other)[1]


def _batch(texts: list[bytes]) -> list[tuple[int, int, int]]:
    n = len(texts)
    loose, strict, bits = np.zeros(n, np.uint64), np.zeros(n, np.uint64), np.zeros(n, np.uint8)
    ends = np.cumsum([len(t) for t in texts]).astype(np.int64)
    fingerprint_many(np.frombuffer(b"".join(texts), np.uint8), ends, loose, strict, bits)
    return list(zip(loose.tolist(), strict.tolist(), bits.tolist(), strict=True))


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=20))
def test_any_bytes_have_fingerprints_that_do_not_depend_on_their_neighbours(texts: list[bytes]) -> None:
    assert _batch(texts) == [fingerprints(t) for t in texts]


PIECES = (
    b" \n\t\x1b[0m\x1b]/\\\"'#:=-_.,()[]{}%$0123456789abcdefxXTZsmh\xc2\xb5\xff\xfe\x00",
    b"/tmp/ \\Temp\\ /var/folders/ s/ p/ attempt retry_count id Nov 22 2026 15:44 ms min error no 0 failed 429 still",
)


@pytest.mark.parametrize("seed", range(8))
def test_texts_made_of_what_is_looked_for_are_taken_as_they_come(seed: int) -> None:
    rng = random.Random(seed)
    parts = [bytes([c]) for c in PIECES[0]] + PIECES[1].split(b" ")
    texts = [b"".join(rng.choices(parts, k=rng.randrange(400))) for _ in range(500)]
    assert _batch(texts) == [fingerprints(t) for t in texts]


@pytest.mark.parametrize(
    "unit",
    [
        b"1",
        b"1-",
        b"1:",
        b"1.",
        b"1,",
        b"12:34  ",
        b"12345abc-",
        b"a1_",
        b"::1",
        b"1 m",
        b"1m",
        b"/tmp/",
        b"[1] a\n",
        b"try ",
    ],
)
def test_long_texts_of_one_thing_are_no_trouble(unit: bytes) -> None:
    text = unit * (WHOLE // len(unit))
    assert fingerprints(text) == fingerprints(text)


def test_an_empty_text_has_a_fingerprint_and_blank_ones_the_same() -> None:
    assert 0 not in both("")
    assert both("") == both(" \n\t ") == both("\x1b[0m")


def test_fingerprints_stay_what_they_are() -> None:
    assert both("") == (0xBD08A1E08AEECE3E, 0xBD08A1E08AEECE3E)
    assert both("The quick brown fox, 42 of them, took 17 ms") == (0xE471B86242D2FCDA, 0xE471B86242D2FCDA)


def long_text(middle: str = "", stamp: str = "2026-11-22 15:44:08", size: int = 3 * WHOLE) -> str:
    half = ("some words in a line\n" * (size // 21 + 1))[: size // 2]
    return f"{stamp} start\n{half}{middle}\n{half}\n{stamp} end"


def test_of_long_texts_both_ends_are_masked_and_every_byte_counts() -> None:
    assert both(long_text()) == both(long_text(stamp="2026-11-23 05:04:58"))
    assert both(long_text("x"))[1] != both(long_text("y"))[1]
    assert both(long_text("12:00:00"))[1] != both(long_text("12:00:01"))[1]
    assert both(long_text("12:00:00", size=WHOLE - 100)) == both(long_text("12:00:01", size=WHOLE - 100))
