"""What every decoder of detector.sources keeps to, whatever its format: each is found by itself."""

import importlib
import json
import pkgutil
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from detector import sources
from detector.config.sources import Source
from detector.errors import BadInput
from detector.sources.reading import decoder_of, of_source
from detector.sources.told import Decoded, Told
from tests.support import bodies

Decode = Callable[[bytes], Decoded]


def _decoders() -> dict[str, Decode]:
    """Every module of sources whose `decode` takes bytes alone and gives Told or BadInput, by its name."""
    found: dict[str, Decode] = {}
    for module in pkgutil.iter_modules(sources.__path__):
        decode = getattr(importlib.import_module(f"detector.sources.{module.name}"), "decode", None)
        if decode is not None and decode.__annotations__.get("return") == Decoded and len(decode.__annotations__) == 2:
            found[module.name] = decode
    return found


DECODERS = _decoders()
each_decoder = pytest.mark.parametrize("name", DECODERS)


def checked(decoded: Decoded) -> Decoded:
    """What a decoder gave, if it is of the right kind, and no reason repeats a marked text."""
    for one in decoded:
        assert isinstance(one, Told | BadInput)
        if isinstance(one, BadInput):
            assert bodies.MARK not in f"{one.field} {one.detail}"
            assert len(one.field) <= 512
    return decoded


def test_every_foreign_format_has_a_decoder_and_a_body_to_try_it_with() -> None:
    formats = {"otlp_logs", "otlp_spans", "litellm"}
    assert set(DECODERS) == formats == set(bodies.BODIES)
    for name in formats:
        source = Source.model_validate({"topic": "t", "format": name})
        assert decoder_of(source) is DECODERS[name]


@each_decoder
def test_its_bodies_become_events_and_none_is_refused(name: str) -> None:
    for body in bodies.BODIES[name]:
        decoded = checked(DECODERS[name](body))
        assert decoded
        assert not any(isinstance(one, BadInput) for one in decoded)
    source = Source.model_validate({"topic": "t", "format": name})
    for body in bodies.BODIES[name]:
        events = of_source(source)(body, ())
        assert all(getattr(event, "run", "a run") is not None for event in events)


@each_decoder
def test_json_and_protobuf_give_the_same(name: str) -> None:
    pairs = bodies.PAIRS.get(name)
    if pairs is None:
        assert name == "litellm", "which is JSON alone"
        return
    for as_protobuf, as_json in pairs:
        assert DECODERS[name](as_protobuf) == DECODERS[name](as_json)


@each_decoder
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_body_that_is_cut_or_changed_is_never_an_error(name: str, data: st.DataObject) -> None:
    body = data.draw(st.sampled_from(bodies.BODIES[name]))
    if data.draw(st.booleans()):
        checked(DECODERS[name](body[: data.draw(st.integers(0, len(body)))]))
    changed = bytearray(body)
    for at, to in data.draw(st.lists(st.tuples(st.integers(0, len(body) - 1), st.integers(0, 255)), max_size=6)):
        changed[at] = to
    checked(DECODERS[name](bytes(changed)))


@each_decoder
@settings(max_examples=100, deadline=None)
@given(raw=st.binary(max_size=200))
@example(raw=b"")
@example(raw=b"[" * 100_000)
@example(raw=b'{"resourceLogs":' + b"[" * 5000)
@example(raw=b"\n" * 1000)
def test_any_bytes_are_refused_or_told_and_never_an_error(name: str, raw: bytes) -> None:
    checked(DECODERS[name](raw))


_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def places(value: Any, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths of everything in a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return (
        [above, *(path for key, one in inner for path in places(one, (*above, key)))]
        if above
        else [path for key, one in inner for path in places(one, (key,))]
    )


@each_decoder
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_value_anywhere_is_refused_or_told_and_never_an_error(name: str, data: st.DataObject) -> None:
    bodies_of_json = [body for body in bodies.BODIES[name] if body[:1] in b"[{"]
    value = json.loads(data.draw(st.sampled_from(bodies_of_json)))
    *above, key = data.draw(st.sampled_from(places(value)))
    inner = value
    for step in above:
        inner = inner[step]
    inner[key] = data.draw(_values)
    checked(DECODERS[name](json.dumps(value).encode()))


@each_decoder
def test_what_a_format_does_not_know_is_passed_over(name: str) -> None:
    for body in bodies.BODIES[name]:
        if body[:1] in b"[{":
            value = json.loads(body)
            for inner in value if isinstance(value, list) else [value]:
                inner["of another version"] = {"deep": [1, None, {"x": "y"}]}
            assert [one.event for one in DECODERS[name](json.dumps(value).encode()) if isinstance(one, Told)] == [
                one.event for one in DECODERS[name](body) if isinstance(one, Told)
            ]
