"""What a lane keeps of its newest steps beside the numbers, and how a checkpoint tells it."""

from collections.abc import Iterable

import msgspec

KEEP_IDS = 16


class Trail(msgspec.Struct, array_like=True, gc=False):
    """Ids of the newest steps' calls, names of their first tools; and ids of calls that only shortened the context."""

    first: int = 0  # number of the oldest step that is kept
    ids: list[str] = []
    names: list[str] = []
    compactions: list[str] = []

    def trim(self) -> None:
        """Lets go of what no alert will name."""
        over = len(self.ids) - KEEP_IDS
        if over > 0:
            del self.ids[:over], self.names[:over]
            self.first += over
        del self.compactions[:-KEEP_IDS]

    def since(self, step: int) -> "Trail":
        """What a checkpoint has to tell where it told all before this step."""
        first = max(step, self.first)
        skip = first - self.first
        return Trail(first, self.ids[skip:], self.names[skip:], self.compactions)

    def go_on(self, more: "Trail") -> None:
        """Takes back what `since` gave."""
        kept = more.first - self.first
        if not 0 <= kept <= len(self.ids):
            self.first, kept = more.first, 0
        self.ids[kept:], self.names[kept:], self.compactions = more.ids, more.names, more.compactions


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Trail).decode


def _joined(parts: Iterable[bytes]) -> Trail:
    trail, *rest = map(_decode, parts)
    for more in rest:
        trail.go_on(more)
    trail.trim()
    return trail


class Trails:
    """The trails of lanes, by slot. What a checkpoint told of one stays bytes until it is asked for.

    A takeover is over sooner by that, and the runs that end without another step take less memory.
    """

    def __init__(self) -> None:
        self._open: dict[int, Trail] = {}
        self._told: dict[int, list[bytes]] = {}

    def __len__(self) -> int:
        return len(self._open) + len(self._told)

    def __contains__(self, slot: int) -> bool:
        return slot in self._open or slot in self._told

    def __getitem__(self, slot: int) -> Trail:
        trail = self._open.get(slot)
        if trail is None:
            trail = self._open[slot] = _joined(self._told.pop(slot))
        return trail

    def start(self, slot: int) -> None:
        """A new lane begins."""
        self._open[slot] = Trail()

    def forget(self, slot: int) -> None:
        """A lane has left."""
        self._open.pop(slot, None)
        self._told.pop(slot, None)

    def tell(self, slots: Iterable[int], steps: Iterable[int]) -> list[msgspec.Raw]:
        """Of lanes what a checkpoint has to tell where it told all before these steps."""
        return [msgspec.Raw(self._since(slot, step)) for slot, step in zip(slots, steps, strict=True)]

    def _since(self, slot: int, step: int) -> bytes:
        parts = self._told.get(slot)
        if parts is None:
            return _encode(self._open[slot].since(step))
        if len(parts) > 1:
            parts[:] = [_encode(_joined(parts))]
        return _encode(_decode(parts[0]).since(step)) if step else parts[0]

    def take_back(self, slots: Iterable[int], told: Iterable[msgspec.Raw]) -> None:
        """Takes back what `tell` gave, checkpoint by checkpoint."""
        for slot, more in zip(slots, told, strict=True):
            self._told.setdefault(slot, []).append(bytes(more))
