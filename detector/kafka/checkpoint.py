"""What a checkpoint writes to the changelog, and which one a new owner loads: pure functions over bytes.

The changelog of a partition holds, all in that partition:

    p:segment:generation:checkpoint:chunk   a piece of a part of one segment, written once under this key
    p:manifest:generation                   the newest finished checkpoint of that owner: Manifest, as JSON

A segment is parts in their order: all of it, then what changed in it, checkpoint by checkpoint, until it is written
whole again. Changes earn what is spent on that: for each of their bytes one of whole segments, those with the most
changes first. So a checkpoint costs twice what changed, and what a new owner reads is one and a half times the state.

A manifest names only keys of its own generation, so an owner's first checkpoint holds every segment. An owner
tombstones only what its own finished manifest has replaced, and nothing of a younger generation. So a worker
that froze, lost the partition and wakes again can damage nothing that its successor relies on: at any moment
there is a complete manifest with at least the acknowledged offset. Tombstones are sent first and the manifest
last, so that the changelog ends in a live record: a recovery waits forever for a last one that was compacted.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

import msgspec

from detector.decoding import decoded
from detector.errors import StateError
from detector.formats import other_version

FORMAT = 2

CHUNK_BYTES = 900_000
"""Longer parts are cut: a broker takes records of 1 MiB unless it is told otherwise."""

MOST_PARTS = 64
"""Parts of a segment, about: so many checkpoints at most go by until all segments are written whole once more."""

_MANIFEST = b"manifest"

Parts = list[tuple[int, int]]
"""Of a segment: the checkpoints that wrote its parts, and in how many chunks; the first of them wrote it whole."""


class Manifest(msgspec.Struct, frozen=True):
    """A finished checkpoint: the packed offset that it includes, and the parts of each segment."""

    format: int
    offset: int
    segments: dict[int, Parts]


class Key(NamedTuple):
    """A key of the changelog, taken apart; `segment` is None for a manifest."""

    partition: int
    segment: int | None
    generation: int
    checkpoint: int = 0
    chunk: int = 0

    def encode(self) -> bytes:
        """The key's bytes."""
        if self.segment is None:
            return b"%d:%b:%d" % (self.partition, _MANIFEST, self.generation)
        return b":".join(b"%d" % n for n in (self.partition, self.segment, *self[2:]))

    @classmethod
    def decode(cls, key: bytes) -> "Key":
        """Raises StateError where this is no key of a changelog."""
        parts = key.split(b":")
        try:
            if len(parts) == 3 and parts[1] == _MANIFEST:
                return cls(int(parts[0]), None, int(parts[2]))
            partition, segment, generation, checkpoint, chunk = map(int, parts)
        except ValueError:
            raise StateError(
                f"the state topic holds a foreign key {key[:64]!r}; it must be this deployment's own"
            ) from None
        return cls(partition, segment, generation, checkpoint, chunk)


class Restored(NamedTuple):
    """A checkpoint that was found: the packed offset that it includes, and by segment the bytes of its parts."""

    offset: int
    segments: dict[int, list[bytes]]


def choose(data: Mapping[bytes, bytes]) -> Restored | None:
    """The complete checkpoint with the highest offset among the live records of one partition.

    None where there is none; raises StateError on one that this version cannot read. One whose segments are
    missing is passed over: an owner of yesterday may write it after its successor has removed them.
    """
    found = []
    for key, value in data.items():
        parsed = Key.decode(key)
        if parsed.segment is None:
            manifest = _read_manifest(parsed, value)
            found.append((manifest.offset, parsed.generation, parsed, manifest.segments))
    for offset, _, place, named in sorted(found, key=lambda entry: entry[:2], reverse=True):
        try:
            read = {n: [_join(data, place._replace(segment=n), part) for part in parts] for n, parts in named.items()}
        except KeyError:
            continue
        return Restored(offset, read)
    return None


def _join(data: Mapping[bytes, bytes], place: Key, part: tuple[int, int]) -> bytes:
    """A part's bytes; raises KeyError where a chunk is missing."""
    checkpoint, chunks = part
    return b"".join(data[place._replace(checkpoint=checkpoint, chunk=n).encode()] for n in range(chunks))


def _read_manifest(key: Key, value: bytes) -> Manifest:
    where = f"the checkpoint of generation {key.generation}"
    try:
        version = decoded(_format, value).format
        if version != FORMAT:
            raise StateError(other_version(where, version, FORMAT))
        return decoded(_whole, value)
    except msgspec.MsgspecError as error:
        raise StateError(f"{where} is damaged: {error}") from error


class _Format(msgspec.Struct):
    format: int


_format, _whole = msgspec.json.Decoder(_Format), msgspec.json.Decoder(Manifest)


