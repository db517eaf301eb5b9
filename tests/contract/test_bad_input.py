"""What becomes of every kind of bad input, as the table in docs/inputs.md promises it."""

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from detector.config import Config, Source
from detector.errors import Reason
from detector.model.events import Call
from detector.pipeline.intake import Intake, SourceRecord
from detector.sources import native

PAGE = (Path(__file__).parents[2] / "docs" / "inputs.md").read_text(encoding="utf-8")
CONFIG = Config(sources=[Source(topic="otlp_logs", format="otlp_logs")])
NOW = 1_795_165_200.0
DAY = 86_400.0
# What watch does with an event that was taken is not ingest's to show; those rows are tested with the engine.
BY_WATCH = {"an event delivered twice"}
# Nor are batches that cannot be read, which come to ingest as such; tests of unpacking show them.
BY_READER = {
    "a batch of records that unpacks to more than 128 MiB",
    "a batch of records that cannot be unpacked, whose codec is not known, or whose records are damaged",
}

UTF8 = "invalid UTF-8 in a text that is read"
SKETCH = "a sketch or fingerprint that cannot be read"
OTHER_TYPE = "a type of the other topic, or an unknown one"
NOT_ALLOWED = "a value that is none of those allowed"
LONG = "x" * 513
NESTED = "nested too deeply: over 200 levels in arguments, many hundreds elsewhere"


def event(_more: bytes = b"", **fields: Any) -> bytes:
    """A good call with `fields` over it and `_more` as raw JSON at its end."""
    told = {"id": "i", "time": NOW, "model": "gpt-5-mini", "usage": {"input_tokens": 1}, "run": "r"} | fields
    return json.dumps(told).encode()[:-1] + _more + b"}"


def status(**fields: Any) -> bytes:
    return event(**{"strength": "weak", "task": "t"} | fields)


def tool(raw: bytes) -> bytes:
    return event(b', "tools": [{"name": "n", %b}]' % raw)


