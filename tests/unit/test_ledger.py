"""What portfolio keeps of a month says the same as an audit of the events, however it came and whatever died."""

import random
from collections.abc import Iterable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.audit.accounting import Audit
from detector.audit.figures import Figures
from detector.audit.of_books import BooksSource
from detector.audit.window import Window
from detector.config import Config
from detector.engine import ALONE, Spread
from detector.ledger.books import DAY_H, HOURLY_DAYS
from detector.ledger.folding import make_room
from detector.ledger.rows import CELL, PURSE
from detector.model.rollup import decode_rollup
from detector.portfolio import Portfolio
from tests.support.fleets import spiking_fleet
from tests.support.judged import T0, Event, in_order
from tests.support.plain_audit import audit_of, compared, plain_audit
from tests.support.prose import words
from tests.support.spread import Told, before_the_end, portfolio_of, rollups
from tests.support.stored import Parts, whole, written
from tests.support.stored import whole as whole_of
from tests.support.worked import calls, completed, merged, month, spent, statuses

HOUR, DAY = 3600.0, 86_400.0
CONFIG = Config()


def figures(portfolio: Portfolio, ended_t: float, days: float = 30.0, team: str | None = None) -> Figures:
    return Audit(BooksSource(portfolio.books), Window(ended_t - days * DAY, ended_t), team).figures()


def kept(events: Sequence[Event], spread: Spread = ALONE, config: Config = CONFIG) -> Portfolio:
    """A portfolio that has taken these events; time has not run on."""
    return portfolio_of(before_the_end(rollups(events, config, spread)))[0]


def ledger_of(events: Sequence[Event], team: str | None = None) -> Figures:
    return figures(kept(events), max(e["time"] for e in events), team=team)


