"""The measure of `repeats` measures what it says: its rules, scores, intervals and held-out runs."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bench import loop_pairs
from tests.bench.labelled import Step
from tests.bench.loop_pairs import REPEATS, RULES
from tests.support.prose import words
from tests.unit.recorded_runs import answer, run, step

EXACT, NEAR_9, NEAR_8, SAME_RESULT, EQUAL, LEAVES = range(6)


def say(before: Step, now: Step) -> set[int]:
    return {n for n, said in enumerate(loop_pairs.simple_rules(before, now)) if said}


LONG = {"text": "the quick brown fox jumps over the lazy dog and sleeps", "place": "under the old apple tree"}
MOVED: dict[str, Any] = {"modifications": [{"file_name_within_the_project": "a", "number": 4, "remarks": ""}]}
EMPTY: dict[str, Any] = {"annotations_of_readers": "", "tags": [], "zone": {"name": None}}


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        (step(x=1, y=[2]), step(y=[2], x=1, result="else"), set(range(6))),
        (step(x=1), step("delete_everything", y=2), set()),
        (step(**LONG), step(**LONG, **EMPTY), {NEAR_8, SAME_RESULT, EQUAL, LEAVES}),
        (step(**LONG), step(**LONG, **EMPTY, result="else"), {NEAR_8, EQUAL, LEAVES}),
        (step(place="a", line=4), step(**MOVED, result="else"), {LEAVES}),
        (step(place="a", line=4), step("open", **MOVED, result="else"), set()),
        (step(**LONG), step(**LONG | {"place": "under the old apple trees"}), {NEAR_9, NEAR_8, SAME_RESULT}),
        (answer("I will look."), answer("I will look.", "no"), set(range(6))),
        (answer("I will look."), step(result="and then?"), set()),
    ],
)
def test_simple_rules_on_two_steps(before: Step, now: Step, said: set[int]) -> None:
    assert say(before, now) == said


def test_thoughts_are_no_part_of_an_action() -> None:
    assert say(step(thought="let me see", x=1), step(thought="another approach", x=1)) == set(range(6))


def test_the_beginning_of_a_long_action_is_compared_for_likeness() -> None:
    rest = " ".join(words(600, seed=1)), " ".join(words(600, seed=2))
    head = " ".join(words(300, seed=3))[: loop_pairs.COMPARED]
    assert say(step(text=head + rest[0]), step(text=head + rest[1])) == {NEAR_9, NEAR_8, SAME_RESULT}


def test_the_rules_are_as_many_as_their_names() -> None:
    assert len(loop_pairs.simple_rules(step(), step())) == REPEATS == len(RULES) - 1


def test_pairs_are_counted_by_rule_and_label() -> None:
    same, other = step(x=1), step("list", path="elsewhere", result=3)
    of = run(same, same, other, other, same, labels="RFRF")
    counts = loop_pairs.count([of], [[False, True, True, False, False]])
    assert counts[0, EXACT].tolist() == [1 + 1, 0, 0]
    assert counts[0, REPEATS].tolist() == [1, 1, 1]
    precision, recall, f1 = loop_pairs.scores(counts.sum(axis=0))[REPEATS]
    assert (precision, recall, f1) == (0.5, 0.5, 0.5)


def test_the_signal_of_the_first_step_is_no_pair() -> None:
    counts = loop_pairs.count([run(step(x=1), step("open"), labels="F")], [[True, False]])
    assert counts[0, REPEATS].tolist() == [0, 0, 0]


def test_scores_without_a_base_are_unknown() -> None:
    nothing, all_missed, all_wrong = loop_pairs.scores(np.array([[0, 0, 0], [0, 0, 5], [0, 5, 0]]))
    assert np.isnan(nothing).all()
    assert np.isnan(all_missed[0])
    assert all_missed[1:].tolist() == [0.0, 0.0]
    assert np.isnan(all_wrong[1])


def of_rules(*rows: tuple[int, int, int]) -> np.ndarray[Any, Any]:
    """Counts of one run, of the first rules; the others miss all."""
    hits = rows[0][0] + rows[0][2]
    return np.array([*rows, *[(0, 0, hits)] * (len(RULES) - len(rows))])


def test_runs_that_are_all_alike_have_no_width() -> None:
    bounds = loop_pairs.intervals(np.array([of_rules((3, 1, 2))] * 8))
    assert bounds[EXACT, 0].tolist() == [0.75, 0.75]
    assert bounds[EXACT, 1].tolist() == [0.6, 0.6]
    assert np.isnan(bounds[REPEATS, 0]).all()


def test_an_interval_is_of_runs_and_not_of_pairs() -> None:
    few = np.array([of_rules((50, 0, 0)), of_rules((0, 0, 50))])
    many = np.array([of_rules((1, 0, 0))] * 50 + [of_rules((0, 0, 1))] * 50)
    of_few, of_many = loop_pairs.intervals(few)[EXACT, 1], loop_pairs.intervals(many)[EXACT, 1]
    assert of_few.tolist() == [0.0, 1.0]
    assert 0.35 < of_many[0] < 0.5 < of_many[1] < 0.65
    assert np.array_equal(loop_pairs.intervals(many), loop_pairs.intervals(many), equal_nan=True)


def test_a_rule_is_chosen_on_the_other_runs_only() -> None:
    # The first rule is perfect on the first part and useless on the second; the next one the other way round.
    counts = np.array([of_rules((9, 0, 1), (1, 0, 9)), of_rules((1, 0, 9), (9, 0, 1))])
    held = loop_pairs.hold_out(counts, np.array([0, 1]))
    assert held.chosen == {RULES[0]: 1, RULES[1]: 1}
    assert held.f1 == pytest.approx(2 * 2 / (2 * 2 + 18))
    assert held.repeats == [0.0, 0.0]


def test_of_equally_good_rules_the_signal_is_chosen() -> None:
    counts = np.array([[(2, 0, 0)] * len(RULES)] * 4)
    assert loop_pairs.hold_out(counts, np.array([0, 0, 1, 1])).chosen == {"repeats": 2}


def test_a_part_with_no_repetition_has_no_f1_of_its_own() -> None:
    counts = np.array([[(2, 0, 0)] * len(RULES), [(0, 0, 0)] * len(RULES)])
    assert loop_pairs.hold_out(counts, np.array([0, 1])).repeats == [1.0]


@given(st.lists(st.sampled_from("abc"), min_size=5, max_size=60), st.integers(0, 99))
def test_runs_of_each_agent_are_dealt_out_evenly(agents: list[str], seed: int) -> None:
    part = loop_pairs.split(agents, seed)
    assert set(part) == set(range(loop_pairs.FOLDS))
    for agent in set(agents):
        held = [int((part[np.array(agents) == agent] == p).sum()) for p in range(loop_pairs.FOLDS)]
        assert max(held) - min(held) <= 1


def test_figures_tell_agents_apart() -> None:
    runs = [run(step(x=n), step(x=n), name=f"{agent}{n}", agent=agent, labels="R") for agent in "ab" for n in range(4)]
    counts = loop_pairs.count(runs, [[False, r.agent == "a"] for r in runs])
    found = loop_pairs.figures(counts, runs)
    assert found["all"]["rules"]["repeats"]["recall"][0] == 0.5
    assert found["agents"]["a"]["rules"]["repeats"]["f1"] == [1.0, 1.0, 1.0]
    assert found["agents"]["b"]["rules"]["repeats"]["precision"] == [None, None, None]
    # Of those of "a" all rules know, so the signal is chosen; of those of "b" it knows none.
    assert found["other_agents"]["chosen"] == {"that, or the same leaf values": 1, "repeats": 1}
    assert found["other_agents"]["f1"] == pytest.approx(2 / 3, abs=1e-4)
