"""The one place that compiles: loops over bytes, steps and tasks become machine code on first use."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba

F = TypeVar("F", bound=Callable[..., Any])

_PACKAGE = Path(__file__).parents[1]


def _kept_in() -> str:
    """Where machine code is kept between starts: another place for other sources.

    Numba looks at the file of a function alone, not at those of what it calls, nor at constants of other modules.
    """
    digest = hashlib.sha256()
    for source in sorted(s for part in ("enrich", "model", "state") for s in (_PACKAGE / part).glob("*.py")):
        digest.update(source.read_bytes())
    base = os.environ.get("NUMBA_CACHE_DIR") or _PACKAGE / "__pycache__"
    return str(Path(base) / f"numba-{digest.hexdigest()[:12]}")


numba.config.CACHE_DIR = _kept_in()


def compiled(function: F) -> F:
    """Compiles a function of arrays and numbers; the result is kept on disk between starts."""
    result: F = numba.njit(cache=True, error_model="numpy")(function)
    return result
