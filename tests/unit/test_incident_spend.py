"""What teams were billed in the last hours: each dollar once, at its time, and flagged as the ledger does it."""

from math import inf
from typing import Any

import numpy as np
import pytest

from detector.incidents.flagging import Spike, spike_of, tag
from detector.incidents.spend import MAX_ROWS, RING, SLICES, Spend
from detector.model.rollup import FORMAT, MODEL, OLD, ROLL, SPENT, Party, Rollup, Sheet
from tests.unit.alert_records import alert

M0 = 30_000_000
"""A minute since 1970, the first of a slice."""
HOLD_BACK_S = 300.0


def row(team: str | None = "red", usd: float = 1.0, **told: Any) -> tuple[Party, dict[str, Any]]:
    """A party that spent; of `told` what is a field of a party names it."""
    of = {name: told.pop(name) for name in ("tenant", "agent", "model", "subject") if name in told}
    party = Party(of.pop("subject", 1), of.pop("tenant", "acme"), team, **of)
    return party, {"kind": SPENT, "calls": 1, "usd": usd, **told}


def rollup(
    minute: int, *rows: tuple[Party, dict[str, Any]], source: int = 0, sources: int = 1, part: int = 0
) -> Rollup:
    rolls = np.zeros(len(rows), ROLL)
    for n, (_, told) in enumerate(rows):
        rolls[n]["party"], rolls[n]["first_t"] = n, minute * 60.0
        for name, value in told.items():
            rolls[n][name] = value
    sheet = Sheet(minute, [""] * len(rows), rolls.tobytes(), part)
    return Rollup(FORMAT, source, sources, (minute + 1) * 60.0, [party for party, _ in rows], [sheet])


class Told:
    """A Spend that is told minute by minute."""

    def __init__(self, max_teams: int = 100, max_rows: int = MAX_ROWS) -> None:
        self.spend = Spend(max_teams, HOLD_BACK_S, max_rows)
        self.spikes: list[Spike] = []

    def tell(self, minute: int, *rows: tuple[Party, dict[str, Any]], partition: int = 0, **how: int) -> bool:
        return self.spend.take(partition, rollup(M0 + minute, *rows, **how), (M0 + minute) * 60.0)

    def flagged(self) -> dict[int, float]:
        """Flagged dollars of all teams by slice after M0."""
        return self._by_slice("flagged_usd")

    def usd(self) -> dict[int, float]:
        return self._by_slice("usd")

    def _by_slice(self, name: str) -> dict[int, float]:
        self.spend.settle(self.spikes)
        window = self.spend.window()
        first = int(window.begins_s / 300.0) - M0 // 5
        sums = getattr(window, name).sum(axis=0)
        return {first + n: float(sums[n]) for n in np.flatnonzero(sums).tolist()}

    def hour(self) -> dict[tuple[str, str | None], tuple[float, float]]:
        self.spend.settle(self.spikes)
        w = self.spend.window()
        return dict(zip(w.teams, zip(w.hour_usd.tolist(), w.flagged_hour_usd.tolist(), strict=True), strict=True))


def test_dollars_are_summed_by_team_and_slice() -> None:
    told = Told()
    told.tell(0, row("red", 1.0), row("blue", 2.0))
    told.tell(4, row("red", 4.0))
    told.tell(5, row("red", 8.0))
    assert told.usd() == {0: 7.0, 1: 8.0}
    window = told.spend.window()
    assert window.teams == [("acme", "red"), ("acme", "blue")]
    assert window.usd.shape == (2, SLICES)
    assert window.begins_s == (M0 - (SLICES - 2) * 5) * 60.0


def test_a_replay_adds_nothing_and_the_parts_of_a_minute_are_all_taken() -> None:
    told = Told()
    for _ in range(2):
        told.tell(0, row(usd=1.0))
        told.tell(0, row(usd=2.0), part=1)
        told.tell(1, row(usd=4.0))
    assert not told.tell(1, row(usd=9.0))
    assert told.usd() == {0: 7.0}


