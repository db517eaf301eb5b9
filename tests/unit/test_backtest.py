"""`detector backtest`: settings to try, one reading for all of them, and what each would have done."""

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from click import BadParameter
from click.testing import CliRunner, Result

from detector.cli import cli
from detector.config import Config, load_config
from detector.errors import ConfigError, DetectorError
from detector.model.alert import Alert
from detector.replay.backtest import Backtest, History, backtest, figures, judges_of
from detector.replay.backtest_table import console_of_output, show
from detector.replay.feed import Feed
from detector.replay.tally import Page, Subject, Tally
from detector.replay.trials import MOST, Trial, trials
from tests.support.fleets import spiking_fleet
from tests.support.judged import Event, judge, status
from tests.unit.alert_records import OPENED_S, alert

FLEET = spiking_fleet()


def write(path: Path, events: list[Event]) -> str:
    path.write_text("".join(json.dumps(e) + "\n" for e in events))
    return str(path)


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write(tmp_path_factory.mktemp("history") / "events.jsonl", FLEET)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["backtest", *arguments], standalone_mode=False)


def names(told: list[Trial]) -> list[str]:
    return [trial.name for trial in told]


class TestSettings:
    def test_the_configuration_comes_first_then_every_combination(self) -> None:
        told = trials(Config(), "spend_spike", ["floor_usd=10,30", "movers=2", "floor_usd=30,50"])
        assert names(told) == ["as configured (floor_usd=20 movers=3)"] + [
            f"floor_usd={usd} movers=2" for usd in (10, 30, 50)
        ]
        assert [t.config.rules.spend_spike.floor_usd for t in told] == [20.0, 10.0, 30.0, 50.0]
        assert all(t.config.rules.loop == Config().rules.loop for t in told)

    def test_what_is_configured_is_not_tried_twice(self) -> None:
        assert names(trials(Config(), "spend_spike", ["floor_usd=20,20.0,25"])) == [
            "as configured (floor_usd=20)", "floor_usd=25"
        ]  # fmt: skip

    def test_a_file_and_overrides_stay_below_what_is_tried(self, tmp_path: Path) -> None:
        (tmp_path / "d.toml").write_text(
            "[rules.loop]\nthrash = 7\n[[overrides]]\nteam = 'a'\n[overrides.rules.loop]\nnear_rounds = 9\n"
        )
        config = load_config(tmp_path / "d.toml")
        tried = trials(config, "loop", ["near_rounds=5"])[1].config
        assert (tried.rules.loop.thrash, tried.rules.loop.near_rounds) == (7, 5)
        assert tried.rules_for("t", "a", None).loop.near_rounds == 9
        assert tried.digest() != config.digest()

    @pytest.mark.parametrize(
        ("rule", "told", "said"),
        [
            (None, ["floor_usd=1"], "--set needs --rule"),
            ("spend_spik", [], "--rule spend_spik: no such rule; did you mean spend_spike?"),
            ("spend_spike", ["flor_usd=1"], "spend_spike has no threshold flor_usd; did you mean floor_usd?"),
            ("spend_spike", ["page_burnt_usd=1"], "it is one of --rule loop"),
            ("spend_spike", ["zzz=1"], "`detector config` lists all under"),
            ("spend_spike", ["floor_usd=5,-1"], "--set floor_usd=5,-1: spend_spike.floor_usd: input should be greater"),
            ("spend_spike", ["floor_usd=much"], "input should be a valid number"),
            ("spend_spike", ["floor_usd=nan"], "input should be a finite number"),
            ("spend_spike", ["floor_usd"], "needs a value after ="),
            ("spend_spike", ["floor_usd=1,,2"], "needs a value after ="),
            ("redundant_work", ["runs=17"], "input should be less than or equal to 16 (it is '17')"),
        ],
    )
    def test_what_cannot_be_tried_is_said(self, rule: str | None, told: list[str], said: str) -> None:
        with pytest.raises(ConfigError) as error:
            trials(Config(), rule, told)
        assert said in str(error.value)

    def test_the_number_of_settings_is_bounded(self) -> None:
        values = ",".join(map(str, range(1, 9)))
        assert len(trials(Config(), "spend_spike", [f"floor_usd={values}", "movers=2,3,4"])) == MOST + 1
        with pytest.raises(ConfigError, match="8 of floor_usd × 4 of movers are 32 settings, at most 24"):
            trials(Config(), "spend_spike", [f"floor_usd={values}", "movers=2,3,4,5"])


