"""Spans of model calls: which of them are calls and tools, what they count, and that each call is told once."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.config.sources import Source
from detector.errors import BadInput, Reason
from detector.model.events import Call, ToolCall, Usage
from detector.sources.otlp_spans import decode
from detector.sources.reading import of_source
from detector.sources.told import Told, first
from tests.support.otlp_spans import NOW, Span, id_of, spans_json, spans_protobuf, trace_of

CHAT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.model": "gpt-4o-2026-08-06",
    "gen_ai.response.id": "chatcmpl-1",
    "gen_ai.usage.input_tokens": 900,
    "gen_ai.usage.output_tokens": 40,
}
TOOL = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "read_file"}
LLM = {
    "openinference.span.kind": "LLM",
    "llm.model_name": "gpt-4o",
    "llm.token_count.prompt": 900,
    "llm.token_count.completion": 40,
    "output.value": '{"id": "chatcmpl-1", "choices": []}',
}
ANSWER = [
    {
        "role": "assistant",
        "parts": [
            {"type": "thinking", "content": "hm"},
            {"type": "text", "content": "I look."},
            {"type": "tool_call", "id": "call-1", "name": "read_file", "arguments": {"path": "a"}},
        ],
    }
]


def told(*spans: Span, resource: dict[str, Any] | None = None) -> list[Any]:
    decoded = decode(spans_protobuf(spans, resource))
    assert plain(decoded) == plain(decode(spans_json(spans, resource))), "both forms say the same"
    return list(decoded)


def plain(decoded: list[Any]) -> list[Any]:
    return [(msgspec.json.encode(d.event), d.attributes) if isinstance(d, Told) else repr(d) for d in decoded]


def within_bounds(event: Any) -> None:
    """Raises where a value is beyond what an event may hold, which is checked where one is read."""
    for tool in [event.tool] if isinstance(event, ToolCall) else event.tools or ():
        tool.arguments, tool.result = (
            raw if bytes(raw) else msgspec.Raw(b"null") for raw in (tool.arguments, tool.result)
        )
    msgspec.json.decode(msgspec.json.encode(event), type=type(event))


def one(span: Span) -> Any:
    (decoded,) = told(span)
    return decoded.event if isinstance(decoded, Told) else decoded


def said(raw: msgspec.Raw) -> Any:
    return msgspec.json.decode(raw) if bytes(raw) else None


def test_an_inference_is_a_call() -> None:
    call = one(Span(CHAT))
    assert isinstance(call, Call)
    assert (call.id, call.model, call.provider, call.operation) == (
        "chatcmpl-1", "gpt-4o-2026-08-06", "openai", "chat",
    )  # fmt: skip
    assert call.usage == Usage(input_tokens=900, output_tokens=40)
    assert (call.time, call.duration_s) == (pytest.approx(NOW), pytest.approx(2.0))
    assert call.status == "ok"


@pytest.mark.parametrize("operation", ["text_completion", "generate_content", "embeddings"])
def test_other_inferences_are_calls_too(operation: str) -> None:
    assert one(Span(CHAT | {"gen_ai.operation.name": operation})).operation == operation


@pytest.mark.parametrize(
    "attributes",
    [
        CHAT | {"gen_ai.operation.name": "invoke_agent"},
        CHAT | {"gen_ai.operation.name": "execute_task"},
        CHAT | {"gen_ai.operation.name": "llm_call"},
        LLM | {"openinference.span.kind": "CHAIN"},
        LLM | {"openinference.span.kind": "AGENT"},
        {"gen_ai.usage.input_tokens": 900},
        {"http.route": "/"},
    ],
)
def test_what_repeats_its_children_or_calls_no_model_tells_nothing(attributes: dict[str, Any]) -> None:
    assert told(Span(attributes)) == []


@pytest.mark.parametrize("scope", ["gemini-cli", "codex_otel"])
def test_clients_whose_logs_are_metered_tell_nothing_by_spans(scope: str) -> None:
    assert told(Span(CHAT, scope=scope)) == []


@pytest.mark.parametrize(
    ("kind", "operation"),
    [
        ("acompletion", "chat"),
        ("completion", "chat"),
        ("anthropic_messages", "chat"),
        ("aresponses", "chat"),
        ("atext_completion", "text_completion"),
        ("aembedding", "embeddings"),
    ],
)
def test_litellm_names_its_operations_by_the_type_of_call(kind: str, operation: str) -> None:
    named = {"gen_ai.operation.name": kind}
    assert one(Span(CHAT | named, scope="litellm")).operation == operation
    assert not told(Span(CHAT | named, scope="another"))


@pytest.mark.parametrize("written", ["cache_write.input_tokens", "cache_creation.input_tokens"])
@pytest.mark.parametrize("reasoning", ["reasoning.output_tokens", "reasoning_tokens", "details.reasoning_tokens"])
def test_parts_of_a_count_have_several_names(written: str, reasoning: str) -> None:
    more = {f"gen_ai.usage.{written}": 30, f"gen_ai.usage.{reasoning}": 8}
    usage = one(Span(CHAT | more | {"gen_ai.usage.cache_read.input_tokens": 300})).usage
    assert usage == Usage(900, 300, 30, None, 40, 8)


def test_older_names_are_not_added_to_the_new_ones() -> None:
    older = {"gen_ai.usage.prompt_tokens": 900, "gen_ai.usage.completion_tokens": 40, "gen_ai.system": "openai"}
    assert one(Span(CHAT | older)).usage == Usage(input_tokens=900, output_tokens=40)


def test_a_call_without_an_id_has_its_spans() -> None:
    span = Span({k: v for k, v in CHAT.items() if k != "gen_ai.response.id"}, span=7, trace=9)
    assert one(span).id == id_of(span)


@pytest.mark.parametrize("name", ["operation.cost", "gen_ai.cost.total_cost", "litellm.cost.total"])
def test_a_cost_that_is_told_is_taken_and_0_is_none(name: str) -> None:
    priced, unpriced = one(Span(CHAT | {name: 0.25})), one(Span(CHAT | {name: 0.0}))
    assert (priced.cost_usd, priced.cost_basis) == (0.25, "told")
    assert (unpriced.cost_usd, unpriced.cost_basis) == (None, None)


@pytest.mark.parametrize(
    ("more", "thrown", "status"),
    [
        ({"error.type": "RateLimitError"}, None, "rate_limited"),
        ({"error.type": "rate_limit_error"}, None, "rate_limited"),
        ({"error.type": "x", "http.response.status_code": 429}, None, "rate_limited"),
        ({}, {"exception.type": "openai.RateLimitError"}, "rate_limited"),
        ({}, {"exception.type": "HTTPError", "exception.message": "status_code: 429, body"}, "rate_limited"),
        ({"error.type": "InternalServerError"}, None, "error"),
        ({}, None, "error"),
    ],
)
def test_why_a_call_failed(more: dict[str, Any], thrown: dict[str, Any] | None, status: str) -> None:
    zeros = {"gen_ai.usage.input_tokens": 0, "gen_ai.usage.output_tokens": 0}
    call = one(Span(CHAT | zeros | more, failed=True, thrown=thrown))
    assert (call.status, call.usage) == (status, Usage())


def test_an_error_is_named_by_its_kind_not_by_its_message() -> None:
    thrown = {"exception.type": "BadRequest", "exception.message": "the prompt was: secret"}
    assert one(Span(CHAT, failed=True, thrown=thrown)).error == "BadRequest"


def test_a_failed_attempt_and_the_later_success_of_one_request_are_two_calls() -> None:
    of_request = CHAT | {"gen_ai.response.id": "request-1", "litellm.call_id": "request-1"}
    calls = [d.event for d in told(Span(of_request, span=1, failed=True), Span(of_request, span=2))]
    assert [(c.status, c.id == "request-1") for c in calls] == [("error", False), ("ok", True)]


@pytest.mark.parametrize("messages", [ANSWER, json.dumps(ANSWER)])
def test_text_and_tools_of_an_answer(messages: Any) -> None:
    call = one(Span(CHAT | {"gen_ai.output.messages": messages}))
    assert call.output.text == "I look."
    (tool,) = call.tools
    assert (tool.name, tool.call_id, said(tool.arguments)) == ("read_file", "call-1", '{"path":"a"}')
    assert not call.tools_apart


def test_older_attributes_of_an_answer() -> None:
    older = {
        "gen_ai.completion.0.content": "I look.",
        "gen_ai.completion.0.tool_calls.0.name": "read_file",
        "gen_ai.completion.0.tool_calls.0.id": "call-1",
        "gen_ai.completion.1.function_call.name": "write_file",
        "gen_ai.completion.1.function_call.arguments": "{}",
    }
    call = one(Span(CHAT | older))
    assert call.output.text == "I look."
    assert [(t.name, t.call_id, said(t.arguments)) for t in call.tools] == [
        ("read_file", "call-1", None), ("write_file", None, "{}"),
    ]  # fmt: skip


@pytest.mark.parametrize("scope", ["pydantic-ai", "opentelemetry.instrumentation.langchain"])
def test_where_tools_have_spans_a_call_leaves_them_to_these(scope: str) -> None:
    call = one(Span(CHAT | {"gen_ai.output.messages": ANSWER}, scope=scope))
    assert (call.tools, call.tools_apart) == (None, True)


@pytest.mark.parametrize(
    ("arguments", "result"),
    [("gen_ai.tool.call.arguments", "gen_ai.tool.call.result"), ("tool_arguments", "tool_response")],
)
def test_a_tool(arguments: str, result: str) -> None:
    span = Span(TOOL | {"gen_ai.tool.call.id": "call-1", arguments: '{"path":"a"}', result: "alpha"}, span=3)
    event = one(span)
    assert isinstance(event, ToolCall)
    assert (event.id, event.tool.name, event.tool.call_id) == (id_of(span), "read_file", "call-1")
    assert (said(event.tool.arguments), said(event.tool.result), event.tool.error) == ('{"path":"a"}', "alpha", None)


def test_a_tool_that_fails_says_what_it_threw() -> None:
    assert one(Span(TOOL, failed=True, thrown={"exception.message": "no such file"})).tool.error == "no such file"
    assert one(Span(TOOL, failed=True)).tool.error is True


def test_equal_tools_of_langchain_are_equal_whatever_wraps_them() -> None:
    def wrapped(step: int) -> Any:
        arguments = {"input_str": "{'path': 'a'}", "metadata": {"step": step}}
        result = {"output": {"type": "tool", "kwargs": {"content": "alpha", "id": step}}, "kwargs": {"run": step}}
        return one(
            Span(
                TOOL
                | {
                    "gen_ai.tool.call.arguments": json.dumps(arguments),
                    "gen_ai.tool.call.result": json.dumps(result),
                },
                scope="opentelemetry.instrumentation.langchain",
            )
        )

    assert [(said(e.tool.arguments), said(e.tool.result)) for e in (wrapped(1), wrapped(2))] == [
        ("{'path': 'a'}", "alpha")
    ] * 2


@pytest.mark.parametrize(
    ("kind", "events"), [("llm", 1), ("embedding", 1), ("prompt", 0), ("retriever", 0), ("chain", 0)]
)
def test_of_what_langsmith_calls_chat_only_models_are_calls(kind: str, events: int) -> None:
    assert len(told(Span(CHAT | {"langsmith.span.kind": kind}, scope="langsmith"))) == events


def test_parts_of_langsmiths_counts_are_in_its_metadata() -> None:
    details = {"input_token_details": {"cache_read": 300}, "output_token_details": {"reasoning": 8}}
    call = one(Span(CHAT | {"langsmith.metadata.usage_metadata": json.dumps(details)}, scope="langsmith"))
    assert call.usage == Usage(900, 300, None, None, 40, 8)


@pytest.mark.parametrize("count", [-1, 10**9])
def test_absurd_parts_of_langsmiths_counts_are_refused(count: int) -> None:
    details = json.dumps({"input_token_details": {"cache_read": count}})
    bad = one(Span(CHAT | {"langsmith.metadata.usage_metadata": details}, scope="langsmith"))
    assert isinstance(bad, BadInput)
    assert bad.field == "langsmith.metadata.usage_metadata"


def test_a_tool_that_langsmith_tells() -> None:
    result = {"output": {"kwargs": {"content": "alpha", "tool_call_id": "call-1"}}}
    said_too = {"gen_ai.prompt": '{"input": "a"}', "gen_ai.completion": json.dumps(result)}
    event = one(Span(TOOL | said_too | {"langsmith.span.kind": "tool"}, scope="langsmith"))
    assert (said(event.tool.arguments), said(event.tool.result)) == ('{"input": "a"}', "alpha")


def test_two_tellings_of_one_call_are_one_call_and_the_outer_one_goes_first() -> None:
    inner = Span(CHAT | {"gen_ai.usage.cache_read.input_tokens": 300, "user": "b"}, span=2, parent=1, lasts_s=1.0)
    outer = Span(CHAT | {"gen_ai.response.model": "outer", "user": "a"}, scope="pydantic-ai", span=1)
    other = Span(CHAT | {"gen_ai.response.id": "chatcmpl-2"}, span=3)
    for spans in ((inner, other, outer), (outer, inner, other)):
        decoded = told(*spans)
        assert [d.event.id for d in decoded] == ["chatcmpl-1", "chatcmpl-2"]
        call = decoded[0].event
        assert call.usage == Usage(input_tokens=900, cached_input_tokens=300, output_tokens=40)
        assert (call.model, call.tools_apart, first(decoded[0].attributes, "user")) == ("outer", True, "a")
        assert call.duration_s == pytest.approx(2.0)


def test_conventions_that_tell_of_one_call_in_two_traces_are_merged() -> None:
    outer = Span(LLM | {"output.value": '{"llm_output": {"id": "chatcmpl-1"}}'}, trace=1, scope="x.langchain")
    inner = Span(LLM | {"llm.token_count.prompt_details.cache_write": 9}, trace=2, lasts_s=1.0, scope="x.openai")
    (decoded,) = told(inner, outer)
    assert decoded.event.usage == Usage(input_tokens=900, cache_write_tokens=9, output_tokens=40)


def test_a_failure_within_the_failed_call_around_it_is_the_same() -> None:
    attributes = {k: v for k, v in CHAT.items() if k != "gen_ai.response.id"}
    inner = Span(attributes | {"error.type": "rate_limit_error"}, span=2, parent=1, failed=True)
    outer = Span(attributes, span=1, failed=True)
    alone = Span(attributes, span=4, parent=3, failed=True)
    assert [d.event.id for d in told(inner, outer, alone)] == [id_of(outer), id_of(alone)]


def test_counts_are_those_of_the_inner_telling_and_a_zero_is_filled() -> None:
    written = "gen_ai.usage.cache_creation.input_tokens"
    outer = Span(CHAT | {written: 0, "gen_ai.usage.output_tokens": 41}, scope="framework", span=1)
    inner = Span(CHAT | {written: 128}, span=2, parent=1, lasts_s=1.0)
    for spans in ((inner, outer), (outer, inner)):
        (decoded,) = told(*spans)
        assert decoded.event.usage == Usage(input_tokens=900, cache_write_tokens=128, output_tokens=40)


@pytest.mark.parametrize(
    ("scope", "output"), [("opentelemetry.instrumentation.anthropic", 40), ("opentelemetry.instrumentation.openai", 41)]
)
def test_an_inner_telling_that_adds_up_a_streams_events_is_not_believed(scope: str, output: int) -> None:
    inner = Span(CHAT | {"gen_ai.usage.output_tokens": 41}, scope=scope, span=2, parent=1, lasts_s=1.0)
    for spans in ((inner, Span(CHAT)), (Span(CHAT), inner)):
        (decoded,) = told(*spans)
        assert decoded.event.usage.output_tokens == output


HIDDEN = {k: v for k, v in LLM.items() if k != "output.value"}
"""A call as OpenInference tells it where contents are hidden: without an id."""
OF_LANGCHAIN = "openinference.instrumentation.langchain"
OF_ANTHROPIC = "com.anthropic.sdk.python"


def test_tellings_at_the_same_time_are_one_call_though_only_one_knows_its_id() -> None:
    hidden = Span(HIDDEN | {"session.id": "s"}, scope=OF_LANGCHAIN, span=1, trace=1, t=NOW + 0.1)
    plain_one = Span(CHAT, scope="opentelemetry.instrumentation.langchain", span=2, trace=2)
    other = Span(CHAT | {"gen_ai.response.id": "chatcmpl-2"}, scope=OF_ANTHROPIC, span=3, trace=3, t=NOW + 9)
    for spans in ((hidden, plain_one, other), (plain_one, hidden, other)):
        decoded = told(*spans)
        assert [d.event.id for d in decoded] == ["chatcmpl-1", "chatcmpl-2"]
        assert [first(d.attributes, "session.id") for d in decoded] == ["s", None]


def test_calls_at_once_that_are_told_twice_each_are_paired_by_their_counts() -> None:
    counts = (900, 800, 700)
    ids = [f"chatcmpl-{n}" for n in counts]
    a = [Span(CHAT | {"gen_ai.usage.input_tokens": n, "gen_ai.response.id": f"chatcmpl-{n}"}, span=n) for n in counts]
    b = [Span(HIDDEN | {"llm.token_count.prompt": n}, scope=OF_LANGCHAIN, span=n, trace=2) for n in reversed(counts)]
    decoded = told(*b, *a)
    assert sorted(d.event.id for d in decoded) == sorted(ids)
    assert {d.event.id: d.event.usage.input_tokens for d in decoded} == dict(zip(ids, counts, strict=True))


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(Span(HIDDEN, scope="a", span=2), id="one scope tells each call once"),
        pytest.param(Span(HIDDEN, scope="b", span=2, t=NOW + 1.5), id="one after the other"),
        pytest.param(Span(HIDDEN | {"llm.token_count.prompt": 901}, scope="b", span=2), id="other counts"),
        pytest.param(Span(HIDDEN | {"llm.model_name": "o5"}, scope="b", span=2), id="another model"),
        pytest.param(Span(HIDDEN, scope="b", span=2, failed=True), id="one of them failed"),
        pytest.param(Span(HIDDEN | {"openinference.span.kind": "EMBEDDING"}, scope="b", span=2), id="embeddings"),
        pytest.param(Span(LLM | {"output.value": '{"id": "other"}'}, scope="b", span=2), id="another id"),
    ],
)
def test_calls_at_once_that_differ_stay_apart(other: Span) -> None:
    known = LLM if "other" in str(other.attributes.get("output.value")) else HIDDEN
    assert len(told(Span(known, scope="a"), other)) == 2


def test_calls_of_two_resources_at_once_stay_apart() -> None:
    a = spans_protobuf([Span(HIDDEN, scope="a")], {"service.name": "a"})
    assert len(decode(a + spans_protobuf([Span(HIDDEN, scope="b", span=2)], {"service.name": "b"}))) == 2


@given(st.permutations(range(3)))
def test_a_failure_that_three_tell_in_traces_of_their_own_is_one(order: list[int]) -> None:
    asked = {k: v for k, v in CHAT.items() if k in ("gen_ai.operation.name", "gen_ai.request.model")}
    spans = [
        Span(asked, scope="opentelemetry.instrumentation.langchain", span=1, trace=1, failed=True),
        Span({k: v for k, v in HIDDEN.items() if "count" not in k}, scope=OF_LANGCHAIN, span=2, trace=2, failed=True),
        Span(asked, scope=OF_ANTHROPIC, span=3, trace=3, lasts_s=1.0, failed=True),
    ]
    (decoded,) = told(*(spans[n] for n in order))
    assert (decoded.event.status, decoded.event.tools_apart) == ("error", True)


@given(st.permutations(range(5)))
def test_attempts_within_a_call_are_part_of_it(order: list[int]) -> None:
    asked = {k: v for k, v in CHAT.items() if k in ("gen_ai.operation.name", "gen_ai.request.model")}
    spans = [
        Span(CHAT, scope="pydantic-ai", span=1, lasts_s=4.0),
        Span(asked, scope="x.anthropic", span=2, parent=1, t=NOW - 3, lasts_s=0.5, failed=True),
        Span(asked, scope="sdk", span=5, parent=2, t=NOW - 3, lasts_s=0.4, failed=True),
        Span(asked, scope="x.anthropic", span=3, parent=1, lasts_s=2.0),
        Span(CHAT | {"gen_ai.usage.cache_read.input_tokens": 300}, scope="sdk", span=4, parent=3, lasts_s=1.0),
    ]
    (decoded,) = told(*(spans[n] for n in order))
    call = decoded.event
    assert (call.id, call.status, call.usage) == ("chatcmpl-1", "ok", Usage(900, 300, None, None, 40))


def test_a_tool_that_two_tell_is_one() -> None:
    arguments = {"gen_ai.tool.call.arguments": "{'path': 'a'}"}
    message = json.dumps({"data": {"content": "alpha", "tool_call_id": "call-1"}})
    theirs = {"openinference.span.kind": "TOOL", "tool.name": "read_file", "input.value": "a", "output.value": message}
    spans = [
        span
        for n in range(3)
        for span in (
            Span(TOOL | arguments, scope="opentelemetry.instrumentation.langchain", span=n + 1, t=NOW + n, lasts_s=0.5),
            Span(theirs, scope=OF_LANGCHAIN, span=n + 11, trace=2, t=NOW + n, lasts_s=0.4),
        )
    ]
    tools = [d.event.tool for d in told(*spans)]
    assert [(t.name, t.call_id, said(t.arguments), said(t.result)) for t in tools] == [
        ("read_file", "call-1", "{'path': 'a'}", "alpha")
    ] * 3


def test_a_tool_within_another_ones_time_is_another() -> None:
    outer, inner = Span(TOOL, scope="a", span=1, lasts_s=9.0), Span(TOOL, scope="b", span=2, lasts_s=1.0)
    assert len(told(outer, inner)) == 2


def test_a_call_that_read_nothing_was_not_counted_wholly() -> None:
    more = {"gen_ai.usage.input_tokens": 0, "gen_ai.usage.cache_read.input_tokens": 0}
    assert one(Span(CHAT | more)).usage == Usage(output_tokens=40)


def test_a_zero_of_langchain_for_what_was_written_tells_nothing() -> None:
    more = {"gen_ai.usage.cache_creation.input_tokens": 0}
    assert one(Span(CHAT | more, scope="opentelemetry.instrumentation.langchain")).usage.cache_write_tokens is None
    assert one(Span(CHAT | more, scope="pydantic-ai")).usage.cache_write_tokens == 0


def test_what_langsmith_says_was_written_for_how_long_is_the_sum() -> None:
    read = {"cache_creation": 0, "ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 28}
    details = json.dumps({"input_token_details": read})
    usage = one(Span(CHAT | {"langsmith.metadata.usage_metadata": details}, scope="langsmith")).usage
    assert (usage.cache_write_tokens, usage.cache_write_1h_tokens) == (128, 28)


@pytest.mark.parametrize("failed", [True, False])
@pytest.mark.parametrize(
    ("message", "status", "error"),
    [
        ("OpenAIRateLimitError('429')Traceback", "rate_limited", "OpenAIRateLimitError"),
        ('APIError("no")', "error", "APIError"),
        ("no", "error", "Exception"),
    ],
)
def test_a_failure_that_langsmith_tells_by_an_exception(failed: bool, message: str, status: str, error: str) -> None:
    thrown = {"exception.type": "Exception", "exception.message": message}
    call = one(Span(CHAT, scope="langsmith", failed=failed, thrown=thrown))
    assert (call.status, call.error) == (status, error)


def test_equal_ids_of_two_resources_stay_apart() -> None:
    a, b = spans_protobuf([Span(CHAT)], {"tenant": "a"}), spans_protobuf([Span(CHAT)], {"tenant": "b"})
    assert len(decode(a + b)) == 2


def test_openinference_counts_and_ids() -> None:
    details = {
        "llm.token_count.prompt_details.cache_read": 300,
        "llm.token_count.prompt_details.cache_write": 30,
        "llm.token_count.completion_details.reasoning": 8,
    }
    call = one(Span(LLM | details))
    assert (call.id, call.usage) == ("chatcmpl-1", Usage(900, 300, 30, None, 40, 8))


@pytest.mark.parametrize("value", ["__REDACTED__", "{", '{"id": 5}', '{"id": ["a", "b"]}', None])
def test_openinference_without_an_answers_id_has_its_spans(value: str | None) -> None:
    span = Span(LLM | {"output.value": value})
    assert one(span).id == id_of(span)


def test_openinference_embeddings_and_failures() -> None:
    embedding = {"openinference.span.kind": "EMBEDDING", "embedding.model_name": "e", "llm.token_count.prompt": 34}
    assert one(Span(embedding)).usage == Usage(input_tokens=34)
    failed = {"openinference.span.kind": "LLM", "llm.invocation_parameters": '{"model": "gpt-4o"}'}
    call = one(Span(failed, failed=True, thrown={"exception.type": "RateLimitError"}))
    assert (call.model, call.status, call.usage) == ("gpt-4o", "rate_limited", Usage())


def test_openinference_tools_are_told_by_calls_of_a_client_and_apart_by_a_framework() -> None:
    message = "llm.output_messages.0.message."
    asked = {
        f"{message}role": "assistant",
        f"{message}content": "I look.",
        f"{message}tool_calls.0.tool_call.function.name": "read_file",
        f"{message}tool_calls.0.tool_call.function.arguments": "{}",
    }
    of_client = one(Span(LLM | asked, scope="openinference.instrumentation.openai"))
    of_framework = one(Span(LLM | asked, scope="openinference.instrumentation.langchain"))
    assert ([t.name for t in of_client.tools], of_client.tools_apart) == (["read_file"], False)
    assert (of_framework.tools, of_framework.tools_apart, of_framework.output.text) == (None, True, "I look.")


def test_an_openinference_tool_without_langchains_message_around_its_result() -> None:
    message = {"type": "tool", "data": {"content": "no such file", "tool_call_id": "call-1", "status": "error"}}
    tool = {"openinference.span.kind": "TOOL", "tool.name": "read_file", "input.value": "a"}
    event = one(Span(tool | {"output.value": json.dumps(message)}))
    assert isinstance(event, ToolCall)
    assert (event.tool.call_id, said(event.tool.result), event.tool.error) == ("call-1", "no such file", True)


def test_whose_a_call_is() -> None:
    metadata = json.dumps({"task": "PAY-7", "lc_agent_name": "fixer"})
    span = Span(LLM | {"metadata": metadata, "session.id": "sess-1"})
    (decoded,) = told(span, resource={"team": "payments"})
    names = ("detector.trace", "session.id", "metadata.task", "detector.agent", "team")
    assert [first(decoded.attributes, name) for name in names] == [
        trace_of(span), "sess-1", "PAY-7", "fixer", "payments",
    ]  # fmt: skip


def test_whose_a_call_of_litellm_is() -> None:
    said_by_it = {
        "litellm.api_key.hash": "key-1",
        "litellm.team.id": "t-1",
        "litellm.team.alias": "payments",
        "litellm.metadata.user_api_key_user_id": "u-1",
        "gen_ai.conversation.id": "sess-1",
    }
    events = of_source(Source(topic="t", format="otlp_spans"))(spans_protobuf([Span(CHAT | said_by_it)]), ())
    (call,) = events
    assert isinstance(call, Call)
    assert (call.key, call.team, call.user, call.run) == ("key-1", "payments", "u-1", "sess-1")


def test_an_agent_within_another_ones_tool_is_part_of_the_others_run() -> None:
    conversation = "gen_ai.conversation.id"
    lead = Span({"gen_ai.operation.name": "invoke_agent", conversation: "lead"}, span=1)
    tool = Span(TOOL | {conversation: "lead"}, span=2, parent=1)
    plain_span = Span({}, span=3, parent=2)
    sub = Span({"gen_ai.operation.name": "invoke_agent", conversation: "sub"}, span=4, parent=3)
    call = Span(CHAT | {conversation: "sub"}, span=5, parent=4)
    decoded = told(call, sub, plain_span, tool, lead)
    assert [(type(d.event), first(d.attributes, "detector.parent_run")) for d in decoded] == [
        (Call, "lead"),
        (ToolCall, None),
    ]


def test_spans_around_each_other_are_in_no_run() -> None:
    around = CHAT | {"gen_ai.conversation.id": "a"}
    (decoded,) = told(Span(around, span=1, parent=2), Span(around, span=2, parent=1))
    assert first(decoded.attributes, "detector.parent_run") is None


@pytest.mark.parametrize(
    ("more", "field", "reason"),
    [
        ({"gen_ai.usage.input_tokens": 10**12}, "gen_ai.usage.input_tokens", Reason.OUT_OF_RANGE),
        ({"gen_ai.usage.output_tokens": -1}, "gen_ai.usage.output_tokens", Reason.OUT_OF_RANGE),
        ({"gen_ai.usage.input_tokens": True}, "gen_ai.usage.input_tokens", Reason.WRONG_TYPE),
        ({"operation.cost": 1e9}, "operation.cost", Reason.OUT_OF_RANGE),
        ({"gen_ai.response.id": "x" * 513}, "gen_ai.response.id", Reason.OUT_OF_RANGE),
        (
            {"gen_ai.request.model": None, "gen_ai.response.model": None},
            "gen_ai.request.model",
            Reason.MISSING_FIELD,
        ),
    ],
)
def test_what_cannot_be_used_is_named(more: dict[str, Any], field: str, reason: Reason) -> None:
    bad, good = decode(spans_protobuf([Span(CHAT | more), Span(CHAT, span=2)]))
    assert isinstance(bad, BadInput)
    assert (bad.field, bad.reason) == (field, reason)
    assert isinstance(good, Told)


@pytest.mark.parametrize("body", [b"\xff\xff", b"{", b'{"resourceSpans": 5}'])
def test_a_body_that_is_none_is_one_reason(body: bytes) -> None:
    (bad,) = decode(body)
    assert isinstance(bad, BadInput)


_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | st.text(' a{[]}"\\0é\x00', max_size=20)
    | st.sampled_from(["{}", "[]", "[{}]", '{"data": 1}', '{"output": {"kwargs": []}}', "9" * 600]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["parts", "type"]), inner),
    max_leaves=4,
)
_NAMES = sorted(
    {
        *CHAT, *TOOL, *LLM, "gen_ai.output.messages", "gen_ai.tool.call.arguments", "gen_ai.tool.call.result",
        "gen_ai.tool.call.id", "gen_ai.completion.0.content", "gen_ai.completion.0.tool_calls.0.name", "metadata",
        "langsmith.metadata.usage_metadata",
        "operation.cost", "error.type", "http.response.status_code", "llm.invocation_parameters", "input.value",
        "llm.output_messages.0.message.content", "llm.output_messages.0.message.tool_calls.0.tool_call.function.name",
    }
    - {"gen_ai.operation.name", "openinference.span.kind"}
)  # fmt: skip


@given(
    kind=st.sampled_from(
        [
            {"gen_ai.operation.name": "chat"},
            {"gen_ai.operation.name": "execute_tool"},
            {"openinference.span.kind": "LLM"},
            {"openinference.span.kind": "EMBEDDING"},
            {"openinference.span.kind": "TOOL"},
        ]
    ),
    more=st.dictionaries(st.sampled_from(_NAMES), _VALUES, max_size=8),
    scope=st.sampled_from(
        ["scope", "langsmith", "opentelemetry.instrumentation.langchain", "openinference.instrumentation.openai"]
    ),
    failed=st.booleans(),
)
def test_every_call_and_tool_is_an_event_or_a_reason(
    kind: dict[str, Any], more: dict[str, Any], scope: str, failed: bool
) -> None:
    base = CHAT if kind.get("gen_ai.operation.name") == "chat" else {}
    body = [Span(base | more | kind, scope=scope, failed=failed)]
    for decoded in (decode(spans_protobuf(body)), decode(spans_json(body))):
        (event,) = decoded
        if isinstance(event, Told):
            within_bounds(event.event)


@given(st.binary(max_size=200))
def test_arbitrary_bytes_never_raise(body: bytes) -> None:
    assert isinstance(decode(body), list)


def test_a_call_that_is_told_again_and_again_is_one_with_few_attributes() -> None:
    (once,) = told(*[Span(CHAT, span=n + 1) for n in range(50)])
    assert once.event.id == "chatcmpl-1"
    assert len(once.attributes) == 12
