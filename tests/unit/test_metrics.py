"""The catalogue of metrics: names, labels, their cap, and how usage is added."""

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from detector import __version__
from detector.config import Metrics as Limits
from detector.errors import Reason
from detector.metrics import USAGE_LABELS, Metrics
from detector.totals import Labels, UsageSums

CATALOGUE = {
    "detector_calls_total": ("tenant", "team", "agent", "model"),
    "detector_tokens_total": ("tenant", "team", "agent", "model", "kind"),
    "detector_cost_usd_total": ("tenant", "team", "agent", "model"),
    "detector_unpriced_calls_total": ("tenant", "team", "agent", "model"),
    "detector_unmetered_calls_total": ("tenant", "team", "agent", "model"),
    "detector_unclaimed_usd_total": ("tenant", "team"),
    "detector_label_overflow_total": ("label",),
    "detector_events_total": ("kind",),
    "detector_source_events_total": ("topic",),
    "detector_dead_letters_total": ("reason",),
    "detector_clock_ahead_total": (),
    "detector_text_truncated_total": (),
    "detector_unknown_service_tiers_total": (),
    "detector_late_total": (),
    "detector_duplicates_total": (),
    "detector_links": (),
    "detector_live_runs": ("partition",),
    "detector_accounts": ("kind", "partition"),
    "detector_late_rollups_total": (),
    "detector_open_episodes": ("rule", "severity"),
    "detector_alerts_total": ("rule", "severity", "state"),
    "detector_flagged_usd_total": ("rule",),
    "detector_event_to_alert_seconds": (),
    "detector_stage_ready": ("stage",),
    "detector_lag_records": ("stage", "topic", "partition"),
    "detector_batch_records": ("stage",),
    "detector_checkpoint_seconds": ("stage",),
    "detector_checkpoint_bytes_total": ("stage",),
    "detector_notify_requests_total": ("target", "outcome"),
    "detector_notify_pending": (),
    "detector_build_info": ("version",),
}


def sums(calls: int, *rest: float) -> UsageSums:
    return UsageSums._make([calls, *rest, *[0] * (len(UsageSums._fields) - 1 - len(rest))])


def metrics(max_label_values: int = 200) -> Metrics:
    return Metrics(Limits(max_label_values=max_label_values))


def value(of: Metrics, name: str, **labels: str) -> float | None:
    return of.registry.get_sample_value(name, labels)


def usage_value(of: Metrics, name: str, subject: tuple[str, ...], **more: str) -> float | None:
    return value(of, name, **dict(zip(USAGE_LABELS, subject, strict=True)), **more)


def test_what_dashboards_rely_on_is_there_and_all_is_documented() -> None:
    made = metrics()
    described = {}
    for family in made.registry.collect():
        suffix = {"counter": "_total", "info": "_info"}.get(family.type, "")
        assert family.documentation.endswith("."), family.name
        described[family.name + suffix] = family.documentation
    ours = {name for name in described if name.startswith("detector_")}
    assert ours >= set(CATALOGUE)


def test_no_label_can_hold_a_run_task_user_or_call() -> None:
    made = metrics()
    for attribute in vars(made).values():
        names = getattr(attribute, "_labelnames", ())
        assert not {"run", "task", "user", "call", "key", "turn", "id"} & set(names)


def test_the_labels_are_those_of_the_catalogue() -> None:
    made = metrics()
    labels = {
        attribute._name + ("_total" if attribute._type == "counter" else ""): tuple(attribute._labelnames)
        for attribute in vars(made).values()
        if hasattr(attribute, "_labelnames")
    }
    labels["detector_build_info"] = ("version",)
    assert {name: labels[name] for name in CATALOGUE} == CATALOGUE


def test_usage_is_added_to_every_series() -> None:
    made = metrics()
    subject: Labels = ("acme", "data", "coder", "gpt-5")
    used = UsageSums(3, 100, 40, 5, 20, 7, 1.5, 1, 2, 0.5)
    made.add_usage({subject: used})
    made.add_usage({subject: used, ("acme", "data", "coder", "other-model"): sums(1)})
    told = ("acme", "data", "coder", "gpt-5")
    assert usage_value(made, "detector_calls_total", told) == 6
    for kind, tokens in (("input", 200), ("cached_input", 80), ("cache_write", 10), ("output", 40)):
        assert usage_value(made, "detector_tokens_total", told, kind=kind) == tokens
    assert usage_value(made, "detector_tokens_total", told, kind="reasoning") == 14
    assert usage_value(made, "detector_cost_usd_total", told) == pytest.approx(3.0)
    assert usage_value(made, "detector_unpriced_calls_total", told) == 2
    assert usage_value(made, "detector_unmetered_calls_total", told) == 4
    assert usage_value(made, "detector_calls_total", ("acme", "data", "coder", "other-model")) == 1
    assert value(made, "detector_unclaimed_usd_total", tenant="acme", team="data") == pytest.approx(1.0)


def test_what_an_event_does_not_have_is_none() -> None:
    made = metrics()
    made.add_usage({("acme", None, "", "gpt-5"): sums(1)})
    assert usage_value(made, "detector_calls_total", ("acme", "none", "none", "gpt-5")) == 1


