"""An incident cut down to what a scope may see: of its team, and with nobody named in it but oneself."""

import re
from collections.abc import Callable
from typing import Any

import msgspec

from detector.enrich.pseudonyms import PERSON, is_pseudonym
from detector.model.alert import Alert, encode_alert
from detector.policy.scope import Kind, Scope, may_see, shown_user

_PSEUDONYM = re.compile(r"u-[0-9a-f]{12}")
_IN_BYTES = re.compile(rb"u-[0-9a-f]{12}")
_Masking = Callable[[str], str]


def restrict_incident(alert: Alert, scope: Scope) -> Alert | None:
    """The alert as the scope may see it, None where it may not.

    Whoever may see a team sees what is wrong in it; whose doing it is stands there as PERSON, wherever the record names
    somebody. Of oneself one's own alone.
    """
    people = scope.kind is Kind.SELF
    who = (alert.user, alert.agent) if people else (None, None)
    if not may_see(scope, alert.tenant, alert.team, *who):
        return None
    if alert.user is None and _IN_BYTES.search(encode_alert(alert)) is None:
        return alert
    # Where users appear as they are sent, a name is found by the one field that has it.
    plain = None if alert.user is None or is_pseudonym(alert.user) else alert.user
    shown = msgspec.structs.replace(alert, user=shown_user(scope, alert.user))
    hidden = None if plain is None or plain in scope.people else plain
    told = _masked(msgspec.to_builtins(shown), _masking(scope, hidden))
    return msgspec.convert(told, Alert)


def _masking(scope: Scope, plain: str | None) -> _Masking:
    """What replaces people in a text: all pseudonyms but one's own, and the name `plain` where it stands by itself."""
    name = None if plain is None else re.compile(rf"(?<!\w){re.escape(plain)}(?!\w)")

    def mask(text: str) -> str:
        told = _PSEUDONYM.sub(lambda found: shown_user(scope, found[0]) or PERSON, text)
        return told if name is None else name.sub(PERSON, told)

    return mask


def _masked(value: Any, mask: _Masking) -> Any:
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, list):
        return [_masked(inner, mask) for inner in value]
    if isinstance(value, dict):
        return {mask(key): _masked(inner, mask) for key, inner in value.items()}
    return value
