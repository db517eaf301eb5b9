"""Which of some names a pseudonym stands for."""

from collections.abc import Iterator
from typing import IO

from detector.enrich.pseudonyms import Pseudonyms
from detector.model.events import MAX_NAME

_MAX_LINE = 4 * MAX_NAME + 8
"""Bytes of the longest name in UTF-8, and its line break."""


def named(pseudonyms: Pseudonyms, tenant: str, pseudonym: str, names: IO[bytes]) -> str | None:
    """The first of the names, one a line, that has this pseudonym; None where none has.

    Lines that are no name are passed over.
    """
    for name in _names(names):
        for form in dict.fromkeys((name, name.strip())):
            if pseudonyms.made(tenant, form) == pseudonym:
                return form
    return None


def _names(lines: IO[bytes]) -> Iterator[str]:
    whole = True
    while line := lines.readline(_MAX_LINE):
        begins, whole = whole, line.endswith(b"\n")
        if not begins or (not whole and len(line) == _MAX_LINE):  # a part of a line that is too long for a name
            continue
        try:
            name = line.rstrip(b"\r\n").decode("utf-8-sig")
        except UnicodeDecodeError:
            continue
        if name and len(name) <= MAX_NAME:
            yield name
