"""`detector report`: figures that equal the sums of what was read, the same bytes each time, and no person in them."""

import json
import random
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from detector.cli import cli
from detector.config import Config
from detector.model.alert import Alert
from detector.replay.feed import Feed, read_into
from detector.replay.run import Judge
from detector.report.facts import Came, Facts, Ranking, Row, Spend, Usage, decode
from detector.report.run import facts_of
from tests.support.judged import T0, Event, call, status, tool

A = tool("read", result="the same", path="/a")
LOOP = [call(i * 20.0, tools=A, task="T") for i in range(8)]


def write(path: Path, events: list[Event]) -> str:
    path.write_text("".join(json.dumps(event) + "\n" for event in events))
    return str(path)


def facts(tmp_path: Path, events: list[Event]) -> Facts:
    return facts_of(Config(), [write(tmp_path / "events.jsonl", events)], progress=False)


def reported(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["report", *arguments], standalone_mode=False)


def fleet(seed: int) -> list[Event]:
    """A made-up fleet over five hours: of its calls some come twice, some tell no cost, some no usage."""
    rng = random.Random(seed)
    events: list[Event] = []
    for n in range(600):
        team = rng.choice(["red", "blue"])
        task = rng.choice([None, *(f"{team}-{i}" for i in range(6))])
        usage = {"input_tokens": rng.randint(100, 9000), "output_tokens": rng.randint(1, 900)}
        usage |= {"cached_input_tokens": rng.randint(0, 50), "reasoning_tokens": 1, "cache_write_tokens": 7}
        event = call(
            rng.uniform(0, 5 * 3600), run=f"r{n % 40}", agent=rng.choice(["a", "b", "c", None]), team=team, task=task,
            model=rng.choice(["m1", "m2"]), usage=usage, cost_usd=rng.randint(1, 500) / 100, user="mara@example.com",
        )  # fmt: skip
        if n % 10 == 0:
            del event["cost_usd"]
        if n % 15 == 0:
            event["usage"] = {}
        events.append(event)
    events += [status(rng.uniform(0, 5 * 3600), f"red-{i}", category=c) for i, c in enumerate(["completed", "planned"])]
    events.sort(key=lambda e: e["time"])
    return events + [e for e in events if e.get("type") is None][-5:]


def by(calls: list[Event], name: str) -> dict[str | None, tuple[int, float]]:
    sums: defaultdict[str | None, list[float]] = defaultdict(lambda: [0, 0.0])
    for one in calls:
        of = sums[one[name]]
        of[0] += 1
        of[1] += one.get("cost_usd", 0.0)
    return {key: (int(n), round(usd, 6)) for key, (n, usd) in sums.items()}


def told(ranking: Ranking) -> dict[str | None, tuple[int, float]]:
    return {row.name: (row.calls, round(row.usd, 6)) for row in ranking.rows}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_figure_is_the_sum_of_what_was_read(tmp_path: Path, seed: int) -> None:
    events = fleet(seed)
    found = facts(tmp_path, events)
    calls = list({e["id"]: e for e in events if "usage" in e}.values())
    total, usages = found.total, [c["usage"] for c in calls if c["usage"]]
    assert (total.calls, round(total.usd, 6)) == (len(calls), round(sum(c.get("cost_usd", 0.0) for c in calls), 6))
    assert total.unmetered == sum(not c["usage"] for c in calls)
    assert total.unpriced == sum("cost_usd" not in c and bool(c["usage"]) for c in calls)
    assert sum(found.unpriced_models.values()) == total.unpriced
    assert total.cached_input_tokens == sum(u["cached_input_tokens"] for u in usages)
    assert total.cache_write_tokens == 7 * len(usages)
    assert total.reasoning_tokens == len(usages)
    assert total.output_tokens + total.reasoning_tokens == sum(u["output_tokens"] for u in usages)
    read = total.fresh_input_tokens + total.cached_input_tokens + total.cache_write_tokens
    assert read == sum(u["input_tokens"] for u in usages)
    assert told(found.by_agent) == by(calls, "agent")
    assert told(found.by_model) == by(calls, "model")
    assert told(found.by_team) == by(calls, "team")
    assert told(found.by_task) == by(calls, "task")
    assert found.runs == 40
    assert found.tasks == len({c["task"] for c in calls} - {None})
    assert (found.began_t, found.ended_t) == (events[0]["time"], max(e["time"] for e in events))