def test_each_partition_and_source_tells_its_own_share_of_a_minute() -> None:
    told = Told()
    for partition in (0, 1):
        for source in (0, 1):
            assert told.tell(0, row(usd=1.0), partition=partition, source=source, sources=2)
    assert told.usd() == {0: 4.0}


def test_what_is_billed_counts_and_sums_by_model_do_not_count_again() -> None:
    told = Told()
    told.tell(0, row(usd=5.0, notional_usd=3.0), row(usd=9.0, kind=MODEL), row(usd=7.0, calls=0))
    assert told.usd() == {0: 2.0}


def test_what_came_over_an_hour_late_counts_at_its_own_time() -> None:
    told = Told()
    told.tell(0, row(usd=1.0))
    told.tell(100, row(usd=2.0, kind=OLD, first_t=(M0 + 7) * 60.0), row(usd=4.0, kind=OLD, first_t=0.0))
    assert told.usd() == {0: 1.0, 1: 2.0}


def test_the_hour_is_the_one_before_what_every_source_has_told() -> None:
    told = Told()
    for minute in (0, 1, 60, 61):
        told.tell(minute, row("red", 1.0), source=0, sources=2)
    for minute in (0, 1, 60):
        told.tell(minute, row("blue", 10.0), source=1, sources=2)
    assert told.spend.until_s == (M0 + 61) * 60.0
    assert told.hour() == {("acme", "red"): (2.0, 0.0), ("acme", "blue"): (20.0, 0.0)}


def test_before_every_source_has_told_something_nothing_is_known_to_be_whole() -> None:
    told = Told()
    assert told.spend.until_s is None
    assert told.spend.window().teams == []
    told.tell(0, row(), source=0, sources=2)
    assert told.spend.until_s is None
    assert told.hour() == {("acme", "red"): (0.0, 0.0)}


