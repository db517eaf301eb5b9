"""The simulated fleet: the same for the same seed, valid events in order, and as stated about each agent."""

import json
from collections import Counter, defaultdict
from itertools import pairwise
from statistics import median

import msgspec
import pytest

from detector.demo import cast
from detector.demo.desk import HOUR_S, Sent
from detector.demo.run import HISTORY_STEP_S
from detector.errors import BadInput
from detector.sources import native
from tests.unit.demo_events import PLANTED, PRESENT, TIMES, of, told, week

FIXER, ANALYST, SPENDER = PLANTED
USUAL_SPENDERS = [who.name for who, _ in cast.INNOCENT]


def dollars_by_hour(events: list[Sent]) -> dict[int, float]:
    hours: dict[int, float] = defaultdict(float)
    for sent in events:
        hours[int((sent.time - TIMES.live) // HOUR_S)] += sent.cost_usd
    return {hour: usd for hour, usd in hours.items() if usd}


def usual(events: list[Sent]) -> float:
    past = [usd for hour, usd in dollars_by_hour(events).items() if hour < 0]
    return sum(past) / len(past)


def calls(events: list[Sent], begins: float, ends: float) -> list[dict]:
    return [s.event for s in events if begins <= s.time < ends and s.event["type"] == "call"]


def strong(events: list[Sent], begins: float, ends: float) -> int:
    return sum(begins <= s.time < ends and s.event.get("strength") == "strong" for s in events)


def test_same_seed_tells_the_same_and_another_seed_something_else():
    until = TIMES.history + 24 * HOUR_S
    assert told(3, until) == told(3, until)
    assert told(3, until) != told(4, until)


def test_time_never_runs_backwards():
    times = [sent.time for sent in week()]
    assert times == sorted(times)
    assert times[0] >= TIMES.history


def test_every_event_is_one_that_the_detector_accepts():
    for sent in week():
        (event,) = native.decode(json.dumps(sent.event).encode(), sent.topic)
        assert not isinstance(event, BadInput), (event, sent)
        assert event.task == sent.key


def test_ids_are_unique():
    ids = Counter(sent.event["id"] for sent in week())
    assert max(ids.values()) == 1


def test_history_tells_counts_and_the_live_part_texts_and_tools():
    for sent in week():
        if sent.time < TIMES.live - HOUR_S:
            assert not {"output", "tools"} & sent.event.keys()
    live = [s.event for s in week() if s.time > TIMES.live and s.event["type"] == "call"]
    assert all("text" in event["output"] for event in live)
    assert sum("tools" in event for event in live) / len(live) > 0.8


def test_history_is_small_enough_for_a_broker_that_keeps_five_megabytes_a_partition():
    steps: Counter[int] = Counter()
    for sent in week():
        if sent.time < TIMES.live:
            steps[int(sent.time // HISTORY_STEP_S)] += len(msgspec.json.encode(sent.event))
    assert max(steps.values()) < 4_000_000  # over all partitions of a step, which ingest reads before the next


def test_a_tool_result_follows_its_call_and_names_it():
    open_calls: dict[str, str] = {}
    for sent in week():
        for tool in sent.event.get("tools", []):
            if "result" not in tool:
                open_calls[tool["call_id"]] = sent.event["run"]
        if sent.event["type"] == "tool_result":
            assert open_calls.pop(sent.event["call_id"]) == sent.event["run"]
    assert len(open_calls) <= 4  # told after the last event that was looked at


def test_everybody_works_shifts_and_has_a_week_of_active_hours():
    for who, _ in cast.INNOCENT:
        hours = [hour for hour in dollars_by_hour(of(who.name)) if hour < 0]
        assert 40 <= len(hours) <= 80, who.name
        assert any(hour >= 0 for hour in dollars_by_hour(of(who.name)))


@pytest.mark.parametrize("name", USUAL_SPENDERS)
def test_the_innocent_spend_as_usual(name: str):
    hours = dollars_by_hour(of(name))
    assert max(hours.values()) < 5 * usual(of(name))
    assert max(hours.values()) < 4.0


def test_token_counts_and_gaps_follow_the_stated_distributions():
    events = [s for s in of("checkout-dev-1") if s.event["type"] == "call"]
    outputs = [s.event["usage"]["output_tokens"] for s in events]
    assert median(outputs) == pytest.approx(cast.CODER.output.median, rel=0.1)
    gaps = [b.time - a.time for a, b in pairwise(events) if b.time - a.time < HOUR_S]
    assert median(gaps) == pytest.approx(cast.CODER.gap.median, rel=0.15)
    assert all(s.event["usage"]["cached_input_tokens"] <= s.event["usage"]["input_tokens"] for s in events)


def test_the_fixer_repeats_one_action_with_one_error_and_rewords_its_thought():
    stuck = calls(of(FIXER.agent), FIXER.begins, FIXER.ends)[1:]
    assert len(stuck) > 30
    actions = {json.dumps([[t["name"], t["arguments"], t["result"], t["error"]] for t in e["tools"]]) for e in stuck}
    assert len(actions) == 1
    assert len({e["output"]["text"] for e in stuck}) == len(stuck)
    assert len({e["run"] for e in stuck}) == 1
    assert strong(of(FIXER.agent), FIXER.begins, FIXER.ends) == 0


def test_the_analyst_changes_a_tenth_of_its_words_and_nobody_asks():
    stuck = calls(of(ANALYST.agent), ANALYST.begins, ANALYST.ends)
    assert len(stuck) > 30
    texts = [event["output"]["text"].split(" ") for event in stuck]
    for before, after in pairwise(texts):
        assert 290 <= len(after) <= 330
        assert 0.08 <= sum(a != b for a, b in zip(before, after, strict=True)) / len(after) <= 0.1 + 0.01
    assert len({(event["run"], event["turn"]) for event in stuck}) == 1
    assert all("tools" not in event for event in stuck)


@pytest.mark.parametrize("planted", [FIXER, ANALYST], ids=lambda p: p.agent)
def test_a_loop_burns_enough_for_a_page_and_too_little_for_a_spike(planted):
    events = of(planted.agent)
    burnt = sum(s.cost_usd for s in events if planted.begins <= s.time < planted.ends)
    assert burnt / (planted.ends - planted.begins) * HOUR_S > 10.0
    assert burnt < 20.0


def test_the_spender_spends_tenfold_for_an_hour_and_its_task_stands_still():
    events = of(SPENDER.agent)
    burnt = sum(s.cost_usd for s in events if SPENDER.begins <= s.time < SPENDER.ends)
    assert SPENDER.ends - SPENDER.begins == HOUR_S
    assert 8 < burnt / usual(events) < 13
    assert burnt - usual(events) > 26  # 1.3 times the rule's floor
    assert strong(events, SPENDER.begins - HOUR_S, SPENDER.ends) == 0  # then somebody stops it
    assert len([hour for hour in dollars_by_hour(events) if hour < 0]) >= 20
    assert len({e["tools"][0]["arguments"]["path"] for e in calls(events, SPENDER.begins, SPENDER.ends)}) > 90


def test_the_shipper_spends_as_much_and_merges_all_the_while():
    events = of(cast.SHIPPER.name)
    burnt = sum(s.cost_usd for s in events if SPENDER.begins <= s.time < SPENDER.ends)
    assert burnt > 8 * usual(events)
    assert burnt - usual(events) > 20
    for quarter in range(4):
        begins = SPENDER.begins + quarter * HOUR_S / 4
        assert strong(events, begins, begins + HOUR_S / 4) >= 1


def test_the_runaways_are_stopped_by_a_person_and_work_on_as_usual():
    for planted in PLANTED:
        assert strong(of(planted.agent), planted.ends, planted.ends + 10) == 1
        later = [s for s in of(planted.agent) if planted.ends + 600 < s.time < PRESENT]
        assert later
        assert sum(s.cost_usd for s in later) / (PRESENT - planted.ends - 600) * HOUR_S < 8


def test_people_are_few_and_belong_to_their_team():
    for sent in week():
        if sent.event["type"] == "call":
            assert sent.event["user"] in cast.PEOPLE[sent.team]
