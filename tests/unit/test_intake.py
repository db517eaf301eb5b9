"""The pure part of ingest: nothing is lost, times are checked, batches are split, and marks go where they hold."""

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.config import Config, Ingest
from detector.errors import BadInput, Reason
from detector.model import packed as pk
from detector.model.packed import Columns, decode_packed
from detector.pipeline.intake import Flushed, Intake, SourceRecord
from tests.support.judged import T0, Event, call, status

DAY_S = 86_400.0


def record(offset: int, *events: Any, broker_s: float | None = T0) -> SourceRecord:
    value = json.dumps(events[0] if len(events) == 1 else list(events)).encode()
    return SourceRecord(offset, value, broker_s)


def opened(flushed: Flushed) -> list[tuple[int, Columns]]:
    return [(partition, decode_packed(value)) for partition, value in flushed.packed]


def rows(flushed: Flushed) -> list[Any]:
    return [row for _, columns in opened(flushed) for row in columns.rows]


def taken(ahead_s: float, broker_s: float | None = T0) -> tuple[list[float], list[Reason], int]:
    """Times of what was taken, reasons of dead letters, and how many clocks were ahead."""
    intake = Intake(Config(), 4)
    intake.take(0, "calls", [record(0, call(ahead_s), broker_s=broker_s)])
    flushed = intake.flush({})
    return (
        [float(r["t"]) for r in rows(flushed)],
        [d.reason for d in flushed.dead_letters],
        intake.counts["clock_ahead"],
    )


@pytest.mark.parametrize("ahead_s", [-100 * DAY_S, -3600.0, 0.0, 300.0])
def test_a_time_near_the_brokers_is_taken_as_it_is(ahead_s: float) -> None:
    assert taken(ahead_s) == ([T0 + ahead_s], [], 0)


@pytest.mark.parametrize("ahead_s", [300.5, 86_400.0])
def test_a_clock_that_is_ahead_is_put_back_to_the_brokers_time_and_counted(ahead_s: float) -> None:
    assert taken(ahead_s) == ([T0], [], 1)


@pytest.mark.parametrize("ahead_s", [86_400.5, 70 * 365 * DAY_S, -100 * DAY_S - 1, -30 * 365 * DAY_S])
def test_a_time_too_far_off_is_a_dead_letter(ahead_s: float) -> None:
    assert taken(ahead_s) == ([], [Reason.TIME_OUT_OF_RANGE], 0)


def test_without_a_broker_only_absurd_years_are_refused() -> None:
    for ahead_s, ok in ((-26 * 365 * DAY_S, True), (73 * 365 * DAY_S, True), (-30 * 365 * DAY_S, False)):
        assert bool(taken(ahead_s, broker_s=None)[0]) == ok


def test_a_dead_letter_says_where_it_stood_and_its_neighbours_pass() -> None:
    intake = Intake(Config(), 1)
    bad = {"id": "x"}
    intake.take(5, "calls", [record(10, call(0.0)), record(11, bad), record(12, call(1.0), bad, call(2.0), bad)])
    intake.take(1 << 16, "status", [record(11, status(3.0, "T"), bad), SourceRecord(12, None, T0)])
    flushed = intake.flush({})
    assert [(d.source, d.offset, d.reason) for d in flushed.dead_letters] == [
        (5, 11, Reason.MISSING_FIELD),
        (5, 12, Reason.MISSING_FIELD),
        (5, 12, Reason.MISSING_FIELD),
        (1 << 16, 11, Reason.MISSING_FIELD),
        (1 << 16, 12, Reason.NOT_JSON),
    ]
    assert sorted((int(r["source"]), int(r["seq"])) for r in rows(flushed)) == [
        (5, 10 << 16),
        (5, 12 << 16),
        (5, (12 << 16) + 2),
        (1 << 16, 11 << 16),
    ]
    assert intake.counts["bad:missing_field"] == 4
    assert intake.taken == {"calls": 3, "status": 1}


def test_records_and_arrays_that_are_too_large_are_refused_whole() -> None:
    intake = Intake(Config(ingest=Ingest(max_record_bytes=1000)), 1)
    intake.take(0, "calls", [SourceRecord(0, b" " * 1001, T0), SourceRecord(1, b"[" + b"1," * 400 + b"1]", T0)])
    assert Counter(d.reason for d in intake.flush({}).dead_letters) == {Reason.TOO_LARGE: 1, Reason.WRONG_TYPE: 401}
    intake = Intake(Config(), 1)
    intake.take(0, "calls", [SourceRecord(0, b"[" + b"1," * 65_535 + b"1]", T0)])
    assert [d.reason for d in intake.flush({}).dead_letters] == [Reason.TOO_LARGE]


