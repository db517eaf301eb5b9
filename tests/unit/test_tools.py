"""What a step did and what came back: fingerprints that are equal where tool calls say the same."""

import json
import random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.config import Config
from detector.enrich.tools import canonical, of_tools
from detector.model import packed as pk
from detector.model.events import Tool
from detector.pipeline.intake import Intake, SourceRecord
from tests.support.judged import T0, call

LEAVES = st.one_of(
    st.integers(-(2**70), 2**70),
    st.booleans(),
    st.text(min_size=1),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=4), st.dictionaries(st.text(max_size=6), inner, min_size=1, max_size=4)
    ),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.text(max_size=6), VALUES, max_size=5)


def raw(value: Any, **how: Any) -> msgspec.Raw:
    try:
        return msgspec.Raw(json.dumps(value, **how).encode())
    except UnicodeEncodeError:
        return msgspec.Raw(json.dumps(value).encode())


def shuffled(value: Any, chance: random.Random, empties: bool) -> Any:
    """The same, with keys in another order and empty fields added."""
    if isinstance(value, list):
        return [shuffled(v, chance, empties) for v in value]
    if not isinstance(value, dict):
        return value
    items = [(k, shuffled(v, chance, empties)) for k, v in value.items()]
    if empties:
        items += [(f"an empty field {n}", chance.choice([None, "", [], {}])) for n in range(chance.randint(0, 2))]
    chance.shuffle(items)
    return dict(items)


@settings(max_examples=100, deadline=None)
@given(OBJECTS, st.randoms(use_true_random=False))
def test_keys_in_another_order_empty_fields_and_white_space_change_nothing(value: Any, chance: random.Random) -> None:
    told = canonical(raw(value))
    other = shuffled(value, chance, empties=True)
    assert canonical(raw(other)) == told
    assert canonical(raw(other, indent=3, separators=(" , ", " : "))) == told
    assert canonical(raw(other, ensure_ascii=False)) == told


@settings(max_examples=100, deadline=None)
@given(OBJECTS)
def test_json_in_a_string_is_read_as_that_json(value: Any) -> None:
    assert canonical(raw(json.dumps(value))) == canonical(raw(value))
    assert canonical(raw("  " + json.dumps(value, indent=1) + "\n")) == canonical(raw(value))


@settings(max_examples=100, deadline=None)
@given(OBJECTS, OBJECTS)
def test_what_says_something_else_is_something_else(one: Any, other: Any) -> None:
    def same(a: Any, b: Any) -> bool:  # 1, 1.0 and True are equal in Python and different in JSON
        return json.dumps(a, sort_keys=True) == json.dumps(b, sort_keys=True)

    assert (canonical(raw(one)) == canonical(raw(other))) == same(one, other)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (b"", b""),
        (b"null", b""),
        (b'""', b""),
        (b"{}", b"{}"),
        (b'{"a": [ ], "b": { }, "c": 1}', b'{"c":1}'),
        (b'{"a": {"b": {"c": null}}}', b"{}"),
        (b"[null, 1]", b"[null,1]"),
        (b'"plain text"', b"plain text"),
        (b'"{not json"', b"{not json"),
        (b'"[1, 2"', b"[1, 2"),
        (b"17", b"17"),
        (b'{"n": 123456789012345678901234567890}', b'{"n":123456789012345678901234567890}'),
    ],
)
def test_arguments_of_every_kind(told: bytes, expected: bytes) -> None:
    assert canonical(msgspec.Raw(told)) == expected


@pytest.mark.parametrize("bad", [b'"\\ud800"', b'{"n": 1e999}', b'"\xff"'])
def test_arguments_that_cannot_be_read_raise_what_ingest_expects(bad: bytes) -> None:
    with pytest.raises((msgspec.DecodeError, UnicodeDecodeError)):
        canonical(msgspec.Raw(bad))


def tool(name: str = "ls", arguments: Any = None, call_id: str | None = None, **told: Any) -> Tool:
    told = {k: v if k == "error" else raw(v) for k, v in told.items()}
    return Tool(name=name, arguments=raw(arguments), call_id=call_id, **told)


