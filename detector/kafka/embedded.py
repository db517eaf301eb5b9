"""The embedded broker: a mock cluster in a process of its own, for the demo, for trying out and for tests.

It keeps about 5 MB a partition in memory and silently forgets older records: pace producers by the progress
of the consumer. A consumer behind that point hangs. A record that leaves no room for the one before it (above
2.5 MB at worst, 5 MB always) is acknowledged and cannot be read. Topics cannot be made through the Kafka
protocol; a topic that a client names first gets 4 partitions. Nothing survives its end.
"""

import json
import subprocess
import sys
import threading
from contextlib import suppress
from types import TracebackType
from typing import Any

from detector.config import Config, Topics
from detector.errors import DeploymentError
from detector.kafka import plan

END_S = 5.0  # it only frees memory; longer means it hangs


class EmbeddedBroker:
    """A broker on loopback until `with` ends, or until this process does.

    `partitions` is what create_topic gives unless told. The detector's topics are there from the start under
    their default names, with as many (see plan.topics; links has 1). `port` 0 is any free one.
    Attribute: bootstrap (host:port).
    """

    def __init__(self, partitions: int = 8, port: int = 0) -> None:
        self.partitions, self.port = partitions, port
        self.bootstrap = ""
        self._process: subprocess.Popen[str] | None = None
        self._one_at_a_time = threading.Lock()

    def start(self) -> "EmbeddedBroker":
        """Returns once it accepts connections; raises DeploymentError with the reason where it does not."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "detector.kafka.mockserver"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            self.bootstrap = self._ask({"do": "start", "port": self.port})["bootstrap"]
            self.create_topics(Config(topics=Topics(partitions=self.partitions)))
        except BaseException:
            self.close()
            raise
        return self

    def create_topic(self, name: str, partitions: int | None = None) -> None:
        """Makes a topic; nothing happens where this was asked for before with the same partitions."""
        self._ask({"do": "create", "topic": name, "partitions": partitions or self.partitions})

    def create_topics(self, config: Config) -> None:
        """Makes the detector's topics with the names and partitions of `config`."""
        for topic in plan.topics(config):
            self.create_topic(topic.name, topic.partitions)

    def down(self) -> None:
        """Cuts all connections and refuses new ones, as in an outage; records stay."""
        self._ask({"do": "down"})

    def up(self) -> None:
        """Ends what down() began."""
        self._ask({"do": "up"})

    def wait(self) -> int:
        """Blocks until the broker's process ends; its exit code."""
        return self._running().wait()

    def close(self) -> None:
        """Ends it; idempotent."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        assert process.stdout is not None
        with suppress(BrokenPipeError):  # it has ended by itself
            process.stdin.close()
        process.stdout.close()
        try:
            process.wait(END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def __enter__(self) -> "EmbeddedBroker":
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            raise DeploymentError("the embedded broker is not running; use it inside `with EmbeddedBroker()`")
        return self._process

    def _ask(self, command: dict[str, Any]) -> dict[str, Any]:
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        with self._one_at_a_time:
            try:
                process.stdin.write(json.dumps(command) + "\n")
                process.stdin.flush()
                line = process.stdout.readline()
            except BrokenPipeError:
                line = ""
        if not line:
            raise DeploymentError(f"the embedded broker has ended (exit code {process.wait()})")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise DeploymentError(answer["error"])
        return answer
