"""What ingest shows of itself: how its counts become metrics."""

from collections import Counter
from collections.abc import Mapping

from detector.behind import Source
from detector.kafka.group import GroupReader
from detector.metrics import Metrics
from detector.model.events import TYPES
from detector.pipeline.intake import Intake

STAGE = "ingest"
BAD = "bad:"


class IngestMetrics:
    """Translates; `feeds` are what ingest reads, by topic."""

    def __init__(self, metrics: Metrics, feeds: Mapping[str, str]) -> None:
        self._metrics = metrics
        self._told: Counter[str] = Counter()
        # Present from the start, so that a source of which nothing comes is seen as 0.
        self._taken = {feed: metrics.source_events.labels(topic) for topic, feed in feeds.items()}
        self._taken_told: Counter[str] = Counter()
        self._missed = {topic: metrics.missed_records.labels(STAGE, topic) for topic in feeds}
        self._missed_told: Counter[str] = Counter()
        self._shown: set[tuple[str, int]] = set()

    def flushed(self, intake: Intake, records: int) -> None:
        """A batch of so many records was prepared."""
        if records:
            self._metrics.batch_records.labels(STAGE).observe(records)
        for name, total in intake.counts.items():
            if more := total - self._told[name]:
                self._told[name] = total
                self._count(name, more)
        for feed, total in intake.taken.items():
            self._taken[feed].inc(total - self._taken_told[feed])
            self._taken_told[feed] = total
        self._metrics.links.set(intake.links)

    def _count(self, name: str, more: int) -> None:
        if name in TYPES:
            self._metrics.events.labels(name).inc(more)
        elif name.startswith(BAD):
            self._metrics.dead_letters.labels(name.removeprefix(BAD)).inc(more)
        elif name == "clock_ahead":
            self._metrics.clock_ahead.inc(more)
        elif name == "truncated":
            self._metrics.text_truncated.inc(more)
        elif name == "unknown_service_tier":
            self._metrics.unknown_service_tiers.inc(more)

    def reached(self, reader: GroupReader, until: Mapping[int, float]) -> None:
        """What was there at these times is acknowledged, by source."""
        for source, time_s in until.items():
            self._metrics.behind.reached(STAGE, reader.name(source), time_s)

    def behind(self) -> dict[Source, float]:
        """How far it is behind, in s, by topic and partition."""
        return self._metrics.behind.of(STAGE)

    def lag(self, reader: GroupReader) -> None:
        """Shows how far each source lags, no more those that others read now, and what was deleted unread."""
        for topic, total in reader.missed.items():
            self._missed[topic].inc(total - self._missed_told[topic])
            self._missed_told[topic] = total
        now = {reader.name(source): lag for source, lag in reader.lag.items()}
        self._metrics.behind.keep(STAGE, map(reader.name, reader.assigned))
        for topic, partition in self._shown - set(now):
            self._metrics.drop_lag(STAGE, topic, partition)
        for (topic, partition), lag in now.items():
            self._metrics.lag_records.labels(STAGE, topic, str(partition)).set(lag)
        self._shown = set(now)
