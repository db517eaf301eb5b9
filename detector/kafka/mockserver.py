"""The process of the embedded broker: a command a line on standard input, an answer a line on its output.

It ends with its input, so that the end of its parent, even by kill -9, ends it too.
"""

import json
import signal
import sys
from typing import Any

from detector.errors import DeploymentError
from detector.kafka.mockcluster import MockCluster
from detector.kafka.relay import Relay


class MockServer:
    """Obeys commands; the first one must be start."""

    def __init__(self) -> None:
        self._cluster: MockCluster
        self._topics: dict[str, int] = {}

    def obey(self, command: dict[str, Any]) -> dict[str, Any]:
        """The answer to one command; raises DeploymentError."""
        match command:
            case {"do": "start", "port": port}:
                return {"bootstrap": self._start(port)}
            case {"do": "create", "topic": name, "partitions": partitions}:
                self._create(name, partitions)
            case {"do": "down"}:
                self._cluster.set_down()
            case {"do": "up"}:
                self._cluster.set_up()
            case _:
                raise DeploymentError(f"the embedded broker knows no command like {command}")
        return {}

    def _start(self, port: int) -> str:
        self._cluster = MockCluster()
        if port == 0:
            return self._cluster.bootstrap
        # Its listening socket is its own business; only what it tells clients can be chosen.
        Relay(port, int(self._cluster.bootstrap.rpartition(":")[2]))
        self._cluster.advertise("127.0.0.1", port)
        return f"127.0.0.1:{port}"

    def _create(self, name: str, partitions: int) -> None:
        if self._topics.get(name) == partitions:
            return
        self._cluster.create_topic(name, partitions)
        self._topics[name] = partitions


def main() -> None:
    """Serves until standard input ends."""
    # Both reach every process of a terminal's or `timeout`'s group; the parent still needs the broker to finish.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    server = MockServer()
    for line in sys.stdin:
        try:
            answer = server.obey(json.loads(line))
        except DeploymentError as error:
            answer = {"error": str(error)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
