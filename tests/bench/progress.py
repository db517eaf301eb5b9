"""How far long work is, on standard error."""

import sys
import time
from collections.abc import Callable


def progress(what: str, total: int, of: str, every_s: float = 2.0) -> Callable[[int], None]:
    """A function that tells every few seconds how many of `total` (`of`: what they are) are done."""
    last = time.monotonic()

    def tell(n: int) -> None:
        nonlocal last
        if time.monotonic() > last + every_s:
            last = time.monotonic()
            print(f"{what} {n:,} of {total:,} {of}", file=sys.stderr, flush=True)

    return tell
