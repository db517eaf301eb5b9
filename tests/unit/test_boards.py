"""Boards say what an audit of the same time says, and what only they say is reckoned by hand here."""

import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.audit.accounting import Audit
from detector.audit.figures import per
from detector.audit.of_books import BooksSource
from detector.audit.window import DAY_S
from detector.boards.reckon import reckon
from detector.boards.sums import Figures, TeamSums
from detector.boards.windows import WEEK_BEFORE, windows_of
from detector.ledger.books import Books
from detector.ledger.folding import make_room
from tests.support.judged import T0, Event, in_order, status
from tests.support.spread import before_the_end, portfolio_of, rollups
from tests.support.worked import calls, completed, merged, spent, statuses

HOUR_S = 3600.0


def books_of(events: Sequence[Event]) -> Books:
    return portfolio_of(before_the_end(rollups(in_order(events))))[0].books


def reckoned(books: Books) -> Figures:
    work = reckon(books)
    while True:
        try:
            next(work)
        except StopIteration as done:
            figures: Figures = done.value
            return figures


def of_team(events: Sequence[Event], window: str = "30d", team: str = "team") -> TeamSums:
    return reckoned(books_of(events)).teams[window, "default", team]


def held_together(books: Books) -> int:
    """Compares every figure that an audit has too; returns how many teams of windows there were."""
    figures, source = reckoned(books), BooksSource(books)
    for name, window in windows_of(books.common.newest_t).items():
        told = Audit(source, window, None).figures()
        for team in told.teams:
            mine = figures.teams[name, team.tenant, team.team]
            assert mine.calls == team.calls
            assert (mine.tasks, mine.tasks_completed, mine.outcomes) == (
                team.tasks, team.tasks_completed, team.outcomes
            )  # fmt: skip
            dollars = (mine.spend_usd, mine.no_task_usd, mine.flagged_usd)
            assert dollars == pytest.approx((team.spend_usd, team.no_task_usd, team.went.looping_usd), abs=1e-9)
            assert per(mine.useful_runs, mine.runs) == team.useful_run_share
            if team.team is None:  # nobody can ask for it alone
                continue
            alone = Audit(source, window, team.team).figures()
            direct = per(mine.direct_usd, mine.outcomes)
            assert direct == pytest.approx(alone.direct_cost_per_outcome_usd, abs=1e-9)
            assert mine.experiments_usd == pytest.approx(alone.experiments_usd, abs=1e-9)
            assert mine.notional_usd == pytest.approx(alone.notional_usd, abs=1e-9)
            assert mine.unpriced_calls == alone.unpriced_calls
        mine_all = [sums for key, sums in figures.teams.items() if key[0] == name]
        assert sum(sums.spend_usd for sums in mine_all) == pytest.approx(told.spend_usd, abs=1e-9)
        if name != WEEK_BEFORE:
            of_agents = {key: sums for key, sums in figures.agents.items() if key[0] == name}
            for field, mine in (("usd", told.spend_usd), ("flagged_usd", told.flagged_usd)):
                assert sum(getattr(sums, field) for sums in of_agents.values()) == pytest.approx(mine, abs=1e-9)
            by_model = {model.model: model.spend_usd for model in told.models}
            for model, usd in by_model.items():
                assert sum(of.usd for key, of in of_agents.items() if key[4] == model) == pytest.approx(usd, abs=1e-9)
            assert sum(of.without_ai for key, of in figures.tenants.items() if key[0] == name) == told.without_ai
    return len(figures.teams)


@given(st.lists(calls, min_size=1, max_size=25), st.lists(statuses, max_size=12))
@settings(deadline=None, max_examples=30)
def test_they_say_what_an_audit_says(calls: list[Event], statuses: list[Event]) -> None:
    assert held_together(books_of([*calls, *statuses]))


@pytest.mark.parametrize("seed", range(3))
def test_they_say_what_an_audit_says_over_weeks(seed: int) -> None:
    dice, events = random.Random(seed), list[Event]()
    for n in range(60):
        task, began = f"T-{n}" if n % 5 else None, dice.uniform(0, 40 * DAY_S)
        for k in range(dice.randint(1, 20)):
            team, t = dice.choice(["red", "red", "blue", None]), began + k * dice.uniform(20.0, 9000.0)
            more = {"task_type": dice.choice(["bug", "experiment"]), "cost_basis": "notional"} if k % 7 == 3 else {}
            events.append(spent(t, dice.uniform(0.01, 2.0), task, run=f"{task}-{n}-{k // 7}", team=team, **more))
        if task and n % 3:
            events += [merged(t + 100.0, f"d{n}", task), completed(t + dice.uniform(200.0, 9e5), task)]
        if n % 9 == 1:
            events.append(status(t + 9000.0, f"T-{n - 1}", reverts=f"d{n}"))
    assert held_together(books_of(events)) > 10


