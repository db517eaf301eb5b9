"""Whose a foreign event is: by lists of attributes, tried in order."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.errors import BadInput, Reason
from detector.model.events import Call, ToolResult, Usage
from detector.sources.told import Told, first
from detector.sources.usual_attributes import USUAL
from detector.sources.whose import FIELDS, Found, Whose


def call(*layers: dict[str, Any]) -> Told:
    return Told(Call(id="c", time=1.0, model="m", usage=Usage()), layers)


def whose(usual: dict[str, str | None] | None = None, **lists: list[str]) -> Whose:
    return Whose(lists, usual or {})


def test_the_first_attribute_that_says_something_wins() -> None:
    told = call({"b": "from b", "a": "", "c": "from c"})
    assert whose(task=["a", "b", "c"]).find(told) == [Found("task", "b", "from b")]


def test_the_nearest_layer_that_has_an_attribute_wins() -> None:
    assert whose(team=["team"]).fill(call({}, {"team": "of the record"}, {"team": "of the resource"})).team == (
        "of the record"
    )


def test_what_no_attribute_says_is_as_configured_and_what_one_says_is_not() -> None:
    lists = whose({"tenant": "acme", "team": "payments"}, team=["team"], tenant=["tenant"])
    event = lists.fill(call({"team": "search"}))
    assert (event.tenant, event.team) == ("acme", "search")
    assert lists.fill(call({})).team == "payments"


@pytest.mark.parametrize(
    ("branch", "task"),
    [("feature/PAY-1312-retry", "PAY-1312"), ("main", None), ("pay-13", None), ("A-1", None), ("AB2-7/XY-9", "AB2-7")],
)
def test_a_task_is_found_in_the_name_of_a_branch(branch: str, task: str | None) -> None:
    assert whose(task=USUAL["otlp_logs"]["task"]).fill(call({"vcs.ref.head.name": branch})).task == task


def test_a_name_leads_into_what_json_nests_and_into_json_that_is_a_text() -> None:
    layers = ({"metadata": {"requester_metadata": {"task": "T-1"}}, "a.b": {"c.d": "deep"}, "said": '{"task": "T-2"}'},)
    assert first(layers, "metadata.requester_metadata.task") == "T-1"
    assert first(layers, "a.b.c.d") == "deep"
    assert first(layers, "said.task") == "T-2"
    assert first(layers, "metadata.requester_metadata.none") is None
    assert first(layers, "said.none") is None


def test_in_a_long_text_nothing_is_looked_for() -> None:
    text = '{"task": "T", "x": "%s"}'
    assert first(({"metadata": text % ("x" * 16_000)},), "metadata.task") == "T"
    assert first(({"metadata": text % ("x" * 17_000)},), "metadata.task") is None


@pytest.mark.parametrize(
    ("value", "name"), [(7, "7"), (True, None), (1.5, None), (["x"], None), ({}, None), (" x ", "x")]
)
def test_texts_and_whole_numbers_are_names(value: Any, name: str | None) -> None:
    assert whose(run=["run"]).fill(call({"run": value})).run == name


def test_a_name_that_is_too_long_is_refused_by_its_attribute() -> None:
    with pytest.raises(BadInput) as refused:
        whose(agent=["service.name"]).fill(call({"service.name": "x" * 513}))
    assert (refused.value.reason, refused.value.field) == (Reason.OUT_OF_RANGE, "service.name")
    assert "xx" not in str(refused.value)


def test_only_fields_that_an_event_has_are_filled() -> None:
    told = Told(ToolResult(id="r", time=1.0, call_id="c"), ({"team": "t", "run": "r1"},))
    lists = whose({"team": "payments"}, team=["team"], run=["run"])
    assert lists.find(told) == [Found("run", "run", "r1")]
    assert lists.fill(told).run == "r1"


def test_usual_lists_name_only_fields_that_there_are() -> None:
    assert all(set(lists) <= set(FIELDS) for lists in USUAL.values())
    assert all({"run", "task", "team", "tenant", "agent", "user"} <= set(lists) for lists in USUAL.values())


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab.", max_size=3), inner, max_size=3),
)


@given(st.dictionaries(st.text("ab.", max_size=4), _json), st.text("ab.", max_size=6))
def test_any_name_in_any_attributes_is_found_or_not_and_never_an_error(layer: dict[str, Any], name: str) -> None:
    found = first((layer,), name)
    assert layer.get(name) is None or found is layer[name]


@given(st.lists(st.dictionaries(st.text("ab.", max_size=4), _json), max_size=3), st.lists(st.text("ab.", min_size=1)))
def test_only_names_that_no_layer_can_have_are_passed_over(layers: list[dict[str, Any]], names: list[str]) -> None:
    said = [(name, first(tuple(layers), name)) for name in names]
    texts = [(name, value.strip()) for name, value in said if isinstance(value, str) and value.strip()]
    found = whose(task=[name for name, value in said if not isinstance(value, int)]).find(call(*layers))
    assert [(one.attribute, one.value) for one in found] == texts[:1]
