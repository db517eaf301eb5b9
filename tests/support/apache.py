"""Apache Kafka itself, fetched by Maven and started in KRaft mode on loopback."""

import base64
import hashlib
import shutil
import subprocess
import uuid
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

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


class ApacheKafka:
    """One broker; runs after start(), at `bootstrap`. Data and address outlive a kill.

    It may have more listeners (security protocol to port), server properties and SCRAM users (with password).
    """

    def __init__(
        self,
        directory: Path,
        more_listeners: Mapping[str, int] = MappingProxyType({}),
        properties: Mapping[str, str] = MappingProxyType({}),
        users: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        java = program("java", package="openjdk-17-jre-headless")
        port, controller = free_port(), free_port()
        self.bootstrap = f"127.0.0.1:{port}"
        self._properties = directory / "server.properties"
        ports = {"PLAINTEXT": port, "CONTROLLER": controller, **more_listeners}
        listeners = ",".join(f"{name}://127.0.0.1:{number}" for name, number in ports.items())
        changed = {
            "listeners": listeners,
            "advertised.listeners": listeners,
            "controller.quorum.bootstrap.servers": f"127.0.0.1:{controller}",
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
        self._format(users)

    def start(self) -> None:
        """Returns once it serves."""
        begin = self.log.stat().st_size if self.log.exists() else 0

        def ready() -> bool:
            return b"Kafka Server started" in self.log.read_bytes()[begin:]

        self._service.start(ready)

    def kill(self) -> None:
        """As by kill -9; idempotent."""
        self._service.kill()

    def _format(self, users: Mapping[str, str]) -> None:
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
        # fmt: off
        formatted = subprocess.run(
            [*self._java, "kafka.tools.StorageTool", "format", "--standalone", f"--cluster-id={cluster}",
             "-c", str(self._properties),
             *(f"--add-scram=SCRAM-SHA-512=[name={name},password={word}]" for name, word in users.items())],
            capture_output=True, text=True, timeout=FORMAT_S, check=False,
        )
        # fmt: on
        assert formatted.returncode == 0, (formatted.stdout + formatted.stderr)[-3000:]
