"""What Claude Code tells its hooks of a session, and the ticket that the session's branch names."""

import re
from pathlib import Path

import msgspec

from detector.branches import branch_of
from detector.errors import BadInput, Reason
from detector.model.events import MAX_NAME, Id
from detector.sources.native import refusal


class Session(msgspec.Struct):
    """The documented part of a hook's input that is used."""

    session_id: Id
    cwd: str | None = None


_session = msgspec.json.Decoder(Session).decode


def session_of(told: bytes) -> Session:
    """The session; raises BadInput where this is not what a hook is told."""
    try:
        return _session(told)
    except Exception as fault:
        raise refusal(fault) from None


def ticket_of(directory: str | None, pattern: str) -> str | None:
    """The first ticket within the branch of a directory, absent: of this process'. Raises BadInput for the pattern."""
    try:
        ticket = re.compile(pattern)
    except re.error:
        raise BadInput(Reason.OUT_OF_RANGE, "pattern", "is no regular expression") from None
    match = ticket.search((branch_of(Path(directory or ".").absolute()) or "")[:MAX_NAME])
    return match[0] if match and match[0] else None
