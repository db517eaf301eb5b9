"""When an Alertmanager is told what of an episode: every decision has its reason, and nothing stays behind."""

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.alerts.alertmanager import Labels, Posted, notice_of, rfc3339
from detector.alerts.due import NEVER_S, Due, Held, Policy, accepted, attempted, compose, decide, presumed
from detector.model.alert import SEVERITIES
from tests.unit.alert_records import OPENED_S, alert

NOW = OPENED_S + 100
POLICY = Policy("info", resend_s=60, ends_s=900)
OTHER = {"alertname": "loop", "severity": "warning", "episode": "e1"}


def notice(written_s: float = NOW, **fields: Any) -> Any:
    return notice_of(alert(**fields), written_s)


@pytest.mark.parametrize(
    ("fields", "held", "due"),
    [
        ({}, None, Due.NEW),
        ({}, "same", Due.NOTHING),
        ({}, "old", Due.RESEND),
        ({}, "ahead", Due.RESEND),
        ({"version": 2}, "same", Due.UPDATED),
        ({}, "other severity", Due.SEVERITY_CHANGED),
        ({}, "other task", Due.RELABELLED),
        ({"severity": "info"}, None, Due.NOTHING),
        ({"severity": "info"}, "other severity", Due.BELOW_MINIMUM),
        ({"state": "resolved", "version": 3}, "same", Due.RESOLVED),
        ({"state": "resolved", "version": 3}, None, Due.NOTHING),
        ({"state": "resolved", "severity": "info"}, "other severity", Due.RESOLVED),
    ],
)
def test_the_decision_has_a_reason(fields: dict[str, Any], held: str | None, due: Due) -> None:
    told = notice(**fields)
    mine = told.labels
    holds = {
        None: None,
        "same": Held((mine,), 1, NOW - 59),
        "old": Held((mine,), 1, NOW - 60),
        "ahead": Held((mine,), 1, NOW + 1),
        "other severity": Held((OTHER,), 1, NOW),
        "other task": Held(({**mine, "task": "T-1"},), 1, NOW),
    }
    assert decide(told, holds[held], NOW, POLICY._replace(min_severity="warning")) is due


def test_an_escalation_fires_the_new_before_it_ends_the_old_in_one_request() -> None:
    told = notice(version=2, updated_at=OPENED_S + 30)
    posted = compose(told, Held((OTHER,), 1, NOW), Due.SEVERITY_CHANGED, NOW, POLICY)
    assert [(p.labels["severity"], p.ends_at) for p in posted] == [
        ("critical", rfc3339(NOW + 900)),
        ("warning", rfc3339(OPENED_S + 30)),
    ]


def test_an_episode_that_falls_below_the_minimum_is_ended_under_its_old_labels() -> None:
    told = notice(severity="info", version=2)
    posted = compose(told, Held((OTHER,), 1, NOW), Due.BELOW_MINIMUM, NOW, POLICY)
    assert [p.labels for p in posted] == [OTHER]
    assert posted[0].ends_at <= rfc3339(NOW)


def test_after_a_start_a_lately_resolved_one_is_told_again_and_an_open_one_is_new() -> None:
    over, burning = notice(state="resolved"), notice()
    assert presumed(over, (), POLICY) == Held((over.labels,), 0, NEVER_S)
    assert presumed(burning, (), POLICY) is None
    assert presumed(notice(state="resolved", severity="info"), (), POLICY._replace(min_severity="warning")) is None


class Alertmanager:
    """Keeps alerts by their labels and ends, as the real one does."""

    def __init__(self) -> None:
        self.ends: dict[str, tuple[Labels, str]] = {}

    def take(self, alerts: list[Posted]) -> None:
        for posted in alerts:
            self.ends[json.dumps(posted.labels, sort_keys=True)] = (posted.labels, posted.ends_at)

    def firing(self, now: float) -> tuple[Labels, ...]:
        return tuple(labels for labels, ends in self.ends.values() if ends > rfc3339(now))


steps = st.lists(
    st.one_of(
        st.tuples(st.just("record"), st.sampled_from(SEVERITIES), st.booleans(), st.sampled_from(["T-1", None])),
        st.tuples(st.just("wait"), st.integers(1, 2000)),
        st.tuples(st.sampled_from(["sent", "lost", "unsure", "restart"])),
    ),
    max_size=30,
)


@given(steps, st.sampled_from(SEVERITIES))
def test_whatever_is_lost_or_restarted_the_next_delivery_leaves_just_the_newest_identity_firing(
    story: list[tuple[Any, ...]], minimum: Any
) -> None:
    policy, there = POLICY._replace(min_severity=minimum), Alertmanager()
    now, versions = NOW, itertools.count(2)
    told, held = notice(), None
    for step in [*story, ("wait", 1), ("sent",)]:
        if step[0] == "record":
            _, severity, open_, task = step
            told = notice(severity=severity, task=task, state="open" if open_ else "resolved", version=next(versions))
        elif step[0] == "wait":
            now += step[1]
        elif step[0] == "restart":
            held = presumed(told, there.firing(now), policy)
        else:
            due = decide(told, held, now, policy)
            if step[0] != "lost":
                there.take(compose(told, held, due, now, policy))
            if due is not Due.NOTHING:
                ends = step[0] == "sent"
                held = accepted(told, due, now) if ends else attempted(told, held, due)
    wanted = (told.labels,) if told.firing and policy.admits(told.severity) else ()
    assert there.firing(now) == wanted
