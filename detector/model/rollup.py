"""The rollup of `detector.rollups`: what one partition of watch saw in a minute, internal to the detector.

A record is MessagePack of `Rollup`: one row of `ROLL` for each party that spent, for each status and link, and for each
team's share of a model. It is an upsert by source partition and minute, never an increment: a replay repeats it.
"""

from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from detector import formats
from detector.enrich.identity import hash64

FORMAT = 1

SPENT, MOVED, LINKED, MODEL = 0, 1, 2, 3
"""Kinds of rows: calls of a party in this minute; a medium or strong status of its subject; a link of its run to the
task of another party; what a team spent on a model, for whoever looks at the model across teams."""

ROLL = np.dtype(
    [
        ("kind", "u1"),
        ("strength", "u1"),  # of a status
        ("category", "u1"),
        ("party", "u4"),  # index into parties
        ("other", "u4"),  # of a link: the party that stands for the task
        ("calls", "u4"),
        ("runs", "u4"),  # begun in this minute
        ("failed", "u4"),
        ("unpriced", "u4"),
        ("unmetered", "u4"),
        ("interactive", "u4"),
        ("longest", "u4"),  # of a status that ends a task: the most calls it had between two strong ones
        ("input", "u8"),
        ("cached", "u8"),
        ("written", "u8"),
        ("out", "u8"),
        ("reasoning", "u8"),
        ("usd", "f8"),
        ("flagged_usd", "f8"),  # within episodes of watch
        ("still_usd", "f8"),  # of a model: what went to tasks that did not move within the hour
        ("first_t", "f8"),  # of the minute's first and last call; of a status: when it came (s UTC)
        ("t", "f8"),
        ("strong_t", "f8"),  # of the subject, as known at the end of the minute; 0: none
        ("medium_t", "f8"),
    ]
)


class Party(msgspec.Struct, array_like=True, gc=False, frozen=True):
    """Who spent on what: names as sent (user: pseudonym); `subject` is the hash of the task, or of a run without."""

    subject: int
    tenant: str
    team: str | None = None
    user: str | None = None
    agent: str | None = None
    key: str | None = None
    run: str | None = None
    task: str | None = None
    task_type: str | None = None
    model: str | None = None


class Sheet(msgspec.Struct, array_like=True):
    """The rows of a minute (since 1970). What is late counts in the minute in which it came.

    `last_ids`: of each row the id of its newest call, "" for none.
    """

    minute: int
    last_ids: list[str]
    rows: bytes


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


def decode_rollup(value: bytes) -> Rollup:
    """Reads a record; raises msgspec.DecodeError on damaged bytes, ValueError on another format."""
    return formats.decode(_decoder, value, "a rollup", FORMAT, "portfolio")


def team_key(tenant: str, team: str | None) -> int:
    """What stands for a team: rollups go by it."""
    return hash64(tenant, "team", team)


def model_key(tenant: str, model: str | None) -> int:
    """What stands for a model across the teams of a tenant."""
    return hash64(tenant, "model", model)
