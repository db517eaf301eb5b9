"""The fleet through intake and engine, as the demo feeds them but without Kafka: what the rules say of it."""

import itertools
from itertools import groupby

import msgspec

from detector.config import Config
from detector.demo import cast
from detector.demo.board import Board
from detector.demo.desk import Sent
from detector.demo.run import HISTORY_STEP_S, PARTITIONS
from detector.engine import Engine, Spread
from detector.pipeline.intake import Intake, SourceRecord
from detector.portfolio import Portfolio
from tests.unit.demo_events import PLANTED, PRESENT, TIMES, week

LIVE_STEP_S = 40.0


def step(sent: Sent) -> float:
    """The end of the step in which an event is sent; ingest tells it as the mark once all of it is read."""
    length = HISTORY_STEP_S if sent.time < TIMES.live else LIVE_STEP_S
    return TIMES.live + ((sent.time - TIMES.live) // length + 1) * length


def judged() -> Board:
    config, board = Config(), Board(PLANTED)
    intake = Intake(config, PARTITIONS)
    spread = Spread(PARTITIONS, 1)
    engines = [Engine(config, partition, spread=spread) for partition in range(PARTITIONS)]
    portfolio = Portfolio(config)
    offset, mark = 0, TIMES.history
    for end, events in groupby((sent for sent in week() if sent.time < PRESENT), key=step):
        for sent in events:
            source, kind = (0, "calls") if sent.topic == "calls" else (1 << 16, "status")
            intake.take(source, kind, [SourceRecord(offset, msgspec.json.encode(sent.event), sent.time)])
            offset += 1
        # The first flush of a step goes out under the mark of the step before.
        for told in (mark, end):
            for partition, packed in intake.flush({0: told, 1 << 16: told}, everywhere=True).packed:
                engine = engines[partition]
                outcome = engine.process(packed, engine.offset + 1)
                spend = [portfolio.process(rollup, portfolio.offset + 1) for _, rollup in outcome.rollups]
                for alert in itertools.chain(outcome.alerts, *(told.alerts for told in spend)):
                    board.take(alert)
        mark = end
    return board


def test_all_planted_are_paged_in_time_and_no_innocent_gets_more_than_a_ticket_for_many_calls():
    board = judged()
    verdict = board.verdict(PRESENT)
    assert [finding.outcome for finding in verdict.findings] == ["caught"] * 3
    assert verdict.paged == ()
    assert verdict.warned == ()
    fixer, analyst, spender = verdict.findings
    assert fixer.after_s < 600
    assert analyst.after_s < 900
    assert spender.after_s < 3000
    burning = [a for a in board.flagged() if a.agent is not None and a.state != "resolved"]
    assert {(a.agent, a.severity) for a in burning if a.rule == "loop"} == {(cast.FIXER.name, "critical")}
    assert {a.agent for a in burning} == {cast.FIXER.name}
