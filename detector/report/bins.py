"""Sums over time in a bounded number of bins, which grow wider as time goes on."""

from array import array

WIDTHS_S = (
    1, 5, 15, 60, 300, 900, 1_800, 3_600, 10_800, 21_600, 43_200, 86_400, 7 * 86_400, 28 * 86_400, 364 * 86_400,
)  # fmt: skip
"""Widths of bins (s), each a multiple of the one before, so that bins can be joined without a remainder."""


class Bins:
    """Dollars and calls in bins that begin at multiples of `width_s` since 1970; memory: 16 B a bin, at most `most`.

    `first`: the number of the first bin; `usd`, `calls`: of it and those after it. `widest_s`: how wide bins become;
    from then on the oldest are forgotten.
    """

    __slots__ = ("calls", "first", "most", "usd", "widest_s", "width_s")

    def __init__(self, most: int, width_s: int = WIDTHS_S[0], widest_s: int = WIDTHS_S[-1]) -> None:
        self.most, self.width_s, self.widest_s, self.first = most, width_s, widest_s, 0
        self.usd, self.calls = array("d"), array("d")

    def __len__(self) -> int:
        return len(self.usd)

    @property
    def began_t(self) -> int:
        """When the first bin begins (s UTC)."""
        return self.first * self.width_s

    def add(self, t: float, usd: float, calls: int) -> None:
        """Adds what was spent at `t` (s UTC)."""
        place = int(t // self.width_s)
        while self._span(place) > self.most:
            if self.width_s >= self.widest_s:
                if place < self.first:
                    return
                self._forget(self._span(place) - self.most)
                break
            self.widen(WIDTHS_S[WIDTHS_S.index(self.width_s) + 1])
            place = int(t // self.width_s)
        self._reach(place)
        self.usd[place - self.first] += usd
        self.calls[place - self.first] += calls

    def widen(self, width_s: int) -> None:
        """Joins bins to wider ones."""
        if width_s == self.width_s:
            return
        times = width_s // self.width_s
        before, usd, calls = self.first, self.usd, self.calls
        self.width_s, self.first, self.usd, self.calls = width_s, before // times, array("d"), array("d")
        for n, (dollars, count) in enumerate(zip(usd, calls, strict=True)):
            self._reach((before + n) // times)
            self.usd[-1] += dollars
            self.calls[-1] += count

    def within(self, first: int, count: int) -> list[float]:
        """Dollars of `count` bins from the one with number `first` on, 0 where there are none."""
        return [
            self.usd[n - self.first] if 0 <= n - self.first < len(self.usd) else 0.0
            for n in range(first, first + count)
        ]

    def _forget(self, count: int) -> None:
        self.first += count
        self.usd, self.calls = self.usd[count:], self.calls[count:]

    def _span(self, place: int) -> int:
        if not self.usd:
            return 1
        return max(place, self.first + len(self.usd) - 1) - min(place, self.first) + 1

    def _reach(self, place: int) -> None:
        """Makes room up to this bin."""
        if not self.usd:
            self.first = place
        if place < self.first:
            missing = array("d", bytes(8 * (self.first - place)))
            self.first, self.usd, self.calls = place, missing + self.usd, missing + self.calls
        elif (more := place - self.first - len(self.usd) + 1) > 0:
            self.usd.frombytes(bytes(8 * more))
            self.calls.frombytes(bytes(8 * more))
