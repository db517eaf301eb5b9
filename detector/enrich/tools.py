"""What a step did and what came back: fingerprints of tool calls, their arguments and results."""

from typing import Any, NamedTuple

import msgspec
import xxhash

from detector.enrich.sketch import fingerprint64
from detector.model.events import Tool

MASK = (1 << 64) - 1
_MIX = 0x9E3779B97F4A7C15
_EMPTY_MARKS = (b"null", b'""', b"[]", b"{}")

_text = msgspec.json.Decoder(str)
_any = msgspec.json.Decoder()
_encode = msgspec.json.Encoder(order="sorted").encode


class Tooling(NamedTuple):
    """The tools of one step: fingerprints, texts to sketch, and what is still to come."""

    action: int
    result: int
    action_text: bytes
    result_text: bytes
    failed: bool
    missing: list[tuple[str, int]]  # call id, fingerprint of name and arguments


def mix(tool: int, result: int) -> int:
    """Ties a result to the tool that gave it; a step's results are the sum of these, in any order."""
    h = ((tool ^ result) * _MIX) & MASK
    return h ^ (h >> 29)


def of_tools(tools: list[Tool]) -> Tooling:
    """Fingerprints of all tools of a step; raises msgspec.DecodeError where arguments cannot be read."""
    if len(tools) == 1:
        tool = tools[0]
        text = b"%b %b" % (tool.name.encode(), canonical(tool.arguments))
        action = xxhash.xxh3_64_intdigest(text)
        known = _known(tool)
        if known is None:
            missing = [(tool.call_id or "", action)]
            return Tooling(action, 0, text, b"", False, missing)
        body, failed = known
        return Tooling(action, mix(action, of_result(body, failed)), text, body, failed, [])
    actions, texts, bodies, missing, total, failed = [], [], [], [], 0, False
    for tool in tools:
        one = of_tools([tool])
        actions.append(one.action)
        texts.append(one.action_text)
        bodies.append(one.result_text)
        missing += one.missing
        total = (total + one.result) & MASK
        failed = failed or one.failed
    told = b"".join(a.to_bytes(8, "little") for a in actions)
    return Tooling(xxhash.xxh3_64_intdigest(told), total, b"\n".join(texts), b"\n".join(bodies), failed, missing)


def of_result(body: bytes, failed: bool) -> int:
    """The fingerprint of one result: what came back, and whether as a failure."""
    h = fingerprint64(body)
    return h ^ _MIX if failed else h


def _known(tool: Tool) -> tuple[bytes, bool] | None:
    """The bytes of what came back and whether it is a failure; None where nothing is known yet."""
    return result_body(tool.result, tool.error)


def result_body(result: msgspec.Raw, error: str | bool | None) -> tuple[bytes, bool] | None:
    """What came back as bytes, and whether it is a failure; None where neither is told."""
    failed = error is True or bool(error)
    raw = bytes(result)
    if raw == b"null":
        raw = b""
    if not raw and error is None:
        return None
    body = _text.decode(raw).encode() if raw[:1] == b'"' else raw
    return (body + b"\0" + error.encode() if isinstance(error, str) else body), failed


def canonical(arguments: msgspec.Raw) -> bytes:
    """Arguments as bytes that are equal where they say the same: keys sorted, empty fields left out.

    A string that holds JSON (as some model APIs send arguments) is read as that JSON.
    """
    raw = bytes(arguments)
    if not raw or raw == b"null":
        return b""
    value = _any.decode(raw)
    if isinstance(value, str):
        if value.lstrip()[:1] not in ("{", "["):
            return value.encode()
        try:
            value = _any.decode(value)
        except (msgspec.DecodeError, RecursionError):
            return value.encode()
        raw = b"null"
    if any(mark in raw for mark in _EMPTY_MARKS):
        value = _without_empty(value)
    return _encode(value)


def _without_empty(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {k: _without_empty(v) for k, v in value.items()}
        return {k: v for k, v in kept.items() if v is not None and v != "" and v != [] and v != {}}
    if isinstance(value, list):
        return [_without_empty(v) for v in value]
    return value
