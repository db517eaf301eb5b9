"""The life of an episode: it opens once, is updated as it grows, escalates at once, and resolves; versions count."""

from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.alerts.episodes import Episode, EpisodeBook, Purse
from detector.config import Config, Episodes
from detector.model.alert import MAX_MARKS, Alert, Severity
from detector.model.packed import Ident
from detector.rules.finding import Finding, Standing
from tests.support.judged import T0, Event, call, judge, last, status, tool
from tests.support.prose import words

CONFIG = Config()
IDENT = Ident(1, 2, 3, "acme", "team", None, "agent", None, "run", None, "task", None, "model", None)
A = tool("read", result="the same", path="/a")


class Book:
    """An episode book with one subject, whose time and money move by what a test says."""

    def __init__(self, rule: str = "loop", begin_t: float = T0, config: Config = CONFIG) -> None:
        self.book, self.rule, self.begin_t = EpisodeBook(config), rule, begin_t

    def found(self, t: float, usd: float, severity: Severity = "warning", calls: int = 4) -> list[Alert]:
        before = self.book.standing(self.rule, 2, T0 + t)
        now = Standing(self.begin_t, usd, calls, 10 * calls, 0, usd, 0, calls)
        if before is not None:
            now = before._replace(cost_usd=usd, calls=calls, tokens=10 * calls)
        finding = Finding(
            "run", severity, "repeat", now.begin_t, now, 1.0, None, False, "says", ("g",), {"calls": [f"c{t}"]}
        )
        return self.book.found((self.rule, 2), (1, 5), IDENT, T0 + t, finding, None)

    def told(self, *found: tuple[Any, ...]) -> list[tuple[str, int, str]]:
        return [(a.state, a.version, a.severity) for f in found for a in self.found(*f)]


def test_it_opens_once_and_is_updated_at_each_doubling_of_its_cost_only() -> None:
    told = Book().told(*[(60.0 + i, float(i)) for i in range(1, 20)])
    assert told == [("open", 1, "warning"), *[("update", v, "warning") for v in (2, 3, 4, 5)]]


def test_what_is_drawn_is_kept_once_by_whoever_takes_an_episode_over() -> None:
    drawn = {"steps": [{"t": T0, "usd": 1.0}], "usd_by_minute": [[T0, 1.0]]}
    before, after = EpisodeBook(CONFIG), EpisodeBook(CONFIG)
    now = Standing(T0, 1.0, 4, 40, 0, 1.0, 0, 4)
    found = Finding("run", "warning", "repeat", T0, now, 1.0, None, False, "says", ("g",), {"calls": ["c1"]})
    before.found(("loop", 2), (1, 5), IDENT, T0, found, None, lambda: drawn)
    after.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(list(before)), type=list[Episode]))
    assert list(after) == list(before)
    (episode,) = after
    assert all(episode.alert.evidence[name] is value for name, value in episode.drawn.items())
    assert set(episode.drawn) == set(drawn)


def test_an_escalation_is_told_at_once_and_is_never_taken_back() -> None:
    told = Book().told((60.0, 4.0, "info"), (61.0, 4.1, "critical"), (62.0, 4.2, "info"), (63.0, 4.3, "critical"))
    assert told == [("open", 1, "info"), ("update", 2, "critical")]


def test_what_cost_nothing_is_updated_once_it_costs_something() -> None:
    assert Book().told((1.0, 0.0), (2.0, 0.0), (3.0, 0.01)) == [("open", 1, "warning"), ("update", 2, "warning")]


@pytest.mark.parametrize(("gap_s", "quiet_s"), [(20.0, 900.0), (400.0, 1200.0)])
def test_it_resolves_after_the_longer_of_15_minutes_and_three_of_its_own_gaps(gap_s: float, quiet_s: float) -> None:
    book = Book(begin_t=T0 - 3 * gap_s)
    book.found(0.0, 4.0)
    book.found(gap_s, 4.5, calls=5)
    end = gap_s + quiet_s
    assert book.book.tick(T0 + end) == []
    (resolved,) = book.book.tick(T0 + end + 0.001)
    assert (resolved.state, resolved.version, resolved.resolved_at) == ("resolved", 2, T0 + end)
    assert (resolved.cost_usd, resolved.calls) == (4.5, 5)
    assert resolved.evidence["resolved_by"] == "quiet"
    assert list(book.book) == []


def test_a_finding_after_the_quiet_time_resolves_the_old_episode_and_opens_another() -> None:
    book = Book()
    (first,) = book.found(60.0, 4.0)
    resolved, second = book.found(5000.0, 8.0)
    assert (resolved.state, resolved.resolved_at, second.state) == ("resolved", T0 + 960.0, "open")
    assert (resolved.id, second.version) == (first.id, 1)
    assert second.id != first.id


