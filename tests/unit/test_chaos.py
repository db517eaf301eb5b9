"""What `make chaos` says of a run, and that a seed is the whole description of one."""

from typing import Any

from detector.config import Config
from detector.demo.desk import HOUR_S
from detector.model.alert import Alert
from tests.chaos import schedule, stream
from tests.chaos.verdict import final, judge, told_twice
from tests.unit.alert_records import alert

CONFIG = Config()


def of(*alerts: Alert) -> dict[str, Alert]:
    return final(alerts)


def ended(id: str, opened_at: float = 1000.0, **fields: Any) -> Alert:
    return alert(id=id, opened_at=opened_at, resolved_at=opened_at + 600.0, state="resolved", **fields)


def test_the_same_alerts_pass_whatever_their_order_and_repeats() -> None:
    first, last = alert(id="a", version=1), ended("a", version=3)
    verdict = judge(of(first, last), of(last, first, last))
    assert verdict.passed
    assert (verdict.expected, verdict.got) == (1, 1)


def test_an_alert_that_did_not_come_is_lost() -> None:
    assert judge(of(ended("a"), ended("b")), of(ended("a"))).lost == ["b"]


def test_a_second_id_for_one_episode_is_doubled() -> None:
    verdict = judge(of(ended("a")), of(ended("a"), ended("b", opened_at=1300.0)))
    assert (verdict.lost, verdict.doubled, verdict.wrong) == ([], ["b"], [])


def test_an_episode_that_nobody_expects_is_wrong() -> None:
    verdict = judge(of(ended("a")), of(ended("a"), ended("b", opened_at=9000.0)))
    assert (verdict.doubled, [each.id for each in verdict.wrong]) == ([], ["b"])


def test_another_figure_is_wrong_and_named() -> None:
    [wrong] = judge(of(ended("a", cost_usd=2.0)), of(ended("a", cost_usd=2.5))).wrong
    assert (wrong.id, wrong.fields) == ("a", [("cost_usd", 2.0, 2.5)])
    assert judge(of(ended("a", cost_usd=2.0)), of(ended("a", cost_usd=2.0 + 1e-12))).passed
    assert not judge(of(ended("a", evidence={"n": [1, 2]})), of(ended("a", evidence={"n": [1, 3]}))).passed


def test_what_comes_about_twice_was_told_twice() -> None:
    fires, ends = ("a", "critical", "firing"), ("a", "critical", "resolved")
    assert told_twice([fires, fires, ends, ends]) == {}  # a notification names all of its group
    assert told_twice([fires, ends, fires]) == {fires: 2}
    assert told_twice([("a", "warning", "firing"), fires, ("a", "warning", "resolved"), ends]) == {}


def test_a_seed_gives_one_schedule_with_everything_in_it() -> None:
    steps = schedule.schedule(7, 24, 3)
    assert steps == schedule.schedule(7, 24, 3) != schedule.schedule(8, 24, 3)
    assert {step.kind for step in steps} == set(schedule.WEIGHTS)
    assert all(step.then_kill != step.slot for step in steps)
    assert all(step.lasts_s >= schedule.FREEZE_S for step in steps if step.kind == "freeze")


def test_the_short_schedule_has_three_kills_and_an_outage() -> None:
    steps = schedule.short(1, 3)
    assert schedule.kills(steps) == 3
    assert [step.kind for step in steps].count("broker") == 1


def test_a_seed_gives_one_stream_with_disorder_and_repeats() -> None:
    span = stream.Span.of(1_790_000_000.0, HOUR_S)
    sent = stream.make(span, 3, fleet=8)
    assert sent == stream.make(span, 3, fleet=8) != stream.make(span, 4, fleet=8)
    assert [each.t for each in sent] == sorted(each.t for each in sent)
    assert len({each.value for each in sent}) < len(sent)
    assert span.begins <= sent[0].t < span.lives < sent[-1].t < span.ends