@given(st.lists(calls, min_size=1, max_size=25), st.lists(statuses, max_size=12), st.sampled_from([30, 1, 2]))
@settings(deadline=None, max_examples=40)
def test_it_equals_a_plain_recomputation(calls: list[Event], statuses: list[Event], days: int) -> None:
    calls = [{**c, "run": f"{c['task']}-{c['run']}"} for c in calls]  # a run of several tasks counts for each
    events = in_order([*calls, *statuses])
    ended_t = events[-1]["time"]
    began_t = (ended_t // HOUR - 24 * days) * HOUR - 1e-6  # a window of whole hours
    days_back = (ended_t - began_t) / DAY
    # A run that is silent for so long that watch forgets it counts anew.
    config = CONFIG.model_copy(update={"time": CONFIG.time.model_copy(update={"idle_s": 5 * DAY})})
    assert compared(figures(kept(events, config=config), ended_t, days_back)) == plain_audit(events, days_back)


@pytest.mark.parametrize("spread", [Spread(4, 1), Spread(3, 1)])
def test_it_does_not_depend_on_how_many_partitions_watch_has(spread: Spread) -> None:
    events = month(3)
    assert compared(figures(kept(events, spread), events[-1]["time"])) == plain_audit(events)


def restarted(told: Iterable[Told], dice: random.Random) -> Portfolio:
    """A portfolio that was checkpointed and lost again and again; what no checkpoint held came once more."""
    came = list(told)
    portfolio, stored, held = Portfolio(CONFIG), Parts(), -1
    n = 0
    while n < len(came):
        portfolio.process(came[n].value, n)
        if dice.random() < 0.05:
            stored, held = written(portfolio, stored), n
        if held >= 0 and dice.random() < 0.03:
            portfolio, n = Portfolio.restore(CONFIG, 0, held, stored), held
        n += 1
    return portfolio


@pytest.mark.parametrize("seed", range(3))
def test_kills_change_no_figure(seed: int) -> None:
    events = month(seed)
    told = before_the_end(rollups(events))
    survivor = figures(restarted(told, random.Random(seed)), events[-1]["time"])
    assert survivor == figures(portfolio_of(told)[0], events[-1]["time"])
    assert compared(survivor) == plain_audit(events) == compared(audit_of(events))


def test_a_restored_ledger_has_the_same_bytes_and_finds_its_rows_again() -> None:
    told = before_the_end(rollups(month(5)))
    portfolio, _ = portfolio_of(told[: len(told) // 2])
    restored = Portfolio.restore(CONFIG, 0, len(told) // 2 - 1, whole(portfolio))
    assert whole(restored) == whole(portfolio)
    for n, t in enumerate(told[len(told) // 2 :], len(told) // 2):
        for one in (portfolio, restored):
            one.process(t.value, n)
    assert whole(restored) == whole(portfolio)


def test_events_that_come_again_or_out_of_order_change_no_figure() -> None:
    events, dice = month(6), random.Random(6)
    arrivals = [(e["time"] + dice.uniform(0, 9), n, e) for n, e in enumerate(events)]
    arrivals += [(e["time"] + dice.uniform(0, HOUR), n, e) for n, e in enumerate(events)]
    told = [e for _, _, e in sorted(arrivals, key=lambda a: a[:2])]
    assert compared(figures(kept(told), events[-1]["time"])) == plain_audit(events)


def test_hours_of_old_days_become_one_sum_and_no_figure_of_whole_days_changes() -> None:
    events = [e for e in month(7) if e["time"] < T0 + 15 * DAY]
    portfolio, _ = portfolio_of(rollups(events))  # and then 20 days pass
    cells = portfolio.books.cells.live()
    assert (cells["hour"] % DAY_H == 0).all()
    assert len(cells) < len(kept(events).books.cells)
    assert compared(figures(portfolio, events[-1]["time"])) == plain_audit(events)


def test_of_the_newest_days_hours_are_kept_and_of_older_ones_days() -> None:
    events = [spent(n * 6 * HOUR) for n in range(4 * 14)]
    books = kept(events).books
    today, hours = books.common.hour // DAY_H, books.cells.live()["hour"]
    old = hours // DAY_H < today - HOURLY_DAYS
    assert (hours[old] % DAY_H == 0).all()
    assert len(set((hours[old] // DAY_H).tolist())) == old.sum()
    assert np.diff(np.sort(hours[~old])).tolist() == [6] * (len(hours[~old]) - 1)


def test_after_100_days_nothing_is_left() -> None:
    events = [spent(0), merged(60, "d1"), completed(120), spent(200, run="r9", task=None)]
    told = [*rollups(events), *rollups([spent(120 * DAY, task="T-2")])]
    books = portfolio_of(told)[0].books
    assert (len(books.cells), len(books.outcomes.records)) == (1, 0)


def test_rows_are_as_small_as_it_is_said() -> None:
    assert max(CELL.itemsize, PURSE.itemsize) <= 64


def test_sums_that_are_too_large_for_a_row_go_on_in_another() -> None:
    tokens = {"input_tokens": 100_000_000, "output_tokens": 1}
    books = kept([spent(10.0 * n, 0.05, usage=tokens) for n in range(100)]).books
    cells = books.cells.live()
    assert (int(cells["input"].astype(np.int64).sum()), int(cells["calls"].sum())) == (10_000_000_000, 100)
    assert float(cells["usd"].sum()) == pytest.approx(5.0)


def test_dollars_that_nobody_bills_are_kept_apart() -> None:
    told = ledger_of([spent(0, 3.0), spent(1, 5.0, cost_basis="notional"), completed(2)])
    assert (told.spend_usd, told.notional_usd, told.calls) == (3.0, 5.0, 2)


def test_what_shipped_without_ai_is_a_number_apart() -> None:
    told = ledger_of([spent(0), completed(10), completed(20, "T-9"), merged(30, "d7", "T-8")])
    assert (told.tasks_completed, told.without_ai) == (1, 2)


LINK = {"type": "link", "id": "l-1", "run": "r1", "task": "T-1"}


@pytest.mark.parametrize("linked_at", [10.0, 100.0, 3 * HOUR, 26 * HOUR])
def test_a_link_gives_a_task_what_its_run_has_spent(linked_at: float) -> None:
    events = [spent(60.0 * n, 1.0, None, run="r1") for n in range(9)] + [completed(40 * HOUR)]
    told = ledger_of(in_order([*events, {**LINK, "time": T0 + linked_at}]))
    assert (told.no_task_usd, told.tasks_completed, told.direct_cost_per_outcome_usd) == (0.0, 1, 9.0)
    assert (told.useful_run_share, told.tasks) == (1.0, 1)


def test_a_status_of_a_run_is_its_tasks_once_a_link_says_so() -> None:
    done = {**completed(700), "task": None, "run": "r1"}
    events = [spent(0, 2.0, None, run="r1"), done, spent(900, 3.0, None, run="r1"), {**LINK, "time": T0 + 1800.0}]
    for told in (ledger_of(events), audit_of(events)):
        assert (told.tasks_completed, told.direct_cost_per_outcome_usd) == (1, 2.0)


def test_a_late_status_corrects_the_past_and_it_is_said_so() -> None:
    # Sent two days after it happened: a tracker that was down.
    events = [spent(0, 2.0), spent(30 * HOUR, 3.0), spent(50 * HOUR, 4.0)]
    late = completed(40 * HOUR)
    others = [spent(90 * HOUR + 600.0 * n, 1.0, "T-2") for n in range(4)]
    portfolio = kept([*events, *others[:2], late, *others[2:]])
    told = figures(portfolio, T0 + 91 * HOUR)
    assert (told.tasks_completed, told.direct_cost_per_outcome_usd) == (1, 5.0)
    (correction,) = portfolio.books.common.corrections
    assert (correction.kind, correction.day, correction.count) == ("status", int((T0 + 40 * HOUR) // DAY), 1)


def test_a_late_link_corrects_the_days_that_it_changes() -> None:
    events = [spent(0, 2.0, None, run="r1"), spent(60 * HOUR, 1.0), {**LINK, "time": T0 + 60 * HOUR + 60}]
    (correction,) = kept([*events, spent(61 * HOUR)]).books.common.corrections
    assert (correction.kind, correction.usd) == ("link", 2.0)


def test_a_run_that_goes_on_for_days_is_counted_once_in_any_window() -> None:
    events = [spent(n * DAY + 60.0, run="r1") for n in range(5)] + [spent(4 * DAY + 90, task="T-2", run="r2")]
    ended_t, portfolio = events[-1]["time"], kept(events)
    for hours in (3, 24, 30, 100, 200):
        began_t = (ended_t // HOUR + 1 - hours) * HOUR - 1e-6
        told = figures(portfolio, ended_t, (ended_t - began_t) / DAY)
        assert {s.task: s.runs for s in told.shipped_nothing} == {"T-1": 1, "T-2": 1}


def test_dollars_of_a_loop_are_flagged_each_once() -> None:
    loop = [spent(30.0 * n, 0.5, output={"text": "the very same answer"}) for n in range(40)]
    told, of_calls = ledger_of([*loop, spent(9000.0, 1.0, "T-2")]), audit_of([*loop, spent(9000.0, 1.0, "T-2")])
    assert told.flagged_usd == of_calls.flagged_usd == 20.0
    assert told.went == of_calls.went


def test_dollars_of_spikes_are_flagged_to_the_cent_also_after_kills() -> None:
    told = before_the_end(rollups(spiking_fleet()))
    ended_t = max(e["time"] for e in spiking_fleet())
    wanted = audit_of(spiking_fleet())
    assert wanted.flagged_usd > 0.0
    for portfolio in (portfolio_of(told)[0], *(restarted(told, random.Random(seed)) for seed in range(2))):
        found = figures(portfolio, ended_t)
        assert found.flagged_usd == pytest.approx(wanted.flagged_usd)
        assert found.went.looping_usd == pytest.approx(wanted.went.looping_usd)
        assert found.went.shipped_usd == pytest.approx(wanted.went.shipped_usd)


def test_late_calls_count_on_their_own_day() -> None:
    before_midnight = (T0 // DAY + 3) * DAY - T0 - 100.0
    events = [spent(before_midnight + 5000.0 + n, 1.0) for n in range(3)]
    late = {**spent(before_midnight, 7.0), "id": "late"}
    portfolio = kept([*events, late, spent(before_midnight + 9000.0)])
    cells = portfolio.books.cells.live()
    by_day = {int(d): float(cells["usd"][cells["hour"] // DAY_H == d].sum()) for d in set(cells["hour"] // DAY_H)}
    day = int(T0 // DAY) + 2
    assert by_day == {day: 7.0, day + 1: 4.0}


def test_rollups_of_a_tenant_all_go_to_one_partition() -> None:
    events = [{**e, "tenant": f"t-{n % 5}"} for n, e in enumerate(month(9))]
    found: dict[str, set[int]] = {}
    for t in rollups(events, spread=Spread(4, 3)):
        for party in decode_rollup(t.value).parties:
            found.setdefault(party.tenant, set()).add(t.to)
    assert len(found) == 5
    assert all(len(to) == 1 for to in found.values())


def test_beyond_the_bound_sums_stay_and_names_go() -> None:
    events = month(11, tasks=60)
    config = CONFIG.model_copy(update={"portfolio": CONFIG.portfolio.model_copy(update={"max_tasks": 20})})
    portfolio, _ = portfolio_of(before_the_end(rollups(events)), config)
    make_room(portfolio.books, 20)
    ended_t = events[-1]["time"]
    bounded, whole = figures(portfolio, ended_t), figures(kept(events), ended_t)
    assert portfolio.books.common.folded > 20
    assert len(portfolio.books.purses) <= 20 + 6  # of two teams: without a task, shipped, and open
    same = ("calls", "outcomes", "tasks_completed", "useful_run_share")
    assert [getattr(bounded, name) for name in same] == [getattr(whole, name) for name in same]
    dollars = ("spend_usd", "no_task_usd", "flagged_usd", "cost_per_outcome_usd", "direct_cost_per_outcome_usd")
    for name in dollars:
        assert getattr(bounded, name) == pytest.approx(getattr(whole, name))
    assert {t.team: (t.outcomes, t.tasks_completed) for t in bounded.teams} == {
        t.team: (t.outcomes, t.tasks_completed) for t in whole.teams
    }
    assert "other tasks" in {task.task for task in bounded.shipped_nothing}
    restored = Portfolio.restore(config, 0, portfolio.offset, whole_of(portfolio))
    assert figures(restored, ended_t) == bounded


def drafts(day: int, runs: int = 3, task: str = "T-1") -> list[Event]:
    """Runs of a day, each for a dollar, that all come to one answer."""
    text = " ".join(words(90))
    return [
        spent(day * DAY + n * HOUR / 4, 1.0, task, run=f"{task}-{day}-{n}", output={"text": text}) for n in range(runs)
    ]


def test_redundant_runs_of_a_day_become_one_row_and_leave_with_their_cells() -> None:
    events = [*drafts(1), *drafts(2, 4), spent(4 * DAY, task="T-2"), spent(5 * DAY, task="T-2")]
    rows = kept(events).books.redundant.live()
    # Those of the second day are within a day of those of the first.
    assert sorted(zip(rows["runs"].tolist(), rows["usd"].tolist(), strict=True)) == [(2, 2.0), (4, 4.0)]
    later = portfolio_of([*rollups(events), *rollups([spent(120 * DAY, task="T-3")])])[0]
    assert len(later.books.redundant) == 0


def test_a_run_whose_answer_is_its_own_is_not_redundant() -> None:
    events = [spent(n * HOUR, run=f"r{n}", output={"text": " ".join(words(90, n))}) for n in range(5)]
    assert len(kept([*events, spent(DAY, task="T-2")]).books.redundant) == 0
