"""The broker that integration tests run on: embedded, Apache Kafka or a running one, by one interface."""

import itertools
import re
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from detector.config import Config, Topics
from detector.kafka import plan
from detector.kafka.embedded import EmbeddedBroker
from tests.support.apache import ApacheKafka

ADMIN_S = 20.0
RUN = uuid.uuid4().hex[:8]
"""At the end of every topic's name: a broker that is given may have others."""
_count = itertools.count()
MADE_UP_TIMES = {"message.timestamp.type": "CreateTime", "retention.ms": "-1"}
"""Of producers' topics: tests say when a record came, which may be years ago; a broker would delete it."""


class Broker(Protocol):
    """What the three have in common. `kind` is embedded, apache or given."""

    kind: str
    bootstrap: str
    session_s: float  # the shortest session of a consumer group that works well on it

    def create_topic(self, name: str, partitions: int, settings: Mapping[str, str]) -> None: ...
    def outage(self) -> AbstractContextManager[None]: ...


class Embedded:
    """librdkafka's mock cluster; topic settings have no effect."""

    kind = "embedded"
    session_s = 3.0  # a member that left is waited for until a second before this

    def __init__(self, broker: EmbeddedBroker) -> None:
        self._broker, self.bootstrap = broker, broker.bootstrap

    def create_topic(self, name: str, partitions: int, settings: Mapping[str, str]) -> None:
        self._broker.create_topic(name, partitions)

    @contextmanager
    def outage(self) -> Iterator[None]:
        self._broker.down()
        try:
            yield
        finally:
            self._broker.up()


class Real:
    """A broker that has the whole protocol, somewhere."""

    kind = "given"
    session_s = 6.0  # the least that a broker takes by default

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap
        # Quiet, since a test may take the broker down; what fails is raised.
        self._admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 2})

    def create_topic(self, name: str, partitions: int, settings: Mapping[str, str]) -> None:
        made = self._admin.create_topics([NewTopic(name, partitions, 1, config=dict(settings))])
        made[name].result(ADMIN_S)
        self._await(name, partitions)

    def _await(self, name: str, partitions: int) -> None:
        """Until the broker tells of a topic that its controller has made."""
        deadline = time.monotonic() + ADMIN_S
        while time.monotonic() < deadline:
            found = self._admin.list_topics(timeout=ADMIN_S).topics.get(name)
            if found and sum(each.leader >= 0 for each in found.partitions.values()) == partitions:
                return
            time.sleep(0.01)
        pytest.fail(f"{name} was made and does not appear", pytrace=False)

    def outage(self) -> AbstractContextManager[None]:
        pytest.skip("a running broker that was given is not taken down")

    def ready(self) -> None:
        """Fails the test where it does not answer."""
        try:
            self._admin.list_topics(timeout=ADMIN_S)
        except KafkaException as error:
            pytest.fail(f"--broker {self.bootstrap}: {error.args[0].str()}", pytrace=False)

    def clean(self) -> None:
        """Deletes the topics of this run, whoever made them."""
        made = [name for name in self._admin.list_topics(timeout=ADMIN_S).topics if name.endswith(RUN)]
        if made:
            for deleted in self._admin.delete_topics(made).values():
                deleted.result(ADMIN_S)


class Apache(Real):
    """Apache Kafka in a process of the test run."""

    kind = "apache"

    def __init__(self, server: ApacheKafka) -> None:
        super().__init__(server.bootstrap)
        self.server = server

    @contextmanager
    def outage(self) -> Iterator[None]:
        self.server.kill()
        try:
            yield
        finally:
            self.server.start()


@contextmanager
def started(choice: str, directory: Path) -> Iterator[Broker]:
    """The broker that `--broker` names, until the end of the block."""
    if choice == "embedded":
        with EmbeddedBroker() as broker:
            yield Embedded(broker)
    elif choice == "apache":
        server = ApacheKafka(directory)
        try:
            server.start()
            yield Apache(server)
        finally:
            server.kill()
    else:
        real = Real(choice)
        real.ready()
        try:
            yield real
        finally:
            real.clean()


class Kafka:
    """The broker as one test sees it: its topics and groups are its own."""

    def __init__(self, broker: Broker, test: str) -> None:
        self.broker, self.kind, self.bootstrap = broker, broker.kind, broker.bootstrap
        self._suffix = f"{re.sub('[^A-Za-z0-9]+', '-', test)[:80]}-{next(_count)}-{RUN}"

    def name(self, stem: str) -> str:
        """A topic or group name that no other test has."""
        return f"{stem}.{self._suffix}"

    def topic(self, stem: str = "topic", partitions: int = 1, **settings: str) -> str:
        """Makes a topic of its own, and returns its name; `settings` with _ for dots, as cleanup_policy."""
        name = self.name(stem)
        told = {key.replace("_", "."): value for key, value in settings.items()}
        self.broker.create_topic(name, partitions, told)
        return name

    def config(self, create: bool = True, **sections: dict[str, Any]) -> Config:
        """A configuration for this broker with topics and groups of its own; `sections` as tables.

        Four partitions and short sessions unless told. With `create` the topics are there.
        """
        names = {key: self.name(name) for key, name in Topics().model_dump().items() if isinstance(name, str)}
        kafka = {
            "bootstrap": self.bootstrap,
            "group": self.name("detector"),
            "session_timeout_s": self.broker.session_s,
        }
        topics = names | {"partitions": 4}
        config = Config.model_validate(
            sections | {"kafka": kafka | sections.get("kafka", {}), "topics": topics | sections.get("topics", {})}
        )
        if create:
            for topic in plan.topics(config):
                made_up = {} if topic.ours else MADE_UP_TIMES
                self.broker.create_topic(topic.name, topic.partitions, topic.settings | made_up)
        return config

    def outage(self) -> AbstractContextManager[None]:
        """Until the end of the block the broker is gone; records stay. Skips where the broker is not ours."""
        return self.broker.outage()