def nested(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


class Case(NamedTuple):
    """One value, the row of the page that it belongs to, and its end: no reasons mean that it is taken."""

    row: str
    value: bytes | None
    feed: str = "calls"
    reasons: str = ""
    field: str = ""
    counted: str = ""


def taken(row: str, *values: bytes, counted: str = "") -> list[Case]:
    return [Case(row, value, counted=counted) for value in values]


def refused(row: str, reasons: str, field: str, *values: bytes | None, feed: str = "calls") -> list[Case]:
    return [Case(row, value, feed, reasons, field) for value in values]


CASES = [
    *refused(
        "not JSON, cut off, empty, a tombstone, text after the event, a byte order mark", "not_json", "",
        b"hello", event()[:-1], b"", None, event() + b"x", event() + event(), b"\xef\xbb\xbf" + event(),
    ),
    *refused(
        "in a topic of OTLP, a body that is neither JSON nor the protobuf message that belongs there", "not_protobuf",
        "", b"hello", b"\n\xff\xff", feed="otlp_logs",
    ),
    *refused("NaN, Infinity", "not_json", "", event(b', "cost_usd": NaN'), event(b', "unknown": -Infinity')),
    *refused("a text, number or null in place of an event", "wrong_type", "", b'"x"', b"1", b"null"),
    *refused("a field of the wrong type", "wrong_type", "agent", event(agent=1), event(agent=["a"])),
    *refused("a field of the wrong type", "wrong_type", "task", status(task=["t"]), feed="status"),
    *refused("a field of the wrong type", "wrong_type", "type", event(type=None)),
    *refused(
        "a number in quotes, tokens with a fraction point (12.0)", "wrong_type", "usage.input_tokens",
        event(usage={"input_tokens": "12"}), event(usage={"input_tokens": 12.0}),
    ),
    *refused("a required field is missing", "missing_field", "model", b'{"id": "i", "time": 1795165200}'),
    *refused("a required field is missing", "missing_field", "tools[0].name", event(tools=[{}])),
    *refused("a required field is missing", "missing_field", "strength", event(task="t"), feed="status"),
    *refused(
        "neither run nor task", "missing_field", "run",
        event(run=None), event(run=None, type="tool_result", call_id="c"),
    ),
    *refused("neither run nor task", "missing_field", "task", status(run=None, task=None), feed="status"),
    *refused("an empty id, a text over 512 characters", "out_of_range", "id", event(id=""), event(id=LONG)),
    *refused(
        "negative tokens, more than 100,000,000", "out_of_range", "usage.output_tokens",
        event(usage={"output_tokens": -1}), event(usage={"output_tokens": 10**8 + 1}),
    ),
    *refused(
        "negative cost, more than $100,000, a number that no float holds", "out_of_range", "cost_usd",
        event(cost_usd=-0.01), event(cost_usd=100_001), event(b', "cost_usd": 1e400'),
    ),
    *refused(NOT_ALLOWED, "out_of_range", "status", event(status="fine")),
    *refused(NOT_ALLOWED, "out_of_range", "category", status(category="done"), feed="status"),
    *refused(SKETCH, "out_of_range", "output.sketch", event(output={"sketch": "AAAA"})),
    *refused(SKETCH, "out_of_range", "output.fingerprint", event(output={"fingerprint": "12"})),
    *refused(OTHER_TYPE, "unknown_type", "type", event(type="status"), event(type="link"), event(type="x")),
    *refused(OTHER_TYPE, "unknown_type", "type", status(type="call"), feed="status"),
    *refused("a time without offset", "wrong_type", "time", event(time="2026-11-20T09:00:00")),
    *refused(
        "a time that cannot be read, a leap second", "out_of_range", "time",
        event(time="yesterday"), event(time="2026-11-20"), event(time="2026-11-20T23:59:60Z"),
    ),
    *refused(
        "a time outside the years 2000 to 2100, milliseconds", "time_out_of_range", "time",
        event(time=0), event(time=-1), event(time=NOW * 1000), event(time="1999-12-31T23:59:59Z"),
    ),
    *taken("up to 5 minutes ahead of the broker's timestamp (`ingest.max_future_s`)", event(time=NOW + 299)),
    *taken("up to a day ahead (`ingest.refuse_future_s`)", event(time=NOW + 301), counted="clock_ahead"),
    *refused("further ahead", "time_out_of_range", "time", event(time=NOW + DAY + 1)),
    *taken("up to 100 days old (`ingest.refuse_past_s`)", event(time=NOW - 99 * DAY)),
    *refused("older", "time_out_of_range", "time", event(time=NOW - 101 * DAY)),
    *taken("10 MB of text", event(output={"text": "10 MB of " * 1_165_084}), counted="truncated"),
    *refused("a record over 16 MiB (`ingest.max_record_bytes`)", "too_large", "", event(user="x" * 2**24)),
    *taken("unknown fields", event(b', "x": {"y": [1, null, "z"]}, "usage_2": 1e999')),
    *taken("duplicate keys", event(b', "id": "j"'), event(b', "usage": {}, "usage": {"input_tokens": 2}')),
    *refused(UTF8, "not_utf8", "", event(b', "agent": "\xff"')),
    *refused(UTF8, "not_utf8 not_json", "tools", tool(b'"arguments": "\xff"'), tool(b'"result": "\xff"')),
    *taken("invalid UTF-8 in an unknown field", event(b', "x": "\xff"')),
    *refused(
        "half of a surrogate pair", "not_utf8 not_json", "",
        event(b', "agent": "\\ud800 and more"'), event(b', "agent": "\\ud800"'),
    ),
    *refused(NESTED, "too_deep", "", event(b', "x": ' + nested(100_000))),
    *refused(NESTED, "too_deep", "tools", tool(b'"arguments": ' + nested(202))),
    *taken("an array of events", b"[%b, %b]" % (event(), event(id="j"))),
    *taken("an empty array", b"[]"),
    *refused("an array in an array", "wrong_type", "", b"[[%b]]" % event()),
    *refused("more than 65,535 events in a record", "too_large", "", b"[" + b"{}," * 65_535 + b"{}]"),
    *taken("empty `usage`", event(usage={})),
    *taken("a model without a known price, and no `cost_usd`", event(model="nobody-knows-this")),
    *taken(
        "a `service_tier` without a price of its own", event(service_tier="turbo"), counted="unknown_service_tier",
    ),
    *taken("more cached tokens than input tokens", event(usage={"cached_input_tokens": 2})),
]  # fmt: skip
ROWS = dict(re.findall(r"^\| (.+?) \| (.+) \|$", PAGE.partition("## What becomes of bad input")[2], re.MULTILINE))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.row[:50])
def test_bad_input_ends_as_the_page_says(case: Case) -> None:
    intake = Intake(CONFIG, partitions=1)
    intake.take(0, case.feed, [SourceRecord(7, case.value, NOW)])
    dead = intake.flush({}).dead_letters
    row = ROWS[case.row]
    if case.reasons:
        (letter,) = dead
        assert (letter.source, letter.offset, letter.field in (case.field, "")) == (0, 7, True)
        assert letter.reason in case.reasons.split()
        assert all(f"`{reason}`" in row for reason in case.reasons.split())
        assert intake.counts[f"bad:{letter.reason}"] == 1
    else:
        assert dead == []
        assert row.startswith(("taken", "each is judged"))
    if case.counted:
        assert intake.counts[case.counted] == 1
        assert "counted" in row


def test_every_row_of_the_page_is_tested_and_every_reason_occurs() -> None:
    rows = set(ROWS) - {"input", "---"}
    assert {case.row for case in CASES} == rows - BY_WATCH - BY_READER
    assert {reason for case in CASES for reason in case.reasons.split()} == {*Reason} - {Reason.UNREADABLE_BATCH}


def test_a_bad_event_of_an_array_leaves_the_others_alone() -> None:
    intake = Intake(Config(), partitions=1)
    value = b"[%b, %b, %b]" % (event(), event(usage={"input_tokens": -1}), event(id="j"))
    intake.take(0, "calls", [SourceRecord(0, value, NOW)])
    assert intake.counts["call"] == 2
    assert [letter.field for letter in intake.flush({}).dead_letters] == ["usage.input_tokens"]


def test_of_duplicate_keys_the_last_one_wins() -> None:
    (call,) = native.decode(event(b', "id": "j", "usage": {"input_tokens": 3, "input_tokens": 4}'), "calls")
    assert isinstance(call, Call)
    assert (call.id, call.usage.input_tokens) == ("j", 4)


def test_a_dead_letter_tells_nothing_of_the_content() -> None:
    intake = Intake(Config(), partitions=1)
    secret = "sesame-4711"
    for bad in (
        event(status=secret),
        event(type=secret),
        event(time=secret),
        event(agent=[secret]),
        secret.encode(),
    ):
        intake.take(0, "calls", [SourceRecord(0, bad, NOW)])
    letters = intake.flush({}).dead_letters
    assert len(letters) == 5
    assert not any(secret in f"{letter.field} {letter.detail}" for letter in letters)
