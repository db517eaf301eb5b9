"""Linear: signed by `Linear-Signature`, with the time within; issues whose state changes."""

from collections.abc import Sequence

import msgspec

from detector.model.events import Category
from detector.webhooks import signatures
from detector.webhooks.refusing import stale
from detector.webhooks.signatures import Headers
from detector.webhooks.telling import Teller, Told, at, there

TOLERANCE_S = 60.0
"""As Linear recommends."""
_CATEGORIES: dict[str | None, Category] = {
    "triage": "backlog",
    "backlog": "backlog",
    "unstarted": "planned",
    "started": "started",
    "completed": "completed",
    "canceled": "not_planned",
    "duplicate": "duplicate",
}
"""Linear's own types, where [statuses.states] does not list a state."""


class _Sent(msgspec.Struct, rename="camel"):
    webhook_timestamp: int | float | None = None


class _State(msgspec.Struct):
    name: str | None = None
    type: str | None = None


class _Data(msgspec.Struct):
    identifier: str | None = None
    state: _State | None = None


class _From(msgspec.Struct, rename="camel"):
    state_id: str | None = None


class _Actor(msgspec.Struct):
    id: str | None = None
    name: str | None = None
    type: str | None = None


class _Payload(msgspec.Struct, rename="camel"):
    action: str | None = None
    type: str | None = None
    created_at: str | None = None
    data: msgspec.Raw = msgspec.Raw(b"null")
    updated_from: _From | None = None
    actor: _Actor | None = None


_sent = msgspec.json.Decoder(_Sent).decode
_payload = msgspec.json.Decoder(_Payload).decode
_data = msgspec.json.Decoder(_Data | None).decode


def verify(secrets: Sequence[str], headers: Headers, body: bytes, now_s: float) -> None:
    """Raises Refused where the body is not signed by one of the secrets, or was not sent within the last minute."""
    header = "linear-signature"
    signatures.hexadecimal(secrets, body, headers.get(header), header)
    try:
        sent_ms = _sent(body).webhook_timestamp
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        sent_ms = None
    if sent_ms is None:
        raise stale("webhookTimestamp is missing")
    signatures.fresh(sent_ms / 1e3, now_s, TOLERANCE_S)


def delivery(headers: Headers) -> str | None:
    """Linear's id of a delivery."""
    return headers.get("linear-delivery")


def take(tell: Teller, headers: Headers, body: bytes, now_s: float) -> list[Told]:
    """Statuses of a delivery, none where no state changed. Raises BadInput."""
    said = _payload(body)
    if said.type != "Issue" or said.action != "update" or not (said.updated_from and said.updated_from.state_id):
        return []
    data = there(_data(said.data), "data")
    state, actor = there(data.state, "data.state"), said.actor or _Actor()
    t = at("createdAt", said.created_at)
    return tell.statuses(
        [there(data.identifier, "data.identifier")], t, "strong", ("issue", state.name, t), state.name,
        category=tell.category(state.name) or _CATEGORIES.get(state.type),
        actor=tell.actor(actor.id, actor.name, human=actor.type in (None, "user")),
    )  # fmt: skip