def test_a_strong_status_ends_what_began_before_it() -> None:
    book = Book()
    book.found(60.0, 4.0)
    assert book.book.moved(99, T0 + 100, Purse(0, 0, 0.0)) == []
    assert book.book.moved(1, T0 - 1, Purse(0, 0, 0.0)) == []
    (resolved,) = book.book.moved(1, T0 + 100, Purse(0, 0, 0.0))
    assert (resolved.resolved_at, resolved.evidence["resolved_by"]) == (T0 + 100, "the task moved")


def test_a_strong_status_long_after_does_not_prolong_what_had_become_quiet() -> None:
    book = Book()
    book.found(60.0, 4.0)
    (resolved,) = book.book.moved(1, T0 + 9000, Purse(0, 0, 0.0))
    assert (resolved.resolved_at, resolved.evidence["resolved_by"]) == (T0 + 960.0, "quiet")


def test_a_status_that_comes_late_cannot_end_it_before_its_last_call() -> None:
    book = Book()
    book.found(60.0, 4.0)
    (resolved,) = book.book.moved(1, T0 + 30, Purse(0, 0, 0.0))
    assert resolved.resolved_at == resolved.updated_at == T0 + 60


def test_a_call_that_is_told_late_does_not_turn_the_clock_back() -> None:
    book = Book()
    book.found(60.0, 4.0)
    (updated,) = book.found(20.0, 9.0)
    assert (updated.updated_at, updated.version) == (T0 + 60, 2)
    assert book.book.tick(T0 + 960) == []
    assert len(book.book.tick(T0 + 961)) == 1


def test_episodes_that_open_at_the_same_time_have_ids_of_their_own() -> None:
    told = [call(0.0, tools=A) for _ in range(4)]
    other = [call(5000.0, run="other"), *(call(0.0, tools=A) for _ in range(3)), call(9000.0, run="other")]
    opened = [a for a in judge([*told, *other]) if a.rule == "loop" and a.state == "open"]
    assert len({a.id for a in opened}) == len(opened) == 2
    assert {a.opened_at for a in opened} == {T0}


def test_run_inflation_ends_only_with_its_task_and_with_all_that_the_task_came_to() -> None:
    book = Book("run_inflation")
    book.found(60.0, 4.0)
    assert book.book.tick(T0 + 1e9) == []
    (resolved,) = book.book.moved(1, T0 + 1e6, Purse(17, 1700, 9.5))
    assert (resolved.calls, resolved.tokens, resolved.cost_usd) == (17, 1700, 9.5)


def test_of_many_calls_the_first_and_the_newest_are_named_once() -> None:
    config = Config(episodes=Episodes(max_call_ids=6))
    book = Book(config=config)
    for i in range(20):
        told = book.found(60.0 + i, 4.0 * 2**i)
        book.found(60.0 + i, 4.0 * 2**i)
    assert told[0].evidence["calls"] == ["c60.0", "c61.0", "c62.0", "c77.0", "c78.0", "c79.0"]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.floats(0.1, 3000), st.floats(0, 9), st.sampled_from(["info", "warning", "critical"]), st.booleans()
        ),
        min_size=1,
        max_size=25,
    )
)
def test_whatever_happens_versions_count_and_states_follow(moves: list[tuple[float, float, Severity, bool]]) -> None:
    book, t, usd, alerts = Book(), 60.0, 4.0, []
    for gap_s, more_usd, severity, moved in moves:
        t, usd = t + gap_s, usd + more_usd
        alerts += book.found(t, usd, severity)
        if moved:
            alerts += book.book.moved(1, T0 + t, Purse(0, 0, 0.0))
    alerts += book.book.tick(T0 + t + 1e9)
    by_id: dict[str, list[Alert]] = {}
    for alert in alerts:
        by_id.setdefault(alert.id, []).append(alert)
    for episode in by_id.values():
        assert [a.version for a in episode] == [*range(1, len(episode) + 1)]
        assert [a.state for a in episode] == ["open", *["update"] * (len(episode) - 2), "resolved"]
        assert {a.opened_at for a in episode} == {episode[0].opened_at}
        assert all(a.updated_at <= b.updated_at and a.cost_usd <= b.cost_usd for a, b in pairwise(episode))
        assert episode[-1].resolved_at is not None


def loop_and_status() -> list[Event]:
    return [call(i * 20.0, task="T", tools=A) for i in range(12)] + [status(110.0, "T")]


