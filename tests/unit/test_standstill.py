"""Standstill: only a partition that has work before it and does not move is told."""

from detector.pipeline.standstill import Standstill


def seen(*looks: tuple[int, int, float]) -> list[str]:
    """Reasons after these looks at partition 3: progress, behind, time."""
    still = Standstill(60.0)
    for progress, behind, now_s in looks:
        still.see(3, progress, behind, now_s)
    return still.reasons()


def test_work_that_is_not_done_for_the_limit_is_told() -> None:
    assert seen((7, 5, 0.0), (7, 9, 59.0)) == []
    assert seen((7, 5, 0.0), (7, 9, 61.0)) == ["partition 3 has not moved for 61 s and is 9 records behind"]


def test_whoever_moves_is_not_told_however_far_behind() -> None:
    assert seen((7, 500, 0.0), (8, 900, 61.0)) == []


def test_without_work_nothing_has_to_move() -> None:
    assert seen((7, 0, 0.0), (7, 0, 1000.0), (7, 1, 1001.0), (7, 2, 1059.0)) == []


def test_it_is_over_when_it_moves() -> None:
    assert seen((7, 5, 0.0), (7, 5, 61.0), (8, 4, 62.0)) == []


def test_partitions_that_are_given_back_are_forgotten() -> None:
    still = Standstill(60.0)
    still.see(3, 7, 5, 0.0)
    still.see(3, 7, 5, 61.0)
    still.forget()
    assert still.reasons() == []
    still.see(3, 7, 5, 62.0)
    assert still.reasons() == []
