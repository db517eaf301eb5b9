"""The measure of decoders against the truth finds what is told twice, differs or is lost, and recognises bodies."""

import json
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from detector.sources.recognise import format_of
from tests.bench.telemetry import main
from tests.support import transcripts as made

ANSWER = {"input": 900, "cached": 600, "written": 100, "output": 40, "reasoning": 16}


def told(
    id: str, usage: dict[str, int] = ANSWER, status: str = "success", call_type: str = "acompletion", **left_out: Any
) -> dict[str, Any]:
    """A payload of LiteLLM's with these numbers."""
    numbers = {**usage, **left_out}
    of = {
        "prompt_tokens": numbers.get("input"),
        "completion_tokens": numbers.get("output"),
        "prompt_tokens_details": {
            "cached_tokens": numbers.get("cached"),
            "cache_write_tokens": numbers.get("written"),
        },
        "completion_tokens_details": {"reasoning_tokens": numbers.get("reasoning")},
    }
    return {
        "id": id, "litellm_call_id": id, "endTime": 1_790_000_000.0, "status": status, "call_type": call_type,
        "metadata": {"usage_object": of}
    }  # fmt: skip


def capture(path: Path, truth: list[Any], *bodies: Any, api: str = "chat", name: str = "litellm/webhook") -> Path:
    folder = path / name
    folder.mkdir(parents=True)
    lines = [json.dumps({"n": n, "api": api, "usage": usage}) for n, usage in enumerate(truth)]
    (folder / "truth.jsonl").write_text("\n".join(lines))
    for n, body in enumerate(bodies):
        (folder / f"{n:03}-hook.json").write_text(json.dumps(body))
    return path


def test_equal_numbers_are_right(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = ANSWER | {"input": 1000}
    path = capture(tmp_path, [ANSWER, None, other], [told("b", other), told("x", {}, "failure")], [told("a")])
    assert main([str(path)]) == 0
    out = capsys.readouterr().out
    assert "litellm/webhook" in out
    assert "calls   2/2    input =, cached =, written =, output =, reasoning =; 1 failed" in out
    assert "1 captures, 0 of them wrong" in out


def test_a_call_that_is_told_again_counts_once_and_is_filled_up(tmp_path: Path) -> None:
    assert main([str(capture(tmp_path, [ANSWER], [told("a", cached=None)], [told("a", written=None)]))]) == 0


def test_a_call_too_many_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(capture(tmp_path, [ANSWER], [told("a"), told("b")], name="any/thing"))]) == 1
    assert "WRONG: 1 calls too many" in capsys.readouterr().out


@pytest.mark.parametrize("number", sorted(ANSWER))
def test_another_number_is_wrong_even_where_the_sum_is_right(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], number: str
) -> None:
    more, less = (ANSWER | {number: ANSWER[number] + n} for n in (1, -1))
    path = capture(tmp_path, [ANSWER, ANSWER], [told("a", more), told("b", less)], name="any/thing")
    assert main([str(path)]) == 1
    out = capsys.readouterr().out
    assert "2 calls have other numbers than any answer" in out
    assert f"{number} =" in out


def test_what_the_client_tells_must_not_be_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(capture(tmp_path, [ANSWER, ANSWER], [told("a", cached=None)]))]) == 1
    out = capsys.readouterr().out
    assert "WRONG: calls: 1 missing that the client tells" in out
    assert "WRONG: cached: 1 missing that the client tells" in out
    assert "cached 0/1200 (1 absent)" in out


def test_bodies_of_which_nothing_is_told_are_not_passed_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(capture(tmp_path, [ANSWER], [told("a", call_type="aget_responses")]))]) == 1
    assert "calls   0/1" in capsys.readouterr().out


def test_what_the_client_leaves_out_or_the_server_does_not_say_may_be_missing(tmp_path: Path) -> None:
    capture(tmp_path, [ANSWER, ANSWER], [told("a", cached=None)], name="unknown/client")
    capture(tmp_path, [ANSWER], [told("a", reasoning=None)], name="litellm/otel-v2")
    capture(tmp_path, [ANSWER], [told("a", reasoning=None)], api="anthropic")
    assert main([str(tmp_path)]) == 0


