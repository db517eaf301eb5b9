"""Reads what a topic holds at this moment, from given places on, without a group and without leaving a trace."""

from collections.abc import AsyncIterator, Mapping

from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from detector.config import Config
from detector.errors import DeploymentError
from detector.kafka.clients import consumer

_POLL_MS = 500
_SILENT_POLLS = 60
"""Polls without any record after which the brokers are given up: half a minute."""


async def rest_of(config: Config, topic: str, begin: Mapping[int, int]) -> AsyncIterator[ConsumerRecord]:
    """Records of the partitions in `begin` from these offsets on, up to where each ends now.

    Where the broker has deleted what comes first, from the first that it has. Raises DeploymentError where the brokers
    do not answer.
    """
    reader = consumer(config)
    try:
        await reader.start()
        places = {TopicPartition(topic, partition): offset for partition, offset in begin.items()}
        first, ends = await reader.beginning_offsets(list(places)), await reader.end_offsets(list(places))
        reader.assign(list(places))
        for place, offset in places.items():
            reader.seek(place, max(offset, first[place]))
        silent = 0
        while any([await reader.position(place) < ends[place] for place in places]):
            got = await reader.getmany(timeout_ms=_POLL_MS)
            silent = 0 if got else silent + 1
            if silent > _SILENT_POLLS:
                raise DeploymentError(f"the brokers at {config.kafka.bootstrap} tell nothing more of {topic}")
            for records in got.values():
                for record in records:
                    yield record
    except KafkaError as error:
        raise DeploymentError(
            f"cannot read {topic} at {config.kafka.bootstrap} ({error}); check kafka.bootstrap and the brokers"
        ) from error
    finally:
        await reader.stop()
