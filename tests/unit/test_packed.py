"""The packed record: what goes in comes out, and other versions and damage are refused."""

import base64
import json
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.config import Config
from detector.enrich.sketch import parse_sketch, sketch_text
from detector.model import packed as pk
from detector.model.packed import Columns, Ident, Packed, decode_packed, encode_packed
from detector.pipeline.intake import Intake, SourceRecord
from tests.support.judged import T0, Event, call, status

FIELDS: dict[str, Any] = {
    name: st.floats(0, 1e6, width=32)
    if kind == "f4"
    else st.floats(0, 1e12)
    if kind == "f8"
    else st.integers(np.iinfo(kind).min, np.iinfo(kind).max)
    for name, kind, _ in pk._COLUMNS
}
FIELDS |= {"kind": st.integers(0, 3), "ident": st.just(0), "sketch": st.just(-1)}
ROWS = st.tuples(*(FIELDS[name] for name in pk.ROW.names or ()))
NOBODY = Ident(1, 2, 3, "t", *[None] * 10)
WORD = st.integers(0, 2**64 - 1)


@settings(max_examples=100, deadline=None)
@given(st.lists(ROWS, min_size=1, max_size=6), st.lists(st.tuples(st.just(0), WORD, WORD), max_size=3))
def test_rows_and_waits_of_any_value_come_back_as_they_were(rows: list[Any], waits: list[Any]) -> None:
    columns = decode_packed(
        encode_packed(
            Packed(
                pk.FORMAT, {65536: 1.5}, [NOBODY], [f"id {n}" for n in range(len(rows))], ["" for _ in rows],
                b"".join(pk.pack_row(*row) for row in rows), b"", b"", b"".join(pk.pack_wait(*w) for w in waits),
            )
        )
    )  # fmt: skip
    assert [row.item() for row in columns.rows] == rows
    assert [wait.item() for wait in columns.waits] == waits
    assert (columns.marks, len(columns.ids)) == ({65536: 1.5}, len(rows))


def packed(*events: Event) -> Columns:
    intake = Intake(Config(), 1)
    intake.take(3 << 16 | 2, "any", [SourceRecord(70 + n, json.dumps(e).encode(), None) for n, e in enumerate(events)])
    ((_, value),) = intake.flush({}).packed
    return decode_packed(value)


def test_a_call_is_packed_with_all_that_counts() -> None:
    names = ("input_tokens", "cached_input_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens")
    usage = dict(zip(names, (9, 4, 3, 2, 1), strict=True))
    columns = packed(
        call(0.0, usage=usage, duration_s=1.5, status="rate_limited", interactive=True, turn="1", user="ann", key="k",
             tools=[{"name": "ls", "arguments": {}, "result": "x"}], output={"text": "words"}),
        call(1.0, operation="embeddings"),
    )  # fmt: skip
    row, other = columns.rows
    assert [int(row[n]) for n in ("input", "cached", "written", "out", "reasoning")] == [9, 4, 3, 2, 1]
    assert (float(row["t"]), float(row["cost_usd"]), float(row["duration_s"])) == (T0, 1.0, 1.5)
    assert (int(row["source"]), int(row["seq"]), int(other["seq"])) == (3 << 16 | 2, 70 << 16, 71 << 16)
    says = pk.SAYS_OTHER | pk.SAYS_SOMETHING
    assert row["flags"] == pk.TOKENS_KNOWN | pk.ERROR | pk.RATE_LIMITED | pk.INTERACTIVE | says
    assert other["flags"] == pk.TOKENS_KNOWN | pk.STEPLESS
    assert columns.names == ["ls", ""]
    ident = columns.idents[row["ident"]]
    assert (ident.tenant, ident.team, ident.agent, ident.run, ident.key) == ("default", "team", "agent", "run", "k")
    assert ident.user != "ann"
    assert all(row[n] != 0 for n in ("id", "turn", "action", "result", "output", "said"))
    assert (int(row["sketch"]), int(other["sketch"])) == (0, -1)


def test_text_goes_no_further() -> None:
    secret = "correct horse battery staple"
    event = call(
        0.0,
        user=secret,
        error=secret,
        output={"text": secret},
        tools=[{"name": "n", "arguments": secret, "result": secret}],
    )
    intake = Intake(Config(), 1)
    intake.take(0, "calls", [SourceRecord(0, json.dumps(event).encode(), None)])
    flushed = intake.flush({})
    assert not any(b"horse" in value for _, value in flushed.packed)


def test_a_call_that_is_refused_leaves_nothing_behind() -> None:
    waiting = [{"name": "ls", "arguments": {}, "call_id": "c"}]
    intake = Intake(Config(), 1)
    bad = [
        call(0.0, tools=waiting, output={"sketch": "AAAA"}),
        call(0.0, tools=[*waiting, {"name": "ls", "arguments": "\ud800"}]),
        call(0.0, tools=waiting, run=None),
    ]
    for n, event in enumerate([*bad, call(1.0, tools=waiting)]):
        intake.take(0, "calls", [SourceRecord(n, json.dumps(event).encode(), None)])
    flushed = intake.flush({})
    columns = decode_packed(flushed.packed[0][1])
    assert (len(flushed.dead_letters), len(columns.rows), len(columns.idents)) == (3, 1, 1)
    assert [int(wait["row"]) for wait in columns.waits] == [0]


