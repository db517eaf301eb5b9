"""The one place that compiles: loops over bytes, steps and tasks become machine code on first use."""

from collections.abc import Callable
from typing import Any, TypeVar

import numba

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Compiles a function of arrays and numbers; the result is kept on disk between starts."""
    result: F = numba.njit(cache=True, error_model="numpy")(function)
    return result
