"""Boards and audit agree to the cent after a worker was killed: by the boards' own queries, as Prometheus has them."""

import asyncio
import json
import math
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.grafana.every import texts
from detector.audit.figures import to_json
from detector.audit.topics import audit_books, read_books
from detector.audit.window import Window
from detector.config import Config
from detector.ledger.books import DAY_S, HOUR_S
from tests.support import worker as worker_support
from tests.support.audited import rollups, work
from tests.support.brokers import Kafka
from tests.support.grafana import asked, filled
from tests.support.plain_audit import audit_of
from tests.support.prometheus import Prometheus
from tests.support.services import free_port
from tests.support.stages import producing
from tests.support.worker import run, worker

pytestmark = [pytest.mark.kafka, pytest.mark.services]

PATIENCE_S = 60.0
SCRAPE = """
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
scrape_configs: [{{job_name: detector, static_configs: [{{targets: ["127.0.0.1:{port}"]}}]}}]
"""
HASTY = "from detector.pipeline import portfolio_metrics as p; p.BOARDS_S = 0.5; from detector.cli import main; main()"
"""The command, whose boards are reckoned twice a second and not once a minute."""
LAST_TENANT = work()[-1]["tenant"]
FLEET: Any = json.loads(texts()["detector-fleet.json"])
QUERIES = {query.where: query.expr for query in asked(FLEET)}


@pytest.fixture
def config(kafka: Kafka, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.setattr(worker_support, "COMMAND", [sys.executable, "-c", HASTY])
    return kafka.config(watch={"checkpoint_s": 0.3}, web={"port": free_port()})


@pytest.fixture
def prometheus(config: Config, tmp_path: Path) -> Iterator[Prometheus]:
    running = Prometheus(tmp_path, SCRAPE.format(port=config.web.port))
    yield running
    running.kill()


def board(prometheus: Prometheus, panel: str, window: str = "30d") -> dict[tuple[str, ...], float]:
    """What a panel of the board of the fleet shows, by the values of its labels."""
    every = dict.fromkeys(("tenant", "team", "agent", "model"), ".*")
    told = prometheus.query(filled(QUERIES[panel], {**every, "window": window}))
    return {tuple(v for _, v in sorted(s["metric"].items())): float(s["value"][1]) for s in told}


def audited(config: Config, directory: Path, *arguments: str) -> Any:
    """What `detector audit` says of what portfolio has kept."""
    code, said = run(config, directory, "audit", "--format", "json", *arguments)
    assert code == 0, said
    return json.loads(said[said.index("{") : said.rindex("}") + 1])


def cents(usd: float) -> int:
    return round(100 * usd)


async def test_a_kill_half_way_leaves_board_and_audit_equal_to_the_cent(
    config: Config, prometheus: Prometheus, tmp_path: Path
) -> None:
    events = work()
    told, expected = rollups(config, events), audit_of(events)
    cut = len(told) // 2
    async with producing(config) as producer:

        async def send(some: list[tuple[int, bytes]]) -> None:
            await asyncio.gather(*[await producer.send(config.topics.rollups, value, partition=p) for p, value in some])

        def spent() -> float:
            return board(prometheus, "Spend C").get((), 0.0)

        with worker(config, tmp_path / "killed", "worker", "--stage", "portfolio") as first:
            await send(told[:cut])
            await shown(lambda: 0.0 < spent() < expected.spend_usd)
            await send(told[cut : cut + 200])
            first.process.kill()
        with worker(config, tmp_path / "after", "worker", "--stage", "portfolio"):
            await send(told[cut + 200 :])
            await shown(lambda: cents(spent()) == cents(expected.spend_usd))
            await asyncio.to_thread(compare, config, prometheus, tmp_path)


async def shown(holds: Any) -> None:
    """Waits until it holds; Prometheus is asked beside the event loop."""
    end = time.monotonic() + PATIENCE_S
    while not await asyncio.to_thread(holds):
        assert time.monotonic() < end, "boards do not come to show it"
        await asyncio.sleep(0.2)


def compare(config: Config, prometheus: Prometheus, directory: Path) -> None:
    """Each window of the board with an audit of the same time; that of the month by the command."""
    books = asyncio.run(read_books(config))
    newest_t = max(of.common.newest_t for of in books)
    hour, day = newest_t // HOUR_S * HOUR_S, newest_t // DAY_S * DAY_S
    began = {"24h": hour - 23 * HOUR_S, "7d": day - 6 * DAY_S, "30d": day - 29 * DAY_S}
    audits = {
        window: json.loads(to_json(audit_books(books, Window(math.nextafter(t, 0.0), newest_t), None)))
        for window, t in began.items()
    }
    audits["month"] = audited(config, directory / "audit", "--month", time.strftime("%Y-%m", time.gmtime(newest_t)))
    for letter, (window, figures) in zip("ABCD", audits.items(), strict=True):
        teams = {(team["team"], team["tenant"]): cents(team["spend_usd"]) for team in figures["teams"]}
        shown = {team: cents(usd) for team, usd in board(prometheus, "By team A", window).items()}
        if (
            window == "24h"
        ):  # it ends at the newest event of each partition: that of the last one's tenant is the audit's
            last = {team: usd for team, usd in teams.items() if team[1] == LAST_TENANT}
            assert last
            assert last.items() <= shown.items()
            continue
        assert shown == teams
        of_all = {
            f"Spend {letter}": figures["spend_usd"],
            "Tasks completed with AI A": figures["tasks_completed"],
            "Cost of a completed task A": figures["cost_per_completed_task_usd"],
            "Deliverables A": figures["outcomes"],
            "Flagged A": figures["flagged_usd"],
        }
        for panel, value in of_all.items():
            assert cents(board(prometheus, panel, window)[()]) == cents(value), (panel, window)
        by_model = board(prometheus, "By model A", window)
        assert cents(sum(by_model.values())) == cents(figures["spend_usd"])
