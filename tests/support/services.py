"""Programs beyond Python that tests start: found or skipped, on loopback, gone afterwards."""

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

import pytest

START_S = 60.0  # on a loaded CI machine a JVM needs some; without load it takes 3
POLL_S = 0.02


def unavailable(reason: str) -> NoReturn:
    """Skips the test; with REQUIRE_SERVICES=1, as in CI, it fails instead."""
    if os.environ.get("REQUIRE_SERVICES") == "1":
        pytest.fail(f"REQUIRE_SERVICES=1, but {reason}", pytrace=False)
    pytest.skip(reason)


def program(*names: str, package: str) -> str:
    """The path of the first of `names` that is installed, else unavailable."""
    for name in names:
        if path := shutil.which(name):
            return path
    unavailable(f"{' or '.join(names)} is not on PATH (Debian: apt-get install {package})")


_PORTS = 15_000, 32_000
_chance, _handed_out = random.SystemRandom(), set[int]()


def free_port() -> int:
    """A TCP port of loopback that was free a moment ago, and is none that systems give to connections by themselves."""
    while True:
        port = _chance.randrange(*_PORTS)
        if port in _handed_out:
            continue
        _handed_out.add(port)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def fetched(url: str) -> bytes:
    """What is answered there; raises urllib.error.URLError, of an answer that is an error its HTTPError."""
    with urllib.request.urlopen(url, timeout=10) as response:
        body: bytes = response.read()
    return body


def is_ready(url: str) -> bool:
    """Whether a program of Prometheus's kin at `url` says that it is ready."""
    try:
        fetched(f"{url}/-/ready")
    except (urllib.error.URLError, ConnectionError):
        return False
    return True


class Service:
    """A program that runs between start and kill, and no longer than the test run; may start again."""

    def __init__(self, argv: Sequence[str], log: Path) -> None:
        self.argv, self.log = list(argv), log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, ready: Callable[[], bool]) -> None:
        """Returns once `ready` says so; fails the test with the end of the log where that takes too long."""
        assert self._process is None, "it is running"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("leash.py")), *self.argv],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for pytest, which then ends this in order
            )
        deadline = time.monotonic() + START_S
        while not ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                tail = self.log.read_text(errors="replace")[-3000:]
                pytest.fail(f"{Path(self.argv[0]).name} did not start:\n{tail}", pytrace=False)
            time.sleep(POLL_S)

    def freeze(self) -> None:
        """It stands still until thaw(): connections stay open, and nothing answers."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Ends freeze()."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGCONT)

    def kill(self) -> None:
        """As by kill -9; idempotent."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        process.stdin.close()
        process.wait()
