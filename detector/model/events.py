"""The events that producers send: calls, tools and their results, claims, statuses and links, as typed structs."""

import datetime as dt
from typing import Annotated, Literal

import msgspec

MAX_TOKENS = 100_000_000
"""More tokens than this in one call is absurd and refused (the largest context windows hold 10 million)."""
MAX_COST_USD = 100_000.0
"""More dollars than this for one call is absurd and refused."""

Tokens = Annotated[int, msgspec.Meta(ge=0, le=MAX_TOKENS)]
Dollars = Annotated[float, msgspec.Meta(ge=0, le=MAX_COST_USD)]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=1e9)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
MAX_NAME = 512
"""Characters of an id or a name."""
MAX_CLAIMED = 1_000_000
"""Times that a client may say that it looped."""
Id = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME)]
Name = Annotated[str, msgspec.Meta(max_length=MAX_NAME)]
Time = float | Annotated[dt.datetime, msgspec.Meta(tz=True)]
"""Seconds UTC since 1970, or RFC 3339 with its offset."""

Hex = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{16}$")]
"""A fingerprint: 64 bits."""

EMPTY = msgspec.Raw(b"")


def tells(raw: msgspec.Raw) -> bool:
    """Whether a field of any JSON is there."""
    return len(raw) > 0 and bytes(raw) != b"null"


class Usage(msgspec.Struct, gc=False, omit_defaults=True):
    """Token counts of one call; None where the source does not say."""

    input_tokens: Tokens | None = None
    cached_input_tokens: Tokens | None = None
    cache_write_tokens: Tokens | None = None
    cache_write_1h_tokens: Tokens | None = None
    output_tokens: Tokens | None = None
    reasoning_tokens: Tokens | None = None


class Output(msgspec.Struct, gc=False, omit_defaults=True):
    """What the model answered: its text, or its sketch (base64, see schemas/sketch.md) and fingerprint (hex)."""

    text: str | None = None
    sketch: str | None = None
    fingerprint: Hex | None = None
    says: list[Literal["little", "repeats"]] | None = None


class Answered(msgspec.Struct, gc=False, omit_defaults=True):
    """What stands for the text of a result (see schemas/sketch.md): fingerprints without and with its figures."""

    fingerprint: Hex
    figures: Hex
    says: list[Literal["failed", "only_failed", "waiting", "rate_limited", "other"]] | None = None


class Done(msgspec.Struct, gc=False, omit_defaults=True):
    """What stands for the arguments of a tool and its result, where their text must not be told (schemas/sketch.md)."""

    action: Hex | None = None
    said: Hex | None = None
    sketch: Annotated[str, msgspec.Meta(pattern="^AQ[A-Za-z0-9+/]{172}==$", max_length=176)] | None = None
    result: Answered | None = None


class Tool(msgspec.Struct, omit_defaults=True):
    """One tool call of a step; `result` and `error` are absent where they are told later or never."""

    name: Name
    call_id: Id | None = None
    arguments: msgspec.Raw = EMPTY
    result: msgspec.Raw = EMPTY
    error: str | bool | None = None
    sketched: Done | None = None


class Call(msgspec.Struct):
    """One call of a language model, told at its end."""

    id: Id
    time: Time
    model: Name
    usage: Usage
    type: Literal["call"] = "call"
    tenant: Name | None = "default"
    team: Name | None = None
    user: Name | None = None
    agent: Name | None = None
    agent_personal: bool | None = None
    key: Name | None = None
    run: Id | None = None
    parent_run: Id | None = None
    task: Id | None = None
    task_type: Name | None = None
    turn: Name | None = None
    interactive: bool | None = False
    provider: Name | None = None
    service_tier: Name | None = None
    operation: Name | None = None
    cost_usd: Dollars | None = None
    cost_basis: Literal["told", "priced", "own_list", "notional"] | None = None
    duration_s: Seconds | None = None
    status: Literal["ok", "error", "rate_limited"] | None = "ok"
    error: str | None = None
    output: Output | None = None
    tools: list[Tool] | None = None
    tools_apart: bool | None = False
    source: Name | None = None


class ToolCall(msgspec.Struct):
    """One tool call that is told apart from the model call that asked for it, whose `tools_apart` says so."""

    id: Id
    time: Time
    tool: Tool
    type: Literal["tool_call"] = "tool_call"
    tenant: Name | None = "default"
    team: Name | None = None
    user: Name | None = None
    agent: Name | None = None
    agent_personal: bool | None = None
    key: Name | None = None
    run: Id | None = None
    parent_run: Id | None = None
    task: Id | None = None
    task_type: Name | None = None
    turn: Name | None = None
    interactive: bool | None = False
    source: Name | None = None


class ToolResult(msgspec.Struct):
    """What a tool answered, for producers that learn it after the call was told."""

    id: Id
    time: Time
    call_id: Id
    type: Literal["tool_result"] = "tool_result"
    tenant: Name | None = "default"
    task: Id | None = None
    run: Id | None = None
    name: Name | None = None
    result: msgspec.Raw = EMPTY
    error: str | bool | None = None
    duration_s: Seconds | None = None
    sketched: Answered | None = None


class Claim(msgspec.Struct):
    """What a client says of its own work, by its own judgement: that it goes round in a loop."""

    id: Id
    time: Time
    says: Literal["loop"]
    type: Literal["claim"] = "claim"
    kind: Name | None = None
    count: Annotated[int, msgspec.Meta(ge=0, le=MAX_CLAIMED)] | None = None
    tenant: Name | None = "default"
    team: Name | None = None
    user: Name | None = None
    agent: Name | None = None
    agent_personal: bool | None = None
    key: Name | None = None
    run: Id | None = None
    parent_run: Id | None = None
    task: Id | None = None
    task_type: Name | None = None
    source: Name | None = None


Category = Literal["backlog", "planned", "started", "completed", "not_planned", "duplicate"]


class Status(msgspec.Struct, rename={"from_": "from"}):
    """Something moved, or took back, the work on a task."""

    id: Id
    time: Time
    strength: Literal["strong", "medium", "weak"]
    type: Literal["status"] = "status"
    tenant: Name | None = "default"
    task: Id | None = None
    run: Id | None = None
    from_: Name | None = None
    to: Name | None = None
    category: Category | None = None
    actor: Literal["human", "agent", "system"] | None = None
    source: Name | None = None
    deliverable: Name | None = None
    reverts: Name | None = None
    churned_share: Share | None = None


class Link(msgspec.Struct):
    """This run works on that task, or was started by that run."""

    id: Id
    time: Time
    run: Id
    task: Id | None = None
    parent_run: Id | None = None
    type: Literal["link"] = "link"
    tenant: Name | None = "default"
    source: Name | None = None


Event = Call | ToolCall | ToolResult | Claim | Status | Link
TYPES = ("call", "tool_call", "tool_result", "claim", "status", "link")
