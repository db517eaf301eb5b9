"""Records of stops and their schema say the same."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given

from detector.stopping.record import Stop, decode_stop, encode_stop, stop_of
from tests.contract import walking as w
from tests.unit.alert_records import alert

SCHEMA = w.schema("detector.stops")
VALID = w.validator("detector.stops")


def test_a_stop_has_the_fields_and_types_of_its_schema_and_all_are_always_there() -> None:
    assert dict(w.fields(SCHEMA, SCHEMA, bounds=False)) == dict(w.struct_fields(w.struct(Stop), bounds=False))
    assert set(SCHEMA["required"]) == {field.encode_name for field in msgspec.structs.fields(Stop)}


def consistent(stop: dict[str, Any]) -> dict[str, Any]:
    """A stop whose fields agree with each other, as the schema's conditions ask."""
    if stop["mode"] == "dry_run":
        stop |= {"outcome": "dry_run", "attempts": 0}
    elif stop["outcome"] == "dry_run":
        stop["outcome"] = "refused"
    stop["finished_at"] = None if stop["outcome"] == "asking" else stop["asked_at"]
    return stop


@given(w.of_schema(SCHEMA, SCHEMA).map(consistent))
@w.calmly
def test_records_encode_to_what_the_schema_says(fields: dict[str, Any]) -> None:
    stop = msgspec.convert(fields, Stop)
    told = json.loads(encode_stop(stop))
    VALID.validate(told)
    assert told == fields
    assert decode_stop(encode_stop(stop)) == stop


def test_the_examples_are_records_as_they_are_written() -> None:
    outcomes = set()
    for example in w.examples("detector.stops"):
        assert json.loads(encode_stop(decode_stop(json.dumps(example).encode()))) == example
        outcomes.add(example["outcome"])
    assert outcomes == set(SCHEMA["properties"]["outcome"]["enum"])


@pytest.mark.parametrize("mode", ["on", "dry_run"])
def test_what_is_written_of_an_alert_is_valid(mode: Any) -> None:
    VALID.validate(json.loads(encode_stop(stop_of(alert(), mode, "stopper.example:443", 1_795_167_601.2))))
