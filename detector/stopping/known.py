"""What is known of stops: of each episode the record that holds, and where the topic ends with another one."""

from collections.abc import Container

from detector.stopping.record import Stop, newer

MAX_REMEMBERED = 10_000
"""Stops of episodes that are not open, about 1 kB each: a record that is read late still finds its own."""
SPARE = 1.25
"""Times as many may be there until the oldest leave: looking through all for each would cost."""


class Known(dict[str, Stop]):
    """Stops by the id of their episode, those that were told first at the front."""

    def __init__(self) -> None:
        super().__init__()
        self._contradicted: set[str] = set()

    def take(self, stop: Stop) -> bool:
        """Takes a record of the topic; whether it holds, and says something new."""
        known = self.get(stop.id)
        if known is not None and known != stop and newer(known, stop) is known:
            if known.finished:  # the first record of another worker may come after the end, too
                self._contradicted.add(stop.id)
            return False
        self._contradicted.discard(stop.id)
        self[stop.id] = stop
        return known != stop

    def contradicted(self, busy: Container[str] = ()) -> list[Stop]:
        """What holds and has to be written again, since of a compacted topic the last record stays; told once.

        `busy`: ids of which more is being written, which are left for later.
        """
        ids = {id for id in self._contradicted if id not in busy}
        self._contradicted -= ids
        return [self[id] for id in ids if id in self]

    def forget(self, needed: Container[str], many: int) -> None:
        """Lets the oldest go. `needed`: ids that stay, `many` at most."""
        if len(self) <= SPARE * MAX_REMEMBERED + many:
            return
        old = [id for id in self if id not in needed]
        for id in old[: max(0, len(old) - MAX_REMEMBERED)]:
            del self[id]
