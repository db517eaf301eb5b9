"""Codex CLI's rollout files: which lines are calls, of whom, with which tools, and what is passed over."""

import json
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.config import Config
from detector.enrich.tools import result_body
from detector.errors import BadInput, Reason
from detector.model.events import Call, Usage
from detector.sources.reading import of_source, saved
from detector.sources.rollout import decode
from detector.sources.told import Told
from tests.support.otlp import NOW
from tests.support.transcripts import (
    answered,
    asked,
    body,
    count,
    counts,
    meta,
    record,
    rollout_line,
    said,
    turn,
)


def calls(*lines: dict[str, Any]) -> list[Call]:
    """The calls of a file, all of which can be used, with whose they are."""
    events = of_source(saved(Config(), "rollout"))(body([*lines]), ())
    for event in events:
        assert isinstance(event, Call), event
    return events  # type: ignore[return-value]


def one(*lines: dict[str, Any]) -> Call:
    (call,) = calls(*lines)
    return call


def answer(call: Call, n: int = 0) -> tuple[bytes, bool] | None:
    """What a tool of the call answered, and whether as a failure."""
    assert call.tools
    return result_body(call.tools[n].result, call.tools[n].error)


def test_a_token_usage_record_is_a_call_with_all_its_numbers() -> None:
    usage = counts(1500, 90, cached=1024, written=128, reasoning=32)
    call = one(meta(), turn(), record(2.5, "resp-1", usage))
    assert call.usage == Usage(1500, 1024, 128, None, 90, 32)
    assert (call.id, call.time, call.model) == ("thread-1/resp-1", NOW + 2.5, "gpt-5.1")
    assert (call.run, call.parent_run, call.agent, call.turn) == ("thread-1", None, "codex_exec", "turn-1")
    assert (call.source, call.status, call.tools_apart) == ("codex", "ok", False)


def test_token_count_repeats_a_record_and_is_passed_over() -> None:
    usage = counts(1500, 90)
    told = calls(
        meta(), turn(), record(1.0, "r1", usage), count(1.1, usage, usage), record(2.0, "r2", usage),
        count(2.1, usage, counts(3000, 180)),
    )  # fmt: skip
    assert [call.id for call in told] == ["thread-1/r1", "thread-1/r2"]


def test_without_records_each_token_count_whose_total_has_changed_is_a_call() -> None:
    first, second = counts(1000, 50, cached=400), counts(1200, 60)
    total = counts(2200, 110)
    told = calls(
        meta(), turn(), count(0.5, None, None), count(1.0, first, first), count(1.0, first, first),
        count(1.2, first, first), count(2.0, second, total), count(2.1, second, total),
    )  # fmt: skip
    assert [(call.usage.input_tokens, call.usage.cached_input_tokens) for call in told] == [(1000, 400), (1200, 0)]
    assert len({call.id for call in told}) == 2


def test_a_file_that_an_older_version_began_and_a_newer_one_goes_on_with_counts_each_call_once() -> None:
    usage = counts(1000, 50)
    told = calls(
        meta(), turn(), count(1.0, usage, usage), record(9.0, "r1", usage), count(9.1, usage, counts(2000, 100))
    )
    assert [call.time for call in told] == [NOW + 1.0, NOW + 9.0]


def test_what_was_asked_for_since_the_call_before_are_a_call_s_tools_with_what_they_answered() -> None:
    first, second = calls(
        meta(), turn(),
        asked(1.0, "a", "make"), asked(1.1, "b", "ls"), record(1.5, "r1", counts(9, 1)),
        answered(2.0, "b", "Makefile\n"), answered(2.2, "a", "no rule\n", code=2),
        said(3.0, "It cannot be made."), record(4.0, "r2", counts(9, 1)),
    )  # fmt: skip
    assert [tool.name for tool in first.tools or ()] == ["exec_command"] * 2
    assert first.tools is not None
    assert json.loads(msgspec.json.decode(first.tools[0].arguments)) == {"cmd": "make"}
    assert answer(first) == (b"Process exited with code 2\nOriginal token count: 3\nOutput:\nno rule\n", True)
    assert answer(first, 1) == (b"Process exited with code 0\nOriginal token count: 3\nOutput:\nMakefile\n", False)
    assert second.tools is None
    assert second.output is not None
    assert second.output.text == "It cannot be made."