def test_tasks_that_are_kept_together_are_in_every_sum() -> None:
    events = [
        spent(9000.0 * n + more, usd, f"T-{n}", run=f"r{n}", team=team)
        for n in range(60) for more, usd, team in ((0, 1.0, "red"), (90, 0.5, "team"))
    ] + [completed(9000.0 * n + 60, f"T-{n}") for n in range(60) if n % 3]  # fmt: skip
    books = books_of(events)
    whole = reckoned(books_of(events)).teams
    make_room(books, 20)
    assert held_together(books) == len(whole)
    for name, sums in reckoned(books).teams.items():
        told = [(of.spend_usd, of.outcomes, of.tasks_completed, of.useful_runs) for of in (sums, whole[name])]
        assert told[0] == told[1] or name[0] == "24h"  # beyond 8 days they are known by the day


def test_windows_hold_the_hour_or_the_day_under_way_and_whole_ones_before_it() -> None:
    newest_t = 20_000 * DAY_S + 13.5 * HOUR_S  # 4 October 2024
    began = {name: (newest_t - window.began_t) / HOUR_S for name, window in windows_of(newest_t).items()}
    assert began == pytest.approx(
        {"24h": 23.5, "7d": 6 * 24 + 13.5, "30d": 29 * 24 + 13.5, "month": 3 * 24 + 13.5, WEEK_BEFORE: 13 * 24 + 13.5}
    )
    windows = windows_of(newest_t)
    assert windows[WEEK_BEFORE].ended_t == windows["7d"].began_t < (20_000 - 6) * DAY_S


def test_tokens_are_told_in_three_parts() -> None:
    usage = {"input_tokens": 1000, "cached_input_tokens": 600, "output_tokens": 50}
    told = of_team([spent(0, usage=usage), spent(60, usage=usage)])
    assert (told.uncached_tokens, told.cached_tokens, told.output_tokens) == (800, 1200, 100)


def test_the_cost_of_completed_tasks_is_what_they_had_cost_by_then() -> None:
    events = [spent(0, 1.0, "A"), completed(60, "A"), spent(120, 50.0, "A"), spent(0, 9.0, "B"), completed(90, "B")]
    told = of_team([*events, spent(30 * HOUR_S, 0.5, "C")])
    assert sorted(told.completed_usd) == [1.0, 9.0]


def test_turns_of_persons_are_those_of_completed_tasks_of_which_any_is_told() -> None:
    events = [spent(60.0 * n, task="A", run="a", turn=f"turn-{n // 2}", interactive=True) for n in range(6)]
    events += [merged(400, "d1", "A"), spent(460, task="A", run="a", turn="turn-9"), completed(500, "A")]
    events += [spent(0, task="B", run="b"), completed(60, "B"), spent(0, task="C", run="c", turn="t")]
    told = of_team(events)
    assert (told.turns, told.tasks_with_turns, told.tasks_completed) == (4, 1, 2)


def test_a_status_that_is_told_late_counts_no_turn_twice() -> None:
    events = [spent(60.0 * n, task="A", run="a", turn=f"turn-{n}") for n in range(3)]
    late = completed(150, "A")
    came = [*events, merged(400, "d1", "A"), spent(460, task="A", run="a", turn="turn-9"), late, merged(520, "d2", "A")]
    books = portfolio_of(before_the_end(rollups(came)))[0].books
    assert reckoned(books).teams["30d", "default", "team"].turns == 4


def test_what_was_taken_back_costs_what_the_task_had_cost_once_and_when_it_was_taken_back() -> None:
    events = [spent(0, 3.0), merged(60, "d1"), spent(120, 4.0), merged(180, "d2"), spent(240, 5.0)]
    back = [status(20 * DAY_S, "T-1", reverts=name) for name in ("d1", "d2")]
    figures = reckoned(books_of([*events, *back]))
    assert {name: sums.reverted_usd for (name, *_), sums in figures.teams.items() if sums.reverted_usd} == {
        "24h": 7.0, "7d": 7.0, "30d": 7.0, "month": 7.0
    }  # fmt: skip
    assert figures.teams["30d", "default", "team"].outcomes == 0


def test_teams_that_call_a_model_are_counted_and_not_named_by_amount() -> None:
    events = [spent(0, team="red"), spent(1, team="blue"), spent(2, team=None), spent(10 * DAY_S, team="red")]
    told = reckoned(books_of(events)).tenants
    assert (told["30d", "default"].teams, told["7d", "default"].teams) == (2, 1)


