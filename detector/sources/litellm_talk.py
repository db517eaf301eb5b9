"""What a LiteLLM payload holds of the conversation: the model's answer, and the results that came in after the last."""

from contextlib import suppress
from typing import Any, NamedTuple

import msgspec

from detector.model.events import EMPTY, MAX_NAME, Output, Tool

MAX_AFTER = 1_000
"""Messages after the last answer that are looked at."""
REDACTED = "redacted-by-litellm"
"""What stands in place of a text where LiteLLM was told not to log it."""


class Result(NamedTuple):
    """What a tool answered, as JSON, to which tool call."""

    call_id: str
    body: msgspec.Raw
    failed: bool


class _Part(msgspec.Struct):
    """A block of content, or an item of a Responses answer."""

    type: Any = None
    text: Any = None
    name: Any = None
    id: Any = None
    call_id: Any = None
    arguments: msgspec.Raw = EMPTY
    input: msgspec.Raw = EMPTY
    content: msgspec.Raw = EMPTY


class _Function(msgspec.Struct):
    name: Any = None
    arguments: msgspec.Raw = EMPTY
    input: msgspec.Raw = EMPTY


class _ToolCall(msgspec.Struct):
    id: Any = None
    function: _Function | None = None
    custom: _Function | None = None


class _Message(msgspec.Struct):
    content: str | list[_Part] | None = None
    tool_calls: list[_ToolCall] | None = None
    function_call: _Function | None = None


class _Choice(msgspec.Struct):
    message: _Message | None = None
    text: str | None = None


class _Response(msgspec.Struct):
    """Chat has choices, Responses an output, Anthropic's Messages a content."""

    choices: list[_Choice] | None = None
    output: list[_Part] | None = None
    content: str | list[_Part] | None = None


class _Said(msgspec.Struct):
    """A message of a conversation, or an item of a Responses input."""

    role: Any = None
    type: Any = None
    tool_call_id: Any = None
    call_id: Any = None
    content: msgspec.Raw = EMPTY
    output: msgspec.Raw = EMPTY


class _Block(msgspec.Struct):
    type: Any = None
    text: Any = None
    tool_use_id: Any = None
    content: msgspec.Raw = EMPTY
    is_error: Any = None


_parts = msgspec.json.Decoder(str | list[_Part] | None).decode
_response = msgspec.json.Decoder(_Response).decode
_list = msgspec.json.Decoder(list[msgspec.Raw]).decode
_said = msgspec.json.Decoder(_Said).decode
_blocks = msgspec.json.Decoder(list[_Block]).decode
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
MODELS_OWN = ("function_call", "custom_tool_call", "reasoning")
OUTPUTS = ("function_call_output", "custom_tool_call_output")  # no sets: a type may be anything


def answer(response: msgspec.Raw) -> tuple[Output | None, list[Tool] | None]:
    """Text and tool calls of an answer in the form of chat, of Responses or of Anthropic; None for what it has not."""
    texts: list[str] = []
    tools: list[Tool] = []
    with suppress(*_UNREADABLE):  # a text, or nothing; of a failed call it is {}
        _read(_response(response), texts, tools)
    return Output(text="\n".join(texts)) if texts else None, tools or None


def _read(said: _Response, texts: list[str], tools: list[Tool]) -> None:
    for choice in said.choices or ():
        _add(texts, choice.text)
        if choice.message is not None:
            _content(choice.message.content, texts, tools)
            for asked in choice.message.tool_calls or ():
                _tool(tools, asked.function or asked.custom, asked.id)
            _tool(tools, choice.message.function_call, None)
    _content(said.output, texts, tools)
    _content(said.content, texts, tools)


def _content(content: str | list[_Part] | None, texts: list[str], tools: list[Tool]) -> None:
    if isinstance(content, str):
        _add(texts, content)
        return
    for part in content or ():
        if part.type in ("text", "output_text"):
            _add(texts, part.text)
        elif part.type == "message":
            _content(_parts(part.content), texts, tools)
        elif part.type in ("tool_use", "function_call", "custom_tool_call"):
            # The `id` of a Responses item is the item's own.
            _tool(tools, part, part.id if part.type == "tool_use" else part.call_id)


def _add(texts: list[str], text: Any) -> None:
    if isinstance(text, str) and text and text != REDACTED:
        texts.append(text)


def _tool(tools: list[Tool], asked: _Function | _Part | None, id: Any) -> None:
    if asked is not None and isinstance(asked.name, str) and asked.name:
        arguments = asked.arguments if len(asked.arguments) else asked.input
        tools.append(Tool(name=asked.name[:MAX_NAME], call_id=_id(id), arguments=arguments))


def _id(id: Any) -> str | None:
    return id if isinstance(id, str) and 0 < len(id) <= MAX_NAME else None


def results(messages: msgspec.Raw) -> list[Result]:
    """The results of tools that follow the model's last answer in a conversation, in their order.

    All before that were told by earlier calls and are not decoded.
    """
    try:
        conversation = _list(messages)
    except _UNREADABLE:
        return []  # a text, or nothing
    found: list[Result] = []
    for raw in conversation[: -MAX_AFTER - 1 : -1]:
        try:
            said = _said(raw)
            if said.role in ("assistant", "model") or said.type in MODELS_OWN:
                break
            found += reversed(_results_of(said))
        except _UNREADABLE:
            continue
    found.reverse()
    return found


def _results_of(said: _Said) -> list[Result]:
    if said.type in OUTPUTS:
        told = [(said.call_id, said.output, False)]
    elif said.role == "tool":
        told = [(said.tool_call_id, said.content, False)]
    elif _is_list(said.content):
        blocks = _blocks(said.content)
        told = [(b.tool_use_id, b.content, b.is_error is True) for b in blocks if b.type == "tool_result"]
    else:
        return []
    return [Result(id, _plain(body), failed) for call, body, failed in told if (id := _id(call)) is not None]


def _plain(body: msgspec.Raw) -> msgspec.Raw:
    """Blocks that are all text as that text: the same result is told either way, and blocks carry marks of caches."""
    if not _is_list(body):
        return body
    try:
        texts = [block.text for block in _blocks(body)]
    except _UNREADABLE:
        return body
    if not texts or not all(isinstance(text, str) for text in texts):
        return body
    return msgspec.Raw(msgspec.json.encode("\n".join(texts)))


def _is_list(raw: msgspec.Raw) -> bool:
    return bytes(memoryview(raw)[:1]) == b"["
