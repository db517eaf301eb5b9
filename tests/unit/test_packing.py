"""However observations are packed, an alert tells of the moment at which it was decided."""

from typing import Any

import pytest

from detector.config import Config
from detector.engine import Engine
from detector.model.alert import Alert
from tests.support.judged import Event, call, tool
from tests.unit.test_engine import packed

A = tool("read", result="the same", path="/a")


def alerts(events: list[Event], size: int) -> list[Alert]:
    engine = Engine(Config())
    return [a for n, record in enumerate(packed(events, [size])) for a in engine.process(record, n).alerts]


LONG = [call(i * 20.0, tools=A, cost_usd=1.0 + i) for i in range(300)]


@pytest.mark.parametrize("size", [2, 50, 1000])
def test_a_loop_of_hundreds_of_steps_in_one_record_is_told_as_if_step_by_step(size: int) -> None:
    assert alerts(LONG, size) == alerts(LONG, 1)


def test_the_steps_and_dollars_that_are_drawn_are_those_of_the_rounds() -> None:
    opened, *_, grown, resolved = alerts(LONG, 1000)
    assert [s["usd"] for s in opened.evidence["steps"]] == [1.0, 2.0, 3.0, 4.0]
    assert opened.evidence["usd_by_minute"] == [[1_789_999_980, 3.0], [1_790_000_040, 7.0]]
    assert [s["usd"] for s in grown.evidence["steps"]] == [float(n) for n in range(grown.calls - 23, grown.calls + 1)]
    assert resolved.evidence["steps"] == grown.evidence["steps"]


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_an_alert_names_the_model_user_and_team_of_the_call_that_decided(size: int) -> None:
    def of(i: int) -> dict[str, Any]:
        return {"model": "old", "user": "ann", "team": "red"} if i in (0, 1, 3) else {"model": "new", "team": "blue"}

    (opened, *_) = alerts([call(i * 20.0, tools=A, **of(i)) for i in range(8)], size)
    assert (opened.model, opened.user is not None, opened.team) == ("old", True, "red")
