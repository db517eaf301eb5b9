"""The rollup of `detector.rollups`: what one partition of watch saw in a minute, internal to the detector.

A record is MessagePack of `Rollup`: one row of `ROLL` for each party that spent, for each status and link, and for each
team's share of a model. It is an upsert by source partition and minute, never an increment: a replay repeats it. All of
a tenant goes to one partition: a task's calls come from several teams, and what shipped is asked of all of them.
"""

from collections import Counter
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from detector import formats
from detector.decoding import LARGEST, Hash, require
from detector.enrich.identity import hash64

FORMAT = 4

SPENT, MOVED, LINKED, MODEL, OLD = 0, 1, 2, 3, 4
"""Kinds of rows: calls of a party in this minute; a medium or strong status of its subject, told to each team that
spent on it; a link of its run to the task of another party, as well; what a team spent on a model, for whoever looks at
the model across teams; calls that came over an hour late."""
OUTCOME, REVERTED, CHURNED, RESUMED, CLAIMED, REDUNDANT = 5, 6, 7, 8, 9, 10
"""Told once, whoever spent: a medium or strong status, with what it delivers and what its subject had spent by then; a
deliverable that is taken back; the share of one that was rewritten since; a run that goes on, in another hour than the
last; a run that turns out to work on the task of another party; what a run cost whose final answer an earlier run of
its task had given."""

ROLL = np.dtype(
    [
        ("kind", "u1"),
        ("strength", "u1"),  # of a status
        ("category", "u1"),
        ("party", "u4"),  # index into parties
        ("other", "u4"),  # of a link: the party that stands for the task
        ("calls", "u4"),
        ("runs", "u4"),  # heard of for the first time
        ("failed", "u4"),
        ("unpriced", "u4"),
        ("unmetered", "u4"),
        ("interactive", "u4"),
        ("longest", "u4"),  # of a status that ends a task: the most calls it had between two strong ones
        ("turns", "u4"),  # of persons, of a strong status: since the one before
        ("input", "u8"),
        ("cached", "u8"),
        ("written", "u8"),
        ("out", "u8"),
        ("reasoning", "u8"),
        ("usd", "f8"),
        ("notional_usd", "f8"),  # of these dollars: billed by nobody
        ("flagged_usd", "f8"),  # within episodes of watch that are warnings at least, of its subject up to now
        ("still_usd", "f8"),  # of a model: what went to tasks that did not move within the hour
        ("first_t", "f8"),  # of the minute's first and last call; of a status: when it came (s UTC)
        ("t", "f8"),
        ("strong_t", "f8"),  # of the subject, as known at the end of the minute; 0: none
        ("medium_t", "f8"),
        ("metered_t", "f8"),  # of the first call that tells tokens; 0: none
        ("deliverable", "u8"),  # hash
        ("churned", "f4"),  # share of it
    ]
)


MAX_MINUTE = 2**31
"""Minutes since 1970 from here on are no minutes."""
MAX_SOURCES = 65_536
"""Partitions of a topic."""
_FLOATS = tuple(name for name in ROLL.names or () if ROLL[name].kind == "f")


class Party(msgspec.Struct, array_like=True, gc=False, frozen=True):
    """Who spent on what: names as sent (user: pseudonym); `subject` is the hash of the task, or of a run without."""

    subject: Hash
    tenant: str
    team: str | None = None
    user: str | None = None
    agent: str | None = None
    key: str | None = None
    run: str | None = None
    task: str | None = None
    task_type: str | None = None
    model: str | None = None
    provider: str | None = None


class Sheet(msgspec.Struct, array_like=True):
    """The rows of a minute (since 1970). What is late counts in the minute in which it came.

    `last_ids`: of each row the id of its newest call, "" for none. `part`: which one, where a minute of a source takes
    several records.
    """

    minute: int
    last_ids: list[str]
    rows: bytes
    part: int = 0


class Rollup(msgspec.Struct, array_like=True):
    """Minutes of one source partition, in their order; several where watch catches up."""

    format: int
    source: int  # the partition of watch
    sources: int  # how many there are
    mark: float  # all before this event time (s UTC) has been told
    parties: list[Party]
    sheets: list[Sheet]


