"""The demo as its user runs it: all runaways are caught, nobody innocent is paged."""

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


def shown_until(process: subprocess.Popen[str], words: str) -> str:
    """What it prints until a line holds `words`, or until it ends."""
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if words in line:
            break
    return "".join(lines)


@pytest.mark.kafka
def test_all_runaways_are_caught_and_no_innocent_is_paged():
    process = running("--seconds", "240")  # a minute where nothing else runs
    shown = shown_until(process, "runaways caught 3 of 3")
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, f"{shown}{out}\n{err}"
    assert "passed: runaways caught 3 of 3 · innocent paged 0" in out
    assert re.search(r"all caught \d+ s after the start", out) is not None
    assert "Traceback" not in err
    assert left_over(process.pid) == []


@pytest.mark.kafka
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_ended_early_it_is_not_judged_and_leaves_nothing_behind(number: signal.Signals):
    process = running()
    shown_until(process, " calls, $")  # its first line about the fleet: by then everything runs
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, f"{out}\n{err}"
    assert "not judged" in out
    assert "Traceback" not in err
    assert left_over(process.pid) == []
