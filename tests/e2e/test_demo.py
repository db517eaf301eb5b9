"""The demo as its user runs it: all runaways are caught within a minute, nobody innocent is paged."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

DEMO = [str(Path(sys.executable).with_name("detector")), "demo"]


def running(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*DEMO, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def left_over(session: int) -> list[str]:
    """Command lines of processes of that session that still run."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[3]) == session and fields[0] != "Z":
                found.append((stat.parent / "cmdline").read_text())
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


@pytest.mark.kafka
def test_all_runaways_are_caught_within_a_minute_and_no_innocent_is_paged():
    process = running("--seconds", "58")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, f"{out}\n{err}"
    assert "passed: runaways caught 3 of 3 · innocent paged 0" in out
    settled = re.search(r"all caught (\d+) s after the start", out)
    assert settled is not None
    assert int(settled[1]) <= 60
    assert "Traceback" not in err
    assert left_over(process.pid) == []


@pytest.mark.kafka
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_ended_early_it_is_not_judged_and_leaves_nothing_behind(number: signal.Signals):
    process = running()
    assert process.stdout is not None
    for line in process.stdout:  # until its first line about the fleet: by then everything runs
        if " calls, $" in line:
            break
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, f"{out}\n{err}"
    assert "not judged" in out
    assert "Traceback" not in err
    assert left_over(process.pid) == []
