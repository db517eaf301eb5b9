"""The alert record: one state of one episode, as `detector.alerts` carries it."""

from typing import Any, Literal

import msgspec

from detector.clock import LATEST_S
from detector.decoding import decoded

Level = Literal["run", "task", "agent", "key", "team", "model"]
Severity = Literal["info", "warning", "critical"]
State = Literal["open", "update", "resolved"]

SEVERITIES: tuple[Severity, ...] = ("info", "warning", "critical")


MAX_MARKS = 32
"""Of an episode: the first half of its records and the newest, and those at which it escalated."""


class Mark(msgspec.Struct, frozen=True):
    """That a record was told: at which event time (s UTC), and what the episode had cost by then."""

    at: float
    state: State
    severity: Severity
    cost_usd: float


class Alert(msgspec.Struct, kw_only=True):
    """One record of an episode; of the records of an `id` the one with the highest `version` holds.

    Money in USD, times in seconds UTC of event time. Identity fields narrower than `level` are None. `history`: this
    record and those before it.
    """

    id: str
    rule: str
    class_: str | None = msgspec.field(name="class", default=None)
    level: Level
    severity: Severity
    state: State
    tenant: str
    team: str | None = None
    agent: str | None = None
    user: str | None = None
    key: str | None = None
    run: str | None = None
    task: str | None = None
    model: str | None = None
    opened_at: float
    updated_at: float
    resolved_at: float | None = None
    summary: str
    group: str
    cost_usd: float
    burn_usd_per_hour: float
    usual_usd_per_hour: float | None = None
    calls: int
    tokens: int
    since_status_change_s: float | None = None
    spend_only: bool = False
    evidence: dict[str, Any]
    runbook_url: str
    history: list[Mark] = []
    version: int
    software: str
    config_digest: str


def marked(alert: Alert) -> Alert:
    """The record with itself at the end of its history."""
    mark = Mark(alert.updated_at, alert.state, alert.severity, alert.cost_usd)
    history = [*alert.history, mark]
    if len(history) > MAX_MARKS:
        middle = range(MAX_MARKS // 2, MAX_MARKS)
        del history[next(n for n in middle if history[n].severity == history[n - 1].severity)]
    return msgspec.structs.replace(alert, history=history)


def lasted(alert: Alert) -> tuple[float, float]:
    """From when what it is about began until the episode ended, or was told last (s UTC)."""
    since: Any = alert.evidence.get("since")
    if isinstance(since, bool) or not isinstance(since, int | float):
        since = alert.opened_at
    ended = alert.resolved_at if alert.resolved_at is not None else alert.updated_at
    return bounded(since), bounded(ended)


def bounded(t: float) -> float:
    """A time that can be told: of the years 1970 to 9999."""
    return float(min(max(t, 0.0), LATEST_S))


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Alert)


def encode_alert(alert: Alert) -> bytes:
    """The record's JSON bytes, fields in the order of the struct."""
    return _encoder.encode(alert)


def decode_alert(value: bytes) -> Alert:
    """Reads a record; raises msgspec.DecodeError, where a field is wrong the ValidationError that names it."""
    return decoded(_decoder, value)