def test_equal_failures_have_equal_results_whatever_their_chunks_and_times() -> None:
    lines = [meta(), turn()]
    for i in range(2):
        lines += [asked(i, f"c{i}", "make"), record(i + 0.1, f"r{i}", counts(9, 1))]
        lines += [answered(i + 0.2 + i / 7, f"c{i}", "no rule\n", code=2, chunk=f"abc{i}")]
    first, second = calls(*lines)
    assert answer(first) == answer(second)


def test_older_forms_of_what_a_command_answered_are_read_alike() -> None:
    def output(text: str) -> Call:
        told = rollout_line(2.0, "response_item function_call_output", call_id="c", output=text)
        return one(meta(), turn(), asked(1.0, "c", "make"), record(1.5, "r", counts(9, 1)), told)

    wrapped = json.dumps({"output": "no rule\n", "metadata": {"exit_code": 2, "duration_seconds": 0.3}})
    assert answer(output(wrapped)) == (b"no rule\n", True)
    assert answer(output(wrapped.replace("2", "0"))) == (b"no rule\n", False)
    headed = output("Exit code: 1\nWall time: 0.2 seconds\nOutput:\nno rule\n")
    assert answer(headed) == (b"Exit code: 1\nOutput:\nno rule\n", True)
    assert answer(output('{"output": 3}')) == (b'{"output": 3}', False)


def test_an_exit_code_that_only_the_end_of_the_command_tells_is_a_failure() -> None:
    def ended(type: str, **more: Any) -> bool | None:
        lines = [asked(1.0, "c", "make"), record(1.5, "r", counts(9, 1)), rollout_line(1.8, type, **more)]
        plain = rollout_line(2.0, "response_item function_call_output", call_id="c", output="no rule")
        told = answer(one(meta(), turn(), *lines, plain))
        return None if told is None else told[1]

    item = {"type": "CommandExecution", "id": "c"}
    assert ended("event_msg item_completed", item=item | {"exit_code": 1, "status": "failed"}) is True
    assert ended("event_msg item_completed", item=item | {"exit_code": 0, "status": "completed"}) is False
    assert ended("event_msg exec_command_end", call_id="c", exit_code=127) is True
    assert ended("event_msg exec_command_end", call_id="other", exit_code=127) is False


def test_tools_of_other_kinds_are_tools_too() -> None:
    patch = rollout_line(
        1.0, "response_item custom_tool_call", name="apply_patch", input="*** Begin Patch", call_id="p"
    )
    done = rollout_line(2.0, "response_item custom_tool_call_output", call_id="p", output="Done!")
    shell = rollout_line(1.1, "response_item local_shell_call", call_id="s", action={"command": ["ls"]})
    search = rollout_line(1.2, "response_item web_search_call", action={"query": "kafka"})
    call = one(meta(), turn(), patch, shell, search, record(1.5, "r", counts(9, 1)), done)
    assert [(t.name, t.call_id) for t in call.tools or ()] == [
        ("apply_patch", "p"),
        ("local_shell", "s"),
        ("web_search", None),
    ]
    assert [answer(call, n) for n in range(3)] == [(b"Done!", False), None, None]


def test_an_output_that_is_no_text_is_taken_as_it_is() -> None:
    for output, failed in (({"content": "x", "success": False}, True), ([{"type": "input_text", "text": "x"}], False)):
        told = rollout_line(2.0, "response_item function_call_output", call_id="c", output=output)
        call = one(meta(), turn(), asked(1.0, "c", "make"), record(1.5, "r", counts(9, 1)), told)
        assert answer(call) == (json.dumps(output).encode(), failed)


def test_a_sub_agent_is_a_run_of_its_own_within_that_of_its_parent() -> None:
    call = one(meta("child", parent_thread_id="thread-1"), turn(), record(1.0, "r", counts(9, 1), thread="child"))
    assert (call.run, call.parent_run, call.agent) == ("child", "thread-1", "codex_exec")
    role = meta("child", parent_thread_id="thread-1", agent_role="explorer")
    assert one(role, turn(), record(1.0, "r", counts(9, 1), thread="child")).agent == "explorer"


