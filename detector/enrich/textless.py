"""Events without their text: sketches and fingerprints stand for it, as schemas/sketch.md describes."""

import base64
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec

from detector.enrich.packing import LITTLE, Read, Texts, said_by
from detector.enrich.sketch import VERSION
from detector.enrich.tools import MAX_DEPTH, is_sketched, of_tool, of_tools, result_body, tells
from detector.errors import BadInput, Reason
from detector.model.events import Call, Event, Output, Tool, ToolCall, ToolResult
from detector.sources.times import seconds

Fields = dict[str, Any]
Later = Callable[[Read], None]
"""Writes what is known once all texts of a batch were read."""

_TEXTS = ("output", "tools", "tool", "result", "error")


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
            fields |= _result_told(event, texts, later)
    except RecursionError:
        return BadInput(Reason.TOO_DEEP, "tools", f"arguments are nested more than {MAX_DEPTH} deep")
    except UnicodeDecodeError:
        return BadInput(Reason.NOT_UTF8, "tools", "arguments or result are not UTF-8")
    except UnicodeEncodeError:
        return BadInput(Reason.NOT_UTF8, "", "half of a surrogate pair is missing")
    except msgspec.DecodeError:
        return BadInput(Reason.NOT_JSON, "tools", "arguments or result cannot be read")
    return fields


def _tools(tools: list[Tool], t: float, texts: Texts, later: list[Later]) -> list[Fields]:
    told, sketched = [], []
    for tool in tools:
        fields: Fields = {"name": tool.name}
        if tool.call_id is not None:
            fields["call_id"] = tool.call_id
        stands: Fields = {} if tool.sketched is None else msgspec.to_builtins(tool.sketched)
        if tells(tool.arguments):
            done = of_tool(tool, t)
            stands |= {"action": f"{done.action:016x}", "said": f"{done.said:016x}"}
            sketched.append(stands)
        if "result" in stands:
            fields["error"] = bool(tool.error)
        elif (answer := _answer(tool.result, tool.error, texts, later)) is not None:
            fields["error"] = answer.failed
            if answer.stands is not None:
                stands["result"] = answer.stands
        if stands:
            fields["sketched"] = stands
        told.append(fields)
    # The sketch is of all actions of a step, and stands with the first.
    if sketched and not any(map(is_sketched, tools)):
        _sketch(sketched[0], texts.sketch(of_tools(tools, t).action_text, True), later)
    return told


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


def _result_told(event: ToolResult, texts: Texts, later: list[Later]) -> Fields:
    if event.sketched is not None and not tells(event.result):
        return {"error": bool(event.error)}
    answer = _answer(event.result, event.error, texts, later) or Stands(None, False)
    return {"error": answer.failed} | ({} if answer.stands is None else {"sketched": answer.stands})


class Stands(NamedTuple):
    """What stands for a result, None for an empty one, and whether the tool failed."""

    stands: Fields | None
    failed: bool


def _answer(result: msgspec.Raw, error: str | bool | None, texts: Texts, later: list[Later]) -> Stands | None:
    """Of a result; None where neither result nor error is told."""
    known = result_body(result, error)
    if known is None or not known[0]:
        return None if known is None else Stands(None, known[1])
    fields: Fields = {}
    number = texts.fingerprint(known[0])

    def write(read: Read) -> None:
        fields["fingerprint"] = f"{int(read.loose[number]):016x}"
        fields["figures"] = f"{int(read.strict[number]):016x}"
        fields["says"] = said_by(int(read.flags[number]))

    later.append(write)
    return Stands(fields, known[1])


def _sketch(fields: Fields, number: int, later: list[Later]) -> None:
    """The base64 of a sketch goes into `fields`."""

    def write(read: Read) -> None:
        raw = bytes((VERSION, int(read.levels[number]))) + read.words[number].astype("<u8").tobytes()
        fields["sketch"] = base64.b64encode(raw).decode()

    later.append(write)