class Opened(NamedTuple):
    """A minute of a source with its rows (n of ROLL), which point into `parties`."""

    source: int
    parties: list[Party]
    last_ids: list[str]
    rows: npt.NDArray[Any]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Rollup)


def encode_rollup(rollup: Rollup) -> bytes:
    """The record's bytes."""
    return _encoder.encode(rollup)


def cut_rollup(rollup: Rollup, most: int) -> list[bytes]:
    """The rollup's bytes, in as many records as it takes that none has more than `most`; a row is not cut.

    Only the last one has the mark: then everything before it is told.
    """
    value = encode_rollup(rollup)
    if len(value) <= most:
        return [value]
    pieces, parts = _pieces(rollup, most), Counter[int]()
    for piece in pieces:
        for sheet in piece.sheets:
            sheet.part = parts[sheet.minute]
            parts[sheet.minute] += 1
    for piece in pieces[:-1]:
        piece.mark = 0.0
    return list(map(encode_rollup, pieces))


def _pieces(rollup: Rollup, most: int) -> list[Rollup]:
    sheets = rollup.sheets
    rows = np.frombuffer(sheets[0].rows, ROLL) if sheets else np.zeros(0, ROLL)
    if len(encode_rollup(rollup)) <= most or (len(sheets) <= 1 and len(rows) <= 1):
        return [rollup]
    half, middle = len(sheets) // 2, len(rows) // 2
    if half:
        halves = [sheets[:half], sheets[half:]]
    else:
        minute, ids = sheets[0].minute, sheets[0].last_ids
        cuts = (slice(None, middle), slice(middle, None))
        halves = [[Sheet(minute, ids[cut], rows[cut].tobytes())] for cut in cuts]
    return [piece for some in halves for piece in _pieces(_with_own_parties(rollup, some), most)]


def _with_own_parties(rollup: Rollup, sheets: list[Sheet]) -> Rollup:
    """A rollup of some of its sheets, with the parties that these name."""
    own: dict[int, int] = {}
    told = []
    for sheet in sheets:
        rows = np.frombuffer(sheet.rows, ROLL).copy()
        for name in ("party", "other"):
            rows[name] = [own.setdefault(n, len(own)) for n in rows[name].tolist()]
        told.append(Sheet(sheet.minute, sheet.last_ids, rows.tobytes()))
    parties = [rollup.parties[n] for n in own]
    return Rollup(rollup.format, rollup.source, rollup.sources, rollup.mark, parties, told)


def decode_rollup(value: bytes) -> Rollup:
    """Reads a record; raises msgspec.DecodeError on damaged bytes, ValueError on another format."""
    rollup = formats.decode(_decoder, value, "rollups", FORMAT, "portfolio")
    require(abs(rollup.mark) < LARGEST and 0 <= rollup.source < MAX_SOURCES, "its mark or source is none")
    require(0 < rollup.sources <= MAX_SOURCES, "a number of sources that no topic has")
    for sheet in rollup.sheets:
        _check(sheet, len(rollup.parties))
    return rollup


def _check(sheet: Sheet, parties: int) -> None:
    """Raises msgspec.DecodeError where rows point to nobody, or hold what no number is."""
    require(0 <= sheet.minute < MAX_MINUTE, "a minute that is none")
    require(len(sheet.rows) == len(sheet.last_ids) * ROLL.itemsize, "rows are missing")
    rows = np.frombuffer(sheet.rows, ROLL)
    others = rows["other"][np.isin(rows["kind"], (LINKED, CLAIMED))]
    require((rows["party"] < parties).all() and (others < parties).all(), "rows of nobody")
    for name in _FLOATS:
        require((np.abs(rows[name]) < LARGEST).all(), f"{name} that is no such number")


def tenant_key(tenant: str) -> int:
    """What stands for a tenant: rollups go by it."""
    return hash64(tenant, "tenant")


def team_key(tenant: str, team: str | None) -> int:
    """What stands for a team."""
    return hash64(tenant, "team", team)


def model_key(tenant: str, model: str | None) -> int:
    """What stands for a model across the teams of a tenant."""
    return hash64(tenant, "model", model)
