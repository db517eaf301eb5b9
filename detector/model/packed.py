"""The packed record of `detector.observations`: observations of one partition as columns, internal to the detector.

A record is MessagePack of `Packed`: one row of `ROW` for each observation, the identities that the rows point to,
and the sketches. Watch reads the columns without copying.
"""

import struct
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from detector import formats
from detector.decoding import LARGEST, Hash, require

FORMAT = 5

CALL, TOOL_RESULT, STATUS, LINK, CLAIM = 0, 1, 2, 3, 4

# flags of a row
UNPRICED = 1 << 0  # no price is known for the model
UNMETERED = 1 << 1  # the source told no usage
INTERACTIVE = 1 << 2  # a person is before it
ERROR = 1 << 3  # the call failed
RATE_LIMITED = 1 << 4
COMPACTION = 1 << 5  # the call only shortened the context
STEPLESS = 1 << 6  # no step of an agent: embeddings and the like
TOOL_ERROR = 1 << 7  # a tool of the step failed
TOKENS_KNOWN = 1 << 8
LATE = 1 << 9  # it came after the watermark had passed it; set on arrival
SAYS_FAILED = 1 << 10  # a result of the step says that something failed
SAYS_ONLY_FAILED = 1 << 11  # and little else
SAYS_WAIT = 1 << 12  # a result says that something is still under way
SAYS_OTHER = 1 << 13  # a result says something else than that
DEGENERATE = 1 << 14  # the output repeats a phrase of its own again and again
SEVERAL = 1 << 15  # the step has several tools
NAMES_ONLY = 1 << 16  # of its tools the arguments are not told
LITTLE = 1 << 17  # the output is of a few letters
APART = 1 << 18  # a call whose tools are told apart from it: they are the steps
TOOL = 1 << 19  # such a tool: a step, and no call
SAYS_SOMETHING = 1 << 20  # a result of its tools says something, or is waited for
UNCOUNTED = 1 << 21  # another telling of this call is counted; set by ingest for another run's, else when it is judged
MUTED = 1 << 22  # another source tells of this step better; set when it is judged
NOTIONAL = 1 << 23  # of a call: its dollars are billed by nobody, as on a subscription
OF_RESULTS = TOOL_ERROR | RATE_LIMITED | SAYS_FAILED | SAYS_ONLY_FAILED | SAYS_WAIT | SAYS_OTHER
"""Flags that results bring to their step."""
FAILURE = TOOL_ERROR | SAYS_FAILED

MAX_LEVEL = 15
"""Of a sketch."""
MOST_OF_A_ROW = 30_000
"""Bytes that an observation can take in a record: 14 names of 512 characters of 4 bytes, and 600 of numbers."""
MAX_WAITS = 8
"""Tools of one call whose results can be waited for."""
NEVER = 255
"""`missing` of a call whose results can never all come."""

WEAK, MEDIUM, STRONG = 1, 2, 3
ENDED = (3, 4, 5)
CATEGORIES = {
    None: 0,
    "backlog": 1,
    "planned": 2,
    "completed": 3,
    "not_planned": 4,
    "duplicate": 5,
    "started": 6,
}

_COLUMNS: tuple[tuple[str, str, str], ...] = (
    # name, numpy, struct
    ("kind", "u1", "B"),
    ("strength", "u1", "B"),  # of a status: WEAK, MEDIUM, STRONG
    ("category", "u1", "B"),  # of a status: see CATEGORIES
    ("missing", "u1", "B"),  # tools of the call whose result is not known yet
    ("flags", "u4", "I"),
    ("ident", "u4", "I"),  # index into idents
    ("source", "i4", "i"),  # topic index << 16 | partition
    ("seq", "i8", "q"),  # source offset << 16 | index of the event in its record
    ("t", "f8", "d"),  # event time, s UTC
    ("id", "u8", "Q"),  # hash of tenant, kind and id
    ("turn", "u8", "Q"),  # hash of the turn; 0 where there is none
    ("action", "u8", "Q"),  # fingerprint of tool names and arguments; of a tool result: its wait key
    ("result", "u8", "Q"),  # sum of the mixed fingerprints of results; of a tool result: of the result alone
    (
        "output",
        "u8",
        "Q",
    ),  # fingerprint of the text; of a step with tools and of a result: what came back, figures too
    ("said", "u8", "Q"),  # fingerprint of what the action says, in any order
    ("cost_usd", "f8", "d"),
    ("duration_s", "f4", "f"),  # of a status: the share of a deliverable that was rewritten since, -1: not told
    ("input", "u4", "I"),  # of a claim: how often
    ("cached", "u4", "I"),
    ("written", "u4", "I"),
    ("out", "u4", "I"),
    ("reasoning", "u4", "I"),
    ("sketch", "i4", "i"),  # index into the sketches: of the action, else of the output; -1: none
)
# Of a status `output` is a hash of what it delivers, `said` of what it takes back.
ROW = np.dtype([(name, "<" + kind) for name, kind, _ in _COLUMNS])
pack_row = struct.Struct("<" + "".join(code for _, _, code in _COLUMNS)).pack