class TestOneReading:
    @pytest.mark.parametrize(
        ("rule", "told", "engines"),
        [("spend_spike", ["floor_usd=200"], 1), ("run_inflation", ["warning_calls=12"], 2)],
    )
    def test_settings_that_are_judged_at_once_give_what_each_gives_alone(
        self, rule: str, told: list[str], engines: int
    ) -> None:
        configs = [trial.config for trial in trials(Config(), rule, told)]
        judges = judges_of(configs, rule)
        assert len(judges) == engines
        feed = Feed(Config())
        found: list[list[Alert]] = [[] for _ in configs]
        batches = itertools.chain(*(feed.take(json.dumps(e).encode(), e["time"]) for e in FLEET), feed.finish())
        for flushed in batches:
            for alerts, outcome in zip(found, (o for j in judges for o in j.judge(flushed)), strict=True):
                alerts += [a for a in outcome.alerts if a.rule == rule]
        assert found == [[a for a in judge(FLEET, config) if a.rule == rule] for config in configs]
        first, second = ([(a.updated_at, a.severity) for a in alerts] for alerts in found)
        assert first != second


class TestTally:
    def test_an_episode_counts_once_at_the_highest_severity_that_it_reached(self) -> None:
        tally = Tally()
        tally.take([alert(severity="info"), alert(severity="warning", state="update", version=2)])
        assert not tally.episodes
        tally.take([alert(severity="warning", state="resolved", version=3, resolved_at=OPENED_S)])
        assert tally.by_severity("loop") == {"critical": 0, "warning": 1, "info": 0}
        assert not tally.pages["loop"]

    @pytest.mark.parametrize(
        ("why", "after_s", "task", "level", "progress"),
        [
            ("the task moved", 3600, "T", "task", True),
            ("the task moved", 3601, "T", "task", False),
            ("quiet", 60, "T", "run", False),
            ("quiet", 60, None, "run", None),
            ("quiet", 60, None, "team", None),
        ],
    )
    def test_a_page_saves_what_comes_after_its_first_critical_record(
        self, why: str, after_s: float, task: str | None, level: Any, progress: bool | None
    ) -> None:
        fields: dict[str, Any] = {"task": task, "level": level, "resolved_at": OPENED_S + 100 + after_s}
        tally = Tally()
        tally.take(
            [
                alert(severity="info", cost_usd=2.0, task=task, level=level),
                alert(state="update", cost_usd=5.0, updated_at=OPENED_S + 100, task=task, level=level),
                alert(state="update", cost_usd=10.0, updated_at=OPENED_S + 200, task=task, level=level),
                alert(state="resolved", cost_usd=12.0, evidence={"resolved_by": why}, **fields),
            ]
        )
        assert tally.pages["loop"] == [Page(12.0, 7.0, progress)]

    def test_agents_are_named_rather_than_tasks_and_never_people(self) -> None:
        tally = Tally("loop")
        for n in range(3):
            one = alert(id=f"e{n}", task=f"T{n}", level="task", user="u-123", state="resolved", resolved_at=OPENED_S)
            tally.take([one])
        tally.take([alert(id="t", level="team", agent=None, state="resolved", resolved_at=OPENED_S)])
        key = alert(id="k", level="key", key="k-7f3a", agent=None, run=None, state="resolved", resolved_at=OPENED_S)
        tally.take([key])
        tally.take([alert(id="other", rule="spend_spike", state="resolved", resolved_at=OPENED_S)])
        assert tally.most("loop", "critical", 5) == [
            (Subject("agent", "acme", "search", "indexer"), 3, 3),
            (Subject("key", "acme", "search", "k-7f3a"), 1, 0),
            (Subject("team", "acme", "search", "search"), 1, 0),
        ]
        told = figures(Backtest(History(1, 0, 0, 0.0, 604_800.0), [(Trial("x", Config()), tally)]), "loop")
        assert "u-123" not in json.dumps(told)


