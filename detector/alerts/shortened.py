"""Texts of bounded length and without control characters, and evidence as JSON of bounded length."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

EVIDENCE_BYTES = 4096
# Entries a list, characters a text and depth: each step is tried until the evidence fits.
_SHORTER = ((20, 200, 5), (8, 120, 4), (4, 60, 3), (2, 30, 2))


def printable(text: str) -> str:
    """`text` with a space for each character that is not seen: line breaks, marks that turn the direction of text."""
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)


def cut(text: str, chars: int) -> str:
    """`text` as it can be shown, at most `chars` long; what is cut off is marked by an ellipsis."""
    return printable(text if len(text) <= chars else f"{text[: chars - 1]}…")


def short_json(evidence: dict[str, Any], limit: int = EVIDENCE_BYTES) -> str:
    """The evidence as JSON of at most `limit` bytes; what is left out is marked by an ellipsis."""
    for entries, chars, depth in _SHORTER:
        shorter = {cut(key, chars): _shorten(value, entries, chars, depth) for key, value in evidence.items()}
        encoded = msgspec.json.encode(shorter)
        if len(encoded) <= limit:
            return encoded.decode()
    # Still too long: there are very many keys, of which the first ones stay.
    return "{" + ",".join(_fitting(shorter, limit - len("{}"))) + "}"


def _fitting(fields: dict[str, Any], room: int) -> Iterator[str]:
    for key, value in fields.items():
        encoded = msgspec.json.encode({key: value})[1:-1]
        room -= len(encoded) + len(",")
        if room < 0:
            return
        yield encoded.decode()


def _shorten(value: Any, entries: int, chars: int, depth: int) -> Any:
    if isinstance(value, str):
        return cut(value, chars)
    if not isinstance(value, dict | list):
        return value
    if depth == 0:
        return "…"
    kept: list[Any]
    if isinstance(value, dict):
        # Twice as many as of a list: the fields of one thing say more than the thirtieth of a kind.
        kept = list(value.items())[: 2 * entries]
        told = {cut(key, chars): _shorten(inner, entries, chars, depth - 1) for key, inner in kept}
        return told if len(kept) == len(value) else {**told, "…": _more(value, kept)}
    kept = [_shorten(inner, entries, chars, depth - 1) for inner in value[:entries]]
    return kept if len(kept) == len(value) else [*kept, _more(value, kept)]


def _more(whole: Sequence[Any] | dict[Any, Any], kept: Sequence[Any]) -> str:
    return f"… {len(whole) - len(kept)} more"
