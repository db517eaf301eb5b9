"""An incident cut down to what a scope may see: of its team, and with nobody named in it but oneself."""

import re
from typing import Any

import msgspec

from detector.enrich.pseudonyms import PERSON, is_pseudonym
from detector.model.alert import Alert, decode_alert, encode_alert
from detector.policy.scope import Kind, Scope, may_see, shown_user

_PSEUDONYM = re.compile(rb"u-[0-9a-f]{12}")


def restrict_incident(alert: Alert, scope: Scope) -> Alert | None:
    """The alert as the scope may see it, None where it may not.

    Whoever may see a team sees what is wrong in it; whose doing it is stands there as PERSON, wherever the record names
    somebody. Of oneself one's own alone.
    """
    people = scope.kind is Kind.SELF
    who = (alert.user, alert.agent) if people else (None, None)
    if not may_see(scope, alert.tenant, alert.team, *who):
        return None
    if alert.user and alert.user not in scope.people and not is_pseudonym(alert.user):
        alert = _without_name(alert, alert.user)
    # In the encoded record, where no letter of a pseudonym is ever written otherwise: ten times as fast as by field.
    told = encode_alert(alert)
    masked = _masked(told, scope)
    return alert if masked == told else decode_alert(masked)


def restrict_record(record: bytes, scope: Scope) -> Alert | None:
    """The same of what `encode_alert` gave, of which thousands are in a list: it is decoded once, people masked."""
    if scope.kind is Kind.SELF:
        return restrict_incident(decode_alert(record), scope)
    alert = decode_alert(_masked(record, scope))
    if not may_see(scope, alert.tenant, alert.team):
        return None
    as_sent = alert.user not in (None, "", PERSON, *scope.people)
    return restrict_incident(decode_alert(record), scope) if as_sent else alert


def _masked(record: bytes, scope: Scope) -> bytes:
    return _PSEUDONYM.sub(lambda found: (shown_user(scope, found[0].decode()) or PERSON).encode(), record)


def _without_name(alert: Alert, name: str) -> Alert:
    """The alert without a user that appears as sent: wherever the name stands by itself."""
    named = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")

    def masked(value: Any) -> Any:
        if isinstance(value, str):
            return named.sub(PERSON, value)
        if isinstance(value, list):
            return [masked(inner) for inner in value]
        if isinstance(value, dict):
            return {named.sub(PERSON, key): masked(inner) for key, inner in value.items()}
        return value

    fields = {field: masked(getattr(alert, field)) for field in _TEXTS}
    return msgspec.structs.replace(alert, **{**fields, "user": PERSON})


_TEXTS = ("team", "agent", "key", "run", "task", "model", "summary", "group", "evidence", "runbook_url")
"""Fields in which a person may be named; the others say what kind of episode it is."""
