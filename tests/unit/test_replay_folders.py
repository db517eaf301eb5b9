"""`detector replay` of what agents leave on disk: folders, formats told by content, each call once."""

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest

from detector.config import Config
from detector.errors import DetectorError
from detector.replay import opening, reading
from detector.replay.finding import find
from detector.replay.reading import Reading
from tests.support import bodies
from tests.support import transcripts as made
from tests.support.judged import call
from tests.support.otlp import NOW, Log, logs_json, logs_protobuf
from tests.unit.test_replay import replayed

pytestmark = pytest.mark.usefixtures("bare_environment")

CLAUDE = made.block(1.0, "a1", "msg-1", {"type": "text", "text": "x"})


def lay(folder: Path, files: dict[str, bytes]) -> str:
    """The folder, with these files in it."""
    for name, body in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    return str(folder)


def events(*paths: str, config: Config | None = None) -> list[dict[str, Any]]:
    """What is read, in its order; nothing of it is refused."""
    lines = Reading(config or Config(), find(paths), lambda _: None).lines()
    return [json.loads(line.value) for line in lines if isinstance(line.value, bytes) or pytest.fail(str(line.value))]


def said(result: Any) -> list[str]:
    """The lines of the summary."""
    assert result.exception is None, result.exception
    lines: list[str] = result.stderr.splitlines()
    return lines


def test_every_format_is_recognised_by_its_content_whatever_its_name(tmp_path: Path) -> None:
    files = {f"{name}/{n}.txt": body for name, all in bodies.ALL.items() for n, body in enumerate(all)}
    files |= {
        "native": made.body([call(1.0)]),
        "cloud": b'{"specversion":"1.0","type":"call","data":' + made.body([call(9.0)])[:-1] + b"}",
    }
    found = find([lay(tmp_path, files)])
    assert found.passed == 0
    assert {Path(told.name).parent.name: told.format for told in found.inputs if told.name.endswith(".txt")} == {
        name: name for name in bodies.ALL
    }
    assert {told.format for told in found.inputs if not told.name.endswith(".txt")} == {"native", "cloudevents"}
    sources = {event.get("source") for event in events(str(tmp_path))}
    assert sources == {None, "codex", "gemini_cli", "claude_code", "spans", "litellm"}


def test_packed_files_are_read_as_the_plain_ones(tmp_path: Path) -> None:
    for name, (body, *_) in bodies.ALL.items():
        plain = events(lay(tmp_path / name / "plain", {"x": body}))
        assert events(lay(tmp_path / name / "packed", {"x": gzip.compress(body)})) == plain
        assert plain


def test_other_files_in_a_folder_are_counted_and_a_file_that_is_named_is_an_error(tmp_path: Path) -> None:
    others = {
        "a.sqlite": b"SQLite format 3\0" + bytes(5000),
        "notes.md": b"# notes\n",
        "history": b"[1, 2]\n",
        "b.json": b"{\n}\n",
    }
    folder = lay(tmp_path, others | {"empty": b"", "sessions/1": made.body(made.steps(2))})
    lines = said(replayed(folder, "--alerts", "/dev/null"))
    assert "2 events; episodes opened: none" in lines
    assert "4 files in folders without events: passed over" in lines
    for name in others:
        with pytest.raises(DetectorError, match=f"{name}: holds no events in any format"):
            raise replayed(str(tmp_path / name)).exception or AssertionError


def test_a_file_that_is_named_twice_or_is_in_a_folder_too_is_read_once(tmp_path: Path) -> None:
    folder = lay(tmp_path, {"a": made.body(made.steps(2))})
    os.symlink(tmp_path / "a", tmp_path / "b")
    assert len(events(folder, str(tmp_path / "a"), folder)) == 2


def test_files_that_cannot_be_read_are_passed_over_in_a_folder(tmp_path: Path) -> None:
    folder = lay(tmp_path, {"cut.gz": gzip.compress(made.body(made.steps(9)))[:30], "good": made.body(made.steps(1))})
    assert len(events(folder)) == 1
    assert find([folder]).passed == 1