@pytest.mark.parametrize(("made_up", "code"), [(0, 0), (5, 1)])
def test_of_what_the_server_does_not_say_no_more_than_zero_may_be_told(tmp_path: Path, made_up: int, code: int) -> None:
    assert main([str(capture(tmp_path, [ANSWER], [told("a", reasoning=made_up)], api="anthropic"))]) == code


def test_a_refused_event_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(capture(tmp_path, [], [told("a", input=-1)]))]) == 1
    assert "WRONG: metadata.usage_object.prompt_tokens is refused" in capsys.readouterr().out


def transcripts(path: Path, name: str, *files: list[Any]) -> Path:
    """A capture that left these rollout files on disk."""
    folder = path / name
    folder.mkdir(parents=True)
    usage = {"input": 40_000, "cached": 30_000, "written": 0, "output": 300, "reasoning": 0}
    calls = sum(line["type"] == "token_usage_record" for lines in files for line in lines)
    truth = [json.dumps({"n": n, "api": "responses", "usage": usage}) for n in range(calls)]
    (folder / "truth.jsonl").write_text("\n".join(truth))
    for n, lines in enumerate(files):
        (folder / f"rollout-{n}.jsonl").write_bytes(made.body(lines))
    return path


def test_transcripts_are_compared_too_and_have_a_line_of_their_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(transcripts(tmp_path, "any/thing", made.steps(3)))]) == 0
    assert "any/thing, on disk               calls   3/3    input =," in capsys.readouterr().out


@pytest.mark.parametrize(("rounds", "code"), [(12, 0), (2, 1)])
def test_the_loop_that_a_transcript_holds_has_to_be_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], rounds: int, code: int
) -> None:
    assert main([str(transcripts(tmp_path, "codex/stuck", made.steps(rounds)))]) == code
    assert ("WRONG: no loop is found" in capsys.readouterr().out) == bool(code)


@pytest.mark.parametrize(("parent", "code"), [("thread-1", 0), ("another", 1)])
def test_the_sub_agent_that_a_transcript_holds_has_to_be_found(tmp_path: Path, parent: str, code: int) -> None:
    child = made.steps(2, "child", 5.0, parent_thread_id=parent)
    assert main([str(transcripts(tmp_path, "codex/sub-agent", made.steps(2), child))]) == code


def test_a_folder_without_bodies_is_named_and_one_without_captures_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([str(tmp_path)])
    assert main([str(capture(tmp_path, [ANSWER], {"settings": 1}))]) == 0
    assert "nothing that a decoder takes" in capsys.readouterr().out


def test_kinds_of_bodies_are_recognised_by_what_is_in_them() -> None:
    logs, spans, metrics = ExportLogsServiceRequest(), ExportTraceServiceRequest(), ExportMetricsServiceRequest()
    logs.resource_logs.add().scope_logs.add().log_records.add(observed_time_unix_nano=5, event_name="x" * 16)
    spans.resource_spans.add().scope_spans.add().spans.add(trace_id=b"t" * 16, span_id=b"s" * 8, start_time_unix_nano=5)
    metrics.resource_metrics.add().scope_metrics.add().metrics.add(name="n" * 16, description="d" * 8)
    assert [format_of(body.SerializeToString()) for body in (logs, spans, metrics)] == ["otlp_logs", "otlp_spans", None]
    assert [format_of(body) for body in (b'{"resourceLogs":[]}', b'\n{"resourceSpans":[]}')] == [
        "otlp_logs",
        "otlp_spans",
    ]
    payload = json.dumps(told("a")).encode()
    assert [format_of(body) for body in (payload, b"[" + payload + b"]")] == ["litellm", "litellm"]
    assert [format_of(body) for body in (b"", b"[3]", b"{", b"\xff\xff", b"\n\x05ab")] == [None] * 5
    assert [format_of(body) for body in (b"[]", b"{}", b"[{}]")] == ["native"] * 3
    assert format_of(b'{"specversion": "1.0"}') == "cloudevents"
