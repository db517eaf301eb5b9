"""One partition that this worker owns: its engine, and what is not acknowledged."""

import gc
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, Self

import msgspec

from detector.errors import DetectorError, StateError
from detector.kafka.checkpoint import Ledger, Plan, choose
from detector.reasons import Failed

log = logging.getLogger(__name__)


class EngineLike(Protocol):
    """What a stage asks of an engine; see detector.engine.Engine and detector.portfolio.Portfolio."""

    offset: int
    forgot: bool
    """What is stored names somebody who was forgotten since: all of it is written anew."""

    @property
    def watermark(self) -> float:
        """All before this event time (s UTC) has been judged; 0 at first."""

    @property
    def live_runs(self) -> int:
        """Runs, or tasks, in memory."""

    @property
    def open_episodes(self) -> dict[tuple[str, str], int]:
        """By rule and severity."""

    def process(self, packed: bytes, offset: int, written_s: float) -> Any:
        """An outcome; records at or below `offset` change nothing. `written_s`: when, by the broker's record."""

    def segments(self) -> set[int]:
        """Numbers of all segments that there are."""

    def dirty(self) -> list[int]:
        """Those of them that changed since clean()."""

    def encode_segment(self, n: int) -> bytes:
        """All of the segment."""

    def encode_changes(self, n: int) -> bytes | None:
        """What changed in it since clean(); None where it can only be written whole."""

    def clean(self) -> None:
        """Everything is written."""


class Maker(Protocol):
    """Who makes engines: a stage."""

    def make(self, partition: int) -> EngineLike:
        """An engine with an empty state."""

    def restore(self, partition: int, offset: int, segments: Mapping[int, Sequence[bytes]]) -> EngineLike:
        """An engine as it was, from each segment and what changed in it since; raises StateError."""


class Event(Protocol):
    """A record in Faust's hands: `value` and `message.value` are its bytes, ack() has it committed."""

    value: bytes | None
    message: Any

    def ack(self) -> bool:
        """In the order of the offsets, or Faust commits past what is unfinished."""


@contextmanager
def _to_stay() -> Iterator[None]:
    """Objects by the hundred thousand are made: to look for garbage among them takes as long, now and later."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        if before:
            gc.enable()


def give_up(owned: dict[int, "Owned"]) -> None:
    """Partitions are another worker's now."""
    owned.clear()
    gc.unfreeze()  # what came to stay is garbage like any other


class Owned:
    """The state of one partition from its assignment on; a new assignment makes a new one.

    `next_offset` is what has to come next, `settled_offset` what follows the last one whose effects are acknowledged,
    and `settled_s` the broker's time of that; `pending` are the events that no finished checkpoint includes yet.
    """

    def __init__(self, partition: int, generation: int, engine: EngineLike, ledger: Ledger) -> None:
        self.partition, self.generation, self.engine = partition, generation, engine
        self.next_offset = engine.offset + 1
        self.settled_offset = self.next_offset
        self.settled_s: float | None = None
        self._written_s: float | None = None
        self.pending: list[Event] = []
        self._ledger, self._included = ledger, 0
        self._anew = self._sweeps = False

    @classmethod
    def load(
        cls,
        maker: Maker,
        source: str,
        state: str,
        partition: int,
        generation: int,
        data: Mapping[bytes, bytes],
        end: int | None,
    ) -> Self:
        """From the live records of the partition's changelog; `end` is the offset after the source's last.

        Raises StateError where the state cannot be read or belongs to another topic.
        """
        try:
            with _to_stay():
                found = choose(data)
                engine = maker.make(partition) if found is None else maker.restore(partition, *found)
        except StateError as error:
            raise StateError(f"{state}, partition {partition}: {error}") from error
        if found is None and data:
            log.error(
                "no checkpoint is complete; the partition starts with an empty state",
                extra={"partition": partition, "records": len(data)},
            )
        if found is not None and end is not None and found.offset >= end:
            raise StateError(
                f"the state of partition {partition} includes the record {found.offset}, and "
                f"{source} ends at {end}: it was made anew. "
                f"Delete {state} too, and make it with: detector topics"
            )
        return cls(partition, generation, engine, Ledger(partition, generation, data))

    def expect(self, committed: int | None) -> None:
        """The source is read from `committed` on; what lies between it and the state is lost to the state."""
        if committed is not None and committed > self.next_offset:
            log.error(
                "the state is older than what was acknowledged; what lies between is not in it",
                extra={"partition": self.partition, "state": self.next_offset, "acknowledged": committed},
            )
            self.next_offset = self.settled_offset = committed

    def process(self, event: Event) -> Any:
        """The engine's outcome; the event waits for a checkpoint, without its bytes.

        Raises DetectorError on a record that this version cannot read.
        """
        message = event.message
        try:
            outcome = self.engine.process(message.value, message.offset, message.timestamp or 0.0)
        except (msgspec.MsgspecError, ValueError) as error:
            raise DetectorError(
                Failed.UNREADABLE.format(offset=message.offset, partition=self.partition, error=error)
            ) from error
        self.next_offset = max(self.next_offset, message.offset + 1)
        self._written_s = message.timestamp
        # Seconds of traffic wait here; only the offset is needed for the acknowledgement.
        event.value = message.value = None
        self.pending.append(event)
        return outcome

    def settle(self) -> None:
        """The effects of all that was processed are acknowledged."""
        self.settled_offset, self.settled_s = self.next_offset, self._written_s

    @property
    def due(self) -> bool:
        """Whether a checkpoint has something to write or to remove."""
        return bool(self.pending) or self._sweeps

    def plan(self) -> Plan:
        """A checkpoint of the state as it is now; the caller writes it, or gives the partition up."""
        engine, ledger = self.engine, self._ledger
        every = engine.segments()
        self._anew, self._sweeps = engine.forgot, False
        anew = ledger.empty or engine.forgot
        whole = {n: engine.encode_segment(n) for n in sorted(every if anew else ledger.due())}
        changes: dict[int, bytes] = {}
        for n in engine.dirty():
            if n not in whole:
                changed = engine.encode_changes(n) if ledger.has(n) else None
                if changed is None:
                    whole[n] = engine.encode_segment(n)
                else:
                    changes[n] = changed
        plan = ledger.plan(engine.offset, whole, changes, every)
        engine.clean()
        self._included = len(self.pending)
        return plan

    def finish(self, plan: Plan) -> None:
        """The newest plan is written in full: what it includes is acknowledged."""
        self._ledger.finish(plan)
        self._sweeps = self._anew  # what it has replaced names somebody: it goes even where nothing comes any more
        for event in self.pending[: self._included]:
            event.ack()
        del self.pending[: self._included]
