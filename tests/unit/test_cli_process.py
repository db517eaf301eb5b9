"""The command line as a process: it starts quickly, and ends well."""

import os
import signal
import subprocess
import sys

import pytest


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("DETECTOR_")]:
        monkeypatch.delenv(name)


def imported_by(*arguments: str) -> set[str]:
    """The top-level modules that a command imports."""
    script = (
        "import sys\nfrom detector.cli import main\n"
        "try: main(sys.argv[1:])\nexcept SystemExit: pass\n"
        "print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=True, timeout=60
    )
    return set(ended.stderr.split())


HEAVY = {"numba", "numpy", "faust", "mode", "aiokafka", "confluent_kafka", "river", "genai_prices", "aiohttp"}


def test_help_imports_nothing_heavy() -> None:
    assert not imported_by("--help") & (HEAVY | {"pydantic", "prometheus_client", "rich", "asyncio"})


def test_the_configuration_is_printed_without_anything_heavy() -> None:
    assert not imported_by("config") & HEAVY


def test_a_link_is_checked_without_anything_heavy() -> None:
    assert not imported_by("link", "--run", "r", "--task", "t", "--dry-run") & (HEAVY | {"rich"})


def test_what_goes_to_a_gateway_needs_nothing_heavy_either() -> None:
    named = ("--run", "r", "--task", "t", "--gateway", "http://127.0.0.1:1")
    assert not imported_by("link", *named) & (HEAVY | {"rich", "asyncio"})


def test_a_reader_that_leaves_early_is_no_traceback() -> None:
    command = f"{sys.executable} -c 'from detector.cli import main; main()' config | true"
    ended = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60)
    assert "Traceback" not in ended.stderr


def test_the_broker_runs_until_it_is_told_to_end() -> None:
    with subprocess.Popen(
        [sys.executable, "-u", "-c", "from detector.cli import main; main()", "broker", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("The broker is at 127.0.0.1:")
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")
