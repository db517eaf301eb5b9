"""A real Prometheus on loopback, and what it answers."""

import json
import urllib.error
import urllib.parse
from pathlib import Path
from typing import Any

from tests.support.services import Service, fetched, free_port, is_ready, program

PACKAGE = "prometheus"


def promtool() -> str:
    """The path of promtool, else the test is skipped, or fails where services are required."""
    return program("promtool", package=PACKAGE)


class Prometheus:
    """Runs after start(), at `url`, with `config` as its file; rule files are best named by absolute paths."""

    def __init__(self, directory: Path, config: str) -> None:
        path = program("prometheus", package=PACKAGE)
        (directory / "prometheus.yml").write_text(config, encoding="utf-8")
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._service = Service(
            [
                path,
                f"--config.file={directory / 'prometheus.yml'}",
                f"--storage.tsdb.path={directory / 'prometheus'}",
                f"--web.listen-address=127.0.0.1:{port}",
                "--web.enable-admin-api",
                "--rules.alert.resend-delay=1s",  # what fires before it knows its Alertmanagers is told again
            ],
            directory / "prometheus.log",
        )
        self.start()

    def start(self) -> None:
        """Returns once it is ready."""
        self._service.start(lambda: is_ready(self.url))

    def kill(self) -> None:
        """As by kill -9; idempotent."""
        self._service.kill()

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The series of an instant query."""
        found: list[dict[str, Any]] = self.get("query", query=expression)["result"]
        return found

    def query_range(self, expression: str, start_s: float, end_s: float, step_s: float) -> list[dict[str, Any]]:
        """The series of a range query; times in seconds UTC."""
        asked = {"query": expression, "start": str(start_s), "end": str(end_s), "step": str(step_s)}
        found: list[dict[str, Any]] = self.get("query_range", **asked)["result"]
        return found

    def get(self, path: str, **query: str) -> Any:
        """The data of what /api/v1/PATH answers; raises AssertionError with the reason where it is an error."""
        try:
            answer = json.loads(fetched(f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(query)}"))
        except urllib.error.HTTPError as error:
            answer = json.loads(error.read())
        assert answer["status"] == "success", f"{query}: {answer.get('error')}"
        return answer["data"]
