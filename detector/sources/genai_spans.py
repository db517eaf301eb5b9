"""Spans by OpenTelemetry's conventions for generative AI: inferences are calls, `execute_tool` is a tool.

Agents, workflows and tasks repeat what their calls used, so they tell nothing here.
"""

from typing import Any

import msgspec

from detector.model.events import Tool, Usage
from detector.sources import checked, langsmith_spans, litellm
from detector.sources import span_parts as parts
from detector.sources.otlp import Record
from detector.sources.told import Layer, Told

_INFERENCES = frozenset(("chat", "text_completion", "generate_content", "embeddings"))
_TOOL = "execute_tool"
_LITELLM = "litellm"
_LANGCHAIN = "opentelemetry.instrumentation.langchain"
_TELL_TOOLS_APART = ("pydantic-ai", _LANGCHAIN, langsmith_spans.SCOPE)
"""Scopes that send a span for each tool."""

_USAGE = "gen_ai.usage."
_INPUT = (f"{_USAGE}input_tokens", f"{_USAGE}prompt_tokens")
_OUTPUT = (f"{_USAGE}output_tokens", f"{_USAGE}completion_tokens")
_CACHED = (f"{_USAGE}cache_read.input_tokens", f"{_USAGE}cache_read_input_tokens")
_WRITTEN = (
    f"{_USAGE}cache_write.input_tokens", f"{_USAGE}cache_creation.input_tokens", f"{_USAGE}cache_creation_input_tokens",
)  # fmt: skip
_WRITTEN_1H = ("anthropic.usage.cache_creation.ephemeral_1h_input_tokens",)
_REASONING = (
    f"{_USAGE}reasoning.output_tokens", f"{_USAGE}reasoning_tokens", f"{_USAGE}details.reasoning_tokens",
)  # fmt: skip
_MODEL = ("gen_ai.response.model", "gen_ai.request.model")
_PROVIDER = ("gen_ai.provider.name", "gen_ai.system")
_TIER = ("openai.response.service_tier", "gen_ai.openai.response.service_tier", "anthropic.response.service_tier")
_COST = ("operation.cost", "gen_ai.cost.total_cost", "litellm.cost.total")
_MOST_IN_TURN = 64
"""Answers and tools of a call that are looked for one number after the other."""


def mine(record: Record) -> bool:
    """Whether it is a call or a tool by these conventions."""
    operation = _operation(record)
    if operation not in _INFERENCES and operation != _TOOL:
        return False
    return record.scope != langsmith_spans.SCOPE or langsmith_spans.mine(record.attributes)


def _operation(record: Record) -> str | None:
    said = record.attributes.get("gen_ai.operation.name")
    if not isinstance(said, str):
        return None
    return litellm.OPERATIONS.get(said, said) if record.scope == _LITELLM else said


def read(record: Record) -> Told:
    """The event of a span that is `mine`. Raises BadInput."""
    if record.scope == langsmith_spans.SCOPE:
        record = langsmith_spans.plain(record)
    if _operation(record) == _TOOL:
        return _tool(record)
    said = record.attributes
    call = parts.call(
        record,
        _id(record),
        parts.named(said, _MODEL) or checked.required(said, _MODEL[-1]),
        _usage(said, record.scope),
        operation=_operation(record),
        provider=parts.named(said, _PROVIDER),
        cost_usd=_cost(said),
        answer=_answer(said),
        tools_apart=record.scope.startswith(_TELL_TOOLS_APART),
        service_tier=parts.named(said, _TIER),
    )
    return parts.told(record, call)


def _id(record: Record) -> str:
    """The answer's. LiteLLM gives a failed attempt the id of its request, which the later success may have too."""
    answer = checked.text(record.attributes, "gen_ai.response.id")
    of_request = answer == record.attributes.get("litellm.call_id") and parts.outcome(record).status != "ok"
    return parts.own_id(record) if answer is None or of_request else answer