def test_large_batches_are_split_and_keep_their_order() -> None:
    intake = Intake(Config(ingest=Ingest(pack_observations=7)), 2)
    intake.take(0, "calls", [record(n, call(n / 100, run=f"r{n % 5}")) for n in range(100)])
    flushed = intake.flush({0: T0})
    parts = opened(flushed)
    assert all(len(columns.rows) <= 7 for _, columns in parts)
    for partition in (0, 1):
        mine = [int(r["seq"]) for p, columns in parts if p == partition for r in columns.rows]
        assert mine == sorted(mine)
    assert len(rows(flushed)) == 100


def test_a_split_record_has_all_that_its_rows_point_to() -> None:
    intake = Intake(Config(ingest=Ingest(pack_observations=3)), 1)
    tools = [{"name": "ls", "arguments": {}, "call_id": "c"}]
    told = [call(0.0 + n, output={"text": f"text {n} " * 9}, **({"tools": tools} if n % 2 else {})) for n in range(20)]
    intake.take(0, "calls", [record(0, *told)])
    for _, columns in opened(intake.flush({})):
        assert (columns.rows["ident"] < len(columns.idents)).all()
        assert (columns.rows["sketch"] < len(columns.words)).all()
        assert (columns.waits["row"] < len(columns.rows)).all()
        assert len(columns.words) == len(columns.levels) == len(columns.rows)


def test_marks_go_with_the_last_record_of_each_partition_and_with_no_other() -> None:
    intake = Intake(Config(ingest=Ingest(pack_observations=2)), 4)
    intake.take(0, "calls", [record(n, call(float(n), run=f"r{n}")) for n in range(30)])
    parts = opened(intake.flush({0: T0 + 29, 7: T0}))
    for partition in {p for p, _ in parts}:
        *full, last = [columns.marks for p, columns in parts if p == partition]
        assert all(marks == {} for marks in full)
        assert last == {0: T0 + 29, 7: T0}


@pytest.mark.parametrize("calls", [0, 1, 9])
def test_a_heartbeat_reaches_every_partition(calls: int) -> None:
    intake = Intake(Config(ingest=Ingest(pack_observations=2)), 6)
    intake.take(0, "calls", [record(n, call(0.0, run="r")) for n in range(calls)])
    parts = opened(intake.flush({0: T0}, everywhere=True))
    assert {p for p, columns in parts if columns.marks == {0: T0}} == set(range(6))
    assert sum(len(columns.rows) for _, columns in parts) == calls
    assert intake.flush({0: T0}).packed == []


def test_a_source_is_taken_as_far_as_its_brokers_clock_says_whatever_its_producers_clocks_say() -> None:
    intake = Intake(Config(), 1)
    told = [record(0, call(250.0), call(-999.0), broker_s=T0), record(1, {"id": 1}, broker_s=T0 + 7.0)]
    intake.take(3, "calls", told)
    assert (intake.forwarded(3), intake.forwarded(4)) == (T0 + 7.0, 0.0)
    intake.take(3, "calls", [SourceRecord(2, None, T0 + 8.0), record(3, call(-5.0), broker_s=T0 + 2.0)])
    assert intake.forwarded(3) == T0 + 8.0


def test_without_a_broker_a_source_is_taken_as_far_as_the_highest_time_that_counted() -> None:
    intake = Intake(Config(), 1)
    bad = {"id": 1, "time": T0 + 99}
    intake.take(3, "calls", [record(n, e, broker_s=None) for n, e in enumerate((call(50.0), bad, call(10.0)))])
    assert intake.forwarded(3) == T0 + 50.0


def link(t: float, run: str, task: str, **more: Any) -> Event:
    return {"type": "link", "id": f"link {t} {run}", "time": T0 + t, "run": run, "task": task, **more}


