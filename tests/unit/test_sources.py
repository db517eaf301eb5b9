"""Which sources hold the watermark back: those whose marks rise, however far behind; the silent for a time."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.config import Config, Watch
from detector.engine import Engine
from detector.pipeline.intake import Intake, SourceRecord
from detector.state.sources import Sources
from tests.support.chain import Sent
from tests.support.judged import T0, call

PATIENCE_S = 300.0
SECONDS = st.floats(0.0, 1000.0)


def told(*marks: dict[int, float], every_s: float = 1.0, sources: Sources | None = None) -> Sources:
    """Sources that were told these marks, in records written so far apart."""
    sources = sources or Sources()
    for each in marks:
        sources.tell(each, (sources.written_s or T0) + every_s, PATIENCE_S)
    return sources


def test_the_lowest_mark_counts() -> None:
    assert told({0: 50.0, 1: 70.0}).reached(PATIENCE_S) == 50.0
    assert Sources().reached(PATIENCE_S) == 0.0


def test_a_mark_never_falls() -> None:
    assert told({0: 50.0}, {0: 40.0}).marks == {0: 50.0}


def test_a_source_that_is_far_behind_is_waited_for_as_long_as_it_gets_on() -> None:
    """An hour behind, and a record in ten seconds of it: who has caught up waits."""
    marks = [{0: T0 + 10.0 * n, 1: T0 - 3600.0 + n / 100} for n in range(1000)]
    assert told(*marks, every_s=10.0).reached(PATIENCE_S) == marks[-1][1]


def test_a_source_that_is_only_known_to_exist_holds_everything_back_for_a_time() -> None:
    sources = told(*({0: T0 + n, 1: 0.0} for n in range(300)))
    assert sources.reached(PATIENCE_S) == 0.0
    told({0: T0 + 300.0}, {0: T0 + 301.0}, {0: T0 + 302.0}, sources=sources)
    assert sources.reached(PATIENCE_S) == T0 + 302.0


def test_a_silent_source_that_is_heard_again_is_waited_for_again() -> None:
    sources = told({0: 1.0, 1: 1.0}, *({0: 2.0 + n} for n in range(400)))
    assert sources.reached(PATIENCE_S) == 401.0
    told({1: 5.0}, sources=sources)
    assert sources.reached(PATIENCE_S) == 5.0


@pytest.mark.parametrize("outage_s", [3600.0, 30 * 86_400.0])
def test_while_nobody_writes_no_source_is_silent(outage_s: float) -> None:
    """All workers were down: whoever writes first does not make the others late."""
    sources = told({0: 1.0, 1: 1.0})
    sources.tell({0: 2.0}, T0 + outage_s, PATIENCE_S)
    assert sources.reached(PATIENCE_S) == 1.0


def test_where_nothing_tells_when_records_were_written_every_source_is_waited_for() -> None:
    sources = Sources()
    for n in range(10_000):
        sources.tell({0: float(n), 1: 1.0}, 0.0, PATIENCE_S)
    assert sources.reached(PATIENCE_S) == 1.0


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.dictionaries(st.integers(0, 3), SECONDS, max_size=4), SECONDS), max_size=30))
def test_stored_and_read_again_they_are_the_same(records: list[tuple[dict[int, float], float]]) -> None:
    sources = Sources()
    for marks, written_s in records:
        sources.tell(marks, written_s, PATIENCE_S)
        again = msgspec.convert(msgspec.to_builtins(sources), Sources)
        assert again == sources
        assert sources.reached(PATIENCE_S) in {0.0, *sources.marks.values()}
        sources = again


def test_what_waits_for_a_source_is_bounded_and_the_oldest_are_judged() -> None:
    config = Config(watch=Watch(max_waiting=50))
    engine, intake = Engine(config), Intake(config, 1)
    for n in range(100):
        sent = Sent(T0 + n, 0, call(n, run=f"r{n}"))
        intake.take(0, "calls", [SourceRecord(n, msgspec.json.encode(sent.event), sent.at)])
        ((_, packed),) = intake.flush({0: sent.at, 1: T0 - 3600.0}, everywhere=True).packed
        engine.process(packed, n, sent.at)
        assert engine.waiting <= 50
    assert engine.waiting == 50
    assert engine.watermark == T0 + 49.0
