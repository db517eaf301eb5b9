"""Codex CLI's rollout files, `sessions/YYYY/MM/DD/rollout-<time>-<thread>.jsonl`, to calls: version 0.169 and older.

A file is one thread. `token_usage_record` is a call; before there were such, `token_count` is one where its total has
changed, since it is written again and again. What was asked for since the call before are the tools of the call.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from detector.errors import BadInput, Reason
from detector.model.events import Call, Output, Tool, Usage, tells
from detector.sources import checked, codex, rollout_lines, transcripts
from detector.sources.json_lines import at, lines
from detector.sources.native import refusal
from detector.sources.rollout_lines import Answer, Asked, Command, Count, Done, Item, Line, Message, Meta, Record, Turn
from detector.sources.told import Decoded, Layer, Told, by

_COMMAND = '{"output":'
_line = msgspec.json.Decoder(Line).decode
_typed = msgspec.json.Decoder(rollout_lines.Typed).decode
_command = msgspec.json.Decoder(Command).decode
_outcome = msgspec.json.Decoder(rollout_lines.Outcome).decode
_string = msgspec.json.Decoder(str).decode


def decode(body: bytes) -> Decoded:
    """The calls of a file, with their tools and what these answered; a BadInput for each line that cannot be used."""
    thread = _Thread()
    for number, line in lines(body):
        try:
            thread.take(line)
        except BadInput as bad:
            thread.out.append(at(number, bad))
        except Exception as error:
            thread.out.append(at(number, refusal(error)))
    return by("codex", thread.out)


class _Thread:
    """What the lines so far say of a thread."""

    def __init__(self) -> None:
        self.out: Decoded = []
        self._run: str | None = None
        self._about: Layer = {}
        self._place: Layer = {}
        self._model: str | None = None
        self._turn: str | None = None
        self._prompts = 0
        self._total: Mapping[str, Any] | None = None
        self._recorded = False
        self._asked: list[Tool] = []
        self._said: list[str] = []
        self._tools: dict[str, Tool] = {}

    def take(self, raw: bytes) -> None:
        """Takes a line. Raises BadInput, or an error of msgspec."""
        line = _line(raw)
        kind = line.type
        if kind in ("event_msg", "response_item"):
            kind = _typed(line.payload).type
        if isinstance(kind, str) and kind in _READERS:
            _READERS[kind](self, line)

    def meta(self, meta: Meta, _: Any) -> None:
        if self._run is not None:
            return  # of the thread that this one was forked from
        self._run = transcripts.name("id", meta.id)
        self._about = {
            "detector.parent_run": transcripts.name("parent_thread_id", meta.parent_thread_id),
            "detector.agent": transcripts.name("agent_role", meta.agent_role)
            or transcripts.name("originator", meta.originator),
        }
        git = meta.git if isinstance(meta.git, dict) else {}
        self._place = {"cwd": meta.cwd, "git.branch": git.get("branch"), "git.repository": git.get("repository_url")}

    def turn(self, turn: Turn, _: Any) -> None:
        self._model = transcripts.name("model", turn.model) or self._model
        self._turn = transcripts.name("turn_id", turn.turn_id) or self._turn

    def prompt(self, _: Turn, __: Any) -> None:
        """A person asks. Newer versions give turns ids of their own."""
        self._prompts += 1
        if self._turn is None or self._turn.isdigit():
            self._turn = str(self._prompts)

    def asked(self, asked: Asked, _: Any) -> None:
        tool = Tool(
            name=transcripts.name("name", asked.name) or "local_shell",
            call_id=transcripts.name("call_id", asked.call_id),
            arguments=next((a for a in (asked.arguments, asked.input) if tells(a)), asked.action),
        )
        self._asked.append(tool)
        if tool.call_id is not None:
            self._tools[tool.call_id] = tool

    def searched(self, asked: Asked, _: Any) -> None:
        """A tool of the model's server, whose result is told nowhere."""
        self._asked.append(Tool(name="web_search", arguments=asked.action))

    def answered(self, answer: Answer, _: Any) -> None:
        tool = self._tools.get(answer.call_id) if isinstance(answer.call_id, str) else None
        if tool is None or not tells(answer.output):
            return
        tool.result, failed = _result(answer.output)
        tool.error = tool.error or failed or None

    def done(self, done: Done, _: Any) -> None:
        id = done.call_id or done.id
        tool = self._tools.get(id) if isinstance(id, str) else None
        if tool is not None and (done.exit_code not in (None, 0) or done.status == "failed"):
            tool.error = True

    def item(self, told: Item, time: Any) -> None:
        if told.item is not None:
            self.done(told.item, time)

    def message(self, message: Message, _: Any) -> None:
        if message.role == "assistant":
            self._said += [part.text for part in message.content or () if isinstance(part.text, str)]

    def record(self, record: Record, time: Any) -> None:
        self._recorded = True  # token_count repeats it from now on
        run, turn = transcripts.name("thread_id", record.thread_id), transcripts.name("turn_id", record.turn_id)
        id = transcripts.name("response_id", record.response_id)
        self._call(record.usage, time, id, run or self._run, turn or self._turn)

    def count(self, count: Count, time: Any) -> None:
        counts = count.info
        if self._recorded or counts is None or counts.last_token_usage is None:
            return
        known, self._total = self._total, counts.total_token_usage
        if self._total is None or self._total != known:
            self._call(counts.last_token_usage, time, None, self._run, self._turn)

    def _call(self, counts: Mapping[str, Any], time: Any, id: str | None, run: str | None, turn: str | None) -> None:
        tools, said, self._asked, self._said = self._asked, "\n".join(self._said), [], []
        if self._model is None:
            raise BadInput(Reason.MISSING_FIELD, "model", "is required in a turn_context before it")
        t, usage = transcripts.seconds("timestamp", time), _usage(counts)
        call = Call(
            # Servers that people run themselves number their answers with few digits: an id is one of its thread.
            id=f"{run}/{id}" if id else checked.made_id("rollout", run, t, usage.input_tokens, usage.output_tokens),
            time=t,
            model=self._model,
            usage=usage,
            turn=turn,
            output=Output(text=said) if said else None,
            tools=tools or None,
        )
        self.out.append(Told(call, ({**self._about, "detector.run": run}, self._place)))


