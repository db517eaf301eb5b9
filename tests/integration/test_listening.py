"""Nothing listens beyond loopback unless it is told to."""

import sys
import time
from pathlib import Path

import pytest

from detector.config import Config
from tests.support.brokers import Kafka
from tests.support.sockets import listening
from tests.support.worker import START_S, Worker, worker

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="asks the kernel through /proc")


def places(running: Worker, said: str) -> list[tuple[str, int]]:
    """Where it listens once it has said so much."""
    end = time.monotonic() + START_S
    while said not in running.said:
        assert running.process.poll() is None, running.said
        assert time.monotonic() < end, running.said
        time.sleep(0.05)
    found = listening(running.process.pid)
    return [("loopback" if address.is_loopback else str(address), port) for address, port in found]


def test_a_worker_serves_on_loopback(kafka: Kafka, tmp_path: Path) -> None:
    with worker(
        kafka.config(web={"port": 0}, notify={"alertmanagers": ["http://127.0.0.1:1"]}), tmp_path, "worker"
    ) as it:
        found = places(it, "stage=notify")
        assert ("loopback", int(it.address.rpartition(":")[2])) in found
        assert [address for address, _ in found] == ["loopback"] * 2  # metrics, and the gateway


def test_a_worker_serves_where_it_is_told(kafka: Kafka, tmp_path: Path) -> None:
    config = kafka.config(web={"host": "0.0.0.0", "port": 0})
    with worker(config, tmp_path, "worker", "--stage", "notify") as it:
        assert [address for address, _ in places(it, "stage=notify")] == ["0.0.0.0"]


@pytest.mark.parametrize("port", ["0", "free"])
def test_the_embedded_broker_is_on_loopback(tmp_path: Path, port: str, unused_tcp_port: int) -> None:
    told = str(unused_tcp_port) if port == "free" else port
    with worker(Config(), tmp_path, "broker", "--port", told) as it:
        found = places(it, "The broker is at")
        assert found
        assert {address for address, _ in found} == {"loopback"}


def test_the_demo_is_on_loopback(tmp_path: Path) -> None:
    config = Config.model_validate({"web": {"port": 0}})
    with worker(config, tmp_path, "demo", "--seconds", "60") as it:
        found = places(it, "http://127.0.0.1:")
        assert len(found) >= 2  # the broker's and that of metrics
        assert {address for address, _ in found} == {"loopback"}
