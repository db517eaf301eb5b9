"""`detector replay`: recorded events from files and standard input, without Kafka."""

import gzip
import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detector.cli import cli
from detector.config import Config
from detector.errors import DetectorError
from detector.replay import reading
from detector.replay.finding import find
from tests.support.judged import T0, Event, call, in_order, status, tool
from tests.unit.test_detection_table_spend import history, hour_of_spend

A = tool("read", result="the same", path="/a")
LOOP = [call(i * 20.0, tools=A, task="T") for i in range(8)]
MOVED = [status(110.0, "T")]


def write(path: Path, lines: list[Event | list[Event] | str], pack: bool = False) -> str:
    text = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
    path.write_bytes(gzip.compress(text.encode()) if pack else text.encode())
    return str(path)


def replayed(*arguments: str) -> Result:
    """The command in this process; its output is what went to standard output and standard error."""
    return CliRunner().invoke(cli, ["replay", *arguments], standalone_mode=False)


def alerts(tmp_path: Path, *files: str) -> bytes:
    where = tmp_path / "alerts.jsonl"
    result = replayed(*files, "--alerts", str(where))
    assert result.exception is None
    return where.read_bytes()


def states(raw: bytes) -> list[tuple[str, str]]:
    return [(a["rule"], a["state"]) for a in map(json.loads, raw.splitlines())]


def test_alerts_go_to_standard_output_one_a_line(tmp_path: Path) -> None:
    result = replayed(write(tmp_path / "calls.jsonl", [*LOOP]))
    lines = [line for line in result.stdout.splitlines() if line]
    assert [json.loads(line)["state"] for line in lines] == ["open", "update", "resolved"]
    assert "8 events; episodes opened: 1 loop critical" in result.stderr


def test_packed_files_and_standard_input_give_the_same_bytes(tmp_path: Path) -> None:
    plain, packed = write(tmp_path / "calls", [*LOOP]), write(tmp_path / "packed", [*LOOP], pack=True)
    expected = alerts(tmp_path, plain)
    assert alerts(tmp_path, packed) == expected
    command = [sys.executable, "-c", "from detector.cli import main; main()", "replay"]
    for name, how in ((plain, []), (packed, ["-"])):
        with open(name, "rb") as stdin:
            done = subprocess.run([*command, *how], stdin=stdin, capture_output=True, check=True, cwd=tmp_path)
        assert done.stdout == expected


def test_files_are_merged_by_time_in_whatever_order_they_are_named(tmp_path: Path) -> None:
    files = [write(tmp_path / "calls.jsonl", [*LOOP]), write(tmp_path / "status.jsonl", [*MOVED], pack=True)]
    both = write(tmp_path / "both.jsonl", [*sorted(LOOP + MOVED, key=lambda e: e["time"])])
    expected = alerts(tmp_path, both)
    assert states(expected)[:2] == [("loop", "open"), ("loop", "resolved")]
    assert alerts(tmp_path, *files) == expected == alerts(tmp_path, *reversed(files))


@pytest.mark.parametrize("of", [1, 3, 8])
def test_an_array_of_events_stands_where_its_events_do(tmp_path: Path, of: int) -> None:
    arrays = [LOOP[i : i + of] for i in range(0, len(LOOP), of)]
    files = [write(tmp_path / "calls.jsonl", [*arrays]), write(tmp_path / "status.jsonl", [MOVED])]
    both = write(tmp_path / "both.jsonl", [*sorted(LOOP + MOVED, key=lambda e: e["time"])])
    assert alerts(tmp_path, *files) == alerts(tmp_path, both)


def test_lines_out_of_order_are_put_in_order(tmp_path: Path) -> None:
    lines = [*LOOP, *MOVED, *(call(i * 3.0, run="other") for i in range(200))]
    expected = alerts(tmp_path, write(tmp_path / "a", [*sorted(lines, key=lambda e: e["time"])]))
    random.Random(3).shuffle(lines)
    assert states(alerts(tmp_path, write(tmp_path / "b", [*lines]))) == states(expected)


def test_times_may_be_seconds_or_rfc_3339(tmp_path: Path) -> None:
    told = [dict(e) for e in LOOP]
    for i, event in enumerate(told):
        second = 13 * 60 + 20 + i * 20
        if i % 2:
            event["time"] = f"2026-09-21T16:{second // 60:02}:{second % 60:02}+02:00"
    assert alerts(tmp_path, write(tmp_path / "a", [*told])) == alerts(tmp_path, write(tmp_path / "b", [*LOOP]))