def test_an_action_is_its_tools_names_and_arguments_in_any_order() -> None:
    one, other = tool("ls", {"path": "/a"}, result="x"), tool("cat", {"path": "/a"}, result="x")
    actions = [of_tools(t, T0).action for t in ([one], [other], [one, other], [other, one], [one, one])]
    assert actions[2] == actions[3]
    assert len(set(actions)) == 4
    assert of_tools([tool("ls", {"path": "/a"}, result="y")], T0).action == actions[0]


def told(*events: dict[str, Any]) -> Any:
    """The rows of events."""
    intake = Intake(Config(), 1)
    records = [SourceRecord(n, json.dumps(e).encode(), None) for n, e in enumerate(events)]
    intake.take(0, "any", records)
    ((_, value),) = intake.flush({}).packed
    return pk.decode_packed(value)


def result_of(*tools: dict[str, Any]) -> int:
    """The fingerprint of what came back in a step."""
    return int(told(call(0.0, tools=list(tools))).rows["result"][0])


def named(name: str = "ls", **fields: Any) -> dict[str, Any]:
    return {"name": name, "arguments": {"path": "/a"}, **fields}


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=3), st.text(max_size=3)), min_size=2, max_size=9), st.randoms())
def test_results_of_a_step_add_up_in_any_order(pairs: list[tuple[str, str]], chance: random.Random) -> None:
    tools = [{"name": name, "arguments": {"n": n}, "result": result} for n, (name, result) in enumerate(pairs)]
    total = result_of(*tools)
    chance.shuffle(tools)
    assert result_of(*tools) == total


def test_which_tool_gave_which_result_matters() -> None:
    ab = result_of(named("a", result="one"), named("b", result="two"))
    assert ab != result_of(named("a", result="two"), named("b", result="one"))


def test_a_failure_is_another_result_than_a_success_with_the_same_words() -> None:
    kinds: list[dict[str, Any]] = [{"result": "x"}, {"result": "x", "error": True}, {"result": "x", "error": "x"}]
    assert len({result_of(named(**k)) for k in kinds}) == 3
    flags = [int(told(call(0.0, tools=[named(**k)])).rows["flags"][0]) & pk.TOOL_ERROR for k in kinds]
    assert flags == [0, pk.TOOL_ERROR, pk.TOOL_ERROR]
    assert result_of(named(result="x", error=False)) == result_of(named(result="x"))


def test_white_space_at_the_ends_of_a_result_is_no_news() -> None:
    assert result_of(named(result="done\n")) == result_of(named(result="  done"))


def test_what_is_not_told_yet_is_missing_by_its_id_and_what_is_empty_is_not() -> None:
    steps = of_tools(
        [tool("a", call_id="c1"), tool("b", result="x"), tool("c"), tool("d", result=""), tool("e", error=False)],
        T0,
    )
    assert [call_id for call_id, _ in steps.missing] == ["c1", None]


@settings(max_examples=100, deadline=None)
@given(st.one_of(st.text(), OBJECTS), st.sampled_from([None, True, False, "boom"]))
def test_a_result_is_the_same_told_with_its_call_or_later(result: Any, error: str | bool | None) -> None:
    if result is None:
        return
    with_call = told(call(0.0, tools=[named(result=result, error=error)])).rows[0]
    later = {"type": "tool_result", "id": "r", "time": T0 + 1, "run": "run", "call_id": "c"}
    both = told(call(0.0, tools=[named(call_id="c")]), later | {"result": result, "error": error})
    ((_, _, which),) = both.waits.tolist()
    h = ((which ^ int(both.rows["result"][1])) * 0x9E3779B97F4A7C15) % 2**64
    assert h ^ (h >> 29) == int(with_call["result"])
    assert int(both.rows["output"][1]) == int(with_call["output"])
    assert int(both.rows["flags"][1]) == int(with_call["flags"]) & pk.OF_RESULTS
    assert both.rows["action"][0] == with_call["action"]


def test_what_an_action_says_is_the_same_in_another_structure() -> None:
    flat = of_tools([tool("f", {"a": "x", "b": [1, 2], "c": ""})], T0).said
    assert of_tools([tool("f", {"b": {"one": 1, "two": 2}, "d": "x"})], T0).said == flat
    assert of_tools([tool("g", {"a": "x", "b": [1, 2]})], T0).said != flat
    assert of_tools([tool("f", {"a": "x", "b": [1, 3]})], T0).said != flat
