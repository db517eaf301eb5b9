"""The one place that compiles, or leaves it: `compiled` makes machine code of a function of arrays and numbers.

Where NUMBA_DISABLE_JIT is set, functions stay Python, numba is not even imported, and the results are the same. That
is for reading a few texts where numba is not installed: it takes a hundred times as long.
"""

import os
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

F = TypeVar("F", bound=Callable[..., Any])

INTERPRETED = os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")

if INTERPRETED:
    np.seterr(over="ignore")  # 64 bits without a sign are meant to wrap, as they do in machine code

    def compiled(function: F) -> F:
        """The function as it is."""
        return function

else:
    from detector.enrich.machine_code import compiled

__all__ = ["INTERPRETED", "compiled"]
