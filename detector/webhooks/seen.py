"""Which deliveries came already: bounded in number and in time."""

from collections import OrderedDict
from collections.abc import Iterable


class Seen:
    """Marks of deliveries, each known for `window_s` seconds, `most` of them at a time."""

    def __init__(self, window_s: float, most: int) -> None:
        self._window_s, self._most = window_s, most
        self._at: OrderedDict[bytes, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._at)

    def knows(self, marks: Iterable[bytes], now_s: float) -> bool:
        """Whether one of them was added within the window."""
        return any(now_s - self._at.get(mark, float("-inf")) <= self._window_s for mark in marks)

    def add(self, marks: Iterable[bytes], now_s: float) -> None:
        """From `now_s` on they are known; what is older than the window is forgotten."""
        for mark in marks:
            self._at[mark] = now_s
            self._at.move_to_end(mark)
        while self._at and (len(self._at) > self._most or now_s - next(iter(self._at.values())) > self._window_s):
            self._at.popitem(last=False)
