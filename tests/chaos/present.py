"""The event clock that all workers share: eight bytes of a file, set by who plays the stream.

It is set to a time once everything up to it is acknowledged by the brokers, so that it stands still while they are
away: the recorded stream is on time, as the replay that it is compared with sees it.
"""

import mmap
import struct
from pathlib import Path

_DOUBLE = struct.Struct("@d")


class Present:
    """A clock (s UTC) kept in a file, which exists from then on."""

    def __init__(self, path: Path, t: float | None = None) -> None:
        if t is not None:
            path.write_bytes(_DOUBLE.pack(t))
        with path.open("r+b") as f:
            self._shared = mmap.mmap(f.fileno(), _DOUBLE.size)

    def __call__(self) -> float:
        """The present."""
        t: float = _DOUBLE.unpack_from(self._shared)[0]
        return t

    def set(self, t: float) -> None:
        """For every process at once: an aligned double is written as one."""
        _DOUBLE.pack_into(self._shared, 0, t)
