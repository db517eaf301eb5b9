"""What LiteLLM's proxy tells of each call: a StandardLoggingPayload, or an array of them as `generic_api` posts it.

A payload is 14 kB and more, most of it prices of models and the whole conversation: those are passed over unread.
"""

import re
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, Literal

import msgspec

from detector.errors import BadInput, Reason
from detector.model.events import MAX_NAME, Call, ToolResult, Usage
from detector.sources.litellm_payload import (
    Fields,
    InputDetails,
    Metadata,
    Payload,
    Raw,
    UsageObject,
    Written,
    payloads,
    read,
    readable,
)
from detector.sources.litellm_talk import answer, results
from detector.sources.native import MAX_IN_RECORD, refusal
from detector.sources.told import Decoded, Told, by

BEFORE_S = 0.001
"""A result is told by the call that it goes into: it comes this much before that one's end, and so is never late."""

_NOTHING = msgspec.Raw(b"")
_SESSION = re.compile(r"_session_([0-9A-Za-z-]{1,128})\Z")


def _either(kinds: Mapping[str, str]) -> dict[str, str]:
    """Call types have an `a` before them where they are asynchronous, as a proxy's are."""
    return {f"{a}{kind}": operation for a in ("", "a") for kind, operation in kinds.items()}


OPERATIONS = {"anthropic_messages": "chat"} | _either(
    {
        "completion": "chat",
        "responses": "chat",
        "generate_content": "chat",
        "generate_content_stream": "chat",
        "text_completion": "text_completion",
        "embedding": "embeddings",
        "rerank": "rerank",
        "moderation": "moderation",
    }
)
"""By call type."""
_LOOKED_UP = frozenset(_either(dict.fromkeys(("get_responses", "delete_responses", "list_input_items"), "")))
"""What is asked about an answer that was told when it was made, under the same id."""


def decode(value: bytes) -> Decoded:
    """Calls, and before each of them the results of tools that went into it. Never raises on bad input.

    A number beyond its bounds, or of a wrong type, refuses its payload alone, by LiteLLM's name for it.
    """
    out: Decoded = []
    found = payloads(value)
    if len(found) > MAX_IN_RECORD:
        return [BadInput(Reason.TOO_LARGE, "", f"holds more than {MAX_IN_RECORD:,} payloads")]
    for raw in found:
        if isinstance(raw, BadInput):
            out.append(raw)
            continue
        try:
            out += by("litellm", _told(raw))
        except BadInput as fault:
            out.append(fault)
        except Exception as fault:
            out.append(refusal(fault))
    return out


def _told(raw: Raw) -> Decoded:
    p = read(raw)
    if p.call_type in _LOOKED_UP:
        return []
    layer, session = _tags(p.request_tags), _session(p.metadata)
    if session is not None:
        layer["detector.session"] = session
    attributes = (layer, Fields(raw))
    call = _call(p, raw)
    # Some models number their tool calls: such an id is one of its conversation only.
    within = session or (p.trace_id if isinstance(p.trace_id, str) else "")
    told: Decoded = [
        Told(
            ToolResult(
                id=_bounded(f"{within}/{result.call_id}/result"),
                time=p.endTime - BEFORE_S,
                call_id=result.call_id,
                result=result.body,
                error=result.failed or None,
            ),
            attributes,
        )
        for result in results(raw.get("messages", _NOTHING))
    ]
    told.append(Told(call, attributes))
    return told