def test_lines_that_cannot_be_used_are_told_with_file_and_line_and_the_rest_is_judged(tmp_path: Path) -> None:
    bad: list[Any] = ["nonsense", {"id": 1}, [{"id": "x"}, LOOP[0], {"id": "y"}], "", LOOP[1] | {"status": "s3cret"}]
    name = write(tmp_path / "calls.jsonl", [*bad, *LOOP[1:]])
    result = replayed(name)
    assert (result.exit_code, result.exception) == (0, None)
    assert [line for line in result.stderr.splitlines() if line.startswith(name)] == [
        f"{name}:1: event is not JSON",
        f"{name}:2: id expected `str`, got `int`",
        f"{name}:3: time is required",
        f"{name}:3: time is required",
        f"{name}:5: status is none of the allowed values",
    ]
    assert "13 events (5 refused: 2 missing_field, 1 not_json, 1 out_of_range, 1 wrong_type)" in result.stderr
    assert "s3cret" not in result.output
    assert states(result.stdout.encode())[0] == ("loop", "open")


def test_bad_lines_far_apart_in_time_are_told_too(tmp_path: Path) -> None:
    name = write(tmp_path / "calls.jsonl", [call(i * 700.0) | ({"usage": 1} if i % 2 else {}) for i in range(9)])
    told = [line for line in replayed(name).stderr.splitlines() if line.startswith(name)]
    assert told == [f"{name}:{n}: usage expected `object`, got `int`" for n in (2, 4, 6, 8)]


def test_of_many_bad_lines_the_first_are_told_and_all_are_counted(tmp_path: Path) -> None:
    name = write(tmp_path / "calls.jsonl", [LOOP[0], *["nonsense"] * 1200])
    result = replayed(name)
    told = [line for line in result.stderr.splitlines() if line.startswith(name)]
    assert told == [f"{name}:{n}: event is not JSON" for n in range(2, 102)]
    assert "1201 events (1200 refused: 1200 not_json); episodes opened: none" in result.stderr
    assert result.exit_code == 0


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    names = [write(tmp_path / "a.jsonl", [*LOOP, "bad"]), write(tmp_path / "b.jsonl", [*MOVED])]
    outputs = []
    for n in range(2):
        to = [str(tmp_path / f"{what}-{n}") for what in ("alerts", "signals")]
        assert replayed(*names, "--alerts", to[0], "--signals", to[1]).exit_code == 0
        outputs.append([Path(t).read_bytes() for t in to])
    assert outputs[0] == outputs[1]
    assert all(outputs[0])


def test_signals_are_one_line_a_call_with_what_the_rules_saw(tmp_path: Path) -> None:
    embedding = call(65.0, operation="embeddings", cost_usd=0.5)
    lines = sorted([*LOOP, *MOVED, embedding], key=lambda e: e["time"])
    to = tmp_path / "signals.jsonl"
    replayed(write(tmp_path / "calls", [*lines, LOOP[3]]), "--alerts", str(tmp_path / "alerts"), "--signals", str(to))
    told = {s["call"]: s for s in map(json.loads, to.read_text().splitlines())}
    assert len(told) == len(to.read_text().splitlines()) == 9
    assert list(told[LOOP[0]["id"]]) == ["call", "run", "repeats", "similarity", "period", "novel", "cost_usd"]
    first, second, other = told[LOOP[0]["id"]], told[LOOP[1]["id"]], told[embedding["id"]]
    assert first | {"call": ""} == {
        "call": "", "run": "run", "repeats": False, "similarity": 0.0, "period": None, "novel": True, "cost_usd": 1.0
    }  # fmt: skip
    assert (second["repeats"], second["similarity"], second["period"], second["novel"]) == (True, 1.0, 1, False)
    assert (other["repeats"], other["period"], other["cost_usd"]) == (False, None, 0.5)


def test_times_far_from_the_present_are_judged_and_absurd_ones_refused(tmp_path: Path) -> None:
    old = [e | {"time": e["time"] - 20 * 365 * 86_400, "id": f"old-{n}", "run": "old"} for n, e in enumerate(LOOP)]
    far = call(0.0, run="far") | {"time": "2099-12-31T23:59:59Z"}
    absurd = [call(0.0) | {"time": t} for t in (946_684_799, 4_102_444_800, -1, 1_790_000_000_000)]
    name = write(tmp_path / "calls", [far, *old, *absurd[:2], *LOOP[:4], *absurd[2:], *LOOP[4:]])
    result = replayed(name)
    assert "21 events (4 refused: 4 time_out_of_range); episodes opened: 2 loop critical" in result.stderr
    resolved = [json.loads(line) for line in result.stdout.splitlines() if "resolved_by" in line]
    assert sorted(a["resolved_at"] for a in resolved) == [T0 - 20 * 365 * 86_400 + 1040, T0 + 1040]


