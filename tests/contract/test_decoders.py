"""What every decoder of detector.sources keeps to, whatever its format: each is found by itself."""

import importlib
import json
import pkgutil
from collections.abc import Callable
from typing import Any, cast, get_args

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from detector import sources
from detector.config import Config
from detector.config.sources import Format, Transcript
from detector.errors import BadInput
from detector.sources import gemini_outfile
from detector.sources.reading import TRANSCRIPTS, Saved, decoder_of, of_source, saved
from detector.sources.told import Decoded, Told
from tests.support import bodies

Decode = Callable[[bytes], Decoded]


def source(name: str) -> Saved:
    """How files of a format are read where nothing is configured."""
    return saved(Config(), cast(Format, name))


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
    formats = {*get_args(Format), *get_args(Transcript)} - {"native", "cloudevents"}
    assert set(DECODERS) == formats == set(bodies.ALL)
    for name in formats:
        assert decoder_of(source(name)) is DECODERS[name]


@each_decoder
def test_its_bodies_become_events_and_none_is_refused(name: str) -> None:
    for body in bodies.ALL[name]:
        decoded = checked(DECODERS[name](body))
        assert decoded
        assert not any(isinstance(one, BadInput) for one in decoded)
    for body in bodies.ALL[name]:
        events = of_source(source(name))(body, ())
        assert all(getattr(event, "run", "a run") is not None for event in events)


@each_decoder
def test_json_and_protobuf_give_the_same(name: str) -> None:
    pairs = bodies.PAIRS.get(name)
    if pairs is None:
        assert name == "litellm" or name in TRANSCRIPTS, "which are JSON alone"
        return
    for as_protobuf, as_json in pairs:
        assert DECODERS[name](as_protobuf) == DECODERS[name](as_json)


@each_decoder
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_body_that_is_cut_or_changed_is_never_an_error(name: str, data: st.DataObject) -> None:
    body = data.draw(st.sampled_from(bodies.ALL[name]))
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


def bodies_of_json(name: str) -> list[bytes]:
    """Its bodies that are no protobuf."""
    return [body for body in bodies.ALL[name] if body[:1] in b"[{"]


def values_of(name: str, body: bytes) -> list[Any]:
    """The JSON values of a body: of transcripts one a line, or one after another."""
    if name == "gemini_outfile":
        return [json.loads(one) for one in gemini_outfile.objects(body)]
    return [json.loads(one) for one in (body.splitlines() if name in TRANSCRIPTS else [body])]


def body_of(name: str, values: list[Any]) -> bytes:
    """The body that holds them."""
    indent = 2 if name == "gemini_outfile" else None
    return b"\n".join(json.dumps(value, indent=indent).encode() for value in values)


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
    values = values_of(name, data.draw(st.sampled_from(bodies_of_json(name))))
    *above, key = data.draw(st.sampled_from(places(values)[len(values) :]))
    inner: Any = values
    for step in above:
        inner = inner[step]
    inner[key] = data.draw(_values)
    checked(DECODERS[name](body_of(name, values)))


@each_decoder
def test_what_a_format_does_not_know_is_passed_over(name: str) -> None:
    for body in bodies_of_json(name):
        values = values_of(name, body)
        for value in values:
            for inner in value if isinstance(value, list) else [value]:
                inner["of another version"] = {"deep": [1, None, {"x": "y"}]}
        changed = DECODERS[name](body_of(name, values))
        assert [one.event for one in changed if isinstance(one, Told)] == [
            one.event for one in DECODERS[name](body) if isinstance(one, Told)
        ]