@pytest.mark.parametrize("seed", [1, 2])
def test_the_pictures_hold_all_that_was_burnt(tmp_path: Path, seed: int) -> None:
    found = facts(tmp_path, fleet(seed))
    assert found.spend is not None
    assert sum(sum(series.usd) for series in found.spend.series) == pytest.approx(found.total.usd)
    assert sum(found.spend.calls) == found.total.calls
    assert sum(came.usd for came in found.came) == pytest.approx(found.total.usd)
    unclaimed = next(came.usd for came in found.came if came.outcome == "no_task")
    assert unclaimed == pytest.approx(next(row.usd for row in found.by_task.rows if row.name is None))


def test_a_loop_is_told_with_what_repeats_and_its_run_over_time(tmp_path: Path) -> None:
    found = facts(tmp_path, [*LOOP, call(200.0, task="T"), status(300.0, "T", category="completed")])
    (flag,) = found.flags
    assert (flag.rule, flag.severity, flag.run, flag.task, flag.agent) == ("loop", "critical", "run", "T", "agent")
    assert (flag.since, flag.rounds, flag.what, flag.steps) == (T0, 8, "read", ["8 × read"])
    assert flag.ended_by == "the task moved"
    assert flag.strip is not None
    assert (sum(flag.strip.calls), sum(flag.strip.usd), flag.strip.of) == (9, 9.0, "run")
    assert (found.loops.episodes, found.loops.usd) == (1, flag.usd)
    assert found.moved_share == 1.0


def test_loops_that_burnt_little_are_shown_and_are_no_tickets(tmp_path: Path) -> None:
    name, out = write(tmp_path / "calls.jsonl", [event | {"cost_usd": 0.001} for event in LOOP]), tmp_path / "r.html"
    result = reported(name, "--out", str(out))
    assert "$0.0080 (100%) went round in 1 loop, on a board only" in result.stdout
    assert "BOARD" in result.stdout
    html = out.read_text()
    assert '<dd>$0.0080</dd><dd class="beside">100% of it, 1 loop, on a board only</dd>' in html
    assert '<article class="flag board">' in html


def test_a_call_that_is_told_twice_is_drawn_once(tmp_path: Path) -> None:
    once, twice = facts(tmp_path, LOOP), facts(tmp_path, [e for e in LOOP for _ in range(2)])
    assert once.flags[0].strip == twice.flags[0].strip
    assert once.total == twice.total


def test_without_a_status_nothing_is_said_of_what_came_of_it(tmp_path: Path) -> None:
    found = facts(tmp_path, LOOP)
    assert (found.status_source, found.moved_share, found.came) == (False, None, [])
    assert {row.outcome for row in found.by_task.rows} == {None}
    weak = facts(tmp_path, [*LOOP, status(300.0, "T", strength="weak")])
    assert weak.status_source is False


def test_a_run_that_a_link_gives_a_task_later_moves_with_it(tmp_path: Path) -> None:
    link = {"type": "link", "id": "l", "time": T0 + 400, "run": "run", "task": "T"}
    calls = [call(i * 100.0) for i in range(8)]
    events = sorted([*calls, link, status(2000.0, "T", category="completed")], key=lambda e: e["time"])
    found = facts(tmp_path, events)
    assert told(found.by_task) == {"T": (8, 8.0)}
    assert found.moved_share == 1.0