def _usage(said: Layer, scope: str) -> Usage:
    written = parts.tokens(said, _WRITTEN)
    if scope.startswith(_LANGCHAIN):
        written = written or None  # LangChain has 0 there where it tells how long they are kept, which this leaves out
    usage = parts.metered(
        Usage(
            input_tokens=parts.tokens(said, _INPUT),
            cached_input_tokens=parts.tokens(said, _CACHED),
            cache_write_tokens=written,
            cache_write_1h_tokens=parts.tokens(said, _WRITTEN_1H),
            output_tokens=parts.tokens(said, _OUTPUT),
            reasoning_tokens=parts.tokens(said, _REASONING),
        )
    )
    return langsmith_spans.fill(usage, said) if usage.input_tokens else usage


def _cost(said: Layer) -> float | None:
    """A cost of 0 is told of what could not be priced."""
    return next((cost for name in _COST if (cost := checked.dollars(said, name))), None)


# The answer


class _Part(msgspec.Struct):
    type: str | None = None
    content: Any = None
    id: Any = None
    name: Any = None
    arguments: Any = None


class _Message(msgspec.Struct):
    parts: list[_Part] | None = None


_messages = msgspec.json.Decoder(list[_Message]).decode


def _answer(said: Layer) -> tuple[str, list[Tool]]:
    """Its text and the tools it asks for, as far as they are told."""
    raw = said.get("gen_ai.output.messages")
    text, tools = "", list[Tool]()
    try:
        messages = _messages(raw) if isinstance(raw, str) else msgspec.convert(raw or [], list[_Message])
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        messages = []
    for part in [p for message in messages for p in message.parts or ()]:
        if part.type == "text" and isinstance(part.content, str):
            text += part.content
        elif part.type == "tool_call" and (tool := parts.asked(part.name, part.id, part.arguments)):
            tools.append(tool)
    if text and tools:
        return text, tools
    older_text, older_tools = _older_answer(said)
    return text or older_text, tools or older_tools


def _older_answer(said: Layer) -> tuple[str, list[Tool]]:
    """The same as OpenLLMetry once told it, and LiteLLM tells it now: an attribute for each part."""
    text, tools = "", list[Tool]()
    for n in range(_MOST_IN_TURN):
        at = f"gen_ai.completion.{n}."
        content, function = said.get(f"{at}content"), said.get(f"{at}function_call.name")
        called = f"{at}tool_calls."
        if content is None and function is None and f"{called}0.name" not in said:
            break
        text += content if isinstance(content, str) else ""
        found = [parts.asked(function, None, said.get(f"{at}function_call.arguments"))]
        for m in range(_MOST_IN_TURN):
            name = said.get(f"{called}{m}.name")
            if name is None:
                break
            found.append(parts.asked(name, said.get(f"{called}{m}.id"), said.get(f"{called}{m}.arguments")))
        tools += [tool for tool in found if tool is not None]
    return text, tools


# Tools


def _tool(record: Record) -> Told:
    said = record.attributes
    name = checked.required(said, "gen_ai.tool.name")
    arguments = parts.as_text(said.get("gen_ai.tool.call.arguments", said.get("tool_arguments")))
    result = parts.as_text(said.get("gen_ai.tool.call.result", said.get("tool_response")))
    if record.scope == langsmith_spans.SCOPE:
        arguments, result = parts.as_text(said.get("gen_ai.prompt")), parts.as_text(said.get("gen_ai.completion"))
    if record.scope.startswith((_LANGCHAIN, langsmith_spans.SCOPE)):
        arguments, result = unwrapped(arguments), unwrapped(result)
    return parts.told(record, parts.used(record, name, checked.text(said, "gen_ai.tool.call.id"), arguments, result))


class _Wrapping(msgspec.Struct):
    input_str: str | None = None
    output: Any = None


_wrapping = msgspec.json.Decoder(_Wrapping).decode


def unwrapped(text: str | None) -> str | None:
    """Arguments or a result without LangChain's wrapping, whose tags and metadata change with each step."""
    if text is None or not text.startswith("{"):
        return text
    try:
        wrapping = _wrapping(text)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return text
    output = wrapping.output
    while isinstance(output, dict):
        output = output.get("kwargs") or output.get("data") or output.get("content")
    return wrapping.input_str or parts.as_text(output) or text
