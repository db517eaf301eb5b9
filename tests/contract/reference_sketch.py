"""schemas/sketch.md in plain Python, without a thought for speed: what every implementation must agree with.

`python -m tests.contract.reference_sketch` writes schemas/sketch-vectors.json anew.
"""

import base64
import json
import re
from math import log
from pathlib import Path
from typing import Any

import xxhash

VECTORS = Path(__file__).parents[2] / "schemas" / "sketch-vectors.json"
MAX_BYTES = 262_144
WORD = 2**64


def normalise(text: str) -> bytes:
    """Prose as the bytes that are sketched."""
    raw = text.encode()[:MAX_BYTES].lower()  # bytes.lower() touches ASCII letters only
    thinned = re.sub(rb"[0-9\0]", b"", raw)
    return re.sub(rb"[ \t\n\r\v\f]+", b" ", thinned).strip(b" ")


def shingles(normalised: bytes) -> list[int]:
    """Every window of 8 bytes as a little-endian number, duplicates included."""
    if not normalised:
        return []
    padded = normalised.ljust(8, b"\0")
    return [int.from_bytes(padded[i : i + 8], "little") for i in range(len(padded) - 7)]


def mix(x: int) -> int:
    """The hash of a shingle."""
    h = x * 0x9E3779B97F4A7C15 % WORD
    h ^= h >> 32
    h = h * 0xD6E8FEB86659FD93 % WORD
    return h ^ h >> 32


def sketch_text(text: str) -> bytes:
    """The 130 bytes of a sketch: version, level, bitmap."""
    found = shingles(normalise(text))
    level = 0
    while level < 15 and len(found) > 2048 * 2**level:
        level += 1
    bitmap = bytearray(128)
    for h in map(mix, found):
        if (h >> 10) % 2**level == 0:
            position = h % 1024
            bitmap[position // 8] |= 1 << position % 8
    return bytes([1, level]) + bytes(bitmap)


def similarity(a: bytes, b: bytes) -> float:
    """Estimated Jaccard similarity of the shingles behind two sketches, 0 to 1."""
    level_a, level_b = a[1], b[1]
    bits_a, bits_b = (int.from_bytes(sketch[2:], "little") for sketch in (a, b))
    if not bits_a or not bits_b:
        return 0.0
    if level_a == level_b:
        union = estimate(bits_a | bits_b)
        return clamp((estimate(bits_a) + estimate(bits_b) - union) / union)
    if level_a < level_b:
        level_a, level_b, bits_a, bits_b = level_b, level_a, bits_b, bits_a
    return coarse_in_fine(bits_a, level_a, bits_b, level_b)


def coarse_in_fine(coarse: int, level_coarse: int, fine: int, level_fine: int) -> float:
    """The same for different levels: the coarser bitmap is a subsample of its text."""
    if fine.bit_count() == 1024:
        return 0.0
    shared = max(0.0, estimate(coarse) + estimate(fine) - estimate(coarse | fine))
    total_coarse = estimate(coarse) * 2**level_coarse
    total_fine = estimate(fine) * 2**level_fine
    inter = min(shared * 2**level_coarse, total_coarse, total_fine)
    return inter / (total_coarse + total_fine - inter)


def estimate(bits: int) -> float:
    """Distinct shingles behind a bitmap, by linear counting."""
    return -1024 * log(1 - min(bits.bit_count(), 1023) / 1024)


def clamp(x: float) -> float:
    """`x` within 0 to 1."""
    return min(1.0, max(0.0, x))


def fingerprint(text: str) -> str:
    """The 16 hex digits that stand for exactly this text, but for white space at its ends."""
    return xxhash.xxh3_64_hexdigest(text.encode().strip(b" \t\n\r\v\f"))


REPORT = (
    "The nightly import failed at step 3 because the customer table holds 41 rows without a country. "
    "The loader drops such rows, the checksum then differs, and the job is started again. "
    "I suggest that rows without a country go to a quarantine table, and that the checksum leaves them out."
)
REWORDED = REPORT.replace("nightly", "hourly").replace("suggest", "propose").replace("41", "57")
OTHER = "Release notes: the search box keeps its focus, the menu closes with Escape, and German is complete."


def long_text(first: int, last: int) -> str:
    """A text that anyone can rebuild: word i is i times a prime, in hex digits written as a to p."""
    letters = str.maketrans("0123456789abcdef", "abcdefghijklmnop")
    return " ".join(f"{i * 2654435761 % 2**32:08x}".translate(letters) for i in range(first, last + 1))


def texts() -> list[dict[str, Any]]:
    """The texts of the vectors, by name; long ones are told by how to make them."""
    plain = {
        "empty": "",
        "white space": " \t\r\n",
        "digits only": "20261122 1200",
        "one letter": "a",
        "seven letters": "abcdefg",
        "eight letters": "abcdefgh",
        "nine letters": "abcdefghi",
        "case and space": "  Hello,\n\tWORLD  ",
        "digits inside": "Attempt 12 of 30 failed",
        "other digits inside": "attempt 7 of 30 failed",
        "zero byte inside": "step\0 one\0two three",
        "not ASCII": "Größe: ½ kg, 寸法, 🙂 ÄÖÜ",
        "report": REPORT,
        "report reworded": REWORDED,
        "other": OTHER,
        "one letter 5000 times": "a" * 5000,
    }
    made: list[dict[str, Any]] = [{"name": name, "text": text} for name, text in plain.items()]
    for name, recipe in {
        "2048 shingles": {"repeat": "abcdefghijk ", "bytes": 2055},
        "2049 shingles": {"repeat": "abcdefghijk ", "bytes": 2056},
        "long": {"words": [1, 1000]},
        "half of long": {"words": [501, 1000]},
        "quarter of long": {"words": [751, 1000]},
        "very long": {"words": [1, 2000]},
        "other long": {"words": [5001, 6000]},
        "beyond the cut": {"words": [1, 40000]},
    }.items():
        made.append({"name": name, "recipe": recipe})
    return made


def text_of(vector: dict[str, Any]) -> str:
    """The text of a vector, made where only its recipe is given."""
    if "text" in vector:
        return str(vector["text"])
    recipe = vector["recipe"]
    if "repeat" in recipe:
        return str((recipe["repeat"] * recipe["bytes"])[: recipe["bytes"]])
    return long_text(*recipe["words"])


PAIRS = [
    ("empty", "empty"), ("empty", "report"), ("report", "report"), ("report", "report reworded"),
    ("report", "other"), ("digits inside", "other digits inside"), ("eight letters", "nine letters"),
    ("long", "half of long"), ("half of long", "long"), ("long", "quarter of long"), ("long", "very long"),
    ("half of long", "very long"), ("long", "other long"), ("very long", "other long"), ("long", "report"),
    ("beyond the cut", "very long"), ("one letter", "one letter 5000 times"),
]  # fmt: skip


def vectors() -> dict[str, Any]:
    """Everything that sketch-vectors.json holds."""
    told = texts()
    for vector in told:
        vector["sketch"] = base64.b64encode(sketch_text(text_of(vector))).decode()
        vector["fingerprint"] = fingerprint(text_of(vector))
    sketches = {vector["name"]: base64.b64decode(vector["sketch"]) for vector in told}
    pairs = [{"a": a, "b": b, "similarity": round(similarity(sketches[a], sketches[b]), 4)} for a, b in PAIRS]
    return {"version": 1, "texts": told, "pairs": pairs}


if __name__ == "__main__":
    VECTORS.write_text(json.dumps(vectors(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
