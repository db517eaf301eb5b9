"""The public sketch: the reference keeps the vectors, and the compiled sketch keeps to the reference."""

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from detector.enrich import sketch as compiled
from tests.contract import reference_sketch as reference

PAGE = Path(__file__).parents[2] / "schemas" / "sketch.md"
TOLD: dict[str, Any] = json.loads(reference.VECTORS.read_text(encoding="utf-8"))
TEXTS = {vector["name"]: vector for vector in TOLD["texts"]}
IMPLEMENTATIONS = [reference, compiled]

# Letters, digits and white space often enough that normalising has work to do; all of Unicode sometimes.
texts = st.text(st.sampled_from("abcABC 019\t\n\r\v\f.é")) | st.text()
long_texts = st.builds(lambda text, times: text * times, st.text(min_size=1, max_size=40), st.integers(1, 400))


@pytest.fixture(params=IMPLEMENTATIONS, ids=["reference", "compiled"])
def implementation(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_of_the_vectors_has_its_sketch_and_fingerprint(implementation: Any, name: str) -> None:
    text = reference.text_of(TEXTS[name])
    assert base64.b64encode(implementation.sketch_text(text)).decode() == TEXTS[name]["sketch"]
    assert implementation.fingerprint(text) == TEXTS[name]["fingerprint"]


@pytest.mark.parametrize("pair", TOLD["pairs"], ids=lambda pair: f"{pair['a']}-{pair['b']}")
def test_a_pair_of_the_vectors_has_its_similarity(implementation: Any, pair: dict[str, Any]) -> None:
    a, b = (base64.b64decode(TEXTS[pair[side]]["sketch"]) for side in "ab")
    assert implementation.similarity(a, b) == pytest.approx(pair["similarity"], abs=5.1e-5)
    assert implementation.similarity(b, a) == implementation.similarity(a, b)


def test_the_vectors_are_what_the_reference_writes() -> None:
    assert reference.vectors() == TOLD


def test_the_vectors_reach_the_edges_of_the_format() -> None:
    levels = {base64.b64decode(vector["sketch"])[1] for vector in TOLD["texts"]}
    assert {0, 1, 2, 3, 4, 7} <= levels
    assert any(len(reference.text_of(v).encode()) > reference.MAX_BYTES for v in TOLD["texts"])
    assert any(TEXTS[p["a"]]["sketch"][:3] != TEXTS[p["b"]]["sketch"][:3] for p in TOLD["pairs"])


def test_the_worked_example_of_the_page_is_right() -> None:
    text = "  Step 3:\tdone\n"
    page = PAGE.read_text(encoding="utf-8")
    rows = re.findall(r"\| `(.{8})` \| (0x\w+) \| (0x\w+) \| (\d+) \| (\d+), (\d) \|", page)
    shingles = reference.shingles(reference.normalise(text))
    assert [row[0].encode() for row in rows] == [x.to_bytes(8, "little") for x in shingles]
    for x, (_, told_x, told_h, p, byte, bit) in zip(shingles, rows, strict=True):
        h = reference.mix(x)
        assert (told_x, told_h, int(p)) == (f"{x:#018x}", f"{h:#018x}", h % 1024)
        assert (int(byte), int(bit)) == divmod(h % 1024, 8)
    assert base64.b64encode(reference.sketch_text(text)).decode() in page
    assert f"`{reference.fingerprint(text)}`" in page
    assert f"`{reference.long_text(1, 1)}`" in page


@given(texts | long_texts)
@settings(deadline=None, max_examples=300)
@example("a" * 2055)
@example("ab" * 1028)
@example("0" * 9000)
@example("\0 one\0two three\0")
@example("é" * 131_073)
def test_any_text_is_sketched_as_by_the_reference(text: str) -> None:
    assert compiled.sketch_text(text) == reference.sketch_text(text)
    assert compiled.fingerprint(text) == reference.fingerprint(text)


@st.composite
def sketches(draw: st.DrawFn) -> bytes:
    """Any sketch: bitmaps from empty to full, at any level."""
    bits = draw(st.integers(0, 2**1024 - 1)) & draw(st.integers(0, 2**1024 - 1) | st.just(2**1024 - 1))
    bits |= draw(st.just(0) | st.integers(0, 2**1024 - 1) | st.just(2**1024 - 1))
    return bytes([1, draw(st.integers(0, 15))]) + bits.to_bytes(128, "little")


@given(sketches(), sketches())
@settings(deadline=None, max_examples=300)
def test_any_two_sketches_compare_as_by_the_reference(a: bytes, b: bytes) -> None:
    expected = reference.similarity(a, b)
    assert 0 <= expected <= 1
    assert compiled.similarity(a, b) == pytest.approx(expected, abs=1e-9)
    assert compiled.similarity(b, a) == pytest.approx(expected, abs=1e-9)


@given(long_texts, texts, texts)
@settings(deadline=None)
def test_texts_that_share_a_part_compare_as_by_the_reference(shared: str, one: str, other: str) -> None:
    a, b = reference.sketch_text(shared + one), reference.sketch_text(shared + other)
    assert compiled.similarity(a, b) == pytest.approx(reference.similarity(a, b), abs=1e-9)


@given(st.text(st.sampled_from("abcdefghijklmnop qrstuvwxyz"), min_size=8, max_size=2000))
@settings(deadline=None)
def test_a_text_is_like_itself_and_the_same_whatever_its_digits_case_and_white_space(text: str) -> None:
    sketch = reference.sketch_text(text)
    varied = "1 " + "".join(f"{letter.upper()}7" for letter in text).replace(" ", "\r\n ") + "\t"
    assert reference.sketch_text(varied) == sketch
    assert reference.similarity(sketch, sketch) == (1.0 if any(sketch[2:]) else 0.0)
