"""An engine that is given events batch by batch, as ingest packs them."""

import json

from detector.config import Config
from detector.engine import Engine
from detector.model.alert import Alert
from detector.pipeline.intake import Intake, SourceRecord
from detector.totals import UsageSums
from tests.support.judged import T0, Event


class Watched:
    """One ingest worker and one engine; what it has counted and alerted."""

    def __init__(self, config: Config | None = None) -> None:
        self.config = config or Config()
        self.intake, self.engine = Intake(self.config, 1), Engine(self.config)
        self.alerts: list[Alert] = []
        self._offset = 0

    def take(self, events: list[Event], until: float) -> None:
        """One batch, after which `until` s after T0 everything is forwarded."""
        value = json.dumps(events).encode()
        self.intake.take(0, "any", [SourceRecord(self._offset, value, None)])
        flushed = self.intake.flush({0: T0 + until}, everywhere=True)
        assert not flushed.dead_letters
        for _, packed in flushed.packed:
            self.alerts += self.engine.process(packed, self._offset).alerts
            self._offset += 1

    def counted(self) -> tuple[int, int, float]:
        """Calls, input tokens and dollars since the last time."""
        sums: list[UsageSums] = list(self.engine.totals.take().usage.values())
        return sum(s.calls for s in sums), sum(s.input_tokens for s in sums), sum(s.cost_usd for s in sums)
