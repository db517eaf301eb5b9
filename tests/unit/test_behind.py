"""How far a stage is behind: it grows by itself until the stage says that it has got on."""

import pytest

from detector.behind import Behind
from detector.config.settings import Metrics as Limits
from detector.metrics import Metrics

SOURCE = ("llm.calls", 3)


@pytest.fixture
def now() -> list[float]:
    return [1000.0]


@pytest.fixture
def behind(now: list[float]) -> Behind:
    return Behind(lambda: now[0])


def test_it_grows_while_nothing_is_reached(behind: Behind, now: list[float]) -> None:
    behind.reached("ingest", SOURCE, 998.0)
    assert behind.of("ingest") == {SOURCE: 2.0}
    now[0] = 1060.0
    assert behind.of("ingest") == {SOURCE: 62.0}
    behind.reached("ingest", SOURCE, 1060.0)
    assert behind.of("ingest") == {SOURCE: 0.0}


def test_what_waits_came_after_the_last_time_that_nothing_was_left(behind: Behind) -> None:
    behind.reached("ingest", SOURCE, 995.0)
    behind.reached("ingest", SOURCE, 500.0)  # an old record that was sent just now
    assert behind.of("ingest") == {SOURCE: 5.0}


def test_a_record_from_the_future_does_not_hide_that_it_falls_behind(behind: Behind, now: list[float]) -> None:
    behind.reached("ingest", SOURCE, 9000.0)
    now[0] = 1030.0
    assert behind.of("ingest") == {SOURCE: 30.0}


def test_a_source_that_others_read_now_is_not_shown(behind: Behind) -> None:
    for stage, partition in (("ingest", 1), ("ingest", 2), ("watch", 1)):
        behind.reached(stage, ("topic", partition), 990.0)
    behind.keep("ingest", [("topic", 2)])
    assert behind.of("ingest") == {("topic", 2): 10.0}
    assert behind.of("watch") == {("topic", 1): 10.0}
    behind.reached("ingest", ("topic", 1), 700.0)
    assert behind.of("ingest")["topic", 1] == 300.0


def test_prometheus_is_told_the_figure_of_the_moment(now: list[float]) -> None:
    metrics = Metrics(Limits(), wall=lambda: now[0])
    metrics.behind.reached("watch", SOURCE, 1000.0)
    now[0] = 1042.5
    labels = {"stage": "watch", "topic": "llm.calls", "partition": "3"}
    assert metrics.registry.get_sample_value("detector_behind_seconds", labels) == 42.5
    assert b'detector_behind_seconds{partition="3",stage="watch",topic="llm.calls"} 42.5' in metrics.text()
