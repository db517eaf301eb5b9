"""The one catalogue of metrics: every series that the detector serves, once, with its meaning."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, Metric, generate_latest
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from detector import __version__
from detector.behind import LABELS, NAME, Behind
from detector.boards.collector import Boards
from detector.boards.episodes import Episodes
from detector.boards.episodes import labels_of as labels_of_episodes
from detector.boards.gauges import labels_of
from detector.clock import Clock, system_clock
from detector.config.settings import Metrics as Limits
from detector.enrich.pseudonyms import PERSON, is_pseudonym
from detector.errors import Reason
from detector.model.events import TYPES

if TYPE_CHECKING:
    from detector.totals import Labels, UsageSums

OTHER = "other"
"""Stands for the values of a label beyond metrics.max_label_values."""
ALL = "all"
"""Stands for all labels of usage together."""
NONE = "none"
"""Stands for a value that the event does not have."""
_ABSENT: dict[str | None, str] = {None: NONE, "": NONE}

USAGE_LABELS = ("tenant", "team", "agent", "model")
TASK_TYPE = "task_type"

BATCH_BUCKETS = (1, 10, 50, 100, 250, 500, 1000, 2000, 5000, 10_000)
ALERT_BUCKETS_S = (0.1, 0.25, 0.5, 1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 900, 3600)
CHECKPOINT_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class _UsageSeries(NamedTuple):
    """The series of one set of labels, looked up once."""

    calls: Counter
    input_tokens: Counter
    cached_input_tokens: Counter
    cache_write_tokens: Counter
    output_tokens: Counter
    reasoning_tokens: Counter
    cost_usd: Counter
    unpriced_calls: Counter
    unmetered_calls: Counter
    unclaimed_usd: Counter


class Metrics:
    """All metrics on one registry; never a run, task, user or call among the labels.

    `wall` is the clock that the brokers' timestamps follow.
    """

    def __init__(self, limits: Limits, registry: CollectorRegistry | None = None, wall: Clock = system_clock) -> None:
        self.registry = registry if registry is not None else CollectorRegistry()
        self._limits = limits
        self._labels: dict[str, dict[str | None, str]] = {name: dict(_ABSENT) for name in (*USAGE_LABELS, TASK_TYPE)}
        self.labelled: dict[str, tuple[str, ...]] = {}
        """The labels of each metric, by the name that it is served under."""
        self._usage: dict[tuple[str, ...], _UsageSeries] = {}
        self._known_episodes: dict[str, set[tuple[str, str]]] = {}
        self._known_stages: set[str] = set()
        self._make_usage()
        self._make_input()
        self._make_findings()
        self._make_gateway()
        self._make_plumbing()
        self.behind = Behind(wall)
        self.boards = Boards(self.label, limits.max_board_teams, limits.max_board_sets, OTHER)
        self.episodes = Episodes(self.boards.named)
        self.labelled |= labels_of() | labels_of_episodes() | {NAME: LABELS}
        for collector in (self.behind, self.boards, self.episodes):
            self.registry.register(collector)
        Info("detector_build", "The version that runs.", registry=self.registry).info({"version": __version__})
        ProcessCollector(registry=self.registry)

    def _make_usage(self) -> None:
        new = self._counter
        self.calls = new("calls", "Calls of language models.", *USAGE_LABELS)
        self.tokens = new(
            "tokens",
            "Tokens by kind; cached_input is contained in input, and reasoning in output.",
            *USAGE_LABELS,
            "kind",
        )
        self.cost_usd = new("cost_usd", "Dollars, as told or priced.", *USAGE_LABELS)
        self.unpriced_calls = new("unpriced_calls", "Calls with tokens but without a price.", *USAGE_LABELS)
        self.unmetered_calls = new("unmetered_calls", "Calls that came without token counts.", *USAGE_LABELS)
        self.unclaimed_usd = new(
            "unclaimed_usd", "Dollars of calls that no task claimed as they came.", "tenant", "team"
        )
        self.label_overflow = new(
            "label_overflow",
            f"Look-ups beyond metrics.max_label_values, or of 'all' four beyond metrics.max_label_sets: {OTHER!r}.",
            "label",
        )
        for name in (*USAGE_LABELS, TASK_TYPE, ALL):
            self.label_overflow.labels(name)

    def _make_input(self) -> None:
        new = self._counter
        self.events = new("events", "Events that ingest accepted, by kind.", "kind")
        self.source_events = new("source_events", "Events that ingest accepted, by the topic of their source.", "topic")
        self.dead_letters = new("dead_letters", "Events that could not be used, by reason.", "reason")
        self.clock_ahead = new("clock_ahead", "Events ahead of their broker's clock, taken at that clock.")
        self.text_truncated = new("text_truncated", "Texts of which only the first 256 KiB were sketched.")
        self.unknown_service_tiers = new(
            "unknown_service_tiers", "Calls priced as standard, for want of a price of their service tier."
        )
        self.late = new("late", "Observations that came after the watermark had passed their time.")
        self.duplicates = new("duplicates", "Events sent twice, known by their id and left out.")
        self.missed_records = new(
            "missed_records", "Records that the broker deleted before they were read.", "stage", "topic"
        )
        self.seen_evicted = new("seen_evicted", "Ids forgotten before watch.seen_s, for watch.max_seen_ids.")
        self.links = self._gauge("links", "Links from run to task that ingest holds.")
        for kind in TYPES:
            self.events.labels(kind)
        for reason in Reason:
            self.dead_letters.labels(reason.value)

    def _make_findings(self) -> None:
        self.live_runs = self._gauge("live_runs", "Runs held in memory.", "partition")
        self.accounts = self._gauge("accounts", "Tasks, agents and teams in portfolio's memory.", "kind", "partition")
        self.late_rollups = self._counter("late_rollups", "Rows of rollups that came after their minute was judged.")
        self.open_episodes = self._gauge("open_episodes", "Episodes that are open.", "rule", "severity")
        self.alerts = self._counter("alerts", "Alert records written.", "rule", "severity", "state")
        self.flagged_usd = self._counter("flagged_usd", "Dollars burnt within episodes.", "rule")
        self.event_to_alert_seconds = self._histogram(
            "event_to_alert_seconds",
            "From the time of the call that decided to the alert record being written.",
            ALERT_BUCKETS_S,
        )

    def _make_gateway(self) -> None:
        self.gateway_requests = self._counter(
            "gateway_requests", "Requests to the gateway, by path and HTTP status.", "path", "status"
        )
        self.gateway_refused = self._counter(
            "gateway_refused", "Events that the gateway could not use, and said so.", "reason"
        )
        self.gateway_in_hand_bytes = self._gauge("gateway_in_hand_bytes", "Bodies that are being taken.")
        self.gateway_seconds = self._histogram(
            "gateway_seconds", "From a request to its answer, with Kafka's acknowledgement.", CHECKPOINT_BUCKETS_S
        )

    def _make_plumbing(self) -> None:
        self.stage_ready = self._gauge("stage_ready", "1 where the stage can work, 0 where not: see /readyz.", "stage")
        self.lag_records = self._gauge("lag_records", "Records not yet read.", "stage", "topic", "partition")
        self.watermark_lag_seconds = self._gauge(
            "watermark_lag_seconds", "The present minus the event time up to which all is judged.", "stage", "partition"
        )
        self.batch_records = self._histogram("batch_records", "Records taken at once.", BATCH_BUCKETS, "stage")
        self.checkpoint_seconds = self._histogram(
            "checkpoint_seconds", "Time to write a checkpoint.", CHECKPOINT_BUCKETS_S, "stage"
        )
        self.checkpoint_bytes = self._counter("checkpoint_bytes", "Bytes of state written.", "stage")
        self.notify_requests = self._counter(
            "notify_requests", "Requests to an Alertmanager, by how they ended.", "target", "outcome"
        )
        self.notify_pending = self._gauge("notify_pending", "Alerts not yet delivered to every Alertmanager.")
        self.notify_bad_records = self._counter(
            "notify_bad_records", "Records of the alert topic that could not be read, and were skipped."
        )
        self.pages_bad_records = self._counter(
            "pages_bad_records", "Records that pages could not read, and skipped.", "topic"
        )
        self.notify_seconds = self._histogram(
            "notify_seconds",
            "From an alert record being written to an Alertmanager taking it.",
            ALERT_BUCKETS_S,
        )
        self._make_pages()

    def _make_pages(self) -> None:
        new = self._counter
        self.pages = new(
            "pages", "Pages, each of a group of alerts; summaries of what is held back among them.", "tenant"
        )
        self.pages_held_back = new(
            "pages_held_back", "Critical alerts beyond notify.pages_a_day, sent as warnings.", "tenant"
        )
        self.held_back_episodes = self._gauge(
            "held_back_episodes", "Episodes that are held back from the pager and burn now.", "tenant"
        )
        self._tenants_held_back: set[str] = set()
        self.stop_requests = new("stop_requests", "Requests to stop what an alert names, by how they ended.", "outcome")

    def _counter(self, name: str, told: str, *labels: str) -> Counter:
        self.labelled[f"detector_{name}_total"] = labels
        return Counter(f"detector_{name}", told, labels, registry=self.registry)

    def _gauge(self, name: str, told: str, *labels: str) -> Gauge:
        self.labelled[f"detector_{name}"] = labels
        return Gauge(f"detector_{name}", told, labels, registry=self.registry)

    def _histogram(self, name: str, told: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        self.labelled[f"detector_{name}"] = labels
        return Histogram(f"detector_{name}", told, labels, buckets=buckets, registry=self.registry)

    def label(self, name: str, value: str | None) -> str:
        """`value` as shown under `name` (of USAGE_LABELS, or TASK_TYPE): itself, "none", or "other" beyond the cap.

        An agent that is a pseudonym is "person".
        """
        known = self._labels[name]
        found = known.get(value)
        if found is not None:
            return found
        assert value is not None  # None is always known
        if name == "agent" and is_pseudonym(value):
            return PERSON
        if len(known) - len(_ABSENT) >= self._limits.max_label_values:
            self.label_overflow.labels(name).inc()
            return OTHER
        known[value] = value
        return value

    def add_usage(self, usage: Mapping[Labels, UsageSums]) -> None:
        """Adds what an engine summed up since it was last asked."""
        for subject, sums in usage.items():
            labels = tuple(map(self.label, USAGE_LABELS, subject))
            series = self._usage.get(labels)
            if series is None:
                series = self._new_usage(labels)
            for field, counter in zip(_UsageSeries._fields, series, strict=True):
                if amount := getattr(sums, field):
                    counter.inc(amount)

    def _new_usage(self, labels: tuple[str, ...]) -> _UsageSeries:
        """The series of labels that have none yet; of OTHER in all four beyond the cap."""
        if len(self._usage) >= self._limits.max_label_sets:
            self.label_overflow.labels(ALL).inc()
            labels = (OTHER,) * len(USAGE_LABELS)
        if labels not in self._usage:
            self._usage[labels] = self._usage_series(labels)
        return self._usage[labels]

    def _usage_series(self, labels: tuple[str, ...]) -> _UsageSeries:
        def tokens(kind: str) -> Counter:
            return self.tokens.labels(*labels, kind)

        return _UsageSeries(
            calls=self.calls.labels(*labels),
            input_tokens=tokens("input"),
            cached_input_tokens=tokens("cached_input"),
            cache_write_tokens=tokens("cache_write"),
            output_tokens=tokens("output"),
            reasoning_tokens=tokens("reasoning"),
            cost_usd=self.cost_usd.labels(*labels),
            unpriced_calls=self.unpriced_calls.labels(*labels),
            unmetered_calls=self.unmetered_calls.labels(*labels),
            unclaimed_usd=self.unclaimed_usd.labels(*labels[:2]),
        )

    def show_open_episodes(self, stage: str, counts: Mapping[tuple[str, str], int]) -> None:
        """Sets a stage's open episodes by (rule, severity); those of it that are not among `counts` become 0."""
        known = self._known_episodes.setdefault(stage, set())
        known.update(counts)
        for rule, severity in known:
            self.open_episodes.labels(rule, severity).set(counts.get((rule, severity), 0))

    def show_ready(self, unready: Mapping[str, Sequence[str]]) -> None:
        """Sets the stages that have reasons in `unready` to 0, and to 1 those that had some before."""
        self._known_stages.update(unready)
        for stage in self._known_stages:
            self.stage_ready.labels(stage).set(not unready.get(stage))

    def show_held_back(self, counts: Mapping[str, int]) -> None:
        """Sets what is held back by tenant, as `label` shows it; tenants that are not among `counts` become 0."""
        self._tenants_held_back.update(counts)
        for tenant in self._tenants_held_back:
            self.held_back_episodes.labels(tenant).set(counts.get(tenant, 0))

    def drop_partition(self, stage: str, partition: int) -> None:
        """Removes what a stage showed of a partition that another worker has now."""
        self.watermark_lag_seconds.remove(stage, str(partition))

    def drop_lag(self, stage: str, topic: str, partition: int) -> None:
        """Removes the lag of a source partition that another worker has now."""
        self.lag_records.remove(stage, topic, str(partition))

    def text(self) -> bytes:
        """All series in the text format of Prometheus."""
        return generate_latest(_WithoutCreated(self.registry))


class _WithoutCreated(Collector):
    """Leaves out the `_created` series, which double the counters and are of use in OpenMetrics only.

    The library's own switch for this is global to the process.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterator[Metric]:
        for family in self._registry.collect():
            family.samples = [sample for sample in family.samples if not sample.name.endswith("_created")]
            yield family