def test_the_same_input_gives_the_same_bytes_however_it_is_split_into_files(tmp_path: Path) -> None:
    events = fleet(4)
    names = [write(tmp_path / "calls.jsonl", [e for e in events if "usage" in e])]
    names.append(write(tmp_path / "status.jsonl", [e for e in events if "usage" not in e]))
    pages = []
    for n, files in enumerate((names, names, names[::-1])):
        out, figures = tmp_path / f"{n}.html", tmp_path / f"{n}.json"
        assert reported(*files, "--out", str(out), "--json", str(figures)).exit_code == 0
        pages.append((out.read_bytes(), figures.read_bytes()))
    assert pages[0] == pages[1] == pages[2]


def test_no_person_and_no_text_of_an_answer_is_in_it(tmp_path: Path) -> None:
    secret = {"user": "mara@example.com", "key": "sk-mara", "output": {"text": "the s3cret answer"}}
    events = [call(i * 20.0, tools=tool("read", result="s3cret", path="/s3cret"), **secret) for i in range(8)]
    name, out, figures = write(tmp_path / "calls.jsonl", events), tmp_path / "r.html", tmp_path / "r.json"
    result = reported(name, "--out", str(out), "--json", str(figures))
    everything = out.read_text() + figures.read_text() + result.output
    assert "mara" not in everything
    assert "s3cret" not in everything
    users = {str(a.user) for a in _alerts(name) if a.user}
    assert users
    assert not any(user in everything for user in users)


def _alerts(name: str) -> list[Alert]:
    judge = Judge([Config()])
    return [alert for flushed in read_into(Feed(Config()), [name], None) for alert in judge.judge(flushed)[0].alerts]


def test_the_page_and_the_screen_tell_the_figures(tmp_path: Path) -> None:
    name, out = write(tmp_path / "calls.jsonl", LOOP), tmp_path / "r.html"
    result = reported(name, "--out", str(out))
    assert (result.exit_code, result.exception) == (0, None)
    assert "$8.00 in 8 calls of 1 run; $8.00 (100%) went round in 1 loop; no status source: spend only" in result.stdout
    assert f"page: {out}" in result.stderr
    html = out.read_text()
    assert "<dt>burnt</dt><dd>$8.00</dd>" in html
    assert "no status source: spend only" in html
    assert html.count('<article class="flag page">') == 1


def test_page_and_figures_may_go_to_standard_output_and_input_come_from_the_standard_one(tmp_path: Path) -> None:
    name, out = write(tmp_path / "calls.jsonl", LOOP), tmp_path / "r.html"
    command = [sys.executable, "-c", "from detector.cli import main; main()", "report"]
    told = []
    for how in (["-", "--out", str(out), "--json", "-"], ["--out", "-"]):
        with open(name, "rb") as stdin:
            done = subprocess.run([*command, *how], stdin=stdin, capture_output=True, check=True, cwd=tmp_path)
        assert b"$8.00 in 8 calls" in done.stderr
        told.append(done.stdout)
    assert decode(told[0]).total.calls == 8
    assert told[1] == out.read_bytes()


def test_nothing_read_is_a_page_too(tmp_path: Path) -> None:
    out = tmp_path / "r.html"
    result = reported(write(tmp_path / "none.jsonl", []), "--out", str(out))
    assert (result.exit_code, result.stdout.splitlines()[0]) == (0, "no events")
    assert "No call was read" in out.read_text()


def test_what_cannot_be_used_is_told_on_the_page(tmp_path: Path) -> None:
    bad: list[Any] = [{"id": 1}, *LOOP]
    assert facts(tmp_path, bad).refused == {"wrong_type": 1}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--out", "-", "--json", "-"], "two places"),
        (["--out", "nowhere/r.html"], "there is no directory nowhere"),
        (["--json", "nowhere/r.json"], "there is no directory nowhere"),
    ],
)
def test_wrong_usage_is_told_before_anything_is_read(arguments: list[str], told: str) -> None:
    result = CliRunner().invoke(cli, ["report", "-", *arguments])
    assert result.exit_code == 2
    assert told in result.output


def test_every_field_of_the_figures_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
    told = page.partition("## A report of what was burnt")[2].partition("\n## ")[0]
    for struct in (Facts, Usage, Came, Row, Ranking, Spend):
        for field in struct.__struct_fields__:
            assert f"`{field}`" in told, field
