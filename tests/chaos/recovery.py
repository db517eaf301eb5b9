"""How long partitions stood still after a kill: until the next record of each is acknowledged."""

import asyncio
import time
from collections.abc import Iterable
from typing import NamedTuple

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from detector.config import Config
from detector.kafka import admin, clients

POLL_S = 0.25
ASK_S = 3.0

Place = tuple[str, int]
"""Stage and partition."""


class Recovered(NamedTuple):
    """How long it took, and how long of that the broker was away, in s."""

    time_s: float
    away_s: float
    place: Place


class Recovery:
    """Follows the committed offsets of ingest, watch and portfolio; `done` has a recovery for each place lost."""

    def __init__(self, config: Config) -> None:
        self._config = config
        topics = config.topics
        self._topics = {"ingest": topics.calls, "watch": topics.observations, "portfolio": topics.rollups}
        self._offsets: dict[Place, int] = {}
        self._lost: dict[Place, tuple[float, int]] = {}
        self._away: list[tuple[float, float]] = []
        self.done: list[Recovered] = []

    def killed(self, places: Iterable[Place]) -> None:
        """A worker that read these has just been killed."""
        now_s = time.monotonic()
        for place in places:
            self._lost.setdefault(place, (now_s, self._offsets.get(place, -1)))

    def away(self, from_s: float, to_s: float) -> None:
        """The broker was (monotonic s)."""
        self._away.append((from_s, to_s))

    @property
    def waiting(self) -> list[Place]:
        """Places that nothing was acknowledged of since."""
        return sorted(self._lost)

    async def follow(self) -> None:
        """Until it is cancelled."""
        while True:
            try:
                async with asyncio.timeout(ASK_S), admin.connected(self._config) as client:
                    while True:
                        async with asyncio.timeout(ASK_S):
                            for stage, topic in self._topics.items():
                                group = clients.group_id(self._config, stage)
                                places = [TopicPartition(topic, p) for p in range(self._config.topics.partitions)]
                                found = await client.list_consumer_group_offsets(group, partitions=places)
                                self._note(stage, {tp.partition: told.offset for tp, told in found.items()})
                        await asyncio.sleep(POLL_S)
            except (KafkaError, TimeoutError, OSError, admin.DeploymentError):
                await asyncio.sleep(POLL_S)  # the broker is away

    def _note(self, stage: str, offsets: dict[int, int]) -> None:
        for partition, offset in offsets.items():
            place = (stage, partition)
            self._offsets[place] = offset
            if place in self._lost and offset > self._lost[place][1]:
                began_s, now_s = self._lost.pop(place)[0], time.monotonic()
                away_s = sum(max(0.0, min(now_s, end) - max(began_s, begin)) for begin, end in self._away)
                self.done.append(Recovered(now_s - began_s, away_s, place))
