"""Dead letters carry the producer's record untouched, and headers as their schema says."""

from typing import Any

import pytest
from aiokafka import ConsumerRecord

from detector.config import Config, Ingest
from detector.errors import BadInput, Reason
from detector.kafka.outbox import Out
from detector.kafka.unpacking import UnreadBatch
from detector.pipeline.dead_letters import dead_letter
from detector.pipeline.intake import DeadLetter
from tests.contract import walking as w

DEAD = DeadLetter(3, 118_204, Reason.OUT_OF_RANGE, "usage.input_tokens", "expected `int` >= 0")
REFERENCE = {
    "reason": "out_of_range",
    "field": "usage.input_tokens",
    "detail": "expected `int` >= 0",
    "topic": "llm.calls",
    "partition": "3",
    "offset": "118204",
}


def letter(value: bytes | None, key: bytes | None = b"k", headers: Any = (), **ingest: Any) -> Out:
    record = ConsumerRecord(
        "llm.calls",
        3,
        118_204,
        1_795_165_200_000,
        0,
        key,
        value,
        None,
        len(key or b""),
        len(value or b""),
        headers,
    )
    return dead_letter(Config(ingest=Ingest(**ingest)), DEAD, record)


@pytest.mark.parametrize("value", [b'{"usage": {"input_tokens": -1}}', b"", None, b"\xff\x00"])
def test_key_value_and_headers_are_untouched(value: bytes | None) -> None:
    theirs = [("trace", b"\x00\x01"), ("reason", b"theirs"), ("empty", None)]
    out = letter(value, headers=theirs)
    assert (out.topic, out.key, out.value) == ("detector.dead-letters", b"k", value)
    assert list(out.headers)[:3] == theirs
    told = {name: value.decode() for name, value in list(out.headers)[3:]}
    assert told == REFERENCE
    w.validator("detector.dead-letters").validate(told)


@pytest.mark.parametrize("ingest", [{"dead_letter_bytes": False}, {"max_record_bytes": 10}])
def test_a_reference_has_no_bytes_of_the_producer(ingest: dict[str, Any]) -> None:
    out = letter(b"a value of more than ten bytes", headers=[("trace", b"secret")], **ingest)
    assert (out.key, out.value) == (None, b"")
    assert {name: value.decode() for name, value in out.headers} == REFERENCE


def test_what_has_neither_key_nor_value_can_be_sent_all_the_same() -> None:
    out = letter(None, key=None)
    assert (out.key, out.value) == (None, b"")


def test_a_record_of_many_bad_events_is_written_once() -> None:
    record = ConsumerRecord("llm.calls", 3, 118_204, 0, 0, b"k", b"[1,2]", None, 1, 5, [("trace", b"x")])
    first, second = (dead_letter(Config(), DEAD, record, again) for again in (False, True))
    assert (first.key, first.value) == (b"k", b"[1,2]")
    assert (second.key, second.value) == (None, b"")
    assert {name: value.decode() for name, value in second.headers} == REFERENCE


@pytest.mark.parametrize(("ingest", "value"), [({}, b"as it came"), ({"max_record_bytes": 9}, b"")])
def test_a_batch_that_could_not_be_read_is_there_as_it_came_with_its_offsets(ingest: Any, value: bytes) -> None:
    bad = BadInput(Reason.UNREADABLE_BATCH, "", "a batch that cannot be unpacked")
    batch = UnreadBatch(
        "llm.calls", 3, 118_299, 0, 0, None, b"as it came", None, -1, 10, (), first=118_204, bad=bad
    )  # fmt: skip
    dead = DeadLetter(3, 118_299, bad.reason, bad.field, bad.detail)
    out = dead_letter(Config(ingest=Ingest(**ingest)), dead, batch)
    assert (out.key, out.value) == (None, value)
    told = {name: value.decode() for name, value in out.headers}
    w.validator("detector.dead-letters").validate(told)
    assert (told["reason"], told["offset"], told["last_offset"]) == ("unreadable_batch", "118204", "118299")
