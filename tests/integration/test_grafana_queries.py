"""Every query of every board is answered by a real Prometheus that scrapes a worker on the demo's fleet."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from deploy.grafana.every import texts
from detector.config import Config
from detector.config.budgets import Budget
from detector.demo.fleet import MINUTE_S
from detector.pipeline import portfolio_metrics
from tests.support.grafana import answered, asked, chosen
from tests.support.played import Played, played
from tests.support.prometheus import Prometheus

pytestmark = [pytest.mark.kafka, pytest.mark.services]

RULES = Path(__file__).parents[2] / "deploy" / "prometheus" / "rules" / "boards.yml"
PRESENT = datetime(2026, 11, 20, 14, tzinfo=UTC).timestamp()
"""The 20th of a month: there is a forecast of it."""
BURNING_MIN = 105
"""Minutes of the live part after which the spender still burns, and the other two runaways have been stopped."""
SCRAPE = """
global:
  scrape_interval: 1s
  evaluation_interval: 1s
rule_files:
  - {rules}
scrape_configs:
  - job_name: detector
    static_configs:
      - targets: ["{target}"]
"""

EMPTY = {
    "detector-incidents: Alert to Alertmanager A": "the demo tells no Alertmanager",
    "detector-incidents: Alert to Alertmanager B": "the demo tells no Alertmanager",
    "detector-incidents: Requests to stop A": "nobody configured any",
    "detector-fleet: Trend of that cost A": "there are no two weeks of it",
    "detector-team: Trend of that cost A": "there are no two weeks of it",
    "detector-fleet: Saved by stopping, an estimate A": "whoever stops a runaway closes its task, which counts as done",
    "detector-team: Saved by stopping, an estimate A": "whoever stops a runaway closes its task, which counts as done",
}
"""What no demo has, and why; anything else has figures."""


@pytest.fixture
async def fleet(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Played]:
    monkeypatch.setattr(portfolio_metrics, "BOARDS_S", 0.5)
    budget = Budget(team="payments", usd_per_month=5000.0)
    async with played(Config(budgets=[budget]), PRESENT) as fleet:
        await fleet.play(fleet.times.live)
        yield fleet


async def scraped(fleet: Played, directory: Path) -> Prometheus:
    """A Prometheus that has seen the live part as it was played."""
    target = fleet.worker.address.removeprefix("http://")
    config = SCRAPE.format(rules=RULES, target=target)
    prometheus = await asyncio.to_thread(Prometheus, directory, config)
    await fleet.play(fleet.times.live + BURNING_MIN * MINUTE_S, step_s=4 * MINUTE_S, pause_s=0.5)
    spent = fleet.flow.usd

    def told() -> bool:
        found = prometheus.query('sum(detector_portfolio_spend_usd{window="30d"})')
        seen = prometheus.query('sum(tenant_team_rule_severity:detector_incidents_open:max{severity="critical"})')
        return bool(found and seen) and abs(float(found[0]["value"][1]) - spent) < 0.05 * spent

    end = time.monotonic() + 30.0
    while not await asyncio.to_thread(told):
        assert time.monotonic() < end, "boards do not come to tell what was spent"
        await asyncio.sleep(0.5)
    return prometheus


async def test_every_query_is_answered_and_has_figures_where_the_demo_has_some(fleet: Played, tmp_path: Path) -> None:
    prometheus = await scraped(fleet, tmp_path)
    try:
        empty = await asyncio.to_thread(asked_of_all, prometheus)
    finally:
        prometheus.kill()
    assert empty == set(EMPTY), (empty - set(EMPTY), set(EMPTY) - empty)


def asked_of_all(prometheus: Prometheus) -> set[str]:
    """Asks everything of every board, over each window; what had no figure on any."""
    now, found = time.time(), dict[str, bool]()
    for board in map(json.loads, texts().values()):
        of_team = {"team": "payments"} if board["uid"] == "detector-team" else {}
        for window in windows(board):
            values = chosen(prometheus, board, {"window": window, **of_team})
            for query in asked(board):
                where = f"{board['uid']}: {query.where}"
                found[where] = answered(prometheus, query, values, now) or found.get(where, False)
    return {where for where, has in found.items() if not has}


def windows(board: Any) -> list[str]:
    """What the reader may choose of."""
    told = [v["query"] for v in board["templating"]["list"] if v["name"] == "window"]
    return told[0].split(",") if told else [""]