def _call(p: Payload, raw: Raw) -> Call:
    provider, model = p.custom_llm_provider or None, p.model or ""
    if provider is not None:
        model = model.removeprefix(f"{provider}/")
    _short("custom_llm_provider", provider)
    _short("model", model)
    _short("call_type", p.call_type)
    if not p.id:
        raise BadInput(Reason.OUT_OF_RANGE, "id", "must not be empty")
    # 0.0 is also said of what has no price, and of what failed; an answer from LiteLLM's own cache is free indeed.
    cost = p.response_cost if p.response_cost or p.cache_hit is True else None
    said = (p.metadata and p.metadata.usage_object) or UsageObject()
    tier = said.service_tier
    status, error = _outcome(p)
    output, tools = answer(raw.get("response", _NOTHING))
    return Call(
        # A failure has the id of the request, and so has a later success of embeddings.
        id=_bounded(p.id if status == "ok" else f"{p.id}/failure"),
        time=p.endTime,
        model=model,
        usage=_usage(p, said, provider == "anthropic" or "claude" in model),
        provider=provider,
        service_tier=tier if isinstance(tier, str) and len(tier) <= MAX_NAME else None,
        operation=OPERATIONS.get(p.call_type, p.call_type) if p.call_type else None,
        cost_usd=cost,
        cost_basis=None if cost is None else "told",
        duration_s=_duration(p),
        status=status,
        error=error,
        output=output,
        tools=tools,
    )


def _short(name: str, text: str | None) -> None:
    if text is not None and len(text) > MAX_NAME:
        raise BadInput(Reason.OUT_OF_RANGE, name, f"must have at most {MAX_NAME} characters")


def _bounded(id: str) -> str:
    """The id, or a digest where it is too long: those of Responses hold users and teams."""
    return id if len(id) <= MAX_NAME else f"litellm-{blake2b(id.encode(), digest_size=16).hexdigest()}"


def _usage(p: Payload, u: UsageObject, claude: bool) -> Usage:
    """LiteLLM counts as the detector does: input with cached and written tokens, output with reasoning."""
    into = p.prompt_tokens if u.prompt_tokens is None else u.prompt_tokens
    out = p.completion_tokens if u.completion_tokens is None else u.completion_tokens
    if not into and not out:
        return Usage()  # it failed, or nobody counted
    read = u.prompt_tokens_details or InputDetails()
    written = read.cache_creation_token_details or Written()
    reasoning = u.completion_tokens_details.reasoning_tokens if u.completion_tokens_details else None
    return Usage(
        input_tokens=into,
        cached_input_tokens=_first(read.cached_tokens, u.cache_read_input_tokens),
        cache_write_tokens=_first(read.cache_write_tokens, read.cache_creation_tokens, u.cache_creation_input_tokens),
        cache_write_1h_tokens=written.ephemeral_1h_input_tokens,
        output_tokens=out,
        # Claude models do not tell it: LiteLLM makes 0 of that.
        reasoning_tokens=None if claude and reasoning == 0 else reasoning,
    )


def _first(*counts: int | None) -> int | None:
    return next((count for count in counts if count is not None), None)


def _outcome(p: Payload) -> tuple[Literal["ok", "error", "rate_limited"], str | None]:
    """Status and the error's class, which holds no content."""
    if p.status != "failure":
        return "ok", None
    said = p.error_information if isinstance(p.error_information, dict) else {}
    kind = said.get("error_class")
    limited = str(said.get("error_code")) == "429"
    return "rate_limited" if limited else "error", kind[:MAX_NAME] if isinstance(kind, str) and kind else None


def _duration(p: Payload) -> float | None:
    if p.response_time is not None:
        return p.response_time
    return p.endTime - p.startTime if p.startTime and 0 <= p.endTime - p.startTime <= 1e9 else None


def _tags(tags: Any) -> dict[str, Any]:
    """Tags of the form `name:value` by their names; of several of one name, the first."""
    found: dict[str, Any] = {}
    for tag in tags if isinstance(tags, list) else ():
        if isinstance(tag, str) and ":" in tag:
            name, _, value = tag.partition(":")
            if name.strip() and value.strip():
                found.setdefault(f"detector.tag.{name.strip()}", value.strip())
    return found


def _session(metadata: Metadata | None) -> str | None:
    """The session that Claude Code names within its user id, as text or as JSON."""
    if metadata is None:
        return None
    asked = metadata.requester_metadata
    for user in (metadata.user_id, asked.get("user_id") if isinstance(asked, dict) else None):
        if not isinstance(user, str):
            continue
        if user[:1] == "{":
            said = readable(user)
            session = said.get("session_id") if isinstance(said, dict) else None
        else:
            session = found[1] if (found := _SESSION.search(user)) else None
        if isinstance(session, str) and session:
            return session
    return None
