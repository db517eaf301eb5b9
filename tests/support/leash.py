"""Runs a program until its own standard input ends: `python leash.py PROGRAM ARGUMENT…`.

So what a test starts ends with the test run, even if that is killed. Programs that do not watch their parent
(Java, Alertmanager) are started through this.
"""

import subprocess
import sys
import threading


def main() -> int:
    """The program's exit code; -9 where standard input ended first."""
    program = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)

    def watch() -> None:
        sys.stdin.buffer.read()
        program.kill()

    threading.Thread(target=watch, daemon=True).start()
    return program.wait()


if __name__ == "__main__":
    sys.exit(main())
