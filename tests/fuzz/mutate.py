"""Inputs that are nearly valid: values of a corpus with parts changed, cut, spliced, nested, or grown beyond reason."""

import json
import random
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

GIANT = 20_000
"""Characters of a giant text, entries of a giant array, levels of a deep nest."""
GIANT_SHARE = 1 / 500
"""Giants are rare, or they would take all the time."""


class Raw(str):
    """Text that stands in JSON as it is."""


_NUMBERS: list[Any] = [
    0, -1, 1, 255, 65_536, 2**31, -(2**31) - 1, 2**32, 2**53 + 1, 2**63 - 1, 2**63, -(2**63), 2**64 - 1, 2**64, 10**30,
    -0.0, 1e-320, 1.7e308, 0.1, 1e16, 1_795_165_200.0, 946_684_799.9, 4_102_444_800, 1e9 + 0.5,
]  # fmt: skip
_RAW = [
    "NaN", "Infinity", "-Infinity", "1e400", "-1e400", "1E+2", "01", "1.", ".5", "-", "+1", "0x10", "9" * 400, "1e",
    "tru", '"\\ud800"', '"\\udc00\\ud800"', '"\\u0000"', '"\\x"', '"a', "'a'", "{", "}", "[", "]", "[1,]", '{"a":1,}',
    "//", "", '{"a":1,"a":2}',
]  # fmt: skip
_TEXTS = [
    "", " ", "\0", "\0" * 40, "\ud7ff\ue000", "\U0010ffff", "\u202e\u2066", "é" * 300, "x" * 512, "x" * 513, "null",
    "NaN", "0", "-1", "call", "tool_call", "tool_result", "status", "link", "default", "other", "none", "strong", "{}",
    '{"a":',
    "2026-11-20T09:14:03.250Z", "2026-02-30T00:00:00Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:60Z", "[" * 300,
    "/tmp/tmpx", "0x", "\r\n", "\x1b[2J", "${jndi:x}", "../../etc", "a/" * 200, "gpt-5-mini", "openai/" * 60, "*",
    "AQD=", "A" * 176,
]  # fmt: skip
_BYTES = [0x00, 0x01, 0x22, 0x2C, 0x5B, 0x5C, 0x7B, 0x7D, 0x7F, 0x80, 0xC0, 0xC1, 0xDD, 0xDF, 0xED, 0xF4, 0xFE, 0xFF]


