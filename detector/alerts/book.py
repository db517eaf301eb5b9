"""The newest notice of each episode that is open, or that ended and has yet to be told."""

from collections import OrderedDict

from detector.alerts.alertmanager import Notice

MAX_CLOSED = 200_000
"""Ids of ended episodes whose version is remembered, about 200 B each; the longest closed leave first."""


class Book:
    """What notify knows of episodes; of an id the highest version holds, whatever the order of its records.

    A worker that lost its partitions may repeat an old record later. So the version of an episode that ended
    is kept on, lest its first record would open it again.
    """

    def __init__(self, max_closed: int = MAX_CLOSED) -> None:
        self.notices: dict[str, Notice] = {}
        self.ended: set[str] = set()
        self._closed: OrderedDict[str, int] = OrderedDict()
        self._max_closed = max_closed

    def take(self, notice: Notice) -> bool:
        """Takes a notice; False where one of the same or a higher version is known."""
        known = self.notices.get(notice.id)
        version = known.version if known is not None else self._closed.get(notice.id)
        if version is not None and notice.version <= version:
            return False
        self._closed.pop(notice.id, None)
        self.notices[notice.id] = notice
        if notice.firing:
            self.ended.discard(notice.id)
        else:
            self.ended.add(notice.id)
        return True

    def bury(self, id: str, written_s: float) -> bool:
        """Takes a tombstone: an episode that is open ends with it; False where none is."""
        known = self.notices.get(id)
        if known is None or not known.firing:
            return False
        over = known._replace(firing=False, changed_s=written_s, written_s=written_s)
        self.notices[id] = over
        self.ended.add(id)
        return True

    def close(self, id: str) -> None:
        """Lets an episode go that ended and that nobody has to be told of any more."""
        self.ended.discard(id)
        self._closed[id] = self.notices.pop(id).version
        if len(self._closed) > self._max_closed:
            self._closed.popitem(last=False)

    def close_before(self, written_s: float) -> None:
        """Lets all go whose end was written before `written_s` (seconds UTC)."""
        for id in [id for id in self.ended if self.notices[id].written_s < written_s]:
            self.close(id)
