"""Apache Kafka itself, fetched by Maven and started in KRaft mode on loopback."""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
import uuid
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import NamedTuple

import pytest

from tests.support.services import Service, free_port, program, unavailable

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy" / "kafka"
FETCH_S = 600
FORMAT_S = 60


def libraries() -> Path:
    """The directory of jars that pom.xml asks for; fetched once, and again when pom.xml changes."""
    pom = DEPLOY / "pom.xml"
    found = ROOT / "build" / "kafka-libs" / hashlib.sha256(pom.read_bytes()).hexdigest()[:12]
    if found.is_dir():
        return found
    maven = program("mvn", package="maven")
    fresh = found.with_name(f"{found.name}.{uuid.uuid4().hex}")
    # fmt: off
    fetched = subprocess.run(
        [maven, "-q", "-B", "-f", str(pom), "dependency:copy-dependencies", f"-DoutputDirectory={fresh}",
         "-DincludeScope=runtime"],
        capture_output=True, text=True, timeout=FETCH_S, check=False,
    )
    # fmt: on
    if fetched.returncode:
        shutil.rmtree(fresh, ignore_errors=True)
        unavailable(f"Maven cannot fetch Apache Kafka: {fetched.stdout[-500:]}")
    try:
        fresh.rename(found)  # at once, since another run may fetch too
    except OSError:
        shutil.rmtree(fresh)
    return found


class Quorum(NamedTuple):
    """How a broker finds the controllers, of which it is one: `controllers` are all of them, host:port each."""

    node: int
    port: int
    controllers: str
    format: tuple[str, ...]

    @classmethod
    def of_one(cls, port: int) -> Quorum:
        """It is alone."""
        return cls(1, port, f"127.0.0.1:{port}", ("--standalone", f"--cluster-id={_uuid()}"))

    @classmethod
    def of(cls, ports: Sequence[int]) -> list[Quorum]:
        """As many brokers as ports, numbered from 1 on."""
        voters = ",".join(f"{n}@127.0.0.1:{port}:{_uuid()}" for n, port in enumerate(ports, 1))
        format = (f"--initial-controllers={voters}", f"--cluster-id={_uuid()}")
        controllers = ",".join(f"127.0.0.1:{port}" for port in ports)
        return [cls(n, port, controllers, format) for n, port in enumerate(ports, 1)]


def _uuid() -> str:
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()


class ApacheKafka:
    """One broker; runs after start(), at `bootstrap`. Data and address outlive a kill.

    It may have more listeners (security protocol to port), server properties and SCRAM users (with password), and
    be one of a cluster: then `quorum` says how its storage is formatted.
    """

    def __init__(
        self,
        directory: Path,
        more_listeners: Mapping[str, int] = MappingProxyType({}),
        properties: Mapping[str, str] = MappingProxyType({}),
        users: Mapping[str, str] = MappingProxyType({}),
        quorum: Quorum | None = None,
    ) -> None:
        java = program("java", package="openjdk-17-jre-headless")
        quorum = quorum or Quorum.of_one(free_port())
        port, controller = free_port(), quorum.port
        self.bootstrap = f"127.0.0.1:{port}"
        self._properties = directory / "server.properties"
        ports = {"PLAINTEXT": port, "CONTROLLER": controller, **more_listeners}
        listeners = ",".join(f"{name}://127.0.0.1:{number}" for name, number in ports.items())
        changed = {
            "listeners": listeners,
            "advertised.listeners": listeners,
            "node.id": str(quorum.node),
            "controller.quorum.bootstrap.servers": quorum.controllers,
            "log.dirs": str(directory / "data"),
            "log.initial.task.delay.ms": "1000",  # what is too old goes soon, or tests would fail now and then
            "log.retention.check.interval.ms": "1000",
            **properties,
        }
        # Of a key that is there twice the later one holds.
        text = (DEPLOY / "server.properties").read_text(encoding="utf-8")
        text += "".join(f"{key}={value}\n" for key, value in changed.items())
        self._properties.write_text(text, encoding="utf-8")
        # fmt: off
        self._java = [
            java, "-Xms256m", "-Xmx512m", "-XX:TieredStopAtLevel=1",
            f"-Dlog4j2.configurationFile={DEPLOY / 'log4j2.properties'}", "-cp", f"{libraries()}/*",
        ]
        # fmt: on
        self.log = directory / "kafka.log"
        self._service = Service([*self._java, "kafka.Kafka", str(self._properties)], self.log)
        self._format(users, quorum)

    def start(self) -> None:
        """Returns once it serves."""
        begin = self.log.stat().st_size if self.log.exists() else 0

        def ready() -> bool:
            return b"Kafka Server started" in self.log.read_bytes()[begin:]

        self._service.start(ready)

    def kill(self) -> None:
        """As by kill -9; idempotent."""
        self._service.kill()

    def _format(self, users: Mapping[str, str], quorum: Quorum) -> None:
        # fmt: off
        formatted = subprocess.run(
            [*self._java, "kafka.tools.StorageTool", "format", *quorum.format, "-c", str(self._properties),
             *(f"--add-scram=SCRAM-SHA-512=[name={name},password={word}]" for name, word in users.items())],
            capture_output=True, text=True, timeout=FORMAT_S, check=False,
        )
        # fmt: on
        assert formatted.returncode == 0, (formatted.stdout + formatted.stderr)[-3000:]


@contextmanager
def apache_if_any() -> Iterator[ApacheKafka | None]:
    """One that runs until the end of the block; None where it cannot be had here. For programs, which skip nothing."""
    with TemporaryDirectory(prefix="detector-kafka-") as directory, ExitStack() as stack:
        server: ApacheKafka | None = None
        try:
            server = ApacheKafka(Path(directory))
            stack.callback(server.kill)
            server.start()
        except (pytest.skip.Exception, pytest.fail.Exception):
            server = None
        yield server


class ApacheCluster:
    """Three brokers with three copies of what they keep for themselves; `bootstrap` names all of them."""

    def __init__(self, directory: Path) -> None:
        copies = {
            "offsets.topic.replication.factor": "3",
            "transaction.state.log.replication.factor": "3",
            "transaction.state.log.min.isr": "2",
            "share.coordinator.state.topic.replication.factor": "3",
            "share.coordinator.state.topic.min.isr": "2",
        }
        quorums = Quorum.of([free_port() for _ in range(3)])
        places = [directory / f"broker-{quorum.node}" for quorum in quorums]
        for place in places:
            place.mkdir(parents=True)
        with ThreadPoolExecutor() as pool:
            self.brokers = list(pool.map(lambda at, quorum: ApacheKafka(at, {}, copies, {}, quorum), places, quorums))
        self.bootstrap = ",".join(broker.bootstrap for broker in self.brokers)

    def start(self) -> None:
        """Returns once all serve."""
        with ThreadPoolExecutor() as pool:
            list(pool.map(ApacheKafka.start, self.brokers))

    def kill(self) -> None:
        """All, as by kill -9; idempotent."""
        for broker in self.brokers:
            broker.kill()

    def at(self, address: str) -> ApacheKafka:
        """The broker at host:port."""
        return next(broker for broker in self.brokers if broker.bootstrap == address)
