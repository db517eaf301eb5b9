"""How far each source has come, and which of them are still waited for."""

from collections.abc import Mapping

import msgspec

_AT_ONCE = 3
"""Between two records the third part of the patience passes at most: when nobody writes, no source is silent."""


class Sources(msgspec.Struct, array_like=True):
    """Marks by source: all before this event time (s UTC) has come from it; 0 from one that is only known to exist.

    A source is waited for, however far behind it is, as long as its mark rises. Patience ends by the times at which
    records were written, so that the same records give the same, whoever reads them when.
    """

    marks: dict[int, float] = {}
    rose_s: dict[int, float] = {}  # source -> when its mark rose last, by passed_s
    passed_s: float = 0.0  # time in which records were written
    written_s: float = 0.0  # of the newest record, s UTC; 0: not known

    def tell(self, marks: Mapping[int, float], written_s: float, patience_s: float) -> None:
        """Takes the marks of a record written at `written_s` (s UTC, 0: not known). A mark never falls."""
        if written_s > self.written_s:
            if self.written_s:
                self.passed_s += min(written_s - self.written_s, patience_s / _AT_ONCE)
            self.written_s = written_s
        for source, mark in marks.items():
            if mark > self.marks.get(source, -1.0):
                self.marks[source], self.rose_s[source] = mark, self.passed_s

    def reached(self, patience_s: float) -> float:
        """The lowest mark of those that rose within `patience_s`; 0 where there is none."""
        since = self.passed_s - patience_s
        return min((mark for source, mark in self.marks.items() if self.rose_s[source] >= since), default=0.0)