def test_a_task_that_was_idle_for_a_day_is_forgotten_wherever_its_events_stand_in_the_file(tmp_path: Path) -> None:
    def week(calls: int, day: int) -> list[Event]:
        return [call(day * 86_400 + i * 60.0, task="T", output={"text": f"{i}"}) for i in range(calls)]

    for before in (0, 5, 490, 499):
        others = [call(i * 0.1, run="other", output={"text": f"{i}"}) for i in range(before)]
        told = alerts(tmp_path, write(tmp_path / "calls", [*others, *week(6, 1), *week(6, 5)]))
        assert states(told) == []


def test_a_file_that_is_damaged_or_cut_off_is_an_error_that_names_it(tmp_path: Path) -> None:
    raw = bytearray(gzip.compress(json.dumps(LOOP).encode()))
    (tmp_path / "cut").write_bytes(raw[:100])
    raw[100] ^= 255
    raw[101] ^= 255
    (tmp_path / "damaged").write_bytes(raw)
    for name in ("cut", "damaged"):
        result = replayed(str(tmp_path / name))
        assert isinstance(result.exception, DetectorError)
        assert f"{name}: cannot be read to its end" in str(result.exception)


def test_empty_input_gives_nothing(tmp_path: Path) -> None:
    for pack in (False, True):
        result = replayed(write(tmp_path / "empty", [], pack))
        assert (result.stdout, result.exit_code) == ("", 0)
        assert "0 events; episodes opened: none" in result.stderr


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 50)), max_size=60))
def test_reading_gives_every_line_once_in_the_order_of_time(tmp_path: Path, lines: list[tuple[int, int]]) -> None:
    files = []
    for n in range(4):
        mine = [{"time": t, "id": i} for i, (file, t) in enumerate(lines) if file == n]
        files.append(write(tmp_path / f"{n}", [*mine], pack=n % 2 == 1))
    read = list(reading.Reading(Config(), find(files), lambda _: None).lines())
    assert sorted(json.loads(line.value)["id"] for line in read if isinstance(line.value, bytes)) == list(
        range(len(lines))
    )
    assert [line.t for line in read] == sorted(line.t for line in read)


def test_progress_counts_every_byte(tmp_path: Path) -> None:
    names = [write(tmp_path / f"{pack}", [*LOOP], pack) for pack in (False, True)]
    seen: list[int] = []
    list(reading.Reading(Config(), find(names), seen.append).lines())
    assert sum(seen) == sum(Path(n).stat().st_size for n in names)


def test_memory_for_putting_lines_in_order_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LOOK_AHEAD_LINES", 10)
    lines = [{"id": "x", "time": t} for t in (*range(100, 130), 0)]
    found = find([write(tmp_path / "a", [*lines])])
    read = list(reading.Reading(Config(), found, lambda _: None).lines())
    assert [line.t for line in read] == [*range(100, 120), 0, *range(120, 130)]


@pytest.mark.parametrize(
    ("which", "said"),
    [
        (2, ("rule loop: quiet", "info     fails  rounds: 3, needs at least 4   <- decided")),
        (3, ("rule loop: critical, class repeat", "every check holds", "rule run_inflation: quiet")),
    ],
)
def test_a_verdict_is_explained_whether_it_fired_or_not(tmp_path: Path, which: int, said: tuple[str, ...]) -> None:
    name = write(tmp_path / "calls", list(LOOP))
    result = replayed(name, "--explain", LOOP[which]["id"])
    assert result.exit_code == 0
    assert all(text in result.stdout for text in said)
    assert "burnt" in result.stdout
    assert f"call {LOOP[which]['id']} of agent, run run, task T" in result.stdout
    assert '"rule"' not in result.stdout


def test_explaining_changes_no_alert_and_an_unknown_call_is_said(tmp_path: Path) -> None:
    name = write(tmp_path / "calls", [*LOOP, *MOVED])
    to = tmp_path / "alerts"
    explained = replayed(name, "--explain", LOOP[0]["id"], "--alerts", str(to))
    assert explained.exit_code == 0
    assert to.read_text() == replayed(name).stdout
    unknown = replayed(name, "--explain", "nobody")
    assert unknown.return_value == 1
    assert "nobody: no rule was asked" in unknown.stdout


def test_a_verdict_on_spend_is_explained_at_the_end_of_the_minute_of_its_call(tmp_path: Path) -> None:
    events = [*history(4.4), *hour_of_spend(44.4)]
    late, early = (e["id"] for e in (events[-15], events[-55]))
    name = write(tmp_path / "spend.jsonl", in_order(events))
    said = replayed(name, "--explain", late).output
    assert "rule spend_spike: critical" in said
    assert "every check holds" in said
    assert "$4.40, mean of the active hours of the agent" in said
    assert "rule spend_spike: quiet" in replayed(name, "--explain", early).output
