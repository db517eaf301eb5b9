"""What boards are told of episodes: which are open, which opened or paged in a window, and which pages were wrong."""

from typing import Any

from detector.alerts.episodes import TASK_MOVED
from detector.audit.window import DAY_S
from detector.boards.episodes import FAMILIES, PREFIX, Episodes
from detector.config import Metrics as Limits
from detector.metrics import Metrics
from detector.model.alert import Alert, Mark
from tests.unit.alert_records import OPENED_S, alert

NAMED = ("acme", "search", "loop")


def paged(at_s: float = 300.0, **fields: Any) -> Alert:
    """An episode that began with its first record and became critical `at_s` after it."""
    marks = [Mark(OPENED_S, "open", "warning", 1.0), Mark(OPENED_S + at_s, "update", "critical", 9.0)]
    told: dict[str, Any] = {"version": 2, "state": "update", "updated_at": OPENED_S + at_s, "history": marks}
    return alert(**{**told, **fields})


def ended(after_s: float, why: str = TASK_MOVED, at_s: float = 300.0, **fields: Any) -> Alert:
    """One that paged and ended `after_s` after its page."""
    t = OPENED_S + at_s + after_s
    evidence = {"resolved_by": why}
    return paged(at_s, state="resolved", version=3, resolved_at=t, updated_at=t, evidence=evidence, **fields)


def told(*records: Alert, now: float = OPENED_S + 3600.0, most: int = 1000) -> dict[str, dict[tuple[str, ...], float]]:
    """All series by gauge and the values of labels."""
    episodes = Episodes(lambda tenant, team: (tenant, team or "none"), most)
    episodes.follow(lambda: now)
    for record in records:
        episodes.take(record)
    return series(episodes)


def series(episodes: Episodes) -> dict[str, dict[tuple[str, ...], float]]:
    found: dict[str, dict[tuple[str, ...], float]] = {name: {} for name, _, _ in FAMILIES}
    for family in episodes.collect():
        for s in family.samples:
            found[s.name.removeprefix(PREFIX)][tuple(s.labels.values())] = s.value
    return found


def test_open_episodes_are_counted_by_team_rule_and_severity() -> None:
    found = told(alert(id="a"), alert(id="b"), alert(id="c", severity="warning"), ended(60.0, id="d"))
    assert found["open"] == {(*NAMED, "critical"): 2.0, (*NAMED, "warning"): 1.0}


def test_of_an_episode_the_highest_version_holds_whatever_the_order() -> None:
    for records in ([alert(), ended(60.0)], [ended(60.0), alert()]):
        assert told(*records)["open"] == {}


def test_a_window_holds_what_opened_within_it() -> None:
    for age_s, windows in ((DAY_S - 1, {"24h", "7d", "30d"}), (DAY_S + 1, {"7d", "30d"}), (8 * DAY_S, {"30d"})):
        found = told(alert(), now=OPENED_S + age_s)
        assert {key[-1] for key in found["opened"]} == windows
        assert {key[-1] for key in found["paged"]} == windows
    assert told(alert(), now=OPENED_S + 31 * DAY_S)["opened"] == {}


def test_what_has_ended_is_counted_by_the_highest_that_it_reached() -> None:
    assert told(ended(60.0))["opened"][*NAMED, "critical", "24h"] == 1.0


def test_what_never_became_critical_is_no_page() -> None:
    marks = [Mark(OPENED_S, "open", "warning", 1.0)]
    found = told(alert(severity="warning", history=marks))
    assert (found["paged"], found["page_seconds"]) == ({}, {})


def test_a_page_says_how_long_it_had_burnt() -> None:
    found = told(paged(300.0, evidence={"since": OPENED_S - 60.0}))["page_seconds"]
    assert [found["loop", le, "24h"] for le in ("300", "600", "+Inf")] == [0.0, 1.0, 1.0]


def test_pages_that_burnt_longer_are_in_fewer_bounds() -> None:
    found = told(paged(60.0, id="a"), paged(61.0, id="b"), paged(20_000.0, id="c"), now=OPENED_S + 21_000.0)
    by_bound = [found["page_seconds"]["loop", le, "7d"] for le in ("60", "180", "14400", "+Inf")]
    assert by_bound == [1.0, 2.0, 2.0, 3.0]


def test_a_page_whose_task_moved_within_the_hour_was_probably_wrong() -> None:
    assert told(ended(3600.0))["paged_moved"][*NAMED, "24h"] == 1.0
    assert told(ended(3601.0))["paged_moved"] == {}
    assert told(ended(60.0, why="quiet"))["paged_moved"] == {}
    assert told(paged())["paged_moved"] == {}


def test_a_record_without_a_history_paged_when_it_was_told() -> None:
    assert told(alert(severity="critical"))["paged"][*NAMED, "24h"] == 1.0


def test_what_was_taken_out_of_the_topic_is_gone() -> None:
    episodes = Episodes(lambda tenant, team: (tenant, team or "none"))
    episodes.follow(lambda: OPENED_S)
    episodes.take(alert())
    episodes.bury("e1")
    episodes.bury("never there")
    assert not any(series(episodes).values())


def test_so_many_are_remembered() -> None:
    found = told(*(alert(id=str(n)) for n in range(5)), most=3)
    assert found["open"] == {(*NAMED, "critical"): 3.0}


def test_a_worker_that_does_not_read_the_topic_says_nothing() -> None:
    metrics = Metrics(Limits())
    metrics.episodes.take(alert())
    assert not any(series(metrics.episodes).values())


def test_teams_beyond_the_cap_are_other() -> None:
    metrics = Metrics(Limits(max_board_teams=1))
    metrics.episodes.follow(lambda: OPENED_S)
    for n in range(3):
        metrics.episodes.take(alert(id=str(n), team=f"team-{n}"))
    assert series(metrics.episodes)["open"] == {
        ("acme", "team-0", "loop", "critical"): 1.0, ("other", "other", "loop", "critical"): 2.0,
    }  # fmt: skip
