"""Whether an alert asks for a stop, and what an answer to the request means: decisions without any client."""

from urllib.parse import urlsplit

from detector.config import Stop as Settings
from detector.model.alert import Alert
from detector.stopping.record import Outcome

ALREADY_KNOWN = 409
"""A receiver may say so to an id that it has had."""
_AGAIN = (408, 425, 429)
"""Of 4xx those that say: later."""


def asks(alert: Alert, settings: Settings) -> bool:
    """Whether this record of an episode asks for a stop: critical, open, of a chosen rule, and naming what to stop."""
    named = any(name and not name.isspace() for name in (alert.run, alert.agent, alert.key))
    if not (alert.id.isascii() and alert.id.isprintable()):  # it goes into a header
        return False
    return alert.severity == "critical" and alert.state != "resolved" and alert.rule in settings.rules and named


def outcome_of(status: int) -> Outcome | None:
    """What an HTTP status means; None: to be asked again."""
    if 200 <= status < 300 or status == ALREADY_KNOWN:
        return "accepted"
    if 400 <= status < 500 and status not in _AGAIN:
        return "refused"
    return None


def target_of(settings: Settings) -> str:
    """Host and port of stop.url, for records and logs: a path may be as good as a password."""
    parts = urlsplit(settings.url or "")
    return f"{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}"
