"""Which errors end the membership in a consumer group, and which only interrupt it."""

from typing import Any

from aiokafka.errors import GroupAuthorizationFailedError, KafkaError, TopicAuthorizationFailedError

from detector.errors import DeploymentError


def raise_if_over(consumer: Any, error: KafkaError) -> None:
    """Raises DeploymentError where access is refused, `error` itself where aiokafka has given up; else returns.

    `consumer` is an AIOKafkaConsumer that reported `error`.
    """
    if isinstance(error, GroupAuthorizationFailedError | TopicAuthorizationFailedError):
        raise DeploymentError(f"the brokers refuse access ({error}); grant it to this login") from error
    if consumer._coordinator._coordination_task.done():
        raise error
