"""Events without their text: sketches and fingerprints stand for it, as schemas/sketch.md describes."""

import base64
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from detector.enrich.packing import LITTLE, Read, Texts, said_by
from detector.enrich.sketch import VERSION
from detector.enrich.tools import Tooling, answer_of, combined, each_of, is_sketched
from detector.errors import BadInput, Reason
from detector.model.events import Answered, Call, Event, Output, Tool, ToolCall, ToolResult, tells
from detector.sources.times import seconds

Fields = dict[str, Any]
Later = Callable[[Read], None]
"""Writes what is known once all texts of a batch were read."""

_TEXTS = ("output", "tools", "tool", "result", "error", "sketched")


def without_text(events: Sequence[Event]) -> list[Fields | BadInput]:
    """The events as JSON takes them: what is None is left out, and no text of a prompt, answer or tool is in them.

    The fingerprints are those that ingest would make of the texts. What it would refuse for its arguments or results is
    a BadInput. What went wrong with a call, its `error`, stays as it is.
    """
    texts = Texts()
    later: list[Later] = []
    told = [_event(event, texts, later) for event in events]
    read = texts.read()
    for write in later:
        write(read)
    return told


def _event(event: Event, texts: Texts, later: list[Later]) -> Fields | BadInput:
    names, values = event.__struct_encode_fields__, msgspec.structs.astuple(event)
    fields = {n: v for n, v in zip(names, values, strict=True) if v is not None and n not in _TEXTS}
    try:
        if isinstance(event, Call):
            if event.error is not None:
                fields["error"] = event.error
            if event.tools:  # then the output decides nothing
                fields["tools"] = _tools(event.tools, seconds(event.time), texts, later)
            elif event.output is not None:
                fields["output"] = _output(event.output, texts, later)
        elif isinstance(event, ToolCall):
            (fields["tool"],) = _tools([event.tool], seconds(event.time), texts, later)
        elif isinstance(event, ToolResult):
            body, fields["error"] = answer_of(event)
            if body:
                fields["sketched"] = _answer(body, texts, later)
    except BadInput as bad:
        return bad
    except UnicodeEncodeError:
        return BadInput(Reason.NOT_UTF8, "", "half of a surrogate pair is missing")
    return fields


def _tools(tools: list[Tool], t: float, texts: Texts, later: list[Later]) -> list[Fields]:
    parts = each_of(tools, t)
    told = [_tool(tool, part, texts, later) for tool, part in zip(tools, parts, strict=True)]
    # The sketch is of all actions of a step, and stands with the first that tells more than its name.
    first = next((fields["sketched"] for fields in told if "action" in fields.get("sketched", ())), None)
    text = combined(parts).action_text
    if first is not None and text:
        _sketch(first, texts.sketch(text, True), later)
    return told


def _tool(tool: Tool, part: Tooling, texts: Texts, later: list[Later]) -> Fields:
    fields: Fields = {"name": tool.name}
    if tool.call_id is not None:
        fields["call_id"] = tool.call_id
    stands: Fields = {}
    if tells(tool.arguments) or is_sketched(tool):
        stands = {"action": f"{part.action:016x}", "said": f"{part.said:016x}"}
    if part.sketch is not None:
        stands["sketch"] = part.sketch
    for answer in part.answers:
        fields["error"] = answer.failed
        if answer.body:
            stands["result"] = _answer(answer.body, texts, later)
    if stands:
        fields["sketched"] = stands
    return fields


def _output(output: Output, texts: Texts, later: list[Later]) -> Fields:
    if output.text is None:
        return dict(msgspec.to_builtins(output))
    if not output.text:
        return {"says": ["little"]}
    text, fields = output.text, dict[str, Any]()
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


def _answer(body: bytes | Answered, texts: Texts, later: list[Later]) -> Fields:
    """What stands for a result that is not empty."""
    if isinstance(body, Answered):
        return dict(msgspec.to_builtins(body))
    fields: Fields = {}
    number = texts.fingerprint(body)

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
