"""The record of a stop: what was asked of whom, and what came of it, as `detector.stops` carries it."""

import time
from typing import Any, Literal

import msgspec

from detector.decoding import decoded
from detector.model.alert import Alert, Level

Mode = Literal["dry_run", "on"]
Outcome = Literal["asking", "accepted", "refused", "given_up", "resolved", "dry_run"]


LARGEST_S = 253_402_300_799.0
"""The last second of the year 9999: a record that somebody else wrote may hold any time."""


class Stop(msgspec.Struct, kw_only=True, frozen=True):
    """The whole story of one request; of the records of an `id`, which is the episode's, the last one holds.

    Money in USD and `target` (host and port) as they were when it was asked. `asked_at` and `finished_at` are s UTC by
    the clock of the worker that asked; `finished_at` is None while it is asked. `attempts` are those that were answered
    or waited for, `status` is the HTTP status of the last one, `error` says why there was none.
    """

    id: str
    mode: Mode
    outcome: Outcome
    rule: str
    level: Level
    tenant: str
    team: str | None
    agent: str | None
    run: str | None
    task: str | None
    key: str | None
    cost_usd: float
    burn_usd_per_hour: float
    target: str
    asked_at: float
    attempts: int
    status: int | None
    error: str | None
    finished_at: float | None

    @property
    def finished(self) -> bool:
        """Whether nothing more is asked."""
        return self.finished_at is not None


ASKED = ("rule", "level", "tenant", "team", "agent", "run", "task", "key", "cost_usd", "burn_usd_per_hour")
"""What a request says beside its id and its time."""

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Stop)


def encode_stop(stop: Stop) -> bytes:
    """The record's JSON bytes, fields in the order of the struct."""
    return _encoder.encode(stop)


def decode_stop(value: bytes) -> Stop:
    """Reads a record; raises msgspec.DecodeError, where a field is wrong the ValidationError that names it."""
    return decoded(_decoder, value)


def stop_of(alert: Alert, mode: Mode, target: str, now: float) -> Stop:
    """The record with which an episode's request begins at `now` (s UTC); in a dry run it ends with it as well."""
    asked: dict[str, Any] = {name: getattr(alert, name) for name in ASKED}
    dry = mode == "dry_run"
    return Stop(
        id=alert.id,
        mode=mode,
        outcome="dry_run" if dry else "asking",
        target=target,
        asked_at=now,
        attempts=0,
        status=None,
        error=None,
        finished_at=now if dry else None,
        **asked,
    )


def request_of(stop: Stop) -> bytes:
    """The body of the request, the same at each attempt."""
    asked = {name: getattr(stop, name) for name in ASKED}
    return _encoder.encode({"type": "stop", "id": stop.id, "asked_at": stop.asked_at} | asked)


def newer(known: Stop | None, told: Stop) -> Stop:
    """Which of two records of an episode holds, where several workers write: what was accepted stays so."""
    if known is None or known.finished < told.finished:
        return told
    if known.finished > told.finished or (known.outcome == "accepted") > (told.outcome == "accepted"):
        return known
    return told if told.finished or told.attempts > known.attempts else known


def told(stop: Stop) -> str:
    """What came of it in a few words, for whoever is paged."""
    at = time.strftime("%H:%M UTC", time.gmtime(min(max(stop.asked_at, 0.0), LARGEST_S)))
    if stop.outcome == "dry_run":
        return f"dry run: would have asked {stop.target} at {at}"
    many = "1 attempt" if stop.attempts == 1 else f"{stop.attempts} attempts"
    what = {
        "asking": "no answer yet" + (f" after {many}" if stop.attempts else ""),
        "accepted": "accepted",
        "refused": f"refused with status {stop.status}",
        "given_up": f"given up after {many}",
        "resolved": f"it ended before an answer ({many})",
    }[stop.outcome]
    return f"asked at {at}, {what}"