def test_a_fork_repeats_the_thread_that_it_was_forked_from_and_its_calls_stay_those_of_that_thread() -> None:
    usage = counts(9, 1)
    copied = [meta("old"), turn(), record(1.0, "r1", usage, thread="old")]
    told = calls(meta("new", 5.0), *copied, record(9.0, "r2", usage, thread="new"))
    assert [(call.run, call.id) for call in told] == [("old", "old/r1"), ("new", "new/r2")]
    assert told[0].id == one(*copied).id


def test_the_task_is_the_ticket_in_the_branch() -> None:
    git = {"branch": "jane/PAY-31-retries", "commit_hash": "abc", "repository_url": "git@host:shop.git"}
    assert one(meta(git=git), turn(), record(1.0, "r", counts(9, 1))).task == "PAY-31"
    assert one(meta(git={"branch": "main"}), turn(), record(1.0, "r", counts(9, 1))).task is None


def test_model_and_turn_are_those_of_the_newest_turn() -> None:
    usage = counts(9, 1)
    told = calls(
        meta(), turn(turn_id=None), rollout_line(0.5, "event_msg user_message"), count(1.0, usage, usage),
        rollout_line(2.0, "event_msg user_message"), turn(2.1, "gpt-5-mini", None), count(3.0, usage, counts(18, 2)),
        turn(4.0, "gpt-5.1", "t-9"), count(5.0, usage, counts(27, 3)),
    )  # fmt: skip
    assert [(call.model, call.turn) for call in told] == [("gpt-5.1", "1"), ("gpt-5-mini", "2"), ("gpt-5.1", "t-9")]


def test_what_cannot_be_used_is_told_with_its_line_and_the_rest_is_read() -> None:
    broken = record(1.0, "r1", counts(9, 1) | {"input_tokens": -1})
    untimed = record(1.0, "r2", counts(9, 1)) | {"timestamp": "yesterday"}
    lines = body([meta(), turn(), broken, untimed]) + b"nonsense\n" + body([record(3.0, "r3", counts(9, 1))])
    told = decode(lines)
    assert [(bad.reason, bad.field) for bad in told if isinstance(bad, BadInput)] == [
        (Reason.OUT_OF_RANGE, "line 3, input_tokens"),
        (Reason.OUT_OF_RANGE, "line 4, timestamp"),
        (Reason.NOT_JSON, "line 5"),
    ]
    assert [one.event.id for one in told if isinstance(one, Told)] == ["thread-1/r3"]


def test_a_call_before_any_model_is_named_is_refused() -> None:
    (bad,) = decode(body([meta(), record(1.0, "r1", counts(9, 1))]))
    assert isinstance(bad, BadInput)
    assert (bad.reason, bad.field) == (Reason.MISSING_FIELD, "line 2, model")


_any = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**25), 10**25) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
_types = st.sampled_from(
    ["session_meta", "turn_context", "token_usage_record", "event_msg token_count", "event_msg item_completed",
     "response_item function_call", "response_item function_call_output", "response_item message", "event_msg", "new"]
)  # fmt: skip
_fields = st.sampled_from(
    ["id", "model", "usage", "info", "item", "call_id", "name", "arguments", "output", "content", "role", "git",
     "parent_thread_id", "thread_id", "response_id", "turn_id"]
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(_types, st.dictionaries(_fields, _any, max_size=5)), max_size=6))
def test_lines_of_whatever_content_never_hide_the_call_after_them(lines: list[tuple[str, dict[str, Any]]]) -> None:
    hostile = [rollout_line(1.0, type, **payload) for type, payload in lines]
    told = decode(body([meta(), *hostile, turn(), record(2.0, "the-last", counts(9, 1))]))
    assert isinstance(told[-1], Told)
    assert isinstance(told[-1].event, Call)
    assert told[-1].event.id.endswith("/the-last")
    for call in (one.event for one in told if isinstance(one, Told)):
        assert isinstance(call, Call)
        assert call.model
