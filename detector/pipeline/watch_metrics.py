"""What watch shows of itself: how its outcomes and its partitions become metrics."""

from collections import Counter
from collections.abc import Iterable

from detector.clock import Clock
from detector.metrics import Metrics
from detector.model.alert import Alert
from detector.pipeline.owned import Owned

STAGE = "watch"


class WatchMetrics:
    """Translates; `topic` is the one that watch reads."""

    def __init__(self, metrics: Metrics, topic: str, clock: Clock) -> None:
        self._metrics, self._topic, self._clock = metrics, topic, clock

    def taken(self, records: int) -> None:
        """So many packed records were processed at once."""
        self._metrics.batch_records.labels(STAGE).observe(records)

    def processed(self, owned: Owned) -> None:
        """Takes over what the engine has summed up."""
        totals = owned.engine.totals.take()
        self._metrics.add_usage(totals.usage)
        for rule, dollars in totals.flagged_usd.items():
            self._metrics.flagged_usd.labels(rule).inc(dollars)
        self._metrics.late.inc(totals.late)
        self._metrics.duplicates.inc(totals.duplicates)

    def written(self, alert: Alert) -> None:
        """The record of an alert is acknowledged."""
        self._metrics.alerts.labels(alert.rule, alert.severity, alert.state).inc()
        if alert.state != "resolved":
            self._metrics.event_to_alert_seconds.observe(max(0.0, self._clock() - alert.updated_at))

    def checkpoint(self, time_s: float, size: int) -> None:
        """A checkpoint of all partitions was written in full."""
        self._metrics.checkpoint_seconds.observe(time_s)
        self._metrics.checkpoint_bytes.inc(size)

    def lag(self, partition: int, behind: int) -> None:
        """Packed records that are not processed yet."""
        self._metrics.lag_records.labels(STAGE, self._topic, str(partition)).set(behind)

    def show(self, every: Iterable[Owned]) -> None:
        """The state of all partitions that are owned."""
        episodes: Counter[tuple[str, str]] = Counter()
        for owned in every:
            partition, engine = str(owned.partition), owned.engine
            self.processed(owned)
            episodes.update(engine.open_episodes)
            self._metrics.live_runs.labels(partition).set(engine.live_runs)
            if engine.watermark > 0:
                self._metrics.watermark_lag_seconds.labels(partition).set(self._clock() - engine.watermark)
        self._metrics.show_open_episodes(episodes)

    def drop(self, partitions: Iterable[int]) -> None:
        """Another worker shows these from now on."""
        for partition in partitions:
            self._metrics.drop_partition(partition)
            self._metrics.drop_lag(STAGE, self._topic, partition)
        self._metrics.show_open_episodes({})
