"""What watch and portfolio show of themselves: how outcomes and partitions become metrics."""

from collections import Counter
from collections.abc import Iterable

from detector.behind import Source
from detector.clock import Clock
from detector.metrics import Metrics
from detector.model.alert import Alert
from detector.pipeline.owned import Owned


class StatefulMetrics:
    """Translates for `stage`; `topic` is the one that it reads."""

    def __init__(self, metrics: Metrics, stage: str, topic: str, clock: Clock) -> None:
        self._metrics, self._stage, self._topic, self._clock = metrics, stage, topic, clock
        self._missed = metrics.missed_records.labels(stage, topic)

    def processed(self, owned: Owned) -> None:
        """Takes over what the engine of a partition has summed up."""

    def shown(self, owned: Owned) -> None:
        """Shows what the engine of a partition holds."""

    def hidden(self, partition: int) -> None:
        """Another worker shows this partition from now on."""

    def taken(self, records: int) -> None:
        """So many records were processed at once."""
        self._metrics.batch_records.labels(self._stage).observe(records)

    def missed(self, records: int) -> None:
        """So many records were deleted before they were read."""
        self._missed.inc(records)

    def written(self, alert: Alert) -> None:
        """The record of an alert is acknowledged."""
        self._metrics.alerts.labels(alert.rule, alert.severity, alert.state).inc()
        if alert.state != "resolved":
            self._metrics.event_to_alert_seconds.observe(max(0.0, self._clock() - alert.updated_at))

    def checkpoint(self, time_s: float, size: int) -> None:
        """A checkpoint of all partitions was written in full."""
        self._metrics.checkpoint_seconds.labels(self._stage).observe(time_s)
        self._metrics.checkpoint_bytes.labels(self._stage).inc(size)

    def lag(self, partition: int, behind: int) -> None:
        """Records that are not processed yet."""
        self._metrics.lag_records.labels(self._stage, self._topic, str(partition)).set(behind)

    def reached(self, partition: int, time_s: float) -> None:
        """What was there at this time (s UTC) is processed."""
        self._metrics.behind.reached(self._stage, (self._topic, partition), time_s)

    def behind(self) -> dict[Source, float]:
        """How far it is behind, in s, by topic and partition."""
        return self._metrics.behind.of(self._stage)

    def show(self, every: Iterable[Owned]) -> None:
        """The state of all partitions that are owned."""
        episodes: Counter[tuple[str, str]] = Counter()
        for owned in every:
            self.processed(owned)
            self.shown(owned)
            episodes.update(owned.engine.open_episodes)
            if owned.engine.watermark > 0:
                lag_s = self._clock() - owned.engine.watermark
                self._metrics.watermark_lag_seconds.labels(self._stage, str(owned.partition)).set(lag_s)
        self._metrics.show_open_episodes(self._stage, episodes)

    def drop(self, partitions: Iterable[int]) -> None:
        """Another worker shows these from now on."""
        for partition in partitions:
            self.hidden(partition)
            self._metrics.drop_partition(self._stage, partition)
            self._metrics.drop_lag(self._stage, self._topic, partition)
        self._metrics.behind.keep(self._stage, ())
        self._metrics.show_open_episodes(self._stage, {})
