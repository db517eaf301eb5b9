"""The fields of LiteLLM's payloads: those that are read, typed, and all others when they are asked for."""

from collections.abc import Iterator, KeysView, Mapping, Sequence
from typing import Annotated, Any

import msgspec

from detector.errors import BadInput
from detector.model.events import Dollars, Seconds, Tokens
from detector.sources.native import MAX_IN_RECORD, refusal

_LEFT_OUT = frozenset(("messages", "response", "model_map_information"))
_Moment = Annotated[float, msgspec.Meta(ge=0, le=1e11)]
"""Seconds UTC; which of them are taken is not decided here."""


class Written(msgspec.Struct):
    """How long what was written to the cache is kept."""

    ephemeral_1h_input_tokens: Tokens | None = None


class InputDetails(msgspec.Struct):
    """Parts of the input."""

    cached_tokens: Tokens | None = None
    cache_write_tokens: Tokens | None = None
    cache_creation_tokens: Tokens | None = None
    cache_creation_token_details: Written | None = None


class OutputDetails(msgspec.Struct):
    """Parts of the output."""

    reasoning_tokens: Tokens | None = None


class UsageObject(msgspec.Struct):
    """Token counts, whoever the provider is."""

    prompt_tokens: Tokens | None = None
    completion_tokens: Tokens | None = None
    prompt_tokens_details: InputDetails | None = None
    completion_tokens_details: OutputDetails | None = None
    cache_read_input_tokens: Tokens | None = None
    cache_creation_input_tokens: Tokens | None = None
    service_tier: Any = None


class Metadata(msgspec.Struct):
    """What came with the request, and its usage."""

    usage_object: UsageObject | None = None
    user_id: Any = None
    requester_metadata: Any = None


class Payload(msgspec.Struct):
    """What is read of a payload, by LiteLLM's names; `Any` where a surprise must not cost the call."""

    id: str
    endTime: _Moment  # noqa: N815, LiteLLM's name for it
    startTime: _Moment | None = None  # noqa: N815
    response_time: Seconds | None = None
    model: str | None = None
    custom_llm_provider: str | None = None
    call_type: str | None = None
    status: str | None = None
    cache_hit: Any = None
    response_cost: Dollars | None = None
    prompt_tokens: Tokens | None = None
    completion_tokens: Tokens | None = None
    metadata: Metadata | None = None
    trace_id: Any = None
    request_tags: Any = None
    error_information: Any = None


Raw = dict[str, msgspec.Raw]
"""A payload, its fields not decoded yet."""
_one = msgspec.json.Decoder(Raw).decode
_many = msgspec.json.Decoder(list[Raw]).decode
_each = msgspec.json.Decoder(list[msgspec.Raw]).decode
_any = msgspec.json.Decoder().decode
_payload = msgspec.json.Decoder(Payload, strict=False).decode  # a number may be a string
_encode = msgspec.json.encode


class Fields(Mapping[str, Any]):
    """A payload without conversation, answer and prices; a field is decoded when it is first asked for."""

    def __init__(self, raw: Raw) -> None:
        self._raw = {name: value for name, value in raw.items() if name not in _LEFT_OUT}
        self._known = dict[str, Any]()

    def __getitem__(self, name: str) -> Any:
        if name not in self._known:
            self._known[name] = readable(self._raw[name])
        return self._known[name]

    def get(self, name: str, default: Any = None) -> Any:
        """As of every mapping; what is not there costs no exception."""
        return self[name] if name in self._raw else default

    def __iter__(self) -> Iterator[str]:
        return iter(self._raw)

    def __len__(self) -> int:
        return len(self._raw)

    def keys(self) -> KeysView[str]:
        """As of every mapping; to look for several does not decode them."""
        return self._raw.keys()


def readable(raw: msgspec.Raw | str) -> Any:
    """What JSON says; None where it cannot be read."""
    try:
        return _any(raw)
    except Exception:
        return None


def payloads(value: bytes) -> Sequence[Raw | BadInput]:
    """The payloads of a body, their fields not decoded yet; of too many some. Never raises on bad input."""
    try:
        if value.lstrip()[:1] != b"[":
            return [_one(value)]
        try:
            return _many(value)
        except msgspec.ValidationError:
            # Some are no objects: each by itself.
            return [_alone(raw) for raw in _each(value)[: MAX_IN_RECORD + 1]]
    except Exception as fault:
        return [refusal(fault)]


def _alone(value: msgspec.Raw) -> Raw | BadInput:
    try:
        return _one(value)
    except Exception as fault:
        return refusal(fault)


def read(raw: Raw) -> Payload:
    """What is read of a payload, within its bounds; raises msgspec.DecodeError, ValidationError with the path."""
    return _payload(_encode({name: raw[name] for name in Payload.__struct_fields__ if name in raw}))
