"""The command that measures loops: what it takes, refuses and tells."""

import json
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from tests.bench import labelled, loop_pairs, loops
from tests.bench.labelled import FormatError, Run
from tests.bench.loop_alerts import Judged, Played
from tests.unit.recorded_runs import answer, run, step, worker


def write(path: Path, *runs: Run) -> str:
    path.write_text("".join(msgspec.json.encode(r).decode() + "\n" for r in runs))
    return str(path)


def test_an_answer_to_a_person_has_no_tool_and_ends_the_turn() -> None:
    first, second, third = labelled.of_run(run(answer("Which one?"), step("look", None, x=1), step("look")), 1e9, 5, 2)
    assert "tools" not in first
    assert first["output"] == {"text": "Which one?"}
    assert [event["turn"] for event in (first, second, third)] == ["0", "1", "1"]
    assert second["tools"] == [{"call_id": "1", "name": "look", "arguments": {"x": 1}}]
    assert third["tools"][0]["result"] == "done"
    assert (third["time"], third["cost_usd"]) == (1e9 + 10, 2)


def test_runs_follow_each_other_and_have_names_of_their_own(tmp_path: Path) -> None:
    path = write(tmp_path / "runs.jsonl", run(*[step()] * 900), run(step()), run(step(), name="other"))
    events = list(labelled.events(path))
    assert [event["time"] for event in events] == sorted(event["time"] for event in events)
    assert list(dict.fromkeys(event["run"] for event in events)) == ["r", "r#2", "other"]
    assert events[900]["time"] - events[899]["time"] > labelled.RUN_S


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "line 1: is no JSON"),
        ('{"run": "a", "agent": "b", "steps": []}\n\n[]', "line 3: Expected `object`"),
        ('{"agent": "b", "steps": []}', "line 1: Object missing required field `run`"),
        ('{"run": "a", "agent": "b", "steps": [{"action": {"name": 1}}]}', "steps[0].action.name"),
        ('{"run": "a", "agent": "b", "steps": [{"action": null}], "labels": ["x", "y"]}', "line 1: labels: 2 for 1"),
        ("\n", "is empty"),
    ],
)
def test_another_format_is_refused_by_file_line_and_field(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "other.jsonl"
    path.write_text(text)
    with pytest.raises(FormatError) as refused:
        list(labelled.read(path))
    assert told in str(refused.value)
    assert str(path) in str(refused.value)


@pytest.mark.parametrize("name", ["absent.jsonl", "broken.jsonl.gz", "broken.jsonl"])
def test_the_command_ends_with_2_where_a_file_cannot_be_read(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if name.startswith("broken"):
        (tmp_path / name).write_bytes(b"\xff\x00")
    assert loops.main([str(tmp_path / name)]) == 2
    told = capsys.readouterr()
    assert name in told.err
    assert told.out == ""


def test_the_command_tells_each_file_and_all_of_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    marked = [
        worker("one", 6, labels="FFFFF" + "RRRRR" + "FFFF"),
        *(worker(f"w{n}", 1, labels="F" * 9, agent="b" if n % 2 else "a") for n in range(5)),
    ]
    paths = [
        write(tmp_path / "marked.jsonl", *marked),
        write(tmp_path / "quiet.jsonl", worker("x", 1, reward=1), worker("y", 1, reward=0)),
    ]
    figures = tmp_path / "figures.json"
    command = [*paths, "--usd-a-step", "1", "--runs-a-week", "10", "--json", str(figures)]
    assert loops.main(command) == 0
    first = capsys.readouterr().out
    assert loops.main(command) == 0
    assert capsys.readouterr().out == first
    for line in (
        "aim: f1 of `repeats` at least .76: met (1.00)",
        "one (stuck, 15 steps): repeat, first repeat at step 7, critical at 9; 6 calls",
        "made up: 10 runs a week of each agent (--runs-a-week), $1 and 20 s a step",
        "so the $5 guard stops after step 5",
        "where no loops are (unlabelled runs): no page: met (0 of 2)",
    ):
        assert line in first
    found = json.loads(figures.read_text())
    assert found["made_up"] == {"usd_a_step": 1.0, "step_s": 20.0, "runs_a_week": 10.0}
    assert list(found["files"]) == [*paths, "pooled"]
    pooled = found["files"]["pooled"]
    assert pooled["runs"] == 8
    assert pooled["pairs"] is None
    assert {name: g["runs"] for name, g in pooled["alerts"]["groups"].items()} == {
        "all": 8,
        "stuck": 1,
        "not stuck": 5,
        "solved": 1,
        "failed": 1,
    }


def test_labelled_files_are_pooled_run_by_run() -> None:
    parts = []
    for said in (True, False):
        of = [run(step(x=1), step(x=1), labels="R")]
        signal = [[False, said]]
        played = Played([Judged(of[0], "not stuck", signal[0], [])], Counter({"spend_spike, warning": 1}), 2)
        parts.append(loops.Measured(played, loop_pairs.count(of, signal)))
    found = loops.figures(loops.pooled(parts), loops.Made(0.25, 20.0, 100.0))
    assert found["pairs"]["all"]["rules"]["repeats"]["recall"][0] == 0.5
    assert (found["refused"], found["other_rules"]) == (4, {"spend_spike, warning": 2})


@pytest.mark.parametrize("value", ["0", "-1", "inf", "nan", "much"])
def test_absurd_prices_are_refused(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        loops.parsed(["x", "--usd-a-step", value])
    assert ended.value.code == 2
    assert "--usd-a-step" in capsys.readouterr().err
