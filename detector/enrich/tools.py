"""What a step did and what came back: fingerprints of tool calls, their arguments and results."""

from typing import Any, NamedTuple

import msgspec
from xxhash import xxh3_64_intdigest

from detector.enrich.sketch import fingerprint64
from detector.model.events import Tool

MAX_DEPTH = 200
"""Levels of nesting in arguments that are read; more say nothing and cost much."""
MASK = (1 << 64) - 1
_MIX = 0x9E3779B97F4A7C15

_text = msgspec.json.Decoder(str).decode
_any = msgspec.json.Decoder().decode
_sorted = msgspec.json.Encoder(order="sorted").encode


class Tooling(NamedTuple):
    """The tools of one step: fingerprints, texts to sketch, and what is still to come."""

    action: int
    result: int
    action_text: bytes
    failed: bool
    missing: tuple[tuple[str | None, int], ...]  # call id, fingerprint of name and arguments


def mix(tool: int, result: int) -> int:
    """Ties a result to the tool that gave it; a step's results are the sum of these, in any order."""
    h = ((tool ^ result) * _MIX) & MASK
    return h ^ (h >> 29)


def of_tools(tools: list[Tool]) -> Tooling:
    """Fingerprints of all tools of a step; raises msgspec.DecodeError where arguments cannot be read."""
    if len(tools) == 1:
        return _of_tool(tools[0])
    parts = [_of_tool(tool) for tool in tools]
    return Tooling(
        action=xxh3_64_intdigest(b"".join([p.action.to_bytes(8, "little") for p in parts])),
        result=sum(p.result for p in parts) & MASK,
        action_text=b"\n".join([p.action_text for p in parts]),
        failed=any(p.failed for p in parts),
        missing=tuple(m for p in parts for m in p.missing),
    )


def _of_tool(tool: Tool) -> Tooling:
    text = tool.name.encode() + b" " + canonical(tool.arguments)
    action = xxh3_64_intdigest(text)
    known = result_body(tool.result, tool.error)
    if known is None:
        return Tooling(action, 0, text, False, ((tool.call_id, action),))
    body, failed = known
    return Tooling(action, mix(action, of_result(body, failed)), text, failed, ())


def of_result(body: bytes, failed: bool) -> int:
    """The fingerprint of one result: what came back, and whether as a failure."""
    h = fingerprint64(body)
    return h ^ _MIX if failed else h


def result_body(result: msgspec.Raw, error: str | bool | None) -> tuple[bytes, bool] | None:
    """What came back as bytes, and whether it is a failure; None where neither is told."""
    raw = bytes(result)
    if raw == b"null":
        raw = b""
    if error is None:
        if not raw:
            return None
        return (_text(raw).encode() if raw[0] == 34 else raw), False  # 34: a quotation mark
    body = _text(raw).encode() if raw[:1] == b'"' else raw
    return (body + b"\0" + error.encode() if isinstance(error, str) else body), bool(error)


def canonical(arguments: msgspec.Raw) -> bytes:
    """Arguments as bytes that are equal where they say the same: keys sorted, empty fields left out.

    A string that holds JSON (as some model APIs send arguments) is read as that JSON.
    """
    raw = bytes(arguments)
    if not raw or raw == b"null":
        return b""
    value = _read(raw)
    if isinstance(value, str):
        if value.lstrip()[:1] not in ("{", "["):
            return value.encode()
        raw = value.encode()
        try:
            value = _read(raw)
        except msgspec.DecodeError:
            return raw
    told = _sorted(value)
    if b"null" in told or b'""' in told or b"[]" in told or b"{}" in told:
        told = _sorted(_without_empty(value))
    return told


def _read(raw: bytes) -> Any:
    """JSON as objects; raises RecursionError where it nests deeper than MAX_DEPTH, on every interpreter alike."""
    value = _any(raw)
    if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH:
        _check_depth(value, MAX_DEPTH)
    return value


def _check_depth(value: Any, left: int) -> None:
    if left < 0:
        raise RecursionError
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            _check_depth(inner, left - 1)


def _without_empty(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {k: _without_empty(v) for k, v in value.items()}
        return {k: v for k, v in kept.items() if v is not None and v != "" and v != [] and v != {}}
    if isinstance(value, list):
        return [_without_empty(v) for v in value]
    return value
