"""`detector` as a process of its own: configured by variables alone, in a directory of its own, its words kept."""

import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from detector.config import Config

SOURCES = Path(__file__).parents[2]
START_S = 60.0  # machine code may have to be made first
END_S = 30.0
_ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")


def variables(config: Config) -> dict[str, str]:
    """The variables that say what was set in a configuration, secrets in the clear."""

    def told(table: Mapping[str, Any], above: str) -> Iterator[tuple[str, str]]:
        for key, value in table.items():
            name = f"{above}{key}".upper()
            if isinstance(value, Mapping):
                yield from told(value, f"{name}__")
            elif isinstance(value, SecretStr):
                yield name, value.get_secret_value()
            elif value is not None:
                yield name, json.dumps(value) if isinstance(value, bool | list) else str(value)

    return dict(told(config.model_dump(exclude_unset=True), "DETECTOR_"))


def environment(config: Config, directory: Path) -> dict[str, str]:
    """The environment of a process that leaves what it leaves in `directory`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DETECTOR_")}
    places = dict.fromkeys(("TMPDIR", "HOME"), str(directory))
    ports = {"DETECTOR_GATEWAY__PORT": "0"}  # tests run side by side
    return kept | places | ports | {"PYTHONPATH": str(SOURCES)} | variables(config)


COMMAND = [sys.executable, "-c", "from detector.cli import main; main()"]


class Worker:
    """A running `detector`; what it says is in `out` and `err`."""

    def __init__(self, config: Config, directory: Path, *arguments: str) -> None:
        directory.mkdir(exist_ok=True)
        self.out, self.err = directory / "out", directory / "err"
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self.process = subprocess.Popen(
                [*COMMAND, *arguments], env=environment(config, directory), cwd=directory, stdout=out, stderr=err
            )

    @property
    def said(self) -> str:
        """All that it said so far."""
        return self.out.read_text(errors="replace") + self.err.read_text(errors="replace")

    @property
    def address(self) -> str:
        """Where it serves metrics and health, once it says so."""
        end = time.monotonic() + START_S
        while (found := _ADDRESS.search(self.err.read_text())) is None:
            assert self.process.poll() is None, f"it ended:\n{self.said[-3000:]}"
            assert time.monotonic() < end, f"it does not serve:\n{self.said[-3000:]}"
            time.sleep(0.05)
        return found[0]

    def get(self, path: str) -> str:
        """What it answers, whatever the status."""
        try:
            with urllib.request.urlopen(self.address + path, timeout=START_S) as answer:
                return str(answer.read().decode())
        except urllib.error.HTTPError as error:
            with error:
                return error.read().decode()

    def end(self) -> int:
        """Ends it by SIGTERM; its exit code."""
        self.process.terminate()
        return self.process.wait(END_S)


@contextmanager
def worker(config: Config, directory: Path, *arguments: str) -> Iterator[Worker]:
    """`detector ARGUMENTS` until the end of the block, then killed if it is still there."""
    running = Worker(config, directory, *arguments)
    try:
        yield running
    finally:
        running.process.kill()
        running.process.wait()


def run(config: Config, directory: Path, *arguments: str) -> tuple[int, str]:
    """Exit code and all that `detector ARGUMENTS` says, once it ends."""
    with worker(config, directory, *arguments) as running:
        return running.process.wait(START_S + END_S), running.said
