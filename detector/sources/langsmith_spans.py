"""What LangSmith's exporter tells otherwise than the conventions for generative AI, though by their names."""

import re

import msgspec

from detector.model.events import Usage
from detector.sources import checked
from detector.sources import span_parts as parts
from detector.sources.otlp import Record
from detector.sources.told import Layer

SCOPE = "langsmith"
_KINDS = ("llm", "embedding", "tool")


def mine(said: Layer) -> bool:
    """Whether a span is a call or a tool: it names prompt templates `chat` and retrievers `embeddings` too."""
    return said.get("langsmith.span.kind", "llm") in _KINDS


_KIND = re.compile(r"([A-Za-z_]\w{0,99})\(")


def plain(record: Record) -> Record:
    """With its failure where the conventions have it. Some it tells by an exception alone, of the kind `Exception`."""
    thrown = parts.exception(record)
    if not thrown:
        return record
    kind = _KIND.match(checked.words(thrown, "exception.message") or "")
    said = {**record.attributes, "error.type": kind[1]} if kind else record.attributes
    return record._replace(failed=True, attributes=said)


class _Read(msgspec.Struct):
    cache_read: int | None = None
    cache_creation: int | None = None
    ephemeral_5m_input_tokens: int | None = None
    ephemeral_1h_input_tokens: int | None = None


class _Wrote(msgspec.Struct):
    reasoning: int | None = None


class _Details(msgspec.Struct):
    input_token_details: _Read | None = None
    output_token_details: _Wrote | None = None


_USAGE = "langsmith.metadata.usage_metadata"
_details = msgspec.json.Decoder(_Details).decode


def fill(usage: Usage, said: Layer) -> Usage:
    """With the parts of its counts, which LangSmith has within a JSON text only. Raises BadInput."""
    raw = said.get(_USAGE)
    try:
        details = _details(raw) if isinstance(raw, str) else None
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        details = None
    if details is None:
        return usage
    read, wrote = details.input_token_details or _Read(), details.output_token_details or _Wrote()
    hour = read.ephemeral_1h_input_tokens
    counts = {
        "cached_input_tokens": read.cache_read,
        # LangChain has 0 there where it tells how long they are kept.
        "cache_write_tokens": read.cache_creation or _sum(read.ephemeral_5m_input_tokens, hour) or read.cache_creation,
        "cache_write_1h_tokens": hour,
        "reasoning_tokens": wrote.reasoning,
    }
    for name, count in counts.items():
        if getattr(usage, name) is None:
            setattr(usage, name, checked.tokens({_USAGE: count}, _USAGE))
    return usage


def _sum(a: int | None, b: int | None) -> int | None:
    return None if a is None and b is None else (a or 0) + (b or 0)
