"""Gemini CLI's session files, `tmp/<project>/chats/session-<time>-<id>.jsonl`, to calls, as version 0.61 writes them.

A file is one session, or a sub-agent of one. A message is written anew whenever something of it changes, by itself or
within a `$set` of all messages: its newest form counts, and what a `$set` leaves out was paid for all the same.
"""

from typing import Any

import msgspec

from detector.errors import BadInput
from detector.model.events import EMPTY, Call, Output, Tool, Usage, tells
from detector.sources import checked, transcripts
from detector.sources.json_lines import at, lines
from detector.sources.native import refusal
from detector.sources.told import Decoded, Layer, Told, by

_SAID_BY_THE_PROGRAM = ("System: ", "<session_context>")
"""How messages of the user's begin that Gemini CLI itself has made."""


class _ToolCall(msgspec.Struct):
    id: Any = None
    name: Any = None
    args: msgspec.Raw = EMPTY
    result: msgspec.Raw = EMPTY
    status: Any = None


class _Message(msgspec.Struct):
    id: Any = None
    timestamp: Any = None
    type: Any = None
    model: Any = None
    content: msgspec.Raw = EMPTY
    tokens: dict[str, Any] | None = None
    toolCalls: list[_ToolCall] | None = None  # noqa: N815, Gemini CLI's names


class _Update(msgspec.Struct):
    messages: list[_Message] | None = None


class _Line(_Message):
    """A message, an update, or the first line, which is all of it in older versions."""

    sessionId: Any = None  # noqa: N815
    projectHash: Any = None  # noqa: N815
    kind: Any = None
    messages: list[_Message] | None = None
    update: _Update | None = msgspec.field(name="$set", default=None)


class _Part(msgspec.Struct):
    text: Any = None


class _Response(msgspec.Struct):
    response: msgspec.Raw = EMPTY


class _Result(msgspec.Struct):
    functionResponse: _Response | None = None  # noqa: N815


_line = msgspec.json.Decoder(_Line).decode
_string, _parts = msgspec.json.Decoder(str).decode, msgspec.json.Decoder(list[_Part]).decode
_results = msgspec.json.Decoder(list[_Result]).decode


def decode(body: bytes) -> Decoded:
    """The calls of a file, with their tools and what these answered; a BadInput for each line that cannot be used."""
    session, out = _Session(), []
    for number, line in [(1, body)] if _is_one(body) else lines(body):
        try:
            session.take(number, line)
        except BadInput as bad:
            out.append(at(number, bad))
        except Exception as error:
            out.append(at(number, refusal(error)))
    return by("gemini_cli", [*out, *session.calls()])


def _is_one(body: bytes) -> bool:
    """Whether all of it is one object over several lines, as older versions wrote it."""
    return body.lstrip()[:1] == b"{" and body.lstrip()[1:2] in (b"\n", b"\r")


class _Session:
    """The messages so far. The id of the newest prompt of a person is the turn of what follows."""

    def __init__(self) -> None:
        self._about: Layer = {}
        self._place: Layer = {}
        self._turn: str | None = None
        self._turns: dict[str, str | None] = {}
        self._messages: dict[str, tuple[int, _Message]] = {}

    def take(self, number: int, raw: bytes) -> None:
        """Takes a line. Raises BadInput, or an error of msgspec."""
        line = _line(raw)
        if line.sessionId is not None and not self._about:
            agent = "gemini-cli subagent" if line.kind == "subagent" else "gemini-cli"
            self._about = {"detector.run": transcripts.name("sessionId", line.sessionId), "detector.agent": agent}
            self._place = {"project": line.projectHash, "kind": line.kind}
        for message in (*(line.messages or ()), *((line.update and line.update.messages) or ()), line):
            if message.type == "gemini":
                self._call(number, message)
            elif message.type == "user":
                self._prompt(message)

    def _call(self, number: int, message: _Message) -> None:
        id = checked.required({"id": message.id}, "id")
        _, before = self._messages.get(id, (0, message))
        message.tokens = message.tokens or before.tokens
        message.toolCalls = message.toolCalls or before.toolCalls
        self._messages[id] = number, message
        self._turns.setdefault(id, self._turn)

    def _prompt(self, message: _Message) -> None:
        id, said = transcripts.name("id", message.id), _text(message.content)
        if said and id is not None and id not in self._turns and not said.startswith(_SAID_BY_THE_PROGRAM):
            self._turn = self._turns[id] = id

    def calls(self) -> Decoded:
        """All of them, each once, in the order in which they came."""
        out: Decoded = []
        for id, (number, message) in self._messages.items():
            try:
                out.append(Told(_call(id, message, self._turns[id]), (self._about, self._place)))
            except BadInput as bad:
                out.append(at(number, bad))
            except Exception as error:
                out.append(at(number, refusal(error)))
        return out


def _call(id: str, message: _Message, turn: str | None) -> Call:
    said = _text(message.content)
    return Call(
        id=id,
        time=transcripts.seconds("timestamp", message.timestamp),
        model=checked.required({"model": message.model}, "model"),
        usage=_usage(message.tokens),
        turn=turn,
        operation="generate_content",
        output=Output(text=said) if said else None,
        tools=[_tool(tool) for tool in message.toolCalls or ()] or None,
    )


def _usage(tokens: dict[str, Any] | None) -> Usage:
    """Thoughts are counted apart from the output. All zero: nobody has counted."""
    if tokens is None or not any(tokens.get(name) for name in ("input", "output", "thoughts")):
        return Usage()
    written, thought = checked.tokens(tokens, "output"), checked.tokens(tokens, "thoughts")
    return Usage(
        input_tokens=checked.tokens(tokens, "input"),
        cached_input_tokens=checked.tokens(tokens, "cached"),
        output_tokens=checked.summed("output", written, thought),
        reasoning_tokens=thought,
    )


def _tool(told: _ToolCall) -> Tool:
    failed = told.status == "error"
    return Tool(
        name=checked.required({"toolCalls.name": told.name}, "toolCalls.name"),
        call_id=transcripts.name("toolCalls.id", told.id),
        arguments=told.args,
        result=_result(told.result),
        error=failed or (None if told.status is None else False),
    )


def _result(result: msgspec.Raw) -> msgspec.Raw:
    """What the tool answered, without the id of its call."""
    if bytes(result)[:1] != b"[":
        return result
    responses = [one.functionResponse for one in _results(result)]
    told = [one.response for one in responses if one is not None and tells(one.response)]
    return told[0] if len(told) == 1 else msgspec.Raw(msgspec.json.encode(told)) if told else EMPTY


def _text(content: msgspec.Raw) -> str:
    """The text of a message; "" where it holds none."""
    if not tells(content):
        return ""
    if bytes(content)[:1] == b'"':
        return _string(content)
    if bytes(content)[:1] != b"[":
        return ""
    return "\n".join(part.text for part in _parts(content) if isinstance(part.text, str))
