"""Spans by OpenInference's conventions: models and embeddings are calls, `TOOL` is a tool."""

from typing import Any

import msgspec

from detector.model.events import MAX_NAME, Call, Tool, ToolCall, Usage
from detector.sources import checked
from detector.sources import span_parts as parts
from detector.sources.otlp import Record
from detector.sources.told import Layer, Told

_KIND = "openinference.span.kind"
_OPERATIONS = {"LLM": "chat", "EMBEDDING": "embeddings"}
_ONLY_CALLS = frozenset(
    ("openai", "anthropic", "mistralai", "groq", "bedrock", "litellm", "vertexai", "google_genai", "instructor")
)
"""Instrumentations of model clients, which know nothing of tools that run; those of frameworks tell tools apart."""

_COUNT = "llm.token_count."
_MODEL = ("llm.model_name", "embedding.model_name")
_PARAMETERS = ("llm.invocation_parameters", "embedding.invocation_parameters")
_PROVIDER = ("llm.provider", "llm.system")
_MOST = 64
"""Answers and tools of a call that are looked for one number after the other."""


def mine(record: Record) -> bool:
    """Whether it is a call or a tool by these conventions."""
    kind = record.attributes.get(_KIND)
    return isinstance(kind, str) and (kind in _OPERATIONS or kind == "TOOL")


def read(record: Record) -> Told:
    """The event of a span that is `mine`. Raises BadInput."""
    kind = record.attributes[_KIND]
    event = _tool(record) if kind == "TOOL" else _call(record, _OPERATIONS[kind])
    about: dict[str, Any] = {}
    metadata = _object(record.attributes.get("metadata"))
    if metadata:
        about["metadata"] = metadata
        about["detector.agent"] = metadata.get("lc_agent_name")
    return parts.told(record, event, about)


def _call(record: Record, operation: str) -> Call:
    said = record.attributes
    return parts.call(
        record,
        _answer_id(said.get("output.value")) or parts.own_id(record),
        parts.named(said, _MODEL) or _asked_model(said) or checked.required(said, _MODEL[0]),
        _usage(said),
        operation=operation,
        provider=parts.named(said, _PROVIDER),
        cost_usd=checked.dollars(said, "llm.cost.total") or None,
        answer=_answer(said),
        tools_apart=record.scope.rpartition(".")[2] not in _ONLY_CALLS,
    )


def _usage(said: Layer) -> Usage:
    return parts.metered(
        Usage(
            input_tokens=checked.tokens(said, f"{_COUNT}prompt"),
            cached_input_tokens=checked.tokens(said, f"{_COUNT}prompt_details.cache_read"),
            cache_write_tokens=checked.tokens(said, f"{_COUNT}prompt_details.cache_write"),
            output_tokens=checked.tokens(said, f"{_COUNT}completion"),
            reasoning_tokens=checked.tokens(said, f"{_COUNT}completion_details.reasoning"),
        )
    )


def _asked_model(said: Layer) -> str | None:
    """A failed call has no model but the one that was asked for."""
    for name in _PARAMETERS:
        model = checked.text(_object(said.get(name)), "model")
        if model is not None:
            return model
    return None


def _object(raw: Any) -> dict[str, Any]:
    """An attribute that is a JSON object as text; empty where it is none."""
    try:
        value = msgspec.json.decode(raw) if isinstance(raw, str) else None
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return {}
    return value if isinstance(value, dict) else {}


# The answer's id, which is only within the answer itself


class _Identified(msgspec.Struct):
    id: Any = None


class _Inner(msgspec.Struct):
    response_metadata: _Identified | None = None


class _Answer(msgspec.Struct):
    kwargs: _Inner | None = None


class _Generation(msgspec.Struct):
    message: _Answer | None = None


class _Value(msgspec.Struct):
    id: Any = None
    llm_output: _Identified | None = None
    generations: list[list[_Generation]] | None = None


_value = msgspec.json.Decoder(_Value).decode


def _answer_id(raw: Any) -> str | None:
    """Of what the model's client, or LangChain, returned; None where that was hidden or says none."""
    if not isinstance(raw, str) or not raw.startswith("{"):
        return None
    try:
        value = _value(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return None
    found = [value.id, value.llm_output and value.llm_output.id]
    for generation in [g for several in value.generations or () for g in several]:
        inner = generation.message and generation.message.kwargs
        found.append(inner and inner.response_metadata and inner.response_metadata.id)
    return next((one for one in found if isinstance(one, str) and 0 < len(one) <= MAX_NAME), None)


def _answer(said: Layer) -> tuple[str, list[Tool]]:
    """Its text and the tools it asks for, as far as they are told."""
    text, tools = "", list[Tool]()
    for n in range(_MOST):
        at = f"llm.output_messages.{n}.message."
        content, called = said.get(f"{at}content"), f"{at}tool_calls."
        if content is None and f"{at}role" not in said and f"{called}0.tool_call.function.name" not in said:
            break
        text += content if isinstance(content, str) else ""
        for m in range(_MOST):
            tool = f"{called}{m}.tool_call."
            name = said.get(f"{tool}function.name")
            if name is None:
                break
            found = parts.asked(name, said.get(f"{tool}id"), said.get(f"{tool}function.arguments"))
            tools += [found] if found is not None else []
    return text, tools


# Tools


class _Data(msgspec.Struct):
    content: Any = None
    tool_call_id: str | None = None
    status: str | None = None


class _Result(msgspec.Struct):
    data: _Data | None = None


_result = msgspec.json.Decoder(_Result).decode


def _tool(record: Record) -> ToolCall:
    said = record.attributes
    name = checked.text(said, "tool.name") or record.name or checked.required(said, "tool.name")
    result, call_id, failed = _unwrapped(parts.as_text(said.get("output.value")))
    event = parts.used(record, name[:MAX_NAME], call_id, parts.as_text(said.get("input.value")), result)
    if failed and not event.tool.error:
        event.tool.error = True
    return event


def _unwrapped(text: str | None) -> tuple[str | None, str | None, bool]:
    """A result, its call's id and whether it is an error, without LangChain's message around them."""
    if text is None or not text.startswith("{"):
        return text, None, False
    try:
        data = _result(text).data
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return text, None, False
    if data is None or data.content is None:
        return text, None, False
    call_id = data.tool_call_id if data.tool_call_id and len(data.tool_call_id) <= MAX_NAME else None
    return parts.as_text(data.content), call_id, data.status == "error"
