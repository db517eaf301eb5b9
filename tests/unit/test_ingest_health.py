"""What ingest says while it works off what has waited."""

import time
from types import SimpleNamespace
from typing import Any

import pytest

from detector.config import Config
from detector.metrics import Metrics
from detector.pipeline.ingest import IngestStage
from detector.reasons import SILENT_S

CALLS = 0


@pytest.mark.parametrize(
    ("answered_s", "told"),
    [(0.1, []), (SILENT_S + 1, ["Kafka has not answered about llm.calls for 11 s (partitions: 1)"])],
    ids=["under way", "silent"],
)
def test_a_broker_is_silent_only_where_it_does_not_answer(answered_s: float, told: list[str]) -> None:
    now, config, metrics = time.time(), Config(), Metrics(Config().metrics)
    stage: Any = IngestStage(config, metrics)
    place = (config.topics.calls, 0)
    metrics.behind.reached("ingest", place, now - SILENT_S - 10)  # the newest that is acknowledged
    stage._intake, stage._links = object(), SimpleNamespace(caught_up=True)
    stage._reader = SimpleNamespace(
        assignments=1, lag={CALLS: 0}, until={CALLS: now - answered_s}, name=lambda source: place
    )
    assert stage.health() == told
