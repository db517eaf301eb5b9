"""What the Containerfile makes, without a container: a tree that nobody may write to, in which a worker runs."""

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.brokers import Kafka
from tests.support.containerfile import Image, stages, without_privileges
from tests.support.services import free_port
from tests.support.worker import COMMAND, END_S, variables

READY_S = 120.0
pytestmark = pytest.mark.timeout(900)  # machine code for no processor in particular is made first, once


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    made = Image(tmp_path_factory.mktemp("containerfile"))
    yield made
    made.unlock()


def probe() -> list[str]:
    """HEALTHCHECK's command, by this Python."""
    told = next(step.rest for step in stages()[1] if step.word == "HEALTHCHECK")
    python, *arguments = json.loads(told[told.index("[") :])
    assert python == "python"
    return [sys.executable, *arguments]


def healthy(environment: dict[str, str]) -> bool:
    """What the health check says of a worker."""
    return subprocess.run(probe(), env=environment, capture_output=True, timeout=30, check=False).returncode == 0


@contextmanager
def running(image: Image, kafka: Kafka, directory: Path) -> Iterator[tuple[subprocess.Popen[bytes], dict[str, str]]]:
    """A worker of the image with all its stages, once it is ready, and its environment; no capability, no home."""
    port = free_port()
    config = kafka.config(web={"port": port}, gateway={"port": 0})
    environment = image.environment() | variables(config) | {"TMPDIR": str(directory)}
    argv = [*without_privileges(), *COMMAND, "worker"]
    log = directory / "log"
    with log.open("wb") as said:
        process = subprocess.Popen(argv, cwd=image.tree, env=environment, stdout=said, stderr=said)
    try:
        deadline = time.monotonic() + READY_S
        while not ready(port):
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()[-3000:]  # noqa: PT018
            time.sleep(0.1)
        yield process, environment
    finally:
        process.kill()
        process.wait()


def ready(port: int) -> bool:
    """Whether all stages work."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=10) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError):
        return False


def files(directory: Path) -> dict[Path, float]:
    """All files with the times of their last change."""
    return {path: path.stat().st_mtime for path in directory.rglob("*") if path.is_file()}


def test_a_worker_that_may_write_machine_code_has_none_to_write_as_all_of_it_is_there(
    image: Image, kafka: Kafka, tmp_path: Path
) -> None:
    built_in = files(image.code)
    with running(image, kafka, tmp_path):
        assert files(image.code) == built_in
    assert len(built_in) > 100


def test_a_worker_runs_where_it_may_write_nothing_and_its_health_check_tells(
    image: Image, kafka: Kafka, tmp_path: Path
) -> None:
    image.lock()
    before = files(image.tree)
    with running(image, kafka, tmp_path) as (process, environment):
        assert healthy(environment)
        assert healthy(environment | {"http_proxy": "http://127.0.0.1:9"})  # of the site, not for this
        process.terminate()
        assert process.wait(END_S) == 0
    assert not healthy(environment)
    assert files(image.tree) == before
