"""The baselines of the measure of spend: what they score, and where their threshold lies."""

import math
from typing import Any

import numpy as np
import pytest

from tests.bench.spend_baselines import DAY, HOUR, Ledger, hours_of, known, pages_of, ratio_to_most, robust_z, threshold
from tests.bench.spend_truth import Page
from tests.unit.made_spikes import DAY_S, spike, truth


def working(days: int = 14, usd: float = 1.0, spike_usd: float = 30.0, at: int = 8 * DAY + 12 * HOUR) -> Any:
    """Dollars of one agent that works 8 hours a day, and of another that never does; at step `at` an hour is dear."""
    steps = np.arange(days * DAY)
    busy = (steps % DAY >= 8 * HOUR) & (steps % DAY < 16 * HOUR)
    spent = np.where(busy, usd / HOUR, 0.0)
    spent[at : at + HOUR] += spike_usd / HOUR
    return np.stack([spent, np.zeros(len(spent))])


class TestBaselines:
    def test_an_hour_ends_with_each_step(self) -> None:
        assert hours_of(np.ones((1, 8)))[0].tolist() == [1, 2, 3, 4, 5, 6, 6, 6]

    def test_an_agent_is_known_by_twenty_active_hours_before_the_hour(self) -> None:
        found = known(working())[0]
        assert not found[: 2 * DAY + 12 * HOUR].any()
        assert found[3 * DAY : 14 * DAY].all()
        assert not known(working())[1].any()

    @pytest.mark.parametrize(("score", "usual", "dear"), [(robust_z, 0.0, 30.0), (ratio_to_most, 1.0, 31.0)])
    def test_scores_of_a_usual_and_of_a_dear_hour(self, score: Any, usual: float, dear: float) -> None:
        at = 8 * DAY + 12 * HOUR
        found = score(working(at=at))
        assert found[0, at - 1] == pytest.approx(usual)
        assert found[0, at + HOUR - 1] == pytest.approx(dear)
        assert np.isneginf(found[1]).all()

    def test_a_spike_is_no_part_of_what_it_is_judged_by(self) -> None:
        at = 8 * DAY + 12 * HOUR
        assert robust_z(working(at=at))[0, at + DAY + HOUR - 1] == pytest.approx(0.0)  # one dear day of seven
        assert ratio_to_most(working(at=at))[0, at + DAY + HOUR - 1] == pytest.approx(1 / 31)

    def test_the_threshold_is_reached_by_nine_of_ten_ten_fold_spikes(self) -> None:
        of = truth(*(spike(start=n * DAY_S, agents=["a"]) for n in range(1, 11)), spike(factor=30, start=11 * DAY_S))
        score = np.full((10, 14 * DAY), -np.inf)
        for n in range(1, 12):
            score[0, n * DAY + HOUR - 1] = n  # the last step that ends within the hour
        assert threshold([(of, score)]) == 2.0
        assert threshold([(truth(), score)]) == math.inf
        assert threshold([(of, np.full_like(score, -np.inf))]) == math.inf

    def test_steps_less_than_an_hour_apart_are_one_page(self) -> None:
        score = np.zeros((10, 14 * DAY))
        score[1, [100, 103, 108, 114, 200]] = 5.0
        assert pages_of(truth(), score, 5.0) == [Page(600.0 * (n + 1), "t", "b") for n in (100, 114, 200)]

    def test_dollars_are_kept_by_agent_and_step_within_the_fleets_time(self) -> None:
        ledger = Ledger(truth(days=1))
        for agent, t in (("a", 0.0), ("a", 599.0), ("b", 600.0), ("nobody", 0.0), (None, 0.0), ("a", -1.0), ("a", 1e9)):
            ledger.add(agent, t, 1.0)
        usd = ledger.spending().usd
        assert (usd[0, 0], usd[1, 1], usd.sum()) == (2.0, 1.0, 3.0)
