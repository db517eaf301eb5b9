"""Why a stage is not ready: what waits too long, topic by topic, and whether the broker is silent or the stage slow."""

from detector.reasons import SILENT_S, waiting

LIMIT_S = 300.0


def test_a_stage_that_keeps_up_has_no_reason() -> None:
    behind = {("calls", 0): SILENT_S - 1, ("calls", 1): 0.1}
    assert list(waiting(behind, {("calls", 0): 0}, LIMIT_S)) == []


def test_records_may_wait_for_the_limit_and_no_longer() -> None:
    lag = {("calls", 0): 70, ("calls", 1): 5, ("calls", 2): 9}
    behind = {("calls", 0): 301.0, ("calls", 1): 299.0, ("calls", 2): 412.4}
    told = ["calls is 79 records behind, the oldest waits for 412 s (partitions: 2)"]
    assert list(waiting(behind, lag, LIMIT_S)) == told


def test_a_broker_that_is_silent_is_told_soon_and_by_topic() -> None:
    behind = {("status", 0): 11.0, ("calls", 0): 12.0, ("calls", 1): 60.0, ("calls", 2): 1.0}
    assert list(waiting(behind, {}, LIMIT_S)) == [
        "Kafka has not answered about calls for 60 s (partitions: 2)",
        "Kafka has not answered about status for 11 s (partitions: 1)",
    ]


def test_both_may_be_wrong_at_once() -> None:
    behind = {("calls", 0): 400.0, ("calls", 1): 20.0}
    assert len(list(waiting(behind, {("calls", 0): 3}, LIMIT_S))) == 2
