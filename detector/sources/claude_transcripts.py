"""Claude Code's transcripts, `projects/<project>/<session>.jsonl`, to calls. Their form is known, but was not verified.

A file is a session, or a sub-agent of one, whose lines name the session and an `agentId`. A call stands on several
lines with one `message.id`, a block of its answer on each: the last one's usage counts.
"""

from typing import Any

import msgspec

from detector.errors import BadInput
from detector.model.events import EMPTY, Call, Output, Tool, Usage
from detector.sources import checked, transcripts
from detector.sources.json_lines import at, lines
from detector.sources.native import refusal
from detector.sources.times import seconds
from detector.sources.told import Decoded, Layer, Told, by

_SYNTHETIC = "<synthetic>"
"""The model of messages that Claude Code itself has made."""


class _Message(msgspec.Struct):
    id: Any = None
    model: Any = None
    usage: dict[str, Any] | None = None
    content: msgspec.Raw = EMPTY


class _Typed(msgspec.Struct):
    type: Any = None


class _Line(msgspec.Struct):
    uuid: Any = None
    parentUuid: Any = None  # noqa: N815, Claude Code's names
    sessionId: Any = None  # noqa: N815
    agentId: Any = None  # noqa: N815
    isSidechain: Any = None  # noqa: N815
    isMeta: Any = None  # noqa: N815
    gitBranch: Any = None  # noqa: N815
    cwd: Any = None
    timestamp: Any = None
    message: _Message | None = None


class _Block(msgspec.Struct):
    type: Any = None
    text: Any = None
    id: Any = None
    name: Any = None
    input: msgspec.Raw = EMPTY
    tool_use_id: Any = None
    content: msgspec.Raw = EMPTY
    is_error: Any = None


_typed, _line = msgspec.json.Decoder(_Typed).decode, msgspec.json.Decoder(_Line).decode
_blocks = msgspec.json.Decoder(list[_Block]).decode


def decode(body: bytes) -> Decoded:
    """The calls of a file, with their tools and what these answered; a BadInput for each line that cannot be used."""
    session, out = _Session(), []
    for number, line in lines(body):
        try:
            kind = _typed(line).type
            if kind == "assistant":
                session.answer(_line(line))
            elif kind == "user":
                session.user(_line(line))
        except BadInput as bad:
            out.append(at(number, bad))
        except Exception as error:
            out.append(at(number, refusal(error)))
    return by("claude_code", [*out, *session.calls()])


class _Session:
    """The lines so far."""

    def __init__(self) -> None:
        self._calls: dict[str, tuple[Call, tuple[Layer, Layer]]] = {}
        self._tools: dict[str, Tool] = {}
        self._chains: dict[str, str] = {}  # of lines of sub-agents: where their chain begins
        self._turn: str | None = None

    def answer(self, line: _Line) -> None:
        """A block of an answer. Raises BadInput, or an error of msgspec."""
        message = line.message
        if message is None or message.model == _SYNTHETIC:
            return
        chain = self._chain(line)
        id = transcripts.name("message.id", message.id) or checked.required({"uuid": line.uuid}, "uuid")
        usage = None if message.usage is None else _usage(message.usage)
        known = self._calls.get(id)
        call = self._call(id, line, message, chain) if known is None else known[0]
        if known is None:
            self._calls[id] = call, _layers(line, chain)
        call.time = max(seconds(call.time), _time(line))
        call.usage = usage or call.usage
        for block in _blocks_of(message.content):
            self._block(call, block)

    def _call(self, id: str, line: _Line, message: _Message, chain: str | None) -> Call:
        usage = message.usage or {}
        return Call(
            id=id,
            time=_time(line),
            model=checked.required({"message.model": message.model}, "message.model"),
            usage=Usage(),
            turn=None if chain else self._turn,
            service_tier=transcripts.name("service_tier", usage.get("service_tier")),
        )

    def _block(self, call: Call, block: _Block) -> None:
        if block.type == "text" and isinstance(block.text, str) and block.text:
            said = call.output.text if call.output is not None else None
            call.output = Output(text=f"{said}\n{block.text}" if said else block.text)
        elif block.type == "tool_use":
            id = transcripts.name("tool_use.id", block.id)
            if id is None or id not in self._tools:
                name = checked.required({"tool_use.name": block.name}, "tool_use.name")
                tool = Tool(name=name, call_id=id, arguments=block.input)
                call.tools = [*(call.tools or ()), tool]
                if id is not None:
                    self._tools[id] = tool

    def user(self, line: _Line) -> None:
        """Results of tools, or what a person asks. Raises BadInput, or an error of msgspec."""
        chain = self._chain(line)
        if line.message is None:
            return
        blocks = _blocks_of(line.message.content)
        answers = [block for block in blocks if block.type == "tool_result"]
        for block in answers:
            tool = self._tools.get(block.tool_use_id) if isinstance(block.tool_use_id, str) else None
            if tool is not None:
                tool.result, tool.error = _result(block.content), block.is_error is True
        if not answers and chain is None and not line.isMeta:
            self._turn = transcripts.name("uuid", line.uuid) or self._turn

    def _chain(self, line: _Line) -> str | None:
        """Which sub-agent says a line; None where it is the session itself."""
        if line.isSidechain is not True:
            return None
        uuid = transcripts.name("uuid", line.uuid)
        before = self._chains.get(line.parentUuid) if isinstance(line.parentUuid, str) else None
        chain = transcripts.name("agentId", line.agentId) or before or uuid
        if uuid is not None and chain is not None:
            self._chains[uuid] = chain
        return chain

    def calls(self) -> Decoded:
        """All of them, each once."""
        return [Told(call, layers) for call, layers in self._calls.values()]


def _layers(line: _Line, chain: str | None) -> tuple[Layer, Layer]:
    session = transcripts.name("sessionId", line.sessionId)
    about: Layer = {
        "detector.run": chain or session,
        "detector.parent_run": session if chain else None,
        "detector.agent": "claude-code subagent" if chain else "claude-code",
    }
    return about, {"cwd": line.cwd, "git.branch": line.gitBranch}


def _time(line: _Line) -> float:
    return transcripts.seconds("timestamp", line.timestamp)


def _usage(counts: dict[str, Any]) -> Usage:
    """The input does not count what was read from the cache or written to it."""
    read = checked.tokens(counts, "cache_read_input_tokens")
    written = checked.tokens(counts, "cache_creation_input_tokens")
    kept = counts.get("cache_creation")
    return Usage(
        input_tokens=checked.summed("input_tokens", checked.tokens(counts, "input_tokens"), read, written),
        cached_input_tokens=read,
        cache_write_tokens=written,
        cache_write_1h_tokens=checked.tokens(kept, "ephemeral_1h_input_tokens") if isinstance(kept, dict) else None,
        output_tokens=checked.tokens(counts, "output_tokens"),
    )


def _blocks_of(content: msgspec.Raw) -> list[_Block]:
    return _blocks(content) if bytes(content)[:1] == b"[" else []


def _result(content: msgspec.Raw) -> msgspec.Raw:
    """What a tool answered: of blocks of text the text."""
    if bytes(content)[:1] != b"[":
        return content
    blocks = _blocks(content)
    texts = [block.text for block in blocks if isinstance(block.text, str)]
    return transcripts.text("\n".join(texts)) if len(texts) == len(blocks) else content
