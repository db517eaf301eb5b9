"""How far each stage is behind, in seconds: computed as it is asked for, so that it grows whatever hangs."""

from collections.abc import Iterable, Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from detector.clock import Clock, system_clock

Source = tuple[str, int]
"""Topic and partition."""

NAME = "detector_behind_seconds"
LABELS = ("stage", "topic", "partition")
TOLD = "Since when the oldest record waits that the stage has not worked off, by the broker's time."


class Behind(Collector):
    """By stage, topic and partition the time up to which everything that was there is worked off.

    Times are s UTC of `clock`, which has to be the one that the brokers' timestamps follow. Where nothing is left that
    is the time of the broker's last answer, so that the figure stays near 0; once the broker is silent, or the stage
    hangs, it grows by itself.
    """

    def __init__(self, clock: Clock = system_clock) -> None:
        self._clock = clock
        self._until: dict[tuple[str, Source], float] = {}

    def reached(self, stage: str, source: Source, time_s: float) -> None:
        """All up to this time is worked off. A time in the future counts as now, an older one than before nothing."""
        key = stage, source
        time_s = min(time_s, self._clock())
        self._until[key] = max(time_s, self._until.get(key, time_s))

    def keep(self, stage: str, sources: Iterable[Source]) -> None:
        """Others work on all but these from now on."""
        kept = set(sources)
        for key in [key for key in self._until if key[0] == stage and key[1] not in kept]:
            del self._until[key]

    def of(self, stage: str) -> dict[Source, float]:
        """How far behind a stage is, in s; sources of which nothing is known yet are missing."""
        now = self._clock()
        return {source: max(0.0, now - t) for (of, source), t in self._until.copy().items() if of == stage}

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """For Prometheus; called in the web server's thread."""
        family = GaugeMetricFamily(NAME, TOLD, labels=LABELS)
        now = self._clock()
        for (stage, (topic, partition)), t in self._until.copy().items():
            family.add_metric([stage, topic, str(partition)], max(0.0, now - t))
        yield family