class Mutator:
    """Makes inputs without end; everything is decided by `seed`.

    `trees`: values whose structure is changed before `encode` writes them down; `corpus`: bytes as they are.
    """

    def __init__(
        self,
        seed: int,
        corpus: Sequence[bytes],
        trees: Sequence[Any] = (),
        encode: Callable[[Any], bytes] | None = None,
    ) -> None:
        self._chance, self._corpus = random.Random(seed), list(corpus)
        self._trees, self._encode = list(trees), encode

    def one(self) -> bytes:
        """The next input."""
        chance = self._chance
        if self._encode is not None and self._trees and chance.random() < 0.65:
            tree = chance.choice(self._trees)
            for _ in range(chance.choice((1, 1, 1, 1, 1, 2, 4))):
                tree = self._changed(tree)
            data = self._encode(tree)
            return data if chance.random() < 0.85 else self._bent(data)
        data = chance.choice(self._corpus)
        for _ in range(chance.choice((0, 1, 1, 1, 2, 4, 12))):
            data = self._bent(data)
        return data

    def _changed(self, tree: Any) -> Any:
        """The tree with one of its parts changed; parts that stay are shared."""
        chance = self._chance
        if isinstance(tree, dict) and tree and chance.random() < 0.92:
            key = chance.choice(list(tree))
            how = chance.random()
            if how < 0.08:
                return {k: v for k, v in tree.items() if k != key}
            if how < 0.14:
                return {**tree, self._text() if isinstance(key, str) else chance.choice((-1, 7, 2**40)): self._value()}
            return {**tree, key: self._changed(tree[key])}
        if isinstance(tree, list | tuple) and tree and chance.random() < 0.9:
            at = chance.randrange(len(tree))
            how = chance.random()
            if how < 0.06:
                return [*tree[:at], *tree[at + 1 :]]
            if how < 0.12:
                return [*tree[:at], tree[chance.randrange(len(tree))], *tree[at:]]
            return [*tree[:at], self._changed(tree[at]), *tree[at + 1 :]]
        if isinstance(tree, bytes) and tree and chance.random() < 0.7:
            return self._bent(tree)
        if isinstance(tree, str) and tree and chance.random() < 0.3:
            cut = chance.randrange(len(tree))
            return tree[:cut] + self._text() + tree[cut:]
        if isinstance(tree, int | float) and not isinstance(tree, bool) and chance.random() < 0.4:
            return tree + chance.choice((-1, 1, 2**31, 2**32, -(2**33), 0.5, -0.25))
        return self._nested(tree) if chance.random() < 0.06 else self._value()

    def _value(self) -> Any:
        chance = self._chance
        if chance.random() < GIANT_SHARE:
            n = chance.randrange(1, GIANT)
            giants: tuple[Callable[[], Any], ...] = (
                lambda: "x" * n, lambda: "\0" * n, lambda: [0] * n, lambda: [{}] * n, lambda: b"\xff" * n,
                lambda: self._nest(n, None), lambda: {str(i): None for i in range(n // 8)},
            )  # fmt: skip
            return chance.choice(giants)()
        kind = chance.random()
        if kind < 0.3:
            return chance.choice(_NUMBERS)
        if kind < 0.5:
            return self._text()
        if kind < 0.58:
            return Raw(chance.choice(_RAW))
        if kind < 0.65:
            return chance.choice((b"", b"\0" * 8, b"\xff" * 129, bytes(chance.randrange(1, 400))))
        return chance.choice((None, True, False, [], {}, [[]], [None, 1, "a"], {"a": {}}, {"": None}, [{}], ()))

    def _text(self) -> str:
        chance = self._chance
        return (
            chance.choice(_TEXTS) if chance.random() < 0.9 else chr(chance.randrange(0xD800)) * chance.randrange(1, 40)
        )

    def _nested(self, tree: Any) -> Any:
        return self._nest(self._chance.choice((1, 2, 30, 199, 201, 700)), tree)

    @staticmethod
    def _nest(levels: int, tree: Any) -> Any:
        """Deep nesting as text: trees of Python objects would be walked, and end in Python's own limit."""
        return (
            Raw("[" * levels + "]" * levels)
            if levels > 100 or tree is None
            else [tree] * 1
            if levels == 1
            else [[tree]]
        )

    def _bent(self, data: bytes) -> bytes:
        """The bytes with some flipped, cut, put in, repeated, or spliced with others of the corpus."""
        chance = self._chance
        if not data:
            return bytes([chance.choice(_BYTES)])
        a, b = sorted((chance.randrange(len(data) + 1), chance.randrange(len(data) + 1)))
        how = chance.randrange(9)
        if how == 0:
            at = chance.randrange(len(data))
            return data[:at] + bytes([data[at] ^ (1 << chance.randrange(8))]) + data[at + 1 :]
        if how == 1:
            at = chance.randrange(len(data))
            return data[:at] + bytes([chance.choice(_BYTES)]) + data[at + 1 :]
        if how == 2:
            return data[:a]
        if how == 3:
            return data[:a] + data[b:]
        if how == 4:
            return data[:b] + data[a:]
        if how == 5:
            return data[:a] + bytes(chance.choice(_BYTES) for _ in range(chance.randrange(1, 9))) + data[a:]
        if how == 6:
            other = chance.choice(self._corpus)
            return data[:a] + other[chance.randrange(len(other) + 1) :]
        if how == 7:
            return data[:a] + chance.choice(_RAW).encode() + data[a if chance.random() < 0.5 else b :]
        if chance.random() < 10 * GIANT_SHARE:
            return data[:a] + data[a:b][:64] * chance.randrange(1, 2000) + data[b:]
        return data[:a] + data[a:b][:64] * chance.randrange(2, 5) + data[b:]


def to_json(tree: Any) -> bytes:
    """JSON, or nearly: Raw as it is, other things as they can be told."""
    return _json(tree, 0).encode("utf-8", "surrogatepass")


def _json(tree: Any, depth: int) -> str:
    if isinstance(tree, Raw):
        return str(tree)
    if isinstance(tree, str):
        return json.dumps(tree, ensure_ascii=False)
    if isinstance(tree, dict):
        inner = ",".join([f"{json.dumps(str(k), ensure_ascii=False)}:{_json(v, depth + 1)}" for k, v in tree.items()])
        return f"{{{inner}}}"
    if isinstance(tree, list | tuple):
        return f"[{','.join([_json(v, depth + 1) for v in tree])}]"
    if isinstance(tree, bytes):
        return json.dumps(tree.decode("latin-1"))
    return json.dumps(tree)


def to_msgpack(tree: Any) -> bytes:
    """MessagePack, or nearly: what it has no form for is told as text."""
    try:
        return msgspec.msgpack.encode(tree, enc_hook=str)
    except (OverflowError, ValueError, TypeError, RecursionError):
        return msgspec.msgpack.encode(_tame(tree))


def _tame(tree: Any) -> Any:
    if isinstance(tree, Raw):
        return str(tree)
    if isinstance(tree, dict):
        return {(k if isinstance(k, str | int | bytes) else str(k)): _tame(v) for k, v in tree.items()}
    if isinstance(tree, list | tuple):
        return [_tame(v) for v in tree]
    if isinstance(tree, int) and not -(2**63) <= tree < 2**64:
        return float(tree)
    return tree