def of_types(*told: tuple[str, float, int, int], task_type: str = "bug") -> list[Event]:
    """Tasks of a type by model, dollars, how many there are and how many of them are completed."""
    events = []
    for model, usd, count, done in told:
        for n in range(count):
            task = f"{model}-{n}"
            events.append(spent(600.0 * n, usd, task, run=task, model=model, task_type=task_type))
            events += [completed(600.0 * n + 60.0, task)] if n < done else []
    return events


def test_a_type_of_tasks_costs_what_all_of_them_cost_and_less_with_a_cheap_model_that_ships_it() -> None:
    told = reckoned(books_of(of_types(("large", 10.0, 6, 6), ("small", 1.0, 12, 6)))).types
    assert told == {("default", "bug"): ((60.0 + 12.0) / 12, 12.0 / 6, "small")}


def test_a_model_that_completed_few_tasks_is_not_said_to_ship_them() -> None:
    told = reckoned(books_of(of_types(("large", 10.0, 6, 6), ("small", 1.0, 4, 4)))).types
    assert told["default", "bug"].cheapest == "large"
    few = reckoned(books_of(of_types(("small", 1.0, 4, 4)))).types
    assert few["default", "bug"] == (1.0, None, None)


def test_experiments_ship_nothing_to_compare() -> None:
    assert reckoned(books_of(of_types(("large", 10.0, 6, 6), task_type="experiment"))).types == {}


def loop(t: float = 0.0, usd: float = 20.0) -> list[Event]:
    """A task that goes round for twenty minutes, from 14:13 on."""
    return [spent(t + 30.0 * n, usd / 40, run="loop", output={"text": "the very same answer"}) for n in range(40)]


HALF_TO_SIX = 3.5 * HOUR_S  # 17:43
DONE = [completed(1500.0)]


@pytest.mark.parametrize(
    ("events", "hours"),
    [
        ([*loop(), spent(2 * HOUR_S, task="T-2")], 1.0 + 13 / 60 + 20 / 3600),  # since 15:00, up to the newest event
        ([*loop(), spent(HALF_TO_SIX), spent(9 * HOUR_S, task="T-2")], 2.0),  # it goes on in the hour from 17:00 on
        ([*loop(), spent(50 * HOUR_S, task="T-2")], 24.0),  # nobody knows that it would have gone on for longer
        ([*loop(), *DONE, spent(9 * HOUR_S, task="T-2")], 0.0),  # it was done
        ([*loop(), spent(HOUR_S), spent(9 * HOUR_S, task="T-2")], 0.0),  # it goes on in the next hour, and better
        ([spent(60.0 * n) for n in range(20)] + [spent(9 * HOUR_S, task="T-2")], 0.0),  # nothing was flagged
    ],
)
def test_what_stood_still_after_an_episode_saved_what_it_had_burnt_an_hour(events: list[Event], hours: float) -> None:
    saved = reckoned(books_of(events)).saved.get(("7d", "default", "team"), 0.0)
    assert saved == pytest.approx(20.0 * hours, rel=0.01)


def test_what_was_saved_is_known_of_windows_whose_hours_are_known() -> None:
    saved = reckoned(books_of([*loop(), spent(50 * HOUR_S, task="T-2")])).saved
    assert list(saved) == [("7d", "default", "team")]  # two days ago, and of 30 days there are no hours


def test_an_hour_that_was_cut_short_burnt_as_much_as_the_one_before() -> None:
    events = [*loop(usd=40.0), *loop(1200.0, usd=40.0), *loop(2400.0, usd=40.0), spent(10 * HOUR_S, task="T-2")]
    books = books_of(events)  # from 14:13 to 15:13
    hours = (books.common.newest_t - (T0 // HOUR_S + 2) * HOUR_S) / HOUR_S
    flagged = books.cells.live()["flagged_usd"]
    assert reckoned(books).saved["24h", "default", "team"] == pytest.approx(flagged.max() * hours)
    assert sorted(flagged)[-2] < flagged.max()


def test_a_month_begins_anew() -> None:
    in_october = 1_790_812_800.0 - T0  # 1 October 2026, 00:00 UTC
    events = [spent(in_october - 60.0, 5.0, "A"), spent(in_october + 60.0, 2.0, "B")]
    figures = reckoned(books_of(events)).teams
    told = {name: figures[name, "default", "team"].spend_usd for name in ("24h", "7d", "month")}
    assert told == {"24h": 7.0, "7d": 7.0, "month": 2.0}


def test_empty_books_have_no_figures() -> None:
    assert reckoned(Books()) == Figures()
