"""Without numba the functions that read texts are slower, and say the same."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np

from detector.enrich.packing import Read, Texts
from tests.unit.test_volatile_texts import PIECES

ROOT = Path(__file__).parents[2]
SCRIPT = """
import json, sys
from tests.unit.test_interpreted import figures, texts
json.dump(figures(texts()), sys.stdout)
assert "numba" not in sys.modules
"""
LINES = [
    "2026-11-29T04:12:03.123Z worker-7 INFO request id=7f3a91c2e4 took 812 ms, attempt 3 of 5",
    "Nov 22 15:44:01 host app[4711]: retry_count=4 in /tmp/pytest-of-root/x: 0 failed, 41 passed (exit code 0)",
    "\x1b[31mFAIL\x1b[0m src/cart.test.js:17 expected 3.50 $ to equal 4,000.25 at 0x7ffeab12",
    "HTTP/1.1 429 Too Many Requests; retry-after: 30; 10.0.0.17:8080; page 2 of 9",
    "C:\\Users\\x\\AppData\\Local\\Temp\\tmpAB12cd\\log.txt still pending, please wait",
    "the same phrase comes again and again. ",
]


def texts() -> list[bytes]:
    """Of all that is looked for: pieces as chance has it, lines of logs, and some that are long."""
    chance = random.Random(7)
    bytes_, words = PIECES
    parts = [bytes((c,)) for c in bytes_] + [word + b" " for word in words.split(b" ")]
    some = [b"".join(chance.choices(parts, k=chance.randrange(1, 120))) for _ in range(300)]
    lines = [line.encode() for line in LINES]
    some += [b"\n".join(chance.choices(lines, k=k)) for k in (1, 1, 1, 2, 3, 9, 60)] + lines
    return [*some, lines[0] * 1000, lines[-1] * 40, "Größe 寸法 🙂 ".encode() * 300, b"", b"x" * 70_000]


def figures(some: list[bytes]) -> dict[str, list[object]]:
    """All that is read of these texts."""
    reading = Texts()
    for text in some:
        reading.fingerprint(text)
        for keep_digits in (True, False):
            reading.sketch(text, keep_digits)
    read: Read = reading.read()
    return {name: np.asarray(found).tolist() for name, found in read._asdict().items()}


def test_without_numba_all_that_is_read_of_texts_is_the_same() -> None:
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=200
    )
    assert ended.returncode == 0, ended.stderr
    with_numba = figures(texts())
    assert any(with_numba["degenerate"])
    assert len(set(with_numba["loose"])) > 250
    assert json.loads(ended.stdout) == with_numba
