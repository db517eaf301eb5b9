"""What fingerprints of texts cost: `python -m tests.bench.volatile`; microseconds a text and nanoseconds a byte.

The texts are made up: prose with few numbers, a log with six to a line, and pieces of this package's own sources.
"""

import random
import sys
from pathlib import Path
from time import perf_counter

import numpy as np

import detector
from detector.enrich.sketch import sketch_many
from detector.enrich.volatile import fingerprint_many

SIZE = 2000  # bytes a text
TEXTS = 500
ROUNDS = 20  # of which the best counts

_WORDS = (
    "the agent looked at the result of its build and found that one module was compiled without warnings while several"
    " others remained open so it went on with another approach which seemed better than what was there before"
)


def _prose(rng: random.Random) -> str:
    """Words with a number every hundred words or so."""
    words = rng.choices(_WORDS.split(), k=SIZE // 5)
    return " ".join(f"{w} {rng.randrange(2000)}" if rng.random() < 0.01 else w for w in words)[:SIZE]


def _log(rng: random.Random) -> str:
    """Lines with a time, a worker, counts and a duration."""
    lines = (
        f"2026-11-22T15:{rng.randrange(60):02}:{rng.randrange(60):02}.{rng.randrange(1000):03}Z INFO "
        f"worker-{rng.randrange(20)} module.service: processed {rng.randrange(200)} items of request "
        f"{rng.randrange(10**6)} in {rng.randrange(500)} ms and went on with the next step of the list\n"
        for _ in range(SIZE // 100)
    )
    return "".join(lines)[:SIZE]


def _code(rng: random.Random) -> str:
    """A piece of a source."""
    sources = "".join(p.read_text() for p in sorted(Path(detector.__file__).parent.glob("*/*.py")))
    start = rng.randrange(len(sources) - SIZE)
    return sources[start : start + SIZE]


def main() -> None:
    """Prints a line for each kind of text, with the sketch beside it."""
    rng = random.Random(1)
    for name, make in (("prose", _prose), ("log", _log), ("code", _code)):
        raw = [make(rng).encode() for _ in range(TEXTS)]
        texts, ends = np.frombuffer(b"".join(raw), np.uint8), np.cumsum([len(r) for r in raw]).astype(np.int64)
        loose, strict, says = np.zeros(TEXTS, np.uint64), np.zeros(TEXTS, np.uint64), np.zeros(TEXTS, np.uint8)
        words, levels = np.zeros((TEXTS, 16), np.uint64), np.zeros(TEXTS, np.uint8)
        best, sketch = sys.float_info.max, sys.float_info.max
        for _ in range(ROUNDS):
            start = perf_counter()
            fingerprint_many(texts, ends, loose, strict, says)
            middle = perf_counter()
            sketch_many(texts, ends, np.zeros(TEXTS, np.bool_), words, levels)
            best, sketch = min(best, middle - start), min(sketch, perf_counter() - middle)
        print(
            f"{name:6} {1e6 * best / TEXTS:5.2f} us a text of {len(texts) // TEXTS} bytes,"
            f" {1e9 * best / len(texts):4.2f} ns a byte; its sketch {1e6 * sketch / TEXTS:5.2f} us"
        )


if __name__ == "__main__":
    main()