def test_a_link_moves_later_calls_and_is_told_to_the_other_workers() -> None:
    one, other = Intake(Config(), 16), Intake(Config(), 16)
    one.take(0, "calls", [record(0, call(0.0, run="r"))])
    one.take(1 << 16, "status", [record(0, link(1.0, "r", "T"))])
    one.take(0, "calls", [record(1, call(2.0, run="r"))])
    flushed = one.flush({})
    (key, value) = flushed.links[0]
    other.learn_link(key, value)
    other.learn_link(key, None)
    other.take(0, "calls", [record(9, call(3.0, run="r"))])
    tasks = [
        columns.idents[int(r["ident"])].task
        for _, columns in opened(flushed)
        for r in columns.rows
        if r["kind"] == pk.CALL
    ]
    assert sorted(map(str, tasks)) == ["None", "T"]
    ((partition, columns),) = opened(other.flush({}))
    assert columns.idents[0].task == "T"
    assert partition in {p for p, c in opened(flushed) if c.idents[0].task == "T"}
    assert (one.links, other.links, one.flush({}).links) == (1, 1, [])


def test_a_sub_agent_works_on_the_task_of_the_run_that_started_it_with_every_worker() -> None:
    one, other = Intake(Config(), 16), Intake(Config(), 16)
    parent = {"type": "link", "id": "p", "time": T0, "run": "child", "parent_run": "run"}
    one.take(0, "any", [record(0, link(0.0, "run", "T"), parent)])
    told = one.flush({}).links
    assert len({key for key, _ in told}) == 2
    for key, value in told:
        other.learn_link(key, value)
    for intake in (one, other):
        intake.take(0, "any", [record(1, call(5.0, run="child", agent="sub"))])
        ((_, columns),) = opened(intake.flush({}))
        ident = columns.idents[columns.rows["ident"][0]]
        assert (ident.run, ident.parent_run, ident.task) == ("child", "run", "T")


def test_a_task_that_one_source_names_is_that_of_the_others_of_the_run_with_every_worker() -> None:
    one, other = Intake(Config(), 16), Intake(Config(), 16)
    one.take(0, "any", [record(0, call(0.0, source="litellm", task="T"), call(1.0, source="litellm", task="U"))])
    ((key, value),) = one.flush({}).links
    other.learn_link(key, value)
    for intake in (one, other):
        intake.take(0, "any", [record(1, call(-5.0, source="codex"), call(-50.0, source="codex"))])
        ((_, first), *more) = opened(intake.flush({}))
        columns = [first, *(c for _, c in more)]
        tasks = {float(r["t"]): c.idents[r["ident"]].task for c in columns for r in c.rows}
        assert tasks == {T0 - 5.0: "T", T0 - 50.0: None}


def test_a_link_wins_over_what_calls_name_whichever_comes_first() -> None:
    for events in (
        (call(0.0, source="litellm", task="T"), link(0.0, "run", "U")),
        (link(0.0, "run", "U"), call(0.0, source="litellm", task="T")),
    ):
        one, other = Intake(Config(), 1), Intake(Config(), 1)
        one.take(0, "any", [record(0, *events)])
        for key, value in one.flush({}).links:
            other.learn_link(key, value)
        for intake in (one, other):
            intake.take(0, "any", [record(1, call(5.0))])
            ((_, columns),) = opened(intake.flush({}))
            assert columns.idents[columns.rows["ident"][0]].task == "U"


def test_a_task_that_a_run_has_from_the_one_above_is_not_learned_as_its_own() -> None:
    intake = Intake(Config(), 1)
    parent = {"type": "link", "id": "p", "time": T0, "run": "child", "parent_run": "run"}
    child = [call(t, run="child", source="codex") for t in (5.0, 15.0)]
    intake.take(0, "any", [record(0, link(0.0, "run", "T"), parent, child[0], link(10.0, "run", "U"), child[1])])
    ((_, columns),) = opened(intake.flush({}))
    tasks = {float(r["t"]): columns.idents[r["ident"]].task for r in columns.rows if columns.idents[r["ident"]].source}
    assert tasks == {T0 + 5.0: "T", T0 + 15.0: "U"}


def test_of_sources_that_are_not_told_apart_nothing_is_learned() -> None:
    intake = Intake(Config(), 1)
    intake.take(0, "any", [record(0, call(0.0, task="T"), call(0.0, task="T", source="in-house"))])
    assert (intake.flush({}).links, intake.links) == ([], 0)