def test_values_beyond_the_cap_are_other_and_counted() -> None:
    made = metrics(max_label_values=2)
    for n in range(5):
        made.add_usage({("acme", "data", f"agent-{n}", "gpt-5"): sums(1)})
    made.add_usage({("acme", "data", None, "gpt-5"): sums(1)})
    calls = {
        agent: usage_value(made, "detector_calls_total", ("acme", "data", agent, "gpt-5"))
        for agent in ("agent-0", "agent-1", "agent-2", "other", "none")
    }
    assert calls == {"agent-0": 1, "agent-1": 1, "agent-2": None, "other": 3, "none": 1}
    assert value(made, "detector_label_overflow_total", label="agent") == 3
    assert value(made, "detector_label_overflow_total", label="team") == 0


def test_what_was_seen_before_the_cap_keeps_its_own_series() -> None:
    made = metrics(max_label_values=1)
    for agent in ("first", "second", "first"):
        made.add_usage({("acme", "data", agent, "gpt-5"): sums(1)})
    assert usage_value(made, "detector_calls_total", ("acme", "data", "first", "gpt-5")) == 2


def test_memory_does_not_grow_with_the_values_beyond_the_cap() -> None:
    made = metrics(max_label_values=3)
    for n in range(1000):
        made.add_usage({(f"t{n}", f"a{n}", f"b{n}", f"m{n}"): sums(1)})
    assert len(made._usage) == 4
    assert all(len(made._labels[name]) == 3 + 2 for name in USAGE_LABELS)


def test_reasons_and_kinds_are_there_from_the_start() -> None:
    made = metrics()
    for reason in Reason:
        assert value(made, "detector_dead_letters_total", reason=reason.value) == 0
    for kind in ("call", "tool_call", "tool_result", "claim", "status", "link"):
        assert value(made, "detector_events_total", kind=kind) == 0


def test_an_episode_that_has_ended_counts_as_zero() -> None:
    made = metrics()
    made.show_open_episodes("watch", {("loop", "critical"): 2, ("loop", "info"): 1})
    made.show_open_episodes("portfolio", {("spend_spike", "info"): 3})
    made.show_open_episodes("watch", {("loop", "critical"): 1})
    assert value(made, "detector_open_episodes", rule="spend_spike", severity="info") == 3
    assert value(made, "detector_open_episodes", rule="loop", severity="critical") == 1
    assert value(made, "detector_open_episodes", rule="loop", severity="info") == 0


def test_a_partition_that_has_moved_is_no_longer_shown() -> None:
    made = metrics()
    for partition in (1, 2):
        made.lag_records.labels("ingest", "llm.calls", partition).set(5)
    made.drop_lag("ingest", "llm.calls", 1)
    assert value(made, "detector_lag_records", stage="ingest", topic="llm.calls", partition="1") is None
    assert value(made, "detector_lag_records", stage="ingest", topic="llm.calls", partition="2") == 5


def test_two_catalogues_do_not_meet() -> None:
    one, other = metrics(), metrics()
    one.late.inc()
    assert value(other, "detector_late_total") == 0


def test_a_registry_can_be_given() -> None:
    registry = CollectorRegistry()
    assert Metrics(Limits(), registry).registry is registry


def test_the_text_is_read_by_prometheus_and_free_of_created_series() -> None:
    made = metrics()
    made.add_usage({('a"b\n\\', None, "ü", "m"): sums(1)})
    made.batch_records.labels("ingest").observe(3)
    text = made.text().decode()
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    labels = [s.labels for s in samples if s.name == "detector_calls_total"]
    assert labels == [{"tenant": 'a"b\n\\', "team": "none", "agent": "ü", "model": "m"}]
    assert not [s.name for s in samples if s.name.endswith("_created")]
    assert {"version": __version__} in [s.labels for s in samples if s.name == "detector_build_info"]
    assert [s for s in samples if s.name == "process_resident_memory_bytes"]


def test_sets_of_labels_are_bounded_and_what_is_beyond_is_other_in_all_and_counted() -> None:
    bounded = Metrics(Limits(max_label_sets=20))
    subjects: list[Labels] = [("t", f"team-{i}", f"agent-{j}", "m") for i in range(10) for j in range(10)]
    for subject in subjects:
        bounded.add_usage({subject: sums(1, 5)})
    text = bounded.text().decode()
    series = [line for line in text.splitlines() if line.startswith("detector_calls_total{")]
    assert len(series) == 20 + 1
    assert usage_value(bounded, "detector_calls_total", ("other",) * 4) == 80
    assert value(bounded, "detector_label_overflow_total", label="all") == 80
    assert sum(float(line.rpartition(" ")[2]) for line in series) == 100


def test_a_stage_is_ready_once_it_has_no_reason_any_more() -> None:
    made = metrics()
    made.show_ready({"ingest": ["starting"], "watch": ["starting"]})
    made.show_ready({"watch": ["no partition assigned yet"]})
    assert value(made, "detector_stage_ready", stage="ingest") == 1
    assert value(made, "detector_stage_ready", stage="watch") == 0
    assert value(made, "detector_stage_ready", stage="notify") is None
