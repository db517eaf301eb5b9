"""Patterns of names, as operators write them: * stands for any text, and every other character for itself."""

import re
from collections.abc import Sequence
from fnmatch import translate


class Patterns:
    """Several of them; case matters."""

    def __init__(self, patterns: Sequence[str]) -> None:
        # Of fnmatch, since its * never goes back over what it has matched: no name takes long.
        self._match = [re.compile(translate(_literal(pattern))).match for pattern in patterns]

    def match(self, name: str) -> bool:
        """Whether one of them is of the whole name."""
        return any(match(name) is not None for match in self._match)


def _literal(pattern: str) -> str:
    """Without the other signs that fnmatch knows."""
    return pattern.replace("[", "[[]").replace("?", "[?]")
