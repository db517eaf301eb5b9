"""How far the consumer group of a stage is behind, and whether anybody works in it. Joins no group."""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError, IncompatibleBrokerVersion, KafkaError

from detector.config import Config
from detector.kafka import clients

NEVER = -1  # the offset that is told where nothing was committed


class Lag(NamedTuple):
    """`behind` is in records, all of them where nothing is committed; `committed` is the sum of its offsets.

    `members` is None where the broker does not tell, as the embedded one.
    """

    behind: int
    committed: int
    begun: bool
    members: int | None


async def measure(config: Config, admin: AIOKafkaAdminClient, group: str, partitions: Sequence[TopicPartition]) -> Lag:
    """The lag of a group over these partitions."""
    offsets = await _committed(admin, group, partitions)
    begins, ends = await bounds(config, partitions)
    reached = {
        each: max(begins[each], offsets[each]) if offsets[each] != NEVER else begins[each] for each in partitions
    }
    return Lag(
        behind=sum(max(0, ends[each] - reached[each]) for each in partitions),
        committed=sum(max(0, offset) for offset in offsets.values()),
        begun=any(offset != NEVER for offset in offsets.values()),
        members=await _members(admin, group),
    )


async def bounds(
    config: Config, partitions: Sequence[TopicPartition]
) -> tuple[dict[TopicPartition, int], dict[TopicPartition, int]]:
    """The first offsets and the next ones."""
    reader = clients.consumer(config)
    try:
        await reader.start()
        reader.assign(partitions)
        return await reader.beginning_offsets(partitions), await reader.end_offsets(partitions)
    finally:
        await reader.stop()


async def newest_s(config: Config, partitions: Sequence[TopicPartition], within_s: float) -> float | None:
    """The newest timestamp among the last records of these partitions, in s UTC; None without records."""
    begins, ends = await bounds(config, partitions)
    filled = [each for each in partitions if ends[each] > begins[each]]
    if not filled:
        return None
    reader = clients.consumer(config)
    newest: float | None = None
    try:
        await reader.start()
        reader.assign(filled)
        for each in filled:
            reader.seek(each, ends[each] - 1)
        left = set(filled)
        async with asyncio.timeout(within_s):
            while left:
                for each, records in (await reader.getmany(timeout_ms=100)).items():
                    left.discard(each)
                    newest = max([newest or 0.0, *(record.timestamp / 1000 for record in records)])
    except TimeoutError:
        pass  # the last offset may hold no record: compaction and transactions leave gaps
    finally:
        await reader.stop()
    return newest


async def _committed(
    admin: AIOKafkaAdminClient, group: str, partitions: Sequence[TopicPartition]
) -> dict[TopicPartition, int]:
    try:
        found = await admin.list_consumer_group_offsets(group, partitions=list(partitions))
    except GroupCoordinatorNotAvailableError:  # no group has ever committed on this cluster
        return dict.fromkeys(partitions, NEVER)
    return {each: found[each].offset if each in found else NEVER for each in partitions}


async def _members(admin: AIOKafkaAdminClient, group: str) -> int | None:
    try:
        answers = await admin.describe_consumer_groups([group])
    except (IncompatibleBrokerVersion, KafkaError):
        return None
    return sum(len(found[5]) for answer in answers for found in answer.groups)
