"""Alert records and their schema say the same."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given

from detector.alerts.alertmanager import annotations_of
from detector.alerts.episodes import EpisodeBook, Purse
from detector.config import Config
from detector.engine import Engine
from detector.model.alert import Alert, decode_alert, encode_alert
from detector.pipeline.intake import Intake, SourceRecord
from tests.contract import walking as w
from tests.support.shipped import Found, found_in_a_month

SCHEMA = w.schema("detector.alerts")
NOW = 1_795_165_200.0
VALID = w.validator("detector.alerts")


def test_an_alert_has_the_fields_and_types_of_its_schema_and_all_are_always_there() -> None:
    ours = dict(w.fields(SCHEMA, SCHEMA, bounds=False))
    theirs = dict(w.struct_fields(w.struct(Alert), bounds=False))
    # An open object: the schema tells what is sure of it.
    assert {form[0] for form in ours.pop("evidence") | theirs.pop("evidence")} == {"object"}
    assert ours == theirs
    names = {field.encode_name for field in msgspec.structs.fields(Alert)}
    assert set(SCHEMA["required"]) == names


def consistent(alert: dict[str, Any]) -> dict[str, Any]:
    """An alert whose fields agree with each other, as the schema's conditions ask."""
    wide = ("user", "key", "run", "task", "agent")
    narrower = {
        "run": (),
        "task": ("run",),
        "agent": ("run", "task"),
        "key": wide[:1] + wide[2:],
        "team": wide,
        "model": wide,
    }
    alert |= dict.fromkeys(narrower[alert["level"]])
    if alert["level"] != "run" or alert["task"] is None:
        alert[alert["level"]] = alert[alert["level"]] or "subject"
    alert["resolved_at"] = alert["updated_at"] if alert["state"] == "resolved" else None
    if alert["rule"] == "loop":
        alert["class"] = "repeat"
    return alert


@given(w.of_schema(SCHEMA, SCHEMA).map(consistent))
@w.calmly
def test_alert_records_encode_to_what_the_schema_says(fields: dict[str, Any]) -> None:
    alert = msgspec.convert(fields, Alert)
    told = json.loads(encode_alert(alert))
    VALID.validate(told)
    assert told == fields
    assert decode_alert(encode_alert(alert)) == alert


def records(engine: Engine, intake: Intake, until: float, feed: str, *events: dict[str, Any]) -> list[bytes]:
    """What the engine writes when it gets these events and event time has come to `until`."""
    source = int(feed == "status") << 16
    intake.take(source, feed, [SourceRecord(int(until), msgspec.json.encode(list(events)), None)])
    flushed = intake.flush({0: until, 1 << 16: until}, everywhere=True)
    assert flushed.dead_letters == []
    out: list[bytes] = []
    for _, packed in flushed.packed:
        out += map(encode_alert, engine.process(packed, engine.offset + 1).alerts)
    return out


@pytest.mark.parametrize("where", [{"run": "r", "task": "t"}, {"run": "r"}, {"task": "t"}])
def test_what_the_engine_writes_of_a_loop_is_valid(where: dict[str, str]) -> None:
    engine, intake = Engine(Config()), Intake(Config(), partitions=1)
    step = {
        "model": "m",
        "usage": {"input_tokens": 9},
        "cost_usd": 0.25,
        "agent": "a",
        "user": "u",
        "team": "x",
    }
    tools = [{"name": "edit", "arguments": {"path": "a"}, "error": "no match"}]
    calls = [step | where | {"id": str(n), "time": NOW + 20 * n, "tools": tools} for n in range(24)]
    moved = {"id": "s", "time": NOW + 7000, "strength": "strong"} | where
    told = [
        *records(engine, intake, NOW + 1000, "calls", *calls),
        *records(engine, intake, NOW + 7200, "status", moved),
        *records(engine, intake, NOW + 9000, "calls"),
    ]
    found = [msgspec.json.decode(value) for value in told]
    assert {"open", "update", "resolved"} <= {alert["state"] for alert in found}
    assert {alert["rule"] for alert in found} >= {"loop"}
    for alert in found:
        VALID.validate(alert)


@pytest.mark.parametrize("found", found_in_a_month(), ids=lambda found: f"{found.rule}-{found.finding.level}")
def test_what_the_rules_of_a_month_find_is_one_valid_episode_until_it_was_quiet_for_a_day(found: Found) -> None:
    book, key = EpisodeBook(Config()), (found.rule, 1)
    records = []
    for hour in range(3 * 24):
        t = NOW + 3600.0 * hour
        finding = found.finding._replace(evidence={**found.finding.evidence, "calls": []})
        records += [*book.tick(t), *book.found(key, (1, 1), found.who, t, finding, None)]
        assert book.moved(1, t, Purse(0, 0, 0.0)) == []
    records += book.tick(NOW + 4 * 86_400.0)
    assert [(r.state, r.severity) for r in records] == [("open", "warning"), ("resolved", "warning")]
    for record in records:
        VALID.validate(json.loads(encode_alert(record)))
        assert json.loads(annotations_of(record)["evidence"])["tasks"]


def test_the_examples_of_alerts_are_records_as_they_are_written() -> None:
    for example in w.examples("detector.alerts"):
        assert json.loads(encode_alert(decode_alert(json.dumps(example).encode()))) == example


def test_an_alert_narrower_than_its_level_is_refused() -> None:
    alert = next(a for a in w.examples("detector.alerts") if a["level"] == "task")
    assert VALID.is_valid(alert)
    for wrong in (
        {"run": "r"},
        {"task": None},
        {"level": "agent", "agent": "a"},
        {"level": "key"},
        {"level": "key", "key": "k", "task": None, "user": None},
        {"level": "team"},
        {"level": "model"},
    ):
        assert not VALID.is_valid(alert | wrong), wrong