def test_names_do_nothing_to_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    tally = Tally("loop")
    tally.take([alert(agent="a\x1b[2J", team="[bold]t", state="resolved", resolved_at=OPENED_S)])
    told = figures(Backtest(History(1, 0, 0, 0.0, 604_800.0), [(Trial("x", Config()), tally)]), "loop")
    show(told, console_of_output())
    assert r"most pages, loop: 1 × 'a\x1b[2J' of [bold]t" in capsys.readouterr().out


class TestCommand:
    def test_figures_of_a_made_up_history(self, history: str, tmp_path: Path) -> None:
        to = tmp_path / "figures.json"
        result = run(history, "--rule", "spend_spike", "--set", "floor_usd=20,200", "--json", str(to))
        assert (result.exit_code, result.exception) == (0, None)
        told = json.loads(to.read_text())
        assert [s["setting"] for s in told["settings"]] == ["as configured (floor_usd=20)", "floor_usd=200"]
        configured, high = (s["rules"]["spend_spike"] for s in told["settings"])
        assert configured["episodes"]["critical"] == 1
        assert high["episodes"]["critical"] == 0
        (subject,) = configured["subjects"]["critical"]
        assert (subject["level"], subject["name"], subject["team"]) == ("agent", "agent-0", "team-0")
        pages, weeks = configured["pages"], told["history"]["weeks"]
        assert weeks == pytest.approx(4.65 / 7, abs=0.05)
        assert configured["episodes_a_week"]["critical"] == pytest.approx(1 / weeks, abs=0.001)
        assert pages["saved_usd"] == pytest.approx(saved_of_the_stuck_task(), abs=1e-6)
        assert 0 < pages["saved_usd"] < pages["burnt_usd"]
        assert (pages["with_a_task"], pages["followed_by_progress"]) == (1, 0)
        for text in (
            "most pages, as configured (floor_usd=20): 1 × agent-0 of team-0",
            "floor_usd=200",
            "stopping each at once",
            "unknown",
        ):
            assert text in result.stdout

    def test_settings_that_differ_in_nothing_are_told_so(self, history: str) -> None:
        result = run(history, "--rule", "run_inflation", "--set", "warning_calls=5000,6000")
        assert "warning_calls=5000 | warning_calls=6000 say the same" in result.stdout.replace("\n", " ")

    def test_a_page_that_progress_follows_is_told_as_probably_wrong(self, tmp_path: Path) -> None:
        events = [*FLEET, status(4000.0, "stuck")]
        file = write(tmp_path / "e.jsonl", sorted(events, key=lambda e: e["time"]))
        found = figures(backtest(trials(Config(), "spend_spike", []), "spend_spike", [file], False), "spend_spike")
        pages = found["settings"][0]["rules"]["spend_spike"]["pages"]
        assert (pages["with_a_task"], pages["followed_by_progress"]) == (1, 1)

    def test_without_a_rule_all_are_told_as_configured(self, history: str) -> None:
        result = run(history)
        assert result.exception is None
        for rule in ("loop", "run_inflation", "redundant_work", "spend_spike"):
            assert f"\n{rule} " in result.stdout
        assert "shorter than a week" in result.stdout

    def test_an_empty_history_is_an_error(self, tmp_path: Path) -> None:
        result = run(write(tmp_path / "empty", []))
        assert isinstance(result.exception, DetectorError)
        assert "no event can be used" in str(result.exception)

    def test_a_wrong_setting_is_told_before_anything_is_read(self, history: str) -> None:
        result = run(history, "--rule", "spend_spike", "--set", "flor_usd=3")
        assert isinstance(result.exception, ConfigError)

    def test_a_place_that_cannot_be_written_is_told_first(self, history: str) -> None:
        result = run(history, "--json", "/no/such/place/figures.json")
        assert isinstance(result.exception, BadParameter)
        assert "there is no directory /no/such/place" in result.exception.message


def saved_of_the_stuck_task() -> float:
    """Dollars of the one page after it, from its records."""
    records = [a for a in judge(FLEET) if a.rule == "spend_spike" and a.task == "stuck"]
    paged = next(a for a in records if a.severity == "critical")
    return records[-1].cost_usd - paged.cost_usd
