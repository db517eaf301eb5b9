"""A real Alertmanager on loopback."""

import json
from pathlib import Path
from typing import Any

from tests.support.services import Service, fetched, free_port, is_ready, program

SILENT = """
route: {receiver: nobody}
receivers: [{name: nobody}]
"""
"""A configuration that holds alerts and tells nobody."""


class Alertmanager:
    """Runs after start(), at `url`; its data and address outlive a kill, so it can be started again."""

    def __init__(self, directory: Path, config: str = SILENT) -> None:
        path = program("prometheus-alertmanager", "alertmanager", package="prometheus-alertmanager")
        (directory / "alertmanager.yml").write_text(config, encoding="utf-8")
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.log = directory / "alertmanager.log"
        self._service = Service(
            [
                path,
                f"--config.file={directory / 'alertmanager.yml'}",
                f"--storage.path={directory / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
                "--cluster.listen-address=",  # alone: no gossip, no second port
                "--log.level=debug",
            ],
            self.log,
        )
        self.start()

    def start(self) -> None:
        """Returns once it is ready."""
        self._service.start(lambda: is_ready(self.url))

    def kill(self) -> None:
        """As by kill -9; idempotent."""
        self._service.kill()

    def freeze(self) -> None:
        """It answers nobody until thaw()."""
        self._service.freeze()

    def thaw(self) -> None:
        """Ends freeze()."""
        self._service.thaw()

    def alerts(self) -> list[dict[str, Any]]:
        """The alerts that fire now, as API v2 tells them."""
        found: list[dict[str, Any]] = json.loads(fetched(f"{self.url}/api/v2/alerts"))
        return found
