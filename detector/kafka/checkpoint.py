"""What a checkpoint writes to the changelog, and which one a new owner loads: pure functions over bytes.

The changelog of a partition holds, all in that partition:

    p:segment:generation:checkpoint:chunk   a piece of one segment's bytes, written once under this key
    p:manifest:generation                   the newest finished checkpoint of that owner: Manifest, as JSON

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

FORMAT = 1

CHUNK_BYTES = 900_000
"""Longer segments are cut: a broker takes records of 1 MiB unless it is told otherwise."""

_MANIFEST = b"manifest"


class Manifest(msgspec.Struct, frozen=True):
    """A finished checkpoint: the packed offset that it includes, and by segment the keys of its chunks."""

    format: int
    offset: int
    segments: dict[int, list[str]]


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
    """A checkpoint that was found: the packed offset that it includes, and the bytes by segment."""

    offset: int
    segments: dict[int, bytes]


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
            found.append((manifest.offset, parsed.generation, manifest))
    for offset, _, manifest in sorted(found, key=lambda entry: entry[:2], reverse=True):
        try:
            segments = {n: b"".join(data[key.encode()] for key in keys) for n, keys in manifest.segments.items()}
        except KeyError:
            continue
        return Restored(offset, segments)
    return None


def _read_manifest(key: Key, value: bytes) -> Manifest:
    where = f"the state of partition {key.partition} (generation {key.generation})"
    try:
        version = decoded(_format, value).format
        if version != FORMAT:
            raise StateError(f"{where} has format {version}, this version reads {FORMAT}: run the newer version")
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
    named: dict[int, list[str]]

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
        self._named: dict[int, list[str]] = {}
        # A key is written once: numbers go on where keys of this very generation were found.
        mine = (key for key in map(Key.decode, self._live) if key.generation == generation)
        self._next = 1 + max((key.checkpoint for key in mine), default=-1)

    @property
    def empty(self) -> bool:
        """Whether this owner has not finished a checkpoint yet: its first one has to hold every segment."""
        return not self._named

    def plan(self, offset: int, changed: Mapping[int, bytes], every: Collection[int]) -> Plan:
        """A checkpoint that includes the packed record at `offset`; `every` are the numbers that there are.

        Raises ValueError where one of them is neither in `changed` nor in this owner's last checkpoint.
        """
        writes: list[tuple[bytes, bytes]] = []
        named = {n: keys for n, keys in self._named.items() if n in every}
        for n, value in changed.items():
            keys = []
            for chunk, start in enumerate(range(0, max(len(value), 1), CHUNK_BYTES)):
                key = Key(self._partition, n, self._generation, self._next, chunk).encode()
                writes.append((key, value[start : start + CHUNK_BYTES]))
                keys.append(key.decode())
            named[n] = keys
        if missing := set(every) - set(named):
            raise ValueError(f"segments {sorted(missing)} were never written by this owner")
        manifest = msgspec.json.encode(Manifest(FORMAT, offset, named))
        return Plan(self._garbage(), writes, (self._manifest, manifest), named)

    def finish(self, plan: Plan) -> None:
        """The plan was written in full: what it replaced goes with the next one."""
        self._live.difference_update(plan.tombstones)
        self._live.update(key for key, _ in plan.segments)
        self._live.add(self._manifest)
        self._named = plan.named
        self._next += 1

    def _garbage(self) -> list[bytes]:
        """Live keys that this owner's own newest manifest has made superfluous."""
        if not self._named:
            return []
        needed = {key.encode() for keys in self._named.values() for key in keys} | {self._manifest}
        return sorted(self._live - needed)