def test_sessions_that_overlap_are_merged_by_time_and_each_file_is_opened_when_its_time_has_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {f"{n}": made.body(made.steps(5, f"thread-{n}", begin=n * 50.0)) for n in (3, 1, 2, 0)}
    folder = lay(tmp_path, files)
    monkeypatch.setattr(reading, "LOOK_AHEAD_LINES", 0)
    opened: list[str] = []

    def open_(name: str, *rest: Any) -> Any:
        opened.append(Path(name).name)
        return opening.opened(name, *rest)

    monkeypatch.setattr(reading, "opened", open_)
    times, open_at = [], []
    for line in Reading(Config(), find([folder]), lambda _: None).lines():
        times.append(line.t)
        open_at.append(len(opened))
    assert len(times) == 20
    assert times == sorted(times)
    assert opened == ["0", "1", "2", "3"]
    assert open_at[0] < 4


def test_bodies_that_do_not_say_when_they_begin_stand_where_their_events_do(tmp_path: Path) -> None:
    def body(t: float, run: str, as_json: bool) -> bytes:
        attributes = bodies.LOGS[0].attributes | {"conversation.id": run}
        return (logs_json if as_json else logs_protobuf)([Log(attributes, NOW + t)], bodies.RESOURCE)

    files = {f"{n}": body(t, f"run-{n}", n % 2 == 0) for n, t in enumerate((30.0, 10.0, 20.0, 40.0))}
    assert [event["run"] for event in events(lay(tmp_path, files))] == ["run-1", "run-2", "run-0", "run-3"]


def test_what_a_collector_writes_to_files_is_read_line_by_line_whatever_signals_they_mix(tmp_path: Path) -> None:
    metrics = b'{"resourceMetrics":[]}'
    logs, spans = bodies.ALL["otlp_logs"][1], bodies.ALL["otlp_spans"][1]
    together = events(lay(tmp_path / "a", {"x": b"\n".join([metrics, logs, spans, b"", logs]) + b"\n"}))
    apart = events(lay(tmp_path / "b", {"logs": logs, "spans": spans}))
    assert len(together) == len(apart) + len(events(lay(tmp_path / "c", {"logs": logs})))
    assert {json.dumps(event) for event in together} == {json.dumps(event) for event in apart}


@pytest.mark.parametrize(
    "format", ["rollout", "gemini_sessions", "claude_transcripts", "gemini_outfile", "native", "otlp"]
)
def test_an_end_that_is_still_being_written_is_left_out_and_told(tmp_path: Path, format: str) -> None:
    whole = {
        "rollout": made.body(made.steps(3)),
        "gemini_sessions": made.body([made.session(), made.gemini(1.0, "m1"), made.gemini(2.0, "m2")]),
        "claude_transcripts": made.body([CLAUDE, CLAUDE]),
        "gemini_outfile": bodies.ALL["gemini_outfile"][0],
        "native": made.body([call(1.0), call(2.0)]),
        "otlp": b"\n".join([bodies.ALL["otlp_logs"][1]] * 2),
    }[format]
    folder = lay(tmp_path, {"x": whole.rstrip()[:-9]})
    lines = said(replayed(folder, "--alerts", "/dev/null"))
    assert "1 file whose end is still being written: taken up to there" in lines
    assert "refused" not in lines[0]
    assert not lines[0].startswith("0 events")


def test_a_call_that_a_transcript_tells_is_not_counted_again_but_failed_attempts_are(tmp_path: Path) -> None:
    said_of = {"conversation.id": "thread-1", "originator": "codex_exec", "model": "gpt-5.1"}
    done = said_of | {"event.name": "codex.sse_event", "event.kind": "response.completed", "input_token_count": "9"}
    tool = said_of | {"event.name": "codex.tool_result", "tool_name": "exec_command", "call_id": "c", "output": "x"}
    failed = said_of | {"event.name": "codex.api_request", "http.response.status_code": 429}
    other = done | {"conversation.id": "no transcript"}
    logs = [Log({**one}, NOW + 30.0 + n) for n, one in enumerate((done, tool, failed, other))]
    folder = lay(tmp_path, {"rollout": made.body(made.steps(2)), "otlp": logs_protobuf(logs)})
    found = [(event["run"], event.get("status")) for event in events(folder) if event["type"] == "call"]
    assert sorted(found) == [
        ("no transcript", "ok"),
        ("thread-1", "ok"),
        ("thread-1", "ok"),
        ("thread-1", "rate_limited"),
    ]
    assert not [event for event in events(folder) if event["type"] == "tool_call"]
    assert "1 call left out: told again of a session whose transcript tells them" in said(replayed(folder))


def test_the_same_transcript_in_two_folders_counts_once(tmp_path: Path) -> None:
    body = made.body(made.steps(4))
    folder = lay(tmp_path, {"a/rollout": body, "backup/rollout": body})
    assert any(line.startswith("4 calls of 1 run for $") for line in said(replayed(folder)))


