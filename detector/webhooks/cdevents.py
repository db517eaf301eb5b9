"""CDEvents 0.5 and before, alone or within CloudEvents: changes, pipelines, services, tickets and incidents.

They bear no signature: whoever sends them is known by the bearer token of the request.
"""

import re
from typing import Any, Literal

import msgspec

from detector.errors import BadInput, Reason
from detector.model.events import MAX_NAME, Category
from detector.sources.native import refusal
from detector.webhooks.signatures import Headers
from detector.webhooks.telling import Actor, Teller, Told, at, there

MAX_IN_BODY = 1000
_TYPE = re.compile(r"dev\.cdevents\.([a-z]+)\.([a-z]+)\.")
_PASSED = ("pass", "success")


class _Named(msgspec.Struct):
    id: str | None = None


class _Content(msgspec.Struct, rename="camel"):
    environment: _Named | None = None
    repository: _Named | None = None
    artifact_id: str | None = None
    outcome: str | None = None
    pipeline_name: str | None = None
    resolution: str | None = None
    summary: str | None = None
    updated_by: str | None = None
    uri: str | None = None
    url: str | None = None


class _Subject(msgspec.Struct):
    id: str
    content: _Content | None = None


class _Context(msgspec.Struct):
    id: str
    type: str
    source: str | None = None
    timestamp: str | None = None


class _Event(msgspec.Struct, rename="camel"):
    """A CDEvent, or a CloudEvent that holds one."""

    context: _Context | None = None
    subject: _Subject | None = None
    custom_data: Any = None
    data: msgspec.Raw = msgspec.Raw(b"null")
    data_base64: bytes | None = msgspec.field(default=None, name="data_base64")


_event = msgspec.json.Decoder(_Event).decode
_many = msgspec.json.Decoder(list[msgspec.Raw]).decode


def take(tell: Teller, headers: Headers, body: bytes, now_s: float) -> list[Told]:
    """Statuses of one event, or of an array of them, each judged by itself. Raises BadInput."""
    if body.lstrip()[:1] != b"[":
        return _one(tell, body)
    events = _many(body)
    if len(events) > MAX_IN_BODY:
        raise BadInput(Reason.TOO_LARGE, "", f"holds more than {MAX_IN_BODY:,} events")
    return [told for event in events for told in _taken(tell, bytes(event))]


def _taken(tell: Teller, event: bytes) -> list[Told]:
    try:
        return _one(tell, event)
    except BadInput as bad:
        return [bad]
    except Exception as fault:
        return [refusal(fault)]


def _one(tell: Teller, body: bytes) -> list[Told]:
    event = _event(body)
    if event.context is None:
        inner = event.data if event.data_base64 is None else event.data_base64
        event = there(None if inner == b"null" else _event(inner), "context")
    context, subject = there(event.context, "context"), there(event.subject, "subject")
    match = _TYPE.match(context.type)
    if match is None:
        return []
    content = subject.content or _Content()
    what = _what(tell, match[1], match[2], content)
    if what is None:
        return []
    strength, to, category, actor = what
    return tell.statuses(
        _tasks(tell, match[1], subject, content, event.custom_data), at("context.timestamp", context.timestamp),
        strength, (context.source, context.id), to, category=category, actor=actor,
        deliverable=content.artifact_id if to == "deployed" else None,
    )  # fmt: skip


_Moved = tuple[Literal["strong", "medium"], str, Category | None, Actor | None]


def _what(tell: Teller, subject: str, predicate: str, content: _Content) -> _Moved | None:
    """How much an event moves, to which state and category, and who did it; None: nothing."""
    live = tell.produces(content.environment.id if content.environment else None)
    match subject, predicate:
        case "change", "merged":
            return "strong", "merged", tell.category("merged"), None
        case "change", "created":
            return "medium", "change opened", None, None
        case "change", "updated":
            return "medium", "commits pushed", None, None
        case "pipelinerun", "finished" if content.outcome in _PASSED:
            return "medium", "green", None, "system"
        case "service", "deployed" | "upgraded":
            return ("strong", "deployed", tell.category("deployed"), "system") if live else (
                "medium", "deployed", None, "system")  # fmt: skip
        case "service", "rolledback":
            return ("strong" if live else "medium"), "rolled back", ("started" if live else None), "system"
        case "ticket", "closed":
            to = content.resolution or "closed"
            actor = tell.actor(content.updated_by, human=True) if content.updated_by else None
            return "strong", to, tell.category(content.resolution, "closed"), actor
        case "incident", "resolved":
            return "strong", "resolved", tell.category("resolved"), None
    return None


def _tasks(tell: Teller, kind: str, subject: _Subject, content: _Content, custom: Any) -> list[str]:
    """What `customData.task` says, else the tickets that are named; a ticket or incident without one is the task."""
    own = custom.get("task") if isinstance(custom, dict) else None
    if isinstance(own, str) and 0 < len(own) <= MAX_NAME:
        return [own]
    if kind in ("ticket", "incident"):
        return tell.find.tickets(subject.id)[:1] or [subject.id]
    return tell.find.tickets(subject.id, content.pipeline_name, content.uri, content.url)
