"""What leaves memory: steps whose results never came, and rows that were idle for too long or exceed the bound."""

from collections.abc import Iterator

import numpy as np

from detector.state.shard import Shard

ACTOR_IDLE_S = 8 * 86_400.0
"""An actor is what its last 7 days say of it."""


def overdue(shard: Shard, limit: float) -> list[int]:
    """Slots of the lanes whose newest step has waited for results since before `limit` (s UTC)."""
    slots = []
    while shard.awaiting:
        key, (lane, t) = next(iter(shard.awaiting.items()))
        if t > limit:
            break
        del shard.awaiting[key]
        slot = shard.lanes.get(lane)
        if slot < 0 or slot in slots:
            continue
        row = shard.lanes.rows[slot]
        newest = row["history"][(row["steps"] - 1) % len(row["history"])]["t"]
        if row["open"] and newest <= limit:
            slots.append(slot)
    return slots


def forget_lanes(shard: Shard, limit: float, most: int) -> None:
    """Forgets lanes unheard since `limit` (s UTC), and the longest unheard of those beyond `most`."""
    busy = set(np.unique(shard.pool.rows["lane"][: len(shard.pool.ids)]).tolist())
    gone = shard.lanes.idle_since(limit)
    excess = len(shard.lanes) - len(gone) - most
    if excess > 0:
        gone = shard.lanes.longest_unheard(len(gone) + excess)
    for key in gone:
        if shard.lanes.get(key) not in busy:
            shard.forget_lane(key)


def idle_subjects(shard: Shard, limit: float) -> Iterator[int]:
    """Keys of the subjects unheard since `limit` (s UTC) that have neither lanes nor rows that wait."""
    idle = shard.subjects.idle_since(limit)
    if not idle:
        return
    lanes = shard.lanes.rows
    busy = set(lanes["subject_key"][lanes["used"] == 1].tolist())
    waiting = set(shard.pool.rows["subject"][: len(shard.pool.ids)].tolist())
    for key in idle:
        if key not in busy and shard.subjects.get(key) not in waiting:
            yield key


def forget_actors(shard: Shard, watermark: float) -> None:
    """Forgets actors of which no hour counts any more."""
    for key in shard.actors.idle_since(watermark - ACTOR_IDLE_S):
        shard.forget_actor(key)