class Plan(NamedTuple):
    """What a checkpoint writes: tombstones, then segments; once these are acknowledged, the manifest."""

    tombstones: list[bytes]
    segments: list[tuple[bytes, bytes]]
    manifest: tuple[bytes, bytes]
    named: dict[int, Parts]
    whole_bytes: dict[int, int]
    changed_bytes: dict[int, int]

    @property
    def size(self) -> int:
        """Bytes of state."""
        return sum(len(value) for _, value in self.segments) + len(self.manifest[1])


class Ledger:
    """What one owner knows to be live in a partition of the changelog, to plan its next checkpoint by.

    `keys` are those that were live when it took the partition over.
    """

    def __init__(self, partition: int, generation: int, keys: Iterable[bytes]) -> None:
        self._partition, self._generation = partition, generation
        self._live = {key for key in keys if Key.decode(key).generation <= generation}
        self._manifest = Key(partition, None, generation).encode()
        self._named: dict[int, Parts] = {}
        self._whole_bytes: dict[int, int] = {}
        self._changed_bytes: dict[int, int] = {}  # since it was written whole
        self._earned = 0.0  # bytes that may be spent on writing segments whole
        # A key is written once: numbers go on where keys of this very generation were found.
        mine = (key for key in map(Key.decode, self._live) if key.generation == generation)
        self._next = 1 + max((key.checkpoint for key in mine), default=-1)

    @property
    def empty(self) -> bool:
        """Whether this owner has not finished a checkpoint yet: its first one has to hold every segment."""
        return not self._named

    def has(self, n: int) -> bool:
        """Whether the segment is in this owner's newest checkpoint, so that what changed in it can follow."""
        return n in self._named

    def due(self) -> set[int]:
        """Numbers of the segments that the next checkpoint should write whole, whether they changed or not."""
        cost = {n: max(self._whole_bytes[n], changed) for n, changed in self._changed_bytes.items()}
        chosen, left = set(), self._earned
        for n in sorted(cost, key=lambda n: (-self._changed_bytes[n] / self._whole_bytes[n], n)):
            if len(self._named[n]) >= MOST_PARTS or cost[n] <= left:
                chosen.add(n)
                left -= cost[n]
        return chosen

    def plan(
        self, offset: int, whole: Mapping[int, bytes], changes: Mapping[int, bytes], every: Collection[int]
    ) -> Plan:
        """A checkpoint that includes the packed record at `offset`; `every` are the numbers that there are.

        Of a segment all of it or its changes are given, or nothing where it did not change. Raises ValueError where it
        is not given whole and was never written by this owner.
        """
        if missing := set(every) - set(self._named) - set(whole):
            raise ValueError(f"segments {sorted(missing)} were never written by this owner")
        writes: list[tuple[bytes, bytes]] = []
        named = {n: parts for n, parts in self._named.items() if n in every}
        changed_bytes = {n: size for n, size in self._changed_bytes.items() if n in every and n not in whole}
        for n, value in (*whole.items(), *changes.items()):
            starts = range(0, max(len(value), 1), CHUNK_BYTES)
            for chunk, start in enumerate(starts):
                key = Key(self._partition, n, self._generation, self._next, chunk).encode()
                writes.append((key, value[start : start + CHUNK_BYTES]))
            named[n] = [*(named[n] if n in changes else ()), (self._next, len(starts))]
            if n in changes:
                changed_bytes[n] = changed_bytes.get(n, 0) + len(value)
        whole_bytes = {n: size for n, size in self._whole_bytes.items() if n in every}
        whole_bytes |= {n: len(value) for n, value in whole.items()}
        manifest = msgspec.json.encode(Manifest(FORMAT, offset, named))
        return Plan(self._garbage(), writes, (self._manifest, manifest), named, whole_bytes, changed_bytes)

    def finish(self, plan: Plan) -> None:
        """The plan was written in full: what it replaced goes with the next one."""
        self._live.difference_update(plan.tombstones)
        self._live.update(key for key, _ in plan.segments)
        self._live.add(self._manifest)
        self._earn(plan)
        self._named, self._whole_bytes, self._changed_bytes = plan.named, plan.whole_bytes, plan.changed_bytes
        self._next += 1

    def _earn(self, plan: Plan) -> None:
        """Bytes of changes are earned, and a share of all so that old parts go; segments written again are paid."""
        live = sum(plan.whole_bytes.values()) + sum(plan.changed_bytes.values())
        paid = sum(plan.whole_bytes.get(n, 0) for n in self._changed_bytes if n not in plan.changed_bytes)
        told = sum(size - self._changed_bytes.get(n, 0) for n, size in plan.changed_bytes.items())
        self._earned = min(max(0.0, self._earned - paid) + told + live / MOST_PARTS, float(live))

    def _garbage(self) -> list[bytes]:
        """Live keys that this owner's own newest manifest has made superfluous."""
        if not self._named:
            return []
        needed = {self._manifest}
        for n, parts in self._named.items():
            place = Key(self._partition, n, self._generation)
            needed |= {place._replace(checkpoint=at, chunk=c).encode() for at, chunks in parts for c in range(chunks)}
        return sorted(self._live - needed)
