"""The calls of an audit, kept on disk until the end is known: memory goes by names, not by calls."""

import tempfile
from collections.abc import Hashable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from detector.engine import Counted
from detector.errors import DetectorError
from detector.ledger.names import Subject, Who
from detector.model.packed import Ident

T = TypeVar("T", bound=Hashable)
CALL = np.dtype(
    [
        ("t", "f8"),  # s UTC
        ("usd", "f8"),
        ("who", "u4"),  # codes: see Calls
        ("subject", "u4"),
        ("run", "i4"),  # -1: the call names none
        ("flags", "u4"),  # see packed
    ]
)
"""32 B a call."""
_AT_ONCE = 1 << 20
"""Calls that are looked at in one go."""


class Codes(Generic[T]):
    """Numbers for names, in the order of their coming."""

    def __init__(self) -> None:
        self.names: list[T] = []
        self._codes: dict[T, int] = {}

    def __len__(self) -> int:
        return len(self.names)

    def of(self, name: T) -> int:
        """Its number."""
        code = self._codes.setdefault(name, len(self.names))
        if code == len(self.names):
            self.names.append(name)
        return code


class Calls:
    """Counted calls, and the names behind their codes; some 200 B each name. Closed by `with`."""

    def __init__(self) -> None:
        self.whos, self.subjects, self.runs = Codes[Who](), Codes[Subject](), Codes[tuple[str, str]]()
        self._idents: dict[Ident, tuple[int, int, int]] = {}
        self._file = tempfile.TemporaryFile()  # noqa: SIM115, closed by `close`
        self.count = 0

    def __enter__(self) -> "Calls":
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # what could not be written is said already
            self._file.close()

    def take(self, counted: Counted) -> None:
        """Keeps them."""
        rows = np.zeros(len(counted.rows), CALL)
        rows["t"], rows["usd"], rows["flags"] = (counted.rows[name] for name in ("t", "cost_usd", "flags"))
        codes = np.array([self._codes_of(ident) for ident in counted.idents], np.int64).reshape(-1, 3)
        rows["who"], rows["subject"], rows["run"] = codes.T
        with _room():
            self._file.write(rows.tobytes())
        self.count += len(rows)

    def _codes_of(self, ident: Ident) -> tuple[int, int, int]:
        codes = self._idents.get(ident)
        if codes is None:
            if len(self._idents) >= _AT_ONCE:
                self._idents.clear()
            who = Who(ident.tenant, ident.team, ident.agent, None, None, ident.provider, ident.model, ident.task_type)
            subject = Subject(ident.subject, ident.tenant, ident.task)
            run = -1 if ident.run is None else self.runs.of((ident.tenant, ident.run))
            codes = self._idents[ident] = self.whos.of(who), self.subjects.of(subject), run
        return codes

    def chunks(self) -> Iterator[npt.NDArray[Any]]:
        """All of them, in the order in which they came."""
        with _room():
            self._file.flush()
        self._file.seek(0)
        while data := self._file.read(_AT_ONCE * CALL.itemsize):
            yield np.frombuffer(data, CALL)


@contextmanager
def _room() -> Iterator[None]:
    """Raises DetectorError, which names the folder and the fix, where the disk takes no more."""
    try:
        yield
    except OSError as error:
        raise DetectorError(
            f"calls are kept in {tempfile.gettempdir()}, 32 B each, until the end is known, and it takes no more "
            f"({error.strerror}); name another folder by TMPDIR"
        ) from error
