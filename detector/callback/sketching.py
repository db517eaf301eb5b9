"""Events as they leave the machine of the proxy: sketches and fingerprints stand for all text."""

import base64
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from detector.enrich.packing import LITTLE, Read, Texts, said_by
from detector.enrich.sketch import VERSION
from detector.enrich.tools import of_tool, of_tools, result_body, tells
from detector.model.events import Call, Event, Tool, ToolResult

Fields = dict[str, Any]
Later = Callable[[Read], None]
"""Writes what is known once all texts of a batch were read."""


def without_text(events: Sequence[Event]) -> list[Fields]:
    """The events as JSON takes them: what is None is left out, and no text of a prompt, answer or tool is in them.

    The fingerprints are those that ingest would make of the texts.
    """
    texts = Texts()
    later: list[Later] = []
    told = [_event(event, texts, later) for event in events]
    read = texts.read()
    for write in later:
        write(read)
    return told


def _event(event: Event, texts: Texts, later: list[Later]) -> Fields:
    fields = {
        name: value
        for name, value in msgspec.structs.asdict(event).items()
        if value is not None and name not in ("output", "tools", "result", "usage")
    }
    if isinstance(event, Call):
        fields["usage"] = {name: n for name, n in msgspec.structs.asdict(event.usage).items() if n is not None}
        if event.tools:  # then the output decides nothing
            fields["tools"] = _tools(event.tools, float(fields["time"]), texts, later)
        elif event.output is not None and event.output.text:
            fields["output"] = _output(event.output.text, texts, later)
    elif isinstance(event, ToolResult):
        answer = _result(event, texts, later)
        if answer is not None:
            fields["sketched"] = answer
            fields["error"] = event.error is not None and event.error is not False
    return fields


def _tools(tools: list[Tool], t: float, texts: Texts, later: list[Later]) -> list[Fields]:
    told = []
    for tool in tools:
        fields: Fields = {"name": tool.name}
        if tool.call_id is not None:
            fields["call_id"] = tool.call_id
        if tells(tool.arguments):
            try:
                done = of_tool(tool, t)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                pass  # it counts by its name
            else:
                fields["sketched"] = {"action": f"{done.action:016x}", "said": f"{done.said:016x}"}
        told.append(fields)
    sketched = next((fields["sketched"] for fields in told if "sketched" in fields), None)
    if sketched is not None:
        readable = [tool if "sketched" in f else Tool(name=tool.name) for tool, f in zip(tools, told, strict=True)]
        _sketch(sketched, texts.sketch(of_tools(readable, t).action_text, True), later)
    return told


def _output(text: str, texts: Texts, later: list[Later]) -> Fields:
    fields: Fields = {}
    raw = text.encode()
    sketch, fingerprint = texts.sketch(raw, False), texts.fingerprint(raw)
    _sketch(fields, sketch, later)

    def write(read: Read) -> None:
        fields["fingerprint"] = f"{int(read.loose[fingerprint]):016x}"
        says = ["little"] * (len(text) <= LITTLE) + ["repeats"] * bool(read.degenerate[sketch])
        if says:
            fields["says"] = says

    later.append(write)
    return fields


def _result(event: ToolResult, texts: Texts, later: list[Later]) -> Fields | None:
    try:
        known = result_body(event.result, event.error)
    except (msgspec.DecodeError, UnicodeDecodeError):
        known = b"", False
    if known is None:
        return None
    fields: Fields = {}
    number = texts.fingerprint(known[0])

    def write(read: Read) -> None:
        fields["fingerprint"] = f"{int(read.loose[number]):016x}"
        fields["figures"] = f"{int(read.strict[number]):016x}"
        fields["says"] = said_by(int(read.flags[number]))

    later.append(write)
    return fields


def _sketch(fields: Fields, number: int, later: list[Later]) -> None:
    """The base64 of a sketch goes into `fields`."""

    def write(read: Read) -> None:
        raw = bytes((VERSION, int(read.levels[number]))) + read.words[number].astype("<u8").tobytes()
        fields["sketch"] = base64.b64encode(raw).decode()

    later.append(write)
