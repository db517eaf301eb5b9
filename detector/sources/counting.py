"""How many values a JSON array has, without making any of them."""

import numpy as np
import numpy.typing as npt

from detector.enrich.compiled import compiled

_QUOTE, _BACKSLASH, _COMMA = ord('"'), ord("\\"), ord(",")
_OPEN, _CLOSE = (ord("["), ord("{")), (ord("]"), ord("}"))


def has_more(array: bytes, most: int) -> bool:
    """Whether an array has more than `most` values; what is no JSON may be told either way."""
    # A comma at least lies between two.
    return array.count(b",") >= most and _values(np.frombuffer(array, np.uint8), most) > most


@compiled
def _values(raw: npt.NDArray[np.uint8], most: int) -> int:
    """Values of the outermost array, counted by the commas between them, up to one more than `most`."""
    depth, values, within, at = 0, 1, False, 0
    while at < len(raw) and values <= most:
        c = raw[at]
        if within:
            if c == _BACKSLASH:
                at += 1
            elif c == _QUOTE:
                within = False
        elif c == _QUOTE:
            within = True
        elif c == _COMMA:
            if depth == 1:
                values += 1
        elif c == _OPEN[0] or c == _OPEN[1]:
            depth += 1
        elif c == _CLOSE[0] or c == _CLOSE[1]:
            depth -= 1
        at += 1
    return values


def warm() -> None:
    """Compiles what counts."""
    _values(np.frombuffer(b"[1,2]", np.uint8), 1)
