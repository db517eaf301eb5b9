"""The newest record of each episode: open ones all, ended ones for as long as the topic keeps them."""

from collections import OrderedDict
from collections.abc import Iterable, Iterator

import cramjam
import msgspec

from detector.kafka.plan import ALERTS_KEPT_MS
from detector.model.alert import SEVERITIES, Alert, Severity, decode_alert, encode_alert
from detector.stopping.record import Stop, decode_stop, newer

MAX_ENDED = 20_000
"""Episodes that have ended and are kept, the newest; 4 kB each of the longest (tests.bench.pages)."""
MAX_GONE = 200_000
"""Ids of episodes that left whose version is remembered, about 200 B each; those that left first go first."""
MAX_STOPS = 20_000
"""Stops that are kept, some 1 kB each; those that were told first go first."""
LISTED = ("since", "resolved_by")
"""Of the evidence what is told in a list."""
KEPT_S = ALERTS_KEPT_MS / 1000
"""As long as the topic keeps a record."""
_SPARE = 1.25
"""Times MAX_ENDED may be there until the oldest leave: sorting all for each would cost."""


class Entry(msgspec.Struct, frozen=True, gc=False):
    """What an episode is found and ordered by; `packed`: its record. Times in s UTC, `t`: when it changed last.

    `head`: the record for a list, without history, and of its evidence what lists say.
    """

    id: str
    version: int
    firing: bool
    severity: Severity
    cost_usd: float
    opened_at: float
    t: float
    written_s: float
    rule: str
    tenant: str
    team: str | None
    group: str
    task: str | None
    head: bytes
    packed: bytes

    @property
    def alert(self) -> Alert:
        """Its record."""
        return decode_alert(bytes(cramjam.snappy.decompress_raw(self.packed)))


class IncidentBook:
    """Of an id the highest version holds, whatever the order of its records.

    A worker that lost its partitions may repeat an old record later, so the version of an episode that left is kept on.
    """

    def __init__(self, max_ended: int = MAX_ENDED, max_gone: int = MAX_GONE) -> None:
        self._entries: dict[str, Entry] = {}
        self._gone: OrderedDict[str, int] = OrderedDict()
        self._max_ended, self._max_gone = max_ended, max_gone
        self._ended = 0
        self._stops: OrderedDict[str, Stop] = OrderedDict()

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())

    def __len__(self) -> int:
        return len(self._entries)

    def take(self, value: bytes, written_s: float) -> bool:
        """Takes a record that the broker took at `written_s` (s UTC); False where the same or a newer one is known.

        Raises msgspec.MsgspecError on bytes that are no alert.
        """
        alert = decode_alert(value)
        known = self._entries.get(alert.id)
        version = known.version if known is not None else self._gone.get(alert.id)
        if version is not None and alert.version <= version:
            return False
        self._gone.pop(alert.id, None)
        self._remove(alert.id)
        firing = alert.state != "resolved"
        t = alert.updated_at if alert.resolved_at is None else alert.resolved_at
        packed = bytes(cramjam.snappy.compress_raw(value))
        self._entries[alert.id] = Entry(
            alert.id, alert.version, firing, alert.severity, alert.cost_usd, alert.opened_at, t,
            written_s, alert.rule, alert.tenant, alert.team, alert.group, alert.task, _head(alert), packed,
        )  # fmt: skip
        self._ended += not firing
        if self._ended > _SPARE * self._max_ended:
            self._drop_oldest()
        return True

    def take_stop(self, value: bytes) -> None:
        """Takes a record of what was asked to be stopped; raises msgspec.MsgspecError on bytes that are none."""
        told = decode_stop(value)
        self._stops[told.id] = newer(self._stops.get(told.id), told)
        if len(self._stops) > MAX_STOPS:
            self._stops.popitem(last=False)

    def stop_of(self, id: str) -> Stop | None:
        """What became of the request to stop an episode; None where none was made."""
        return self._stops.get(id)

    def bury(self, id: str) -> bool:
        """Takes a tombstone: nothing is shown of the episode any more; False where none is known."""
        if id not in self._entries:
            return False
        self._let_go(id)
        return True

    def let_go(self, now_s: float) -> None:
        """Lets go what was written longer ago than the topic keeps it, and of what has ended the oldest."""
        for id in [id for id, entry in self._entries.items() if entry.written_s < now_s - KEPT_S]:
            self._let_go(id)
        self._drop_oldest()

    def get(self, id: str) -> Entry | None:
        """One episode."""
        return self._entries.get(id)

    def beginning_with(self, prefix: str) -> list[Entry]:
        """Those whose id begins so."""
        return [entry for id, entry in self._entries.items() if id.startswith(prefix)]

    def open(self) -> list[Entry]:
        """What goes on: the most severe and of these the dearest first."""
        return loudest_first(entry for entry in self._entries.values() if entry.firing)

    def ended(self) -> list[Entry]:
        """What is over, the newest first."""
        return newest_first(entry for entry in self._entries.values() if not entry.firing)

    def of(self, rule: str) -> list[Entry]:
        """All of a rule."""
        return [entry for entry in self._entries.values() if entry.rule == rule]

    def related(self, id: str) -> list[Entry]:
        """The others of its tenant with its group or its task, open ones first."""
        of = self._entries.get(id)
        others = [e for e in self if e.id != id and _is_of(e, of)] if of is not None else []
        return loudest_first(e for e in others if e.firing) + newest_first(e for e in others if not e.firing)

    def _drop_oldest(self) -> None:
        for entry in self.ended()[self._max_ended :] if self._ended > self._max_ended else ():
            self._let_go(entry.id)

    def _let_go(self, id: str) -> None:
        self._gone[id] = self._entries[id].version
        self._remove(id)
        if len(self._gone) > self._max_gone:
            self._gone.popitem(last=False)

    def _remove(self, id: str) -> None:
        entry = self._entries.pop(id, None)
        self._ended -= entry is not None and not entry.firing


def _head(alert: Alert) -> bytes:
    kept = {name: alert.evidence[name] for name in LISTED if name in alert.evidence}
    return encode_alert(msgspec.structs.replace(alert, evidence=kept, history=[]))


def _is_of(entry: Entry, other: Entry) -> bool:
    same = entry.group == other.group or (other.task is not None and entry.task == other.task)
    return same and entry.tenant == other.tenant


def loudest_first(entries: Iterable[Entry]) -> list[Entry]:
    """Ordered by how severe they are, of these by what they cost."""
    return sorted(entries, key=lambda e: (-SEVERITIES.index(e.severity), -e.cost_usd, e.id))


def newest_first(entries: Iterable[Entry]) -> list[Entry]:
    """Ordered by when they changed last."""
    return sorted(entries, key=lambda e: (-e.t, e.id))
