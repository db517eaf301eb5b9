"""What LangSmith's exporter tells otherwise than the conventions for generative AI, though by their names."""

import msgspec

from detector.model.events import Usage
from detector.sources import checked
from detector.sources.told import Layer

SCOPE = "langsmith"
_KINDS = ("llm", "embedding", "tool")


def mine(said: Layer) -> bool:
    """Whether a span is a call or a tool: it names prompt templates `chat` and retrievers `embeddings` too."""
    return said.get("langsmith.span.kind", "llm") in _KINDS


class _Read(msgspec.Struct):
    cache_read: int | None = None
    cache_creation: int | None = None


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
    counts = {
        "cached_input_tokens": read.cache_read,
        "cache_write_tokens": read.cache_creation,
        "reasoning_tokens": wrote.reasoning,
    }
    for name, count in counts.items():
        if getattr(usage, name) is None:
            setattr(usage, name, checked.tokens({_USAGE: count}, _USAGE))
    return usage
