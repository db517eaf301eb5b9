"""A real OpenTelemetry collector, built from deploy/collector and run with its configuration.

`python -m tests.support.collector` builds it, if it is not there yet: 2 to 4 minutes where nothing is at hand.
"""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest
import yaml

from tests.support.services import Service, free_port, program, unavailable

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy" / "collector"
BUILDER = "go.opentelemetry.io/collector/cmd/builder"
BUILD_S = 900
SEND_S = 60.0


def binary() -> Path:
    """The collector that manifest.yaml describes: built once, and again when the manifest changes."""
    manifest = (DEPLOY / "manifest.yaml").read_text(encoding="utf-8")
    place = ROOT / "build" / f"otelcol-{hashlib.sha256(manifest.encode()).hexdigest()[:12]}"
    built = place / yaml.safe_load(manifest)["dist"]["name"]
    go = program("go", package="golang")
    place.mkdir(parents=True, exist_ok=True)
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of several test runs one builds
        if not (place / "done").exists():
            version = re.search(rf"{BUILDER}@(\S+)", manifest)
            assert version is not None, "manifest.yaml says which builder"
            own = re.sub(r"output_path: .*", f"output_path: {place}", manifest)
            (place / "manifest.yaml").write_text(own, encoding="utf-8")
            _run([go, "install", f"{BUILDER}@{version[1]}"], {"GOBIN": str(place)})
            _run([str(place / "builder"), "--config", str(place / "manifest.yaml")], {})
            (place / "done").touch()
    return built


def _run(argv: list[str], environment: Mapping[str, str]) -> None:
    ran = subprocess.run(
        argv, env={**os.environ, **environment}, capture_output=True, text=True, timeout=BUILD_S, check=False
    )
    if ran.returncode:
        unavailable(f"the collector cannot be built: {(ran.stdout + ran.stderr)[-1000:]}")


class Collector:
    """Takes OTLP over HTTP on loopback and writes to two topics; what is on its disk outlives a kill.

    On the embedded broker it speaks an older protocol, the newest that librdkafka's mock cluster knows well enough.
    more: further variables, as KAFKA_BATCH_BYTES; with KAFKA_PASSWORD among them it logs in by TLS.
    refused: how often a client was told to come again.
    """

    def __init__(
        self,
        directory: Path,
        bootstrap: str,
        logs: str,
        spans: str,
        *,
        embedded: bool = False,
        encoding: str = "otlp_proto",
        more: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        topics = {"logs": logs, "traces": spans}
        kafka: dict[str, object] = {name: {"topic": topic, "encoding": encoding} for name, topic in topics.items()}
        kafka |= {"protocol_version": "2.0.0"} if embedded else {}
        (directory / "tests.yaml").write_text(yaml.safe_dump({"exporters": {"kafka": kafka}}))
        (directory / "storage").mkdir()
        http, grpc, metrics = free_port(), free_port(), free_port()
        told = {
            "KAFKA_BROKERS": bootstrap,
            "OTELCOL_STORAGE": str(directory / "storage"),
            "OTELCOL_HTTP": f"127.0.0.1:{http}",
            "OTELCOL_GRPC": f"127.0.0.1:{grpc}",
            "OTELCOL_METRICS_PORT": str(metrics),
            **more,
        }
        secure = [DEPLOY / "secure.yaml"] if "KAFKA_PASSWORD" in more else []
        files = [DEPLOY / "collector.yaml", *secure, directory / "tests.yaml"]
        self.url, self.refused = f"http://127.0.0.1:{http}", 0
        self._service = Service(
            ["env", *(f"{name}={value}" for name, value in told.items()), str(binary())]
            + [part for file in files for part in ("--config", str(file))],
            directory / "collector.log",
        )
        self.start()

    def start(self) -> None:
        """Returns once it takes what is sent."""
        begin = self._service.log.stat().st_size if self._service.log.exists() else 0
        self._service.start(lambda: b"Everything is ready" in self._service.log.read_bytes()[begin:])

    def kill(self) -> None:
        """As by kill -9; idempotent."""
        self._service.kill()

    def send(self, signal: str, body: bytes, zipped: bool = False) -> None:
        """Sends a body of "logs", "traces" or "metrics", protobuf or JSON, as clients do: again, while it is busy."""
        kind = "application/json" if body[:1] == b"{" else "application/x-protobuf"
        headers = {"Content-Type": kind} | ({"Content-Encoding": "gzip"} if zipped else {})
        value = gzip.compress(body) if zipped else body
        deadline = time.monotonic() + SEND_S
        while True:
            request = urllib.request.Request(f"{self.url}/v1/{signal}", value, headers)
            try:
                with urllib.request.urlopen(request, timeout=SEND_S) as response:
                    assert response.status == 200
                return
            except urllib.error.HTTPError as error:
                with error:
                    if error.code not in (429, 503) or time.monotonic() > deadline:
                        raise
                    self.refused += 1
            time.sleep(0.1)


if __name__ == "__main__":
    try:
        print(binary())
    except (pytest.skip.Exception, pytest.fail.Exception) as error:
        sys.exit(str(error))
