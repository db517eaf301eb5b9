"""How much is in hand, to a bound: what is beyond it has to come again later."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType


class Full(Exception):  # noqa: N818, the field's word for it
    """There is no room; a client may come again."""


class Room:
    """Bytes and requests in hand; `show` is told of the bytes."""

    def __init__(self, most_bytes: int, most_requests: int, show: Callable[[int], object]) -> None:
        self._most_bytes, self._most_requests, self._show = most_bytes, most_requests, show
        self._bytes = self._requests = 0

    def enter(self) -> "Held":
        """A request. Raises Full."""
        if self._requests >= self._most_requests:
            raise Full
        self._requests += 1
        return Held(self)

    def _grow(self, more: int) -> None:
        if self._bytes + more > self._most_bytes:
            raise Full
        self._bytes += more
        self._show(self._bytes)

    def _leave(self, held: int) -> None:
        self._requests -= 1
        self._bytes -= held
        self._show(self._bytes)


class Held(AbstractContextManager["Held"]):
    """What a request holds, until its block ends or, where it is `kept`, until `leave`."""

    def __init__(self, room: Room) -> None:
        self._room, self._bytes, self._kept, self._left = room, 0, False, False

    def grow(self, more: int) -> None:
        """Holds so many more bytes. Raises Full."""
        self._room._grow(more)
        self._bytes += more

    def keep(self) -> None:
        """It outlives its block."""
        self._kept = True

    def leave(self) -> None:
        """Gives all back; may be called again."""
        if not self._left:
            self._left = True
            self._room._leave(self._bytes)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._kept:
            self.leave()
