"""The sums of a report: bins over time, names, and what came of tasks; all bounded, and none loses a cent."""

import itertools
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.model.packed import CATEGORIES, MEDIUM, STRONG, WEAK
from detector.report.bins import WIDTHS_S, Bins
from detector.report.facts import Sums
from detector.report.ledger import Ledger, join, nothing, ranked
from detector.report.outcomes import Tasks

times = st.floats(9.5e8, 4.1e9) | st.integers(1_790_000_000, 1_790_000_900).map(float)
spent = st.lists(st.tuples(times, st.integers(0, 1000)), min_size=1, max_size=60)


def test_widths_can_be_joined_without_a_remainder() -> None:
    assert all(wide % narrow == 0 for narrow, wide in itertools.pairwise(WIDTHS_S))


@given(spent)
def test_bins_hold_every_dollar_where_it_was_spent_and_stay_few(told: list[tuple[float, int]]) -> None:
    bins = Bins(most=120)
    for t, usd in told:
        bins.add(t, usd, 1)
    by_place: defaultdict[int, int] = defaultdict(int)
    for t, usd in told:
        by_place[int(t // bins.width_s)] += usd
    assert len(bins) <= 120
    assert {bins.first + n: usd for n, usd in enumerate(bins.usd) if usd} == {
        n: usd for n, usd in by_place.items() if usd
    }
    assert sum(bins.calls) == len(told)


@given(spent)
def test_wider_bins_are_the_narrow_ones_joined(told: list[tuple[float, int]]) -> None:
    narrow, wide = Bins(400), Bins(400, WIDTHS_S[-1])
    for t, usd in told:
        narrow.add(t, usd, 1)
        wide.add(t, usd, 1)
    narrow.widen(WIDTHS_S[-1])
    assert narrow.within(wide.first, len(wide)) == list(wide.usd)


def test_bins_that_may_not_grow_wider_keep_the_newest() -> None:
    bins = Bins(most=4, widest_s=1)
    for t in (10, 11, 12, 13, 15, 9):
        bins.add(t, 1.0, 1)
    assert (bins.began_t, list(bins.usd)) == (12, [1.0, 1.0, 0.0, 1.0])
    bins.add(1_000, 2.0, 1)
    assert list(bins.usd)[-1] == 2.0
    assert sum(bins.usd) == 2.0


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 100)), min_size=1, max_size=200))
def test_of_more_names_than_are_held_the_sum_stays_the_same(told: list[tuple[int, int]]) -> None:
    ledger = Ledger(most=4)
    for name, usd in told:
        ledger.add(name, 1.79e9, Sums(1, usd, 1))
    all_of_it = join([*ledger.entries.values(), ledger.rest], nothing())
    assert len(ledger.entries) <= 9
    assert (all_of_it.usd, all_of_it.calls, all_of_it.unpriced) == (sum(usd for _, usd in told), len(told), len(told))
    assert sum(all_of_it.bins.usd) == all_of_it.usd


def test_names_are_ranked_by_dollars_then_calls() -> None:
    ledger = Ledger()
    for name, usd in (("a", 1.0), ("b", 5.0), ("c", 1.0), ("c", 0.0)):
        ledger.add(name, 0.0, Sums(1, usd))
    assert ranked(ledger.entries) == ["b", "c", "a"]


def came(tasks: Tasks) -> dict[str, tuple[int, float]]:
    return {c.outcome: (c.tasks, c.usd) for c in tasks.came() if c.tasks or c.usd}


def spend(tasks: Tasks, t: float, usd: float, subject: int = 1, task: str | None = "T") -> None:
    tasks.spend(subject, "default", task, t, Sums(1, usd))


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ([], {"stood": (1, 3.0)}),
        ([(150, WEAK, None)], {"stood": (1, 3.0)}),
        ([(50, STRONG, "completed")], {"stood": (1, 3.0)}),
        ([(150, MEDIUM, None)], {"moved": (1, 1.0), "stood": (0, 2.0)}),
        ([(150, STRONG, None), (250, STRONG, "completed")], {"completed": (1, 3.0)}),
        ([(150, STRONG, None), (250, STRONG, "planned")], {"moved": (0, 1.0), "dropped": (1, 2.0)}),
        ([(250, STRONG, "not_planned")], {"dropped": (1, 3.0)}),
        ([(150, STRONG, "completed"), (250, STRONG, "started")], {"moved": (1, 3.0)}),
        ([(150, STRONG, "completed"), (250, MEDIUM, None)], {"completed": (1, 3.0)}),
    ],
)
def test_dollars_go_by_what_came_after_them(
    statuses: list[tuple[int, int, str | None]], expected: dict[str, tuple[int, float]]
) -> None:
    tasks = Tasks(max_links=10)
    events = sorted([*((t, strength, category, 0.0) for t, strength, category in statuses), (100, 0, None, 1.0),
                     (200, 0, None, 2.0)], key=lambda e: e[0])  # fmt: skip
    for t, strength, category, usd in events:
        if usd:
            spend(tasks, t, usd)
        else:
            tasks.move(1, t, strength, CATEGORIES[category])
    assert came(tasks) == expected


def test_a_minute_that_is_told_after_the_status_that_followed_it_counts_before_it() -> None:
    tasks = Tasks(max_links=10)
    tasks.move(1, 150.0, STRONG, CATEGORIES["completed"])
    spend(tasks, 100.0, 4.0)
    assert came(tasks) == {"completed": (1, 4.0)}


def test_what_a_run_spent_goes_to_the_task_that_it_is_linked_to_before_and_after() -> None:
    tasks = Tasks(max_links=10)
    spend(tasks, 100.0, 1.0, subject=7, task=None)
    tasks.link(7, 1, "T")
    spend(tasks, 200.0, 2.0, subject=7, task=None)
    spend(tasks, 200.0, 4.0, subject=8, task=None)
    assert came(tasks) == {"stood": (1, 3.0), "no_task": (0, 4.0)}


def test_of_more_tasks_than_are_held_the_cheaper_half_is_settled_as_it_stands() -> None:
    tasks = Tasks(max_links=10, most=3)
    for n in range(20):
        spend(tasks, 100.0 + n, float(n), subject=n, task=f"T{n}")
        tasks.move(n, 300.0, STRONG, CATEGORIES["completed"])
    assert len(tasks.spent) <= 6
    assert came(tasks) == {"completed": (20, sum(range(20)))}
    assert tasks.rest.names + len(tasks.spent) == 20
