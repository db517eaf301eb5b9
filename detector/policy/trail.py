"""The trail of questions: a line of JSON each in a file that is only ever added to."""

import json
import os
import stat
from pathlib import Path
from typing import Any

from detector.errors import DeploymentError


class Trail:
    """Opens the file, which is made for its owner alone where it is not there; raises DeploymentError, OSError."""

    def __init__(self, file: Path) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW
        self._to = os.open(file, flags, 0o600)
        if not stat.S_ISREG(os.fstat(self._to).st_mode):
            os.close(self._to)
            raise DeploymentError(f"policy.trail_file: {file} is no file that keeps what is written to it")

    def write(self, **told: Any) -> None:
        """Adds a line, and returns once it is on the disk. Raises OSError."""
        line = json.dumps(told).encode() + b"\n"
        if os.write(self._to, line) != len(line):
            raise DeploymentError("policy.trail_file: there is no room for a line")
        os.fsync(self._to)

    def close(self) -> None:
        """Once."""
        os.close(self._to)