def _usage(counts: Mapping[str, Any]) -> Usage:
    return Usage(
        input_tokens=checked.tokens(counts, "input_tokens"),
        cached_input_tokens=checked.tokens(counts, "cached_input_tokens"),
        cache_write_tokens=checked.tokens(counts, "cache_write_input_tokens"),
        output_tokens=checked.tokens(counts, "output_tokens"),
        reasoning_tokens=checked.tokens(counts, "reasoning_output_tokens"),
    )


def _result(output: msgspec.Raw) -> tuple[msgspec.Raw, bool]:
    """What a tool answered, without what is volatile, and whether it failed."""
    first = bytes(output)[:1]
    if first == b"{":
        return output, _outcome(output).success is False
    if first != b'"':
        return output, False
    said = _string(output)
    if said.startswith(_COMMAND):
        try:
            older = _command(said)
            return transcripts.text(older.output), older.metadata.get("exit_code") not in (None, 0)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            pass  # it is a tool's own answer
    return transcripts.text(codex.steady(said)), codex.exited(said)


def _reader(of: type[Any], read: Callable[[_Thread, Any, Any], None]) -> Callable[[_Thread, Line], None]:
    decode = msgspec.json.Decoder(of).decode
    return lambda thread, line: read(thread, decode(line.payload), line.timestamp)


_READERS: dict[str, Callable[[_Thread, Line], None]] = {
    "session_meta": _reader(Meta, _Thread.meta),
    "turn_context": _reader(Turn, _Thread.turn),
    "task_started": _reader(Turn, _Thread.turn),
    "user_message": _reader(Turn, _Thread.prompt),
    "function_call": _reader(Asked, _Thread.asked),
    "custom_tool_call": _reader(Asked, _Thread.asked),
    "local_shell_call": _reader(Asked, _Thread.asked),
    "web_search_call": _reader(Asked, _Thread.searched),
    "function_call_output": _reader(Answer, _Thread.answered),
    "custom_tool_call_output": _reader(Answer, _Thread.answered),
    "exec_command_end": _reader(Done, _Thread.done),
    "item_completed": _reader(Item, _Thread.item),
    "message": _reader(Message, _Thread.message),
    "token_usage_record": _reader(Record, _Thread.record),
    "token_count": _reader(Count, _Thread.count),
}