def test_sketches_that_a_producer_sends_are_those_of_the_text() -> None:
    text = "The build fails since the header is missing. " * 20
    sent = packed(
        call(0.0, output={"text": text}), call(1.0, output={"sketch": base64.b64encode(sketch_text(text)).decode()})
    )
    told, given_ = (int(n) for n in sent.rows["sketch"])
    assert (sent.words[told] == sent.words[given_]).all()
    level, bitmap = parse_sketch(base64.b64encode(sketch_text(text)).decode())
    assert (sent.levels[given_], sent.words[given_].tobytes()) == (level, bitmap)


@pytest.mark.parametrize(
    ("actor", "strength", "expected"),
    [
        ("agent", "strong", pk.MEDIUM),
        ("agent", "weak", pk.WEAK),
        ("human", "strong", pk.STRONG),
        (None, "medium", pk.MEDIUM),
    ],
)
def test_what_an_agent_says_of_itself_is_medium_at_most(actor: str | None, strength: str, expected: int) -> None:
    row = packed(status(0.0, "T", strength, actor=actor, category="completed")).rows[0]
    assert (row["kind"], row["strength"], row["category"]) == (pk.STATUS, expected, pk.CATEGORIES["completed"])
    assert pk.CATEGORIES["completed"] in pk.ENDED


def test_ids_are_hashed_within_tenant_and_kind() -> None:
    same = {"id": "one"}
    rows = packed(
        call(0.0) | same,
        call(0.0) | same | {"tenant": "beta"},
        status(0.0, "T") | same,
        {"type": "tool_result", "time": T0, "run": "r", "call_id": "c"} | same,
        {"type": "link", "time": T0, "run": "r", "task": "T"} | same,
        call(9.0, run="else") | same,
    ).rows
    ids = rows["id"].tolist()
    assert len(set(ids)) == 5
    assert ids[0] == ids[5]


def test_other_formats_and_damaged_bytes_are_refused() -> None:
    value = encode_packed(Packed(pk.FORMAT, {}, [], [], [], b"", b"", b"", b""))
    newer = encode_packed(Packed(pk.FORMAT + 1, {}, [], [], [], b"", b"", b"", b""))
    with pytest.raises(ValueError, match=f"format {pk.FORMAT + 1}; this version reads {pk.FORMAT}"):
        decode_packed(newer)
    for damaged in (b"", value[:-1], value + b"x", b"{}", bytes((0x93, pk.FORMAT, 2, 3))):
        with pytest.raises(msgspec.DecodeError):
            decode_packed(damaged)
    with pytest.raises(ValueError, match="buffer size"):
        decode_packed(encode_packed(Packed(pk.FORMAT, {}, [], [], [], b"123", b"", b"", b"")))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("kind", 5),
        ("ident", 1),
        ("sketch", 0),
        ("sketch", -2),
        ("t", float("nan")),
        ("cost_usd", float("inf")),
        ("t", 1e300),
    ],
)
def test_rows_that_point_to_nothing_or_hold_no_number_are_refused(field: str, value: float) -> None:
    rows = np.zeros(1, pk.ROW)
    rows["sketch"] = -1
    good = Packed(pk.FORMAT, {}, [NOBODY], ["id"], [""], rows.tobytes(), b"", b"", b"")
    assert len(decode_packed(encode_packed(good)).rows) == 1
    rows[field] = value
    with pytest.raises(msgspec.DecodeError):
        decode_packed(encode_packed(msgspec.structs.replace(good, rows=rows.tobytes())))
    for torn in (
        {"ids": []},
        {"names": ["", ""]},
        {"levels": b"\1"},
        {"waits": pk.pack_wait(1, 2, 3)},
        {"marks": {0: 1e300}},
    ):
        with pytest.raises(msgspec.DecodeError):
            decode_packed(encode_packed(msgspec.structs.replace(good, **torn)))


def test_an_identity_is_kept_whole() -> None:
    ident = Ident(1, 2**64 - 1, 3, "t", None, "u", "", "k", None, "p", "T", "bug", "m", None, "codex")
    columns = decode_packed(encode_packed(Packed(pk.FORMAT, {}, [ident], [], [], b"", b"", b"", b"")))
    assert columns.idents == [ident]


def test_a_status_carries_hashes_of_what_it_delivers_and_takes_back_and_no_name() -> None:
    said: dict[str, Any] = {"deliverable": "pr/7", "reverts": "pr/5", "churned_share": 0.25}
    columns = packed(status(0.0, "T", **said), status(1.0, "T"), status(2.0, "T", reverts="pr/7"))
    first, plain, last = columns.rows
    assert len({int(first["output"]), int(first["said"]), 0}) == 3
    assert (int(plain["output"]), int(plain["said"]), int(last["said"])) == (0, 0, int(first["output"]))
    assert columns.rows["duration_s"].tolist() == [0.25, -1.0, -1.0]
    assert columns.names == ["", "", ""]
