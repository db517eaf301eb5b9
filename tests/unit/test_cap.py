"""Which critical alerts page: the first of a tenant and day, decided once, the same after every start."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.alerts.alertmanager import Notice, notice_of
from detector.alerts.cap import DAY_S, Cap, TenantDay, critical_since
from detector.model.alert import Mark
from tests.unit.alert_records import OPENED_S, alert

MIDNIGHT = OPENED_S // DAY_S * DAY_S
TODAY = TenantDay("acme", int(MIDNIGHT))


def critical(id: str, at: float = 0.0, **fields: Any) -> Notice:
    """An episode that became critical `at` seconds after midnight."""
    t = MIDNIGHT + at
    told = alert(**{"id": id, "opened_at": t, "updated_at": t, "group": id, **fields})
    return notice_of(told, t + 1)._replace(critical_s=critical_since(told))


def decided(cap: Cap, *notices: Notice, shown: tuple[str, ...] = ()) -> dict[str, bool]:
    for notice in notices:
        cap.see(notice)
    return {each.id: each.page for each in cap.assign(shown)}


def many(count: int, **fields: Any) -> list[Notice]:
    return [critical(f"e{n}", 60.0 * n, **fields) for n in range(count)]


def test_the_first_of_a_day_page_and_those_after_them_are_held_back() -> None:
    cap = Cap(5)
    assert decided(cap, *many(7)) == {f"e{n}": n < 5 for n in range(7)}
    assert [cap.holds(f"e{n}") for n in range(4, 7)] == [None, TODAY, TODAY]


def test_of_what_is_known_at_once_the_earlier_come_first_whatever_their_order_in_the_topic() -> None:
    notices = many(7)
    random.Random(1).shuffle(notices)
    assert {id for id, page in decided(Cap(5), *notices).items() if page} == {"e0", "e1", "e2", "e3", "e4"}


def test_at_the_same_time_the_id_decides() -> None:
    assert decided(Cap(1), critical("b"), critical("a")) == {"a": True, "b": False}


def test_what_has_paged_goes_on_to_though_an_earlier_one_comes_late() -> None:
    cap = Cap(1)
    assert decided(cap, critical("first", 60.0)) == {"first": True}
    assert decided(cap, critical("late", 0.0), critical("first", 60.0)) == {"late": False}
    assert cap.holds("first") is None


def test_after_a_start_what_an_alertmanager_shows_as_paging_pages_on() -> None:
    cap = Cap(1)
    assert decided(cap, critical("late", 0.0), critical("first", 60.0), shown=("first",)) == {
        "first": True,
        "late": False,
    }


def test_more_than_the_cap_page_where_they_did_before_it_was_lowered() -> None:
    assert decided(Cap(1), *many(3), shown=("e0", "e1", "e2")) == {"e0": True, "e1": True, "e2": True}


def test_an_ended_page_frees_no_place() -> None:
    cap = Cap(1)
    decided(cap, critical("e0"))
    assert decided(cap, critical("e0", state="resolved", version=2), critical("e1", 60.0)) == {"e1": False}


def test_one_page_stands_for_a_group_while_it_burns() -> None:
    cap = Cap(2)
    runs = [critical(f"run{n}", float(n), group="one prompt") for n in range(400)]
    assert all(decided(cap, *runs, critical("other", 500.0)).values())
    assert decided(cap, critical("third", 600.0)) == {"third": False}
    assert decided(cap, critical("run400", 700.0, group="one prompt")) == {"run400": True}


SPIKE: dict[str, Any] = {"rule": "spend_spike", "level": "task", "run": None}


@pytest.mark.parametrize(
    ("first", "second", "is_part"),
    [
        ({"task": "T"}, {**SPIKE, "task": "T"}, True),
        ({"task": "T"}, {"rule": "spend_spike", "task": "T"}, True),  # of a run of it
        ({"task": "T"}, {**SPIKE, "task": "U"}, False),
        ({"task": "T"}, {**SPIKE, "task": "T", "tenant": "other"}, False),
        ({"task": None}, {**SPIKE, "task": None}, False),
        ({"task": "T"}, {"task": "T"}, False),  # two loops of a task are two
        ({**SPIKE, "task": "T"}, {"task": "T"}, False),  # the spike has paged already
        ({**SPIKE, "task": "T"}, {**SPIKE, "task": "T"}, False),
        ({"task": "T", "state": "resolved", "resolved_at": MIDNIGHT + 30.0}, {**SPIKE, "task": "T"}, False),
    ],
)
def test_the_spike_of_a_task_whose_loop_pages_and_burns_takes_no_place(
    first: dict[str, Any], second: dict[str, Any], is_part: bool
) -> None:
    """The loop silences it, so nobody is paged for it: five runaway tasks are five pages, not three."""
    told = [critical("first", 0.0, **first), critical("second", 60.0, **second)]
    for order in (told, told[::-1]):
        cap = Cap(5)
        for notice in order:
            cap.see(notice)
        assert [(given.id, given.page, given.further) for given in cap.assign()] == [
            ("first", True, True),
            ("second", True, not is_part),
        ]


def test_a_group_that_was_over_takes_another_place_as_it_comes_again() -> None:
    cap, over = Cap(2), {"state": "resolved", "resolved_at": MIDNIGHT + 50.0, "version": 2, "group": "g"}
    assert decided(cap, critical("a", 0.0, group="g")) == {"a": True}
    cap.see(critical("a", 0.0, **over))
    assert decided(cap, critical("b", 60.0, group="g"), critical("c", 70.0)) == {"b": True, "c": False}
    again = Cap(2)
    assert decided(again, critical("c", 70.0), critical("b", 60.0, group="g"), critical("a", 0.0, **over)) == {
        "a": True,
        "b": True,
        "c": False,
    }


def test_a_page_that_burns_over_midnight_stands_for_its_group_the_next_day_too() -> None:
    runs = [critical(f"run{n}", DAY_S - 60.0 + 30.0 * n, group="one prompt") for n in range(5)]
    running, started = Cap(1), Cap(1)
    for cap in (running, started):
        told = runs if cap is running else runs[::-1]
        assert all(decided(cap, *told).values())
        assert decided(cap, critical("other", DAY_S + 500.0)) == {"other": True}
        assert decided(cap, critical("third", DAY_S + 600.0)) == {"third": False}


def test_a_group_is_forgotten_once_all_days_on_which_it_paged_are() -> None:
    cap = Cap(1)
    over: dict[str, Any] = {"state": "resolved", "resolved_at": MIDNIGHT + DAY_S + 50.0, "group": "g"}
    decided(cap, critical("a", 0.0, **over), critical("b", DAY_S, **over))
    cap.forget_before(MIDNIGHT + 2 * DAY_S + 1)
    assert decided(cap, critical("b", DAY_S, version=2, **over), critical("c", DAY_S + 9, group="g")) == {"c": True}
    cap.see(critical("c", DAY_S + 9, version=2, **over))
    cap.forget_before(MIDNIGHT + 3 * DAY_S + 1)
    assert not cap._pages


def test_a_page_that_is_told_with_another_group_stays_one_of_the_group_in_which_it_was_decided() -> None:
    cap = Cap(1)
    decided(cap, critical("a", group="g"))
    assert decided(cap, critical("a", group="other", version=2), critical("b", 60.0, group="g")) == {"b": True}
    over: dict[str, Any] = {"state": "resolved", "resolved_at": MIDNIGHT + 50.0, "version": 3}
    assert decided(cap, critical("a", group="other", **over), critical("c", 70.0, group="other")) == {"c": False}


@pytest.mark.parametrize("state", ["update", "resolved"])
def test_what_was_critical_and_is_told_as_milder_burns_no_more_among_what_is_held_back(state: str) -> None:
    cap = Cap(1)
    decided(cap, *many(3))
    cap.touched()
    assert decided(cap, critical("e1", 60.0, severity="warning", state=state, version=2)) == {}
    assert [standing.burning for standing in cap.touched().values()] == [["e2"]]
    assert decided(Cap(1), critical("a"), critical("a", severity="warning", version=2)) == {"a": True}


def test_a_day_is_forgotten_though_what_was_critical_ended_as_something_milder() -> None:
    cap = Cap(1)
    decided(cap, *many(2))
    for notice in many(2, severity="warning", state="resolved", version=2):
        cap.see(notice)
    cap.forget_before(MIDNIGHT + 3 * DAY_S)
    assert cap.holds("e1") is None


def test_each_tenant_and_each_day_has_its_own() -> None:
    cap = Cap(1)
    notices = [critical("a"), critical("b", tenant="other"), critical("c", DAY_S), critical("d", DAY_S - 1.0)]
    assert decided(cap, *notices) == {"a": True, "b": True, "c": True, "d": False}


def test_what_is_held_back_stays_so_the_next_day() -> None:
    cap = Cap(1)
    decided(cap, critical("a"), critical("b", 60.0))
    again = critical("b", 60.0, version=2)._replace(changed_s=MIDNIGHT + DAY_S + 60.0)
    assert decided(cap, again) == {}
    assert cap.holds("b") == TODAY


def test_without_a_cap_all_page() -> None:
    assert all(decided(Cap(0), *many(50)).values())


def test_what_never_was_critical_takes_no_place() -> None:
    cap = Cap(1)
    assert decided(cap, critical("w", severity="warning"), critical("c", 60.0)) == {"c": True}


@pytest.mark.parametrize(
    ("fields", "since"),
    [
        ({"severity": "warning"}, None),
        ({}, OPENED_S),
        (
            {"history": [Mark(OPENED_S, "open", "info", 1.0), Mark(OPENED_S + 9, "update", "critical", 2.0)]},
            OPENED_S + 9,
        ),
        ({"history": [Mark(OPENED_S, "open", "info", 1.0)]}, OPENED_S),
        ({"opened_at": 1e300}, 253_402_300_799.0),
        ({"opened_at": -5.0}, 0.0),
    ],
)
def test_when_an_episode_became_critical(fields: dict[str, Any], since: float | None) -> None:
    assert critical_since(alert(**fields)) == since


def test_what_stands_of_a_day_is_told_once_and_anew_when_something_changes() -> None:
    cap = Cap(1)
    decided(cap, *many(3))
    [(day, standing)] = cap.touched().items()
    assert (day, standing.burning, standing.pages) == (TODAY, ["e1", "e2"], 1)
    assert standing.since_s == MIDNIGHT + 60
    assert cap.touched() == {}
    cap.see(critical("e0", state="resolved", version=2))
    assert cap.touched() == {}  # a page is no part of it
    cap.see(critical("e1", 60.0, state="resolved", version=2))
    assert [standing.burning for standing in cap.touched().values()] == [["e2"]]
    assert cap.held_now() == {"acme": 1}


def test_days_are_forgotten_once_they_are_long_over_and_nothing_of_them_burns() -> None:
    cap = Cap(1)
    decided(cap, *many(2))
    cap.forget_before(MIDNIGHT + 3 * DAY_S)
    assert cap.holds("e1") == TODAY
    for notice in many(2, state="resolved", version=2):
        cap.see(notice)
    cap.forget_before(MIDNIGHT + 3 * DAY_S)
    assert cap.holds("e1") is None
    assert cap.touched() == {}
    assert cap.held_now() == {}


stories = st.lists(st.tuples(st.integers(0, 2 * DAY_S), st.sampled_from(["acme", "other"])), max_size=25)


@given(stories, st.integers(0, 4), st.integers(0, 25), st.randoms(use_true_random=False))
def test_a_start_decides_as_a_worker_that_saw_each_in_its_turn(
    story: list[tuple[int, str]], pages: int, known: int, chance: random.Random
) -> None:
    notices = [critical(f"e{n:02}", float(at), tenant=tenant) for n, (at, tenant) in enumerate(sorted(story))]
    running, one_by_one = Cap(pages), dict[str, bool]()
    for notice in notices:
        one_by_one |= decided(running, notice)
    before, after = notices[:known], notices[known:]
    chance.shuffle(before)
    started = Cap(pages)
    assert decided(started, *before) | {k: v for n in after for k, v in decided(started, n).items()} == one_by_one
    by_day: dict[tuple[str, int], int] = {}
    for notice in notices:
        assert notice.critical_s is not None
        day = (notice.labels["tenant"], int(notice.critical_s // DAY_S))
        by_day[day] = by_day.get(day, 0) + one_by_one[notice.id]
    assert not pages or all(count <= pages for count in by_day.values())


kinds = st.tuples(
    st.integers(0, 2 * DAY_S),
    st.sampled_from(["loop", "spend_spike"]),
    st.sampled_from(["T", "U", None]),
    st.sampled_from([0, 50, DAY_S]),  # after how long it was over, 0: it burns
)


@given(st.lists(kinds, max_size=25), st.integers(1, 4), st.randoms(use_true_random=False))
def test_a_start_decides_so_too_where_spikes_are_part_of_the_pages_of_loops(
    story: list[tuple[int, str, str | None, int]], pages: int, chance: random.Random
) -> None:
    ended = {"state": "resolved", "version": 2}
    notices = []
    for n, (at, rule, task, lasted) in enumerate(sorted(story, key=lambda told: told[0])):
        over = ended | {"resolved_at": MIDNIGHT + at + lasted} if lasted else {}
        notices.append(critical(f"e{n:02}", float(at), rule=rule, task=task, **over))
    running = Cap(pages)
    one_by_one = {id: page for notice in notices for id, page in decided(running, notice).items()}
    chance.shuffle(notices)
    assert decided(Cap(pages), *notices) == one_by_one
