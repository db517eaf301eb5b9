"""Fixtures of the configuration's tests."""

import os
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("DETECTOR_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def written(text: str | bytes) -> Path:
        path = tmp_path / "detector.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return written
