"""What a stage with state says while it works off what has waited."""

import time
from types import SimpleNamespace
from typing import Any

import pytest

from detector.config import Config
from detector.metrics import Metrics
from detector.pipeline.portfolio import PortfolioStage
from detector.reasons import SILENT_S

END = 5


@pytest.mark.parametrize(
    ("settled", "answered_s", "told"),
    [
        (3, 0.1, []),  # the last ones are processed, and their effects not acknowledged yet
        (END, 0.1, []),
        (END, SILENT_S + 1, ["Kafka has not answered about detector.rollups for 11 s (partitions: 1)"]),
    ],
    ids=["under way", "done", "silent"],
)
def test_a_broker_is_silent_only_where_nothing_is_under_way(settled: int, answered_s: float, told: list[str]) -> None:
    now, config = time.time(), Config()
    stage = PortfolioStage(config, Metrics(config.metrics))
    engine = SimpleNamespace(accounts={}, open_episodes={}, watermark=0.0, offset=-1, take_late=lambda: 0)
    owned: Any = SimpleNamespace(
        partition=0, engine=engine, next_offset=END, settled_offset=settled, settled_s=now - SILENT_S - 10
    )
    app: Any = SimpleNamespace(
        partitions={0}, owned={0}, handovers=1, end=lambda _: END, answered=lambda _: now - answered_s
    )
    stage._owned, stage._app = {0: owned}, app
    stage._look_around(app)
    assert stage.health() == told
