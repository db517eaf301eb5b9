"""Observations wait until the watermark has passed them, and are judged in the order of their times."""

import json
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.config import Config
from detector.model import packed as pk
from detector.model.packed import Columns, decode_packed
from detector.pipeline.intake import Intake, SourceRecord
from detector.state.pool import Pool
from tests.support.judged import T0, call, status


def columns(times: list[float], source: int = 0, **fields: Any) -> Columns:
    intake = Intake(Config(), 1)
    told = [call(t, output={"text": f"text of {t}"}, model=f"m{n % 3}", **fields) for n, t in enumerate(times)]
    intake.take(source, "any", [SourceRecord(n, json.dumps(e).encode(), None) for n, e in enumerate(told)])
    return decode_packed(intake.flush({}, everywhere=True).packed[0][1])


def add(pool: Pool, told: Columns, late_s: float = 0.0) -> None:
    keep = np.arange(len(told.rows))
    zeros = np.zeros(len(keep), np.int32)
    due = told.rows["t"] + late_s
    pool.add(
        told,
        keep,
        {"lane": zeros, "subject": zeros, "cell": zeros, "segment": zeros + 1, "due": due},
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.lists(st.integers(0, 30), max_size=40), st.integers(0, 32)), max_size=8))
def test_each_is_judged_once_when_its_time_has_passed_in_order(batches: list[tuple[list[int], int]]) -> None:
    pool, watermark, told, judged = Pool(), 0, 0, []
    for times, more in batches:
        add(pool, columns([float(t) for t in times]))
        told += len(times)
        watermark = max(watermark, more)
        due = pool.due(T0 + watermark)
        t = (pool.rows["t"][due] - T0).tolist()
        assert t == sorted(t)
        assert all(x <= watermark for x in t)
        assert all(pool.idents[i].model == f"m{int(pool.rows['seq'][i] >> 16) % 3}" for i in due)
        judged += [pool.ids[i] for i in due]
        pool.take(due)
        assert pool.due(T0 + watermark).tolist() == []
        assert len(pool) == told - len(judged)
        assert len(pool.ids) == len(pool.names) == len(pool.idents)
        assert len(pool.ids) <= 2 * len(pool) + 1
    assert len(set(judged)) == len(judged)


def test_of_the_same_time_calls_come_first_then_statuses_then_by_source_and_place() -> None:
    intake = Intake(Config(), 1)
    events = [
        status(5.0, "T"),
        call(5.0, task="T"),
        {"type": "tool_result", "id": "x", "time": T0 + 5, "task": "T", "call_id": "c"},
    ]
    for source in (1, 0):
        told = [e | {"id": f"{source}-{n}"} for n, e in enumerate(events)]
        intake.take(source, "any", [SourceRecord(n, json.dumps(e).encode(), None) for n, e in enumerate(told)])
    pool = Pool()
    add(pool, decode_packed(intake.flush({}).packed[0][1]))
    assert [pool.ids[i] for i in pool.due(T0 + 5)] == ["0-1", "1-1", "0-2", "1-2", "0-0", "1-0"]


def test_what_is_late_is_marked() -> None:
    pool = Pool()
    add(pool, columns([1.0]))
    add(pool, columns([2.0]), late_s=10.0)
    assert (pool.rows["flags"][:2] & pk.LATE != 0).tolist() == [False, True]
    assert len(pool.due(T0 + 11.9)) == 1


def test_a_row_has_its_own_sketch_also_where_rows_are_used_again() -> None:
    pool = Pool()
    for n in range(5):
        told = columns([float(n)])
        add(pool, told)
        (i,) = pool.due(T0 + n).tolist()
        assert pool.rows["words"][i].tolist() == told.words[0].tolist()
        pool.take(np.array([i]))
    plain = Intake(Config(), 1)
    plain.take(0, "any", [SourceRecord(0, json.dumps(call(9.0)).encode(), None)])
    add(pool, decode_packed(plain.flush({}).packed[0][1]))
    (i,) = pool.due(T0 + 9).tolist()
    assert not pool.rows["words"][i].any()


def test_who_still_waits_is_known() -> None:
    pool = Pool()
    add(pool, columns([1.0, 2.0, 3.0]))
    pool.rows["lane"][:3] = (4, 5, 5)
    pool.take(pool.due(T0 + 1))
    assert pool.waiting_for("lane") == {5}
    assert len(pool.waiting(1)) == 2
    pool.take(pool.due(T0 + 3))
    assert (pool.waiting_for("lane"), len(pool)) == (set(), 0)
