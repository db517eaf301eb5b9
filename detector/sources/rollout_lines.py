"""Lines of Codex's rollout files: the fields that are read of each kind."""

from typing import Any

import msgspec

from detector.model.events import EMPTY


class Line(msgspec.Struct):
    """A line; what its payload is, `type` says, and of events and items the payload's own `type`."""

    type: Any = None
    timestamp: Any = None
    payload: msgspec.Raw = EMPTY


class Typed(msgspec.Struct):
    """Its type."""

    type: Any = None


class Meta(msgspec.Struct):
    """`session_meta`: the thread."""

    id: Any = None
    parent_thread_id: Any = None
    originator: Any = None
    agent_role: Any = None
    cwd: Any = None
    git: Any = None


class Turn(msgspec.Struct):
    """`turn_context`, `task_started`."""

    turn_id: Any = None
    model: Any = None


class Record(msgspec.Struct):
    """`token_usage_record`: a call."""

    usage: dict[str, Any]
    thread_id: Any = None
    turn_id: Any = None
    response_id: Any = None


class Counts(msgspec.Struct):
    """Of the newest call, and of the thread so far."""

    last_token_usage: dict[str, Any] | None = None
    total_token_usage: dict[str, Any] | None = None


class Count(msgspec.Struct):
    """`token_count`: without `info` it is about limits alone."""

    info: Counts | None = None


class Asked(msgspec.Struct):
    """`function_call`, `custom_tool_call`, `local_shell_call`, `web_search_call`."""

    name: Any = None
    call_id: Any = None
    arguments: msgspec.Raw = EMPTY
    input: msgspec.Raw = EMPTY
    action: msgspec.Raw = EMPTY


class Answer(msgspec.Struct):
    """`function_call_output`, `custom_tool_call_output`."""

    call_id: Any = None
    output: msgspec.Raw = EMPTY


class Done(msgspec.Struct):
    """`exec_command_end`, and within `item_completed` (there the call's id is `id`)."""

    id: Any = None
    call_id: Any = None
    exit_code: Any = None
    status: Any = None


class Item(msgspec.Struct):
    """`item_completed`."""

    item: Done | None = None


class Part(msgspec.Struct):
    """Of a message."""

    text: Any = None


class Message(msgspec.Struct):
    """`message`."""

    role: Any = None
    content: list[Part] | None = None


class Command(msgspec.Struct):
    """An older form of what a command answered, as JSON within a text."""

    output: str
    metadata: dict[str, Any]


class Outcome(msgspec.Struct):
    """An output that is no text."""

    success: Any = None
