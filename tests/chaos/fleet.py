"""The workers that chaos kills: processes in slots, started again by whoever looks after them."""

import signal
import subprocess
import sys
import urllib.request
from contextlib import suppress
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tests.support.services import free_port

PAGE_S = 2.0
_KB = 1024


class Slot:
    """One worker: its process, its address and what it has used. Logs go to `directory`."""

    def __init__(self, name: str, config: Path, clock: Path, directory: Path) -> None:
        self.name, self.peak_rss_bytes, self.starts, self.failures = name, 0, 0, 0
        self._held = False
        port = free_port()
        self._page = f"http://127.0.0.1:{port}/metrics"
        self._argv = [sys.executable, "-m", "tests.chaos.worker", str(config), str(port), str(clock)]
        self._log = directory / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """A new process, unless there is one."""
        if self._process is None:
            self.starts += 1
            self._held = False
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(self._argv, stdout=log, stderr=log, start_new_session=True)

    def tend(self) -> None:
        """Notes its memory; starts it again where it has ended by itself, as a service manager would."""
        if self._process is None:
            if not self._held:
                self.start()
        elif self._process.poll() is not None:
            self.failures += 1
            self._process = None
            self.start()
        else:
            self._note_memory(self._process.pid)

    def _note_memory(self, pid: int) -> None:
        with suppress(OSError):
            for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    self.peak_rss_bytes = max(self.peak_rss_bytes, int(line.split()[1]) * _KB)

    def kill(self) -> None:
        """As by kill -9; it stays away until start()."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """By SIGTERM, and waits until it has ended."""
        self._end(signal.SIGTERM)

    def freeze(self) -> None:
        """Its process stands still until thaw()."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Ends freeze()."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        self._held = True
        if process is not None:
            process.send_signal(how)
            process.wait()

    def owned(self) -> set[tuple[str, str, int]]:
        """(stage, topic, partition) of what it reads now, but for what notify and pages read, which is everything."""
        found = (labels for labels, _ in self._samples("detector_lag_records"))
        whole = ("notify", "pages")
        return {(of["stage"], of["topic"], int(of["partition"])) for of in found if of["stage"] not in whole}

    def _samples(self, name: str) -> list[tuple[dict[str, str], float]]:
        """Labels and values of a series; none where the worker does not answer."""
        try:
            with urllib.request.urlopen(self._page, timeout=PAGE_S) as page:
                text = page.read().decode()
        except OSError:
            return []
        families = [family for family in text_string_to_metric_families(text) if family.name == name]
        return [(sample.labels, sample.value) for family in families for sample in family.samples]
