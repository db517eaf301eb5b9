"""LiteLLM's payloads: each call once with its numbers, results of tools from the next one, and no surprise is fatal."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.errors import BadInput, Reason
from detector.model.events import Call, ToolResult, Usage
from detector.sources.litellm import decode
from detector.sources.told import Told, first

END = 1_790_000_060.5
USAGE = {
    "prompt_tokens": 900,
    "completion_tokens": 40,
    "prompt_tokens_details": {"cached_tokens": 600, "cache_write_tokens": 100, "text_tokens": None},
    "completion_tokens_details": {"reasoning_tokens": 16},
}
FAILED = {
    "id": "lc-1", "status": "failure", "response": {}, "response_cost": 0.0, "prompt_tokens": 0,
    "completion_tokens": 0, "metadata": {"usage_object": {}},
}  # fmt: skip
SESSION = "0b8f2c1e-6a57-4bb5-9d3e-1f1f7c0a9b11"


def payload(**fields: Any) -> dict[str, Any]:
    """A call that ended well, with its parts as the proxy names them."""
    return {
        "id": "chatcmpl-1",
        "litellm_call_id": "lc-1",
        "trace_id": "trace-1",
        "call_type": "acompletion",
        "status": "success",
        "model": "openai/gpt-4o",
        "custom_llm_provider": "openai",
        "startTime": END - 1.5,
        "endTime": END,
        "response_time": 1.25,
        "prompt_tokens": 900,
        "completion_tokens": 40,
        "response_cost": 0.0125,
        "metadata": {"usage_object": USAGE, "user_api_key_team_id": "t-1"},
        "messages": [{"role": "user", "content": "do it"}],
        "response": {"choices": [{"message": {"role": "assistant", "content": "done", "tool_calls": None}}]},
        "model_map_information": {"model_map_key": "gpt-4o"},
    } | fields


def told(value: Any) -> list[Any]:
    return [t.event if isinstance(t, Told) else t for t in decode(json.dumps(value).encode())]


def call(**fields: Any) -> Any:
    return told(payload(**fields))[-1]


def chat(**message: Any) -> dict[str, Any]:
    return {"choices": [{"message": {"role": "assistant", "content": None} | message}]}


def results(messages: Any) -> list[tuple[str, Any, Any]]:
    events = told(payload(messages=messages))
    assert isinstance(events[-1], Call)
    return [(e.call_id, json.loads(bytes(e.result)), e.error) for e in events[:-1]]


def test_a_call_has_the_numbers_that_the_proxy_tells() -> None:
    got = call()
    assert got.usage == Usage(900, 600, 100, None, 40, 16)
    assert (got.id, got.time, got.model, got.provider, got.operation) == ("chatcmpl-1", END, "gpt-4o", "openai", "chat")
    assert (got.cost_usd, got.cost_basis, got.duration_s, got.status) == (0.0125, "told", 1.25, "ok")
    assert got.output.text == "done"
    assert (got.run, got.task, got.team, got.tools_apart) == (None, None, None, False)


def test_an_array_tells_each_payload_in_its_order() -> None:
    assert [e.id for e in told([payload(id=f"c{n}") for n in range(3)])] == ["c0", "c1", "c2"]
    assert told([]) == []


def test_a_failed_attempt_and_its_success_are_two_calls() -> None:
    failed, answered = told([payload(**FAILED), payload()])
    assert (failed.status, answered.status) == ("error", "ok")
    assert failed.id != answered.id
    # An answer of embeddings has no id of its own.
    assert failed.id != call(id="lc-1", call_type="aembedding").id


@pytest.mark.parametrize(
    ("code", "status"), [("429", "rate_limited"), (429, "rate_limited"), ("500", "error"), (None, "error")]
)
def test_a_failure_has_no_usage_and_no_cost(code: Any, status: str) -> None:
    said = {"error_code": code, "error_class": "SomeError", "error_message": "the prompt was: secret"}
    got = call(**FAILED, error_information=said)
    assert (got.status, got.error, got.usage, got.cost_usd, got.cost_basis) == (
        status,
        "SomeError",
        Usage(),
        None,
        None,
    )


def test_what_cannot_be_priced_is_not_free_and_an_answer_from_the_cache_is() -> None:
    assert (call(response_cost=0.0).cost_usd, call(response_cost=0.0).cost_basis) == (None, None)
    assert (call(response_cost=0.0, cache_hit=True).cost_usd, call(response_cost=None, cache_hit=True).cost_usd) == (
        0.0,
        None,
    )


@pytest.mark.parametrize(
    ("provider", "model", "bare"),
    [
        ("openai", "openai/gpt-4o", "gpt-4o"),
        ("openrouter", "openrouter/anthropic/x", "anthropic/x"),
        ("azure", "openai/gpt-4o", "openai/gpt-4o"),
        (None, "openai/gpt-4o", "openai/gpt-4o"),
        ("", "own", "own"),
    ],
)
def test_only_the_prefix_of_its_own_provider_is_taken_off_a_model(provider: str | None, model: str, bare: str) -> None:
    got = call(custom_llm_provider=provider, model=model)
    assert (got.model, got.provider) == (bare, provider or None)


def test_counts_that_are_not_told_are_absent_and_not_zero() -> None:
    usage = {
        "prompt_tokens": 34,
        "completion_tokens": 0,
        "prompt_tokens_details": None,
        "completion_tokens_details": None,
    }
    got = call(call_type="aembedding", metadata={"usage_object": usage})
    assert (got.usage, got.operation) == (Usage(34, None, None, None, 0, None), "embeddings")
    assert call(metadata={}, prompt_tokens=5, completion_tokens=2).usage == Usage(5, None, None, None, 2, None)
    assert call(metadata={}, prompt_tokens=0, completion_tokens=0).usage == Usage()


def test_cache_writes_for_an_hour_are_told_apart_and_reasoning_is_unknown_of_claude() -> None:
    details = {
        "cached_tokens": 7,
        "cache_creation_tokens": 5,
        "cache_creation_token_details": {"ephemeral_1h_input_tokens": 3},
    }
    usage = {"prompt_tokens": 20, "completion_tokens": 4, "prompt_tokens_details": details,
             "completion_tokens_details": {"reasoning_tokens": 0}}  # fmt: skip
    claude = {"custom_llm_provider": "anthropic", "model": "anthropic/claude-x", "call_type": "anthropic_messages"}
    got = call(**claude, metadata={"usage_object": usage})
    assert (got.usage, got.operation) == (Usage(20, 7, 5, 3, 4, None), "chat")
    assert call(metadata={"usage_object": usage}).usage.reasoning_tokens == 0


def test_counts_may_be_strings() -> None:
    assert call(metadata={"usage_object": {"prompt_tokens": "12", "completion_tokens": "3"}}).usage.input_tokens == 12


@pytest.mark.parametrize(
    ("response", "text", "tools"),
    [
        (chat(content="a"), "a", []),
        (chat(content=[{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]), "a\nb", []),
        (chat(tool_calls=[{"id": "t", "function": {"name": "ls", "arguments": "{1}"}}]), None, [("ls", "t", "{1}")]),
        (chat(function_call={"name": "ls", "arguments": "{}"}), None, [("ls", None, "{}")]),
        ({"choices": [{"text": "a"}]}, "a", []),
        (
            {"output": [
                {"type": "reasoning", "summary": [{"text": "hm"}]},
                {"type": "message", "content": [{"type": "output_text", "text": "a"}]},
                {"type": "function_call", "id": "fc", "call_id": "t", "name": "ls", "arguments": "{}"},
                {"type": "custom_tool_call", "call_id": "u", "name": "sh", "input": "pwd"},
            ]},
            "a", [("ls", "t", "{}"), ("sh", "u", "pwd")],
        ),
        (
            {"content": [
                {"type": "text", "text": "a"},
                {"type": "web_search_tool_result", "content": {"type": "error"}},
                {"type": "tool_use", "id": "t", "name": "ls", "input": {"p": 1}},
            ]},
            "a", [("ls", "t", {"p": 1})],
        ),
    ],
)  # fmt: skip
def test_the_answer_is_read_in_each_form(response: Any, text: str | None, tools: list[Any]) -> None:
    got = call(response=response)
    assert (got.output and got.output.text) == text
    assert [(t.name, t.call_id, json.loads(bytes(t.arguments))) for t in got.tools or []] == tools


@pytest.mark.parametrize(
    "response",
    [None, "text", [], {}, {"choices": "?"}, {"choices": [{"message": 3}]}, chat(content="redacted-by-litellm")],
)
def test_an_answer_that_says_nothing_costs_no_call(response: Any) -> None:
    got = call(response=response)
    assert (got.output, got.tools, got.usage.input_tokens) == (None, None, 900)


def test_results_of_tools_come_before_the_call_that_they_went_into() -> None:
    asked = {"role": "assistant", "tool_calls": [{"id": "t1"}, {"id": "t2"}]}
    answered = [{"role": "tool", "tool_call_id": t, "content": f"of {t}"} for t in ("t1", "t2")]
    earlier = [{"role": "assistant"}, {"role": "tool", "tool_call_id": "t0", "content": "told before"}]
    events = told(payload(messages=[{"role": "user", "content": "x"}, *earlier, asked, *answered]))
    assert [type(e) for e in events] == [ToolResult, ToolResult, Call]
    assert [(e.call_id, json.loads(bytes(e.result))) for e in events[:2]] == [("t1", "of t1"), ("t2", "of t2")]
    assert all(END - 0.1 < e.time < END for e in events[:2])


def test_results_are_read_in_the_forms_of_anthropic_and_of_responses() -> None:
    blocks = [
        {
            "type": "tool_result",
            "tool_use_id": "t1",
            "content": [{"type": "text", "text": "no", "cache_control": {}}],
            "is_error": True,
        },
        {"type": "tool_result", "tool_use_id": "t2", "content": [{"type": "image", "source": 1}]},
        {"type": "text", "text": "go on"},
    ]
    assert results([{"role": "assistant", "content": []}, {"role": "user", "content": blocks}]) == [
        ("t1", "no", True),
        ("t2", [{"type": "image", "source": 1}], None),
    ]
    items = [
        {"type": "function_call", "call_id": "a"},
        {"type": "function_call_output", "call_id": "a", "output": "out"},
    ]
    assert results(items) == [("a", "out", None)]


@pytest.mark.parametrize(
    "messages", [None, "text", {}, [], [None, 3, "x"], [{"role": "tool"}], [{"role": "user", "content": [3]}]]
)
def test_a_conversation_that_cannot_be_read_has_no_results(messages: Any) -> None:
    assert results(messages) == []


def test_a_result_that_is_told_again_has_the_same_id_and_that_of_another_conversation_has_not() -> None:
    messages = [{"role": "assistant"}, {"role": "tool", "tool_call_id": "functions.ls:0", "content": "x"}]
    again = [told(payload(messages=messages, id=id, endTime=t))[0].id for id, t in (("a", END), ("b", END + 9))]
    other = told(payload(messages=messages, trace_id="trace-2"))[0].id
    assert again[0] == again[1] != other


def attributes(**fields: Any) -> Any:
    (found,) = decode(json.dumps(payload(**fields)).encode())
    assert isinstance(found, Told)
    return found.attributes


def test_attributes_are_found_by_their_paths_and_hold_no_text() -> None:
    layers = attributes(
        metadata={"requester_custom_headers": {"x-claude-code-session-id": "s"}, "user_api_key_team_id": "t"}
    )
    assert first(layers, "metadata.user_api_key_team_id") == "t"
    assert first(layers, "metadata.requester_custom_headers.x-claude-code-session-id") == "s"
    assert first(layers, "trace_id") == "trace-1"
    names = {"messages", "response", "model_map_information"}
    assert [first(layers, name) for name in (*names, "absent")] == [None] * 4
    assert set(layers[1]) == set(payload()) - names
    assert len(layers[1]) == len(payload()) - 3


def test_tags_with_a_colon_are_named_and_the_first_of_a_name_counts() -> None:
    tags = ["task: JIRA-1", "task:JIRA-2", "plain", "agent:a:b", ":x", "y:", 3]
    assert attributes(request_tags=tags)[0] == {"detector.tag.task": "JIRA-1", "detector.tag.agent": "a:b"}
    assert attributes(request_tags={"not": "a list"})[0] == {}


@pytest.mark.parametrize(
    "user",
    [f"user_abc_account_{SESSION[::-1]}_session_{SESSION}", json.dumps({"device_id": "d", "session_id": SESSION})],
)
def test_the_session_within_a_user_id_is_found(user: str) -> None:
    for metadata in ({"user_id": user}, {"user_id": None, "requester_metadata": {"user_id": user}}):
        assert first(attributes(metadata=metadata), "detector.session") == SESSION


@pytest.mark.parametrize("user", ["jane", "{", '{"session_id": 3}', "[]", 3, None, {}])
def test_another_user_id_names_no_session(user: Any) -> None:
    assert first(attributes(metadata={"user_id": user, "requester_metadata": user}), "detector.session") is None


def test_an_id_that_is_too_long_is_digested_and_the_call_is_kept() -> None:
    ids = [call(id=f"resp_{'x' * 600}{n}").id for n in (1, 1, 2)]
    assert ids[0] == ids[1] != ids[2]
    assert all(len(id) < 512 for id in ids)


def test_an_answer_that_is_only_looked_up_is_no_call() -> None:
    assert told(payload(call_type="aget_responses")) == []


@pytest.mark.parametrize(
    ("fields", "reason", "field"),
    [
        ({"id": None}, Reason.WRONG_TYPE, "id"),
        ({"id": ""}, Reason.OUT_OF_RANGE, "id"),
        ({"endTime": "soon"}, Reason.WRONG_TYPE, "endTime"),
        ({"endTime": "nan"}, Reason.OUT_OF_RANGE, "endTime"),
        ({"response_cost": 1e6}, Reason.OUT_OF_RANGE, "response_cost"),
        ({"response_cost": -1.0}, Reason.OUT_OF_RANGE, "response_cost"),
        ({"prompt_tokens": "9" * 400}, Reason.OUT_OF_RANGE, "prompt_tokens"),
        (
            {"metadata": {"usage_object": {"prompt_tokens": -1}}},
            Reason.OUT_OF_RANGE,
            "metadata.usage_object.prompt_tokens",
        ),
        ({"model": "m" * 600}, Reason.OUT_OF_RANGE, "model"),
    ],
)
def test_a_value_beyond_its_bounds_refuses_its_payload_alone(fields: Any, reason: Reason, field: str) -> None:
    bad, good = told([payload(**fields), payload()])
    assert isinstance(bad, BadInput)
    assert isinstance(good, Call)
    assert (bad.reason, bad.field) == (reason, field)


def test_what_is_missing_is_named() -> None:
    del (without := payload())["endTime"]
    (bad,) = told(without)
    assert (bad.reason, bad.field) == (Reason.MISSING_FIELD, "endTime")


@pytest.mark.parametrize(
    ("value", "reasons"),
    [
        (b"", [Reason.NOT_JSON]),
        (b"[{", [Reason.NOT_JSON]),
        (b"3", [Reason.WRONG_TYPE]),
        (b'[3, {"id": "\xff", "endTime": 1.0}]', [Reason.WRONG_TYPE, Reason.NOT_UTF8]),
        (b'{"id": "\xff", "endTime": 1.0}', [Reason.NOT_UTF8]),
        (b"[" * 5000, [Reason.TOO_DEEP]),
        (b"[" + b"{}," * 70_000 + b"{}]", [Reason.TOO_LARGE]),
    ],
)
def test_what_is_no_payload_is_refused_with_its_reason(value: bytes, reasons: list[Reason]) -> None:
    assert [bad.reason for bad in decode(value) if isinstance(bad, BadInput)] == reasons


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8) | st.just("9" * 30),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["role", "type", "content", "text", "name"]), inner)
    ),
    max_leaves=6,
)


@pytest.mark.parametrize("kind", [[], {}, 5, None])
def test_a_message_whose_type_is_no_text_tells_no_result(kind: Any) -> None:
    (call,) = told(payload(messages=[{"type": kind, "role": kind}]))
    assert isinstance(call, Call)


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(st.sampled_from(sorted(payload())), ANYTHING),
    st.dictionaries(st.sampled_from(sorted(USAGE)), ANYTHING),
)
def test_every_payload_gives_a_call_or_one_reason(fields: dict[str, Any], usage: dict[str, Any]) -> None:
    events = told(payload(metadata={"usage_object": USAGE | usage}) | fields)
    *before, last = events
    assert isinstance(last, (Call, BadInput))
    assert all(isinstance(e, ToolResult) for e in before)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2000), st.integers(0, 255))
def test_a_damaged_body_never_raises(at: int, byte: int) -> None:
    body = bytearray(json.dumps([payload(), payload(id="other")]).encode())
    body[at % len(body)] = byte
    assert decode(bytes(body))
    assert decode(bytes(body[: at % len(body)]))
