"""Loops over bytes, steps and tasks as machine code: compiled on first use, kept on disk."""

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numba
from numba.core import caching

F = TypeVar("F", bound=Callable[..., Any])

_PACKAGE = Path(__file__).parents[1]


def _digest(package: Path) -> str:
    """Of all sources that machine code may depend on.

    Numba looks at the file of a function alone, not at those of what it calls, nor at constants of other modules.
    """
    digest = hashlib.sha256()
    for source in sorted(s for part in ("enrich", "model", "state") for s in (package / part).glob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:12]


_SOURCES = _digest(_PACKAGE)


def _kept_in() -> Path:
    """Where machine code is kept between starts: another place for other sources."""
    return Path(os.environ.get("NUMBA_CACHE_DIR") or _PACKAGE / "__pycache__") / f"numba-{_SOURCES}"


class _Place:
    """Where the machine code of one function lies. Reading is enough: what cannot be written is compiled anew."""

    def __init__(self, file: str, line: int) -> None:
        path = Path(file)
        self._path, self._line = _kept_in() / path.parent.name, line

    @classmethod
    def from_function(cls, function: Any, file: str) -> "_Place":
        """Numba asks for it by this name, and for the rest too."""
        return cls(file, function.__code__.co_firstlineno)

    def get_cache_path(self) -> str:
        """The directory."""
        return str(self._path)

    def get_source_stamp(self) -> str:
        """The directory is another one for other sources."""
        return self._path.parent.name

    def get_disambiguator(self) -> str:
        """Tells functions of one name apart."""
        return str(self._line)

    def ensure_cache_path(self) -> None:
        """Makes it, where that is possible."""
        with suppress(OSError):
            self._path.mkdir(parents=True, exist_ok=True)


class _Implementation(caching.CompileResultCacheImpl):  # type: ignore[misc]
    _locator_classes: ClassVar = [_Place]


class _Kept(caching.FunctionCache):  # type: ignore[misc]
    _impl_class = _Implementation

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Nothing where it cannot be read."""
        try:
            return super().load_overload(sig, target_context)
        except OSError:
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """A disk that is full or read-only costs the time to compile, at each start."""
        with suppress(OSError):
            super().save_overload(sig, data)


def compiled(function: F) -> F:
    """Compiles a function of arrays and numbers; the result is kept on disk between starts, where there is one."""
    result: F = numba.njit(error_model="numpy")(function)
    result._cache = _Kept(function)  # type: ignore[attr-defined]
    return result
