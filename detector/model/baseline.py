"""The record of `detector.baselines`: what watch has to know of the whole of a team, internal to the detector."""

import msgspec

from detector import formats

FORMAT = 1

VALID_AFTER_S = 3600.0
"""A baseline counts from so long after the hour it was made at: by then every worker has it, also one that lags."""


class Baseline(msgspec.Struct, array_like=True, frozen=True):
    """A team at a full hour, `t` (s UTC)."""

    t: float
    status_t: float  # the newest medium or strong status of its tasks, 0: none
    calls: dict[str, tuple[int, int]]  # by task type: tasks that ended; 95 of 100 never had more calls without a move
    inputs: dict[str, tuple[int, int]]  # by agent ("": without a name): calls, and their mean input tokens, in 8 days


class Baselines(msgspec.Struct, array_like=True):
    """The newest baseline of a team and the one before it: a reader that lags needs the older."""

    format: int
    tenant: str
    team: str | None
    newest: Baseline
    before: Baseline | None = None

    def at(self, t: float) -> Baseline | None:
        """The one that counts at `t` (s UTC); None where the team is too young."""
        for baseline in (self.newest, self.before):
            if baseline is not None and baseline.t + VALID_AFTER_S <= t:
                return baseline
        return None


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Baselines)


def encode_baselines(baselines: Baselines) -> bytes:
    """The record's bytes."""
    return _encoder.encode(baselines)


def decode_baselines(value: bytes) -> Baselines:
    """Reads a record; raises msgspec.DecodeError on damaged bytes, ValueError on another format."""
    return formats.decode(_decoder, value, "baselines", FORMAT, "watch")