def test_a_sub_agent_of_gemini_cli_belongs_to_the_session_that_its_folder_is_named_after(tmp_path: Path) -> None:
    parent, child = "01a2030c-600d-7591-acc5-ee2406ba7e77", "01a2030c-600d-7591-acc5-000000000000"
    files = {
        "chats/session-x.jsonl": made.body([made.session(parent), made.gemini(1.0, "m1")]),
        f"chats/{parent}/{child}.jsonl": made.body([made.session(child, kind="subagent"), made.gemini(2.0, "m2")]),
        f"{parent}/copy.jsonl": made.body([made.session("alone"), made.gemini(3.0, "m3")]),
    }
    assert [(event["run"], event.get("parent_run")) for event in events(lay(tmp_path, files))] == [
        (parent, None),
        (child, parent),
        ("alone", None),
    ]


def test_a_transcript_may_come_by_standard_input(tmp_path: Path) -> None:
    from click.testing import CliRunner

    from detector.cli import cli

    for body in (made.body(made.steps(2)), bodies.ALL["otlp_spans"][0], gzip.compress(made.body(made.steps(2)))):
        result = CliRunner().invoke(cli, ["replay", "-", "--alerts", "/dev/null"], input=body, standalone_mode=False)
        assert "0 events" not in result.stderr
        assert "refused" not in result.stderr
        assert "call" in result.stderr
    result = CliRunner().invoke(cli, ["replay", "-"], input=b"nothing of the kind\n", standalone_mode=False)
    assert "standard input: holds no events" in str(result.exception)


def test_team_and_tenant_are_told_for_files_that_do_not_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = lay(tmp_path, {"rollout": made.body(made.steps(4)), "otlp": bodies.ALL["otlp_logs"][0]})
    replay = {"team": "search", "tenant": "acme"}
    told = events(folder, config=Config(replay=replay))
    calls = [event for event in told if event["type"] in ("call", "tool_call")]
    teams = {event["source"]: (event["team"], event["tenant"]) for event in calls}
    assert teams["codex"] in {("search", "acme"), ("payments", "acme")}
    assert {event["team"] for event in calls} == {"search", "payments"}
    alerts = [json.loads(a) for a in replayed(folder, "--team", "search", "--tenant", "acme").stdout.splitlines()]
    assert {(a["team"], a["tenant"]) for a in alerts if a["rule"] == "loop"} == {("search", "acme")}


def test_lists_of_attributes_may_read_the_folder_of_the_work(tmp_path: Path) -> None:
    config = Config.model_validate({"replay": {"attributes": {"team": ["cwd ~ [^/]+$"]}}})
    folder = lay(tmp_path, {"rollout": made.body(made.steps(1)), "claude": made.body([CLAUDE])})
    assert {event["team"] for event in events(folder, config=config)} == {"shop"}


def test_lines_that_cannot_be_used_are_told_with_file_and_line(tmp_path: Path) -> None:
    lines = made.steps(2)
    lines[3]["payload"]["usage"]["input_tokens"] = -1
    folder = lay(tmp_path, {"rollout": made.body(lines)})
    result = said(replayed(folder, "--alerts", "/dev/null"))
    assert f"{folder}/rollout: line 4, input_tokens is not within 0 and 100,000,000" in result
    assert "2 events (1 refused: 1 out_of_range); episodes opened: none" in result


def test_what_agents_burnt_and_where_they_went_round_is_one_command(tmp_path: Path) -> None:
    files = {
        "codex/r1": made.body(made.steps(30)),
        "gemini/s": made.body([made.session(), made.gemini(700.0, "m1"), made.gemini(710.0, "m2")]),
        "claude/p": made.body([CLAUDE]),
    }
    folder = lay(tmp_path, files)
    lines = said(replayed(*(f"{folder}/{name}" for name in ("codex", "gemini", "claude")), "--alerts", "/dev/null"))
    assert lines[0].startswith("33 events; episodes opened: ")
    assert lines[1].startswith("33 calls of 3 runs for $")
    table = [line.split() for line in lines if line.startswith("  ") and "gpt-5.1" in line]
    assert table[0][:3] == ["codex_exec", "gpt-5.1", "30"]
    loops = lines[lines.index("1 loop, the dearest first:") + 1 :]
    assert len(loops) == 1
    assert "codex_exec repeats exec_command with the same failure, 30 times" in loops[0]
