"""Inputs guided by coverage: atheris, where it is installed, looks for inputs that reach new lines of the detector."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.fuzz.run import tried
from tests.fuzz.targets import TARGETS

RSS_MB = 2048


def missing() -> str:
    """A sentence where atheris cannot be used, else nothing."""
    try:
        import atheris  # noqa: F401
    except ImportError:
        return "atheris is not installed; pip install atheris, or leave --engine out"
    return ""


def guided(name: str, inputs: int, seed: int, keep_in: Path) -> int:
    """Tries so many inputs; libFuzzer reports, keeps what is faulty, and ends the process."""
    import atheris

    target = TARGETS[name]
    once = target.begin()
    keep_in.mkdir(parents=True, exist_ok=True)
    # Instrumented after import: compiled loops and what numpy and msgspec do cannot be.
    atheris.instrument_all()
    with TemporaryDirectory(prefix="detector-fuzz-") as start:
        for n, data in enumerate(target.corpus()):
            (Path(start) / str(n)).write_bytes(data)
        told = [f"-runs={inputs}", f"-seed={seed}", f"-rss_limit_mb={RSS_MB}", f"-artifact_prefix={keep_in}/{name}-"]
        atheris.Setup([sys.argv[0], *told, "-max_len=65536", "-timeout=60", start], lambda data: tried(once, data))
        atheris.Fuzz()
    return 0