def test_ids_are_the_same_each_time_and_differ_between_tenants_runs_and_episodes() -> None:
    events = sorted(loop_and_status(), key=lambda e: e["time"])
    once, again = judge(events), judge(events)
    assert once == again
    other_tenant = judge([e | {"tenant": "other"} for e in events])
    assert not {a.id for a in once} & {a.id for a in other_tenant}
    assert len({(a.id, a.version) for a in once}) == len(once)


def test_a_loop_that_goes_on_after_its_task_moved_counts_anew_and_pages_again() -> None:
    first, second = last(judge(sorted(loop_and_status(), key=lambda e: e["time"])), "loop")
    assert (first.state, first.resolved_at, first.calls) == ("resolved", T0 + 110, 6)
    assert (second.opened_at, second.evidence["since"]) == (T0 + 180, T0 + 120)
    assert (second.severity, second.calls, second.cost_usd, second.evidence["rounds"]) == ("critical", 6, 6.0, 6)


@pytest.mark.parametrize("after", [3, 6])
def test_too_few_rounds_after_the_task_moved_are_quiet(after: int) -> None:
    cycle = [tool("step", result=f"result {n}", number=n) for n in range(2 if after == 6 else 1)]
    events = [call(i * 20.0, task="T", tools=cycle[i % len(cycle)]) for i in range(8 + after)]
    told = last(judge(sorted([*events, status(150.0, "T")], key=lambda e: e["time"])), "loop")
    assert [a.resolved_at for a in told] == [T0 + 150]


def test_answers_alike_count_anew_after_the_task_moved() -> None:
    events = [call(i * 20.0, task="T", output={"text": " ".join(words(60))}) for i in range(8 + 5)]
    told = last(judge(sorted([*events, status(150.0, "T")], key=lambda e: e["time"])), "loop")
    assert [(a.severity, a.calls) for a in told] == [("critical", 8)]


def test_the_same_loop_after_a_pause_is_another_episode() -> None:
    events = [call(t, tools=A) for t in (0.0, 20.0, 40.0, 60.0, 5000.0, 5020.0, 5040.0, 5060.0)]
    first, second = last(judge(events), "loop")
    assert first.id != second.id
    assert (first.resolved_at, first.calls) == (T0 + 960, 4)


def test_a_record_carries_what_was_told_of_its_episode_before_it() -> None:
    book = Book()
    opened, grown, escalated = [*book.found(60.0, 4.0, "info"), *book.found(90.0, 9.0, "info"), *book.found(91.0, 9.5)]
    (resolved,) = book.book.moved(1, T0 + 120.0, Purse(4, 40, 9.5))
    marks = [(m.at - T0, m.state, m.severity, m.cost_usd) for m in resolved.history]
    assert marks == [
        (60.0, "open", "info", 4.0),
        (90.0, "update", "info", 9.0),
        (91.0, "update", "warning", 9.5),
        (120.0, "resolved", "warning", 9.5),
    ]
    assert [len(a.history) for a in (opened, grown, escalated, resolved)] == [1, 2, 3, 4]


def test_what_does_not_make_a_record_leaves_no_mark() -> None:
    book = Book()
    for n in range(30):
        book.found(60.0 + n, 4.0 + n / 100)
    (resolved,) = book.book.moved(1, T0 + 120.0, Purse(4, 40, 9.5))
    assert [m.state for m in resolved.history] == ["open", "resolved"]


def test_of_very_many_records_the_first_and_the_newest_are_carried() -> None:
    book = Book()
    told = [a for n in range(40) for a in book.found(60.0 + n, 2.0**n)]
    assert [len(a.history) for a in told] == [*range(1, MAX_MARKS + 1), *[MAX_MARKS] * 8]
    half = MAX_MARKS // 2
    at = [m.at - T0 for m in told[-1].history]
    assert at == [60.0 + n for n in (*range(half), *range(40 - half, 40))]


def test_when_it_escalated_is_carried_however_many_records_come_after() -> None:
    book = Book()
    for n in range(80):
        told = book.found(60.0 + n, 2.0**n, "critical" if n >= 20 else "info")
    (newest,) = told
    assert len(newest.history) == MAX_MARKS
    assert next(m.at - T0 for m in newest.history if m.severity == "critical") == 80.0


def test_what_is_told_by_the_minute_and_counts_no_calls_ends_as_soon_as_another() -> None:
    book = Book("spend_spike")
    book.found(60.0, 40.0, calls=0)
    assert book.book.tick(T0 + 60.0 + 15 * 60.0 + 60.0) != []
