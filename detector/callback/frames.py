"""Calls on their way through the pipe to the child: four bytes of length, then JSON."""

import os
import select
import time

_LENGTH = 4
_CHUNK = 1 << 16


def framed(call: bytes) -> bytes:
    """The call as it goes into the pipe."""
    return len(call).to_bytes(_LENGTH, "big") + call


class Frames:
    """Reads calls from a pipe."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._buffer = bytearray()
        self._poll = select.poll()
        self._poll.register(fd, select.POLLIN)
        self.ended = False

    def batch(self, most: int, most_bytes: int, linger_s: float) -> list[bytes]:
        """Waits for a call, then up to `linger_s` for more: up to `most`, or until they have `most_bytes`.

        Empty only where the other end is closed and all was read.
        """
        calls: list[bytes] = []
        size, until = 0, None
        while len(calls) < most and size < most_bytes:
            call = self._next()
            if call is not None:
                calls.append(call)
                size += len(call)
                until = until or time.monotonic() + linger_s
                continue
            if self.ended or not self._read(None if until is None else until - time.monotonic()):
                break
        return calls

    def closing(self) -> bool:
        """Whether the other end is closed, though there may be more to read."""
        return self.ended or any(flags & select.POLLHUP for _, flags in self._poll.poll(0))

    def _next(self) -> bytes | None:
        if len(self._buffer) < _LENGTH:
            return None
        end = _LENGTH + int.from_bytes(self._buffer[:_LENGTH], "big")
        if len(self._buffer) < end:
            return None
        call = bytes(self._buffer[_LENGTH:end])
        del self._buffer[:end]
        return call

    def _read(self, timeout_s: float | None) -> bool:
        """Reads what there is, waiting at most that long; False where nothing came."""
        if timeout_s is not None and (timeout_s <= 0 or not self._poll.poll(timeout_s * 1000)):
            return False
        read = os.read(self._fd, _CHUNK)
        self.ended = not read
        self._buffer += read
        return bool(read)