WAIT = np.dtype([("row", "<u4"), ("key", "<u8"), ("tool", "<u8")])
"""A tool whose result is not known yet: its call's row, the key its result will come with, its fingerprint."""
pack_wait = struct.Struct("<IQQ").pack


class Ident(msgspec.Struct, array_like=True, gc=False, frozen=True):
    """Who and where of an observation; hashes of 64 bits, names as sent (user: pseudonym)."""

    subject: Hash
    lane: Hash
    cell: Hash  # all that a rollup tells apart: subject, team, user, agent, key, task type, model, provider
    tenant: str
    team: str | None
    user: str | None
    agent: str | None
    key: str | None
    run: str | None
    parent_run: str | None
    task: str | None
    task_type: str | None
    model: str | None
    provider: str | None
    source: str | None = None  # where it is one of `identity.meters`


class Packed(msgspec.Struct, array_like=True):
    """Observations of one partition, and how far each source has been forwarded (s UTC).

    ids and names (of the first tool, of what is claimed, "" where there is none) go by row.
    """

    format: int
    marks: dict[int, float]
    idents: list[Ident]
    ids: list[str]
    names: list[str]
    rows: bytes
    words: bytes
    levels: bytes
    waits: bytes


class Columns(NamedTuple):
    """A packed record, opened: rows (n of ROW), words (k × 16 of u64), levels (k), waits (of WAIT)."""

    marks: dict[int, float]
    idents: list[Ident]
    ids: list[str]
    names: list[str]
    rows: npt.NDArray[Any]
    words: npt.NDArray[np.uint64]
    levels: npt.NDArray[np.uint8]
    waits: npt.NDArray[Any]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Packed)


def encode_packed(packed: Packed) -> bytes:
    """The record's bytes."""
    return _encoder.encode(packed)


def decode_packed(value: bytes) -> Columns:
    """Opens a record; raises msgspec.DecodeError on damaged bytes, ValueError on another format."""
    p = formats.decode(_decoder, value, "packed observations", FORMAT, "watch")
    columns = Columns(
        p.marks,
        p.idents,
        p.ids,
        p.names,
        np.frombuffer(p.rows, ROW),
        np.frombuffer(p.words, "<u8").reshape(-1, 16),
        np.frombuffer(p.levels, np.uint8),
        np.frombuffer(p.waits, WAIT),
    )
    _check(columns)
    return columns


def _check(c: Columns) -> None:
    """Raises msgspec.DecodeError where columns do not fit together: compiled loops look at no bounds."""
    n, rows = len(c.rows), c.rows
    require(len(c.ids) == len(c.names) == n and len(c.words) == len(c.levels), "columns of different lengths")
    require(all(abs(mark) < LARGEST for mark in c.marks.values()), "a mark that is no time")
    if not n:
        return
    require(rows["kind"].max() <= CLAIM and rows["ident"].max() < len(c.idents), "rows of nobody")
    require(rows["sketch"].min() >= -1 and rows["sketch"].max() < len(c.levels), "rows without their sketch")
    require(not len(c.levels) or c.levels.max() <= MAX_LEVEL, "a sketch of no level")
    require(not len(c.waits) or c.waits["row"].max() < n, "a result that no row waits for")
    for name in ("t", "cost_usd", "duration_s"):
        require((np.abs(rows[name]) < LARGEST).all(), f"{name} that is no such number")