def test_after_six_hours_dollars_leave() -> None:
    told = Told()
    told.tell(0, row(usd=1.0))
    told.tell(RING - 1, row(usd=2.0))
    assert told.usd() == {(RING - 1) // 5: 2.0}
    told.tell(10 * RING, row("blue", 4.0))
    assert told.spend.window().teams == [("acme", "blue")]
    told.tell(0, row(usd=8.0), source=0, partition=1)
    assert told.usd() == {2 * RING: 4.0}


class TestFlagged:
    def test_what_watch_flags_goes_to_its_subjects_newest_dollars(self) -> None:
        told = Told()
        told.tell(0, row(usd=10.0, subject=1), row(usd=5.0, subject=2))
        told.tell(5, row(usd=4.0, subject=1))
        told.tell(10, row(usd=1.0, subject=1, flagged_usd=6.0))
        assert told.flagged() == {0: 1.0, 1: 4.0, 2: 1.0}

    def test_later_dollars_are_not_flagged_by_it(self) -> None:
        told = Told()
        told.tell(0, row(usd=3.0, flagged_usd=2.0))
        told.tell(5, row(usd=100.0))
        assert told.flagged() == {0: 2.0}

    def test_no_dollar_is_flagged_twice_and_none_that_was_not_spent(self) -> None:
        told = Told()
        told.tell(0, row(usd=3.0, flagged_usd=2.0))
        told.tell(5, row(usd=0.0, calls=0, flagged_usd=50.0))
        told.spikes = [Spike("team", ("acme", "red"), 0.0, inf)]
        assert told.flagged() == {0: 3.0}

    def test_asking_again_changes_nothing(self) -> None:
        told = Told()
        told.tell(0, row(usd=3.0, flagged_usd=2.0))
        assert told.flagged() == told.flagged() == {0: 2.0}

    def test_what_is_settled_stays_and_is_not_flagged_once_more(self) -> None:
        told = Told()
        told.tell(0, row(usd=10.0))
        told.tell(5, row(usd=1.0, flagged_usd=5.0))
        assert told.flagged() == {0: 4.0, 1: 1.0}
        told.tell(62, row("blue", 1.0))
        assert told.flagged() == {0: 4.0, 1: 1.0}
        told.spikes = [Spike("team", ("acme", "red"), 0.0, inf)]
        assert told.flagged() == {0: 4.0, 1: 1.0}, "minute 5 alone is recent, and its dollar is flagged"
        told.tell(200, row("blue", 1.0))
        assert told.flagged() == {0: 4.0, 1: 1.0}

    def test_more_rows_than_are_kept_are_settled_sooner(self) -> None:
        told = Told(max_rows=3)
        for minute in range(5):
            told.tell(minute, row(usd=1.0, flagged_usd=1.0))
        assert told.spend.crowded
        assert told.flagged() == {0: 5.0}
        assert not told.spend.crowded

    @pytest.mark.parametrize(
        ("spike", "usd"),
        [
            (Spike("team", ("acme", "red"), 0.0, inf), 7.0),
            (Spike("team", ("acme", "nobody's"), 0.0, inf), 0.0),
            (Spike("agent", tag("acme", "red", "a"), 0.0, inf), 3.0),
            (Spike("model", tag("acme", "m"), 0.0, inf), 9.0),
            (Spike("subject", 5, 0.0, inf), 2.0),
            (Spike("team", ("acme", "red"), (M0 + 1) * 60.0, inf), 4.0),
            (Spike("team", ("acme", "red"), 0.0, (M0 + 1) * 60.0), 3.0),
        ],
    )
    def test_a_spike_flags_all_of_whom_it_is_about_while_it_lasts(self, spike: Spike, usd: float) -> None:
        told = Told()
        told.tell(0, row(usd=1.0, agent="a", model="m"), row(usd=2.0, agent="a", subject=5))
        told.tell(1, row(usd=4.0, agent="b"), row("blue", 8.0, model="m"))
        told.spikes = [spike]
        assert sum(told.flagged().values()) == usd


def test_a_spike_is_read_from_its_alert() -> None:
    of = {"rule": "spend_spike", "evidence": {"since": 60.0}}
    assert spike_of(alert(level="team", **of)) == Spike("team", ("acme", "search"), 60.0, inf)
    over = alert(level="agent", state="resolved", resolved_at=120.0, **of)
    assert spike_of(over) == Spike("agent", tag("acme", "search", "indexer"), 60.0, 120.0)
    assert spike_of(alert(level="task", task="T", **of)).column == "subject"
    assert spike_of(alert(level="model", model="m", **of)).key == tag("acme", "m")


def test_teams_beyond_the_bound_are_one_until_others_are_idle() -> None:
    told = Told(max_teams=2)
    told.tell(0, *(row(f"team-{n}", 1.0) for n in range(5)))
    assert dict(zip(told.spend.window().teams, told.spend.window().usd.sum(axis=1).tolist(), strict=True)) == {
        ("acme", "team-0"): 1.0,
        ("acme", "team-1"): 1.0,
        ("other", "other"): 3.0,
    }
    told.tell(2 * RING, row("team-3", 2.0))
    told.usd()
    told.tell(2 * RING + 1, row("team-4", 4.0), row("team-5", 8.0))
    assert dict(zip(told.spend.window().teams, told.spend.window().usd.sum(axis=1).tolist(), strict=True)) == {
        ("other", "other"): 2.0,
        ("acme", "team-4"): 4.0,
        ("acme", "team-5"): 8.0,
    }


def test_memory_grows_with_teams_up_to_the_bound() -> None:
    told = Told(max_teams=50)
    told.tell(0, *(row(f"team-{n}") for n in range(200)))
    assert len(told.spend._usd) <= 52
    assert sum(told.usd().values()) == 200.0
