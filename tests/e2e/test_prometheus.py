"""A real Prometheus scrapes workers, and what its rules find arrives through a real Alertmanager at a webhook."""

import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from detector.config import Config, Web
from detector.pipeline.stage import STAGES
from tests.support.alertmanager import Alertmanager
from tests.support.brokers import Kafka
from tests.support.prometheus import Prometheus
from tests.support.receiving import Receiver, receiving
from tests.support.services import free_port
from tests.support.worker import Worker, worker

DEPLOYED = Path(__file__).parents[2] / "deploy" / "prometheus"
PATIENCE_S = 90.0
TELLING = """
route: {{receiver: webhook, group_by: ["..."], group_wait: 50ms, group_interval: 200ms, repeat_interval: 1h}}
receivers: [{{name: webhook, webhook_configs: [{{url: "{url}", send_resolved: true}}]}}]
"""


def until(holds: Callable[[], bool], what: str) -> None:
    """Returns once `holds`; it happens in other programs."""
    end = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end, f"waited {PATIENCE_S:g} s for {what}"
        time.sleep(0.1)


class Heard:
    """What a webhook was told of alerts, in order."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver

    @property
    def alerts(self) -> list[dict[str, Any]]:
        return [alert for _, _, body in list(self._receiver.requests) for alert in json.loads(body)["alerts"]]

    def last(self, name: str, **labels: str) -> str | None:
        """The status that was told last of an alert with these labels."""
        told = [a for a in self.alerts if a["labels"].items() >= ({"alertname": name} | labels).items()]
        return told[-1]["status"] if told else None

    def until(self, status: str, name: str, **labels: str) -> None:
        until(lambda: self.last(name, **labels) == status, f"{name} {labels} to be {status}")


@pytest.fixture
def heard(alertmanager: Callable[..., Alertmanager]) -> Iterator[tuple[Heard, Alertmanager]]:
    with receiving() as receiver:
        there = alertmanager(TELLING.format(url=receiver.url))
        yield Heard(receiver), there
        there.kill()


def shortened(directory: Path, targets: list[str], alertmanager: str) -> str:
    """The configuration that is deployed with these addresses, in which everything takes a second or less."""
    for rules in sorted((DEPLOYED / "rules").glob("*.yml")):
        text = rules.read_text(encoding="utf-8")
        (directory / rules.name).write_text(re.sub(r"^( +for:) .*$", r"\1 1s", text, flags=re.MULTILINE), "utf-8")
    config = yaml.safe_load((DEPLOYED / "prometheus.yml").read_text(encoding="utf-8"))
    config["global"] |= {"scrape_interval": "500ms", "evaluation_interval": "500ms"}
    config["rule_files"] = [str(directory / "*.yml")]
    config["scrape_configs"][0]["static_configs"] = [{"targets": targets}]
    config["alerting"]["alertmanagers"] = [{"static_configs": [{"targets": [alertmanager.removeprefix("http://")]}]}]
    return yaml.safe_dump(config)


def ready(running: Worker) -> Worker:
    until(lambda: running.get("/readyz") == '{"status": "ok"}', f"it to be ready:\n{running.said[-2000:]}")
    return running


@pytest.mark.timeout(600)  # four starts of a worker, each of up to a minute on a loaded machine
def test_workers_that_die_are_told_and_so_is_their_return(
    kafka: Kafka, heard: tuple[Heard, Alertmanager], tmp_path: Path
) -> None:
    told, alertmanager = heard
    whole = kafka.config(web={"port": free_port()})
    notify = whole.model_copy(update={"web": Web(port=free_port())})
    instances = [f"127.0.0.1:{config.web.port}" for config in (whole, notify)]
    (tmp_path / "rules").mkdir()
    (tmp_path / "prometheus").mkdir()

    def start(config: Config, name: str, *stages: str) -> Any:
        return worker(config, tmp_path / name, "worker", *(f"--stage={stage}" for stage in stages))

    with start(whole, "whole") as a, start(notify, "notify", "notify") as b:
        ready(a)
        ready(b)
        config = shortened(tmp_path / "rules", instances, alertmanager.url)
        prometheus = Prometheus(tmp_path / "prometheus", config)
        try:
            told.until("firing", "DetectorWatchdog", severity="none")
            until(lambda: len(prometheus.query("detector_stage_ready == 1")) == len(STAGES) + 1, "all stages")
            until(lambda: all_is_evaluated(prometheus), "all rules to be evaluated")
            assert all("pages" not in alert["labels"] for alert in told.alerts)

            a.process.kill()
            told.until("firing", "DetectorWorkerDown", instance=instances[0], severity="warning")
            told.until("firing", "DetectorStageDown", stage="watch", severity="critical")
            assert told.last("DetectorDown") is None
            b.process.kill()
            told.until("firing", "DetectorDown", severity="critical")
            told.until("resolved", "DetectorWorkerDown", instance=instances[0])  # one cause is one alert

            with start(whole, "whole-again") as a, start(notify, "notify-again", "notify") as b:
                told.until("resolved", "DetectorDown")
                ready(a)
                for stage in ("ingest", "watch", "portfolio"):
                    told.until("resolved", "DetectorStageDown", stage=stage)
                assert told.last("DetectorWorkerDown", instance=instances[0]) == "resolved"
                assert told.last("DetectorWatchdog") == "firing"
        finally:
            prometheus.kill()


def all_is_evaluated(prometheus: Prometheus) -> bool:
    """Whether every rule was evaluated; fails where one could not be."""
    rules = [rule for group in prometheus.get("rules")["groups"] for rule in group["rules"]]
    broken = {rule["name"]: rule.get("lastError") for rule in rules if rule["health"] == "err"}
    assert not broken
    return bool(rules) and all(rule["health"] == "ok" for rule in rules)