def test_links_of_one_run_share_a_key_and_of_tenants_do_not() -> None:
    intake = Intake(Config(), 1)
    told = [link(0.0, "r", "T1"), link(1.0, "r", "T2"), link(2.0, "r", "T1", tenant="beta")]
    intake.take(0, "status", [record(0, *told)])
    keys = [key for key, _ in intake.flush({}).links]
    assert keys[0] == keys[1] != keys[2]


JUNK = st.one_of(st.none(), st.integers(), st.text(max_size=5), st.lists(st.integers(), max_size=2), st.just({}))
GOOD = [
    call(0.0, output={"text": "x"}), call(1.0, tools=[{"name": "n", "call_id": "c"}]), status(2.0, "T"),
    link(3.0, "r", "T"), {"type": "tool_result", "id": "r", "time": T0, "run": "r", "call_id": "c"},
]  # fmt: skip
EVENTS = st.one_of(
    st.sampled_from(GOOD),
    st.builds(
        lambda good, field, junk: good | {field: junk},
        st.sampled_from(GOOD),
        st.sampled_from(
            ["id", "time", "run", "task", "usage", "tools", "output", "type", "strength", "call_id", "tenant"]
        ),
        JUNK,
    ),
    JUNK,
)


def how_many(value: bytes) -> int:
    """Events that a record holds: as many as its array, else one, be it good or bad."""
    try:
        read = json.loads(value.decode())
    except (ValueError, RecursionError):
        return 1
    return len(read) if isinstance(read, list) else 1


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.one_of(EVENTS, st.lists(EVENTS, max_size=6), st.binary(max_size=9)), max_size=12),
    st.sampled_from(["calls", "status", "any"]), st.integers(1, 5), st.integers(1, 4), st.booleans(),
)  # fmt: skip
def test_nothing_is_lost_every_event_is_taken_or_a_dead_letter(
    told: list[Any], kind: Any, partitions: int, pack: int, everywhere: bool
) -> None:
    intake = Intake(Config(ingest=Ingest(pack_observations=pack)), partitions)
    values = [v if isinstance(v, bytes) else json.dumps(v).encode() for v in told]
    intake.take(2, kind, [SourceRecord(n, value, T0) for n, value in enumerate(values)])
    pending = intake.pending
    flushed = intake.flush({2: intake.forwarded(2)}, everywhere)
    places = [(int(r["seq"]) >> 16, 0) for r in rows(flushed)] + [(d.offset, 1) for d in flushed.dead_letters]
    events = {n: how_many(value) for n, value in enumerate(values)}
    assert Counter(n for n, _ in places) == Counter({n: count for n, count in events.items() if count})
    assert sum(n for name, n in intake.counts.items() if name in ("call", "tool_result", "status", "link")) == pending
    assert sum(n for name, n in intake.counts.items() if name.startswith("bad:")) == len(flushed.dead_letters)
    assert {p for p, _ in flushed.packed} <= set(range(partitions))
    assert intake.pending == 0


@pytest.mark.parametrize("value", [b"{}", b"[]", b"\xff", b'{"tenant": 1, "run": "r", "task": "t"}', b""])
def test_a_damaged_link_is_counted_and_changes_nothing(value: bytes) -> None:
    intake = Intake(Config(), 1)
    intake.learn_link(b"key", value)
    assert (intake.counts["bad_links"], intake.links) == (1, 0)


def test_a_call_that_tells_its_cost_alone_is_unmetered() -> None:
    intake = Intake(Config(), 1)
    intake.take(0, "calls", [SourceRecord(0, json.dumps(call(0.0, usage={}, cost_usd=2.0)).encode(), None)])
    (row,) = rows(intake.flush({}))
    assert (row["flags"] & pk.UNMETERED != 0, row["cost_usd"]) == (True, 2.0)


def test_a_batch_that_could_not_be_read_is_one_dead_letter_and_counts_its_records() -> None:
    intake = Intake(Config(), 4)
    bad = BadInput(Reason.UNREADABLE_BATCH, "", "a batch that cannot be unpacked")
    unread = SourceRecord(49, b"as it came", T0 + 5, bad, 40)
    intake.take(0, "calls", [record(9, call(0)), unread, record(50, call(1))])
    flushed = intake.flush({})
    assert [(d.offset, d.reason, d.detail) for d in flushed.dead_letters] == [(49, bad.reason, bad.detail)]
    assert (len(rows(flushed)), intake.counts["bad:unreadable_batch"]) == (2, 40)
    assert intake.forwarded(0) == T0 + 5
