"""The measure of spend measures what it says: which page is right, rates, what each detector sees, and its command."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detector.config import Config
from detector.model.rollup import Rollup, decode_rollup, encode_rollup
from detector.portfolio import Portfolio
from detector.replay.feed import Feed
from detector.replay.run import Judge
from tests.bench import spend, spend_baselines, spend_table
from tests.bench.spend_play import play, unjoined, without_statuses
from tests.bench.spend_truth import FormatError, Page, Truth, figures, judged, read_truth
from tests.support.fleets import spiking_fleet
from tests.support.judged import T0, Event, call
from tests.unit.made_spikes import DAY_S, HOUR_S, SPIKE_S, spike, truth


def scored(of: Truth, *pages: Page) -> dict[str, Any]:
    return figures([judged(of, pages)], 20.0)


class TestPages:
    @pytest.mark.parametrize(
        ("page", "kind"),
        [
            (Page(SPIKE_S, "t", "a"), "right"),
            (Page(SPIKE_S - 60, "t", "other", "T"), "right"),
            (Page(SPIKE_S + 3 * HOUR_S, "t", None, None, "r"), "right"),
            (Page(SPIKE_S, "t"), "right"),
            (Page(SPIKE_S, None, model="m"), "right"),
            (Page(SPIKE_S - 61, "t", "a"), "ordinary"),
            (Page(SPIKE_S + 3 * HOUR_S + 1, "t", "a"), "ordinary"),
            (Page(SPIKE_S, "t", "b"), "ordinary"),
            (Page(SPIKE_S, "other"), "ordinary"),
        ],
    )
    def test_a_page_is_right_in_its_time_and_by_whom_it_names(self, page: Page, kind: str) -> None:
        assert judged(truth(spike(models=["m"])), [page]).pages == [(kind, 1)]

    @pytest.mark.parametrize(
        ("kinds", "found"),
        [
            (["productive", "guilty"], "right"),
            (["background", "small"], "small"),
            (["background", "untasked"], "untasked"),
            (["background"], "background"),
        ],
    )
    def test_of_several_spikes_the_one_that_is_wanted_counts(self, kinds: list[Any], found: str) -> None:
        of = truth(*(spike(kind) for kind in kinds))
        assert judged(of, [Page(SPIKE_S, "t", "a")]).pages == [(found, 1)]

    def test_a_spike_is_found_by_its_agent_and_a_team_by_itself(self) -> None:
        of = truth(spike(), spike("team", factor=30, agents=["b"], tasks=["U"], runs=[]))
        pages = [Page(SPIKE_S + 60 * n, "t", agent) for n, agent in ((3, None), (5, "a"), (7, "a"), (1, "b"))]
        guilty, team = judged(of, pages).met
        assert (guilty.late_min, guilty.pages) == (5.0, 3)
        assert (team.late_min, team.late_team_min) == (1.0, 3.0)

    def test_a_second_clock_starts_once_enough_is_burnt(self) -> None:
        assert spike().burnt_min() == pytest.approx(20 / 3 * 5)
        assert spike(usual_usd_per_hour=1.0).burnt_min() == pytest.approx(10 / 3 * 5)
        assert spike(usual_usd_per_hour=8.0).burnt_min() is None
        assert spike(curve=None).burnt_min() is None


class TestFigures:
    def test_recall_by_size_and_minutes(self) -> None:
        of = truth(*(spike(start=SPIKE_S + n * DAY_S, above_usd=usd) for n, usd in enumerate((25.9, 26.0, 40.0, 40.0))))
        late = [Page(SPIKE_S + n * DAY_S + 60 * m, "t", "a") for n, m in enumerate((10, 31, 43.5))]
        told = scored(of, *late)["recall"]
        assert told["10-fold"] == {
            "spikes": 4,
            "within_min": {"10": 0.25, "30": 0.25, "60": 0.75},
            "within_10_min_of_burnt": {"share": 0.5, "of": 4},
            "median_min": 31.0,
        }
        assert told["ten-fold, $26 above usual or more"]["spikes"] == 3
        assert told["3-fold"]["within_min"]["10"] is None

    def test_false_pages_are_a_rate_by_week_with_an_interval(self) -> None:
        of = truth(spike("productive"), spike("background", start=SPIKE_S + DAY_S), days=21)
        told = scored(of, *(Page(t, "t", "a") for t in (HOUR_S, SPIKE_S, SPIKE_S + DAY_S, 12 * DAY_S)))
        first, later = told["false_a_week"]["first"], told["false_a_week"]["later"]
        assert (first["pages"], first["rate"]) == (1, pytest.approx(100.0))
        assert (later["pages"], later["rate"]) == (2, pytest.approx(100.0))
        assert later["interval"] == [pytest.approx(12.1, abs=0.1), pytest.approx(361.2, abs=0.1)]
        assert told["paged"]["productive"] == {"share": 1.0, "of": 1}
        assert told["pages"] == {"right": 0, "ordinary": 2, "productive": 1, "small": 0, "untasked": 0, "background": 1}

    def test_fleets_are_pooled(self) -> None:
        found = judged(truth(spike()), [Page(SPIKE_S, "t", "a"), Page(HOUR_S, "t", "a")])
        quiet = judged(truth(spike(), days=7), [])
        told = figures([found, quiet], 20.0)
        assert told["recall"]["10-fold"]["within_min"]["10"] == 0.5
        assert told["false_a_week"]["first"]["rate"] == pytest.approx(50.0)
        assert told["false_a_week"]["later"]["interval"] == [0.0, pytest.approx(299.6, abs=0.1)]

    def test_a_fleet_of_a_week_has_no_later_rate(self) -> None:
        assert scored(truth(days=7))["false_a_week"]["later"]["rate"] is None

    def test_pages_of_a_paged_spike_leave_out_those_that_none_met(self) -> None:
        of = truth(spike(), spike(start=SPIKE_S + DAY_S))
        assert scored(of)["pages_a_paged_spike"] is None
        assert scored(of, *[Page(SPIKE_S, "t", "a")] * 3)["pages_a_paged_spike"] == 3.0

    def test_every_figure_is_printed(self) -> None:
        told = "\n".join(spend_table.block("the rule", scored(truth(spike()), Page(SPIKE_S + 600, "t", "a"))))
        assert "10-fold" in told
        assert "1     1.00     1.00     1.00" in told
        assert "first week 0.0 (0.0 to 299.6; 0 pages)" in told


FLEET = spiking_fleet()


def fleet_files(where: Path) -> list[str]:
    """The made-up fleet of the tests as a pair of files: a stuck task, one that is shipped, a run without any."""
    known_as = [("guilty", 0, ["stuck"], 10), ("productive", 1, ["shipped"], 10), ("untasked", 3, [], 10)]
    items = [
        {
            "kind": kind, "level": "agent", "factor": factor, "start": T0 + (7200.0 if n == 3 else 0.0),
            "end": T0 + (10_800.0 if n == 3 else 3600.0), "usual_usd_per_hour": 2.0, "above_usd": 58.0,
            "team": f"team-{n % 2}", "agents": [f"agent-{n}"], "tasks": tasks, "runs": [f"agent-{n}-spike"],
            "models": [], "curve": [58.0 / 12 * k for k in range(13)], "strong": [],
        }
        for kind, n, tasks, factor in known_as
    ]  # fmt: skip
    told = {
        "start": T0 - 4 * DAY_S, "days": 8, "events": len(FLEET), "items": items,
        "agents": {f"agent-{n}": f"team-{n % 2}" for n in range(6)}, "seed": 1,
    }  # fmt: skip
    (where / "truth.json").write_text(json.dumps(told))
    lines = (json.dumps({"type": "call", **e, "time": stamp(e["time"])}) for e in FLEET)
    (where / "events.jsonl").write_text("".join(line + "\n" for line in lines))
    return [str(where / "events.jsonl"), str(where / "truth.json")]


def stamp(t: float) -> str:
    return str(np.datetime64(int(t * 1000), "ms")) + "Z"


def rollups(events: list[Event]) -> list[Rollup]:
    feed, judge = Feed(Config()), Judge([Config()])
    flushed = [f for e in events for f in feed.take(json.dumps(e).encode(), e["time"])] + list(feed.finish())
    return [decode_rollup(raw) for f in flushed for _, raw in judge.judge(f)[0].rollups]


class TestPlay:
    def test_rollups_without_statuses_are_those_of_a_fleet_that_never_had_one(self) -> None:
        def alerts(told: list[Rollup]) -> list[Any]:
            portfolio = Portfolio(Config())
            records = [
                a for n, r in enumerate(told) for a in portfolio.process(encode_rollup(without_statuses(r)), n).alerts
            ]
            return [(a.level, a.task, a.severity, a.state, a.updated_at, a.cost_usd) for a in records]

        bare = alerts(rollups([e for e in FLEET if e.get("type") != "status"]))
        assert bare
        assert alerts(rollups(FLEET)) == bare

    def test_a_share_of_runs_keeps_its_task_and_a_larger_share_keeps_those_too(self) -> None:
        calls = [call(0.0, run=f"r{n}", task="T") for n in range(400)]
        kept = {share: {e["run"] for e in calls if "task" in unjoined(e, share)} for share in (0.0, 0.2, 0.5, 1.0)}
        assert not kept[0.0]
        assert kept[0.0] < kept[0.2] < kept[0.5] < kept[1.0]
        assert 50 < len(kept[0.2]) < 110
        told = {"type": "status", "task": "T"}
        assert unjoined(told, 0.0) == told

    @pytest.mark.parametrize(
        ("share", "paged", "alone"),
        [
            (1.0, {"stuck"}, {"stuck", "shipped", "agent-3-spike"}),
            (0.0, set(), {f"agent-{n}-spike" for n in (0, 1, 3)}),
        ],
    )
    def test_the_rule_pages_what_stands_still_and_spend_alone_whatever_is_dear(
        self, tmp_path: Path, share: float, paged: set[str], alone: set[str]
    ) -> None:
        events, of = fleet_files(tmp_path)
        steps: list[int] = []
        found = play(events, read_truth(of), [Config()], share, steps.append)
        assert {page.task for page in found.pages[0]} == paged
        assert {page.task for page in found.alone} == alone
        assert len(steps) == len(FLEET)
        assert not found.refused
        assert found.spending.usd.sum() == pytest.approx(sum(e.get("cost_usd", 0.0) for e in FLEET))


class TestCommand:
    def test_it_prints_a_table_for_each_share_and_leaves_the_figures(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        to = tmp_path / "figures.json"
        pair = fleet_files(tmp_path)
        assert spend.main([*pair, "--joined", "1", "--curve", "--json", str(to)]) == 0
        told = json.loads(to.read_text())
        (part,) = told["by_share"]
        assert part["the rule"]["recall"]["10-fold"]["within_min"]["60"] == 1.0
        assert part["the rule"]["recall"]["10-fold"]["spikes"] == 1
        assert part["the rule"]["paged"] == {
            "productive": {"share": 0.0, "of": 1}, "small": {"share": None, "of": 0},
            "untasked": {"share": 0.0, "of": 1}, "background": {"share": None, "of": 0},
        }  # fmt: skip
        assert part["spend alone"]["paged"]["productive"]["share"] == 1.0
        assert [point["floor_usd"] for point in told["curve"]] == list(spend.FLOORS_USD)
        printed = capsys.readouterr().out
        for text in (
            "100% of runs joined",
            "the rule",
            "spend alone",
            "What floor_usd buys",
            *spend_baselines.BASELINES,
        ):
            assert text in printed

    def test_what_is_no_truth_is_refused_by_file_and_field(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        events, of = fleet_files(tmp_path)
        Path(of).write_text('{"start": 1, "days": 14, "events": 0, "agents": {}, "items": [{"kind": "odd"}]}')
        assert spend.main([events, of]) == 2
        assert "$.items[0].kind" in capsys.readouterr().err
        with pytest.raises(FormatError, match=r"truth\.json: "):
            read_truth(of)

    @pytest.mark.parametrize("arguments", [["a"], ["a", "b", "--joined", "2"], ["a", "b", "c"]])
    def test_wrong_usage_is_said(self, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as end:
            spend.main(arguments)
        assert end.value.code == 2
        assert "usage:" in capsys.readouterr().err
