"""Inputs guided by coverage: atheris, where it is installed, looks for inputs that reach new lines of the detector."""

import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FunctionType

from tests.fuzz.run import tried
from tests.fuzz.targets import TARGETS

RSS_MB = 2048


def _functions() -> Iterator[FunctionType]:
    """The detector's own, whose coverage guides; that of compiled loops and of libraries is not seen."""
    for name, module in list(sys.modules.items()):
        if name.startswith("detector."):
            inside = [vars(c) for c in vars(module).values() if isinstance(c, type) and c.__module__ == name]
            for of in (vars(module), *inside):
                yield from (f for f in of.values() if isinstance(f, FunctionType) and f.__module__ == name)


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
    for function in _functions():
        atheris.instrument_func(function)
    with TemporaryDirectory(prefix="detector-fuzz-") as start:
        for n, data in enumerate(target.corpus()):
            (Path(start) / str(n)).write_bytes(data)
        told = [f"-runs={inputs}", f"-seed={seed}", f"-rss_limit_mb={RSS_MB}", f"-artifact_prefix={keep_in}/{name}-"]
        atheris.Setup([sys.argv[0], *told, "-max_len=65536", "-timeout=60", start], lambda data: tried(once, data))
        atheris.Fuzz()
    return 0
