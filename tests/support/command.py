"""How programs of the tests and benches end: with an exit code, and after Ctrl-C without a traceback."""

import sys
from collections.abc import Callable
from typing import NoReturn

STOPPED = 130


def run_main(main: Callable[[list[str]], int]) -> NoReturn:
    """Runs `main` on the arguments of this process and exits with its code."""
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        sys.exit(STOPPED)
