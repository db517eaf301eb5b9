"""Jira Cloud: signed by `X-Hub-Signature`; issues whose status changes."""

from collections.abc import Sequence

import msgspec

from detector.model.events import Category
from detector.webhooks import signatures
from detector.webhooks.signatures import Headers
from detector.webhooks.telling import Teller, Told, at, there

_CATEGORIES: dict[str | None, Category] = {"new": "planned", "indeterminate": "started", "done": "completed"}
"""Jira's own categories, where [statuses.states] does not list a status."""
_ENDED = ("not_planned", "duplicate")
_PEOPLE = (None, "atlassian", "customer")
"""Types of accounts; the rest are apps."""


class _Named(msgspec.Struct):
    name: str | None = None


class _Category(msgspec.Struct):
    key: str | None = None


class _Status(msgspec.Struct, rename="camel"):
    status_category: _Category | None = None


class _Fields(msgspec.Struct):
    status: _Status | None = None
    resolution: _Named | None = None


class _Issue(msgspec.Struct):
    key: str
    fields: _Fields | None = None


class _Item(msgspec.Struct, rename="camel"):
    field: str | None = None
    from_string: str | None = None
    to_string: str | None = None


class _Changelog(msgspec.Struct):
    id: str | int | None = None
    items: list[_Item] | None = None


class _User(msgspec.Struct, rename="camel"):
    account_id: str | None = None
    account_type: str | None = None
    display_name: str | None = None


class _Payload(msgspec.Struct, rename="camel"):
    webhook_event: str | None = None
    timestamp: int | float | None = None
    issue: _Issue | None = None
    changelog: _Changelog | None = None
    user: _User | None = None


_payload = msgspec.json.Decoder(_Payload).decode


def verify(secrets: Sequence[str], headers: Headers, body: bytes, now_s: float) -> None:
    """Raises Refused where the body is not signed by one of the secrets."""
    header = "x-hub-signature"
    signatures.hexadecimal(secrets, body, headers.get(header), header, "sha256=")


def delivery(headers: Headers) -> str | None:
    """Jira's id of a delivery; one that is sent again has the same."""
    return headers.get("x-atlassian-webhook-identifier")


def take(tell: Teller, headers: Headers, body: bytes, now_s: float) -> list[Told]:
    """Statuses of a delivery, none where no status changed. Raises BadInput."""
    said = _payload(body)
    changelog = said.changelog or _Changelog()
    change = next((item for item in changelog.items or () if item.field == "status"), None)
    if said.webhook_event != "jira:issue_updated" or change is None:
        return []
    issue = there(said.issue, "issue")
    t = at("timestamp", None if said.timestamp is None else said.timestamp / 1e3)
    before, category = tell.category(change.from_string), _category(tell, issue.fields or _Fields(), change)
    within = before is not None and before == category  # as from In Progress to In Review
    user = said.user or _User()
    return tell.statuses(
        [issue.key], t, "medium" if within else "strong", ("issue", changelog.id, change.to_string, t),
        change.to_string, before=change.from_string, category=category,
        actor=tell.actor(user.account_id, user.display_name, human=user.account_type in _PEOPLE),
    )  # fmt: skip


def _category(tell: Teller, fields: _Fields, change: _Item) -> Category | None:
    """That of the status, but where its resolution says that nothing was done."""
    own = fields.status.status_category if fields.status else None
    category = tell.category(change.to_string) or _CATEGORIES.get(own.key if own else None)
    ended = tell.category(fields.resolution.name) if fields.resolution else None
    return ended if category == "completed" and ended in _ENDED else category
